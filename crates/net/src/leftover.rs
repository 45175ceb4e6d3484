//! Input that the conversation did not take yet.

/// Octets in order of arrival; it holds no memory while it is empty.
#[derive(Default)]
pub(crate) struct Leftover {
    octets: Vec<u8>,
    taken: usize,
}

impl Leftover {
    /// How many octets wait.
    pub(crate) fn len(&self) -> usize {
        self.octets.len() - self.taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What waits.
    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(self.taken..).unwrap_or_default()
    }

    pub(crate) fn append(&mut self, octets: &[u8]) {
        // Moves what waits to the front once as much was taken, so that each octet moves at most once on average.
        if self.taken > self.len() {
            self.octets.drain(..self.taken);
            self.taken = 0;
        }
        self.octets.extend_from_slice(octets);
    }

    /// Forgets the first `octets`.
    pub(crate) fn take(&mut self, octets: usize) {
        self.taken += octets.min(self.len());
        if self.is_empty() {
            *self = Leftover::default();
        }
    }
}
