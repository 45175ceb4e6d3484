//! Turns for others while much text is searched.

use crate::imap::out::yield_now;

/// Octets that are looked at before others get their turn: well under a millisecond, however many keys a search has.
const OCTETS_AT_ONCE: usize = 256 * 1024;

/// What was looked at since the last turn.
#[derive(Default)]
pub(super) struct Pace(usize);

impl Pace {
    /// Counts `octets`, and lets others run when it is their turn.
    pub async fn took(&mut self, octets: usize) {
        self.0 += octets;
        if self.0 >= OCTETS_AT_ONCE {
            self.0 = 0;
            yield_now().await;
        }
    }
}
