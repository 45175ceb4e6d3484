//! What waits for a disk.

use crate::CommitError;
use futures_channel::oneshot::{self, Receiver, Sender};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

/// What is not yet durable, the oldest first, each with whom to answer.
pub(super) type Line<T, Done> = VecDeque<(T, Sender<Result<Done, CommitError>>)>;

pub(super) struct Waiting<T, Done> {
    line: Line<T, Done>,
    /// Who wants to know that something waits.
    disk: Option<Waker>,
}

impl<T, Done> Waiting<T, Done> {
    pub fn new() -> Waiting<T, Done> {
        Waiting { line: VecDeque::new(), disk: None }
    }

    pub fn len(&self) -> usize {
        self.line.len()
    }

    /// The outcome of `item`, and who is to be woken once nothing is locked.
    pub fn push(&mut self, item: T) -> (Receiver<Result<Done, CommitError>>, Option<Waker>) {
        let (answer, outcome) = oneshot::channel();
        self.line.push_back((item, answer));
        (outcome, self.disk.take())
    }

    pub fn pop(&mut self) -> Option<(T, Sender<Result<Done, CommitError>>)> {
        self.line.pop_front()
    }

    /// All of it; nothing waits then.
    pub fn take(&mut self) -> Line<T, Done> {
        std::mem::take(&mut self.line)
    }

    /// Ready when something waits.
    pub fn wanted(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.line.is_empty() {
            self.disk = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}
