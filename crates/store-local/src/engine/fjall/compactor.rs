//! Merging sorted files, on a thread of its own.
//!
//! fjall's workers do it too: but with two of them the first hands a waiting merge back to the queue and takes it out again, as
//! fast as it can, until the second is free, and with one flushing waits for merging. So keyspaces are made with levels so
//! large that fjall finds nothing to merge, and its one worker only flushes.

use super::{Keyspaces, LEVEL0_RUNS_MAX};
use crate::engine::{EngineError as _, guarded};
use fjall::compaction::Leveled;
use fjall::{AbstractTree, Database, Keyspace};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Runs of the first level that are worth a merge: fewer of them cost reading less than merging costs.
const LEVEL0_RUNS: usize = 4;
const _: () = assert!(LEVEL0_RUNS < LEVEL0_RUNS_MAX);
/// Octets of a file that no store reaches, for the strategy that finds nothing to do.
const NEVER_OCTETS: u64 = 1 << 50;

/// The thread that merges, as long as the engine is open.
pub(super) struct Compactor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    closing: AtomicBool,
    failed: AtomicBool,
}

/// Why merging does not go on, and when it is tried again; kept while the engine is opened anew. A table that is damaged fails
/// each time, and what it concerns is to be told of, not all that is written.
#[derive(Default)]
pub(super) struct Merging(Mutex<Option<Stuck>>);

struct Stuck {
    error: String,
    again: Instant,
    pause: Duration,
}

/// The first pause between two attempts, and the longest.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(600);

impl Merging {
    /// What the last attempt failed with.
    pub(super) fn error(&self) -> Option<String> {
        self.stuck().as_ref().map(|stuck| stuck.error.clone())
    }

    /// How long to wait for the next one.
    fn pause(&self) -> Option<Duration> {
        let left = self.stuck().as_ref()?.again.saturating_duration_since(Instant::now());
        Some(left).filter(|left| !left.is_zero())
    }

    fn note_success(&self) {
        *self.stuck() = None;
    }

    fn note_failure(&self, error: String) {
        tracing::error!(event = "rows.merge.failed", error);
        let mut stuck = self.stuck();
        let pause = stuck.as_ref().map_or(PAUSE_MIN, |stuck| (stuck.pause * 2).min(PAUSE_MAX));
        *stuck = Some(Stuck { error, again: Instant::now() + pause, pause });
    }

    fn stuck(&self) -> MutexGuard<'_, Option<Stuck>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What fjall's own worker does with a keyspace: files of the first level that overlap no others go to another level as they are.
pub(super) fn idle_strategy() -> Leveled {
    Leveled::default().with_l0_threshold(u8::MAX).with_table_target_size(NEVER_OCTETS)
}

impl Compactor {
    /// Files become at most `table_octets` large: a step then needs little free space and little time.
    pub(super) fn start(
        db: &Database,
        keyspaces: &Arc<Keyspaces>,
        table_octets: u64,
        merging: &Arc<Merging>,
    ) -> io::Result<Compactor> {
        let shared = Arc::new(Shared::default());
        let strategy =
            Arc::new(Leveled::default().with_l0_threshold(LEVEL0_RUNS as u8).with_table_target_size(table_octets));
        let (keyspaces, merging) = (keyspaces.clone(), merging.clone());
        let work = Work { db: db.clone(), keyspaces, strategy, shared: shared.clone(), merging };
        let thread = std::thread::Builder::new().name("compactor".into()).spawn(move || work.run())?;
        Ok(Compactor { shared, thread: Some(thread) })
    }

    /// Looks whether there is something to merge, if there may be.
    pub(super) fn wake(&self, keyspaces: &Keyspaces) {
        if keyspaces.all().into_iter().any(|keyspace| keyspace.tree.l0_run_count() >= LEVEL0_RUNS)
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
    }

    /// Whether it ended because something failed that is no damage, and may go the next time.
    pub(super) fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }
}

impl Drop for Compactor {
    /// Waits for the merge that is under way.
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join(); // it has told what it panicked for
        }
    }
}

struct Work {
    db: Database,
    keyspaces: Arc<Keyspaces>,
    strategy: Arc<Leveled>,
    shared: Arc<Shared>,
    merging: Arc<Merging>,
}

impl Work {
    fn run(&self) {
        while !self.is_closing() {
            if let Some(pause) = self.merging.pause() {
                std::thread::park_timeout(pause);
                continue;
            }
            match guarded(|| self.merge_all()) {
                Ok(Ok(())) => {
                    self.merging.note_success();
                    std::thread::park();
                }
                Ok(Err(error)) if error.is_damage() => self.merging.note_failure(error.to_string()),
                Ok(Err(error)) => return self.fail(error.to_string()),
                Err(panic) => return self.fail(panic),
            }
        }
    }

    /// What was written of a merge, and what is held of it, is forgotten when the engine is opened anew.
    fn fail(&self, error: String) {
        self.merging.note_failure(error);
        self.shared.failed.store(true, Ordering::Release);
    }

    fn is_closing(&self) -> bool {
        self.shared.closing.load(Ordering::Acquire)
    }

    /// Until no keyspace has anything left to merge: a step of each by turns.
    fn merge_all(&self) -> fjall::Result<()> {
        let mut merged = true;
        while merged && !self.is_closing() {
            merged = false;
            for keyspace in self.keyspaces.all() {
                merged |= self.merge(keyspace)?;
            }
        }
        Ok(())
    }

    /// One step; whether there was one to take.
    fn merge(&self, keyspace: &Keyspace) -> fjall::Result<bool> {
        let before = keyspace.tree.current_version().id();
        let forgettable = self.db.supervisor.snapshot_tracker.get_seqno_safe_to_gc();
        keyspace.tree.compact(self.strategy.clone(), forgettable)?;
        Ok(keyspace.tree.current_version().id() != before)
    }
}
