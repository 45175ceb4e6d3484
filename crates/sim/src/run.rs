//! One seed from beginning to end.

use crate::clients::{imap, pop3, smtp};
use crate::dice::Dice;
use crate::disk::Disk;
use crate::fault::{Fault, Tally};
use crate::foreign;
use crate::judge;
use crate::plan::Plan;
use crate::sabotage::Sabotage;
use crate::scene::Scene;
use crate::server::{Server, Service};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Letters of a world, unless somebody wants more.
pub const LETTERS: u64 = 1_000;
/// Polls after which a world that does not come to its end is given up.
const STEPS_MAX: u64 = 200_000_000;
/// Virtual days in which everything comes to its end: a letter lives five days, a report two, and the clock may have been set.
const DAYS_MAX: u32 = 40;
/// After so long nothing is left of a blob that nobody names.
const BLOBS_GONE: Duration = Duration::from_secs(27 * 3600);

/// What is run.
#[derive(Clone)]
pub struct Options {
    /// Letters that are written.
    pub letters: u64,
    /// Whether all that happens is printed.
    pub shown: bool,
    /// What is broken on purpose.
    pub sabotage: Option<Sabotage>,
}

impl Default for Options {
    fn default() -> Options {
        Options { letters: LETTERS, shown: false, sabotage: None }
    }
}

/// What came of a seed.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Letters that arrived, by goal.
    pub deliveries: u64,
    /// Those in whose way a fault had a hand.
    pub touched: u64,
    /// What went wrong on purpose.
    pub tally: Tally,
    /// What must never happen and did.
    pub violations: Vec<String>,
    /// Of all that happened.
    pub hash: u64,
    /// Polls.
    pub steps: u64,
    /// Most octets that a connection wanted to say at once, and most tasks of the server.
    pub output_octets_max: usize,
    /// Most tasks of the server at once.
    pub tasks_max: usize,
    /// Clients at the same time.
    pub crowd: usize,
}

/// Runs a world to its end and judges it.
pub fn run(seed: u64, options: &Options) -> Report {
    // What the server itself says belongs to the picture.
    let _events = options.shown.then(|| {
        let events = tracing_subscriber::fmt().without_time().with_ansi(false).with_max_level(tracing::Level::DEBUG);
        tracing::subscriber::set_default(events.with_writer(std::io::stdout).finish())
    });
    let run = catch_unwind(AssertUnwindSafe(|| History::new(seed, options).run()));
    run.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let violations = vec![format!("panicked: {}", text.unwrap_or_default())];
        Report { seed, violations, ..Report::default() }
    })
}

struct History {
    seed: u64,
    scene: Scene,
    disk: Disk,
    server: Server,
    dice: Dice,
    steps: u64,
    next_blow: u64,
}

impl Drop for History {
    fn drop(&mut self) {
        self.server.abandon();
        self.scene.end();
    }
}

impl History {
    fn new(seed: u64, options: &Options) -> History {
        let mut dice = Dice::new(seed);
        let plan = Plan::new(&mut dice, options.letters);
        let scene = Scene::new(plan, &mut dice, options.shown);
        scene.say(|| format!("{:?}", scene.plan()));
        let disk = Disk::new(&scene, &mut dice);
        let server = Server::new(&scene, &disk, &mut dice, options.sabotage);
        foreign::populate(&scene, &mut dice);
        let mut history = History { seed, scene, disk, server, dice, steps: 0, next_blow: 0 };
        history.populate();
        history.plan_blow();
        history
    }

    fn populate(&mut self) {
        let (scene, dice) = (&self.scene, &mut self.dice);
        let plan = scene.plan();
        let carriers =
            [(Service::Smtp, plan.strangers), (Service::Submission, plan.submitters), (Service::Lmtp, plan.locals)];
        for (service, count) in carriers {
            for _ in 0..count {
                let carrier = smtp::carrier(scene.clone(), service, dice.fork());
                scene.spawn(scene.busy(scene.carrying(carrier)));
            }
        }
        for number in 0..plan.readers {
            let account = number % plan.accounts;
            scene.spawn(scene.busy(imap::reader(scene.clone(), account, dice.fork())));
        }
        for number in 0..plan.poppers {
            let account = number % plan.accounts;
            scene.spawn(scene.busy(pop3::popper(scene.clone(), account, dice.fork())));
        }
    }

    fn run(mut self) -> Report {
        self.server.tend();
        while self.scene.is_busy() {
            self.step();
            self.blows();
        }
        self.scene.say(|| "everything is healed".to_owned());
        self.scene.heal();
        self.settle();
        self.judged();
        let (violations, tally, hash) = self.scene.findings();
        let ledger = self.scene.ledger();
        let (deliveries, touched) = judge::arrived(&ledger);
        Report {
            seed: self.seed,
            deliveries,
            touched,
            tally,
            violations,
            hash,
            steps: self.steps,
            output_octets_max: ledger.output_octets_max,
            tasks_max: ledger.tasks_max,
            crowd: self.scene.plan().crowd(),
        }
    }

    /// One poll, or time goes on.
    fn step(&mut self) {
        self.steps += 1;
        assert!(self.steps < STEPS_MAX, "it never ends");
        if !self.scene.world().step() {
            assert!(self.scene.world().skip(), "deadlock: everything waits and nobody sleeps");
            self.server.tend();
        }
    }

    /// The process ends somewhere between two polls.
    fn blows(&mut self) {
        if self.steps < self.next_blow {
            return;
        }
        self.plan_blow();
        let rate = |fault| self.scene.plan().rate(fault);
        let (crash, stop) = (rate(Fault::Crash), rate(Fault::Restart));
        if self.server.is_starting() && self.dice.chance(rate(Fault::CrashAtStart).sqrt()) {
            self.server.crash();
        } else if self.server.is_running() && crash + stop > 0.0 {
            if self.dice.chance(crash / (crash + stop)) {
                self.server.crash()
            } else {
                self.server.stop()
            }
            if rate(Fault::CrashAtStart) > 0.0 {
                self.next_blow = self.steps + self.dice.below(1_000);
            }
        }
    }

    fn plan_blow(&mut self) {
        self.next_blow = self.steps + self.dice.below(2 * self.scene.plan().crash_every);
    }

    /// Lets time pass until nothing is on its way.
    fn settle(&mut self) {
        for _ in 0..DAYS_MAX * 24 {
            self.pass(Duration::from_secs(3600));
            let post = self.server.post().filter(|_| self.server.is_running());
            if post.is_some_and(|post| post.queue.is_empty()) {
                return;
            }
        }
        let waiting = self.server.post().map(|post| post.queue.len());
        self.scene.violation(format!("after {DAYS_MAX} days {waiting:?} deliveries are still in the queue"));
    }

    fn pass(&mut self, span: Duration) {
        let end = self.scene.now() + span;
        let scene = self.scene.clone();
        self.scene.spawn(Box::pin(async move { scene.pause(span).await }));
        while self.scene.now() < end {
            self.step();
        }
    }

    fn judged(&mut self) {
        self.pass(BLOBS_GONE + self.scene.set_back());
        let Some(post) = self.server.post() else {
            return self.scene.violation("the server does not come up");
        };
        judge::judge(&self.scene, &self.disk, &post);
        // Looking opened mailboxes, and large ones are sealed behind that.
        self.pass(Duration::from_secs(60));
        if self.server.tasks() > judge::TASKS_AT_REST_MAX {
            self.scene.violation(format!("{} tasks are left though nothing happens", self.server.tasks()));
        }
        judge::take_all_away(&self.scene, &post);
        drop(post);
        // Some of it may have been deleted when the wall clock was ahead.
        self.pass(self.scene.plan().kept + self.scene.set_back() + BLOBS_GONE);
        judge::nothing_left(&self.scene, &self.disk);
        self.server.stop();
        self.pass(Duration::from_secs(120));
        self.server.check_remains();
    }
}
