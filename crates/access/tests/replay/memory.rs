//! What a client remembers of a mailbox: only what it was told.

use std::collections::{BTreeMap, BTreeSet};

/// A message as the client knows it.
#[derive(Clone, Default, Debug, PartialEq)]
pub struct Message {
    pub flags: Option<BTreeSet<String>>,
    pub modseq: Option<u64>,
}

#[derive(Clone, Default, Debug)]
pub struct Memory {
    pub uid_validity: Option<u32>,
    /// By position; `None` where it was not told the UID.
    pub seqs: Vec<Option<u32>>,
    /// By UID. Of a mailbox opened with QRESYNC also those whose position it does not know.
    pub messages: BTreeMap<u32, Message>,
    /// Flags of messages whose UID it does not know.
    pub flags_at: BTreeMap<usize, Message>,
    /// HIGHESTMODSEQ as RFC 7162 §6 reckons it.
    pub highest: u64,
    /// The last HIGHESTMODSEQ since the last tagged response.
    pub told: Option<u64>,
    /// The greatest MODSEQ since then.
    pub seen: u64,
}

impl Memory {
    /// A mailbox is opened: positions are told anew.
    pub fn opened(&mut self, forget: bool) {
        self.seqs.clear();
        self.flags_at.clear();
        if forget {
            *self = Memory::default();
        }
    }

    pub fn exists(&mut self, count: usize, line: &str) {
        assert!(count >= self.seqs.len(), "{line} with {} known", self.seqs.len());
        self.seqs.resize(count, None);
    }

    pub fn expunged(&mut self, seq: usize) {
        if let Some(uid) = self.seqs.remove(seq - 1) {
            self.messages.remove(&uid);
        }
        let later = self.flags_at.split_off(&seq);
        self.flags_at.extend(later.into_iter().filter(|(at, _)| *at > seq).map(|(at, message)| (at - 1, message)));
    }

    /// VANISHED without EARLIER: every UID was a message of the client's (RFC 7162 §3.2.10.2).
    pub fn vanished(&mut self, uid: u32, line: &str) {
        let known = self.seqs.iter().position(|known| *known == Some(uid));
        let at = known.unwrap_or_else(|| {
            // Where it must have been: any position without UID between its neighbours'.
            let above = self.seqs.iter().position(|known| known.is_some_and(|known| known > uid));
            let above = above.unwrap_or(self.seqs.len());
            let below = self.seqs.iter().rposition(|known| known.is_some_and(|known| known < uid));
            let first = below.map_or(0, |below| below + 1);
            assert!(first < above, "{line}: the client has no message with UID {uid}");
            // Which of them it was nobody can say, so that nobody knows the flags of the others.
            self.flags_at.retain(|seq, _| *seq <= first || *seq > above);
            above - 1
        });
        self.expunged(at + 1);
        self.messages.remove(&uid);
    }

    /// The message at a position, to be changed.
    pub fn at(&mut self, seq: usize) -> &mut Message {
        match self.seqs[seq - 1] {
            Some(uid) => self.messages.entry(uid).or_default(),
            None => self.flags_at.entry(seq).or_default(),
        }
    }

    /// It is told the UID of a position.
    pub fn learn_uid(&mut self, seq: usize, uid: u32, line: &str) {
        let known = *self.seqs[seq - 1].get_or_insert(uid);
        assert_eq!(known, uid, "{line}: position {seq} was {known}");
        let here = self.flags_at.remove(&seq);
        let message = self.messages.entry(uid).or_default();
        if let Some(Message { flags, modseq }) = here {
            message.flags = flags.or(message.flags.take());
            message.modseq = modseq.or(message.modseq);
        }
        let others: Vec<u32> = self.seqs.iter().flatten().copied().collect();
        assert!(others.is_sorted_by(|a, b| a < b), "{line}: UIDs ascend, not {others:?}");
    }

    /// While a mailbox is opened it holds once all is told, else at once.
    pub fn told_highest(&mut self, highest: u64, opening: bool) {
        self.told = Some(highest);
        if !opening {
            self.highest = highest;
        }
    }

    /// The command in progress will never end.
    pub fn cut(&mut self) {
        (self.told, self.seen) = (None, 0);
    }

    pub fn saw(&mut self, modseq: u64) {
        self.seen = self.seen.max(modseq);
    }

    /// A command ends: RFC 7162 §6.
    pub fn tagged(&mut self) {
        self.highest = self.told.take().unwrap_or(self.highest.max(self.seen));
        self.seen = 0;
    }
}
