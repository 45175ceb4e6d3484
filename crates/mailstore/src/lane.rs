//! An account's lane: all that waits is folded into one batch, and the next batch is folded while that one is written.
//!
//! Operations are folded in the order they came, each onto what the ones before it leave behind, durable or not. A batch
//! expects the head row that its predecessor writes; so when one fails, those chained on it fail too, and are folded anew
//! from what is durable. An operation is answered when its batch, and hence every batch before it, is durable.

use crate::account::Account;
use crate::error::Error;
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
    fn octets(&self) -> usize;
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
    fn octets(&self) -> usize {
        self.operation.octets()
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
        if room {
            state.octets += octets;
            state.waiting.push_back(Box::new(Ask { operation, attempts: 0, done: None, answer }));
            if !std::mem::replace(&mut state.running, true) {
                account.spawn.spawn(run(account.clone()).boxed());
            } else if let Some(runner) = state.runner.take() {
                runner.wake();
            }
        }
        drop(state);
        async move {
            if !room {
                return Err(Error::Busy);
            }
            // A runner that dies drops its operations: the store is asked anew by the next one.
            answered.await.unwrap_or_else(|_| Err(CommitError::Failed("the account's lane ended".into()).into()))
        }
    }
}

/// A batch that is being written.
struct UnderWay {
    committed: Answer<'static, Result<(), CommitError>>,
    published: Published,
    operations: Vec<Box<dyn Waiting>>,
}

struct Runner {
    account: Arc<Account>,
    working: Option<Box<Working>>,
    under_way: VecDeque<UnderWay>,
    /// Taken from the lane and not folded yet, or to be folded anew.
    todo: VecDeque<Box<dyn Waiting>>,
}

impl Drop for Runner {
    /// Also when a fold panicked: the next operation starts a new runner, which reads the account anew.
    fn drop(&mut self) {
        let mut state = self.account.lane.state();
        if state.running && std::thread::panicking() {
            state.running = false;
            state.waiting.clear();
            state.octets = 0;
        }
    }
}

enum Step {
    Fold,
    Settle(Result<(), CommitError>),
    Idle,
}

async fn run(account: Arc<Account>) {
    let working = account.lane.state().parked.take();
    let mut runner = Runner { account, working, under_way: VecDeque::new(), todo: VecDeque::new() };
    loop {
        match runner.step().await {
            Step::Fold => runner.fold().await,
            Step::Settle(outcome) => runner.settle(outcome).await,
            Step::Idle => return,
        }
    }
}

impl Runner {
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
            self.todo.extend(state.waiting.drain(..));
            state.octets = 0;
            if !self.todo.is_empty() {
                return Poll::Ready(Step::Fold);
            }
            if self.under_way.is_empty() {
                state.parked = self.working.take();
                state.running = false;
                return Poll::Ready(Step::Idle);
            }
            state.runner = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Folds what waits into one batch and submits it.
    async fn fold(&mut self) {
        let (mut operations, mut octets) = (Vec::new(), 0);
        while let Some(mut operation) = self.todo.pop_front() {
            if let Err(error) = self.prepare(operation.looks_at(), &mut operations).await {
                operation.answer(Err(error));
                continue;
            }
            // Preparing may have settled a failure, which leaves the account to be loaded by the next round.
            let Some(working) = self.working.as_mut() else {
                self.todo.push_front(operation);
                break;
            };
            working.now = self.account.clock.wall();
            octets += operation.octets();
            operation.fold(working).await;
            operations.push(operation);
            if operations.len() >= BATCH_OPERATIONS_MAX || octets >= BATCH_OCTETS_MAX {
                break;
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
                working.load_view(id).await?;
            }
        }
        Ok(())
    }

    /// Hands the batch to the store. One without writes takes its place in the order all the same: what it answers rests
    /// on the batches before it.
    fn submit(&mut self, operations: Vec<Box<dyn Waiting>>) {
        let Some(working) = self.working.as_mut().filter(|_| !operations.is_empty()) else { return };
        let (batch, published) = working.seal();
        let committed = match batch {
            None => store::ready(Ok(())),
            Some(mut batch) => {
                batch.makes_room = operations.iter().all(|operation| operation.makes_room());
                self.account.store.commit(batch)
            }
        };
        self.under_way.push_back(UnderWay { committed, published, operations });
    }

    /// The oldest batch has its outcome.
    async fn settle(&mut self, outcome: Result<(), CommitError>) {
        let Some(batch) = self.under_way.pop_front() else { return };
        match outcome {
            Ok(()) => {
                if let Some(working) = self.working.as_mut() {
                    working.settled();
                    self.account.publish(batch.published, working);
                }
                batch.operations.into_iter().for_each(|operation| operation.answer(Ok(())));
            }
            Err(error) => self.fail(batch, error).await,
        }
    }

    /// A batch failed: those chained on it are folded anew; its own operations too, if that can help.
    async fn fail(&mut self, batch: UnderWay, error: CommitError) {
        let mut chained = Vec::new();
        for later in std::mem::take(&mut self.under_way) {
            // It expects rows that were never written, so it failed too, or it wrote nothing.
            let _ = later.committed.await;
            chained.extend(later.operations);
        }
        self.working = None;
        self.account.forget_views();
        if error != CommitError::Conflict {
            tracing::warn!(event = "commit.failed", account = %self.account.id, cause = %error);
        }
        let mixed = batch.operations.iter().any(|operation| !operation.makes_room());
        let mut again = Vec::new();
        for mut operation in batch.operations {
            let helps = match &error {
                CommitError::Conflict => true,
                CommitError::NoSpace(_) => mixed && operation.makes_room(),
                CommitError::ReadOnly(_) | CommitError::Failed(_) => false,
            };
            if helps && operation.attempt() <= ATTEMPTS_MAX {
                again.push(operation);
            } else {
                operation.answer(Err(Error::Commit(error.clone())));
            }
        }
        again.into_iter().chain(chained).rev().for_each(|operation| self.todo.push_front(operation));
    }
}
