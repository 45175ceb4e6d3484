//! The real store under a mail store, without a runtime: each task is a thread.

use env::{BoxFuture, Clock, Spawn};
use mailstore::{KEPT_FOR, KeptFor, Mailstore};
use model::{Moment, Timestamp};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use store::Cell;
use store::block_on;
use store_local::{Backend, DiskSpace, Health, LocalBlobs, LocalStore, OpenError, Options, SpaceProbe};

/// The cell of the plain rows.
pub fn plain() -> Cell {
    Cell::new("plain")
}

/// Time and threads.
pub struct Threads {
    start: Instant,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Clock for Threads {
    fn wall(&self) -> Timestamp {
        Timestamp::from_unix_ms(0) + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
    }

    fn monotonic(&self) -> Moment {
        Moment(self.start.elapsed())
    }
}

impl Spawn for Threads {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(std::thread::spawn(|| block_on(task)));
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}

impl Threads {
    /// Waits for all tasks, also those that they begin.
    fn join(&self) {
        loop {
            let Some(task) = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).pop() else { return };
            task.join().expect("no task panics");
        }
    }
}

/// A store that is open.
pub struct Host {
    /// Rows.
    pub store: Arc<LocalStore>,
    /// Large bodies.
    pub blobs: Arc<LocalBlobs>,
    /// Mail.
    pub mailstore: Arc<Mailstore>,
    threads: Arc<Threads>,
    short: Arc<AtomicBool>,
}

/// A lock outlives the store that had it in a process that another thread is about to start, until that becomes a program of
/// its own; the server starts none.
const LOCKED_TRIES: u32 = 100;
const LOCKED_PAUSE: Duration = Duration::from_millis(20);

fn opened<T>(open: impl Fn() -> Result<T, OpenError>) -> Result<T, String> {
    let mut tries = 0;
    loop {
        match open() {
            Err(OpenError::Locked(_)) if tries < LOCKED_TRIES => {
                tries += 1;
                std::thread::sleep(LOCKED_PAUSE);
            }
            opened => return opened.map_err(|error| format!("it does not open: {error}")),
        }
    }
}

/// How a store is opened.
#[derive(Clone, Copy)]
pub struct Setting {
    /// Which engine.
    pub backend: Backend,
    /// See [`Options::memtable_octets`].
    pub memtable_octets: u64,
    /// What was deleted is not kept.
    pub keeps_nothing: bool,
}

impl Host {
    /// Opens what lies in the data folder, as the server does.
    ///
    /// # Errors
    /// When it cannot be opened, or is not to be written to.
    pub fn open(data: &Path, setting: Setting) -> Result<Host, String> {
        let short = Arc::new(AtomicBool::new(false));
        let is_short = short.clone();
        let space = SpaceProbe::new(move |_| {
            let free_octets = if is_short.load(Ordering::SeqCst) { 0 } else { 1 << 30 };
            Ok(DiskSpace { free_octets, total_octets: 1 << 31 })
        });
        let options = Options {
            backend: Some(setting.backend),
            cache_octets: 1 << 20,
            memtable_octets: Some(setting.memtable_octets),
            reserve_octets: Some(2 << 20),
            space,
        };
        let blobs = Arc::new(opened(|| LocalBlobs::open(data.join("blobs"), options.clone()))?);
        let store = Arc::new(opened(|| LocalStore::open(data.join("store"), options.clone()))?);
        let health = store.health();
        if health != Health::Ok {
            return Err(format!("it opens, but {health}"));
        }
        let threads = Arc::new(Threads { start: Instant::now(), tasks: Mutex::default() });
        let kept = if setting.keeps_nothing { Duration::ZERO } else { KEPT_FOR };
        let mailstore =
            Mailstore::keeping(store.clone(), blobs.clone(), threads.clone(), threads.clone(), Arc::new(KeptFor(kept)));
        Ok(Host { store, blobs, mailstore, threads, short })
    }

    /// Pretends that the disk is full, or not any more.
    pub fn set_short(&self, short: bool) {
        self.short.store(short, Ordering::SeqCst);
    }

    /// Waits for all that is at work, and closes.
    pub fn close(self) {
        self.threads.join();
    }
}
