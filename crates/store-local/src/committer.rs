//! The one thread that writes.

use crate::engine::{Engine, Fault, Writes, guarded_read, guarded_work};
use crate::key::{KEY_OCTETS_MAX, row_key};
use crate::metrics;
use crate::queue::{Next, Waiting};
use crate::rows::Shared;
use crate::space::{Room, shortage};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Batch, CommitError, ReadError};

type Outcome = Result<(), CommitError>;

pub(crate) struct Committer {
    shared: Arc<Shared>,
    /// While the engine is closed: when to try opening it again, and after how long once more.
    retry: Option<(Instant, Duration)>,
    /// Rows deleted since space was last reclaimed, and when that was.
    deleted: usize,
    reclaimed: Option<Instant>,
}

/// The first pause between two attempts at opening, and the longest.
const RETRY_AFTER_MIN: Duration = Duration::from_millis(100);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// How often the engine is looked after while it has too much to flush.
const BEHIND_PAUSE: Duration = Duration::from_millis(2);

/// Reclaiming holds up commits and rewrites files: not more often than this, nor for less than this in the journals.
const RECLAIM_PAUSE: Duration = Duration::from_secs(5);
const RECLAIM_OCTETS_MIN: u64 = 8 << 20;

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>) -> Committer {
        Committer { shared, retry: None, deleted: 0, reclaimed: None }
    }

    /// Until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        loop {
            match self.shared.queue.take(self.retry.map(|(due, _)| due)) {
                Next::Group(group) => {
                    self.commit(group);
                    self.reclaim();
                }
                Next::Overdue => {}
                Next::Woken => self.look_after_engine(),
                Next::End => break,
            }
            if self.retry.is_some_and(|(due, _)| due <= Instant::now()) {
                self.reopen();
            }
        }
        self.shared.close_for_good();
    }

    /// Somebody could not read: opens an engine that has stopped anew, without waiting for a commit that would find out.
    fn look_after_engine(&mut self) {
        if self.retry.is_none() && self.shared.engine().as_ref().is_some_and(|engine| engine.has_stopped()) {
            self.reopen();
        }
    }

    fn commit(&mut self, group: Vec<Waiting>) {
        let batches: Vec<&Batch> = group.iter().map(|waiting| &waiting.batch).collect();
        let begun = Instant::now();
        let outcomes = self.outcomes(&batches);
        count(&batches, &outcomes, begun.elapsed());
        for (waiting, outcome) in group.into_iter().zip(outcomes) {
            if outcome.is_ok() {
                self.deleted += waiting.batch.writes.iter().filter(|write| write.value.is_none()).count();
            }
            let Waiting { batch, answer } = waiting;
            let _ = answer.send(outcome); // nobody listens: a dropped answer cancels nothing
            drop(batch); // with the blobs that it holds, which its rows name now
        }
    }

    /// Makes room when there is little and something can be gained.
    fn reclaim(&mut self) {
        let resting = self.reclaimed.is_some_and(|last| last.elapsed() < RECLAIM_PAUSE);
        if resting || !self.shared.is_short_of_space() {
            return;
        }
        let reclaimable_octets = self.shared.engine().as_ref().map_or(0, |engine| engine.reclaimable_octets());
        if self.deleted == 0 && reclaimable_octets < RECLAIM_OCTETS_MIN {
            return;
        }
        if self.shared.reclaim_space().is_err() {
            self.retry_later();
        }
        self.deleted = 0;
        self.reclaimed = Some(Instant::now());
    }

    fn outcomes(&mut self, batches: &[&Batch]) -> Vec<Outcome> {
        let all = |error: CommitError| vec![Err(error); batches.len()];
        if self.retry.is_some_and(|(due, _)| due > Instant::now()) {
            return all(self.unavailable()); // not each commit is an attempt
        }
        let fault = match self.attempt(batches, None) {
            Err(Fault::Stopped) if self.reopen() => self.attempt(batches, None),
            outcome => outcome,
        };
        let (text, full) = match fault {
            Ok(outcomes) => return outcomes,
            Err(Fault::Stopped) => return all(self.unavailable()),
            Err(Fault::Broken { text, disk_full }) => (text, disk_full),
        };
        if full {
            self.shared.ballast.release();
        }
        // Once reopened the batches are known not to be there; before, nothing is known.
        if !self.reopen() || !full {
            return all(CommitError::Failed(text));
        }
        self.attempt(batches, Some(&text)).unwrap_or_else(|_| {
            self.reopen();
            all(CommitError::Failed(text))
        })
    }

    /// Writes what may be written of `batches` as one; with a reason in `full`, only deletions.
    fn attempt(&self, batches: &[&Batch], full: Option<&str>) -> Result<Vec<Outcome>, Fault> {
        guarded_work(|| self.attempt_unguarded(batches, full))
    }

    fn attempt_unguarded(&self, batches: &[&Batch], full: Option<&str>) -> Result<Vec<Outcome>, Fault> {
        let shared = &self.shared;
        let engine = shared.engine();
        let engine = engine.as_deref().ok_or(Fault::Stopped)?;
        if let Some(reason) = shared.damage.get() {
            return Ok(vec![Err(CommitError::ReadOnly(reason.clone())); batches.len()]);
        }
        while engine.is_behind() {
            if engine.has_stopped() {
                return Err(Fault::Stopped);
            }
            if let Some(hindrance) = engine.hindrance().filter(|hindrance| hindrance.ends_writing) {
                return Ok(vec![Err(CommitError::ReadOnly(hindrance.reason)); batches.len()]);
            }
            std::thread::sleep(BEHIND_PAUSE);
        }
        let refusal = full.map(str::to_owned).or_else(|| self.shortage(engine, batches));
        let mut writes = Writes::default();
        let outcomes = batches.iter().map(|batch| evaluate(engine, batch, refusal.as_deref(), &mut writes)).collect();
        if !writes.is_empty() {
            engine.write(writes)?;
            shared.note_synced();
        }
        Ok(outcomes)
    }

    fn shortage(&self, engine: &dyn Engine, batches: &[&Batch]) -> Option<String> {
        let octets = batches.iter().map(|batch| batch.octets() as u64).sum();
        let rows = batches.iter().map(|batch| batch.writes.len()).sum();
        match self.shared.watermark.room(octets, engine.further_octets(rows)) {
            Room::Enough => {
                self.shared.note_room(None);
                None
            }
            Room::Short { free_octets, reserve_octets } => {
                self.shared.note_room(Some((free_octets, reserve_octets)));
                Some(shortage(free_octets, reserve_octets))
            }
        }
    }

    fn unavailable(&self) -> CommitError {
        CommitError::ReadOnly(self.shared.health_reason().unwrap_or_else(|| "the store is being opened".into()))
    }

    /// Closes the engine and opens it in place. Whether it is open.
    fn reopen(&mut self) -> bool {
        match self.shared.reopen_engine() {
            Ok(()) => {
                self.retry = None;
                true
            }
            Err(()) => {
                self.retry_later();
                false
            }
        }
    }

    fn retry_later(&mut self) {
        let pause = self.retry.map_or(RETRY_AFTER_MIN, |(_, pause)| (pause * 2).min(RETRY_AFTER_MAX));
        self.retry = Some((Instant::now() + pause, pause));
    }
}

impl Drop for Committer {
    /// Nobody waits for ever, also when it panicked.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.note_closed("the committer panicked: restart the server");
        }
        self.shared.queue.abandon();
    }
}

fn count(batches: &[&Batch], outcomes: &[Outcome], took: Duration) {
    metrics::COMMIT_SECONDS.record(took.as_secs_f64(), &[]);
    metrics::COMMIT_GROUP.record(batches.len() as f64, &[]);
    for (batch, outcome) in batches.iter().zip(outcomes) {
        let outcome = match outcome {
            Ok(()) => "done",
            Err(CommitError::Conflict) => "conflict",
            Err(CommitError::NoSpace(_) | CommitError::ReadOnly(_)) => "refused",
            Err(CommitError::Failed(_)) => "failed",
        };
        metrics::COMMITS.add(1, &[outcome]);
        if outcome == "done" {
            metrics::COMMIT_OCTETS.add(batch.octets() as u64, &[]);
        }
    }
}

/// Adds the batch's writes to the group's, if it may be applied after them.
fn evaluate(engine: &dyn Engine, batch: &Batch, refusal: Option<&str>, writes: &mut Writes) -> Outcome {
    if let Some(text) = refusal.filter(|_| !batch.makes_room) {
        return Err(CommitError::NoSpace(text.to_owned()));
    }
    let keys = batch.writes.iter().map(|write| &write.key).chain(batch.expect.iter().map(|expected| &expected.key));
    if keys.map(|key| key.len()).max() > Some(KEY_OCTETS_MAX) {
        return Err(CommitError::Failed(format!("a key is longer than {KEY_OCTETS_MAX} octets")));
    }
    match is_as_expected(engine, batch, writes) {
        Ok(true) => {}
        Ok(false) => return Err(CommitError::Conflict),
        Err(error) => return Err(CommitError::Failed(error.to_string())),
    }
    batch.writes.iter().for_each(|write| writes.add(write));
    Ok(())
}

/// Whether what `batch` expects is so, after `writes`.
fn is_as_expected(engine: &dyn Engine, batch: &Batch, writes: &Writes) -> Result<bool, ReadError> {
    for expected in &batch.expect {
        let key = row_key(&batch.cell, &expected.key);
        let wanted = expected.value.as_deref();
        let holds = match writes.row(&key) {
            Some(written) => written == wanted,
            None => guarded_read(|| engine.holds(&key, wanted))?,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}
