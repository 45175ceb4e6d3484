//! What a world is like. Each seed has some of the faults, each at a rate of its own: so that in one world or another every
//! branch is likely, and a fault does not always hide behind a louder one.

use crate::dice::Dice;
use crate::fault::Fault;
use std::collections::BTreeMap;
use std::time::Duration;

/// A world's constants.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Letters that are written.
    pub letters: u64,
    /// Mailboxes' owners.
    pub accounts: usize,
    /// Domains elsewhere.
    pub domains: usize,
    /// Servers that bring mail, at the same time.
    pub strangers: usize,
    /// People who send.
    pub submitters: usize,
    /// Programs that deliver by LMTP.
    pub locals: usize,
    /// Mail programs with IMAP.
    pub readers: usize,
    /// Mail programs with POP3.
    pub poppers: usize,
    /// Whether the order of tasks is drawn.
    pub shuffled: bool,
    /// Milliseconds that a commit usually takes, at most.
    pub sync_ms: u64,
    /// Seconds between two connections of a client, at most.
    pub pace_s: u64,
    /// Milliseconds that a client's network takes, at most.
    pub latency_ms: u64,
    /// Polls between two crashes, about.
    pub crash_every: u64,
    /// Virtual seconds between two changes of the weather, about.
    pub weather_every_s: u64,
    /// Deliveries that may wait in the queue.
    pub queue_max: usize,
    /// Bodies that may come in at once.
    pub bodies_max: usize,
    /// Of the mail, how much is larger than a row may be.
    pub large: f64,
    /// Octets that an account may keep, for one in three of them.
    pub quota: Option<u64>,
    /// How long what was deleted is kept.
    pub kept: Duration,
    rates: BTreeMap<Fault, f64>,
}

impl Plan {
    /// The plan of a seed, for a world with so many letters.
    pub fn new(dice: &mut Dice, letters: u64) -> Plan {
        // One world in sixteen has no faults at all: what is odd there is ours.
        let calm = dice.chance(1.0 / 16.0);
        let mut rates = BTreeMap::new();
        for fault in Fault::ALL {
            if dice.chance(0.55) && !calm {
                rates.insert(fault, dice.scaled(0.004, 0.25));
            }
        }
        // Few who say much, or many who say little; rarely a crowd.
        let most = (letters as f64 / 60.0).clamp(1.5, 16.0) * if dice.chance(0.03) { 20.0 } else { 1.0 };
        let crowd = dice.scaled(1.0, most);
        let some = |dice: &mut Dice, most: f64| (dice.scaled(1.0, most) * crowd).ceil() as usize;
        Plan {
            letters,
            accounts: dice.between(2, 12) as usize,
            domains: dice.between(1, 6) as usize,
            strangers: some(dice, 6.0),
            submitters: some(dice, 3.0),
            locals: some(dice, 2.0),
            readers: some(dice, 3.0),
            poppers: some(dice, 1.5),
            shuffled: dice.chance(0.6),
            sync_ms: dice.scaled(1.0, 300.0) as u64,
            pace_s: dice.scaled(1.0, 1_200.0) as u64,
            latency_ms: if dice.chance(0.4) { dice.scaled(1.0, 500.0) as u64 } else { 0 },
            crash_every: dice.scaled(1_500.0, 60_000.0) as u64,
            weather_every_s: dice.scaled(20.0, 2_000.0) as u64,
            queue_max: if dice.chance(0.2) { dice.between(3, 60) as usize } else { 100_000 },
            bodies_max: if dice.chance(0.2) { dice.between(1, 4) as usize } else { 500 },
            large: if dice.chance(0.5) { dice.scaled(0.004, 0.06) } else { 0.0 },
            quota: dice.chance(0.3).then(|| dice.scaled(5_000.0, 500_000.0) as u64),
            kept: if dice.chance(0.5) { dice.seconds(60, 5 * 86_400) } else { Duration::ZERO },
            rates,
        }
    }

    /// How likely a fault is where it may happen; 0 in worlds without it.
    pub fn rate(&self, fault: Fault) -> f64 {
        self.rates.get(&fault).copied().unwrap_or(0.0)
    }

    /// Whether nothing goes wrong here.
    pub fn is_calm(&self) -> bool {
        self.rates.is_empty()
    }

    /// Everything that connects.
    pub fn crowd(&self) -> usize {
        self.strangers + self.submitters + self.locals + self.readers + self.poppers
    }
}
