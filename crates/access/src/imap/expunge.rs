//! EXPUNGE, UID EXPUNGE, CLOSE (RFC 9051 §6.4.3, §6.4.9, §6.4.1; RFC 7162 §3.2.7 to §3.2.9).

use super::client::Client;
use super::failure;
use super::numbers::Numbers;
use super::running::Outcome;
use super::selected::{Access, Selected};
use imap::Answer;
use imap::command::{Expunge, Numbering};
use mailstore::{Error, FlagBits, Leaving};
use model::Uid;

/// Messages removed by one operation.
const MESSAGES_AT_ONCE: usize = 5_000;

/// Removes what is `\Deleted`; the EXPUNGE or VANISHED responses follow with what else happened.
pub(crate) async fn expunge(client: &mut Client, command: Expunge) -> Outcome {
    let selected = client.selected()?;
    if selected.access == Access::ReadOnly {
        return Err(failure::read_only().into());
    }
    let only = command.uids.map(|set| Numbers::resolve(&set, Numbering::Uid, selected)).transpose()?;
    if remove(selected, only.as_ref()).await? {
        selected.reckoned.owe();
    }
    Ok(Answer::ok("expunged"))
}

/// Leaves the mailbox; what is `\Deleted` goes silently, unless it is read-only.
pub(crate) async fn close(client: &mut Client) -> Outcome {
    let selected = client.selected()?;
    if selected.access == Access::ReadWrite {
        match remove(selected, None).await {
            // Somebody deleted the mailbox: it is closed all the better.
            Ok(_) | Err(Error::MailboxMissing) => {}
            Err(error) => return Err(error.into()),
        }
    }
    client.selected = None;
    Ok(Answer::ok("mailbox closed"))
}

/// Looks at the mailbox as it is now, not as the client knows it. Whether anything was removed.
async fn remove(selected: &Selected, only: Option<&Numbers>) -> Result<bool, Error> {
    let view = selected.account.open(selected.mailbox).await?;
    if view.mailbox.deleted == 0 {
        return Ok(false);
    }
    let leaves = |(seq, member): &(model::SeqNum, mailstore::Member)| {
        member.flags.contains(FlagBits::DELETED) && only.is_none_or(|only| only.contains(*seq, member.uid))
    };
    let uids: Vec<Uid> = view.iter().filter(leaves).map(|(_, member)| member.uid).collect();
    let mut removed = false;
    for uids in uids.chunks(MESSAGES_AT_ONCE) {
        let operation =
            mailstore::Expunge { mailbox: selected.mailbox, uids: uids.to_vec(), leaving: Leaving::Deleted };
        removed |= !selected.account.expunge(operation).await?.is_empty();
    }
    Ok(removed)
}
