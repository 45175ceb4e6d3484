//! The UPDATE state: what QUIT makes of a maildrop (RFC 1939 §6).

use super::maildrop::Maildrop;
use futures_util::future::join;
use mailstore::{Error, Expunge, FlagChange, INBOX_ID, Leaving, MESSAGES_AT_ONCE_MAX, StoreFlags};
use model::{Flag, Uid};
use pop3::{Answer, Code, Text};

/// Removes what was marked and marks as seen what was read, in one commit: QUIT is answered when it is durable. Should it fail,
/// nothing is lost.
pub(crate) async fn update(maildrop: &Maildrop) -> Answer {
    let (uids, read) = (maildrop.uids_deleted(), maildrop.uids_read());
    if uids.is_empty() && read.is_empty() {
        return Answer::ok(Text::Bye);
    }
    let (removed, seen) = join(remove(maildrop, &uids), mark_seen(maildrop, &read)).await;
    if let Err(error) = seen {
        // Nobody asked for it in so many words, and the mail is there.
        tracing::warn!(event = "flags.not_stored", cause = %error);
    }
    match removed {
        Ok(()) if uids.is_empty() => Answer::ok(Text::Bye),
        Ok(()) => Answer::ok(Text::ByeDeleted(u32::try_from(uids.len()).unwrap_or(u32::MAX))),
        Err(error) => {
            tracing::warn!(event = "messages.not_removed", count = uids.len(), cause = %error);
            Answer::err(Text::NotRemoved).code(Code::SysTemp)
        }
    }
}

/// What another client has removed meanwhile is gone all the better. More than fit into one operation go in several.
async fn remove(maildrop: &Maildrop, uids: &[Uid]) -> Result<(), Error> {
    for uids in uids.chunks(MESSAGES_AT_ONCE_MAX) {
        let expunge = Expunge { mailbox: INBOX_ID, uids: uids.to_vec(), leaving: Leaving::Any };
        maildrop.account.expunge(expunge).await?;
    }
    Ok(())
}

async fn mark_seen(maildrop: &Maildrop, uids: &[Uid]) -> Result<(), Error> {
    for uids in uids.chunks(MESSAGES_AT_ONCE_MAX) {
        let (mailbox, uids, flags) = (INBOX_ID, uids.to_vec(), vec![Flag::Seen]);
        let store = StoreFlags { mailbox, uids, change: FlagChange::Add, flags, unchanged_since: None };
        maildrop.account.store_flags(store).await?;
    }
    Ok(())
}
