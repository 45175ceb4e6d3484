//! STATUS (RFC 9051 §6.3.11).

use super::Encoder;
use crate::cursor::{Cursor, Parsed};
use crate::mailbox::MailboxName;

/// STATUS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusCommand {
    /// The mailbox asked about.
    pub mailbox: MailboxName,
    /// At least one.
    pub items: Vec<StatusItem>,
}

/// What STATUS can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusItem {
    /// `MESSAGES`
    Messages,
    /// `RECENT` (RFC 3501 §6.3.10)
    Recent,
    /// `UIDNEXT`
    UidNext,
    /// `UIDVALIDITY`
    UidValidity,
    /// `UNSEEN`
    Unseen,
    /// `DELETED`
    Deleted,
    /// `DELETED-STORAGE`: octets of messages with `\Deleted` (RFC 9208 §4.1.4)
    DeletedStorage,
    /// `APPENDLIMIT`: the largest message APPEND takes (RFC 7889 §3.1)
    AppendLimit,
    /// `SIZE`: octets of all messages.
    Size,
    /// `HIGHESTMODSEQ` (RFC 7162 §3.1.7)
    HighestModSeq,
    /// `MAILBOXID` (RFC 8474 §4.3)
    MailboxId,
}

impl StatusItem {
    /// All of them.
    pub const ALL: [StatusItem; 11] = [
        StatusItem::Messages,
        StatusItem::Recent,
        StatusItem::UidNext,
        StatusItem::UidValidity,
        StatusItem::Unseen,
        StatusItem::Deleted,
        StatusItem::DeletedStorage,
        StatusItem::AppendLimit,
        StatusItem::Size,
        StatusItem::HighestModSeq,
        StatusItem::MailboxId,
    ];

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            StatusItem::Messages => "MESSAGES",
            StatusItem::Recent => "RECENT",
            StatusItem::UidNext => "UIDNEXT",
            StatusItem::UidValidity => "UIDVALIDITY",
            StatusItem::Unseen => "UNSEEN",
            StatusItem::Deleted => "DELETED",
            StatusItem::DeletedStorage => "DELETED-STORAGE",
            StatusItem::AppendLimit => "APPENDLIMIT",
            StatusItem::Size => "SIZE",
            StatusItem::HighestModSeq => "HIGHESTMODSEQ",
            StatusItem::MailboxId => "MAILBOXID",
        }
    }
}

impl StatusCommand {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Parsed<StatusCommand> {
        cursor.space()?;
        let mailbox = cursor.mailbox()?;
        cursor.space()?;
        Ok(StatusCommand { mailbox, items: StatusItem::parse_list(cursor)? })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        to.mailbox(&self.mailbox).raw(" ");
        StatusItem::encode_list(&self.items, to);
    }
}

impl StatusItem {
    /// `(MESSAGES UNSEEN)`; not empty. An item asked for twice is answered once.
    pub(super) fn parse_list(cursor: &mut Cursor<'_>) -> Parsed<Vec<StatusItem>> {
        let before = cursor.clone();
        let mut items = Vec::with_capacity(Self::ALL.len());
        for item in cursor.list(2 * Self::ALL.len(), Self::parse)? {
            if !items.contains(&item) {
                items.push(item);
            }
        }
        if items.is_empty() { before.expected("at least one status item") } else { Ok(items) }
    }

    fn parse(cursor: &mut Cursor<'_>) -> Parsed<StatusItem> {
        let before = cursor.clone();
        let name = cursor.word("a status item")?;
        match Self::ALL.into_iter().find(|item| item.as_str().eq_ignore_ascii_case(name)) {
            Some(item) => Ok(item),
            None => before.expected("a status item"),
        }
    }

    pub(super) fn encode_list(items: &[StatusItem], to: &mut Encoder) {
        for (i, item) in items.iter().enumerate() {
            to.raw(if i == 0 { "(" } else { " " }).raw(item.as_str());
        }
        to.raw(")");
    }
}
