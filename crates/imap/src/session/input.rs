//! Octets that came and are not yet looked at.

use std::ops::Range;

/// A queue of octets with a bound.
#[derive(Debug, Default)]
pub(super) struct Input {
    octets: Vec<u8>,
    start: usize,
}

impl Input {
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.octets.capacity()
    }

    /// Takes as many octets as fit below `max`.
    pub(super) fn push(&mut self, octets: &[u8], max: usize) -> usize {
        if self.start > self.octets.len() / 2 {
            self.octets.drain(..self.start);
            self.start = 0;
        }
        let n = octets.len().min(max.saturating_sub(self.rest().len()));
        self.octets.extend_from_slice(octets.get(..n).unwrap_or_default());
        n
    }

    pub(super) fn rest(&self) -> &[u8] {
        self.octets.get(self.start..).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.octets.len()
    }

    /// Passes over up to `n` octets and says where they lie until the next `push`.
    pub(super) fn take(&mut self, n: usize) -> Range<usize> {
        let end = self.octets.len().min(self.start + n);
        let range = self.start..end;
        self.start = end;
        range
    }

    /// Passes over the octets up to and with the next line feed, or over all; whether there was one.
    pub(super) fn take_line(&mut self) -> (Range<usize>, bool) {
        match self.rest().iter().position(|&b| b == b'\n') {
            Some(at) => (self.take(at + 1), true),
            None => (self.take(usize::MAX - self.start), false),
        }
    }

    pub(super) fn slice(&self, range: Range<usize>) -> &[u8] {
        self.octets.get(range).unwrap_or_default()
    }

    /// Gives the memory back when nothing is held.
    pub(super) fn release(&mut self) {
        if self.is_empty() {
            *self = Input::default();
        }
    }
}
