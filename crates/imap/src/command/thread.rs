//! THREAD (RFC 5256 §3).

use super::search::SearchKey;
use super::{Encoder, Numbering};
use crate::cursor::{Cursor, Parsed};

/// THREAD: which messages, put together how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thread {
    /// What numbers are answered.
    pub numbering: Numbering,
    /// By what they are put together.
    pub algorithm: ThreadAlgorithm,
    /// Which messages.
    pub key: SearchKey,
}

/// How conversations are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ThreadAlgorithm {
    /// `ORDEREDSUBJECT`: by subject and date alone.
    OrderedSubject,
    /// `REFERENCES`: by who answers whom.
    References,
}

impl ThreadAlgorithm {
    /// All of them.
    pub const ALL: [ThreadAlgorithm; 2] = [ThreadAlgorithm::OrderedSubject, ThreadAlgorithm::References];

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ThreadAlgorithm::OrderedSubject => "ORDEREDSUBJECT",
            ThreadAlgorithm::References => "REFERENCES",
        }
    }
}

impl Thread {
    pub(super) fn parse(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Thread> {
        cursor.space()?;
        let before = cursor.clone();
        let name = cursor.atom("a threading algorithm")?;
        match ThreadAlgorithm::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name)) {
            Some(algorithm) => Ok(Thread { numbering, algorithm, key: SearchKey::parse_with_charset(cursor)? }),
            None => before.expected("ORDEREDSUBJECT or REFERENCES"),
        }
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        self.key.encode_behind_charset(to.raw(" ").raw(self.algorithm.as_str()));
    }
}
