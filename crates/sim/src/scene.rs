//! What all who act in a world share: clock and network, the plan, the ledger, and the chronicle of what happened.

use crate::dice::Dice;
use crate::fault::{Fault, Tally};
use crate::ledger::Ledger;
use crate::plan::Plan;
use env::virtual_net::Net;
use env::virtual_world::{Group, World};
use env::{BoxFuture, Clock, Sleep, Spawn};
use model::Moment;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Violations that are told of one world; one is as bad as many.
const VIOLATIONS_MAX: usize = 20;

/// A world and all that is known of it; clones are the same.
#[derive(Clone)]
pub struct Scene(Arc<Inner>);

struct Inner {
    world: World,
    /// All that goes on outside of the server.
    outside: Group,
    net: Net,
    plan: Plan,
    ledger: Mutex<Ledger>,
    chronicle: Mutex<Chronicle>,
    /// Nothing goes wrong any more.
    healed: AtomicBool,
    /// Counts what leaves it open whether something was written: crashes, stores that were opened anew.
    doubts: AtomicU64,
    /// Counts everything that storage, clock and process suffer.
    blows: AtomicU64,
    /// Puts what happens at one moment into an order.
    turns: AtomicU64,
    /// Milliseconds by which the wall clock was set back, all together.
    set_back_ms: AtomicU64,
    /// Milliseconds by which it was set forth.
    set_forth_ms: AtomicU64,
    /// Clients that have something to do.
    busy: Arc<AtomicU64>,
    /// Those among them who bring mail.
    carriers: Arc<AtomicU64>,
}

#[derive(Default)]
struct Chronicle {
    tally: Tally,
    violations: Vec<String>,
    hash: u64,
    shown: bool,
}

impl Scene {
    /// An empty world.
    pub fn new(plan: Plan, dice: &mut Dice, shown: bool) -> Scene {
        let world = World::new(dice.roll());
        if plan.shuffled {
            world.shuffle(dice.roll());
        }
        let outside = world.group();
        let net = Net::new(Arc::new(outside.clone()));
        let chronicle = Mutex::new(Chronicle { shown, ..Chronicle::default() });
        let (ledger, healed, doubts, blows, turns, set_back_ms, set_forth_ms, busy, carriers) = Default::default();
        Scene(Arc::new(Inner {
            world,
            outside,
            net,
            plan,
            ledger,
            chronicle,
            healed,
            doubts,
            blows,
            turns,
            set_back_ms,
            set_forth_ms,
            busy,
            carriers,
        }))
    }

    /// The clock, and who runs.
    pub fn world(&self) -> &World {
        &self.0.world
    }

    /// Begins something outside of the server.
    pub fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.outside.spawn(task);
    }

    /// Ends all that goes on outside of the server: what waits knows its world, which could not go.
    pub fn end(&self) {
        self.0.outside.end();
        self.0.net.clear();
        self.0.world.run_until_stalled();
    }

    /// The network.
    pub fn net(&self) -> &Net {
        &self.0.net
    }

    /// What this world is like.
    pub fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// What was promised to whom.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.0.ledger)
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.0.world.monotonic()
    }

    /// A while passes.
    pub async fn pause(&self, span: Duration) {
        self.0.world.sleep_until(self.now() + span).await;
    }

    /// Whether this fault happens here and now; then it is counted.
    pub fn happens(&self, fault: Fault, dice: &mut Dice) -> bool {
        let happens = dice.chance(self.0.plan.rate(fault)) && !self.is_healed();
        if happens {
            self.count(fault);
        }
        happens
    }

    /// A fault that happened.
    pub fn count(&self, fault: Fault) {
        lock(&self.0.chronicle).tally.count(fault);
        self.say(|| format!("fault: {fault:?}"));
    }

    /// Nothing goes wrong from now on.
    pub fn heal(&self) {
        self.0.healed.store(true, Ordering::Release);
    }

    /// Whether nothing goes wrong any more.
    pub fn is_healed(&self) -> bool {
        self.0.healed.load(Ordering::Acquire)
    }

    /// It is open from now on whether what was being written is there.
    pub fn doubt(&self) {
        self.0.doubts.fetch_add(1, Ordering::AcqRel);
        self.blow();
    }

    /// How often that was so.
    pub fn doubts(&self) -> u64 {
        self.0.doubts.load(Ordering::Acquire)
    }

    /// Storage, clock or process suffered something.
    pub fn blow(&self) {
        self.0.blows.fetch_add(1, Ordering::AcqRel);
    }

    /// How often that was so.
    pub fn blows(&self) -> u64 {
        self.0.blows.load(Ordering::Acquire)
    }

    /// A number greater than all before.
    pub fn turn(&self) -> u64 {
        self.0.turns.fetch_add(1, Ordering::AcqRel)
    }

    /// Sets the wall clock forth, or back.
    pub fn set_wall(&self, by_ms: i64) {
        self.say(|| format!("the wall clock is set by {by_ms} ms"));
        self.0.world.set_wall(by_ms);
        self.0.set_back_ms.fetch_add(by_ms.min(0).unsigned_abs(), Ordering::AcqRel);
        self.0.set_forth_ms.fetch_add(by_ms.max(0).unsigned_abs(), Ordering::AcqRel);
    }

    /// After so long nothing is older than the wall clock says, however often it was set back.
    pub fn set_back(&self) -> Duration {
        Duration::from_millis(self.0.set_back_ms.load(Ordering::Acquire))
    }

    /// By so much the wall clock was set forth, all together.
    pub fn set_forth(&self) -> Duration {
        Duration::from_millis(self.0.set_forth_ms.load(Ordering::Acquire))
    }

    /// Somebody who has something to do until this ends.
    pub fn busy(&self, work: impl Future<Output = ()> + Send + 'static) -> BoxFuture<'static, ()> {
        counted(&self.0.busy, work)
    }

    /// Somebody who brings mail until this ends.
    pub fn carrying(&self, work: impl Future<Output = ()> + Send + 'static) -> BoxFuture<'static, ()> {
        counted(&self.0.carriers, work)
    }

    /// Whether somebody has something to do.
    pub fn is_busy(&self) -> bool {
        self.0.busy.load(Ordering::Acquire) > 0
    }

    /// Whether somebody brings mail.
    pub fn is_carried(&self) -> bool {
        self.0.carriers.load(Ordering::Acquire) > 0
    }

    /// Something happened: it goes into the hash by which two runs are compared, and is shown to whoever replays a seed.
    pub fn say(&self, what: impl FnOnce() -> String) {
        let mut chronicle = lock(&self.0.chronicle);
        let at = self.now().0.as_micros() as u64;
        let what = what();
        if chronicle.shown {
            println!("{:>12.6} {what}", at as f64 / 1e6);
        }
        // FNV-1a: enough to tell two runs apart.
        let octets = at.to_le_bytes().into_iter().chain(what.into_bytes());
        chronicle.hash =
            octets.fold(chronicle.hash, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3));
    }

    /// Something happened that must never happen.
    pub fn violation(&self, what: impl Into<String>) {
        let what = what.into();
        self.say(|| format!("VIOLATION: {what}"));
        let mut chronicle = lock(&self.0.chronicle);
        if chronicle.violations.len() < VIOLATIONS_MAX && !chronicle.violations.contains(&what) {
            chronicle.violations.push(what);
        }
    }

    /// What must never happen and did; what went wrong on purpose; the hash of all that happened.
    pub fn findings(&self) -> (Vec<String>, Tally, u64) {
        let chronicle = lock(&self.0.chronicle);
        (chronicle.violations.clone(), chronicle.tally, chronicle.hash)
    }
}

/// Counts while `work` goes on, from now on.
fn counted(count: &Arc<AtomicU64>, work: impl Future<Output = ()> + Send + 'static) -> BoxFuture<'static, ()> {
    let count = count.clone();
    count.fetch_add(1, Ordering::AcqRel);
    Box::pin(async move {
        work.await;
        count.fetch_sub(1, Ordering::AcqRel);
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
