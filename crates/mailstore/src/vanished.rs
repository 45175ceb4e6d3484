//! What left a mailbox since a client was there last, read from the change log (RFC 7162 §3.2.5.1, §3.2.6).

use crate::account::Account;
use crate::error::Error;
use crate::log::Change;
use model::{MailboxId, ModSeq, Uid};

/// UIDs that one answer names, one mebibyte of them: a client that missed more is as well served by what is there.
pub const VANISHED_MAX: usize = 1 << 18;
/// Log entries read at once, after which others get their turn.
const PAGE_ENTRIES: usize = 256;

impl Account {
    /// UIDs that left `mailbox` after `since` and up to `until`, of those that are `asked` for, ascending. What the log
    /// says is exact: one row for each modification.
    ///
    /// `None` when nobody can say, because the log no longer reaches back to `since`, or because they are more than
    /// [`VANISHED_MAX`]: then every UID that is not there may have left meanwhile (RFC 7162 §3.2.6).
    ///
    /// # Errors
    /// Those of the store.
    pub async fn vanished(
        &self,
        mailbox: MailboxId,
        (since, until): (ModSeq, ModSeq),
        asked: &(dyn Fn(Uid) -> bool + Send + Sync),
    ) -> Result<Option<Vec<Uid>>, Error> {
        let (mut read, mut gone) = (since, Vec::new());
        while read < until {
            let page = match self.log(read, PAGE_ENTRIES).await {
                Err(error @ Error::Row { .. }) => {
                    tracing::error!(event = "log.damaged", account = %self.id(), cause = %error);
                    return Ok(None);
                }
                page => page?,
            };
            if page.is_empty() {
                return Ok(None); // trimmed
            }
            for (modseq, entry) in page {
                if read == until {
                    break;
                }
                // Each modification has its entry: one that is missing was trimmed, if need be while this reads.
                if modseq.0 != read.0 + 1 {
                    return Ok(None);
                }
                read = modseq;
                if let Change::Expunged { mailbox: where_, members } = entry.change
                    && where_ == mailbox
                {
                    gone.extend(members.into_iter().map(|(uid, _)| uid).filter(|uid| asked(*uid)));
                }
                if gone.len() > VANISHED_MAX {
                    return Ok(None);
                }
            }
            env::yield_now().await;
        }
        gone.sort_unstable();
        Ok(Some(gone))
    }
}
