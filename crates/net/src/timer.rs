//! A connection's one timer.

use env::Clock;
use model::Moment;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep, sleep};

/// Fires no earlier than it has to; it is not moved when it is put off, which happens with every message, but looks
/// again once it fires.
#[derive(Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    fires: Moment,
}

impl Timer {
    /// Ready once `due` is over; otherwise the task is woken then.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>, due: Moment, clock: &dyn Clock) -> Poll<()> {
        let now = clock.monotonic();
        if due <= now {
            return Poll::Ready(());
        }
        if self.sleep.is_none() || due < self.fires {
            self.set(due, now);
        }
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        if sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let now = clock.monotonic();
        if due <= now {
            return Poll::Ready(());
        }
        self.set(due, now);
        // A fresh pause of at least a millisecond: if it is over already, the next turn finds out.
        if self.sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready()) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn set(&mut self, due: Moment, now: Moment) {
        let pause = due - now;
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(Instant::now() + pause),
            None => self.sleep = Some(Box::pin(sleep(pause))),
        }
        self.fires = due;
    }
}
