//! Threads for work on files that may take as long as the disk likes.

use futures_channel::oneshot;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use store::{Answer, later, ready};

type Job = Box<dyn FnOnce() + Send>;

/// Two: a long write does not hold up a short one, and disks gain little from more.
const THREADS: usize = 2;
/// Jobs that may wait. A writer has one at a time, of a piece of its blob: beyond, peers are told to come again.
const JOBS_MAX: usize = 256;

pub(crate) struct Pool {
    /// `None` only while it is being dropped.
    jobs: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    pub(crate) fn start() -> io::Result<Pool> {
        let (sender, receiver) = sync_channel(JOBS_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        let start = |_| {
            let receiver = receiver.clone();
            std::thread::Builder::new().name("blobs".into()).spawn(move || work(&receiver))
        };
        let threads = (0..THREADS).map(start).collect::<io::Result<_>>()?;
        Ok(Pool { jobs: Some(sender), threads })
    }

    /// What `work` gives, or what `refused` makes of the reason why it was not done. It is done also if the answer is dropped.
    pub(crate) fn answer<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        refused: impl FnOnce(&'static str) -> T + Send + 'static,
    ) -> Answer<'static, T> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move || {
            let _ = sender.send(work()); // nobody listens: a dropped answer cancels nothing
        });
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => {
                later(async { receiver.await.unwrap_or_else(|_| refused("the work on the file panicked")) })
            }
            Some(Err(TrySendError::Full(_))) => ready(refused("too much waits for the disk already")),
            Some(Err(TrySendError::Disconnected(_))) | None => ready(refused("the blobs are being closed")),
        }
    }
}

impl Drop for Pool {
    /// Does what waits, then ends the threads.
    fn drop(&mut self) {
        self.jobs = None;
        let own = std::thread::current().id();
        // The last writer may be dropped by a job, on one of the threads.
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != own) {
            if thread.join().is_err() {
                tracing::error!(event = "blobs.thread_panicked");
            }
        }
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // A panic is one blob's failure: its answer is dropped and says so.
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
            tracing::error!(event = "blobs.work_panicked");
        }
    }
}
