//! A blob's hash, taken apart: BLAKE3 is a tree, so each group of octets can be checked by itself.
//!
//! The values of the groups come from the octets and are worth nothing until their root is the blob's name; from then on a
//! group that fits its value is the one that was written (docs/decisions/0017-blob-checks.md).

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::BlobId;

/// Octets of a group: a power of two, and as many as the fastest processors hash side by side.
pub(super) const GROUP_OCTETS: usize = 16 << 10;
/// What the values of blobs may take in memory: those of about 4 GiB of blobs.
const KNOWN_OCTETS_MAX: usize = 8 << 20;
/// What one blob's entry takes beside its values.
const ENTRY_OCTETS: usize = 160;

/// What the groups of a blob have to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) octets: u64,
    /// None where the whole blob is one group: its hash is the name.
    groups: Box<[ChainingValue]>,
}

impl Tree {
    /// Whether `octets` are the group number `at` of blob `id`.
    pub(super) fn has(&self, id: BlobId, at: usize, octets: &[u8]) -> bool {
        if self.groups.is_empty() {
            return at == 0 && *blake3::hash(octets).as_bytes() == id.0;
        }
        self.groups.get(at).is_some_and(|value| group(at).update(octets).finalize_non_root() == *value)
    }

    fn held_octets(&self) -> usize {
        ENTRY_OCTETS + size_of_val(&*self.groups)
    }
}

/// Hashes group number `at`.
fn group(at: usize) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.set_input_offset((at * GROUP_OCTETS) as u64);
    hasher
}

/// Takes a blob's octets from its first to its last.
pub(super) struct Grower {
    group: Hasher,
    in_group: usize,
    groups: Vec<ChainingValue>,
    octets: u64,
}

impl Grower {
    pub(super) fn new() -> Grower {
        Grower { group: Hasher::new(), in_group: 0, groups: Vec::new(), octets: 0 }
    }

    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    pub(super) fn push(&mut self, mut octets: &[u8]) {
        self.octets += octets.len() as u64;
        while !octets.is_empty() {
            if self.in_group == GROUP_OCTETS {
                self.end_group();
            }
            let (now, later) = octets.split_at(octets.len().min(GROUP_OCTETS - self.in_group));
            self.group.update(now);
            self.in_group += now.len();
            octets = later;
        }
    }

    fn end_group(&mut self) {
        self.groups.push(self.group.finalize_non_root());
        (self.group, self.in_group) = (group(self.groups.len()), 0);
    }

    /// The name of the blob, and what its groups are.
    pub(super) fn finish(mut self) -> (BlobId, Tree) {
        let octets = self.octets;
        if self.groups.is_empty() {
            return (BlobId(*self.group.finalize().as_bytes()), Tree { octets, groups: Box::default() });
        }
        self.end_group();
        let id = BlobId(root(self.groups.clone()));
        (id, Tree { octets, groups: self.groups.into() })
    }
}

/// The hash of a blob of two groups or more: neighbours are merged, level by level; the last without one goes up as it is.
fn root(mut level: Vec<ChainingValue>) -> [u8; 32] {
    let merged = |pair: &[ChainingValue]| match pair {
        [left, right] => merge_subtrees_non_root(left, right, Mode::Hash),
        [alone, ..] => *alone,
        [] => ChainingValue::default(), // no chunk is empty
    };
    while level.len() > 2 {
        level = level.chunks(2).map(merged).collect();
    }
    match level.as_slice() {
        [left, right] => *merge_subtrees_root(left, right, Mode::Hash).as_bytes(),
        one => merged(one),
    }
}

/// The trees of blobs that were written or read whole not long ago.
#[derive(Default)]
pub(super) struct Known(Mutex<Generations>);

/// Who is asked for moves to the young; when they have become too many, the old go and the young are old.
#[derive(Default)]
struct Generations {
    young: HashMap<BlobId, Arc<Tree>>,
    old: HashMap<BlobId, Arc<Tree>>,
    young_octets: usize,
}

impl Known {
    pub(super) fn get(&self, id: BlobId) -> Option<Arc<Tree>> {
        let mut generations = self.generations();
        if let Some(tree) = generations.young.get(&id) {
            return Some(tree.clone());
        }
        let tree = generations.old.remove(&id)?;
        generations.add(id, tree.clone());
        Some(tree)
    }

    pub(super) fn add(&self, id: BlobId, tree: Arc<Tree>) {
        self.generations().add(id, tree);
    }

    pub(super) fn forget(&self, id: BlobId) {
        let mut generations = self.generations();
        generations.old.remove(&id);
        if let Some(tree) = generations.young.remove(&id) {
            generations.young_octets = generations.young_octets.saturating_sub(tree.held_octets());
        }
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn add(&mut self, id: BlobId, tree: Arc<Tree>) {
        let octets = tree.held_octets();
        if self.young_octets + octets > KNOWN_OCTETS_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_octets = 0;
        }
        if self.young.insert(id, tree).is_none() {
            self.young_octets += octets;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grown(octets: &[u8], piece: usize) -> (BlobId, Tree) {
        let mut grower = Grower::new();
        octets.chunks(piece).for_each(|piece| grower.push(piece));
        grower.finish()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn the_root_is_the_hash_and_a_group_is_known_again(groups in 0usize..12, more in 0usize..GROUP_OCTETS, piece in 1usize..100_000, flip: usize) {
            let mut octets: Vec<u8> = (0..groups * GROUP_OCTETS + more).map(|n| (n ^ (n >> 7)) as u8).collect();
            let (id, tree) = grown(&octets, piece);
            prop_assert_eq!(id.0, *blake3::hash(&octets).as_bytes());
            prop_assert_eq!(tree.octets, octets.len() as u64);
            for (at, group) in octets.chunks(GROUP_OCTETS).enumerate() {
                prop_assert!(tree.has(id, at, group));
                prop_assert!(!tree.has(id, at + 1, group));
            }
            if !octets.is_empty() {
                let flip = flip % octets.len();
                octets[flip] ^= 1;
                for (at, group) in octets.chunks(GROUP_OCTETS).enumerate() {
                    prop_assert_eq!(tree.has(id, at, group), at != flip / GROUP_OCTETS);
                }
            }
        }
    }

    #[test]
    fn what_is_known_is_bounded() {
        let known = Known::default();
        let tree = || Arc::new(Tree { octets: 1 << 30, groups: vec![[0; 32]; 2000].into() });
        for n in 0..=255 {
            known.add(BlobId([n; 32]), tree());
            known.add(BlobId([n; 32]), tree());
            let generations = known.generations();
            let held =
                |trees: &HashMap<BlobId, Arc<Tree>>| trees.values().map(|tree| tree.held_octets()).sum::<usize>();
            assert!(held(&generations.young) + held(&generations.old) <= KNOWN_OCTETS_MAX);
        }
        assert!(known.get(BlobId([255; 32])).is_some() && known.get(BlobId([0; 32])).is_none());
        known.forget(BlobId([255; 32]));
        assert!(known.get(BlobId([255; 32])).is_none());
    }
}
