//! SEARCH (RFC 9051 §6.4.4).

use model::Flag;

use super::Numbering;
use crate::date::Date;
use crate::sequence::SequenceSet;

/// SEARCH: its strings are UTF-8, whatever charset named it; others were refused with BADCHARSET.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    /// What numbers are answered. `UID` and sequence keys inside say themselves what they are.
    pub numbering: Numbering,
    /// `None` without RETURN: then IMAP4rev1 answers SEARCH, IMAP4rev2 ESEARCH with ALL (RFC 9051 §6.4.4).
    pub returns: Option<SearchReturn>,
    /// Several keys are one `And`.
    pub key: SearchKey,
}

/// RETURN options (RFC 9051 §6.4.4); `RETURN ()` is `ALL`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SearchReturn {
    /// `MIN`
    pub min: bool,
    /// `MAX`
    pub max: bool,
    /// `ALL`
    pub all: bool,
    /// `COUNT`
    pub count: bool,
    /// `SAVE`: keep the result as `$` (RFC 9051 §6.4.4.1).
    pub save: bool,
}

/// A condition on a message; nested at most [`crate::limits::SEARCH_DEPTH_MAX`] deep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchKey {
    /// `ALL`
    All,
    /// All of these: keys side by side, or in parentheses. At least two.
    And(Vec<SearchKey>),
    /// `OR a b`
    Or(Box<SearchKey>, Box<SearchKey>),
    /// `NOT a`
    Not(Box<SearchKey>),
    /// These sequence numbers.
    SeqNum(SequenceSet),
    /// `UID`: these UIDs.
    Uid(SequenceSet),
    /// `SEEN`, `ANSWERED`, …, `KEYWORD k`: has the flag.
    Flag(Flag),
    /// `UNSEEN`, …, `UNKEYWORD k`: has it not.
    NotFlag(Flag),
    /// `RECENT` (RFC 3501 §6.4.4)
    Recent,
    /// `OLD`: not recent (RFC 3501 §6.4.4)
    Old,
    /// `NEW`: recent and unseen (RFC 3501 §6.4.4)
    New,
    /// `BEFORE`: internal date earlier than the day.
    Before(Date),
    /// `ON`: internal date within the day.
    On(Date),
    /// `SINCE`: internal date within the day or later.
    Since(Date),
    /// `SENTBEFORE`: the same for the Date field.
    SentBefore(Date),
    /// `SENTON`
    SentOn(Date),
    /// `SENTSINCE`
    SentSince(Date),
    /// `LARGER`: more octets than this.
    Larger(u64),
    /// `SMALLER`: fewer octets than this.
    Smaller(u64),
    /// `BCC`: the envelope's field contains the string.
    Bcc(String),
    /// `CC`
    Cc(String),
    /// `FROM`
    From(String),
    /// `TO`
    To(String),
    /// `SUBJECT`
    Subject(String),
    /// `BODY`: the body contains the string.
    Body(String),
    /// `TEXT`: header or body contains the string.
    Text(String),
    /// `HEADER`: the named field contains the string; an empty string matches any message with the field.
    Header {
        /// The field's name.
        field: String,
        /// What it contains.
        value: String,
    },
}
