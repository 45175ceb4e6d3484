//! A world in one thread, whose clock moves only when nothing else can: a week of retries passes in a second, the same
//! way for the same seed.

use crate::{BoxFuture, Clock, Env, Random, Sleep, Spawn};
use futures_util::task::{ArcWake, waker};
use model::{Moment, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Where the virtual wall clock starts: 2026-01-01 00:00:00 UTC.
pub const EPOCH: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000);

/// A clock, sleepers, tasks and a random sequence; clones are the same world.
#[derive(Clone)]
pub struct World(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
}

struct State {
    now: Duration,
    /// How far the wall clock was set, in milliseconds.
    wall_ms: i64,
    random: u64,
    /// Draws which task is next; without it they take turns.
    shuffle: Option<u64>,
    ready: VecDeque<Arc<Task>>,
    /// Sleepers by the moment they wake, then by the order in which they lay down.
    sleepers: BTreeMap<(Duration, u64), Waker>,
    next_sleeper: u64,
}

struct Task {
    world: World,
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    queued: AtomicBool,
    /// With whom it ends, and as which of them.
    group: Option<(Group, u64)>,
}

impl Task {
    fn poll(self: Arc<Self>) {
        self.queued.store(false, Ordering::Release);
        let Some(mut future) = lock(&self.future).take() else { return };
        let waker = waker(self.clone());
        let pending = future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
        match &self.group {
            Some((group, _)) if pending && group.0.ended.load(Ordering::Acquire) => {}
            _ if pending => *lock(&self.future) = Some(future),
            Some((group, number)) => drop(lock(&group.0.tasks).remove(number)),
            None => {}
        }
    }
}

/// Tasks that end together, wherever each of them waits: a process that is killed. Clones are the same group.
#[derive(Clone)]
pub struct Group(Arc<Members>);

struct Members {
    world: World,
    tasks: Mutex<BTreeMap<u64, Weak<Task>>>,
    next: AtomicU64,
    ended: AtomicBool,
}

impl Group {
    /// Ends all tasks, also those that they still spawn; nothing of them runs any more but what dropping them does.
    pub fn end(&self) {
        self.0.ended.store(true, Ordering::Release);
        let tasks = std::mem::take(&mut *lock(&self.0.tasks));
        for task in tasks.into_values().filter_map(|task| task.upgrade()) {
            let future = lock(&task.future).take();
            drop(future);
        }
    }

    /// How many tasks have not come to their end.
    pub fn len(&self) -> usize {
        lock(&self.0.tasks).len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Spawn for Group {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        if self.0.ended.load(Ordering::Acquire) {
            return;
        }
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let task = self.0.world.begin(task, Some((self.clone(), number)));
        lock(&self.0.tasks).insert(number, Arc::downgrade(&task));
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) {
        self.spawn(Box::pin(async move { work() }));
    }
}

impl ArcWake for Task {
    fn wake_by_ref(task: &Arc<Self>) {
        if !task.queued.swap(true, Ordering::AcqRel) {
            task.world.state().ready.push_back(task.clone());
        }
    }
}

struct Flag(AtomicBool);

impl ArcWake for Flag {
    fn wake_by_ref(flag: &Arc<Self>) {
        flag.0.store(true, Ordering::Release);
    }
}

impl World {
    /// A world whose randomness comes from `seed`.
    pub fn new(seed: u64) -> World {
        let state = State {
            now: Duration::ZERO,
            wall_ms: 0,
            random: seed,
            shuffle: None,
            ready: VecDeque::new(),
            sleepers: BTreeMap::new(),
            next_sleeper: 0,
        };
        World(Arc::new(Shared { state: Mutex::new(state) }))
    }

    /// This world as the bundle that services are wired with.
    pub fn env(&self) -> Env {
        let world = Arc::new(self.clone());
        Env { clock: world.clone(), sleep: world.clone(), spawn: world.clone(), random: world }
    }

    /// A process of its own in this world.
    pub fn group(&self) -> Group {
        let (tasks, next, ended) = Default::default();
        Group(Arc::new(Members { world: self.clone(), tasks, next, ended }))
    }

    /// From now on it is drawn from `seed` which task goes on next: an order that nobody may rely on.
    pub fn shuffle(&self, seed: u64) {
        self.state().shuffle = Some(seed);
    }

    /// Sets the wall clock forth, or back.
    pub fn set_wall(&self, by_ms: i64) {
        self.state().wall_ms += by_ms;
    }

    /// Runs tasks until none can go on without time passing.
    pub fn run_until_stalled(&self) {
        while self.step() {}
    }

    /// Polls one task that can go on; `false` if there is none without time passing.
    pub fn step(&self) -> bool {
        let task = {
            let mut state = self.state();
            match state.shuffle {
                Some(mut seed) if state.ready.len() > 1 => {
                    let drawn = next_random(&mut seed) % state.ready.len() as u64;
                    state.shuffle = Some(seed);
                    state.ready.swap_remove_back(drawn as usize)
                }
                _ => state.ready.pop_front(),
            }
        };
        task.map(Task::poll).is_some()
    }

    /// Moves the clock to the moment when the next sleeper wakes, and wakes it; `false` if nobody sleeps.
    pub fn skip(&self) -> bool {
        self.wake_next(None)
    }

    fn begin(&self, future: BoxFuture<'static, ()>, group: Option<(Group, u64)>) -> Arc<Task> {
        let (future, queued) = (Mutex::new(Some(future)), AtomicBool::new(true));
        let task = Arc::new(Task { world: self.clone(), future, queued, group });
        self.state().ready.push_back(task.clone());
        task
    }

    /// Lets `span` pass, with everything that falls due in it, in order.
    pub fn pass(&self, span: Duration) {
        let end = self.state().now + span;
        self.run_until_stalled();
        while self.wake_next(Some(end)) {
            self.run_until_stalled();
        }
        self.state().now = end;
    }

    /// Runs `future` to its end; time passes only when everything waits.
    ///
    /// # Panics
    /// When nothing can ever go on: a deadlock of the code under test.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            if let Some(value) = self.poll_once(future.as_mut()) {
                return value;
            }
            assert!(self.wake_next(None), "deadlock: everything waits and nobody sleeps");
        }
    }

    /// Runs `future` and the tasks as far as they go without time passing.
    pub fn poll_once<T>(&self, mut future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Option<T> {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = waker(flag.clone());
        while flag.0.swap(false, Ordering::AcqRel) {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(value);
            }
            self.run_until_stalled();
        }
        None
    }

    /// Moves the clock to the next sleeper, unless that is past `limit`, and wakes it.
    fn wake_next(&self, limit: Option<Duration>) -> bool {
        let mut state = self.state();
        let due = state.sleepers.first_key_value().map(|(key, _)| key.0);
        match due {
            Some(due) if limit.is_none_or(|limit| due <= limit) => {
                state.now = state.now.max(due);
                let sleeper = state.sleepers.pop_first();
                drop(state);
                sleeper.into_iter().for_each(|(_, waker)| waker.wake());
                true
            }
            _ => false,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clock for World {
    fn wall(&self) -> Timestamp {
        let state = self.state();
        let at = EPOCH + state.now;
        Timestamp::from_unix_ms(at.unix_ms() + state.wall_ms)
    }
    fn monotonic(&self) -> Moment {
        Moment(self.state().now)
    }
}

impl Sleep for World {
    fn sleep_until(&self, until: Moment) -> BoxFuture<'static, ()> {
        Box::pin(Nap { world: self.clone(), until: until.0, place: None })
    }
}

/// One sleeper, in one place however often it is polled, and gone when nobody waits for it.
struct Nap {
    world: World,
    until: Duration,
    place: Option<u64>,
}

impl Future for Nap {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let world = self.world.clone();
        let mut state = world.state();
        if state.now >= self.until {
            return Poll::Ready(());
        }
        let place = *self.place.get_or_insert_with(|| {
            state.next_sleeper += 1;
            state.next_sleeper
        });
        state.sleepers.insert((self.until, place), cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Nap {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let waker = self.world.state().sleepers.remove(&(self.until, place));
            // Outside of the lock: it may be the last to hold a task that sleeps, too.
            drop(waker);
        }
    }
}

impl Spawn for World {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.begin(task, None);
    }
    fn compute(&self, work: Box<dyn FnOnce() + Send>) {
        self.spawn(Box::pin(async move { work() }));
    }
}

impl Random for World {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let bytes = next_random(&mut self.state().random).to_le_bytes();
            chunk.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        }
    }
}

/// SplitMix64: enough for a test, and the same on every machine.
pub fn next_random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleepers_wake_in_order_and_tasks_outlive_their_maker() {
        let world = World::new(1);
        let seen = Arc::new(Mutex::new(Vec::new()));
        for hours in [3u64, 1, 2] {
            let (world2, seen) = (world.clone(), seen.clone());
            world.spawn(Box::pin(async move {
                world2.sleep_until(Moment(Duration::from_secs(hours * 3600))).await;
                seen.lock().unwrap().push(hours);
            }));
        }
        world.pass(Duration::from_secs(2 * 3600));
        assert_eq!(*seen.lock().unwrap(), [1, 2]);
        world.pass(Duration::from_secs(3600));
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
    }

    #[test]
    fn a_process_ends_with_all_its_tasks() {
        let world = World::new(1);
        let (process, seen) = (world.group(), Arc::new(Mutex::new(Vec::new())));
        let sleeper = |hours: u64| {
            let (world, seen) = (world.clone(), seen.clone());
            Box::pin(async move {
                world.sleep_until(Moment(Duration::from_secs(hours * 3600))).await;
                seen.lock().unwrap().push(hours);
            })
        };
        process.spawn(sleeper(1));
        process.spawn(sleeper(3));
        world.spawn(sleeper(4));
        world.pass(Duration::from_secs(2 * 3600));
        assert_eq!(process.len(), 1);
        process.end();
        process.spawn(sleeper(3));
        world.pass(Duration::from_secs(3 * 3600));
        assert_eq!((seen.lock().unwrap().as_slice(), process.len()), ([1, 4].as_slice(), 0));
    }
}
