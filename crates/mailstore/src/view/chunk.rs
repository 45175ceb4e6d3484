//! A part of a view: packed, or loose while it changes, for what changed once often changes again soon, and all sessions
//! compare it then.

use super::{Member, Packed};
use crate::flags::FlagBits;
use model::Uid;

/// Members in ascending order of their UIDs; at least one.
#[derive(Clone, Debug)]
pub(super) enum Chunk {
    Packed(Packed),
    Loose(Box<[Member]>),
}

impl Chunk {
    pub fn len(&self) -> usize {
        match self {
            Chunk::Packed(packed) => packed.len(),
            Chunk::Loose(members) => members.len(),
        }
    }

    pub fn get(&self, index: usize) -> Option<Member> {
        match self {
            Chunk::Packed(packed) => packed.get(index),
            Chunk::Loose(members) => members.get(index).copied(),
        }
    }

    pub fn uid(&self, index: usize) -> Option<Uid> {
        match self {
            Chunk::Packed(packed) => packed.uid(index),
            Chunk::Loose(members) => members.get(index).map(|member| member.uid),
        }
    }

    pub fn last_uid(&self) -> Option<Uid> {
        self.uid(self.len().checked_sub(1)?)
    }

    /// Where `uid` is, or would be.
    pub fn find(&self, uid: Uid) -> Result<usize, usize> {
        match self {
            Chunk::Packed(packed) => packed.find(uid),
            Chunk::Loose(members) => members.binary_search_by_key(&uid, |member| member.uid),
        }
    }

    pub fn iter_from(&self, index: usize) -> impl Iterator<Item = Member> + '_ {
        (index..self.len()).filter_map(|index| self.get(index))
    }

    /// The first without all of `flags`, which are system flags.
    pub fn first_without(&self, flags: FlagBits) -> Option<usize> {
        match self {
            Chunk::Packed(packed) => packed.first_without(flags),
            Chunk::Loose(members) => members.iter().position(|member| !member.flags.contains(flags)),
        }
    }

    pub fn is_loose(&self) -> bool {
        matches!(self, Chunk::Loose(_))
    }
}
