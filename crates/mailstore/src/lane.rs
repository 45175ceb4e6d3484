//! An account's lane: all that waits is folded into one batch, and the next batch is folded while that one is written.
//!
//! Operations are folded in the order they came, each onto what the ones before it leave behind, durable or not. A batch
//! expects the head row that its predecessor writes; so when one fails, those chained on it fail too, and are folded anew
//! from what is durable. An operation is answered when its batch, and hence every batch before it, is durable.

use crate::account::Account;
use crate::error::Error;
use crate::sealed;
use crate::working::{Published, Working};
use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::MailboxId;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use store::{Answer, CommitError};

/// Batches under way at once: one being synced, one waiting to be in the next sync.
const UNDER_WAY_MAX: usize = 2;
/// Operations folded into one batch, and the octets they bring: bounds the batch's memory and the wait of the first.
const BATCH_OPERATIONS_MAX: usize = 1000;
const BATCH_OCTETS_MAX: usize = 4 << 20;
/// Operations, and octets they bring, that may wait; beyond it the answer is [`Error::Busy`].
const WAITING_MAX: usize = 10_000;
const WAITING_OCTETS_MAX: usize = 32 << 20;
/// How often an operation is folded anew after a conflict or a predecessor's failure.
const ATTEMPTS_MAX: u32 = 5;

/// A change of an account, or a look at it that must not miss what is under way.
pub(crate) trait Operation: Send + Sync + 'static {
    /// What the caller gets when it is durable.
    type Done: Send + 'static;

    /// Mailboxes whose members [`fold`](Self::fold) reads.
    fn looks_at(&self) -> Vec<MailboxId> {
        Vec::new()
    }

    /// Octets it holds while it waits.
    fn octets(&self) -> usize {
        0
    }

    /// Whether it may use the reserve of a full disk: because it makes room, or is a step to it.
    fn makes_room(&self) -> bool {
        false
    }

    /// Applies itself to the account. It checks everything before the first change: an error leaves nothing behind.
    fn fold(&self, working: &mut Working) -> impl Future<Output = Result<Self::Done, Error>> + Send;
}

/// An operation in the lane, whatever it gives back.
trait Waiting: Send {
    fn looks_at(&self) -> Vec<MailboxId>;
    fn makes_room(&self) -> bool;
    fn attempt(&mut self) -> u32;
    fn fold<'a>(&'a mut self, working: &'a mut Working) -> BoxFuture<'a, ()>;
    fn answer(self: Box<Self>, outcome: Result<(), Error>);
}

struct Ask<T: Operation> {
    operation: T,
    attempts: u32,
    done: Option<Result<T::Done, Error>>,
    answer: oneshot::Sender<Result<T::Done, Error>>,
}

impl<T: Operation> Waiting for Ask<T> {
    fn looks_at(&self) -> Vec<MailboxId> {
        self.operation.looks_at()
    }
    fn makes_room(&self) -> bool {
        self.operation.makes_room()
    }
    fn attempt(&mut self) -> u32 {
        self.attempts += 1;
        self.attempts
    }
    fn fold<'a>(&'a mut self, working: &'a mut Working) -> BoxFuture<'a, ()> {
        async { self.done = Some(self.operation.fold(working).await) }.boxed()
    }
    fn answer(self: Box<Self>, outcome: Result<(), Error>) {
        let done = self.done.unwrap_or(Err(Error::Busy));
        // Whoever asked may be gone; the operation is done all the same.
        let _ = self.answer.send(outcome.and(done));
    }
}

/// What waits for the account, and whether a runner is at work.
#[derive(Default)]
pub(crate) struct Lane(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Box<dyn Waiting>>,
    octets: usize,
    running: bool,
    runner: Option<Waker>,
    /// The account as the last runner left it.
    parked: Option<Box<Working>>,
}

impl Lane {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an operation at once; the answer comes when it is durable.
    pub fn ask<T: Operation>(
        account: &Arc<Account>,
        operation: T,
    ) -> impl Future<Output = Result<T::Done, Error>> + Send + use<T> {
        let (answer, answered) = oneshot::channel();
        let octets = operation.octets();
        let mut state = account.lane.state();
        let room = state.waiting.len() < WAITING_MAX && state.octets + octets <= WAITING_OCTETS_MAX;
        let (mut start, mut runner) = (false, None);
        if room {
            state.octets += octets;
            state.waiting.push_back(Box::new(Ask { operation, attempts: 0, done: None, answer }));
            start = !std::mem::replace(&mut state.running, true);
            runner = state.runner.take();
        }
        drop(state); // an executor may drop what it is given, and that takes the lock
        if start {
            account.spawn.spawn(run(Runner::new(account.clone())).boxed());
        } else if let Some(runner) = runner {
            runner.wake();
        }
        async move {
            if !room {
                return Err(Error::Busy);
            }
            // A runner that dies drops its operations: the store is asked anew by the next one.
            answered.await.unwrap_or_else(|_| Err(ended()))
        }
    }
}

/// The answer of one who cannot say any more what became of an operation.
pub(crate) fn ended() -> Error {
    CommitError::Failed("the account's lane ended".into()).into()
}

/// A batch that is being written.
struct UnderWay {
    committed: Answer<'static, Result<(), CommitError>>,
    /// Whether there was anything to write.
    wrote: bool,
    makes_room: bool,
    published: Published,
    operations: Vec<Box<dyn Waiting>>,
}

struct Runner {
    account: Arc<Account>,
    working: Option<Box<Working>>,
    under_way: VecDeque<UnderWay>,
    /// Taken from the lane and not folded yet, or to be folded anew.
    todo: VecDeque<Box<dyn Waiting>>,
    /// The store had no space: what makes room is not mixed with what takes it.
    full: bool,
    /// It ended by itself.
    idle: bool,
}

impl Drop for Runner {
    /// When a fold panicked, or the executor dropped its tasks: the next operation starts a new runner, which reads the
    /// account anew. What waits is answered by being dropped.
    fn drop(&mut self) {
        if self.idle {
            return;
        }
        let mut state = self.account.lane.state();
        let ended = std::mem::take(&mut *state);
        drop(state);
        drop(ended);
        self.account.forget_views();
    }
}

enum Step {
    Fold,
    Settle(Result<(), CommitError>),
    Idle,
}

async fn run(mut runner: Runner) {
    loop {
        match runner.step().await {
            Step::Fold => runner.fold().await,
            Step::Settle(outcome) => runner.settle(outcome).await,
            Step::Idle => return,
        }
    }
}

impl Runner {
    fn new(account: Arc<Account>) -> Runner {
        let working = account.lane.state().parked.take();
        Runner { account, working, under_way: VecDeque::new(), todo: VecDeque::new(), full: false, idle: false }
    }

    /// What to do next; waits when there is nothing but batches under way.
    async fn step(&mut self) -> Step {
        poll_fn(|cx| {
            if let Some(oldest) = self.under_way.front_mut()
                && let Poll::Ready(outcome) = oldest.committed.poll_unpin(cx)
            {
                return Poll::Ready(Step::Settle(outcome));
            }
            if self.under_way.len() >= UNDER_WAY_MAX {
                return Poll::Pending;
            }
            let mut state = self.account.lane.state();
            // Only then: what is taken no longer counts as waiting, and shall be bounded all the same.
            if self.todo.is_empty() {
                self.todo.extend(state.waiting.drain(..));
                state.octets = 0;
            }
            if !self.todo.is_empty() {
                return Poll::Ready(Step::Fold);
            }
            if self.under_way.is_empty() {
                state.parked = self.working.take();
                state.running = false;
                self.idle = true;
                return Poll::Ready(Step::Idle);
            }
            state.runner = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Folds what waits into one batch and submits it.
    async fn fold(&mut self) {
        let mut operations: Vec<Box<dyn Waiting>> = Vec::new();
        while let Some(next) = self.todo.front() {
            if self.full && operations.last().is_some_and(|last| last.makes_room() != next.makes_room()) {
                break;
            }
            let prepared = self.prepare(next.looks_at(), &mut operations).await;
            if prepared.is_ok() && self.working.is_none() {
                break; // a failure was settled meanwhile: older operations stand before this one again
            }
            let Some(mut operation) = self.todo.pop_front() else { break };
            match (prepared, self.working.as_mut()) {
                (Ok(()), Some(working)) => {
                    working.now = self.account.clock.wall();
                    working.keeps = !self.account.keeping.time().is_zero();
                    operation.fold(working).await;
                    operations.push(operation);
                    if operations.len() >= BATCH_OPERATIONS_MAX || working.draft_octets() >= BATCH_OCTETS_MAX {
                        break;
                    }
                }
                (prepared, _) => operation.answer(prepared),
            }
        }
        self.submit(operations);
    }

    /// Sees to it that the account and the views of `mailboxes` are loaded.
    async fn prepare(&mut self, mailboxes: Vec<MailboxId>, folded: &mut Vec<Box<dyn Waiting>>) -> Result<(), Error> {
        if self.working.is_none() {
            self.working = Some(Box::new(self.account.load().await?));
        }
        let missing = |working: &Working| -> Vec<MailboxId> {
            mailboxes.iter().filter(|id| working.mailbox(**id).is_ok() && !working.has_view(**id)).copied().collect()
        };
        if self.working.as_deref().is_none_or(|working| missing(working).is_empty()) {
            return Ok(());
        }
        self.submit(std::mem::take(folded));
        while let Some(oldest) = self.under_way.front_mut() {
            let outcome = (&mut oldest.committed).await;
            self.settle(outcome).await;
        }
        if let Some(working) = self.working.as_deref_mut() {
            for id in missing(working) {
                if let Some(view) = working.load_view(id).await? {
                    self.account.spawn.spawn(sealed::seal(self.account.clone(), id, view).boxed());
                }
            }
        }
        Ok(())
    }

    /// Hands the batch to the store. One without writes takes its place in the order all the same: what it answers rests
    /// on the batches before it.
    fn submit(&mut self, operations: Vec<Box<dyn Waiting>>) {
        let Some(working) = self.working.as_mut().filter(|_| !operations.is_empty()) else { return };
        let (batch, published) = working.seal();
        let (wrote, makes_room) = (batch.is_some(), operations.iter().all(|operation| operation.makes_room()));
        let committed = match batch {
            None => store::ready(Ok(())),
            Some(mut batch) => {
                batch.makes_room = makes_room;
                self.account.store.commit(batch)
            }
        };
        self.under_way.push_back(UnderWay { committed, wrote, makes_room, published, operations });
    }

    /// The oldest batch has its outcome.
    async fn settle(&mut self, outcome: Result<(), CommitError>) {
        let Some(batch) = self.under_way.pop_front() else { return };
        match outcome {
            Ok(()) => {
                self.full &= !batch.wrote || batch.makes_room;
                if let Some(working) = self.working.as_mut() {
                    working.settled();
                }
                self.account.publish(batch.published, self.working.as_deref_mut());
                batch.operations.into_iter().for_each(|operation| operation.answer(Ok(())));
                self.account.bound_kept();
            }
            Err(error) => self.fail(batch, error).await,
        }
    }

    /// A batch failed: those chained on it are folded anew; its own operations too, if that can help.
    async fn fail(&mut self, batch: UnderWay, error: CommitError) {
        let mut failed = VecDeque::from([(batch, Err(error.clone()))]);
        for mut later in std::mem::take(&mut self.under_way) {
            let outcome = (&mut later.committed).await;
            failed.push_back((later, outcome));
        }
        self.working = None;
        if error != CommitError::Conflict {
            tracing::warn!(event = "commit.failed", account = %self.account.id, cause = %error);
        }
        // What was chained on it can be there only if it is there itself, though nobody could say so.
        while failed.iter().any(|(batch, outcome)| batch.wrote && outcome.is_ok()) {
            let Some((batch, _)) = failed.pop_front() else { break };
            self.account.publish(batch.published, None);
            batch.operations.into_iter().for_each(|operation| operation.answer(Ok(())));
        }
        self.account.forget_views();
        let mut again = Vec::new();
        for (number, (batch, outcome)) in failed.into_iter().enumerate() {
            self.sort_out(batch, outcome, number > 0, &mut again);
        }
        again.into_iter().rev().for_each(|operation| self.todo.push_front(operation));
    }

    /// Answers the operations of a batch that was not written, or collects them to be folded again.
    fn sort_out(
        &mut self,
        batch: UnderWay,
        outcome: Result<(), CommitError>,
        chained: bool,
        again: &mut Vec<Box<dyn Waiting>>,
    ) {
        self.full |= matches!(outcome, Err(CommitError::NoSpace(_)));
        for mut operation in batch.operations {
            let helps = match &outcome {
                // It may be there after all: a second time would be once too often.
                Err(CommitError::Failed(_)) => false,
                _ if chained => true,
                Err(CommitError::NoSpace(_)) => !batch.makes_room && operation.makes_room(),
                Err(CommitError::ReadOnly(_)) => false,
                Err(CommitError::Conflict) | Ok(()) => true,
            };
            match &outcome {
                _ if helps && (chained || operation.attempt() <= ATTEMPTS_MAX) => again.push(operation),
                Err(error) => operation.answer(Err(Error::Commit(error.clone()))),
                Ok(()) => operation.answer(Err(Error::Commit(CommitError::Conflict))),
            }
        }
    }
}
