//! From the bits of a membership to the flags that a client reads.

use mailstore::{FlagBits, KeywordTable};
use model::Flag;

/// The bits of an account with their flags, in the order in which they are told.
pub(crate) struct FlagNames(Vec<(FlagBits, Flag)>);

/// The system flags that exist (RFC 9051 §2.3.2).
pub(crate) const SYSTEM: [Flag; 5] = [Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Seen, Flag::Draft];

impl FlagNames {
    pub fn new(table: &KeywordTable) -> FlagNames {
        let named = |flag: Flag| table.bit(&flag).map(|bit| (bit, flag));
        FlagNames(all(table).into_iter().filter_map(named).collect())
    }

    pub fn of(&self, bits: FlagBits) -> impl Iterator<Item = &Flag> {
        self.0.iter().filter(move |(bit, _)| bits.contains(*bit)).map(|(_, flag)| flag)
    }
}

/// System flags and all keywords of the account.
pub(crate) fn all(table: &KeywordTable) -> Vec<Flag> {
    SYSTEM.into_iter().chain(table.keywords().iter().cloned().map(Flag::Keyword)).collect()
}
