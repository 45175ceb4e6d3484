//! The commits that wait for the committer.

use futures_channel::oneshot;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use store::{Batch, CommitError};

/// A batch and who wants to know.
pub(crate) struct Waiting {
    pub(crate) batch: Batch,
    pub(crate) answer: oneshot::Sender<Result<(), CommitError>>,
}

/// Octets that may wait: the process's share for accepted but unwritten mail. Beyond, peers are told to come again.
pub(crate) const WAITING_OCTETS_MAX: usize = 64 << 20;
/// Octets written and synced as one: enough for a sync to cost little in comparison, little enough for latency.
pub(crate) const GROUP_OCTETS_MAX: usize = 8 << 20;
/// Batches in a group: bounds the time until the first of them is answered.
pub(crate) const GROUP_BATCHES_MAX: usize = 4096;
/// What a waiting batch costs beside its rows.
const BATCH_OVERHEAD_OCTETS: usize = 256;

#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    octets: usize,
    closed: bool,
    idle: bool,
    woken: bool,
}

/// What the committer is to do next.
pub(crate) enum Next {
    Group(Vec<Waiting>),
    /// The time is up and nothing has come.
    Overdue,
    /// Nothing has come, but [`Queue::wake`] was called.
    Woken,
    /// Closed, and nothing is left.
    End,
}

impl Queue {
    /// Puts the batch behind those that wait.
    ///
    /// # Errors
    /// `NoSpace` when too much waits already: the disk is slower than the peers.
    pub(crate) fn push(&self, waiting: Waiting) -> Result<(), CommitError> {
        let octets = cost(&waiting.batch);
        let mut state = self.state();
        if state.closed {
            return Err(CommitError::ReadOnly("the store is being closed".into()));
        }
        if state.octets.saturating_add(octets) > WAITING_OCTETS_MAX && !state.waiting.is_empty() {
            return Err(CommitError::NoSpace(format!("{} MiB wait for the disk already", state.octets >> 20)));
        }
        state.octets += octets;
        state.waiting.push_back(waiting);
        if state.idle {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// All that waits, up to the bounds of a group; waits itself, until `deadline` at most.
    pub(crate) fn take(&self, deadline: Option<Instant>) -> Next {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.closed {
                return Next::End;
            }
            if std::mem::take(&mut state.woken) {
                return Next::Woken;
            }
            state.idle = true;
            state = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return Next::Overdue,
                Some(left) => self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
            state.idle = false;
        }
        let (mut group, mut octets) = (Vec::new(), 0);
        while group.len() < GROUP_BATCHES_MAX && octets < GROUP_OCTETS_MAX {
            let Some(waiting) = state.waiting.pop_front() else { break };
            octets += cost(&waiting.batch);
            group.push(waiting);
        }
        state.octets -= octets;
        Next::Group(group)
    }

    /// Lets the committer look after the engine.
    pub(crate) fn wake(&self) {
        self.state().woken = true;
        self.arrived.notify_one();
    }

    /// Nothing more comes; what waits is still done.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.arrived.notify_all();
    }

    /// Nothing more comes, and what waits is answered that its fate is unknown.
    pub(crate) fn abandon(&self) {
        self.close();
        let waiting = std::mem::take(&mut self.state().waiting);
        drop(waiting); // wakes those who wait: not under the lock
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cost(batch: &Batch) -> usize {
    let expected = batch.expect.iter().map(|row| row.key.len() + row.value.as_ref().map_or(0, |value| value.len()));
    batch.octets() + expected.sum::<usize>() + BATCH_OVERHEAD_OCTETS
}
