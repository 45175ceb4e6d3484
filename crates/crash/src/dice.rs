//! Where all that is random comes from: one seed. (`sim` has the same with more, and the whole server behind it.)

use env::virtual_world::next_random;

/// A sequence of draws.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of a seed, for a purpose.
    pub fn new(seed: u64, purpose: u64) -> Dice {
        let mut state = seed ^ purpose.wrapping_mul(0x2545_f491_4f6c_dd1d);
        Dice(next_random(&mut state))
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        next_random(&mut self.0)
    }

    /// A number below `n`, 0 for 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    /// Whether something happens that does so in `percent` of all cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.roll() % 100 < percent
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
