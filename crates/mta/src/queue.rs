//! Messages accepted for several recipients: durable in the queue until each recipient has its copy.
//!
//! A message is one row with its recipients, beside its body. After the commit that accepts it, each account gets its copy
//! by an append that carries the delivery's id, so that repeating it after a crash is harmless. When all are done the row
//! goes. A delivery that fails is tried again with growing pauses; it never fails for good yet, as there are no bounces.

mod row;

pub(crate) use row::{Queued, QueuedRecipient};

use crate::incoming::Received;
use crate::receive::inbox;
use crate::trace;
use env::{Clock, Sleep, Spawn};
use futures_util::FutureExt;
use futures_util::future::join_all;
use mailstore::{Body, DeliveryId, Mailstore, NewEmail};
use message::{Scanned, Scanner};
use model::QueueId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use store::{Batch, Bytes, Cell, CommitError, Get, Query, ReadError, Space, Store};

/// Messages in the queue; beyond it nothing more is accepted for several recipients.
const MESSAGES_MAX: usize = 10_000;
/// The pause before the first new try, doubled for each further one up to the last.
const PAUSE_FIRST: Duration = Duration::from_secs(30);
const PAUSE_LAST: Duration = Duration::from_secs(3600);
/// Blob octets read at once.
const PIECE_OCTETS: u64 = 256 * 1024;

/// Why the queue did not accept a message, or could not be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum QueueError {
    /// As many messages wait as may.
    #[error("{MESSAGES_MAX} messages wait in the queue")]
    Full,
    /// The row could not be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The rows could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The queue of this process.
pub struct Queue {
    store: Arc<dyn Store>,
    mailstore: Arc<Mailstore>,
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    spawn: Arc<dyn Spawn>,
    messages: AtomicUsize,
    last_id: AtomicU64,
}

fn cell() -> Cell {
    Cell::new(Bytes::from_static(b"q/0"))
}

impl Queue {
    /// The queue that lies in `store`.
    pub fn new(store: Arc<dyn Store>, mailstore: Arc<Mailstore>, env: &env::Env) -> Arc<Queue> {
        let (clock, sleep, spawn) = (env.clock.clone(), env.sleep.clone(), env.spawn.clone());
        let (messages, last_id) = (AtomicUsize::new(0), AtomicU64::new(0));
        Arc::new(Queue { store, mailstore, clock, sleep, spawn, messages, last_id })
    }

    /// An id that this process never gave before. Ids grow with time, so that the queue is walked in the order of arrival;
    /// within a millisecond, or when the clock went back, they are counted on.
    pub fn next_id(&self) -> QueueId {
        let now = (self.clock.wall().unix_ms().unsigned_abs()) << 20;
        let next = |last: u64| Some(now.max(last + 1));
        let last = self.last_id.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).unwrap_or_else(|last| last);
        QueueId(now.max(last + 1))
    }

    /// Messages that wait for a recipient.
    pub fn len(&self) -> usize {
        self.messages.load(Ordering::Acquire)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes up what an earlier process left; returns how many messages.
    pub async fn resume(self: &Arc<Self>) -> Result<usize, QueueError> {
        let (mut found, mut after) = (0, None);
        loop {
            let query = Query::prefix(&cell(), row::MESSAGE, after.take(), 100);
            let page = self.store.read(vec![query]).await?.into_page();
            for (key, octets) in &page.rows {
                match row::decode(key, octets) {
                    Ok(mut queued) => {
                        found += 1;
                        self.messages.fetch_add(1, Ordering::AcqRel);
                        // One after another, so that not all bodies are in memory at once.
                        let first = self.attempt(&mut queued, None).await;
                        self.clone().follow_up(queued, first);
                    }
                    // The row stays: it may be read by the version that wrote it.
                    Err(cause) => tracing::error!(event = "queue.unreadable", key = ?key, %cause),
                }
            }
            match page.rows.last().filter(|_| page.more) {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(found),
            }
        }
    }

    /// Makes the message durable; the deliveries follow on their own.
    pub(crate) async fn accept(self: &Arc<Self>, queued: Queued, scanned: Arc<Scanned>) -> Result<(), QueueError> {
        if self.messages.fetch_add(1, Ordering::AcqRel) >= MESSAGES_MAX {
            self.messages.fetch_sub(1, Ordering::AcqRel);
            return Err(QueueError::Full);
        }
        let mut batch = Batch::new(cell());
        // An earlier process whose clock was ahead may have given this id: then the message is refused for now, not mixed up.
        batch.expect(row::key(queued.id), None);
        batch.put(Space::Rows, row::key(queued.id), row::encode(&queued));
        match &queued.body {
            Body::Row(octets) => {
                batch.put(Space::Bodies, row::key(queued.id), octets.clone());
            }
            Body::Blob { id, .. } => {
                let (cell, key) = mailstore::queue_link(*id, queued.id);
                batch.put_in(cell, Space::Rows, key, Bytes::new());
            }
        }
        let committed = self.store.commit(batch).await;
        if let Err(error) = committed {
            self.messages.fetch_sub(1, Ordering::AcqRel);
            return Err(error.into());
        }
        let queue = self.clone();
        let deliver = async move {
            let mut queued = queued;
            let first = queue.attempt(&mut queued, Some(scanned)).await;
            queue.follow_up(queued, first);
        };
        self.spawn.spawn(deliver.boxed());
        Ok(())
    }

    /// After the first attempt: the end, or further attempts, between which no body is held in memory.
    fn follow_up(self: Arc<Self>, mut queued: Queued, first: Result<(), Deferred>) {
        let Err(cause) = first else {
            self.messages.fetch_sub(1, Ordering::AcqRel);
            return;
        };
        if let Body::Row(octets) = &mut queued.body {
            *octets = Bytes::new();
        }
        let spawn = self.spawn.clone();
        spawn.spawn(self.run(queued, cause).boxed());
    }

    /// Tries again, with growing pauses, until all recipients have their copy.
    async fn run(self: Arc<Self>, mut queued: Queued, mut cause: Deferred) {
        let mut pause = PAUSE_FIRST;
        loop {
            tracing::warn!(
                event = "delivery.deferred",
                queue_id = %trace::queue_name(queued.id),
                left = queued.open().count(),
                next_attempt_s = pause.as_secs(),
                %cause,
            );
            self.sleep.sleep_until(self.clock.monotonic() + pause).await;
            match self.attempt(&mut queued, None).await {
                Ok(()) => break,
                Err(error) => cause = error,
            }
            pause = (pause * 2).min(PAUSE_LAST);
        }
        self.messages.fetch_sub(1, Ordering::AcqRel);
    }

    /// Tries each open delivery once, and records what was done.
    async fn attempt(&self, queued: &mut Queued, scanned: Option<Arc<Scanned>>) -> Result<(), Deferred> {
        let scanned = match scanned {
            Some(scanned) => scanned,
            None => self.scan(queued).await?,
        };
        let received = Received { body: self.body(queued).await?, scanned };
        let open: Vec<usize> = queued.open().collect();
        let tries = open.iter().map(|&ordinal| self.deliver(queued, ordinal, &received));
        let outcomes = join_all(tries).await;
        let (mut done, mut first_error) = (false, None);
        for (ordinal, outcome) in open.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => {
                    done = true;
                    queued.done(ordinal);
                }
                Err(error) => first_error = first_error.or(Some(Deferred::from(error))),
            }
        }
        if done || first_error.is_none() {
            self.record(queued).await?;
        }
        first_error.map_or(Ok(()), Err)
    }

    async fn deliver(&self, queued: &Queued, ordinal: usize, received: &Received) -> Result<(), mailstore::Error> {
        let Some(recipient) = queued.recipients.get(ordinal) else { return Ok(()) };
        let email = NewEmail {
            prefix: trace::delivery_prefix(&queued.reverse_path, &recipient.address, &queued.trace).into(),
            body: received.body.clone(),
            scanned: received.scanned.clone(),
        };
        let delivery = DeliveryId { queue: queued.id, ordinal: ordinal as u32 };
        let account = self.mailstore.account(recipient.account).await?;
        account.append(inbox(email, recipient.quota, Some(delivery))).await.map(|_| ())
    }

    /// The row with what is done, or no row when all is.
    async fn record(&self, queued: &Queued) -> Result<(), CommitError> {
        let mut batch = Batch::new(cell());
        batch.makes_room = true;
        if queued.open().next().is_some() {
            batch.put(Space::Rows, row::key(queued.id), row::encode(queued));
        } else {
            batch.delete(Space::Rows, row::key(queued.id));
            match &queued.body {
                Body::Row(_) => batch.delete(Space::Bodies, row::key(queued.id)),
                Body::Blob { id, .. } => {
                    let (cell, key) = mailstore::queue_link(*id, queued.id);
                    batch.delete_in(cell, Space::Rows, key)
                }
            };
        }
        self.store.commit(batch).await
    }

    /// The body; of a message that an earlier process accepted, a small one is read from its row.
    async fn body(&self, queued: &Queued) -> Result<Body, Deferred> {
        match &queued.body {
            Body::Row(octets) if octets.is_empty() => {
                let get = Get { space: Space::Bodies, cell: cell(), key: row::key(queued.id) };
                let row = self.store.read(vec![Query::Get(get)]).await?.into_row();
                row.map(Body::Row).ok_or(Deferred::BodyMissing)
            }
            body => Ok(body.clone()),
        }
    }

    async fn scan(&self, queued: &Queued) -> Result<Arc<Scanned>, Deferred> {
        let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
        match self.body(queued).await? {
            Body::Row(octets) => scanner.push(&octets),
            Body::Blob { id, size_octets } => {
                let mut at = 0;
                while at < size_octets {
                    let piece = self.mailstore.blobs().get(id, at..at + PIECE_OCTETS).await?;
                    let piece = piece.filter(|piece| !piece.is_empty()).ok_or(Deferred::BodyMissing)?;
                    scanner.push(&piece);
                    at += piece.len() as u64;
                }
            }
        }
        Ok(Arc::new(scanner.finish()))
    }
}

/// Why a message is still in the queue.
#[derive(Debug, thiserror::Error)]
enum Deferred {
    #[error("the body is missing")]
    BodyMissing,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Mailbox(#[from] mailstore::Error),
}

impl Queued {
    fn open(&self) -> impl Iterator<Item = usize> {
        self.recipients.iter().enumerate().filter(|(_, recipient)| !recipient.done).map(|(ordinal, _)| ordinal)
    }

    fn done(&mut self, ordinal: usize) {
        self.recipients.get_mut(ordinal).into_iter().for_each(|recipient| recipient.done = true);
    }
}
