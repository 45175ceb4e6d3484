//! The store's face.

use crate::committer::Committer;
use crate::engine::{
    self, After, Engine, EngineOptions, Files, Hindrance, Opened, guarded, guarded_open, guarded_read, guarded_work,
};
use crate::format;
use crate::health::Health;
use crate::lock::{FolderLock, OpenError};
use crate::options::Options;
use crate::queue::{Queue, Waiting};
use crate::snapshot::LocalSnapshot;
use crate::space::{Ballast, Room, Watermark};
use futures_channel::oneshot;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;
use store::{Answer, Batch, CommitError, Query, ReadError, Reading, Snapshot, Store, later, ready};

/// Rows in a folder of this machine.
///
/// Dropping it writes what waits, syncs and closes.
pub struct LocalStore {
    shared: Arc<Shared>,
    committer: Option<JoinHandle<()>>,
    _lock: FolderLock,
}

/// What readers and the committer share.
pub(crate) struct Shared {
    folder: PathBuf,
    files: Box<dyn Files>,
    pub(crate) queue: Queue,
    /// `None` while it is being opened anew.
    engine: RwLock<Option<Box<dyn Engine>>>,
    /// Why nothing is written: the files were damaged.
    pub(crate) damage: OnceLock<String>,
    pub(crate) watermark: Watermark,
    pub(crate) ballast: Ballast,
    trouble: Mutex<Trouble>,
    reopened: AtomicU64,
    syncs: AtomicU64,
    /// Whether closing settles the engine first.
    settles: AtomicBool,
}

/// What a store is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Use,
    Repair,
}

#[derive(Default)]
struct Trouble {
    closed_because: Option<String>,
    /// Free octets and reserve.
    short_of_space: Option<(u64, u64)>,
}

/// The ballast is this part of the reserve.
const BALLAST_PART: u64 = 2;
/// A memtable is this part of the disk, between the bounds: what is in memory must find room on the disk.
const MEMTABLE_PART: u64 = 128;
const MEMTABLE_OCTETS_MIN: u64 = 1 << 20;
const MEMTABLE_OCTETS_MAX: u64 = 16 << 20;

impl LocalStore {
    /// Opens the store in `folder`, or makes one there. A damaged store is opened for reading only; see [`health`](Self::health).
    ///
    /// # Errors
    /// When another process has it open, or the disk or the engine refuses.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<LocalStore, OpenError> {
        LocalStore::open_for(Purpose::Use, folder.as_ref(), options)
    }

    /// Opens it so that also a damaged one may be written to, for whoever makes it true again.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_to_repair(folder: impl AsRef<Path>, options: Options) -> Result<LocalStore, OpenError> {
        LocalStore::open_for(Purpose::Repair, folder.as_ref(), options)
    }

    fn open_for(purpose: Purpose, folder: &Path, options: Options) -> Result<LocalStore, OpenError> {
        let lock = FolderLock::take(folder)?;
        let backend = format::settle(folder, options.backend)?;
        let (engine_options, total) = engine_options(folder, &options);
        let watermark = Watermark::new(folder, options.space, options.reserve_octets);
        let files = engine::files(backend, folder, engine_options);
        let mut opened = guarded_open(&*files, |files| files.open(After::Start))?;
        format::note_used(folder).map_err(OpenError::io(folder, "noting that it was opened"))?;
        if purpose == Purpose::Repair {
            opened.damage = None;
        }
        let reserve = watermark.reserve_octets(crate::DiskSpace { free_octets: 0, total_octets: total });
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            files,
            queue: Queue::default(),
            engine: RwLock::new(None),
            damage: OnceLock::new(),
            ballast: Ballast::new(folder, reserve / BALLAST_PART),
            watermark,
            trouble: Mutex::default(),
            reopened: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            settles: AtomicBool::new(false),
        });
        shared.use_engine(opened);
        shared.load_ballast();
        let committer = Committer::new(shared.clone());
        let thread = std::thread::Builder::new().name("committer".into()).spawn(move || committer.run());
        let committer = Some(thread.map_err(OpenError::io(folder, "starting the committer"))?);
        Ok(LocalStore { shared, committer, _lock: lock })
    }

    /// How the store is now.
    pub fn health(&self) -> Health {
        let shared = &self.shared;
        if let Some(reason) = shared.damage.get() {
            return Health::ReadOnly { reason: reason.clone() };
        }
        if let Some(reason) = shared.trouble().closed_because.clone() {
            return Health::Reopening { reason };
        }
        let hindrance = shared.engine().as_ref().and_then(|engine| engine.hindrance());
        if let Some(Hindrance { reason, ends_writing }) = hindrance {
            return if ends_writing { Health::ReadOnly { reason } } else { Health::Impaired { reason } };
        }
        let pending = shared.engine().as_ref().map_or(0, |engine| engine.further_octets(0));
        match shared.watermark.room(0, pending) {
            Room::Short { free_octets, reserve_octets } => Health::NearlyFull { free_octets, reserve_octets },
            Room::Enough => Health::Ok,
        }
    }

    /// How often the engine failed and was opened anew since the start.
    pub fn reopened(&self) -> u64 {
        self.shared.reopened.load(Ordering::Relaxed)
    }

    /// How many groups of commits were written and synced since the start.
    pub fn syncs(&self) -> u64 {
        self.shared.syncs.load(Ordering::Relaxed)
    }

    /// Closing it will take longer from now on, and the next start less: fjall's memory is written to its sorted files first, and
    /// its journals are emptied. For a server's orderly end.
    pub fn settle_at_close(&self) {
        self.shared.settles.store(true, Ordering::Relaxed);
    }

    /// Writes what waits, syncs and closes; further commits are refused.
    pub fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.committer.take()
            && thread.join().is_err()
        {
            tracing::error!(event = "committer.panicked", folder = %self.shared.folder.display());
        }
    }
}

/// What the engine is given on this disk, and how large that is.
pub(crate) fn engine_options(folder: &Path, options: &Options) -> (EngineOptions, u64) {
    let total = options.space.ask(folder).map_or(u64::MAX, |space| space.total_octets);
    let memtable_octets =
        options.memtable_octets.unwrap_or((total / MEMTABLE_PART).clamp(MEMTABLE_OCTETS_MIN, MEMTABLE_OCTETS_MAX));
    (EngineOptions { cache_octets: options.cache_octets, memtable_octets }, total)
}

/// Has the engine look at its own files in `folder`, which nobody has open, and changes none of them; what is wrong.
///
/// # Errors
/// When somebody has it open, or the disk or the engine refuses.
pub fn integrity(folder: impl AsRef<Path>) -> Result<Option<String>, OpenError> {
    let folder = folder.as_ref();
    let _lock = FolderLock::take(folder)?;
    let backend = format::settle(folder, None)?;
    let options = EngineOptions { cache_octets: 0, memtable_octets: MEMTABLE_OCTETS_MIN };
    guarded_open(&*engine::files(backend, folder, options), |files| files.check())
}

impl Drop for LocalStore {
    fn drop(&mut self) {
        self.end();
    }
}

impl Store for LocalStore {
    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>> {
        ready(match self.shared.engine().as_ref() {
            Some(engine) => guarded_read(|| engine.read(&queries)).inspect_err(|_| {
                if engine.has_stopped() {
                    self.shared.queue.wake();
                }
            }),
            None => Err(self.shared.is_closed()),
        })
    }

    fn commit(&self, batch: Batch) -> Answer<'static, Result<(), CommitError>> {
        let (answer, outcome) = oneshot::channel();
        match self.shared.queue.push(Waiting { batch, answer }) {
            Err(refusal) => ready(Err(refusal)),
            Ok(()) => later(async {
                outcome.await.unwrap_or_else(|_| Err(CommitError::Failed("the committer has ended".into())))
            }),
        }
    }

    fn snapshot(&self) -> Answer<'_, Result<Box<dyn Snapshot>, ReadError>> {
        ready(LocalSnapshot::take(&self.shared))
    }
}

impl Shared {
    pub(crate) fn engine(&self) -> RwLockReadGuard<'_, Option<Box<dyn Engine>>> {
        self.engine.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn close_engine(&self) {
        let engine = self.engine.write().unwrap_or_else(PoisonError::into_inner).take();
        // It syncs, and waits for the engine's threads: not under the lock.
        if let Err(error) = guarded(|| drop(engine)) {
            tracing::error!(event = "store.not_closed", folder = %self.folder.display(), error);
        }
    }

    /// Closes the engine for good, and leaves its files tidy. Whatever fails here only makes the next start longer.
    pub(crate) fn close_for_good(&self) {
        let is_well = self.damage.get().is_none() && self.engine().as_ref().is_some_and(|engine| !engine.has_stopped());
        let settles = is_well && self.settles.load(Ordering::Relaxed) && !self.is_short_of_space();
        let settled = match self.engine().as_ref().filter(|_| settles) {
            Some(engine) => guarded_work(|| engine.settle()).map_err(|error| error.to_string()),
            None => Ok(false),
        };
        self.close_engine();
        let tidied = settled.and_then(|settled| {
            if is_well { self.files.tidy(settled).map_err(|error| error.to_string()) } else { Ok(()) }
        });
        if let Err(error) = tidied {
            tracing::warn!(event = "store.not_tidied", folder = %self.folder.display(), error);
        }
    }

    /// After a failure: closes the engine, forgets what was not known to be durable, and opens it again.
    pub(crate) fn reopen_engine(&self) -> Result<(), ()> {
        tracing::error!(event = "store.reopening", folder = %self.folder.display());
        self.open_anew("the engine failed and is being opened anew", After::Failure)?;
        self.reopened.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(event = "store.reopened", folder = %self.folder.display());
        Ok(())
    }

    /// Frees what the engine can free. Only the committer may ask, for no write may be under way.
    pub(crate) fn reclaim_space(&self) -> Result<(), ()> {
        let condensed = self.engine().as_ref().map(|engine| guarded_work(|| engine.condense()));
        match condensed {
            Some(Ok(true)) => {
                tracing::info!(event = "store.condensed", folder = %self.folder.display());
                self.open_anew("space is being reclaimed", After::Condensing)
            }
            Some(Ok(false)) | None => Ok(()),
            Some(Err(error)) => {
                tracing::warn!(event = "store.not_condensed", folder = %self.folder.display(), %error);
                self.reopen_engine() // what was half written goes away
            }
        }
    }

    fn open_anew(&self, reason: &str, after: After) -> Result<(), ()> {
        self.trouble().closed_because.get_or_insert_with(|| reason.to_owned());
        self.close_engine();
        match guarded_open(&*self.files, |files| files.open(after)) {
            Ok(opened) => {
                self.use_engine(opened);
                self.trouble().closed_because = None;
                Ok(())
            }
            Err(error) => {
                self.note_closed(&error.to_string());
                Err(())
            }
        }
    }

    fn use_engine(&self, opened: Opened) {
        if let Some(story) = opened.damage {
            tracing::error!(event = "store.damaged", folder = %self.folder.display(), %story);
            let _ = self.damage.set(story); // the first story is as good as the second
        }
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = Some(opened.engine);
    }

    pub(crate) fn note_closed(&self, reason: &str) {
        tracing::error!(event = "store.unavailable", folder = %self.folder.display(), reason);
        self.trouble().closed_because = Some(reason.to_owned());
    }

    pub(crate) fn note_synced(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells of a shortage, and of its end, once.
    pub(crate) fn note_room(&self, short: Option<(u64, u64)>) {
        let before = std::mem::replace(&mut self.trouble().short_of_space, short);
        match (before, short) {
            (None, Some((free_octets, reserve_octets))) => {
                tracing::error!(event = "store.nearly_full", folder = %self.folder.display(), free_octets, reserve_octets);
            }
            (Some(_), None) => {
                tracing::info!(event = "store.has_space_again", folder = %self.folder.display());
                self.load_ballast();
            }
            _ => {}
        }
    }

    pub(crate) fn is_short_of_space(&self) -> bool {
        self.trouble().short_of_space.is_some()
    }

    fn load_ballast(&self) {
        if matches!(self.watermark.room(self.ballast.octets, 0), Room::Enough) {
            self.ballast.load();
        }
    }

    /// Why the engine is closed, if it is.
    pub(crate) fn health_reason(&self) -> Option<String> {
        self.trouble().closed_because.clone()
    }

    /// What readers are told while it is.
    pub(crate) fn is_closed(&self) -> ReadError {
        ReadError::Unavailable(self.health_reason().unwrap_or_else(|| "it is being opened".into()))
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
