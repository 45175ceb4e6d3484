//! One attempt at the deliveries of a message that go the same way, and what is made of it.

use super::report::{Report, Telling};
use super::row::{self, Delivery, QueuedMessage, Target};
use super::schedule::{DeliveryKey, Grant, Health, PATIENCE, retry_pause};
use super::{Queue, forget, remember};
use crate::fields::{self, queue_name};
use crate::metrics;
use crate::receive::inbox;
use crate::trace::{TraceEvent, TraceRecord};
use ::smtp::extension::dsn::Notify;
use env::BoxFuture;
use futures_util::future::join_all;
use mailstore::{Body, DeliveryId, NewEmail};
use message::{Scanned, Scanner};
use model::{Address, QueueId, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use store::{Batch, Blobs, Bytes, CommitError, Found, Get, Query, ReadError, Space};

/// Blob octets read at once.
const PIECE_OCTETS: u64 = 256 * 1024;
/// When rows cannot be read or written, everything that is due would be tried at once again.
const PAUSE_AFTER_FAULT: Duration = Duration::from_secs(60);
/// What a sender hears who said nothing: RFC 3461 §4.1 leaves delay to us.
const NOTIFY_DEFAULT: Notify = Notify { success: false, failure: true, delay: true };
/// Octets of a foreign answer that are kept.
const ANSWER_OCTETS_MAX: usize = 1024;

/// What a next hop shall get.
pub struct Job {
    /// The message.
    pub message: Arc<QueuedMessage>,
    /// Its recipients there, at least one; all have one next hop.
    pub deliveries: Vec<Delivery>,
    /// Where a large body lies.
    pub blobs: Arc<dyn Blobs>,
}

impl Job {
    /// The whole message as it travels.
    pub async fn octets(&self) -> Result<Vec<u8>, Fault> {
        let mut octets = self.message.trace.clone().into_bytes();
        let mut body = BodyReader::new(&self.message.body, &self.blobs);
        while let Some(piece) = body.next().await? {
            octets.extend_from_slice(&piece);
        }
        Ok(octets)
    }
}

/// Takes messages to next hops.
pub trait Relay: Send + Sync {
    /// The next hop's name for mail from `reverse_path` (empty for `<>`) to `recipient`, as the queue keeps it.
    fn next_hop(&self, reverse_path: &str, recipient: &Address) -> String;
    /// Tries once; one outcome for each delivery, in their order, and how the next hop did.
    fn deliver(&self, job: Job) -> BoxFuture<'_, (Vec<Outcome>, Health)>;
}

/// What an attempt came to for one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Done, later, or never.
    pub kind: OutcomeKind,
    /// The other side's words, or ours where there was no other side.
    pub answer: String,
    /// RFC 3463; `None` where the other side gave none.
    pub status: Option<(u8, u16, u16)>,
    /// Whose words: `mx.example.org [192.0.2.1]:25`.
    pub peer: Option<String>,
    /// What was spoken, and under which TLS.
    pub protocol: Option<String>,
}

/// Done, later, or never.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutcomeKind {
    /// It is in its mailbox.
    Delivered,
    /// The next hop took it.
    Relayed {
        /// And will tell of success itself (RFC 3461 §5.2.2).
        tells_success: bool,
    },
    /// It may succeed later.
    Deferred,
    /// It will not.
    Failed,
}

impl Outcome {
    /// An outcome of our own making.
    pub fn ours(kind: OutcomeKind, status: (u8, u16, u16), answer: impl Into<String>) -> Outcome {
        Outcome { kind, answer: answer.into(), status: Some(status), peer: None, protocol: None }
    }
}

impl Queue {
    /// Tries what is granted, and what else may go to the same destination at once.
    pub(super) async fn attempts(self: Arc<Self>, mut grant: Grant) {
        loop {
            let health = self.attempt(&grant).await;
            let (now, jitter) = (self.clock.wall(), self.jitter());
            let next = {
                let mut schedule = self.schedule();
                schedule.finished(grant.token, &health, now, jitter);
                let draining = self.draining.load(std::sync::atomic::Ordering::Acquire);
                if draining { None } else { schedule.again(&grant.destination, now) }
            };
            self.changed.notify(usize::MAX);
            match next {
                Some(next) => grant = next,
                None => return,
            }
        }
    }

    async fn attempt(self: &Arc<Self>, grant: &Grant) -> Health {
        let (message, deliveries) = match self.load(&grant.keys).await {
            Ok(Some(loaded)) => loaded,
            Ok(None) => return Health::Reachable,
            Err(cause) => {
                self.put_off(&grant.keys, &cause);
                return Health::Reachable;
            }
        };
        if deliveries.is_empty() {
            return Health::Reachable;
        }
        let message = Arc::new(message);
        let (outcomes, health) = match deliveries.first().map(|delivery| &delivery.target) {
            Some(Target::Remote { .. }) => {
                let blobs = self.mailstore.blobs().clone();
                self.relay().deliver(Job { message: message.clone(), deliveries: deliveries.clone(), blobs }).await
            }
            _ => match self.deliver_here(&message, &deliveries).await {
                Ok(outcomes) => (outcomes, Health::Reachable),
                Err(cause) => {
                    self.put_off(&grant.keys, &cause);
                    return Health::Reachable;
                }
            },
        };
        self.record(&message, deliveries, outcomes).await;
        health
    }

    fn put_off(&self, keys: &[DeliveryKey], cause: &Fault) {
        let until = self.clock.wall() + PAUSE_AFTER_FAULT;
        let id = keys.first().map_or(QueueId(0), |key| key.id);
        tracing::error!(event = "queue.faulty", queue_id = %queue_name(id), deliveries = keys.len(), %cause);
        let mut schedule = self.schedule();
        keys.iter().for_each(|key| schedule.postpone(*key, until));
    }

    /// The message with its body, and those of the deliveries that are still there; `None` when none is.
    pub(super) async fn load(&self, keys: &[DeliveryKey]) -> Result<Option<(QueuedMessage, Vec<Delivery>)>, Fault> {
        let Some(id) = keys.first().map(|key| key.id) else { return Ok(None) };
        let (cell, key) = (row::cell(), row::message_key(id));
        let body = Query::Get(Get { space: Space::Bodies, cell: cell.clone(), key: key.clone() });
        let mut queries = vec![Query::row(&cell, key), body];
        queries.extend(keys.iter().map(|key| Query::row(&cell, row::delivery_key(*key))));
        let mut found = self.store.read(queries).await?.0.into_iter().map(|found| match found {
            Found::Row(row) => row,
            Found::Page(_) => None,
        });
        let (message, body) = (found.next().flatten(), found.next().flatten());
        let mut deliveries = Vec::new();
        for (key, row) in keys.iter().zip(found) {
            match row {
                Some(row) => deliveries.push(Delivery::decode(&row::delivery_key(*key), &row)?),
                // Somebody took it out meanwhile.
                None => {
                    self.schedule().remove(*key);
                }
            }
        }
        if deliveries.is_empty() {
            return Ok(None);
        }
        let message = QueuedMessage::decode_whole(id, &message.ok_or(Fault::MessageMissing)?, body)?;
        Ok(Some((message, deliveries)))
    }

    async fn deliver_here(&self, message: &QueuedMessage, deliveries: &[Delivery]) -> Result<Vec<Outcome>, Fault> {
        let scanned = self.scan(message).await?;
        Ok(join_all(deliveries.iter().map(|delivery| self.deliver_one(message, delivery, &scanned))).await)
    }

    async fn deliver_one(&self, message: &QueuedMessage, delivery: &Delivery, scanned: &Arc<Scanned>) -> Outcome {
        let Target::Account { account, address, quota } = &delivery.target else {
            return Outcome::ours(OutcomeKind::Deferred, (4, 3, 0), "the delivery was rerouted");
        };
        let reverse_path = format!("<{}>", message.reverse_path);
        let email = NewEmail {
            prefix: fields::delivery_prefix(&reverse_path, address, &message.trace).into(),
            body: message.body.clone(),
            scanned: scanned.clone(),
        };
        let id = DeliveryId { queue: message.id, ordinal: delivery.key.ordinal };
        let append = inbox(email, *quota, Some(id), Vec::new());
        let done = match self.mailstore.account(*account).await {
            Ok(account) => account.append(append).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(_) => Outcome::ours(OutcomeKind::Delivered, (2, 0, 0), format!("INBOX of {address}")),
            Err(error) => {
                let reply = crate::receive::refusal(&error);
                let status = reply.enhanced().unwrap_or((4, 3, 0));
                let text = reply.lines().collect::<Vec<_>>().join(" ");
                tracing::warn!(event = "delivery.refused", queue_id = %queue_name(message.id), to = %delivery.recipient, cause = %error);
                Outcome::ours(OutcomeKind::Deferred, status, text)
            }
        }
    }

    /// Reads a queued message's structure.
    async fn scan(&self, message: &QueuedMessage) -> Result<Arc<Scanned>, Fault> {
        let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
        let mut body = BodyReader::new(&message.body, self.mailstore.blobs());
        while let Some(piece) = body.next().await? {
            scanner.push(&piece);
        }
        Ok(Arc::new(scanner.finish()))
    }

    /// Makes what the attempt came to durable, with the reports that it calls for.
    async fn record(self: &Arc<Self>, message: &Arc<QueuedMessage>, deliveries: Vec<Delivery>, outcomes: Vec<Outcome>) {
        let progress = outcomes.iter().any(|outcome| matches!(outcome.kind, OutcomeKind::Relayed { .. }));
        // The same jitter for all, so that they are tried again in one transaction.
        let mut reckoning = Reckoning {
            id: message.id,
            now: self.clock.wall(),
            jitter: self.jitter(),
            after: since(message.arrived, self.clock.wall()),
            progress,
            batch: self.batch(),
            left: Vec::new(),
            done: Vec::new(),
            failed: Vec::new(),
            succeeded: Vec::new(),
        };
        for (delivery, outcome) in deliveries.into_iter().zip(outcomes) {
            self.reckon(delivery, outcome, &mut reckoning);
        }
        let Reckoning { mut batch, left, done, failed, succeeded, .. } = reckoning;
        batch.makes_room = true;
        let mut reports = Vec::new();
        for (telling, about) in [(Telling::Failure, failed), (Telling::Success, succeeded)] {
            reports.extend(self.surely_report(message, telling, &about).await);
        }
        for report in &reports {
            remember(&mut batch, &report.message, &report.deliveries);
            report.records.iter().for_each(|(id, record)| self.trace.add(&mut batch, *id, record));
        }
        let last = self.schedule().open(message.id) == done.len();
        if last {
            forget(&mut batch, message);
        }
        if !self.surely_commit(message.id, batch).await {
            return;
        }
        self.settle(message, &done, &left, last).await;
        reports.iter().for_each(|report| self.put_all(&report.deliveries));
    }

    /// What one outcome means: for its row, the trace, and who is told.
    fn reckon(&self, mut delivery: Delivery, mut outcome: Outcome, to: &mut Reckoning) {
        let Reckoning { id, now, jitter, progress, .. } = *to;
        outcome.answer = bounded(outcome.answer);
        delivery.attempts += 1;
        let deferred = outcome.kind == OutcomeKind::Deferred;
        if deferred && delivery.due + PATIENCE <= now {
            delivery.expires = delivery.expires.max(now + PATIENCE);
        }
        if deferred && delivery.expires <= now {
            outcome = expired(outcome);
        }
        if self.may_be_repeated(&delivery) {
            self.trace.add(&mut to.batch, id, &resumed(&delivery, now));
        }
        let mut next = None;
        if outcome.kind == OutcomeKind::Deferred {
            let at_once = progress && is_one_too_many(&outcome);
            let pause = if at_once { Duration::ZERO } else { retry_pause(delivery.attempts, jitter) };
            delivery.due = (now + pause).min(delivery.expires);
            delivery.last = Some(outcome.answer.clone());
            next = Some(delivery.due);
            to.batch.put(Space::Rows, row::delivery_key(delivery.key), delivery.encode());
        } else {
            to.batch.delete(Space::Rows, row::delivery_key(delivery.key));
            to.done.push(delivery.key);
        }
        self.trace.add(&mut to.batch, id, &attempted(&delivery, &outcome, now, next));
        log_attempt(id, &delivery, &outcome, next);
        metrics::attempted(&delivery.target, &outcome, to.after);
        let wishes = delivery.notify.unwrap_or(NOTIFY_DEFAULT);
        match outcome.kind {
            OutcomeKind::Deferred => to.left.push(delivery),
            OutcomeKind::Failed if wishes.failure => to.failed.push((delivery, outcome)),
            OutcomeKind::Delivered if wishes.success => to.succeeded.push((delivery, outcome)),
            OutcomeKind::Relayed { tells_success: false } if wishes.success => to.succeeded.push((delivery, outcome)),
            _ => {}
        }
    }

    /// What has happened is recorded, however long that takes: a delivery that is done must not be tried again because the disk is
    /// full. The attempt keeps its place until then, so that little else is sent meanwhile. `false`: another process has the
    /// partition, and ours has nothing to say any more.
    pub(super) async fn surely_commit(&self, id: QueueId, batch: Batch) -> bool {
        loop {
            match self.store.commit(batch.clone()).await {
                Ok(()) => return true,
                Err(CommitError::Conflict) => {
                    tracing::error!(event = "queue.lease_lost", queue_id = %queue_name(id));
                    return false;
                }
                Err(cause) => self.wait_after(id, &cause.into()).await,
            }
        }
    }

    /// What was not delivered must not go without a word.
    async fn surely_report(
        &self,
        message: &QueuedMessage,
        telling: Telling,
        about: &[(Delivery, Outcome)],
    ) -> Option<Report> {
        loop {
            match self.report(message, telling, about).await {
                Ok(report) => return report,
                Err(cause) => self.wait_after(message.id, &cause).await,
            }
        }
    }

    async fn wait_after(&self, id: QueueId, cause: &Fault) {
        tracing::error!(event = "queue.faulty", queue_id = %queue_name(id), %cause);
        self.sleep.sleep_until(self.clock.monotonic() + PAUSE_AFTER_FAULT).await;
    }

    /// The record is durable: the schedule follows.
    pub(super) async fn settle(
        &self,
        message: &QueuedMessage,
        done: &[DeliveryKey],
        left: &[Delivery],
        forgotten: bool,
    ) {
        self.put_all(left);
        let open = {
            let mut schedule = self.schedule();
            for key in done {
                schedule.remove(*key);
            }
            schedule.open(message.id)
        };
        // Two commits may each have taken the other's deliveries for open.
        if open == 0 && !forgotten && !done.is_empty() {
            let mut batch = self.batch();
            batch.makes_room = true;
            forget(&mut batch, message);
            self.surely_commit(message.id, batch).await;
        }
    }

    /// A delivery's sender must be told that it is late, or that it has expired.
    pub(super) async fn overdue(self: Arc<Self>, key: DeliveryKey) {
        let loaded = self.load(&[key]).await;
        let (message, mut delivery) = match loaded {
            Ok(Some((message, deliveries))) => match deliveries.into_iter().next() {
                Some(delivery) => (Arc::new(message), delivery),
                None => return,
            },
            Ok(None) => return,
            Err(cause) => return self.put_off(&[key], &cause),
        };
        let now = self.clock.wall();
        let closed = self.schedule().closed(&delivery.target.destination()).map(|closed| closed.cause.to_string());
        let cause = closed.or_else(|| delivery.last.clone()).unwrap_or_else(|| "it was not tried yet".into());
        let outcome = Outcome::ours(OutcomeKind::Deferred, (4, 4, 7), cause);
        if delivery.expires <= now {
            delivery.attempts = delivery.attempts.saturating_sub(1);
            return self.record(&message, vec![delivery], vec![expired(outcome)]).await;
        }
        delivery.delay_told = true;
        let wishes = delivery.notify.unwrap_or(NOTIFY_DEFAULT);
        let mut batch = self.batch();
        batch.put(Space::Rows, row::delivery_key(key), delivery.encode());
        let mut told = None;
        if wishes.delay {
            match self.report(&message, Telling::Delay, &[(delivery.clone(), outcome)]).await {
                Ok(report) => told = report,
                Err(cause) => return self.put_off(&[key], &cause),
            }
        }
        if let Some(report) = &told {
            remember(&mut batch, &report.message, &report.deliveries);
            report.records.iter().for_each(|(id, record)| self.trace.add(&mut batch, *id, record));
        }
        match self.store.commit(batch).await {
            Ok(()) => {
                self.put(&delivery);
                told.iter().for_each(|report| self.put_all(&report.deliveries));
            }
            Err(error) => {
                if let (CommitError::Failed(_), Some(report)) = (&error, &told) {
                    self.take_back(&report.message, &report.deliveries);
                }
                self.put_off(&[key], &error.into());
            }
        }
    }
}

/// What the outcomes of an attempt come to.
struct Reckoning {
    id: QueueId,
    now: Timestamp,
    jitter: u32,
    /// Since the message was accepted.
    after: Duration,
    /// Whether some recipients' copies were taken.
    progress: bool,
    batch: Batch,
    left: Vec<Delivery>,
    done: Vec<DeliveryKey>,
    /// Of which the sender hears.
    failed: Vec<(Delivery, Outcome)>,
    succeeded: Vec<(Delivery, Outcome)>,
}

/// Nothing, if the clock was set back meanwhile.
fn since(before: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(now.unix_ms() - before.unix_ms()).unwrap_or(0))
}

/// A foreign answer may be long and is shown to people: one piece of printable text.
fn bounded(answer: String) -> String {
    let clean: String = answer.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match clean.char_indices().nth(ANSWER_OCTETS_MAX) {
        Some((at, _)) => clean.get(..at).unwrap_or_default().to_owned(),
        None => clean,
    }
}

/// RFC 5321 §4.5.3.1.10: there is no room for the recipient in this transaction, but in the next.
fn is_one_too_many(outcome: &Outcome) -> bool {
    let code = ["452", "552"].iter().any(|code| outcome.answer.starts_with(code));
    code && outcome.status.is_none_or(|(_, subject, detail)| (subject, detail) == (5, 3))
}

fn expired(outcome: Outcome) -> Outcome {
    let answer = format!("given up, it has been tried for too long; last: {}", outcome.answer);
    // RFC 3463 §3.5, X.4.7: delivery time expired.
    Outcome { kind: OutcomeKind::Failed, status: Some((4, 4, 7)), answer, ..outcome }
}

/// A double that SMTP cannot avoid (RFC 5321 §6.1) is told of.
fn resumed(delivery: &Delivery, now: Timestamp) -> TraceRecord {
    let answer = "the server ended while this was due; if an attempt was under way, the next hop has it twice";
    TraceRecord {
        answer: Some(answer.into()),
        ..TraceRecord::new(now, TraceEvent::Resumed, vec![delivery.recipient.clone()])
    }
}

fn attempted(delivery: &Delivery, outcome: &Outcome, now: Timestamp, next: Option<Timestamp>) -> TraceRecord {
    let event = match outcome.kind {
        OutcomeKind::Delivered => TraceEvent::Delivered,
        OutcomeKind::Relayed { .. } => TraceEvent::Relayed,
        OutcomeKind::Deferred => TraceEvent::Deferred,
        OutcomeKind::Failed => TraceEvent::Failed,
    };
    TraceRecord {
        peer: outcome.peer.clone(),
        protocol: outcome.protocol.clone(),
        answer: Some(outcome.answer.clone()),
        next,
        ..TraceRecord::new(now, event, vec![delivery.recipient.clone()])
    }
}

fn log_attempt(id: QueueId, delivery: &Delivery, outcome: &Outcome, next: Option<Timestamp>) {
    let (id, to, peer) = (queue_name(id), &delivery.recipient, outcome.peer.as_deref().unwrap_or("-"));
    let (reply, attempt) = (&outcome.answer, delivery.attempts);
    match outcome.kind {
        OutcomeKind::Delivered => tracing::info!(event = "delivery.done", queue_id = %id, %to, attempt),
        OutcomeKind::Relayed { .. } => {
            tracing::info!(event = "delivery.relayed", queue_id = %id, %to, %peer, %reply, attempt);
        }
        OutcomeKind::Deferred => {
            let next = next.map_or_else(String::new, |next| next.to_string());
            tracing::info!(event = "delivery.deferred", queue_id = %id, %to, %peer, %reply, attempt, next_attempt = %next);
        }
        OutcomeKind::Failed => tracing::info!(event = "delivery.failed", queue_id = %id, %to, %peer, %reply, attempt),
    }
}

/// A queued body, piece by piece.
pub(crate) struct BodyReader<'a> {
    body: &'a Body,
    blobs: &'a Arc<dyn Blobs>,
    at: u64,
}

impl<'a> BodyReader<'a> {
    pub fn new(body: &'a Body, blobs: &'a Arc<dyn Blobs>) -> BodyReader<'a> {
        BodyReader { body, blobs, at: 0 }
    }

    /// The next octets; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let piece = match self.body {
            Body::Row(octets) if self.at == 0 && !octets.is_empty() => octets.clone(),
            Body::Blob { id, size_octets, .. } if self.at < *size_octets => {
                let piece = self.blobs.get(*id, self.at..(self.at + PIECE_OCTETS).min(*size_octets)).await?;
                piece.filter(|piece| !piece.is_empty()).ok_or(Fault::MessageMissing)?
            }
            _ => return Ok(None),
        };
        self.at += piece.len() as u64;
        Ok(Some(piece))
    }
}

/// What is wrong on our side.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The delivery is there, the message is not.
    #[error("the message or its body is missing")]
    MessageMissing,
    /// The body is not the one that was accepted: it goes to nobody.
    #[error("the body of the message is damaged")]
    BodyDamaged,
    /// Rows or a blob could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Rows or a blob could not be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A row is damaged.
    #[error("a row of the queue: {0}")]
    Row(#[from] model::RecordError),
}
