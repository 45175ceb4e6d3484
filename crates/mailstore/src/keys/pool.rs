//! Keys that are kept for the next who asks, within a bound for the whole process.

use super::{Keys, WantedKeys};
use crate::error::Error;
use model::{AccountId, MailboxId, Moment};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Keys of all mailboxes, kept or in use: a million messages fit into half of it. Beyond that sorting is refused.
pub const KEYS_OCTETS_MAX: usize = 256 << 20;
/// Keys that are kept though nobody uses them.
pub const KEYS_KEPT_OCTETS_MAX: usize = 64 << 20;
/// How long they are kept: web mail connects anew for each page.
const KEPT_FOR: Duration = Duration::from_secs(10 * 60);

type Whose = (AccountId, MailboxId);

/// All keys that are kept.
#[derive(Default)]
pub(crate) struct KeysPool {
    kept: Mutex<HashMap<Whose, Kept>>,
    octets: Arc<AtomicUsize>,
}

struct Kept {
    keys: Arc<Keys>,
    used: Moment,
}

impl KeysPool {
    pub fn new_keys(&self, wanted: WantedKeys) -> Keys {
        Keys::new(wanted, Lease { octets: 0, all: self.octets.clone() })
    }

    /// Takes what is kept, or begins anew, then with all that was ever wanted. Keys that somebody still reads are copied.
    pub fn take(&self, whose: Whose, wanted: WantedKeys, now: Moment) -> Keys {
        let mut kept = self.kept();
        let taken = kept.remove(&whose);
        tidy(&mut kept, now);
        drop(kept);
        match taken.map(|taken| taken.keys) {
            Some(keys) if keys.wanted.includes(wanted) => Arc::unwrap_or_clone(keys),
            Some(keys) => self.new_keys(keys.wanted.and(wanted)),
            None => self.new_keys(wanted),
        }
    }

    /// What is kept, to be read.
    pub fn kept_for(&self, whose: Whose, wanted: WantedKeys, now: Moment) -> Option<Arc<Keys>> {
        let mut kept = self.kept();
        let found = kept.get_mut(&whose).filter(|found| found.keys.wanted.includes(wanted))?;
        found.used = now;
        Some(found.keys.clone())
    }

    pub fn keep(&self, whose: Whose, keys: Keys, now: Moment) -> Arc<Keys> {
        let keys = Arc::new(keys);
        let mut kept = self.kept();
        if keys.octets() <= KEYS_KEPT_OCTETS_MAX {
            kept.insert(whose, Kept { keys: keys.clone(), used: now });
        }
        tidy(&mut kept, now);
        keys
    }

    /// What all that is kept or in use takes.
    #[cfg(test)]
    pub fn octets(&self) -> usize {
        self.octets.load(Ordering::Relaxed)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Whose, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops what nobody used for long, then the longest unused that are too much.
fn tidy(kept: &mut HashMap<Whose, Kept>, now: Moment) {
    kept.retain(|_, one| now - one.used < KEPT_FOR);
    let mut octets: usize = kept.values().map(|one| one.keys.octets()).sum();
    while octets > KEYS_KEPT_OCTETS_MAX {
        let Some((&whose, _)) = kept.iter().min_by_key(|(_, one)| one.used) else { return };
        octets -= kept.remove(&whose).map_or(octets, |one| one.keys.octets());
    }
}

/// A share of what keys may take in this process.
#[derive(Debug)]
pub(crate) struct Lease {
    octets: usize,
    all: Arc<AtomicUsize>,
}

impl Lease {
    pub fn octets(&self) -> usize {
        self.octets
    }

    pub fn grow(&mut self, octets: usize) -> Result<(), Error> {
        if self.all.fetch_add(octets, Ordering::Relaxed) + octets > KEYS_OCTETS_MAX {
            self.all.fetch_sub(octets, Ordering::Relaxed);
            return Err(Error::TooManyAtOnce);
        }
        self.octets += octets;
        Ok(())
    }

    pub fn shrink(&mut self, octets: usize) {
        let octets = octets.min(self.octets);
        self.octets -= octets;
        self.all.fetch_sub(octets, Ordering::Relaxed);
    }
}

impl Clone for Lease {
    /// A copy counts as well; it may go beyond the bound, but then cannot grow.
    fn clone(&self) -> Lease {
        self.all.fetch_add(self.octets, Ordering::Relaxed);
        Lease { octets: self.octets, all: self.all.clone() }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.all.fetch_sub(self.octets, Ordering::Relaxed);
    }
}
