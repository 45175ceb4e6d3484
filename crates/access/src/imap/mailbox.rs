//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 §6.3.4 to §6.3.8).

use super::client::{Client, Revision};
use super::list::{self, Node};
use super::out::Out;
use super::running::Outcome;
use super::selected;
use super::{failure, object_id};
use imap::command::Create;
use imap::{Answer, Code, MailboxName};
use mailstore::{Account, Error, SEPARATOR, SpecialUse};
use std::sync::Arc;

/// Makes a mailbox, and those above it that do not exist (RFC 9051 §6.3.4). A separator at the end only says that the
/// client means to put mailboxes below it.
pub(crate) async fn create(client: &Client, command: Create, out: &mut Out) -> Outcome {
    let account = client.account()?;
    let wanted = without_separator(command.mailbox.as_str());
    let name = mailstore::new_name(wanted).map_err(Error::MailboxName)?;
    if account.mailboxes().named(&name).is_some() {
        return Err(Error::MailboxExists.into());
    }
    let special_use = special_use(&command.uses)?;
    create_above(&account, &name).await?;
    let made = account.create(&name, special_use).await?;
    if !wanted.eq_ignore_ascii_case(&name) {
        tell_old_name(client, &account, (wanted, &name), out);
    }
    Ok(Answer::ok("mailbox created").code(Code::MailboxId(object_id::mailbox(made.id).into())))
}

/// Tells what a mailbox is called that the client named `old` (RFC 9051 §6.3.9.7): names are normalized.
fn tell_old_name(client: &Client, account: &Account, (old, name): (&str, &str), out: &mut Out) {
    if client.revision == Revision::Rev2 {
        let mailboxes = account.mailboxes();
        list::tell_renamed(out, &Node::of(&mailboxes, name), old, client.name_form());
    }
}

/// What the new mailbox is for; another that was for it no longer is (RFC 6154 §3).
fn special_use(uses: &[String]) -> Result<Option<SpecialUse>, Answer<'static>> {
    let refused = |text: String| Err(Answer::no(text).code(Code::UseAttr));
    let mut special_use = None;
    for name in uses {
        let known = SpecialUse::ALL.into_iter().find(|known| known.attribute().eq_ignore_ascii_case(name));
        match (known, special_use) {
            (None, _) => return refused(format!("{name} is not supported")),
            (Some(_), None) => special_use = known,
            (Some(_), before) if before == known => {}
            _ => return refused("a mailbox has one special use".to_owned()),
        }
    }
    Ok(special_use)
}

fn without_separator(name: &str) -> &str {
    name.strip_suffix(SEPARATOR).unwrap_or(name)
}

/// Makes what is missing above `name`; someone else may be quicker.
async fn create_above(account: &Arc<Account>, name: &str) -> Result<(), Error> {
    for (end, _) in name.match_indices(SEPARATOR) {
        let above = name.get(..end).unwrap_or_default();
        if account.mailboxes().named(above).is_some() {
            continue;
        }
        match account.create(above, None).await {
            Ok(_) | Err(Error::MailboxExists) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Deletes a mailbox; those below it stay. If it is the selected one, nothing is selected afterwards.
pub(crate) async fn delete(client: &mut Client, name: MailboxName, out: &mut Out) -> Outcome {
    let account = client.account()?;
    let mailboxes = account.mailboxes();
    let Some(record) = mailboxes.named(name.as_str()) else {
        let above = format!("{name}{SEPARATOR}");
        let children = mailboxes.iter().any(|mailbox| mailbox.name.starts_with(&above));
        return Err(match children {
            // RFC 9051 §6.3.5: a name that is only a level above others.
            true => Answer::no("it does not exist itself, but there are mailboxes below it").code(Code::HasChildren),
            false => failure::missing(),
        }
        .into());
    };
    account.delete(name.as_str()).await?;
    if client.selected.as_ref().is_some_and(|selected| selected.mailbox == record.id) {
        client.selected = None;
        if client.revision == Revision::Rev2 {
            selected::closed(out);
        }
    }
    if name.as_str() != &*record.name {
        // RFC 9051 §6.3.5
        tell_old_name(client, &account, (name.as_str(), &record.name), out);
    }
    Ok(Answer::ok("mailbox deleted"))
}

/// Renames a mailbox with all below it; of INBOX, moves the messages.
pub(crate) async fn rename(client: &Client, from: MailboxName, to: MailboxName, out: &mut Out) -> Outcome {
    let account = client.account()?;
    let wanted = without_separator(to.as_str());
    let old = mailstore::canonical_name(from.as_str()).map_err(|_| failure::missing())?;
    let to = mailstore::new_name(wanted).map_err(Error::MailboxName)?;
    let (supplied, from, to) = (from.as_str(), &*old, &*to);
    let below = to.strip_prefix(from).is_some_and(|rest| rest.starts_with(SEPARATOR));
    if below && from != mailstore::INBOX {
        return Err(Answer::no("a mailbox cannot lie below itself").code(Code::Cannot).into());
    }
    let mailboxes = account.mailboxes();
    if mailboxes.named(to).is_some() {
        return Err(Error::MailboxExists.into());
    }
    let above = format!("{from}{SEPARATOR}");
    if mailboxes.named(from).is_none() && !mailboxes.iter().any(|mailbox| mailbox.name.starts_with(&above)) {
        return Err(failure::missing().into());
    }
    create_above(&account, to).await?;
    account.rename(from, to).await?;
    if supplied != from || wanted != to {
        // RFC 9051 §6.3.6: the old name as it was supplied, whichever of the two was normalized.
        tell_old_name(client, &account, (supplied, to), out);
    }
    Ok(Answer::ok("mailbox renamed"))
}

/// Whether a name shall be subscribed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subscription {
    On,
    Off,
}

/// Subscribes a name, which need not exist (RFC 9051 §6.3.7: a mailbox may be away for a while).
pub(crate) async fn subscribe(client: &Client, name: MailboxName, subscription: Subscription) -> Outcome {
    let account = client.account()?;
    account.subscribe(without_separator(name.as_str()), subscription == Subscription::On).await?;
    Ok(Answer::ok(match subscription {
        Subscription::On => "subscribed",
        Subscription::Off => "unsubscribed",
    }))
}
