//! Answers remembered for a while.

use super::answer::{Answer, Failure, Kind, Outcome};
use model::Domain;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Answers remembered, in two halves. Each is at most fifty records of two hundred octets or so, and nearly all are five.
const ENTRIES_MAX: usize = 10_000;

/// Nothing is asked for more often: a queue full of mail for one domain is one question.
pub(super) const TTL_MIN: Duration = Duration::from_secs(30);

/// A mistake that was corrected is over after that time, whatever the zone said.
pub(super) const TTL_MAX: Duration = Duration::from_secs(60 * 60);

/// The same for what does not exist, for it is often about to be made.
pub(super) const NEGATIVE_TTL_MAX: Duration = Duration::from_secs(5 * 60);

/// RFC 9520 §3.2: failures are remembered too, from one second to five minutes.
pub(super) const FAILURE_TTL: Duration = Duration::from_secs(5);

type Half = HashMap<(Domain, Kind), (Outcome, Instant)>;

/// What was used lately stays: when the young half is full, it becomes the old one, and what was old and not asked for
/// since is forgotten.
#[derive(Default)]
pub(super) struct Cache {
    young: Half,
    old: Half,
}

impl Cache {
    pub(super) fn get(&mut self, name: &Domain, kind: Kind, now: Instant) -> Option<Outcome> {
        let key = (name.clone(), kind);
        if let Some((outcome, until)) = self.young.get(&key) {
            return (now < *until).then(|| outcome.clone());
        }
        let (outcome, until) = self.old.remove(&key).filter(|(_, until)| now < *until)?;
        self.insert(key, (outcome.clone(), until));
        Some(outcome)
    }

    pub(super) fn put(&mut self, name: Domain, kind: Kind, answer: &Answer, now: Instant) {
        let ttl = match &answer.outcome {
            Err(Failure::Temporary(_)) => FAILURE_TTL,
            _ => answer.ttl.clamp(TTL_MIN, TTL_MAX),
        };
        self.insert((name, kind), (answer.outcome.clone(), now + ttl));
    }

    fn insert(&mut self, key: (Domain, Kind), entry: (Outcome, Instant)) {
        if self.young.len() >= ENTRIES_MAX / 2 && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn name(n: usize) -> Domain {
        Domain::new(&format!("n{n}.test")).unwrap()
    }

    fn answer(seconds: u64) -> Answer {
        Answer { outcome: Ok(Arc::from([])), ttl: Duration::from_secs(seconds) }
    }

    #[test]
    fn answers_last_as_long_as_they_may() {
        let start = Instant::now();
        let lasts = |answer: Answer| {
            let mut cache = Cache::default();
            cache.put(name(1), Kind::Mx, &answer, start);
            assert!(cache.get(&name(1), Kind::A, start).is_none() && cache.get(&name(2), Kind::Mx, start).is_none());
            let held = |seconds: &u64| cache.get(&name(1), Kind::Mx, start + Duration::from_secs(*seconds)).is_none();
            (0..10_000).find(held).unwrap()
        };
        assert_eq!(lasts(answer(0)), 30);
        assert_eq!(lasts(answer(100)), 100);
        assert_eq!(lasts(answer(100_000)), 3600);
        assert_eq!(lasts(Answer::no_such_name()), 300);
        assert_eq!(lasts(Answer::failed("as the test wants".to_owned())), 5);
    }

    #[test]
    fn what_is_used_stays_and_the_rest_is_bounded() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        for n in 0..5 * ENTRIES_MAX {
            cache.put(name(n), Kind::A, &answer(1000), now);
            assert!(cache.get(&name(0), Kind::A, now).is_some());
        }
        assert!(cache.young.len() + cache.old.len() <= ENTRIES_MAX);
        assert!(cache.get(&name(1), Kind::A, now).is_none());
    }
}
