//! Flags and keywords of messages (RFC 9051 §2.3.2).

use std::fmt;

/// A flag of a message: one of the system flags, or a keyword.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Flag {
    /// `\Seen`: read.
    Seen,
    /// `\Answered`
    Answered,
    /// `\Flagged`: urgent or special.
    Flagged,
    /// `\Deleted`: EXPUNGE will remove it; belongs to the membership, not the email.
    Deleted,
    /// `\Draft`
    Draft,
    /// A keyword, as `$Forwarded`.
    Keyword(Keyword),
}

impl Flag {
    /// Reads `\Seen` (any case) or a keyword; `None` for `\Recent`, unknown system flags and what is no atom.
    pub fn parse(text: &str) -> Option<Flag> {
        let Some(system) = text.strip_prefix('\\') else { return Keyword::new(text).map(Flag::Keyword) };
        [Flag::Seen, Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Draft]
            .into_iter()
            .find(|flag| flag.as_str().get(1..).is_some_and(|name| name.eq_ignore_ascii_case(system)))
    }

    /// The flag as IMAP writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Flag::Seen => "\\Seen",
            Flag::Answered => "\\Answered",
            Flag::Flagged => "\\Flagged",
            Flag::Deleted => "\\Deleted",
            Flag::Draft => "\\Draft",
            Flag::Keyword(keyword) => keyword.as_str(),
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A keyword: an atom of at most [`Keyword::OCTETS_MAX`] octets, compared without regard to case (RFC 9051 §2.3.2).
#[derive(Clone, Debug)]
pub struct Keyword(Box<str>);

impl Keyword {
    /// Longest keyword we keep; clients use a few dozen octets.
    pub const OCTETS_MAX: usize = 128;

    /// `None` when `text` is no atom of printable ASCII, or too long.
    pub fn new(text: &str) -> Option<Keyword> {
        let atom = |b: u8| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b);
        let fits = (1..=Self::OCTETS_MAX).contains(&text.len());
        (fits && text.bytes().all(atom)).then(|| Keyword(text.into()))
    }

    /// The keyword as it was first written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|b| b.to_ascii_lowercase())
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for Keyword {}
impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(other.folded())
    }
}
impl std::hash::Hash for Keyword {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded().for_each(|b| state.write_u8(b));
    }
}
