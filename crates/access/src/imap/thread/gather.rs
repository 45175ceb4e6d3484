//! Conversations that only the subject holds together: steps 4 to 6 of REFERENCES (RFC 5256 §3).

use super::Message;
use super::forest::{Forest, Root};
use super::link::Pruned;
use mailstore::TextId;
use std::collections::HashMap;

/// The tops of conversations, while they are merged.
pub(super) struct Gathering<'a> {
    messages: &'a [Message<'a>],
    /// The place of each message in the order of dates.
    ranks: Vec<u32>,
    parents: Vec<Option<u32>>,
    tops: Vec<Top>,
}

#[derive(Default)]
enum Top {
    Message(u32),
    /// One that is not here, and its children.
    Dummy(Vec<u32>),
    /// It became part of another.
    #[default]
    Merged,
}

impl<'a> Gathering<'a> {
    /// Step 4: the tops in the order of their dates, a dummy's being that of its first child.
    pub fn new(messages: &'a [Message<'a>], by_date: &[u32], pruned: Pruned) -> Gathering<'a> {
        let mut ranks = vec![0; messages.len()];
        for (rank, place) in (0..).zip(by_date) {
            if let Some(slot) = ranks.get_mut(*place as usize) {
                *slot = rank;
            }
        }
        let tops =
            pruned.roots.into_iter().map(Top::Message).chain(pruned.dummies.into_iter().map(Top::Dummy)).collect();
        let mut gathering = Gathering { messages, ranks, parents: pruned.parents, tops };
        gathering.sort();
        gathering
    }

    fn sort(&mut self) {
        let ranks = &self.ranks;
        let rank = |place: &u32| ranks.get(*place as usize).copied();
        for top in &mut self.tops {
            if let Top::Dummy(children) = top {
                children.sort_unstable_by_key(rank);
            }
        }
        self.tops.sort_unstable_by_key(|top| top.first().as_ref().and_then(rank));
    }

    /// Step 5: tops with the same base subject become one.
    pub fn gather(&mut self) {
        let mut table = self.subject_table();
        for current in 0..self.tops.len() {
            let Some(subject) = self.subject(current) else { continue };
            let Some(&other) = table.get(&subject) else { continue };
            if other != current {
                self.merge(current, other, table.entry(subject).or_insert(other));
            }
        }
    }

    /// Step 5.B: for each subject the top that others join.
    fn subject_table(&self) -> HashMap<TextId, usize> {
        let mut table = HashMap::new();
        for (current, top) in self.tops.iter().enumerate() {
            let Some(subject) = self.subject(current) else { continue };
            let entry = table.entry(subject).or_insert(current);
            let better = match (self.tops.get(*entry), top) {
                (Some(Top::Message(_)), Top::Dummy(_)) => true,
                (Some(Top::Message(there)), Top::Message(here)) => self.is_reply(*there) && !self.is_reply(*here),
                _ => false,
            };
            if better {
                *entry = current;
            }
        }
        table
    }

    /// Step 5.C
    fn merge(&mut self, current: usize, other: usize, entry: &mut usize) {
        let joining = self.tops.get_mut(current).map(std::mem::take).unwrap_or_default();
        let current_is_reply = joining.first().is_some_and(|first| self.is_reply(first));
        let other_is_reply = self.tops.get(other).and_then(Top::first).is_some_and(|first| self.is_reply(first));
        match (joining, self.tops.get_mut(other)) {
            (Top::Dummy(children), Some(Top::Dummy(into))) => into.extend(children),
            (Top::Message(message), Some(Top::Dummy(into))) => into.push(message),
            (Top::Message(message), Some(Top::Message(parent))) if current_is_reply && !other_is_reply => {
                if let Some(slot) = self.parents.get_mut(message as usize) {
                    *slot = Some(*parent);
                }
            }
            (Top::Message(message), Some(there @ Top::Message(_))) => {
                let children = there.first().into_iter().chain([message]).collect();
                *there = Top::Merged;
                *entry = self.tops.len();
                self.tops.push(Top::Dummy(children));
            }
            // A dummy takes a message's place in the table, so none joins a message.
            (joining, _) => self.tops.extend([joining]),
        }
    }

    /// The thread subject of a top; `None` if it is empty, or there is no such top any more.
    fn subject(&self, top: usize) -> Option<TextId> {
        let first = self.tops.get(top)?.first()?;
        Some(self.messages.get(first as usize)?.subject).filter(|subject| *subject != TextId::EMPTY)
    }

    fn is_reply(&self, place: u32) -> bool {
        self.messages.get(place as usize).is_some_and(|message| message.is_reply)
    }

    /// Step 6: all siblings in the order of their dates.
    pub fn into_forest(mut self, by_date: &[u32]) -> Forest {
        self.sort();
        let root = |top| match top {
            Top::Message(message) => Some(Root::Message(message)),
            Top::Dummy(children) => Some(Root::Missing(children)),
            Top::Merged => None,
        };
        Forest::new(self.tops.into_iter().filter_map(root).collect(), &self.parents, by_date)
    }
}

impl Top {
    /// The message that speaks for it.
    fn first(&self) -> Option<u32> {
        match self {
            Top::Message(message) => Some(*message),
            Top::Dummy(children) => children.first().copied(),
            Top::Merged => None,
        }
    }
}
