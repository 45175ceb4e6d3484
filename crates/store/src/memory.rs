//! The reference: everything in memory, with the crash semantics of a disk.
//!
//! Clones are the same store, so a test keeps one as its hand on the switches.

mod blobs;
mod snapshot;
#[cfg(test)]
mod tests;
mod waiting;

pub use blobs::MemoryBlobs;

use crate::{
    Answer, Batch, Bytes, Cell, CommitError, Found, Get, Order, Query, ReadError, Reading, Scan, Snapshot, Space,
    Store, later, ready,
};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use waiting::Waiting;

/// Rows in memory.
#[derive(Clone)]
pub struct MemoryStore(Arc<Mutex<State>>);

type Outcome = Result<(), CommitError>;

/// How a commit becomes durable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sync {
    Immediate,
    Manual,
}

/// The rows of each cell.
#[derive(Clone, Default)]
struct Cells(BTreeMap<(Space, Cell), BTreeMap<Bytes, Bytes>>);

struct State {
    sync: Sync,
    cells: Cells,
    waiting: Waiting<Batch, ()>,
    fail_next: VecDeque<CommitError>,
    full: bool,
    read_only: Option<String>,
    bodies_unreadable: bool,
    commits: u64,
}

impl Default for MemoryStore {
    fn default() -> MemoryStore {
        MemoryStore::new()
    }
}

impl MemoryStore {
    /// A store whose commits are durable at once.
    pub fn new() -> MemoryStore {
        MemoryStore::with(Sync::Immediate)
    }

    /// A store whose commits wait, neither visible nor durable, until a `sync_…` or a crash.
    pub fn with_manual_sync() -> MemoryStore {
        MemoryStore::with(Sync::Manual)
    }

    fn with(sync: Sync) -> MemoryStore {
        MemoryStore(Arc::new(Mutex::new(State {
            sync,
            cells: Cells::default(),
            waiting: Waiting::new(),
            fail_next: VecDeque::new(),
            full: false,
            read_only: None,
            bodies_unreadable: false,
            commits: 0,
        })))
    }

    /// How many commits wait.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Ready when a commit waits: for a task that is the disk.
    pub async fn wanted(&self) {
        poll_fn(|cx| self.state().waiting.wanted(cx)).await;
    }

    /// What is durable, in a store of its own whose commits are durable at once.
    pub fn copy(&self) -> MemoryStore {
        let copy = MemoryStore::new();
        copy.state().cells = self.state().cells.clone();
        copy
    }

    /// The cells that have rows in `space`.
    pub fn cells(&self, space: Space) -> Vec<Cell> {
        let state = self.state();
        let filled = state.cells.0.iter().filter(|((of, _), rows)| *of == space && !rows.is_empty());
        filled.map(|((_, cell), _)| cell.clone()).collect()
    }

    /// How many batches were applied so far.
    pub fn commits(&self) -> u64 {
        self.state().commits
    }

    /// Makes the commit that has waited longest durable and answers it. Whether there was one.
    pub fn sync_one(&self) -> bool {
        let mut state = self.state();
        let Some((batch, answer)) = state.waiting.pop() else { return false };
        let outcome = state.apply(&batch);
        drop(state); // the answer may wake a task that calls us
        let _ = answer.send(outcome); // nobody listens: a dropped answer cancels nothing
        true
    }

    /// Makes all waiting commits durable, also those that their answers bring; returns how many.
    pub fn sync_all(&self) -> usize {
        std::iter::repeat_with(|| self.sync_one()).take_while(|&synced| synced).count()
    }

    /// The next commit to be applied fails with `error`; several calls stand in line.
    pub fn fail_next(&self, error: CommitError) {
        self.state().fail_next.push_back(error);
    }

    /// A power cut: what waits is lost and answered with [`CommitError::Failed`], what is durable stays.
    pub fn crash(&self) {
        self.crash_keeping(0);
    }

    /// A power cut between the disk and the answer: the first `kept` waiting commits are durable, yet answered with
    /// [`CommitError::Failed`] like the lost ones.
    pub fn crash_keeping(&self, kept: usize) {
        let mut state = self.state();
        let waiting = state.waiting.take();
        for (batch, _) in waiting.iter().take(kept) {
            let _ = state.apply(batch); // a conflict leaves nothing, as without the crash
        }
        drop(state);
        for (_, answer) in waiting {
            let _ = answer.send(Err(crashed()));
        }
    }

    /// While full, only batches that make room are applied.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// With a reason, no batch is applied.
    pub fn set_read_only(&self, reason: Option<&str>) {
        self.state().read_only = reason.map(str::to_owned);
    }

    /// While bodies are unreadable, reads of them fail, and those of other rows do not.
    pub fn set_bodies_unreadable(&self, unreadable: bool) {
        self.state().bodies_unreadable = unreadable;
    }

    /// Flips a bit in the row's last octet, as a bad disk does. Whether there was one.
    pub fn damage(&self, space: Space, cell: &Cell, key: &[u8]) -> bool {
        let mut state = self.state();
        let rows = state.cells.0.get_mut(&(space, cell.clone()));
        let Some(value) = rows.and_then(|rows| rows.get_mut(key)) else { return false };
        *value = flipped(value);
        true
    }

    /// All rows of `cell` in `space`, for a test to look at.
    pub fn rows(&self, space: Space, cell: &Cell) -> Vec<(Bytes, Bytes)> {
        let state = self.state();
        let rows = state.cells.0.get(&(space, cell.clone()));
        rows.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl Store for MemoryStore {
    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>> {
        let state = self.state();
        if state.bodies_unreadable && queries.iter().any(|query| query.space() == Space::Bodies) {
            return ready(Err(ReadError::Unavailable("the disk".into())));
        }
        ready(Ok(Reading(queries.iter().map(|query| state.cells.find(query)).collect())))
    }

    fn commit(&self, batch: Batch) -> Answer<'static, Outcome> {
        let mut state = self.state();
        if state.sync == Sync::Immediate {
            return ready(state.apply(&batch));
        }
        let (outcome, disk) = state.waiting.push(batch);
        drop(state);
        disk.into_iter().for_each(Waker::wake);
        later(async { outcome.await.unwrap_or_else(|_| Err(CommitError::Failed("the store is gone".into()))) })
    }

    fn snapshot(&self) -> Answer<'_, Result<Box<dyn Snapshot>, ReadError>> {
        ready(Ok(Box::new(snapshot::MemorySnapshot(self.state().cells.clone()))))
    }
}

impl State {
    fn apply(&mut self, batch: &Batch) -> Outcome {
        if let Some(error) = self.fail_next.pop_front() {
            return Err(error);
        }
        if let Some(reason) = &self.read_only {
            return Err(CommitError::ReadOnly(reason.clone()));
        }
        if self.full && !batch.makes_room {
            return Err(CommitError::NoSpace("the memory store was told to be full".into()));
        }
        let rows = self.cells.0.get(&(Space::Rows, batch.cell.clone()));
        let value = |key| rows.and_then(|rows| rows.get(key));
        if batch.expect.iter().any(|expected| value(&expected.key) != expected.value.as_ref()) {
            return Err(CommitError::Conflict);
        }
        for write in &batch.writes {
            let rows = self.cells.0.entry((write.space, write.cell.clone())).or_default();
            match &write.value {
                Some(value) => rows.insert(write.key.clone(), value.clone()),
                None => rows.remove(&write.key),
            };
        }
        self.commits += 1;
        Ok(())
    }
}

impl Cells {
    fn find(&self, query: &Query) -> Found {
        match query {
            Query::Get(Get { space, cell, key }) => {
                Found::Row(self.0.get(&(*space, cell.clone())).and_then(|rows| rows.get(key)).cloned())
            }
            Query::Scan(scan) => Found::Page(self.scan(scan)),
        }
    }

    fn scan(&self, scan: &Scan) -> crate::Page {
        let rows = self.0.get(&(scan.space, scan.cell.clone())).filter(|_| !scan.is_empty());
        let rows = rows.into_iter().flat_map(|rows| rows.range((scan.from.clone(), scan.to.clone())));
        let row = |(key, value): (&Bytes, &Bytes)| Ok::<_, Infallible>((key.clone(), value.clone()));
        let page = match scan.order {
            Order::Ascending => scan.page(rows.map(row)),
            Order::Descending => scan.page(rows.rev().map(row)),
        };
        page.unwrap_or_else(|never| match never {})
    }
}

fn flipped(octets: &Bytes) -> Bytes {
    let mut octets = octets.to_vec();
    if let Some(last) = octets.last_mut() {
        *last ^= 0x40;
    }
    octets.into()
}

fn crashed() -> CommitError {
    CommitError::Failed("the power went".into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
