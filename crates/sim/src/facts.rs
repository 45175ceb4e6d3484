//! What views of mailboxes told anybody: it holds for everybody, for ever.

use std::collections::{BTreeMap, BTreeSet};

/// A mailbox as clients know it: whose, and its UIDVALIDITY, which no two mailboxes of an account share.
pub type Place = (usize, u32);
/// A message of a mailbox: where, and its UID, which no two messages of a mailbox share.
pub type Member = (Place, u32);

/// UIDNEXT and HIGHESTMODSEQ that somebody was told.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Floor {
    /// UIDNEXT
    pub uid_next: u32,
    /// HIGHESTMODSEQ
    pub modseq: u64,
}

/// What an acknowledged STORE has done: `+`, `-` or nothing, and the flag.
pub type Stored = (&'static str, &'static str);

/// All that was ever told.
#[derive(Default)]
pub struct Facts {
    messages: BTreeMap<Member, String>,
    flags: BTreeMap<(Member, u64), String>,
    stored: BTreeMap<(Member, u64), Vec<Stored>>,
    /// Messages of which somebody takes `\Deleted` away, or tries to.
    unmarked: BTreeSet<Member>,
    /// The greatest MODSEQ that was told of a message, and in which turn.
    modseqs: BTreeMap<Member, (u64, u64)>,
    /// In which turn a message was told to be gone.
    gone: BTreeMap<Member, u64>,
    turn: u64,
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
    pub fn flags(&mut self, (place, uid): Member, modseq: u64, flags: &str) -> Result<(), String> {
        let at = ((place, uid), modseq);
        let known = self.flags.entry(at).or_insert_with(|| flags.to_owned());
        same(known, flags, || format!("flags of UID {uid} of {place:?} at MODSEQ {modseq}"))?;
        self.stored.get(&at).into_iter().flatten().try_for_each(|stored| holds(at, flags, *stored))
    }

    /// A STORE was acknowledged, and this MODSEQ told with it.
    pub fn stored(&mut self, member: Member, modseq: u64, stored: Stored) -> Result<(), String> {
        let at = (member, modseq);
        self.stored.entry(at).or_default().push(stored);
        self.flags.get(&at).map_or(Ok(()), |flags| holds(at, flags, stored))
    }

    /// A STORE is begun.
    pub fn storing(&mut self, member: Member, (sign, flag): Stored) {
        let unmarks = match sign {
            "+" => false,
            "-" => flag == "\\Deleted",
            _ => flag != "\\Deleted",
        };
        if unmarks {
            self.unmarked.insert(member);
        }
    }

    /// An EXPUNGE was acknowledged to somebody who knows this message as it was at this MODSEQ.
    pub fn expunged(&mut self, member: Member, modseq: u64) {
        let flags = self.flags.get(&(member, modseq)).filter(|_| !self.unmarked.contains(&member));
        if flags.is_some_and(|flags| flags.contains("\\Deleted")) {
            self.gone(member);
        }
    }

    /// All that was told of messages so far was told up to this turn.
    pub fn turn(&self) -> u64 {
        self.turn
    }

    /// A message is there at this MODSEQ, says a look that began after `since`.
    pub fn there(&mut self, member: Member, modseq: u64, since: u64) -> Result<(), String> {
        self.turn += 1;
        let (highest, turn) = *self.modseqs.entry(member).or_insert((modseq, self.turn));
        if modseq > highest {
            self.modseqs.insert(member, (modseq, self.turn));
        }
        let ((place, uid), undone) = (member, modseq < highest && turn <= since);
        let floor = self.floors.entry(place).or_default();
        floor.modseq = floor.modseq.max(modseq);
        if undone {
            return Err(format!("UID {uid} of {place:?} is back at MODSEQ {modseq}, and had {highest}"));
        }
        self.not_gone(member, since)
    }

    /// A message is gone.
    pub fn gone(&mut self, member: Member) {
        self.turn += 1;
        self.gone.entry(member).or_insert(self.turn);
    }

    /// A message is there, says a look that began after `since`.
    pub fn not_gone(&self, (place, uid): Member, since: u64) -> Result<(), String> {
        match self.gone.get(&(place, uid)) {
            Some(turn) if *turn <= since => Err(format!("UID {uid} of {place:?} was gone, and is there again")),
            _ => Ok(()),
        }
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

fn holds(at: (Member, u64), flags: &str, (sign, flag): Stored) -> Result<(), String> {
    let (((place, uid), modseq), has) = (at, flags.split(' ').any(|has| has == flag));
    let holds = if sign.is_empty() { flags == flag } else { has == (sign == "+") };
    let wrong = || format!("{sign}FLAGS {flag} of UID {uid} of {place:?} gave {flags:?} at MODSEQ {modseq}");
    if holds { Ok(()) } else { Err(wrong()) }
}

fn same(known: &str, told: &str, what: impl FnOnce() -> String) -> Result<(), String> {
    if known == told { Ok(()) } else { Err(format!("{} was {known:?} and is {told:?}", what())) }
}
