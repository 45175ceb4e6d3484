//! redb: one write transaction per group, reading from the transaction before.

mod file;
mod overlay;
#[cfg(test)]
mod tests;

use self::file::{File, Header};
use self::overlay::Overlay;
use super::{
    After, CONDENSED_OCTETS_MAX, Engine, EngineError, EngineOptions, Fault, Files, MISSING, Opened, Picture, Writes,
    is_full, read_error, spaces_behind, table_name,
};
use crate::aside;
use crate::format::was_used;
use crate::key::{key_within, place_of, row_key, row_range};
use crate::lock::{OpenError, Remedy, sync_folder};
use crate::salvage::{self, in_use, is_behind};
use redb::{AccessGuard, Builder, Database, ReadOnlyTable, ReadableDatabase, StorageError};
use redb::{TableDefinition, TransactionError, WriteTransaction};
use std::fs::{self, TryLockError};
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use store::{Bytes, Found, Order, Page, Query, ReadError, Reading, RowPlace, Scan, SnapshotPage, Space};

type Row = (AccessGuard<'static, &'static [u8]>, AccessGuard<'static, &'static [u8]>);
type Table = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// redb's one file.
pub(super) struct RedbFiles {
    folder: PathBuf,
    options: EngineOptions,
    header: Arc<Header>,
    /// While it is there nobody else opens the file, though the folder's lock were removed.
    lock: Mutex<Option<fs::File>>,
}

struct Redb {
    /// As of the last commit; before `db`, for it is closed more thoroughly when nobody reads.
    snapshot: RwLock<Arc<Snapshot>>,
    db: Database,
    path: PathBuf,
    /// Behind `db`: it is closed by then.
    _in_use: InUse,
}

/// Tells by a file that redb has not ended in order yet.
struct InUse {
    mark: PathBuf,
    /// Whether it goes with this value: not if it was there before, and redb has not opened its file since.
    goes: bool,
}

impl InUse {
    fn begin(file: &Path) -> io::Result<InUse> {
        let mark = in_use(file);
        let goes = !mark.exists();
        if goes {
            fs::File::create(&mark)?;
            mark.parent().map_or(Ok(()), sync_folder)?;
        }
        Ok(InUse { mark, goes })
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if self.goes
            && !std::thread::panicking()
            && let Err(error) = fs::remove_file(&self.mark)
        {
            tracing::warn!(event = "store.mark", file = %self.mark.display(), %error);
        }
    }
}

/// The tables as one transaction left them. That one stays reserves the pages of one transaction.
struct Snapshot {
    rows: Table,
    bodies: Table,
}

const FILE: &str = "rows.redb";
/// What is being made; it becomes [`FILE`] when it is a whole one.
const UNFINISHED: &str = "rows.redb.new";
const BEHIND: &str = "its header does not name the last commit";
/// redb's pages; a row may cost a new one in the leaf and one in the branch above.
const PAGE_OCTETS: u64 = 4096;
const PAGES_PER_ROW: u64 = 2;

fn definition(space: Space) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table_name(space))
}

/// redb's file in the store's `folder`.
pub(super) fn place(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// A new file where nothing is yet.
pub(super) fn fresh(path: &Path, options: EngineOptions) -> Result<Box<dyn Engine>, OpenError> {
    let files = RedbFiles::of(path.parent().unwrap_or(path), options);
    let made = || {
        let db = files.make_at(path)?;
        let snapshot = RwLock::new(Arc::new(Snapshot::of(&db)?));
        let _in_use = InUse { mark: in_use(path), goes: false }; // nobody opens a half-made one
        Ok::<_, redb::Error>(Redb { snapshot, db, path: path.to_owned(), _in_use })
    };
    Ok(Box::new(made().map_err(OpenError::engine(path))?))
}

impl RedbFiles {
    pub(super) fn of(folder: &Path, options: EngineOptions) -> RedbFiles {
        RedbFiles { folder: folder.to_owned(), options, header: Arc::default(), lock: Mutex::default() }
    }

    /// Takes the file's lock, if it is there and was not taken.
    fn lock(&self, path: &Path) -> Result<(), OpenError> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_some() || !path.exists() {
            return Ok(());
        }
        let file = fs::File::open(path).map_err(OpenError::io(path, "opening it for its lock"))?;
        match file.try_lock() {
            Ok(()) => *lock = Some(file),
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(OpenError::io(path, "taking its lock")(error)),
        }
        Ok(())
    }

    fn open_database(&self, path: &Path) -> Result<Database, redb::Error> {
        let damaged = path.to_owned();
        let file = File::open(path, self.header.clone())?;
        let database = Builder::new()
            .set_cache_size(usize::try_from(self.options.cache_octets).unwrap_or(usize::MAX))
            .set_repair_callback(move |session| {
                tracing::warn!(event = "store.repairing", file = %damaged.display(), progress = session.progress());
            })
            .create_with_backend(file)?;
        Ok(database)
    }

    /// Makes the file under another name first: redb does not open one that it has not finished making.
    fn make(&self) -> Result<(), redb::Error> {
        let unfinished = self.folder.join(UNFINISHED);
        self.make_at(&unfinished)?.close()?;
        fs::rename(&unfinished, self.folder.join(FILE))?;
        Ok(sync_folder(&self.folder)?)
    }

    fn make_at(&self, path: &Path) -> Result<Database, redb::Error> {
        fs::File::create(path)?;
        let database = self.open_database(path)?;
        let transaction = begin(&database)?;
        for space in [Space::Rows, Space::Bodies] {
            transaction.open_table(definition(space))?;
        }
        transaction.commit()?;
        Ok(database)
    }

    fn open_engine(&self, after: After) -> Result<Redb, redb::Error> {
        let path = self.folder.join(FILE);
        if after == After::Start && !path.exists() {
            self.make()?;
        }
        if fs::metadata(&path)?.len() == 0 {
            return Err(redb::Error::Corrupted("it is empty".into())); // redb would begin anew
        }
        match after {
            After::Start if is_behind(&path)? => return Err(redb::Error::Corrupted(BEHIND.into())),
            After::Failure => self.header.restore(&path)?,
            After::Start | After::Condensing => {}
        }
        let mut in_use = InUse::begin(&path)?;
        let mut db = self.open_database(&path)?;
        if after == After::Condensing {
            db.compact()?;
        }
        let snapshot = RwLock::new(Arc::new(Snapshot::of(&db)?));
        in_use.goes = true;
        Ok(Redb { snapshot, db, path, _in_use: in_use })
    }
}

impl Files for RedbFiles {
    fn open(&self, after: After) -> Result<Opened, OpenError> {
        let path = self.folder.join(FILE);
        if after == After::Start {
            salvage::finish(&path).map_err(OpenError::io(&path, "ending a salvage that was broken off"))?;
        }
        if after == After::Start && !path.exists() && was_used(&self.folder) {
            return Err(OpenError::Damaged { file: path, what: MISSING.into(), remedy: Remedy::Restore });
        }
        self.lock(&path)?;
        let engine = self.open_engine(after).map_err(|error| {
            if error.is_damage() { self.damaged(error.to_string()) } else { OpenError::engine(&path)(error) }
        })?;
        self.lock(&path)?;
        let story = aside::story(&aside::place(&self.folder));
        let damage = story.map_err(OpenError::io(&self.folder, "reading what was found before"))?;
        Ok(Opened { engine: Box::new(engine), damage })
    }

    fn tidy(&self, _: bool) -> io::Result<()> {
        Ok(())
    }

    fn damaged(&self, what: String) -> OpenError {
        OpenError::Damaged { file: self.folder.join(FILE), what, remedy: Remedy::Repair }
    }

    /// redb has sums of its pages, and looks at them only when it is asked to. It would mend what it can, by going back: so it
    /// works on what it would write in memory.
    fn check(&self) -> Result<Option<String>, OpenError> {
        let path = self.folder.join(FILE);
        if !path.exists() {
            return Ok(None); // opening says so
        }
        let look = || -> Result<bool, redb::Error> {
            if is_behind(&path)? {
                return Err(redb::Error::Corrupted(BEHIND.into()));
            }
            let mut database = Builder::new().create_with_backend(Overlay::open(&path)?)?;
            Ok(database.check_integrity()?)
        };
        match look() {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some("the pages in use are not those that it says are in use".into())),
            Err(error) if error.is_damage() => Ok(Some(error.to_string())),
            Err(error) => Err(OpenError::engine(&path)(error)),
        }
    }
}

impl EngineError for redb::Error {
    fn is_damage(&self) -> bool {
        match self {
            redb::Error::Corrupted(_) | redb::Error::UpgradeRequired(_) | redb::Error::TableDoesNotExist(_) => true,
            redb::Error::Io(error) => matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof),
            _ => false,
        }
    }
}

impl EngineError for StorageError {
    fn is_damage(&self) -> bool {
        match self {
            StorageError::Corrupted(_) => true,
            StorageError::Io(error) => matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof),
            _ => false,
        }
    }
}

/// With quick-repair: without, the whole file is read at the start after a crash.
fn begin(database: &Database) -> Result<WriteTransaction, TransactionError> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

impl Snapshot {
    fn of(database: &Database) -> Result<Snapshot, redb::Error> {
        let transaction = database.begin_read()?;
        let rows = transaction.open_table(definition(Space::Rows))?;
        let bodies = transaction.open_table(definition(Space::Bodies))?;
        Ok(Snapshot { rows, bodies })
    }

    fn table(&self, space: Space) -> &Table {
        match space {
            Space::Rows => &self.rows,
            Space::Bodies => &self.bodies,
        }
    }

    fn find(&self, query: &Query) -> Result<Found, StorageError> {
        Ok(match query {
            Query::Get(get) => {
                let value = self.table(get.space).get(row_key(&get.cell, &get.key).as_slice())?;
                Found::Row(value.map(|value| Bytes::copy_from_slice(value.value())))
            }
            Query::Scan(scan) if scan.is_empty() => Found::Page(Page::default()),
            Query::Scan(scan) => Found::Page(self.scan(scan)?),
        })
    }

    fn scan(&self, scan: &Scan) -> Result<Page, StorageError> {
        let (from, to) = row_range(scan);
        let range = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
        let rows = self.table(scan.space).range::<&[u8]>(range)?;
        let row = |row: Result<Row, StorageError>| {
            row.map(|(key, value)| (key_within(&scan.cell, key.value()), Bytes::copy_from_slice(value.value())))
        };
        match scan.order {
            Order::Ascending => scan.page(rows.map(row)),
            Order::Descending => scan.page(rows.rev().map(row)),
        }
    }
}

impl Picture for Arc<Snapshot> {
    fn read(&self, queries: &[Query]) -> Result<Reading, ReadError> {
        let found = queries.iter().map(|query| self.find(query)).collect::<Result<_, _>>();
        found.map(Reading).map_err(read_error)
    }

    fn rows_behind(&self, after: Option<&RowPlace>, octets_max: usize) -> Result<SnapshotPage, ReadError> {
        let mut rows: Vec<_> = Vec::new();
        for (space, from) in spaces_behind(after) {
            let range = (from.as_ref().map(Vec::as_slice), Bound::Unbounded);
            let row = move |row: Result<Row, StorageError>| {
                row.map(|(key, value)| (place_of(space, key.value()), Bytes::copy_from_slice(value.value())))
            };
            rows.push(self.table(space).range::<&[u8]>(range).map_err(read_error)?.map(row));
        }
        SnapshotPage::of(rows.into_iter().flatten(), octets_max).map_err(read_error)
    }
}

impl Redb {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write_all(&self, transaction: WriteTransaction, writes: Writes) -> Result<(), redb::Error> {
        for (space, values) in writes.into_spaces() {
            let mut table = transaction.open_table(definition(space))?;
            let mut values: Vec<_> = values.into_iter().collect();
            values.sort_unstable_by(|one, other| one.0.cmp(&other.0)); // neighbours share pages
            for (key, value) in values {
                match value {
                    Some(value) => table.insert(key.as_slice(), &*value)?,
                    None => table.remove(key.as_slice())?,
                };
            }
        }
        transaction.commit()?;
        let snapshot = Arc::new(Snapshot::of(&self.db)?);
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        Ok(())
    }
}

impl Engine for Redb {
    fn read(&self, queries: &[Query]) -> Result<Reading, ReadError> {
        Picture::read(&self.snapshot(), queries)
    }

    fn picture(&self) -> Box<dyn Picture> {
        Box::new(self.snapshot())
    }

    fn holds(&self, row_key: &[u8], value: Option<&[u8]>) -> Result<bool, ReadError> {
        let found = self.snapshot().rows.get(row_key).map_err(read_error)?;
        Ok(found.as_ref().map(AccessGuard::value) == value)
    }

    fn write(&self, writes: Writes) -> Result<(), Fault> {
        let transaction = begin(&self.db).map_err(|_| Fault::Stopped)?;
        self.write_all(transaction, writes).map_err(|error| {
            let disk_full = matches!(&error, redb::Error::Io(error) if is_full(error));
            Fault::Broken { text: error.to_string(), disk_full }
        })
    }

    /// Pages that rows next to them share are written anew, and only freed by the next group.
    fn further_octets(&self, rows: usize) -> u64 {
        rows as u64 * PAGES_PER_ROW * PAGE_OCTETS
    }

    fn is_behind(&self) -> bool {
        false
    }

    fn has_stopped(&self) -> bool {
        !matches!(self.db.try_begin_write(), Ok(_) | Err(TransactionError::WouldBlock))
    }

    /// What can be freed is known only once it is done.
    fn reclaimable_octets(&self) -> u64 {
        0
    }

    /// Each commit does.
    fn settle(&self) -> Result<bool, Fault> {
        Ok(true)
    }

    /// The opening anew moves pages to the front of the file and cuts it. Of a large file that takes too long.
    fn condense(&self) -> Result<bool, Fault> {
        Ok(fs::metadata(&self.path).is_ok_and(|file| file.len() <= CONDENSED_OCTETS_MAX))
    }
}
