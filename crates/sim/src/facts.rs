//! What views of mailboxes told anybody: it holds for everybody, for ever.

use std::collections::BTreeMap;

/// A mailbox as clients know it: whose, and its UIDVALIDITY, which no two mailboxes of an account share.
pub type Place = (usize, u32);

/// UIDNEXT and HIGHESTMODSEQ that somebody was told.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Floor {
    /// UIDNEXT
    pub uid_next: u32,
    /// HIGHESTMODSEQ
    pub modseq: u64,
}

/// All that was ever told.
#[derive(Default)]
pub struct Facts {
    messages: BTreeMap<(Place, u32), String>,
    flags: BTreeMap<(Place, u32, u64), String>,
    floors: BTreeMap<Place, Floor>,
    unique_ids: BTreeMap<(usize, String), String>,
}

impl Facts {
    /// A UID is this message, by its Message-ID.
    pub fn message(&mut self, place: Place, uid: u32, message_id: &str) -> Result<(), String> {
        let known = self.messages.entry((place, uid)).or_insert_with(|| message_id.to_owned());
        let floor = self.floors.entry(place).or_default();
        floor.uid_next = floor.uid_next.max(uid + 1);
        same(known, message_id, || format!("UID {uid} of {place:?}"))
    }

    /// At this MODSEQ a message has these flags.
    pub fn flags(&mut self, place: Place, uid: u32, modseq: u64, flags: &str) -> Result<(), String> {
        let known = self.flags.entry((place, uid, modseq)).or_insert_with(|| flags.to_owned());
        let floor = self.floors.entry(place).or_default();
        floor.modseq = floor.modseq.max(modseq);
        same(known, flags, || format!("flags of UID {uid} of {place:?} at MODSEQ {modseq}"))
    }

    /// A message's unique id in POP3.
    pub fn unique_id(&mut self, account: usize, id: &str, message_id: &str) -> Result<(), String> {
        let known = self.unique_ids.entry((account, id.to_owned())).or_insert_with(|| message_id.to_owned());
        same(known, message_id, || format!("unique id {id} of account {account}"))
    }

    /// What everybody was told of a mailbox so far.
    pub fn floor(&self, place: Place) -> Floor {
        self.floors.get(&place).copied().unwrap_or_default()
    }

    /// A mailbox is opened, and was known like `floor` to somebody when that was asked for.
    pub fn opened(&mut self, place: Place, uid_next: u32, modseq: u64, floor: Floor) -> Result<(), String> {
        let highest = self.floors.entry(place).or_default();
        (highest.uid_next, highest.modseq) = (highest.uid_next.max(uid_next), highest.modseq.max(modseq));
        if uid_next < floor.uid_next || modseq < floor.modseq {
            return Err(format!("{place:?} has UIDNEXT {uid_next} and MODSEQ {modseq}, and had {floor:?}"));
        }
        Ok(())
    }

    /// All mailboxes of which anything was told.
    pub fn floors(&self) -> impl Iterator<Item = (&Place, &Floor)> {
        self.floors.iter()
    }
}

fn same(known: &str, told: &str, what: impl FnOnce() -> String) -> Result<(), String> {
    if known == told { Ok(()) } else { Err(format!("{} was {known:?} and is {told:?}", what())) }
}
