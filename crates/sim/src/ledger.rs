//! What clients were promised, what they are in doubt of, what they took away themselves, and what next hops took.

use crate::facts::{Facts, Member};
use crate::letter::{Goal, Letter};
use crate::names::Names;
use std::collections::{BTreeMap, BTreeSet};

/// How an attempt to hand in a letter ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The server said yes.
    Acked,
    /// It said no, or never got the whole of it.
    Refused,
    /// The answer was lost, or what it rests on.
    Doubt,
}

/// What is known of a letter on its way to one goal.
#[derive(Clone, Default, Debug)]
pub struct Fate {
    /// How often the server said yes.
    pub acked: u32,
    /// How often nobody knows.
    pub doubt: u32,
    /// Whether a fault had a hand in it.
    pub touched: bool,
    /// By which addresses it was sent there.
    pub names: BTreeSet<String>,
    /// A client took it away, or tried to.
    pub doomed: bool,
    /// How often a client copied it, or tried to.
    pub copied: u32,
}

/// A next hop took a letter for somebody.
#[derive(Clone, Debug)]
pub struct Take {
    /// Our number of the message.
    pub queue_id: String,
    /// [`Scene::doubts`](crate::scene::Scene::doubts) when the connection was opened.
    pub doubts: u64,
    /// When the connection was opened: what came over it may be read long after our server gave it up.
    pub opened: u64,
    /// When our server was told for certain.
    pub told: Option<u64>,
}

/// Everything.
#[derive(Default)]
pub struct Ledger {
    /// By their numbers.
    pub letters: Vec<Letter>,
    /// What is known of each.
    pub fates: BTreeMap<(u64, Goal), Fate>,
    /// What next hops took, by letter and recipient.
    pub takes: BTreeMap<(u64, String), Vec<Take>>,
    /// Reports of failure that reached a sender elsewhere.
    pub reports: BTreeSet<(u64, String)>,
    /// What views told.
    pub facts: Facts,
    /// Where an acknowledged APPEND, COPY or MOVE put a letter.
    pub promised: BTreeSet<Member>,
    /// Messages that a client takes away, or marks for that.
    pub doomed: BTreeSet<Member>,
    /// Mailboxes that no two clients change at once.
    pub names: Names,
    /// Most octets that a conversation wanted to say at once.
    pub output_octets_max: usize,
    /// Most tasks of the server at once.
    pub tasks_max: usize,
}

impl Ledger {
    /// An attempt has ended for those goals of a letter.
    pub fn attempted(&mut self, letter: &Letter, recipients: &[&str], outcome: Outcome, touched: bool) {
        let behind = letter.recipients.iter().filter(|to| recipients.contains(&to.address.as_str()));
        let goals: BTreeSet<&Goal> = behind.clone().flat_map(|to| &to.goals).collect();
        for goal in goals {
            let fate = self.fates.entry((letter.tag, goal.clone())).or_default();
            match outcome {
                Outcome::Acked => fate.acked += 1,
                Outcome::Doubt => fate.doubt += 1,
                Outcome::Refused => {}
            }
            fate.touched |= touched || outcome != Outcome::Acked;
            fate.names.extend(behind.clone().filter(|to| to.goals.contains(goal)).map(|to| to.address.clone()));
        }
    }

    /// A fault had a hand in the way of this letter.
    pub fn touch(&mut self, tag: u64) {
        let from = (tag, Goal::Account(0));
        self.fates.range_mut(from..).take_while(|((of, _), _)| *of == tag).for_each(|(_, fate)| fate.touched = true);
    }

    /// A client takes this letter away from an account.
    pub fn doom(&mut self, tag: u64, account: usize) {
        self.fates.entry((tag, Goal::Account(account))).or_default().doomed = true;
    }

    /// A client takes this message, which is a letter, away.
    pub fn doom_member(&mut self, tag: u64, member: Member) {
        self.doom(tag, member.0.0);
        self.doomed.insert(member);
    }

    /// A client copies this letter within an account.
    pub fn copy(&mut self, tag: u64, account: usize) {
        self.fates.entry((tag, Goal::Account(account))).or_default().copied += 1;
    }

    /// A next hop takes a letter for a recipient. `Err` if it had it before, and there was no reason to send it again.
    pub fn take(&mut self, tag: u64, recipient: &str, take: Take) -> Result<usize, String> {
        let takes = self.takes.entry((tag, recipient.to_owned())).or_default();
        let known = |old: &Take| old.told.is_some_and(|told| told < take.opened) && old.doubts == take.doubts;
        let again = takes.iter().any(|old| old.queue_id == take.queue_id && known(old));
        takes.push(take);
        if again {
            return Err(format!(
                "letter {tag} was sent twice to {recipient}, though the next hop had said yes: {takes:?}"
            ));
        }
        Ok(takes.len() - 1)
    }

    /// The answer to a take has arrived.
    pub fn told(&mut self, tag: u64, recipient: &str, number: usize, at: u64) {
        if let Some(take) = self.takes.get_mut(&(tag, recipient.to_owned())).and_then(|takes| takes.get_mut(number)) {
            take.told = Some(at);
        }
    }

    /// What a letter is made of.
    pub fn letter(&self, tag: u64) -> Option<&Letter> {
        self.letters.get(usize::try_from(tag).ok()?)
    }
}
