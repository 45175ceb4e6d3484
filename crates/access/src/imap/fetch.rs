//! FETCH (RFC 9051 §6.4.5, RFC 7162 §3.1.4). It streams: what it holds does not grow with the number or size of the messages.

mod binary;
mod octets;
mod response;
mod section;

use super::client::Client;
use super::flag_names::FlagNames;
use super::modseq::Awareness;
use super::numbers::Numbers;
use super::out::Out;
use super::running::Outcome;
use super::selected::{Access, Selected};
use super::vanished;
use env::yield_now;
use imap::command::{Fetch, FetchItem, Numbering, SeenPolicy};
use imap::{Answer, Code};
use mailstore::{Account, Email, Error, FlagBits, FlagChange, Member, StoreFlags};
use model::{EmailId, Flag, SeqNum, Uid};
use response::{Message, Wanted};
use std::sync::Arc;

/// Messages whose rows are read at once.
const ROWS_AT_ONCE: usize = 64;
/// Messages that are told from the view alone before others get their turn.
const MEMBERS_AT_ONCE: usize = 4_096;

/// What went wrong with some of the messages; the others are told all the same.
#[derive(Default)]
pub(crate) struct Trouble {
    pub expunged: bool,
    pub unknown_encoding: bool,
    pub damaged: bool,
}

/// Tells what is asked of each message.
pub(crate) async fn fetch(client: &mut Client, mut command: Fetch, out: &mut Out) -> Outcome {
    let selected = client.selected()?;
    let mut numbers = Numbers::resolve(&command.set, command.numbering, selected)?;
    if let Some(page) = command.modifiers.partial {
        numbers = numbers.page(page, &selected.known);
    }
    if command.modifiers.vanished {
        if selected.aware < Awareness::Qresync {
            return Err(Answer::bad("QRESYNC has to be enabled first").into());
        }
        tell_vanished(selected, &command, out).await?;
    }
    if command.modifiers.changed_since.is_some() && !command.items.contains(&FetchItem::ModSeq) {
        // RFC 7162 §3.1.4.1
        command.items.push(FetchItem::ModSeq);
    }
    let mut trouble = Trouble::default();
    if command.items.iter().all(is_of_view) {
        from_view(selected, &numbers, &command, out).await?;
    } else {
        from_rows(selected, &numbers, &command, &mut trouble, out).await?;
    }
    Ok(if trouble.damaged {
        Answer::no("some of these messages are damaged; the administrator must look").code(Code::Corruption)
    } else if trouble.unknown_encoding {
        // RFC 3516 §4.3
        Answer::no("a part has a transfer encoding that is not known").code(Code::UnknownCte)
    } else if trouble.expunged {
        // RFC 2180 §4.1.2: NOOP will tell which.
        Answer::no("some of these messages are expunged").code(Code::ExpungeIssued)
    } else {
        Answer::ok("fetched")
    })
}

/// Whether the membership alone answers the item.
fn is_of_view(item: &FetchItem) -> bool {
    use FetchItem::{EmailId, Flags, InternalDate, ModSeq, SaveDate, Size, ThreadId, Uid};
    matches!(item, Flags | Uid | InternalDate | Size | EmailId | ThreadId | SaveDate | ModSeq)
}

/// Which of the UIDs are gone since; here `*` is the last that was given out, though it may be gone itself.
async fn tell_vanished(selected: &Selected, command: &Fetch, out: &mut Out) -> Result<(), Error> {
    let view = selected.known.clone();
    let last_given = view.mailbox.uid_next.0.saturating_sub(1);
    let asked = command.set.resolve(last_given).unwrap_or_else(|| selected.saved.clone());
    let asked = vanished::given_out(&view, &asked, Uid(0));
    let since = command.modifiers.changed_since.unwrap_or_default();
    let gone = vanished::gone_since(&selected.account, &view, &asked, since).await?;
    vanished::tell_earlier(&gone, &view, &asked, out).await;
    Ok(())
}

/// Whether CHANGEDSINCE lets a message through.
fn is_wanted(command: &Fetch, member: &Member) -> bool {
    command.modifiers.changed_since.is_none_or(|since| member.modseq > since)
}

fn sets_seen(item: &FetchItem) -> bool {
    match item {
        FetchItem::Section(section) => section.seen == SeenPolicy::Set,
        FetchItem::Binary { seen, .. } => *seen == SeenPolicy::Set,
        _ => false,
    }
}

async fn from_view(
    selected: &mut Selected,
    numbers: &Numbers,
    command: &Fetch,
    out: &mut Out,
) -> Result<(), super::running::Refusal> {
    let view = selected.known.clone();
    let names = FlagNames::new(&view.keywords, &selected.recent);
    let wanted = Wanted::new(command, selected.aware);
    for (i, (seq, member)) in numbers.members(&view).enumerate() {
        if is_wanted(command, &member) {
            let message = Message::new(seq, member, None);
            message.tell_view(&wanted, &names, out);
            message.note(&wanted, &mut selected.reckoned);
            out.room().await;
        }
        if (i + 1) % MEMBERS_AT_ONCE == 0 {
            yield_now().await;
        }
    }
    Ok(())
}

async fn from_rows(
    selected: &mut Selected,
    numbers: &Numbers,
    command: &Fetch,
    trouble: &mut Trouble,
    out: &mut Out,
) -> Result<(), super::running::Refusal> {
    let view = selected.known.clone();
    let account = selected.account.clone();
    let wanted = Wanted::new(command, selected.aware);
    let marks = selected.access == Access::ReadWrite && command.items.iter().any(sets_seen);
    let mut names = FlagNames::new(&view.keywords, &selected.recent);
    let mut members = numbers.members(&view).filter(|(_, member)| is_wanted(command, member));
    loop {
        let mut batch: Vec<(SeqNum, Member)> = members.by_ref().take(ROWS_AT_ONCE).collect();
        if batch.is_empty() {
            return Ok(());
        }
        let ids: Vec<EmailId> = batch.iter().map(|(_, member)| member.email).collect();
        let emails = rows(&account, &ids, trouble).await?;
        let marked = if marks { mark_seen(selected, &mut batch, &emails, command).await } else { Vec::new() };
        if !marked.is_empty() {
            names = FlagNames::new(&selected.known.keywords, &selected.recent);
        }
        for ((seq, member), email) in batch.into_iter().zip(emails) {
            let mut message = Message::new(seq, member, email);
            message.newly_seen = marked.binary_search(&member.uid).is_ok();
            message.tell(&account, (&wanted, &names), trouble, out).await?;
            message.note(&wanted, &mut selected.reckoned);
            out.room().await;
        }
    }
}

/// The rows of emails. One that is damaged is told as such and hides no other.
pub(crate) async fn rows(
    account: &Arc<Account>,
    ids: &[EmailId],
    trouble: &mut Trouble,
) -> Result<Vec<Option<Email>>, Error> {
    match account.emails(ids).await {
        Err(Error::Row { .. }) => {}
        other => return other,
    }
    let mut emails = Vec::with_capacity(ids.len());
    for id in ids {
        let email = match account.emails(std::slice::from_ref(id)).await {
            Ok(one) => one.into_iter().next().flatten(),
            Err(error @ Error::Row { .. }) => {
                tracing::error!(event = "mail.damaged", account = %account.id(), cause = %error);
                trouble.damaged = true;
                None
            }
            Err(error) => return Err(error),
        };
        emails.push(email);
    }
    Ok(emails)
}

/// Whether the client gets to see anything for which `\Seen` is set: a part whose encoding is not known is refused.
fn is_shown(email: &Email, command: &Fetch) -> bool {
    command.items.iter().filter(|item| sets_seen(item)).any(|item| match item {
        FetchItem::Binary { part, .. } => email.structure().is_ok_and(|structure| binary::is_told(&structure, part)),
        _ => true,
    })
}

/// Sets `\Seen` on those of the batch that are shown and lack it, in one operation; the UIDs that got it, ascending.
async fn mark_seen(
    selected: &mut Selected,
    batch: &mut [(SeqNum, Member)],
    emails: &[Option<Email>],
    command: &Fetch,
) -> Vec<Uid> {
    let shown = |email: &Option<Email>| email.as_ref().is_some_and(|email| is_shown(email, command));
    let there = batch.iter().zip(emails).filter(|(_, email)| shown(email));
    let unseen = there.map(|((_, member), _)| member).filter(|member| !member.flags.contains(FlagBits::SEEN));
    let uids: Vec<Uid> = unseen.map(|member| member.uid).collect();
    if uids.is_empty() {
        return uids;
    }
    let (change, flags) = (FlagChange::Add, vec![Flag::Seen]);
    let operation = StoreFlags { mailbox: selected.mailbox, uids: uids.clone(), change, flags, unchanged_since: None };
    let stored = match selected.account.store_flags(operation).await {
        Ok(stored) => stored.view,
        Err(error) => {
            // Reading is worth more than the mark: the message stays unread.
            tracing::warn!(event = "seen.not_stored", account = %selected.account.id(), cause = %error);
            return Vec::new();
        }
    };
    selected.learn(&uids, &stored);
    for (_, member) in batch {
        if let Some(is) = stored.by_uid(member.uid) {
            (member.flags, member.modseq) = (is.flags, is.modseq);
        }
    }
    uids
}

/// Whether UID is told though it was not asked for (RFC 9051 §6.4.9).
fn adds_uid(command: &Fetch) -> bool {
    command.numbering == Numbering::Uid && !command.items.contains(&FetchItem::Uid)
}
