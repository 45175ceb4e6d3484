//! Large octets as files: `ab/cdef…` by their hash, written as `tmp/N` first.

mod pool;
#[cfg(test)]
mod tests;
mod tree;
mod writer;

use crate::lock::{FolderLock, OpenError, sync_folder};
use crate::options::Options;
use crate::space::{Room, Watermark, shortage};
use pool::Pool;
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use store::{Answer, BlobHold, BlobHolds, BlobId, BlobPage, BlobWriter, Blobs, Bytes, CommitError, ReadError, ready};
use tree::{GROUP_OCTETS, Grower, Known, Tree};
use writer::Writer;

/// Blobs in a folder of this machine.
///
/// Files are written, synced, listed and deleted on two threads of their own; pieces of up to 64 KiB are read on the
/// caller's, as rows are. What is read is checked against the hash that names it: a file that was neither written nor read not
/// long ago is first read whole, by one of the two.
pub struct LocalBlobs {
    files: Arc<Files>,
    pool: Arc<Pool>,
    _lock: FolderLock,
}

/// Where the files lie.
pub(crate) struct Files {
    folder: PathBuf,
    watermark: Watermark,
    next_temporary: AtomicU64,
    /// Held while a name comes or goes, so that a blob which is just written again is not deleted.
    naming: Mutex<()>,
    holds: BlobHolds,
    /// By what the pieces of blobs are checked.
    known: Known,
}

/// Pieces up to this are read on the caller's thread: one or two requests to the disk.
const INLINE_OCTETS_MAX: u64 = 64 << 10;
/// Octets read at once when a whole file is checked.
const CHECKED_OCTETS: usize = 256 << 10;
/// Ids in a page of the list.
const PAGE_IDS_MAX: usize = if cfg!(test) { 100 } else { 1000 };

impl LocalBlobs {
    /// Opens the blobs in `folder`, or makes a place for them there; forgets those that were being written.
    ///
    /// # Errors
    /// When another process has it open, or the disk refuses.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<LocalBlobs, OpenError> {
        let folder = folder.as_ref();
        let lock = FolderLock::take(folder)?;
        Files::prepare(folder).map_err(OpenError::io(folder, "making the folders of blobs"))?;
        let watermark = Watermark::new(folder, options.space, options.reserve_octets);
        let (next_temporary, naming) = (AtomicU64::new(0), Mutex::new(()));
        let (known, holds) = (Known::default(), BlobHolds::default());
        let files = Arc::new(Files { folder: folder.to_owned(), watermark, next_temporary, naming, holds, known });
        let pool = Pool::start().map_err(OpenError::io(folder, "starting the threads of blobs"))?;
        Ok(LocalBlobs { files, pool: Arc::new(pool), _lock: lock })
    }
}

impl Blobs for LocalBlobs {
    fn begin(&self) -> Answer<'_, Result<Box<dyn BlobWriter>, CommitError>> {
        let writer = |()| Box::new(Writer::new(self.files.clone(), self.pool.clone())) as Box<dyn BlobWriter>;
        ready(self.files.room(0).map(writer))
    }

    fn get(&self, id: BlobId, range: Range<u64>) -> Answer<'_, Result<Option<Bytes>, ReadError>> {
        if range.end.saturating_sub(range.start) <= INLINE_OCTETS_MAX
            && let Some(tree) = self.files.known.get(id)
        {
            return ready(self.files.read(id, &tree, range));
        }
        let files = self.files.clone();
        let read = move || match files.tree(id)? {
            Some(tree) => files.read(id, &tree, range),
            None => Ok(None),
        };
        self.pool.answer(read, |busy| Err(ReadError::Unavailable(busy.into())))
    }

    fn doubt(&self, id: BlobId) -> bool {
        self.files.holds.doubt(id)
    }

    fn delete(&self, id: BlobId) -> Answer<'_, Result<bool, CommitError>> {
        let files = self.files.clone();
        let delete = move || files.delete(id).map_err(|error| commit_error(&error));
        self.pool.answer(delete, |busy| Err(CommitError::NoSpace(busy.into())))
    }

    fn list(&self, after: Option<BlobId>) -> Answer<'_, Result<BlobPage, ReadError>> {
        let files = self.files.clone();
        self.pool.answer(move || files.list(after).map_err(read_error), |busy| Err(ReadError::Unavailable(busy.into())))
    }
}

/// Where in the folder of blobs one of them lies, for who looks at what [`LocalBlobs`] does not give out: a damaged one.
pub fn file(folder: &Path, id: BlobId) -> PathBuf {
    let name = id.to_string();
    let (fan, rest) = name.split_at(2); // hexadecimal digits
    folder.join(fan).join(rest)
}

/// Whether `folder` was made a place for blobs, though there may be none in it.
pub fn is_place(folder: &Path) -> bool {
    (0..=u8::MAX).any(|first| fan_of(folder, first).is_dir())
}

/// Whether there are blobs in `folder`.
///
/// # Errors
/// When it cannot be read. One that is not there has none.
pub fn any(folder: &Path) -> io::Result<bool> {
    for first in 0..=u8::MAX {
        let has_some = match fs::read_dir(fan_of(folder, first)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            fan => fan?.next().is_some(),
        };
        if has_some {
            return Ok(true);
        }
    }
    Ok(false)
}

fn fan_of(folder: &Path, first: u8) -> PathBuf {
    folder.join(format!("{first:02x}"))
}

impl Files {
    /// Makes all folders that there can be, so that a new blob's folder is durable before the blob.
    fn prepare(folder: &Path) -> io::Result<()> {
        let temporary = folder.join("tmp");
        fs::create_dir_all(&temporary)?;
        for left in fs::read_dir(&temporary)? {
            fs::remove_file(left?.path())?;
        }
        let mut made = false;
        for first in 0..=u8::MAX {
            let fan = fan_of(folder, first);
            if !fan.is_dir() {
                fs::create_dir(fan)?;
                made = true;
            }
        }
        if made { sync_folder(folder) } else { Ok(()) }
    }

    fn room(&self, octets: u64) -> Result<(), CommitError> {
        match self.watermark.room(octets, 0) {
            Room::Enough => Ok(()),
            Room::Short { free_octets, reserve_octets } => {
                Err(CommitError::NoSpace(shortage(free_octets, reserve_octets)))
            }
        }
    }

    fn path(&self, id: BlobId) -> PathBuf {
        file(&self.folder, id)
    }

    fn temporary(&self) -> PathBuf {
        self.folder.join("tmp").join(self.next_temporary.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Gives the written and synced file its name. An older one is replaced, which heals it.
    fn place(&self, temporary: &Path, id: BlobId) -> io::Result<BlobHold> {
        let path = self.path(id);
        let hold = {
            let _naming = self.naming.lock();
            fs::rename(temporary, &path)?;
            self.holds.hold(id)
        };
        path.parent().map_or(Ok(()), sync_folder)?;
        Ok(hold)
    }

    fn open_blob(&self, id: BlobId) -> Result<Option<File>, ReadError> {
        match File::open(self.path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => file.map(Some).map_err(|error| unreadable(id, error)),
        }
    }

    /// What the blob's groups have to be; the file is read whole if that is not known. `None`: there is no such blob.
    fn tree(&self, id: BlobId) -> Result<Option<Arc<Tree>>, ReadError> {
        if let Some(tree) = self.known.get(id) {
            return Ok(Some(tree));
        }
        let Some(mut file) = self.open_blob(id)? else { return Ok(None) };
        let (mut grower, mut piece) = (Grower::new(), vec![0; CHECKED_OCTETS]);
        loop {
            let count = file.read(&mut piece).map_err(|error| unreadable(id, error))?;
            match piece.get(..count) {
                Some(octets) if !octets.is_empty() => grower.push(octets),
                _ => break,
            }
        }
        let (found, tree) = grower.finish();
        if found != id {
            return Err(damaged(id));
        }
        let tree = Arc::new(tree);
        self.known.add(id, tree.clone());
        Ok(Some(tree))
    }

    /// Reads the groups that the range lies in, and gives out what of them is as it was written.
    fn read(&self, id: BlobId, tree: &Tree, range: Range<u64>) -> Result<Option<Bytes>, ReadError> {
        let Some(file) = self.open_blob(id)? else { return Ok(None) };
        let end = range.end.min(tree.octets);
        if range.start >= end {
            return Ok(Some(Bytes::new()));
        }
        let group = GROUP_OCTETS as u64;
        let (first, last) = (range.start / group, end.div_ceil(group));
        let (from, to) = (first * group, tree.octets.min(last * group));
        let size = |octets: u64| usize::try_from(octets).map_err(|_| ReadError::Unavailable("too much at once".into()));
        let mut octets = vec![0; size(to - from)?];
        file.read_exact_at(&mut octets, from).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(id),
            _ => unreadable(id, error),
        })?;
        let sound = octets.chunks(GROUP_OCTETS).zip(size(first)?..).all(|(octets, at)| tree.has(id, at, octets));
        if !sound {
            return Err(damaged(id));
        }
        Ok(Some(Bytes::from(octets).slice(size(range.start - from)?..size(end - from)?)))
    }

    fn delete(&self, id: BlobId) -> io::Result<bool> {
        let _naming = self.naming.lock();
        if !self.holds.settle(id) {
            return Ok(false);
        }
        // Not synced: a blob that comes back after a power cut is collected again.
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.known.forget(id);
        Ok(true)
    }

    fn list(&self, after: Option<BlobId>) -> io::Result<BlobPage> {
        let mut ids: Vec<BlobId> = Vec::new();
        let first = after.map_or(0, |BlobId([first, ..])| first);
        for fan in first..=u8::MAX {
            let mut here = self.list_fan(fan)?;
            here.retain(|id| after.is_none_or(|after| *id > after));
            here.sort_unstable();
            ids.append(&mut here);
            if ids.len() > PAGE_IDS_MAX {
                ids.truncate(PAGE_IDS_MAX);
                return Ok(BlobPage { ids, more: true });
            }
        }
        Ok(BlobPage { ids, more: false })
    }

    fn list_fan(&self, fan: u8) -> io::Result<Vec<BlobId>> {
        let mut ids = Vec::new();
        let folder = fan_of(&self.folder, fan);
        let entries = fs::read_dir(&folder)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))?;
        for entry in entries {
            let name = entry?.file_name();
            match name.to_str().and_then(|rest| blob_id(fan, rest)) {
                Some(id) => ids.push(id),
                None => tracing::warn!(event = "blob.strange_file", fan, name = %name.to_string_lossy()),
            }
        }
        Ok(ids)
    }
}

/// The id of the file `rest` in the folder of `fan`.
fn blob_id(fan: u8, rest: &str) -> Option<BlobId> {
    let mut id = [fan; 32];
    let digits = rest.as_bytes().chunks(2);
    let (_, places) = id.split_first_mut()?;
    if rest.len() != places.len() * 2 {
        return None;
    }
    for (place, pair) in places.iter_mut().zip(digits) {
        *place = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(BlobId(id)).filter(|id| id.to_string().ends_with(rest))
}

/// The file is not what its name says.
fn damaged(id: BlobId) -> ReadError {
    tracing::error!(event = "blob.damaged", blob = %id);
    ReadError::Damaged(format!("blob {id} is not what its name says"))
}

/// What the disk does not give, or what is no file, is damage of this blob alone; all else may be better in a moment.
fn unreadable(id: BlobId, error: io::Error) -> ReadError {
    let errno = Errno::from_io_error(&error);
    let gone = [Errno::IO, Errno::ISDIR, Errno::LOOP, Errno::BADMSG, Errno::UCLEAN, Errno::NXIO];
    if errno.is_some_and(|errno| gone.contains(&errno)) {
        tracing::error!(event = "blob.unreadable", blob = %id, %error);
        return ReadError::Damaged(format!("blob {id} cannot be read: {error}"));
    }
    ReadError::Unavailable(format!("blob {id}: {error}"))
}

fn read_error(error: io::Error) -> ReadError {
    ReadError::Unavailable(format!("blob: {error}"))
}

fn commit_error(error: &io::Error) -> CommitError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => CommitError::NoSpace(error.to_string()),
        _ => CommitError::Failed(format!("blob: {error}")),
    }
}
