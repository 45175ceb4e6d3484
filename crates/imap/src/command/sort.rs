//! SORT (RFC 5256 §3, with RETURN: RFC 5267 §3).

use super::search::{SearchKey, SearchReturn};
use super::{Encoder, Numbering};
use crate::cursor::{Cursor, Parsed};
use crate::limits::SORT_CRITERIA_MAX;

/// SORT: which messages, in which order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sort {
    /// What numbers are answered.
    pub numbering: Numbering,
    /// `None` without RETURN: then SORT is answered, else ESEARCH.
    pub returns: Option<SearchReturn>,
    /// At least one, the weightiest first.
    pub criteria: Vec<SortCriterion>,
    /// Which messages.
    pub key: SearchKey,
}

/// One thing by which messages are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SortCriterion {
    /// By what.
    pub key: SortKey,
    /// In which direction.
    pub order: SortOrder,
}

/// Direction of a criterion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SortOrder {
    /// The smallest first.
    Ascending,
    /// `REVERSE`
    Descending,
}

/// What a message is sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SortKey {
    /// Internal date and time.
    Arrival,
    /// The mailbox part of the first Cc address.
    Cc,
    /// Sent date and time (RFC 5256 §2.2).
    Date,
    /// How the first From address is shown (RFC 5957 §3).
    DisplayFrom,
    /// How the first To address is shown.
    DisplayTo,
    /// The mailbox part of the first From address.
    From,
    /// RFC822.SIZE
    Size,
    /// Base subject (RFC 5256 §2.1).
    Subject,
    /// The mailbox part of the first To address.
    To,
}

impl SortKey {
    /// All of them.
    pub const ALL: [SortKey; 9] = [
        SortKey::Arrival,
        SortKey::Cc,
        SortKey::Date,
        SortKey::DisplayFrom,
        SortKey::DisplayTo,
        SortKey::From,
        SortKey::Size,
        SortKey::Subject,
        SortKey::To,
    ];

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            SortKey::Arrival => "ARRIVAL",
            SortKey::Cc => "CC",
            SortKey::Date => "DATE",
            SortKey::DisplayFrom => "DISPLAYFROM",
            SortKey::DisplayTo => "DISPLAYTO",
            SortKey::From => "FROM",
            SortKey::Size => "SIZE",
            SortKey::Subject => "SUBJECT",
            SortKey::To => "TO",
        }
    }
}

impl Sort {
    pub(super) fn parse(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Sort> {
        let returns = SearchReturn::parse_if_any(cursor)?;
        cursor.space()?;
        let before = cursor.clone();
        let criteria = cursor.list(SORT_CRITERIA_MAX, SortCriterion::parse)?;
        if criteria.is_empty() {
            return before.expected("at least one sort criterion");
        }
        Ok(Sort { numbering, returns, criteria, key: SearchKey::parse_with_charset(cursor)? })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        SearchReturn::encode(self.returns, to);
        for (i, criterion) in self.criteria.iter().enumerate() {
            to.raw(if i == 0 { " (" } else { " " });
            to.raw(if criterion.order == SortOrder::Descending { "REVERSE " } else { "" }).raw(criterion.key.as_str());
        }
        self.key.encode_behind_charset(to.raw(")"));
    }
}

impl SortCriterion {
    fn parse(cursor: &mut Cursor<'_>) -> Parsed<SortCriterion> {
        let order = if cursor.take_word("REVERSE ") { SortOrder::Descending } else { SortOrder::Ascending };
        let before = cursor.clone();
        let name = cursor.word("a sort criterion")?;
        match SortKey::ALL.into_iter().find(|key| key.as_str().eq_ignore_ascii_case(name)) {
            Some(key) => Ok(SortCriterion { key, order }),
            None => before.expected("a sort criterion"),
        }
    }
}
