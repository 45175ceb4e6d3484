//! Where all that is random comes from: one seed.

use env::virtual_world::next_random;
use std::time::Duration;

/// A sequence of draws.
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// A sequence of its own, so that one who draws more does not change what others draw.
    pub fn fork(&mut self) -> Dice {
        Dice(self.roll())
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        next_random(&mut self.0)
    }

    /// A number below `n`, 0 for 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n.max(1)
    }

    /// A number of the range, both ends included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// Whether something of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        ((self.roll() >> 11) as f64) < probability * (1u64 << 53) as f64
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }

    /// Small ones as likely as large ones: each doubling gets the same share.
    pub fn scaled(&mut self, low: f64, high: f64) -> f64 {
        let share = (self.roll() >> 11) as f64 / (1u64 << 53) as f64;
        low * (high / low).powf(share)
    }

    /// A time, small ones as likely as large ones.
    pub fn pause(&mut self, low: Duration, high: Duration) -> Duration {
        Duration::from_micros(self.scaled(low.as_micros().max(1) as f64, high.as_micros() as f64) as u64)
    }

    /// Milliseconds up to `high`.
    pub fn millis(&mut self, low: u64, high: u64) -> Duration {
        self.pause(Duration::from_millis(low), Duration::from_millis(high))
    }

    /// Seconds up to `high`.
    pub fn seconds(&mut self, low: u64, high: u64) -> Duration {
        self.pause(Duration::from_secs(low), Duration::from_secs(high))
    }
}
