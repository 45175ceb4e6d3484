//! What was deleted: listed, brought back, ended for good.

use super::accounts::{address, changed, edit};
use super::export::account_of;
use super::protocol::{Done, Trouble};
use super::server::{Exchange, Fault, Office};
use super::undelete::{DeletedItem, ErasedItem, Filter, MadeAgain, RemovedItem, RestoredItem, large_left};
use super::when::When;
use crate::headline::Headline;
use crate::language::both;
use directory::Edit;
use mailstore::{Account, DeletedMailbox, Error, GoneMessage, Keeping, Wanted};
use model::{EmailId, Timestamp};
use mta::housekeeping::{collect_blobs, erase_accounts};

/// Messages named at once; their rows are read together.
const IDS_MAX: usize = 1000;

pub async fn list(
    office: &Office,
    address: &str,
    filter: &Filter,
    limit: usize,
    to: &mut Exchange,
) -> Result<(), Fault> {
    let (account, _) = account_of(office, address).await?;
    let (wanted, mut left) = (wanted(filter)?, limit);
    // Who has just deleted a mailbox finds all of it.
    account.finish_emptying().await.map_err(Trouble::failed)?;
    if filter.ids.is_empty() && filter.subject.is_none() {
        for mailbox in mailboxes(&account, &wanted).await.map_err(Trouble::failed)? {
            if left == 0 {
                return Ok(());
            }
            left -= 1;
            to.item(&of_mailbox(office, &mailbox)).await?;
        }
    }
    let mut before = None;
    loop {
        let page = account.gone(&wanted, before.take()).await.map_err(Trouble::failed)?;
        let items = page.messages.iter().filter_map(|message| of_message(office, message));
        for item in items.filter(|item| has(item, filter.subject.as_deref())) {
            if left == 0 {
                return Ok(());
            }
            left -= 1;
            to.item(&item).await?;
        }
        match page.next {
            Some(next) => before = Some(next),
            None => return Ok(()),
        }
        env::yield_now().await;
    }
}

/// Deleted mailboxes that did not come back, the newest first.
async fn mailboxes(account: &Account, wanted: &Wanted) -> Result<Vec<DeletedMailbox>, Error> {
    let name = wanted.mailbox.as_deref().map(mailstore::canonical_name);
    let there = account.mailboxes();
    let fits = |mailbox: &DeletedMailbox| {
        let named = name.as_ref().is_none_or(|name| name.as_ref().is_ok_and(|name| *name == mailbox.record.name));
        let back = mailbox.restored.is_some_and(|id| there.get(id).is_some());
        named && !back && wanted.since.is_none_or(|since| mailbox.at >= since)
    };
    let mut all = account.deleted_mailboxes().await?;
    all.retain(fits);
    all.reverse();
    Ok(all)
}

pub async fn restore(
    office: &Office,
    address: &str,
    filter: &Filter,
    (into, over_quota): (Option<&str>, bool),
    to: &Exchange,
) -> Result<RestoredItem, Fault> {
    let (account, quota) = account_of(office, address).await?;
    let wanted = whole(filter)?;
    let restored = account.restore(&wanted, into, (!over_quota).then_some(quota)).await.map_err(trouble)?;
    let messages = restored.messages;
    tracing::info!(event = "deleted.restored", account = %account.id(), address, by = %to.caller, messages, ?filter);
    let again =
        |(was, is): &(std::sync::Arc<str>, std::sync::Arc<str>)| MadeAgain { was: was.to_string(), is: is.to_string() };
    let mailboxes: Vec<_> = restored.mailboxes.iter().map(again).collect();
    if messages == 0 && restored.passed_over == 0 && mailboxes.is_empty() {
        return Err(nothing().into());
    }
    Ok(RestoredItem { messages, passed_over: restored.passed_over, mailboxes, more: restored.more })
}

pub async fn erase(office: &Office, address: &str, filter: &Filter, to: &Exchange) -> Result<ErasedItem, Fault> {
    let (account, _) = account_of(office, address).await?;
    let ended = account.erase(&whole(filter)?).await.map_err(trouble)?;
    let (messages, octets) = (ended.messages, ended.octets);
    if messages == 0 && !filter.ids.is_empty() {
        return Err(nothing().into());
    }
    tracing::warn!(event = "deleted.erased", account = %account.id(), address, by = %to.caller, messages, octets, ?filter);
    let large_left = if messages > 0 { clear(office).await } else { Some(0) };
    Ok(ErasedItem { messages, octets, large_left })
}

/// What is erased leaves the disk; large bodies that cannot at once are counted, if that can be said.
async fn clear(office: &Office) -> Option<usize> {
    collect_blobs(&office.post.mailstore, &|| office.hold.is_held()).await
}

pub async fn accounts(office: &Office, to: &mut Exchange) -> Result<(), Fault> {
    for removed in office.post.directory.removed().into_iter().filter(|removed| !removed.there) {
        let usage = office.post.mailstore.usage(removed.account.id).await.map_err(Trouble::failed)?;
        let item = RemovedItem {
            address: removed.account.address.to_string(),
            id: removed.account.id.0,
            removed: When(removed.at),
            kept_until: until(office, removed.at),
            messages: usage.messages,
            used_octets: usage.octets,
        };
        to.item(&item).await?;
    }
    Ok(())
}

pub async fn restore_account(office: &Office, text: &str, to: &Exchange) -> Result<Done, Fault> {
    let edited = edit(office, Edit::RestoreAccount { address: address(text)? }).await?;
    tracing::info!(event = "account.restored", address = text, by = %to.caller);
    Ok(changed(edited))
}

/// It is given up at once; its mail is ended before this is answered, or by housekeeping.
pub async fn erase_account(office: &Office, text: &str, to: &Exchange) -> Result<Done, Fault> {
    let edited = edit(office, Edit::EraseAccount { address: address(text)? }).await?;
    tracing::warn!(event = "account.given_up", address = text, by = %to.caller);
    erase_accounts(&office.post).await;
    let done = changed(edited);
    let left = large_left(clear(office).await);
    Ok(Done { note: done.note.or(left), ..done })
}

fn wanted(filter: &Filter) -> Result<Wanted, Trouble> {
    if filter.ids.len() > IDS_MAX {
        return Err(Trouble::wrong(both!(
            "at most {IDS_MAX} messages at once",
            "höchstens {IDS_MAX} Nachrichten auf einmal"
        )));
    }
    let emails = filter.ids.iter().map(|id| EmailId(*id)).collect();
    Ok(Wanted { emails, mailbox: filter.mailbox.clone(), since: filter.since.map(|When(at)| at) })
}

/// Of a filter that is no search.
fn whole(filter: &Filter) -> Result<Wanted, Trouble> {
    match filter.subject {
        Some(_) => Err(Trouble::wrong(both!(
            "list the messages by their subject, and name those that you mean",
            "die Nachrichten nach dem Betreff auflisten und die gemeinten nennen"
        ))),
        None => wanted(filter),
    }
}

fn trouble(error: Error) -> Trouble {
    match error {
        Error::MailboxMissing => Trouble::not_found(error),
        Error::MailboxName(_) => Trouble::wrong(error),
        Error::OverQuota { .. } | Error::MailboxesFull => Trouble::refused(error),
        error => Trouble::failed(error),
    }
}

fn nothing() -> Trouble {
    Trouble::not_found(both!(
        "nothing that was deleted fits; see: postamt deleted list",
        "nichts Gelöschtes passt; siehe: postamt deleted list"
    ))
}

fn until(office: &Office, at: Timestamp) -> When {
    When(at + office.kept.time())
}

fn of_mailbox(office: &Office, mailbox: &DeletedMailbox) -> DeletedItem {
    DeletedItem {
        id: None,
        deleted: When(mailbox.at),
        kept_until: until(office, mailbox.at),
        mailbox: Some(mailbox.record.name.to_string()),
        mailbox_deleted: true,
        from: None,
        subject: None,
        size_octets: mailbox.record.size_octets,
        in_mailbox: false,
    }
}

/// `None` for one that an older program ended.
fn of_message(office: &Office, message: &GoneMessage) -> Option<DeletedItem> {
    let email = message.email.as_ref()?;
    let Headline { from, subject } = Headline::of(email);
    Some(DeletedItem {
        id: Some(message.was.email.0),
        deleted: When(message.departure.at),
        kept_until: until(office, message.departure.at),
        mailbox: message.mailbox.as_ref().map(|name| name.to_string()),
        mailbox_deleted: message.mailbox_deleted,
        from,
        subject,
        size_octets: message.was.size_octets,
        in_mailbox: message.there,
    })
}

fn has(item: &DeletedItem, part: Option<&str>) -> bool {
    let Some(part) = part else { return true };
    let subject = item.subject.as_deref().unwrap_or_default();
    message::text::folded(subject).contains(&message::text::folded(part))
}
