//! Passwords verified a short while ago: clients log in again and again, and hashing each time would eat the machine.

use model::Moment;
use std::collections::HashMap;
use std::time::Duration;

/// A changed password stops working within this time, even if everything else fails.
pub(crate) const REMEMBERED_FOR: Duration = Duration::from_secs(600);
/// At some 64 octets each under a MiB; accounts beyond that hash once more.
const REMEMBERED_MAX: usize = 10_000;

/// A keyed hash over account, credential, password and the network it came from: without this process's key it says nothing.
pub(crate) type Proof = [u8; blake3::OUT_LEN];

/// What was verified, and until when that counts.
#[derive(Default)]
pub(crate) struct Remembered(HashMap<Proof, Moment>);

impl Remembered {
    /// Whether this was verified lately.
    pub(crate) fn holds(&self, proof: &Proof, now: Moment) -> bool {
        self.0.get(proof).is_some_and(|&until| now < until)
    }

    /// Keeps it from now on; asking for it does not prolong its time.
    pub(crate) fn keep(&mut self, proof: Proof, now: Moment) {
        if self.0.len() >= REMEMBERED_MAX {
            self.0.retain(|_, until| now < *until);
        }
        if self.0.len() >= REMEMBERED_MAX
            && let Some(oldest) = self.0.iter().min_by_key(|(_, until)| **until).map(|(proof, _)| *proof)
        {
            self.0.remove(&oldest);
        }
        self.0.insert(proof, now + REMEMBERED_FOR);
    }
}
