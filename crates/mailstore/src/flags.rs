//! Flags as they lie in a membership: a set of bits, the keywords' named by a table of the account.

#[cfg(test)]
mod tests;

use crate::error::Error;
use model::{Decoder, Encoder, Flag, Keyword, RecordError};

/// Keywords an account can name: the bits of [`FlagBits::keywords`]. Clients use some dozens.
pub const KEYWORDS_MAX: usize = u128::BITS as usize;

/// The flags of one membership.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct FlagBits {
    system: u8,
    keywords: u128,
}

impl FlagBits {
    /// No flag.
    pub const NONE: FlagBits = FlagBits { system: 0, keywords: 0 };
    /// `\Seen`
    pub const SEEN: FlagBits = FlagBits { system: 1, keywords: 0 };
    /// `\Answered`
    pub const ANSWERED: FlagBits = FlagBits { system: 2, keywords: 0 };
    /// `\Flagged`
    pub const FLAGGED: FlagBits = FlagBits { system: 4, keywords: 0 };
    /// `\Deleted`
    pub const DELETED: FlagBits = FlagBits { system: 8, keywords: 0 };
    /// `\Draft`
    pub const DRAFT: FlagBits = FlagBits { system: 16, keywords: 0 };

    /// Whether all of `other` are set.
    pub fn contains(self, other: FlagBits) -> bool {
        self.and(other) == other
    }

    /// Flags of either.
    pub fn or(self, other: FlagBits) -> FlagBits {
        FlagBits { system: self.system | other.system, keywords: self.keywords | other.keywords }
    }

    /// Flags of both.
    pub fn and(self, other: FlagBits) -> FlagBits {
        FlagBits { system: self.system & other.system, keywords: self.keywords & other.keywords }
    }

    /// Flags of this one only.
    pub fn without(self, other: FlagBits) -> FlagBits {
        FlagBits { system: self.system & !other.system, keywords: self.keywords & !other.keywords }
    }

    /// Its keywords without the system flags.
    pub(crate) fn keywords(self) -> FlagBits {
        FlagBits { system: 0, keywords: self.keywords }
    }

    fn keyword(index: usize) -> FlagBits {
        FlagBits { system: 0, keywords: 1 << index }
    }

    /// The system flags, and the lower and upper half of the keywords.
    pub(crate) fn words(self) -> (u8, [u64; 2]) {
        (self.system, [self.keywords as u64, (self.keywords >> u64::BITS) as u64])
    }

    /// From what [`FlagBits::words`] gave.
    pub(crate) fn from_words(system: u8, [low, high]: [u64; 2]) -> FlagBits {
        FlagBits { system, keywords: u128::from(low) | u128::from(high) << u64::BITS }
    }

    pub(crate) fn encode(self, e: &mut Encoder) {
        e.u32(self.system.into()).u128(self.keywords);
    }

    pub(crate) fn decode(d: &mut Decoder<'_>) -> Result<FlagBits, RecordError> {
        let system = u8::try_from(d.u32()?).map_err(|_| RecordError::Value)?;
        Ok(FlagBits { system, keywords: d.u128()? })
    }
}

const SYSTEM: [(FlagBits, Flag); 5] = [
    (FlagBits::ANSWERED, Flag::Answered),
    (FlagBits::FLAGGED, Flag::Flagged),
    (FlagBits::DELETED, Flag::Deleted),
    (FlagBits::SEEN, Flag::Seen),
    (FlagBits::DRAFT, Flag::Draft),
];

/// Which bit is which keyword; grows only, so that old bits keep their meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeywordTable(Vec<Keyword>);

impl KeywordTable {
    /// The names of the flags that are set, in a fixed order.
    pub fn names(&self, bits: FlagBits) -> impl Iterator<Item = &str> {
        let system = SYSTEM.iter().filter(move |(bit, _)| bits.contains(*bit)).map(|(_, flag)| flag.as_str());
        let keywords = self.0.iter().enumerate().filter(move |(i, _)| bits.contains(FlagBits::keyword(*i)));
        system.chain(keywords.map(|(_, keyword)| keyword.as_str()))
    }

    /// All keywords known to the account.
    pub fn keywords(&self) -> &[Keyword] {
        &self.0
    }

    /// The bits that have names.
    pub(crate) fn all(&self) -> FlagBits {
        (0..self.0.len()).map(FlagBits::keyword).fold(FlagBits::NONE, FlagBits::or)
    }

    /// The bit of `flag`; `None` for a keyword that no message of the account ever had.
    pub fn bit(&self, flag: &Flag) -> Option<FlagBits> {
        match flag {
            Flag::Keyword(keyword) => self.0.iter().position(|k| k == keyword).map(FlagBits::keyword),
            system => SYSTEM.iter().find(|(_, flag)| flag == system).map(|(bit, _)| *bit),
        }
    }

    /// How many of `flags` are keywords without a bit yet would not fit: checked before anything is changed.
    pub(crate) fn fits<'f>(&self, flags: impl IntoIterator<Item = &'f Flag>) -> Result<(), Error> {
        let new = flags.into_iter().filter(|flag| self.bit(flag).is_none()).count();
        if self.0.len() + new > KEYWORDS_MAX { Err(Error::KeywordsFull) } else { Ok(()) }
    }

    /// The bits of `flags`, naming new keywords; whether any was new. Call [`Self::fits`] first.
    pub(crate) fn name(&mut self, flags: &[Flag]) -> (FlagBits, bool) {
        let before = self.0.len();
        let mut bits = FlagBits::NONE;
        for flag in flags {
            if let (Flag::Keyword(keyword), None) = (flag, self.bit(flag)) {
                self.0.push(keyword.clone());
            }
            bits = bits.or(self.bit(flag).unwrap_or_default());
        }
        (bits, self.0.len() > before)
    }

    const FORMAT: u8 = 1;

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Self::FORMAT);
        e.usize(self.0.len());
        self.0.iter().for_each(|keyword| {
            e.str(keyword.as_str());
        });
        e.finish()
    }

    pub(crate) fn decode(row: &[u8]) -> Result<KeywordTable, RecordError> {
        let mut d = Decoder::new(row, Self::FORMAT)?;
        let count = d.count()?;
        // Each has a bit.
        if count > KEYWORDS_MAX {
            return Err(RecordError::Value);
        }
        let keyword = |_| Keyword::new(d.str()?).ok_or(RecordError::Value);
        (0..count).map(keyword).collect::<Result<_, _>>().map(KeywordTable)
    }
}
