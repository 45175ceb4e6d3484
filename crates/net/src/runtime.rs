//! The traits of `env` on tokio and the machine's clocks.

use env::{BoxFuture, Clock, Env, Random, Sleep, Spawn};
use model::{Moment, Timestamp};
use rustls::crypto::{SecureRandom, aws_lc_rs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;
use tokio::time::Instant;

/// Hashing a password takes a core for a while: more threads than this only take it from mail. Tokio's own pool for
/// blocking work would grow to 512 threads of tens of megabytes each.
const COMPUTE_THREADS: usize = 2;

type Work = Box<dyn FnOnce() + Send>;

/// The world as it is: tokio's timers and tasks, the machine's clocks and randomness.
pub struct TokioEnv {
    start: Instant,
    runtime: Handle,
    compute: Sender<Work>,
    random: &'static dyn SecureRandom,
}

impl TokioEnv {
    /// On the runtime that the caller runs in.
    ///
    /// # Errors
    /// If the threads for long computations cannot be started.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new() -> std::io::Result<Arc<TokioEnv>> {
        let (compute, work) = channel();
        let work = Arc::new(Mutex::new(work));
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(COMPUTE_THREADS);
        for number in 0..threads {
            let work = work.clone();
            std::thread::Builder::new().name(format!("compute-{number}")).spawn(move || run_all(&work))?;
        }
        let random = aws_lc_rs::default_provider().secure_random;
        Ok(Arc::new(TokioEnv { start: Instant::now(), runtime: Handle::current(), compute, random }))
    }

    /// This world as the bundle that services are wired with.
    pub fn env(self: &Arc<Self>) -> Env {
        Env { clock: self.clone(), sleep: self.clone(), spawn: self.clone(), random: self.clone() }
    }
}

/// Works until nobody is left who could send more.
fn run_all(work: &Mutex<Receiver<Work>>) {
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            tracing::error!(event = "computation.panicked", "a computation panicked; its caller gets no answer");
        }
    }
}

/// The wall clock.
pub(crate) fn wall_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_unix_ms(0) + since
}

impl Clock for TokioEnv {
    fn wall(&self) -> Timestamp {
        wall_now()
    }

    fn monotonic(&self) -> Moment {
        Moment(self.start.elapsed())
    }
}

impl Sleep for TokioEnv {
    fn sleep_until(&self, until: Moment) -> BoxFuture<'static, ()> {
        // Tokio refuses instants that do not fit; a day more than thirty years is as good as for ever.
        const FOREVER: Duration = Duration::from_secs(30 * 365 * 86_400);
        let (start, until) = (self.start, until.0.min(FOREVER));
        Box::pin(tokio::time::sleep_until(start + until))
    }
}

impl Spawn for TokioEnv {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.runtime.spawn(task);
    }

    fn compute(&self, work: Work) {
        // The receivers live in threads that end only after the sender, which is `self`.
        self.compute.send(work).expect("the compute threads outlive the environment");
    }
}

impl Random for TokioEnv {
    fn fill(&self, out: &mut [u8]) {
        // Without randomness no secret is one: going on would be worse than ending the session.
        self.random.fill(out).expect("the operating system gives randomness");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test(start_paused = true)]
    async fn time_passes_for_clock_and_sleep_alike() {
        let env = TokioEnv::new().unwrap().env();
        let until = env.clock.monotonic() + Duration::from_secs(3600);
        env.sleep.sleep_until(until).await;
        assert!(env.clock.monotonic() >= until);
        let never = env.sleep.sleep_until(Moment(Duration::MAX));
        assert!(tokio::time::timeout(Duration::from_secs(86_400), never).await.is_err());
    }

    #[tokio::test]
    async fn a_panicking_computation_takes_no_thread_with_it() {
        let env = TokioEnv::new().unwrap().env();
        for _ in 0..2 * COMPUTE_THREADS {
            env.spawn.compute(Box::new(|| panic!("as the test wants")));
        }
        let (answer, answered) = oneshot::channel();
        let name = || std::thread::current().name().unwrap_or_default().to_owned();
        env.spawn.compute(Box::new(move || answer.send(name()).unwrap()));
        assert!(answered.await.unwrap().starts_with("compute-"));
    }

    #[tokio::test]
    async fn randomness_differs() {
        let env = TokioEnv::new().unwrap().env();
        let mut draws = [[0; 16]; 2];
        draws.iter_mut().for_each(|draw| env.random.fill(draw));
        assert_ne!(draws[0], draws[1]);
    }
}
