//! From the bits of a membership to the flags that a client reads.

use super::recent::Recent;
use imap::NumberSet;
use mailstore::{FlagBits, KeywordTable};
use model::{Flag, Uid};

/// The bits of an account with their flags, in the order in which they are told.
pub(crate) struct FlagNames {
    flags: Vec<(FlagBits, Flag)>,
    recent: NumberSet,
}

/// The flag that belongs to a session and is never stored, nor set by a client (RFC 3501 §2.3.2).
const RECENT: &str = "\\Recent";

/// The system flags that exist (RFC 9051 §2.3.2).
pub(crate) const SYSTEM: [Flag; 5] = [Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Seen, Flag::Draft];

impl FlagNames {
    /// For a session to which the messages with the UIDs `recent` are so.
    pub fn new(table: &KeywordTable, recent: &Recent) -> FlagNames {
        let named = |flag: Flag| table.bit(&flag).map(|bit| (bit, flag));
        FlagNames { flags: all(table).into_iter().filter_map(named).collect(), recent: recent.uids().clone() }
    }

    pub fn of(&self, uid: Uid, bits: FlagBits) -> impl Iterator<Item = &str> {
        let recent = self.recent.contains(uid.0).then_some(RECENT);
        let kept = self.flags.iter().filter(move |(bit, _)| bits.contains(*bit)).map(|(_, flag)| flag.as_str());
        recent.into_iter().chain(kept)
    }
}

/// System flags and all keywords of the account.
pub(crate) fn all(table: &KeywordTable) -> Vec<Flag> {
    SYSTEM.into_iter().chain(table.keywords().iter().cloned().map(Flag::Keyword)).collect()
}
