//! fjall: reading from snapshots, writing groups, and its journal guarded before it is opened.

mod ahead;
mod compactor;

use self::ahead::Ahead;
use self::compactor::{Compactor, Merging, idle_strategy};
use super::{
    After, CONDENSED_OCTETS_MAX, Engine, EngineError, EngineOptions, Fault, Files, Hindrance, MISSING, Opened, Picture,
    Writes, is_full, read_error, spaces_behind,
};
use crate::format::was_used;
use crate::journal::{Found as JournalFound, Journals};
use crate::key::{key_within, place_of, row_key, row_range};
use crate::lock::{OpenError, Remedy};
use crate::salvage;
use fjall::{
    AbstractTree, Database, Guard, Keyspace, KeyspaceCreateOptions, LsmError, PersistMode, Readable, Snapshot,
    UserValue,
};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use store::{Bytes, Found, Order, Page, Query, ReadError, Reading, RowPlace, Scan, SnapshotPage, Space};

/// fjall's folder and journals.
pub(super) struct FjallFiles {
    journals: Journals,
    options: EngineOptions,
    /// Batches numbered below are durable.
    durable: Arc<AtomicU64>,
    merging: Arc<Merging>,
}

struct Fjall {
    /// Before the others, which it uses until it is dropped.
    compactor: Compactor,
    db: Database,
    keyspaces: Arc<Keyspaces>,
    journals: Journals,
    ahead: Ahead,
    durable: Arc<AtomicU64>,
    merging: Arc<Merging>,
}

struct Keyspaces {
    rows: Keyspace,
    bodies: Keyspace,
}

/// A snapshot, and the keyspaces as long as the engine is open.
struct FjallPicture {
    snapshot: Snapshot,
    keyspaces: Weak<Keyspaces>,
}

/// fjall's background threads: they flush.
const WORKERS: usize = 1;
/// fjall's smallest; it rotates journals at 64 MB, and more of them only mean a longer replay.
const JOURNALS_OCTETS_MAX: u64 = 128 << 20;
/// At 4 sealed memtables fjall sleeps inside a commit until one is flushed, and for ever if its flusher died; we wait outside.
const SEALED_MEMTABLES_MAX: usize = 3;
/// At 20 runs fjall slows commits down, at 30 it stops them.
const LEVEL0_RUNS_MAX: usize = 20;
/// One deletion among so many rows makes rewriting worth it.
const GARBAGE_PART: u64 = 8;
/// How long commits wait for the flushing, at most.
const SETTLE_TIME_MAX: Duration = Duration::from_secs(30);
/// How often the flushing is looked after.
const SETTLE_PAUSE: Duration = Duration::from_millis(2);
/// What a batch takes in the journal beside its items, and an item beside its key and value.
const BATCH_OCTETS: u64 = 26;
const ITEM_OCTETS: u64 = 21;
/// Values up to this are copied out of their block; larger ones keep it alive instead.
const COPIED_OCTETS_MAX: usize = 2048;

impl FjallFiles {
    pub(super) fn of(folder: &Path, options: EngineOptions) -> FjallFiles {
        FjallFiles { journals: Journals::of(folder), options, durable: Arc::default(), merging: Arc::default() }
    }

    /// Makes the files under another name first: of a creation that a power cut interrupts the names of some keyspaces may be
    /// there and of others not, and fjall begins new ones beside them, which it does not find again.
    fn make(&self) -> Result<(), OpenError> {
        let Journals { rows, .. } = &self.journals;
        let unfinished = self.journals.in_the_making();
        let making = "making the engine's folder";
        if unfinished.rows.exists() {
            fs::remove_dir_all(&unfinished.rows).map_err(OpenError::io(rows, making))?;
        }
        drop(fresh(&unfinished, self.options)?);
        let named = unfinished.sync_folders().and_then(|()| fs::rename(&unfinished.rows, rows));
        named.map_err(OpenError::io(rows, making))
    }

    /// Where files are missing fjall begins new ones, as if there had never been mail.
    fn all_there(&self) -> Result<(), OpenError> {
        let Journals { rows, .. } = &self.journals;
        let missing = self.journals.missing().map_err(OpenError::io(rows, "looking whether all files are there"))?;
        match missing.filter(|_| rows.parent().is_some_and(was_used)) {
            None => Ok(()),
            Some(file) => {
                let remedy = if file == *rows { Remedy::Restore } else { Remedy::Repair };
                Err(OpenError::Damaged { file, what: MISSING.into(), remedy })
            }
        }
    }

    fn open_engine(&self) -> fjall::Result<Fjall> {
        let options = self.options;
        let db = Database::builder(&self.journals.rows)
            .cache_size(options.cache_octets)
            .worker_threads(WORKERS)
            .max_journaling_size(JOURNALS_OCTETS_MAX)
            .manual_journal_persist(true)
            .open()?;
        let keyspace = |point_read_hits: bool| {
            KeyspaceCreateOptions::default()
                .max_memtable_size(options.memtable_octets)
                .compaction_strategy(Arc::new(idle_strategy()))
                .expect_point_read_hits(point_read_hits)
                .manual_journal_persist(true)
        };
        let rows = db.keyspace("rows", || keyspace(false))?;
        let bodies = db.keyspace("bodies", || keyspace(true))?;
        let keyspaces = Arc::new(Keyspaces { rows, bodies });
        count_on(&db, &keyspaces);
        // Tables no larger than a memtable.
        let compactor = Compactor::start(&db, &keyspaces, options.memtable_octets, &self.merging)?;
        let ahead = Ahead::of(self.journals.clone());
        let (journals, durable, merging) = (self.journals.clone(), self.durable.clone(), self.merging.clone());
        Ok(Fjall { compactor, db, keyspaces, journals, ahead, durable, merging })
    }
}

/// Numbers new batches above all that lie in tables, so that they are the later ones. fjall does so only when it replays a journal,
/// which may be empty, and not when it has made a new one.
fn count_on(db: &Database, keyspaces: &Keyspaces) {
    let highest = keyspaces.all().into_iter().filter_map(|keyspace| keyspace.tree.get_highest_seqno()).max();
    db.supervisor.seqno.fetch_max(highest.map_or(0, |highest| highest + 1));
    db.supervisor.snapshot_tracker.set(db.seqno());
}

/// A new engine in a folder where nothing is yet.
pub(super) fn fresh(place: &Journals, options: EngineOptions) -> Result<Box<dyn Engine>, OpenError> {
    let files = FjallFiles { journals: place.clone(), options, durable: Arc::default(), merging: Arc::default() };
    let engine = files.open_engine().map_err(OpenError::engine(&place.rows))?;
    Ok(Box::new(engine))
}

impl Files for FjallFiles {
    fn open(&self, after: After) -> Result<Opened, OpenError> {
        let journals = &self.journals;
        if after == After::Start {
            salvage::finish(&journals.rows)
                .map_err(OpenError::io(&journals.rows, "ending a salvage that was broken off"))?;
            self.all_there()?;
            if !journals.rows.exists() {
                self.make()?;
            }
            // An empty file, which says nothing; fjall does not open without it.
            let lock = File::options().create(true).append(true).open(journals.rows.join("lock"));
            lock.map_err(OpenError::io(&journals.rows, "opening the engine's lock file"))?;
        }
        // Who was here before may have been killed behind a rename and before its sync: what is opened by the new name, and what
        // opening removes because of it, must not meet the old one after a power cut.
        journals.sync_folders().map_err(OpenError::io(&journals.rows, "syncing the engine's folders"))?;
        let cut = match after {
            After::Start => Ok(()),
            After::Failure => journals.cut_from(self.durable.load(Ordering::Acquire)),
            After::Condensing => journals.forget(),
        };
        cut.map_err(OpenError::io(&journals.rows, "cutting the journal"))?;
        let found = journals.guard().map_err(|error| match error.kind() {
            ErrorKind::InvalidData => self.damaged(error.to_string()),
            _ => OpenError::io(&journals.rows, "checking the journal")(error),
        })?;
        let dangerous = salvage::dangerous(&journals.rows);
        if let Some(what) = dangerous.map_err(OpenError::io(&journals.rows, "reading which tables there are"))? {
            return Err(self.damaged(what));
        }
        if found == JournalFound::Empty {
            journals.renew().map_err(OpenError::io(&journals.rows, "putting empty journals away"))?;
        }
        let engine = self.open_engine().map_err(|error| {
            if error.is_damage() { self.damaged(error.to_string()) } else { OpenError::engine(&journals.rows)(error) }
        })?;
        let renewed = journals.end_renewal().and_then(|()| journals.sync_folders());
        renewed.map_err(OpenError::io(&journals.rows, "syncing the engine's folders"))?;
        engine.note_durable();
        let damage = match found {
            JournalFound::Damaged(story) => Some(story),
            JournalFound::Sound | JournalFound::Empty | JournalFound::Cut(_) => None,
        };
        Ok(Opened { engine: Box::new(engine), damage })
    }

    fn damaged(&self, what: String) -> OpenError {
        OpenError::Damaged { file: self.journals.rows.clone(), what, remedy: Remedy::Repair }
    }

    fn tidy(&self, settled: bool) -> io::Result<()> {
        if settled { self.journals.forget() } else { self.journals.cut_padding() }
    }

    /// Blocks and batches have sums, which are looked at whenever they are read; not all of them are, whatever is asked. Files
    /// have sums too, at which fjall does not look.
    fn check(&self) -> Result<Option<String>, OpenError> {
        let rows = &self.journals.rows;
        let changed = salvage::changed(rows).map_err(OpenError::io(rows, "reading the tables"))?;
        Ok((!changed.is_empty()).then(|| changed.join("; ")))
    }
}

impl Keyspaces {
    fn of(&self, space: Space) -> &Keyspace {
        match space {
            Space::Rows => &self.rows,
            Space::Bodies => &self.bodies,
        }
    }

    fn all(&self) -> [&Keyspace; 2] {
        [&self.rows, &self.bodies]
    }

    fn read(&self, snapshot: &Snapshot, queries: &[Query]) -> Result<Reading, ReadError> {
        let found = queries.iter().map(|query| self.find(snapshot, query)).collect::<Result<_, _>>();
        found.map(Reading).map_err(read_error)
    }

    fn find(&self, snapshot: &Snapshot, query: &Query) -> fjall::Result<Found> {
        Ok(match query {
            Query::Get(get) => Found::Row(snapshot.get(self.of(get.space), row_key(&get.cell, &get.key))?.map(bytes)),
            Query::Scan(scan) if scan.is_empty() => Found::Page(Page::default()),
            Query::Scan(scan) => Found::Page(self.scan(snapshot, scan)?),
        })
    }

    fn scan(&self, snapshot: &Snapshot, scan: &Scan) -> fjall::Result<Page> {
        let rows = snapshot.range(self.of(scan.space), row_range(scan));
        let row = |guard: Guard| guard.into_inner().map(|(key, value)| (key_within(&scan.cell, &key), bytes(value)));
        match scan.order {
            Order::Ascending => scan.page(rows.map(row)),
            Order::Descending => scan.page(rows.rev().map(row)),
        }
    }
}

impl Fjall {
    fn has_too_many_runs(&self) -> bool {
        self.keyspaces.all().into_iter().any(|keyspace| keyspace.tree.l0_run_count() >= LEVEL0_RUNS_MAX)
    }

    /// All batches in the journal so far are durable, if no write is under way.
    fn note_durable(&self) {
        self.durable.store(self.db.seqno(), Ordering::Release);
    }
}

impl Engine for Fjall {
    // Also a single row needs a snapshot: without, fjall shows a batch row by row while it is applied.
    fn read(&self, queries: &[Query]) -> Result<Reading, ReadError> {
        self.keyspaces.read(&self.db.snapshot(), queries)
    }

    fn picture(&self) -> Box<dyn Picture> {
        Box::new(FjallPicture { snapshot: self.db.snapshot(), keyspaces: Arc::downgrade(&self.keyspaces) })
    }

    // Without a snapshot: nobody writes meanwhile.
    fn holds(&self, row_key: &[u8], value: Option<&[u8]>) -> Result<bool, ReadError> {
        self.keyspaces.rows.get(row_key).map(|found| found.as_deref() == value).map_err(read_error)
    }

    fn write(&self, writes: Writes) -> Result<(), Fault> {
        if self.compactor.has_failed() {
            return Err(Fault::Stopped);
        }
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        let mut octets = BATCH_OCTETS;
        for (space, values) in writes.into_spaces() {
            let keyspace = self.keyspaces.of(space);
            for (key, value) in values {
                octets += ITEM_OCTETS + key.len() as u64 + value.as_ref().map_or(0, |value| value.len() as u64);
                match value {
                    Some(value) => batch.insert(keyspace, key, &*value),
                    None => batch.remove(keyspace, key),
                }
            }
        }
        self.ahead.reach(octets);
        batch.commit()?;
        self.note_durable();
        self.compactor.wake(&self.keyspaces);
        Ok(())
    }

    /// What is in memory will have to go to sorted files.
    fn further_octets(&self, _: usize) -> u64 {
        self.db.write_buffer_size()
    }

    fn is_behind(&self) -> bool {
        let flushes = |keyspace: &Keyspace| keyspace.sealed_memtable_count() >= SEALED_MEMTABLES_MAX;
        self.has_too_many_runs() || self.keyspaces.all().into_iter().any(flushes)
    }

    /// Tables cannot be merged: it goes on until there are too many of them.
    fn hindrance(&self) -> Option<Hindrance> {
        let (error, ends_writing) = (self.merging.error()?, self.has_too_many_runs());
        let end = if ends_writing { ", and there are too many of them" } else { "" };
        let reason = format!(
            "tables cannot be merged{end}: {error}; check the disk, then stop the server and run `postamt store repair`, which \
             makes a new store of all that is whole"
        );
        Some(Hindrance { reason, ends_writing })
    }

    fn has_stopped(&self) -> bool {
        self.compactor.has_failed() || self.db.persist(PersistMode::Buffer).is_err()
    }

    /// Those of all journals. They shrink only by becoming 64 MB long, or by [`condense`](Self::condense).
    fn reclaimable_octets(&self) -> u64 {
        self.journals.octets_on_disk().unwrap_or(0)
    }

    fn settle(&self) -> Result<bool, Fault> {
        let keyspaces = self.keyspaces.all();
        for keyspace in keyspaces {
            keyspace.rotate_memtable()?;
        }
        let begun = Instant::now();
        while keyspaces.iter().any(|keyspace| keyspace.sealed_memtable_count() > 0) {
            if self.has_stopped() {
                return Err(Fault::Stopped);
            }
            if begun.elapsed() > SETTLE_TIME_MAX {
                return Ok(false);
            }
            std::thread::sleep(SETTLE_PAUSE);
        }
        Ok(keyspaces.iter().all(|keyspace| keyspace.tree.get_highest_memtable_seqno().is_none()))
    }

    /// Settles, and rewrites sorted files that are small and full of what was deleted.
    fn condense(&self) -> Result<bool, Fault> {
        let settled = self.settle()?;
        for keyspace in self.keyspaces.all().into_iter().filter(|_| settled) {
            let deleted = keyspace.tree.tombstone_count().saturating_mul(GARBAGE_PART);
            if deleted >= keyspace.approximate_len() as u64 && keyspace.disk_space() <= CONDENSED_OCTETS_MAX {
                keyspace.major_compact()?;
            }
        }
        Ok(settled)
    }
}

impl FjallPicture {
    fn keyspaces(&self) -> Result<Arc<Keyspaces>, ReadError> {
        let gone = || ReadError::Unavailable("the store was opened anew, and the snapshot is gone; begin again".into());
        self.keyspaces.upgrade().ok_or_else(gone)
    }
}

impl Picture for FjallPicture {
    fn read(&self, queries: &[Query]) -> Result<Reading, ReadError> {
        self.keyspaces()?.read(&self.snapshot, queries)
    }

    fn rows_behind(&self, after: Option<&RowPlace>, octets_max: usize) -> Result<SnapshotPage, ReadError> {
        let keyspaces = &self.keyspaces()?;
        let rows = spaces_behind(after).flat_map(|(space, from)| {
            let row = move |guard: Guard| guard.into_inner().map(|(key, value)| (place_of(space, &key), bytes(value)));
            self.snapshot.range(keyspaces.of(space), (from, Bound::Unbounded)).map(row)
        });
        SnapshotPage::of(rows, octets_max).map_err(read_error)
    }
}

impl EngineError for fjall::Error {
    fn is_damage(&self) -> bool {
        // A file that is not there is named wrongly, or lost.
        let cut = |error: &io::Error| {
            matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::NotFound)
        };
        match self {
            fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => cut(error),
            fjall::Error::Storage(_)
            | fjall::Error::JournalRecovery(_)
            | fjall::Error::InvalidVersion(_)
            | fjall::Error::Decompress(_)
            | fjall::Error::InvalidTrailer
            | fjall::Error::InvalidTag(_)
            | fjall::Error::Unrecoverable => true,
            _ => false,
        }
    }
}

impl From<fjall::Error> for Fault {
    fn from(error: fjall::Error) -> Fault {
        let disk_full = match &error {
            fjall::Error::Poisoned => return Fault::Stopped,
            fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => is_full(error),
            _ => false,
        };
        Fault::Broken { text: error.to_string(), disk_full }
    }
}

fn bytes(value: UserValue) -> Bytes {
    if value.len() <= COPIED_OCTETS_MAX { Bytes::copy_from_slice(&value) } else { Bytes::from_owner(value) }
}
