//! A few password hashes at once, a bounded number waiting, in the order they came.

use env::Spawn;
use futures_channel::oneshot;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Each takes 19 MiB and a core; small machines have two.
pub(crate) const AT_ONCE_MAX: usize = 2;
/// At some 25 ms each, the last one waits about three seconds; who comes later is told to.
pub(crate) const WAITING_MAX: usize = 256;

/// Where hashes are computed.
pub(crate) struct Hashing {
    spawn: Arc<dyn Spawn>,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    running: usize,
    waiting: VecDeque<Work>,
}

type Work = Box<dyn FnOnce() + Send>;

/// Too many are waiting already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Busy;

/// A place among the running; leaving it lets the next one in, even after a panic.
struct Place(Arc<Hashing>);

impl Drop for Place {
    fn drop(&mut self) {
        let mut line = self.0.line();
        let next = line.waiting.pop_front();
        line.running -= usize::from(next.is_none());
        // `start` may run the work at once, which takes the line again.
        drop(line);
        if let Some(work) = next {
            Hashing::start(&self.0, work);
        }
    }
}

impl Hashing {
    pub(crate) fn new(spawn: Arc<dyn Spawn>) -> Arc<Hashing> {
        Arc::new(Hashing { spawn, line: Mutex::default() })
    }

    /// Computes `work` when its turn comes, unless the asker has gone by then.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (sender, receiver) = oneshot::channel();
        let work: Work = Box::new(move || {
            if !sender.is_canceled() {
                // The asker may go while we compute; then nobody wants the answer.
                drop(sender.send(work()));
            }
        });
        self.queue(work)?;
        receiver.await.map_err(|_| Busy)
    }

    fn queue(self: &Arc<Self>, work: Work) -> Result<(), Busy> {
        let mut line = self.line();
        if line.running < AT_ONCE_MAX {
            line.running += 1;
            drop(line);
            Hashing::start(self, work);
        } else if line.waiting.len() < WAITING_MAX {
            line.waiting.push_back(work);
        } else {
            return Err(Busy);
        }
        Ok(())
    }

    fn start(hashing: &Arc<Hashing>, work: Work) {
        let place = Place(hashing.clone());
        hashing.spawn.compute(Box::new(move || {
            work();
            drop(place);
        }));
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
