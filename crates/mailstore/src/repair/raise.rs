//! Numbers that were never given out, whatever versions of rows are lost: a step is more than anybody made of anything between
//! two versions of the row that counts it.

use super::Gap;
use crate::mailbox::MailboxRecord;
use model::{EmailId, MailboxId, ModSeq, Uid, UidValidity};

/// UIDs that are passed over: more messages than a mailbox ever had. There is room for 256 such gaps.
const UIDS: u32 = 1 << 24;
/// Changes; there is room for 2^31 gaps.
const CHANGES: u64 = 1 << 32;
/// A number has 63 bits (RFC 7162 §7).
const CHANGE_MAX: u64 = i64::MAX as u64;
/// Emails; conversations are numbered by their first one.
const EMAILS: u64 = 1 << 32;
const MAILBOXES: u32 = 1 << 16;

impl Gap {
    fn of<T: Default>(self, step: T) -> T {
        match self {
            Gap::None => T::default(),
            Gap::Possible => step,
        }
    }

    pub(super) fn modseq(self, last: ModSeq) -> ModSeq {
        ModSeq(last.0.saturating_add(self.of(CHANGES)).min(CHANGE_MAX.max(last.0)))
    }

    pub(super) fn email(self, next: EmailId) -> EmailId {
        EmailId(next.0.saturating_add(self.of(EMAILS)))
    }

    pub(super) fn mailbox(self, next: MailboxId) -> MailboxId {
        MailboxId(next.0.saturating_add(self.of(MAILBOXES)))
    }

    /// Where a mailbox has too few UIDs left, it becomes another one to clients, of this UIDVALIDITY.
    pub(super) fn record(self, record: &mut MailboxRecord, modseq: ModSeq, another: UidValidity) {
        if self == Gap::None {
            return;
        }
        record.highest_modseq = modseq;
        match record.uid_next.0.checked_add(UIDS) {
            Some(uid_next) => record.uid_next = Uid(uid_next),
            None => record.uid_validity = another,
        }
    }
}
