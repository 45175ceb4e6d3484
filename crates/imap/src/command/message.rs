//! STORE, COPY, MOVE, EXPUNGE: what changes messages of the selected mailbox.

use model::Flag;

use super::Numbering;
use crate::mailbox::MailboxName;
use crate::sequence::SequenceSet;

/// STORE (RFC 9051 §6.4.6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Store {
    /// What the numbers are.
    pub numbering: Numbering,
    /// Which messages.
    pub set: SequenceSet,
    /// What is done with the flags.
    pub operation: StoreOperation,
    /// Whether the new flags are told.
    pub report: StoreReport,
    /// The flags; may be empty.
    pub flags: Vec<Flag>,
}

/// What STORE does with the flags it names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreOperation {
    /// `FLAGS`: these and no others.
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// Whether STORE answers with FETCH responses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreReport {
    /// The new flags of each message.
    Full,
    /// `.SILENT`: none, unless others changed the flags.
    Silent,
}

/// COPY and MOVE (RFC 9051 §6.4.7, §6.4.8).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copy {
    /// What the numbers are.
    pub numbering: Numbering,
    /// Which messages.
    pub set: SequenceSet,
    /// The destination.
    pub mailbox: MailboxName,
}

/// EXPUNGE (RFC 9051 §6.4.3) and UID EXPUNGE (§6.4.9).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expunge {
    /// With UID EXPUNGE: only these UIDs, of those that are `\Deleted`.
    pub uids: Option<SequenceSet>,
}
