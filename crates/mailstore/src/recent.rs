//! Up to where sessions were told of a mailbox's messages: `\Recent` (RFC 3501 §2.3.2).
//!
//! It is kept in memory and written with whatever batch next touches the mailbox: after a crash, messages may be recent
//! once more.

use crate::mailbox::MailboxRecord;
use model::{MailboxId, Uid};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The first UIDs that no session was told of, of mailboxes that were selected.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<BTreeMap<MailboxId, Uid>>);

impl Recent {
    /// The first UID of the mailbox that no session was told of.
    pub fn first(&self, mailbox: &MailboxRecord) -> Uid {
        self.told().get(&mailbox.id).copied().unwrap_or(Uid(0)).max(mailbox.recent_from)
    }

    /// The same, and from now on a session is told of all that are in `mailbox`.
    pub fn take(&self, mailbox: &MailboxRecord) -> Uid {
        let mut told = self.told();
        let before = told.get(&mailbox.id).copied().unwrap_or(Uid(0)).max(mailbox.recent_from);
        told.insert(mailbox.id, before.max(mailbox.uid_next));
        before
    }

    /// The mailbox is gone.
    pub fn forget(&self, mailbox: MailboxId) {
        self.told().remove(&mailbox);
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<MailboxId, Uid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
