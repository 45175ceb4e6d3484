//! STORE, COPY, MOVE, EXPUNGE: what changes messages of the selected mailbox.

use model::{Flag, ModSeq};

use super::{Encoder, Numbering, modifiers};
use crate::cursor::{Cursor, ParseError, Parsed};
use crate::limits::FLAGS_MAX;
use crate::mailbox::MailboxName;
use crate::sequence::SequenceSet;

/// STORE (RFC 9051 §6.4.6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Store {
    /// What the numbers are.
    pub numbering: Numbering,
    /// Which messages.
    pub set: SequenceSet,
    /// `UNCHANGEDSINCE`: messages that changed after this are left alone (RFC 7162 §3.1.3).
    pub unchanged_since: Option<ModSeq>,
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

impl Store {
    pub(super) fn parse(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Store> {
        cursor.space()?;
        let set = SequenceSet::parse(cursor)?;
        cursor.space()?;
        let unchanged_since = modifiers::unchanged_since(cursor)?;
        let operation = if cursor.take(b'+') {
            StoreOperation::Add
        } else if cursor.take(b'-') {
            StoreOperation::Remove
        } else {
            StoreOperation::Replace
        };
        let before = cursor.clone();
        let report = match cursor.word("FLAGS")?.to_ascii_uppercase().as_str() {
            "FLAGS" => StoreReport::Full,
            "FLAGS.SILENT" => StoreReport::Silent,
            _ => return before.expected("FLAGS or FLAGS.SILENT"),
        };
        cursor.space()?;
        Ok(Store { numbering, set, unchanged_since, operation, report, flags: flags(cursor)? })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        to.raw(&format!(" {} ", self.set));
        if let Some(since) = self.unchanged_since {
            to.raw(&format!("(UNCHANGEDSINCE {}) ", since.0));
        }
        to.raw(match self.operation {
            StoreOperation::Replace => "FLAGS",
            StoreOperation::Add => "+FLAGS",
            StoreOperation::Remove => "-FLAGS",
        });
        to.raw(if self.report == StoreReport::Silent { ".SILENT " } else { " " });
        to.flags(&self.flags);
    }
}

/// `(\Seen $Junk)`, or the same without parentheses.
fn flags(cursor: &mut Cursor<'_>) -> Parsed<Vec<Flag>> {
    if cursor.peek() == Some(b'(') {
        return cursor.list(FLAGS_MAX, Cursor::flag);
    }
    let mut flags = vec![cursor.flag()?];
    while cursor.take(b' ') {
        if flags.len() == FLAGS_MAX {
            return Err(ParseError::bad(format!("more than {FLAGS_MAX} flags")));
        }
        flags.push(cursor.flag()?);
    }
    Ok(flags)
}

impl Copy {
    pub(super) fn parse(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Copy> {
        cursor.space()?;
        let set = SequenceSet::parse(cursor)?;
        cursor.space()?;
        Ok(Copy { numbering, set, mailbox: cursor.mailbox()? })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        to.raw(&format!(" {}", self.set)).mailbox(&self.mailbox);
    }
}

impl Expunge {
    pub(super) fn parse_uid(cursor: &mut Cursor<'_>) -> Parsed<Expunge> {
        cursor.space()?;
        Ok(Expunge { uids: Some(SequenceSet::parse(cursor)?) })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        if let Some(uids) = &self.uids {
            to.raw(&format!(" {uids}"));
        }
    }
}
