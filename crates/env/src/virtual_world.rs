//! A world in one thread, whose clock moves only when nothing else can: a week of retries passes in a second, the same
//! way for the same seed.

use crate::{BoxFuture, Clock, Env, Random, Sleep, Spawn};
use futures_util::task::{ArcWake, waker};
use model::{Moment, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    random: u64,
    ready: VecDeque<Arc<Task>>,
    /// Sleepers by the moment they wake, then by the order in which they lay down.
    sleepers: BTreeMap<(Duration, u64), Waker>,
    next_sleeper: u64,
}

struct Task {
    world: World,
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    queued: AtomicBool,
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
            random: seed,
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

    /// Runs tasks until none can go on without time passing.
    pub fn run_until_stalled(&self) {
        loop {
            let Some(task) = self.state().ready.pop_front() else { return };
            task.queued.store(false, Ordering::Release);
            let Some(mut future) = lock(&task.future).take() else { continue };
            let waker = waker(task.clone());
            if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                *lock(&task.future) = Some(future);
            }
        }
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
        EPOCH + self.state().now
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
        let task = Task { world: self.clone(), future: Mutex::new(Some(task)), queued: AtomicBool::new(true) };
        self.state().ready.push_back(Arc::new(task));
    }
    fn compute(&self, work: Box<dyn FnOnce() + Send>) {
        self.spawn(Box::pin(async move { work() }));
    }
}

impl Random for World {
    /// SplitMix64: enough for a test, and the same on every machine.
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let mut state = self.state();
            state.random = state.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state.random;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bytes = (z ^ (z >> 31)).to_le_bytes();
            chunk.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        }
    }
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
}
