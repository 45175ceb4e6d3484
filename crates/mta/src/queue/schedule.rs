//! Which delivery is tried when: pure, so that a week of retries is a test of milliseconds.
//!
//! Deliveries lie in the lane of their destination. Lanes whose first delivery is due take turns, so that a destination
//! with a long queue does not hold up the others. A lane opens more connections while they succeed, and closes for a while
//! when the destination cannot be reached: its deliveries then wait without costing an attempt each. A connection that has been at
//! one message for long gives its place back, so that slow destinations do not hold up quick ones.

use model::{QueueId, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// One recipient of one message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DeliveryKey {
    /// The message.
    pub id: QueueId,
    /// Which of its recipients.
    pub ordinal: u32,
}

/// Where deliveries go that are tried over one connection.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Destination {
    /// Our own mailboxes.
    Local,
    /// A next hop, by its name: the domain, or a route's.
    Remote(Arc<str>),
}

/// How much at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScheduleLimits {
    /// Messages under way that make progress.
    pub at_once_max: usize,
    /// Messages under way that have taken longer than [`SLOW_AFTER`].
    pub slow_max: usize,
    /// Connections to one destination.
    pub per_destination_max: usize,
    /// Messages a minute to one destination, where one is slowed down on purpose.
    pub rate_per_minute: Option<u32>,
}

impl Default for ScheduleLimits {
    /// 100 quick and 1,000 slow ones: some MiB of memory and a tenth of the open files. 20 connections are what large
    /// receivers take from one address.
    fn default() -> ScheduleLimits {
        ScheduleLimits { at_once_max: 100, slow_max: 1000, per_destination_max: 20, rate_per_minute: None }
    }
}

/// Recipients of one transaction: RFC 5321 §4.5.3.1.8 lets servers refuse more.
pub const RECIPIENTS_MAX: usize = 100;
/// A healthy next hop takes a message in less, or not much more. Until then a silent one holds up others.
pub const SLOW_AFTER: Duration = Duration::from_secs(1);
/// Connections to a destination of which nothing is known yet: many may be silent.
const WINDOW_FIRST: usize = 1;
/// Senders that are told of something overdue at once: each costs a reading of the message.
const OVERDUE_MAX: usize = 32;
/// The pause before the first retry, doubled for each further one: greylisting lets most in after some minutes, and
/// RFC 5321 §4.5.4.1 wants 30 minutes in the long run.
const RETRY_FIRST: Duration = Duration::from_secs(60);
const RETRY_LAST: Duration = Duration::from_secs(3600);
/// What was to be tried so long ago was not: the server was off, or its clock was set forward, or others were first. It has as long
/// from now on before its sender is told anything, and before it is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(3600);

/// Deliveries to be tried over one connection: all of one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The place among those under way; give it back with [`Schedule::finished`].
    pub token: u64,
    /// Where to.
    pub destination: Destination,
    /// Which; one or more.
    pub keys: Vec<DeliveryKey>,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Work {
    /// Try these.
    Attempt(Grant),
    /// Its sender must be told: it is late, or it has expired.
    Overdue(DeliveryKey),
}

/// How a destination did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Health {
    /// It talked to us.
    Reachable,
    /// It could not be reached or used, for this reason.
    Unreachable(Arc<str>),
}

/// A closed lane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closed {
    /// When it is tried again.
    pub until: Timestamp,
    /// Why it is closed.
    pub cause: Arc<str>,
}

#[derive(Debug)]
struct Entry {
    lane: Arc<Destination>,
    due: Timestamp,
    deadline: Timestamp,
    /// Its deadline was put off once.
    patient: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Waiting,
    UnderWay,
    Held,
}

#[derive(Debug)]
struct Lane {
    name: Arc<Destination>,
    due: BTreeSet<(Timestamp, DeliveryKey)>,
    under_way: usize,
    window: usize,
    failures: u32,
    closed: Option<Closed>,
    not_before: Timestamp,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Nowhere,
    Sleeping(Timestamp),
    Ready,
}

/// All deliveries that wait, and when each is tried.
#[derive(Debug)]
pub struct Schedule {
    limits: ScheduleLimits,
    entries: BTreeMap<DeliveryKey, Entry>,
    /// Those of which nothing else is known.
    unreadable: BTreeSet<DeliveryKey>,
    deadlines: BTreeSet<(Timestamp, DeliveryKey)>,
    overdue: HashSet<DeliveryKey>,
    lanes: HashMap<Arc<Destination>, Lane>,
    sleeping: BTreeSet<(Timestamp, Arc<Destination>)>,
    ready: VecDeque<Arc<Destination>>,
    /// Places by when their attempt began.
    quick: BTreeSet<(Timestamp, u64)>,
    slow: HashSet<u64>,
    places: HashMap<u64, (Arc<Destination>, Timestamp)>,
    next_token: u64,
}

impl Schedule {
    /// Nothing waits.
    pub fn new(limits: ScheduleLimits) -> Schedule {
        Schedule {
            limits,
            entries: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            overdue: HashSet::new(),
            lanes: HashMap::new(),
            sleeping: BTreeSet::new(),
            ready: VecDeque::new(),
            quick: BTreeSet::new(),
            slow: HashSet::new(),
            places: HashMap::new(),
            next_token: 0,
        }
    }

    /// Other limits from now on; what is under way beyond them ends as it began.
    pub fn set_limits(&mut self, limits: ScheduleLimits) {
        self.limits = limits;
        for lane in self.lanes.values_mut() {
            lane.window = lane.window.min(limits.per_destination_max);
        }
    }

    /// Deliveries that are not done.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Attempts under way.
    pub fn under_way(&self) -> usize {
        self.places.len()
    }

    /// Adds a delivery, or puts one that is known elsewhere: it is tried from `due` on, and reported as overdue at `deadline`.
    pub fn put(&mut self, key: DeliveryKey, destination: Destination, due: Timestamp, deadline: Timestamp) {
        self.remove(key);
        let lane = self.lane(destination);
        lane.due.insert((due, key));
        let name = lane.name.clone();
        self.deadlines.insert((deadline, key));
        self.entries.insert(key, Entry { lane: name.clone(), due, deadline, patient: false, state: State::Waiting });
        self.settle(&name);
    }

    /// Adds a delivery that is neither tried nor overdue until it is [`put`](Self::put) again.
    pub fn hold(&mut self, key: DeliveryKey, destination: Destination) {
        self.remove(key);
        let never = Timestamp::from_unix_ms(i64::MAX);
        let lane = Arc::new(destination);
        self.entries.insert(key, Entry { lane, due: never, deadline: never, patient: false, state: State::Held });
    }

    /// There is a delivery of which the row cannot be read: its message is not done.
    pub fn put_unreadable(&mut self, key: DeliveryKey) {
        self.unreadable.insert(key);
    }

    /// Deliveries of a message that are not done.
    pub fn open(&self, id: QueueId) -> usize {
        self.entries.range(all_of(id)).count() + self.unreadable.range(all_of(id)).count()
    }

    /// Forgets a delivery; `false` when it is not there.
    pub fn remove(&mut self, key: DeliveryKey) -> bool {
        self.overdue.remove(&key);
        let Some(entry) = self.entries.remove(&key) else { return false };
        self.deadlines.remove(&(entry.deadline, key));
        if let Some(lane) = self.lanes.get_mut(&entry.lane) {
            lane.due.remove(&(entry.due, key));
        }
        self.settle(&entry.lane);
        true
    }

    /// A delivery under way is to be tried again at `due`, with everything else as it was.
    pub fn postpone(&mut self, key: DeliveryKey, due: Timestamp) {
        if let Some(entry) = self.entries.get(&key) {
            let (destination, deadline) = ((*entry.lane).clone(), entry.deadline);
            self.put(key, destination, due, deadline.max(due));
        }
    }

    /// Takes a delivery to be changed: it is not tried until it is [`put`](Self::put) again. `false` when it is not there
    /// or under way.
    pub fn take(&mut self, key: DeliveryKey) -> bool {
        let Some(entry) = self.entries.get_mut(&key).filter(|entry| entry.state != State::UnderWay) else {
            return false;
        };
        entry.state = State::UnderWay;
        let (name, due) = (entry.lane.clone(), entry.due);
        if let Some(lane) = self.lanes.get_mut(&name) {
            lane.due.remove(&(due, key));
        }
        self.settle(&name);
        true
    }

    /// When it is tried next; `None` for one that is held, under way or unknown.
    pub fn due(&self, key: DeliveryKey) -> Option<Timestamp> {
        self.entries.get(&key).filter(|entry| entry.state == State::Waiting).map(|entry| entry.due)
    }

    /// Why nothing is tried at a destination now.
    pub fn closed(&self, destination: &Destination) -> Option<&Closed> {
        self.lanes.get(destination)?.closed.as_ref()
    }

    /// Destinations with what waits for each, and what is under way.
    pub fn destinations(&self) -> impl Iterator<Item = (&Destination, usize, usize, Option<&Closed>)> {
        self.lanes.values().map(|lane| (&*lane.name, lane.due.len(), lane.under_way, lane.closed.as_ref()))
    }

    /// Opens a closed lane: somebody knows better.
    pub fn reopen(&mut self, destination: &Destination) {
        let Some(lane) = self.lanes.get_mut(destination) else { return };
        lane.closed = None;
        lane.failures = 0;
        let name = lane.name.clone();
        self.settle(&name);
    }

    /// The next thing to do, if there is one that may be done now.
    pub fn next(&mut self, now: Timestamp) -> Option<Work> {
        while self.overdue.len() < OVERDUE_MAX
            && let Some(&(deadline, key)) = self.deadlines.first()
            && deadline <= now
        {
            self.deadlines.remove(&(deadline, key));
            if !self.put_off(key, now) && self.take(key) {
                self.overdue.insert(key);
                return Some(Work::Overdue(key));
            }
        }
        self.wake(now);
        if !self.has_room() {
            return None;
        }
        while let Some(name) = self.ready.pop_front() {
            if let Some(lane) = self.lanes.get_mut(&name) {
                lane.place = Place::Nowhere;
            }
            let grant = self.grant(&name, now);
            self.settle(&name);
            if let Some(grant) = grant {
                return Some(Work::Attempt(grant));
            }
        }
        None
    }

    /// Whether the delivery gets its turn before its sender is told anything.
    fn put_off(&mut self, key: DeliveryKey, now: Timestamp) -> bool {
        let Some(entry) = self.entries.get_mut(&key) else { return false };
        if entry.patient || entry.state != State::Waiting || entry.due + PATIENCE > now {
            return false;
        }
        (entry.patient, entry.deadline) = (true, now + PATIENCE);
        self.deadlines.insert((entry.deadline, key));
        true
    }

    /// More for a connection that is free again, unless others wait for its place.
    pub fn again(&mut self, destination: &Destination, now: Timestamp) -> Option<Grant> {
        self.wake(now);
        let name = self.lanes.get(destination)?.name.clone();
        let others = self.ready.iter().any(|ready| *ready != name);
        if (others && !self.has_room()) || self.lanes.get(&name)?.closed.is_some() {
            return None;
        }
        let grant = self.grant(&name, now);
        self.settle(&name);
        grant
    }

    /// When [`next`](Self::next) may have something new; `None`: not before something changes.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let deadline = self.deadlines.first().map(|first| first.0).filter(|_| self.overdue.len() < OVERDUE_MAX);
        let lane = if !self.has_room() {
            // Only a quick one that becomes slow makes room.
            self.quick.first().map(|first| first.0 + SLOW_AFTER)
        } else if self.ready.is_empty() {
            self.sleeping.first().map(|first| first.0)
        } else {
            Some(Timestamp::from_unix_ms(0))
        };
        [deadline, lane].into_iter().flatten().min()
    }

    /// The attempt is over and what it came to was recorded by [`put`](Self::put) or [`remove`](Self::remove); `jitter` is
    /// random, so that lanes that closed together do not open together.
    pub fn finished(&mut self, token: u64, health: &Health, now: Timestamp, jitter: u32) {
        let Some((name, since)) = self.places.remove(&token) else { return };
        self.quick.remove(&(since, token));
        self.slow.remove(&token);
        let per_destination_max = self.limits.per_destination_max;
        if let Some(lane) = self.lanes.get_mut(&name) {
            lane.under_way = lane.under_way.saturating_sub(1);
            match health {
                Health::Reachable => {
                    lane.failures = 0;
                    lane.closed = None;
                    lane.window = (lane.window + 1).min(per_destination_max);
                }
                // Those that were under way together fail together: that counts once.
                Health::Unreachable(_) if lane.closed.as_ref().is_some_and(|closed| closed.until > now) => {}
                Health::Unreachable(cause) => {
                    lane.failures = lane.failures.saturating_add(1);
                    lane.window = 1;
                    let until = now + retry_pause(lane.failures, jitter);
                    lane.closed = Some(Closed { until, cause: cause.clone() });
                }
            }
        }
        self.settle(&name);
    }

    fn has_room(&self) -> bool {
        self.quick.len() < self.limits.at_once_max && self.slow.len() < self.limits.slow_max
    }

    /// Time has passed: lanes become ready, and attempts slow.
    fn wake(&mut self, now: Timestamp) {
        while let Some(&(since, token)) = self.quick.first()
            && since + SLOW_AFTER <= now
        {
            self.quick.remove(&(since, token));
            self.slow.insert(token);
        }
        while let Some((at, _)) = self.sleeping.first()
            && *at <= now
            && let Some((_, name)) = self.sleeping.pop_first()
        {
            if let Some(lane) = self.lanes.get_mut(&name) {
                lane.place = Place::Ready;
                self.ready.push_back(name);
            }
        }
    }

    /// The first due delivery of the lane, with those of the same message.
    fn grant(&mut self, name: &Arc<Destination>, now: Timestamp) -> Option<Grant> {
        let lane = self.lanes.get_mut(name)?;
        let closed = lane.closed.as_ref().is_some_and(|closed| closed.until > now);
        let &(due, first) = lane.due.first()?;
        if due > now || closed || lane.under_way >= lane.window || lane.not_before > now {
            return None;
        }
        let mut keys = Vec::new();
        for (key, entry) in self.entries.range_mut(all_of(first.id)) {
            let fits = entry.lane == *name && entry.state == State::Waiting && entry.due <= now;
            if fits && keys.len() < RECIPIENTS_MAX {
                lane.due.remove(&(entry.due, *key));
                entry.state = State::UnderWay;
                keys.push(*key);
            }
        }
        lane.under_way += 1;
        if let Some(rate) = self.limits.rate_per_minute {
            lane.not_before = now + Duration::from_secs(60) / rate.max(1);
        }
        let token = self.next_token;
        self.next_token += 1;
        self.places.insert(token, (name.clone(), now));
        self.quick.insert((now, token));
        Some(Grant { token, destination: (**name).clone(), keys })
    }

    fn lane(&mut self, destination: Destination) -> &mut Lane {
        let name = Arc::new(destination);
        self.lanes.entry(name.clone()).or_insert_with(|| Lane {
            name,
            due: BTreeSet::new(),
            under_way: 0,
            window: WINDOW_FIRST,
            failures: 0,
            closed: None,
            not_before: Timestamp::from_unix_ms(0),
            place: Place::Nowhere,
        })
    }

    /// Puts the lane where it belongs after a change: among the sleeping or the ready, or away when it is empty.
    fn settle(&mut self, name: &Arc<Destination>) {
        let Some(lane) = self.lanes.get_mut(name) else { return };
        let first = lane.due.first().map(|first| first.0);
        let at = first.filter(|_| lane.under_way < lane.window).map(|due| {
            let opens = lane.closed.as_ref().map_or(due, |closed| due.max(closed.until));
            opens.max(lane.not_before)
        });
        match (lane.place, at) {
            (Place::Ready, _) => return,
            (Place::Sleeping(old), Some(new)) if old == new => return,
            (Place::Sleeping(old), _) => {
                self.sleeping.remove(&(old, name.clone()));
            }
            (Place::Nowhere, _) => {}
        }
        lane.place = at.map_or(Place::Nowhere, Place::Sleeping);
        match at {
            Some(at) => {
                self.sleeping.insert((at, name.clone()));
            }
            None if first.is_none() && lane.under_way == 0 => {
                self.lanes.remove(name);
            }
            None => {}
        }
    }
}

fn all_of(id: QueueId) -> RangeInclusive<DeliveryKey> {
    DeliveryKey { id, ordinal: 0 }..=DeliveryKey { id, ordinal: u32::MAX }
}

/// How long to wait before attempt `failures + 1`: doubled each time, with up to a quarter more by `jitter`.
pub fn retry_pause(failures: u32, jitter: u32) -> Duration {
    let doubled = RETRY_FIRST * 2u32.saturating_pow(failures.saturating_sub(1).min(16));
    let pause = doubled.min(RETRY_LAST);
    pause + pause.mul_f64(f64::from(jitter) / f64::from(u32::MAX) / 4.0)
}

#[cfg(test)]
mod tests;
