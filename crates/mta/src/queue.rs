//! Messages accepted for others than one recipient of ours: durable until each delivery is done, and the sender told.
//!
//! [`Queue::accept`] makes a message durable with all its deliveries in one commit. A runner takes what is due from the
//! [`schedule`], tries it, and records what it came to in one commit: what is done goes, what failed leaves a report in the same
//! batch, so that neither a delivery nor a report is lost between two commits. What a crash may repeat is a delivery of which
//! the next hop's answer, or its record, was lost.

mod admin;
mod attempt;
mod check;
mod mend;
mod report;
mod restored;
mod row;
mod schedule;
mod start;

pub use admin::{AdminError, Filter, QueuedDelivery};
pub(crate) use attempt::BodyReader;
pub use attempt::{Fault, Job, Outcome, OutcomeKind, Relay};
pub use check::{Violation, check, recipients};
pub use mend::{Mended, is_queued, mend};
pub use restored::{Accounts, hold_restored};
pub use row::{Content, Delivery, QueuedMessage, Target, is_ours, name_of};
pub use schedule::{
    Closed, DeliveryKey, Destination, Grant, Health, RECIPIENTS_MAX, SLOW_AFTER, Schedule, ScheduleLimits, Work,
    retry_pause,
};

use crate::trace;
use crate::trace::{Trace, TraceRecord};
use directory::Directory;
use env::{Clock, Random, Sleep, Spawn};
use event_listener::Event;
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use mailstore::{Body, Mailstore};
use model::{Domain, QueueId, Timestamp};
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use store::{Batch, Bytes, CommitError, ReadError, Space, Store};

/// Why the queue did not accept a message, or could not be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum QueueError {
    /// As many deliveries wait as may.
    #[error("{0} deliveries wait in the queue")]
    Full(usize),
    /// The rows could not be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The rows could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// How long, how often, how many.
#[derive(Clone, Debug)]
pub struct QueuePolicy {
    /// How the server calls itself in reports.
    pub host_name: Domain,
    /// How much at once.
    pub schedule: ScheduleLimits,
    /// Deliveries that may wait; beyond it nothing more is accepted. Each holds some 300 octets of memory.
    pub deliveries_max: usize,
    /// After how long a sender is told that a message is late.
    pub delay_notice_after: Duration,
    /// How long a message is tried: RFC 5321 §4.5.4.1 wants at least 4 to 5 days.
    pub lifetime: Duration,
    /// The same for reports, which fewer people wait for.
    pub report_lifetime: Duration,
    /// The language of reports.
    pub language: message::report::Language,
}

impl QueuePolicy {
    /// Five days, a notice after four hours.
    pub fn new(host_name: Domain) -> QueuePolicy {
        QueuePolicy {
            host_name,
            schedule: ScheduleLimits::default(),
            deliveries_max: 200_000,
            delay_notice_after: Duration::from_secs(4 * 3600),
            lifetime: Duration::from_secs(5 * 24 * 3600),
            report_lifetime: Duration::from_secs(2 * 24 * 3600),
            language: message::report::Language::English,
        }
    }
}

/// The queue of this process: one partition, leased.
pub struct Queue {
    store: Arc<dyn Store>,
    mailstore: Arc<Mailstore>,
    directory: Arc<Directory>,
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    spawn: Arc<dyn Spawn>,
    random: Arc<dyn Random>,
    way: RwLock<Way>,
    /// What happened to messages.
    pub trace: Trace,
    schedule: Mutex<Schedule>,
    changed: Event,
    lease: OnceLock<Bytes>,
    /// The first id of this process, and when it took the queue up.
    taken_up: OnceLock<(QueueId, Timestamp)>,
    draining: AtomicBool,
    last_id: AtomicU64,
}

/// By what rules mail goes out, and how; replaced whole.
#[derive(Clone)]
struct Way {
    policy: Arc<QueuePolicy>,
    relay: Arc<dyn Relay>,
}

const LEASE: &[u8] = b"L";
/// Of an id's 20 bits below the millisecond, the upper half is the lease's number and the lower half counts.
const EPOCHS: u64 = 1 << 10;
const IDS_PER_MS: u64 = 1 << 10;
/// Rows read at once.
const PAGE_ROWS: usize = 500;

impl Queue {
    /// The queue that lies in `store`; nothing happens before [`resume`](Self::resume).
    pub fn new(
        (store, mailstore, directory): (Arc<dyn Store>, Arc<Mailstore>, Arc<Directory>),
        relay: Arc<dyn Relay>,
        env: &env::Env,
        policy: QueuePolicy,
    ) -> Arc<Queue> {
        Arc::new(Queue {
            trace: Trace::new(store.clone()),
            schedule: Mutex::new(Schedule::new(policy.schedule)),
            clock: env.clock.clone(),
            sleep: env.sleep.clone(),
            spawn: env.spawn.clone(),
            random: env.random.clone(),
            changed: Event::new(),
            lease: OnceLock::new(),
            taken_up: OnceLock::new(),
            draining: AtomicBool::new(false),
            last_id: AtomicU64::new(0),
            store,
            mailstore,
            directory,
            way: RwLock::new(Way { policy: Arc::new(policy), relay }),
        })
    }

    /// Takes other rules and another way out; attempts under way end as they began.
    pub fn reconfigure(&self, relay: Arc<dyn Relay>, policy: QueuePolicy) {
        self.schedule().set_limits(policy.schedule);
        *self.way.write().unwrap_or_else(PoisonError::into_inner) = Way { policy: Arc::new(policy), relay };
        self.changed.notify(usize::MAX);
    }

    /// An id that was never given before. Ids grow with time, so that the queue is walked in the order of arrival; within a
    /// millisecond, or when the clock went back, they are counted on. The lease's number stands in them too: a process that
    /// starts with an older clock gives none that an earlier one gave.
    pub fn next_id(&self) -> QueueId {
        let epoch = self.lease.get().map_or(0, epoch) % EPOCHS;
        let now = trace::first_id(self.clock.wall()) + epoch * IDS_PER_MS;
        let next = |last: u64| Some(now.max(last + 1));
        let last = self.last_id.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).unwrap_or_else(|last| last);
        QueueId(now.max(last + 1))
    }

    /// Deliveries that are not done.
    pub fn len(&self) -> usize {
        self.schedule().len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an attempt may have been under way when an earlier process ended: the next hop may have taken the message then.
    fn may_be_repeated(&self, delivery: &Delivery) -> bool {
        let remote = matches!(delivery.target, Target::Remote { .. });
        remote && self.taken_up.get().is_some_and(|(first, at)| delivery.key.id < *first && delivery.due <= *at)
    }

    /// Begins no further attempts; those under way go on. The rest waits for the next start.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.changed.notify(usize::MAX);
    }

    /// Attempts under way.
    pub fn under_way(&self) -> usize {
        self.schedule().under_way()
    }

    /// Ready when no attempt is under way; after [`drain`](Self::drain) there will be none.
    pub async fn rests(&self) {
        loop {
            let changed = self.changed.listen();
            if self.under_way() == 0 {
                return;
            }
            changed.await;
        }
    }

    fn batch(&self) -> Batch {
        let mut batch = Batch::new(row::cell());
        batch.expect(LEASE, self.lease.get().cloned());
        batch
    }

    /// Makes the message durable with its deliveries, which then go on their own. `records` tell the trace of it.
    pub(crate) async fn accept(
        self: &Arc<Self>,
        message: &QueuedMessage,
        deliveries: &[Delivery],
        records: &[TraceRecord],
    ) -> Result<(), QueueError> {
        let deliveries_max = self.policy().deliveries_max;
        if self.len() + deliveries.len() > deliveries_max {
            return Err(QueueError::Full(deliveries_max));
        }
        let mut batch = self.batch();
        // An earlier process whose clock was ahead may have given this id: then the message is refused for now, not mixed up.
        batch.expect(row::message_key(message.id), None);
        remember(&mut batch, message, deliveries);
        for record in records {
            self.trace.add(&mut batch, message.id, record);
        }
        if let Err(error) = self.store.commit(batch).await {
            if let CommitError::Failed(_) = error {
                self.take_back(message, deliveries);
            }
            return Err(error.into());
        }
        self.put_all(deliveries);
        Ok(())
    }

    /// Nobody knows whether the message was written, and its giver hears that it was not: should it be there after all, it would
    /// lie until the next start, and go out then for a second time.
    pub(crate) fn take_back(self: &Arc<Self>, message: &QueuedMessage, deliveries: &[Delivery]) {
        let (queue, id, mut batch) = (self.clone(), message.id, self.batch());
        batch.makes_room = true;
        forget(&mut batch, message);
        for delivery in deliveries {
            batch.delete(Space::Rows, row::delivery_key(delivery.key));
        }
        self.spawn.spawn(async move { _ = queue.surely_commit(id, batch).await }.boxed());
    }

    /// Puts the delivery where its state says.
    fn put(&self, delivery: &Delivery) {
        self.put_all(slice::from_ref(delivery));
    }

    /// Puts deliveries where their states say. New ones of a message come in one call: another thread that had done the first
    /// while the others are not known yet would take it for the last, and the message would go.
    fn put_all(&self, deliveries: &[Delivery]) {
        let mut schedule = self.schedule();
        for delivery in deliveries {
            let destination = delivery.target.destination();
            match delivery.held {
                true => schedule.hold(delivery.key, destination),
                false => schedule.put(delivery.key, destination, delivery.due, self.deadline(delivery)),
            }
        }
        drop(schedule);
        self.changed.notify(usize::MAX);
    }

    /// When the sender has to be told something: that it is late, or that it has expired.
    fn deadline(&self, delivery: &Delivery) -> Timestamp {
        if delivery.delay_told { delivery.expires } else { delivery.late_from.min(delivery.expires) }
    }

    /// Works for ever.
    async fn run(self: Arc<Self>) {
        loop {
            let changed = self.changed.listen();
            while let Some(work) = self.next_work() {
                let queue = self.clone();
                self.spawn.spawn(match work {
                    Work::Attempt(grant) => async move { queue.attempts(grant).await }.boxed(),
                    Work::Overdue(key) => async move {
                        queue.clone().overdue(key).await;
                        queue.changed.notify(usize::MAX);
                    }
                    .boxed(),
                });
            }
            let wake = if self.draining.load(Ordering::Acquire) { None } else { self.schedule().next_wake() };
            match wake.map(|at| at.unix_ms() - self.clock.wall().unix_ms()) {
                Some(in_ms) => {
                    // The wall clock may be set back or forth: it is asked again now and then.
                    let pause = Duration::from_millis(u64::try_from(in_ms).unwrap_or(0)).min(Duration::from_secs(60));
                    let sleep = self.sleep.sleep_until(self.clock.monotonic() + pause);
                    if let Either::Right(_) = select(sleep, changed).await {}
                }
                None => changed.await,
            }
        }
    }

    fn next_work(&self) -> Option<Work> {
        if self.draining.load(Ordering::Acquire) { None } else { self.schedule().next(self.clock.wall()) }
    }

    /// How long, how often, how many.
    pub(crate) fn policy(&self) -> Arc<QueuePolicy> {
        self.way().policy
    }

    /// The way out.
    pub(crate) fn relay(&self) -> Arc<dyn Relay> {
        self.way().relay
    }

    fn way(&self) -> Way {
        self.way.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn jitter(&self) -> u32 {
        let mut octets = [0; 4];
        self.random.fill(&mut octets);
        u32::from_be_bytes(octets)
    }
}

/// How often the partition was leased.
fn epoch(lease: &Bytes) -> u64 {
    lease.first_chunk().map_or(0, |epoch| u64::from_be_bytes(*epoch))
}

/// The rows of a message and its deliveries.
fn remember(batch: &mut Batch, message: &QueuedMessage, deliveries: &[Delivery]) {
    batch.put(Space::Rows, row::message_key(message.id), message.encode());
    match &message.body {
        Body::Row(octets) => {
            batch.put(Space::Bodies, row::message_key(message.id), octets.clone());
        }
        Body::Blob { id, hold, .. } => {
            batch.hold(hold);
            let (cell, key) = mailstore::queue_link(*id, message.id);
            batch.put_in(cell, Space::Rows, key, Bytes::new());
        }
    }
    for delivery in deliveries {
        batch.put(Space::Rows, row::delivery_key(delivery.key), delivery.encode());
    }
}

/// The message goes, with its body.
fn forget(batch: &mut Batch, message: &QueuedMessage) {
    batch.delete(Space::Rows, row::message_key(message.id));
    match &message.body {
        Body::Row(_) => batch.delete(Space::Bodies, row::message_key(message.id)),
        Body::Blob { id, .. } => {
            let (cell, key) = mailstore::queue_link(*id, message.id);
            batch.delete_in(cell, Space::Rows, key)
        }
    };
}
