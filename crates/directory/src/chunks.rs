//! A sorted set in chunks that its copies share: a copy costs a pointer for each chunk, a change one chunk.

use std::mem;
use std::sync::Arc;

/// A change copies this many at most, some 15 KiB; a hundred thousand lie in four hundred chunks.
const CHUNK_MAX: usize = 256;

/// What has a place in the order, which is its own alone.
pub(crate) trait Keyed {
    type Key: Ord + Copy;

    fn key(&self) -> Self::Key;
}

/// Never with an empty chunk.
#[derive(Clone)]
pub(crate) struct Chunks<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Chunks<T> {
        Chunks { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Keyed + Clone> Chunks<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    pub(crate) fn get(&self, key: &T::Key) -> Option<&T> {
        self.range_from(key).next().filter(|item| item.key() == *key)
    }

    /// From the first that is not before `key` on.
    pub(crate) fn range_from(&self, key: &T::Key) -> impl Iterator<Item = &T> + use<'_, T> {
        let at = self.chunk_of(key);
        let behind = self.chunks.get(at).and_then(|chunk| {
            let place = chunk.partition_point(|item| item.key() < *key);
            chunk.get(place..)
        });
        let rest = self.chunks.iter().skip(at + 1).flat_map(|chunk| chunk.iter());
        behind.unwrap_or_default().iter().chain(rest)
    }

    /// Puts `item` where it belongs; gives back what was there.
    pub(crate) fn put(&mut self, item: T) -> Option<T> {
        let (key, at) = (item.key(), self.chunk_of(&item.key()));
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(Arc::new(vec![item]));
            self.len += 1;
            return None;
        };
        let chunk = Arc::make_mut(chunk);
        let place = match chunk.binary_search_by_key(&key, Keyed::key) {
            Ok(found) => return chunk.get_mut(found).map(|old| mem::replace(old, item)),
            Err(place) => place,
        };
        self.len += 1;
        if chunk.len() < CHUNK_MAX {
            chunk.insert(place, item);
            return None;
        }
        // What comes in order leaves full chunks behind.
        let kept = if place == chunk.len() { place } else { chunk.len() / 2 };
        let mut rest = chunk.split_off(kept);
        match place.checked_sub(kept) {
            Some(place) => rest.insert(place, item),
            None => chunk.insert(place, item),
        }
        self.chunks.insert(at + 1, Arc::new(rest));
        None
    }

    pub(crate) fn remove(&mut self, key: &T::Key) -> Option<T> {
        let at = self.chunk_of(key);
        let chunk = self.chunks.get_mut(at)?;
        let place = chunk.binary_search_by_key(key, Keyed::key).ok()?;
        let chunk = Arc::make_mut(chunk);
        let removed = chunk.remove(place);
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(at);
        } else {
            self.join(at);
            self.join(at.saturating_sub(1));
        }
        Some(removed)
    }

    /// Makes one chunk of this and the next where they are small: else a set that grew and shrank would be many of few.
    fn join(&mut self, at: usize) {
        let [Some(one), Some(next)] = [at, at + 1].map(|at| self.chunks.get(at)) else { return };
        if one.len() + next.len() <= CHUNK_MAX / 2 {
            let next = self.chunks.remove(at + 1);
            if let Some(one) = self.chunks.get_mut(at) {
                Arc::make_mut(one).extend(next.iter().cloned());
            }
        }
    }

    /// Leaves no room unused: for when many were put in without order.
    pub(crate) fn pack(&mut self) {
        let mut packed: Vec<Arc<Vec<T>>> = Vec::with_capacity(self.len.div_ceil(CHUNK_MAX));
        let mut chunk = Vec::with_capacity(CHUNK_MAX);
        for old in mem::take(&mut self.chunks) {
            for item in Arc::unwrap_or_clone(old) {
                chunk.push(item);
                if chunk.len() == CHUNK_MAX {
                    packed.push(Arc::new(mem::replace(&mut chunk, Vec::with_capacity(CHUNK_MAX))));
                }
            }
        }
        if !chunk.is_empty() {
            chunk.shrink_to_fit();
            packed.push(Arc::new(chunk));
        }
        self.chunks = packed;
    }

    /// The chunk in which `key` is, or would be put.
    fn chunk_of(&self, key: &T::Key) -> usize {
        let is_before = |chunk: &Arc<Vec<T>>| chunk.first().is_some_and(|first| first.key() <= *key);
        self.chunks.partition_point(is_before).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests;
