//! Whatever the next hops do and whenever the power goes: what was accepted is delivered, told of, or still there; and doubled only
//! what was on its way when the power went.

use crate::peer::Act;
use crate::rig::{DAY, MINUTE, Mail, Rig, mail};
use model::QueueId;
use mta::{Envelope, Origin, Post, Received};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::memory::MemoryStore;
use store::{Bytes, Cell, Space};

/// A step of a random history.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A message to this many recipients.
    Send(usize),
    /// The disk writes this many commits, with the world going on between them.
    Sync(usize),
    /// Minutes pass, with a disk that writes.
    Pass(u32),
    /// The power goes; so many of the waiting commits are there afterwards.
    Crash(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..4).prop_map(Step::Send),
        6 => (1usize..4).prop_map(Step::Sync),
        2 => (1u32..40).prop_map(Step::Pass),
        2 => (0usize..4).prop_map(Step::Crash),
    ]
}

type Sending = Pin<Box<dyn Future<Output = bool>>>;

/// A history as it unfolds.
struct History {
    rig: Rig,
    healthy: Arc<Mutex<bool>>,
    /// Messages that are being given to us, and those that we said 250 to.
    sending: Vec<(Vec<String>, Sending)>,
    accepted: Vec<String>,
    count: usize,
    crashes: usize,
}

impl History {
    /// With next hops that are moody, or else healthy.
    fn new(seed: u64, moody: bool) -> History {
        let rig = Rig::on(MemoryStore::with_manual_sync(), seed, |_, _| {});
        let healthy = Arc::new(Mutex::new(!moody));
        let (calm, dice) = (healthy.clone(), AtomicU64::new(seed));
        let moody = move |command: &str| {
            if command.starts_with("RCPT TO:<never") {
                return Some(Act::Say("550 5.1.1 never\r\n".into()));
            }
            let n = dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40;
            match (*calm.lock().unwrap(), n % 24) {
                (true, _) => None,
                (_, 0) => Some(Act::Close),
                (_, 1) => Some(Act::Say("451 4.3.0 later\r\n".into())),
                (_, 2) => Some(Act::After(Duration::from_secs(n % 90))),
                (_, 3) => Some(Act::Stall),
                _ => None,
            }
        };
        rig.serve("dest.test", "192.0.2.1", rig.peer().script(moody));
        rig.serve("home.test", "192.0.2.2", rig.peer());
        History { rig, healthy, sending: Vec::new(), accepted: Vec::new(), count: 0, crashes: 0 }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Send(recipients) => self.send(recipients),
            Step::Sync(commits) => (0..commits).for_each(|_| {
                self.go_on();
                self.rig.store.sync_one();
            }),
            Step::Pass(minutes) => self.pass(MINUTE * minutes),
            Step::Crash(kept) => {
                self.go_on();
                self.sending.clear();
                self.crashes += 1;
                self.rig.crash(kept);
            }
        }
    }

    /// Some to others, one in two of which is refused for good, and some to us.
    fn send(&mut self, recipients: usize) {
        let to: Vec<String> = (0..recipients)
            .map(|n| match (self.count + n) % 4 {
                0 => format!("never{}-{n}@dest.test", self.count),
                1 => format!("ben+{}-{n}@example.test", self.count),
                _ => format!("bob{}-{n}@dest.test", self.count),
            })
            .collect();
        self.count += 1;
        let mut message = mail(&to.iter().map(String::as_str).collect::<Vec<_>>());
        message.from = "sender@home.test";
        let (post, envelope, received) = self.given(&message);
        let hop = self.rig.hop();
        let sending =
            Box::pin(async move { post.receive(Origin::Smtp(hop), envelope, received).await[0].code() == 250 });
        self.sending.push((to, sending));
        self.go_on();
    }

    fn given(&self, message: &Mail) -> (Arc<Post>, Envelope, Received) {
        let post = self.rig.post();
        let received = self.rig.received(&post, &message.octets);
        (post, self.rig.envelope(message), received)
    }

    fn go_on(&mut self) {
        let (world, accepted) = (self.rig.world.clone(), &mut self.accepted);
        world.run_until_stalled();
        self.sending.retain_mut(|(to, sending)| match world.poll_once(sending.as_mut()) {
            Some(taken) => {
                accepted.extend(to.drain(..).filter(|_| taken));
                false
            }
            None => true,
        });
    }

    fn pass(&mut self, span: Duration) {
        let end = self.rig.now() + span;
        while self.rig.now() < end {
            self.go_on();
            while self.rig.store.sync_one() {
                self.go_on();
            }
            let pace = if span > DAY { MINUTE } else { Duration::from_secs(5) };
            self.rig.pass(pace);
        }
    }

    /// All is well from now on, and six days pass. How often each recipient got its message, and how often the sender was told that
    /// it did not.
    fn settle(&mut self) -> BTreeMap<String, (usize, usize)> {
        *self.healthy.lock().unwrap() = true;
        self.pass(6 * DAY);
        assert_eq!(self.rig.queue().len(), 0, "something is still there");
        let rows = self.rig.store.rows(Space::Rows, &Cell::new(Bytes::from_static(b"q/0")));
        let left: Vec<_> = rows.iter().map(|(key, _)| key[0] as char).collect();
        assert_eq!(left, ['L'], "rows that nobody will ever touch");
        let bodies = self.rig.store.rows(Space::Bodies, &Cell::new(Bytes::from_static(b"q/0")));
        assert_eq!(bodies.len(), 0, "bodies that nobody will ever read");
        let inbox = self.rig.inbox("ben");
        let reports: Vec<_> = self.rig.taken().into_iter().filter(|taken| taken.mail == "MAIL FROM:<>").collect();
        let reports: Vec<String> = reports.iter().map(crate::peer::Taken::text).collect();
        let of = |to: &String| {
            let here = inbox.iter().filter(|message| message.contains(&format!("for <{to}>"))).count();
            let field = format!("Final-Recipient: rfc822; {to}\r\n");
            let told = reports.iter().filter(|report| report.contains(&field)).count();
            (to.clone(), (self.rig.book.count(to) + here, told))
        };
        self.accepted.iter().map(of).collect()
    }
}

fn check(seed: u64, moody: bool, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut history = History::new(seed, moody);
    steps.iter().for_each(|step| history.step(*step));
    history.pass(MINUTE);
    let (fates, crashes) = (history.settle(), history.crashes);
    let mut local = 0;
    for (to, (taken, told)) in &fates {
        local += usize::from(to.starts_with("ben"));
        prop_assert!(to.starts_with("ben") || taken + told > 0, "{to} is lost after {steps:?}");
        prop_assert!(*taken == 0 || !to.starts_with("never"), "{to}");
        if crashes == 0 && !to.starts_with("ben") {
            prop_assert!(*told <= 1 && (*told == 0 || *taken == 0), "{to}: {taken} and {told} after {steps:?}");
        }
    }
    // Into our own mailboxes nothing ever comes twice: the account's cell remembers.
    let inbox = history.rig.inbox("ben");
    let ids: std::collections::HashSet<_> =
        inbox.iter().map(|message| message.split(" id ").nth(1).unwrap()[..16].to_owned()).collect();
    prop_assert!(ids.len() == inbox.len() && inbox.len() >= local, "{} of {local}: {steps:?}", inbox.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_accepted_is_lost(seed in any::<u64>(), steps in prop::collection::vec(step(), 1..40)) {
        check(seed, true, &steps)?;
    }
}

/// One message to four kinds of recipients; the power goes at the n-th commit, before or behind it.
#[test]
fn the_power_goes_at_every_commit() {
    for kept in [0, 1] {
        for point in 0..14 {
            let mut steps = vec![Step::Send(4)];
            steps.extend(std::iter::repeat_n(Step::Sync(1), point));
            steps.push(Step::Crash(kept));
            check(point as u64, false, &steps)
                .unwrap_or_else(|error| panic!("crash at commit {point}, {kept} kept: {error}"));
        }
    }
}

/// A disk that takes no record: what was sent is not sent again and again.
#[test]
fn what_cannot_be_recorded_is_not_sent_twice() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer());
    let mut message = mail(&["bob@dest.test"]);
    message.params.hold = Some(smtp::Hold::For(MINUTE));
    let id = rig.send(message);
    rig.store.set_read_only(Some("a sync failed"));
    rig.pass(DAY);
    assert_eq!(rig.taken().len(), 1);
    rig.store.set_read_only(None);
    rig.minutes(2);
    assert_eq!(rig.story(id), "received, relayed");
    assert!(rig.queue().is_empty());
}

/// Ids are given by time: one who starts again within the same millisecond, or with an older clock, gives none that is in use.
#[test]
fn a_new_life_gives_no_number_again() {
    let mut rig = Rig::new();
    rig.mx("dest.test", &[(10, "a.test")]);
    rig.host("a.test", &["192.0.2.1"]);
    let mut ids: Vec<QueueId> = Vec::new();
    for _ in 0..5 {
        ids.push(rig.send(mail(&["bob@dest.test"])));
        ids.push(rig.send(mail(&["bob@dest.test"])));
        rig.crash(0);
    }
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), rig.queue().len()), (10, 10));
}

/// An answer that a crash has swallowed may have been a yes: whoever looks for a double finds why.
#[test]
fn what_a_crash_may_have_doubled_is_told() {
    let mut rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().script(|command| command.starts_with("DATA").then_some(Act::Stall)));
    let id = rig.send(mail(&["a@dest.test"]));
    rig.pass(Duration::from_secs(1));
    rig.crash(0);
    rig.serve("dest.test", "192.0.2.1", rig.peer().script(|command| command.starts_with("DATA").then_some(Act::Close)));
    rig.minutes(1);
    let story = rig.story(id);
    assert!(story.contains("resumed") && story.contains("deferred"), "{story}");
    let later = rig.send(mail(&["b@dest.test"]));
    rig.minutes(1);
    assert!(!rig.story(later).contains("resumed"), "{}", rig.story(later));
}
