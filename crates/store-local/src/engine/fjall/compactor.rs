//! Merging sorted files, on a thread of its own.
//!
//! fjall's workers do it too: but with two of them the first hands a waiting merge back to the queue and takes it out again, as
//! fast as it can, until the second is free, and with one flushing waits for merging. So keyspaces are made with levels so
//! large that fjall finds nothing to merge, and its one worker only flushes.

use super::{Keyspaces, LEVEL0_RUNS_MAX};
use crate::engine::guarded;
use fjall::compaction::Leveled;
use fjall::{AbstractTree, Database, Keyspace};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

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

/// What fjall's own worker does with a keyspace: files of the first level that overlap no others go to another level as they are.
pub(super) fn idle_strategy() -> Leveled {
    Leveled::default().with_l0_threshold(u8::MAX).with_table_target_size(NEVER_OCTETS)
}

impl Compactor {
    /// Files become at most `table_octets` large: a step then needs little free space and little time.
    pub(super) fn start(db: &Database, keyspaces: &Arc<Keyspaces>, table_octets: u64) -> io::Result<Compactor> {
        let shared = Arc::new(Shared::default());
        let strategy =
            Arc::new(Leveled::default().with_l0_threshold(LEVEL0_RUNS as u8).with_table_target_size(table_octets));
        let work = Work { db: db.clone(), keyspaces: keyspaces.clone(), strategy, shared: shared.clone() };
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

    /// Whether it ended because something could not be read or written.
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
}

impl Work {
    fn run(&self) {
        while !self.is_closing() {
            let error = match guarded(|| self.merge_all()) {
                Ok(Ok(())) => {
                    std::thread::park();
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(panic) => panic,
            };
            tracing::error!(event = "rows.merge.failed", error);
            self.shared.failed.store(true, Ordering::Release);
            return;
        }
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
