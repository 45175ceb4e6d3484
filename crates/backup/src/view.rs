//! A backup as a store that cannot be written: chunks and blobs are read as they are asked for.

use crate::age::Identity;
use crate::chunk::{self, Row};
use crate::folder::{Folder, Listed};
use crate::manifest::{Content, Manifest};
use crate::name::Naming;
use crate::object::{self, Kind, Opening};
use crate::{Error, Name};
use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{
    Answer, Batch, BlobId, BlobPage, BlobWriter, Blobs, Bytes, CommitError, Found, Order, Query, ReadError, Reading,
    RowPlace, Scan, Snapshot, SnapshotPage, Store, ready,
};

/// Octets of unpacked chunks that are held.
const HELD_OCTETS_MAX: usize = 32 << 20;
/// No message is longer.
const BLOB_OCTETS_MAX: u64 = 4 << 30;
/// Ids in a page of the list.
const PAGE_IDS_MAX: usize = 1000;

/// What happens when a chunk is damaged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gaps {
    /// Whoever asks for its rows is told.
    Refused,
    /// Its rows are not there; [`Backup::damage`] tells.
    Skipped,
}

/// An open backup; clones are the same.
#[derive(Clone)]
pub struct Backup(Arc<Inner>);

struct Inner {
    folder: Folder,
    manifest: Manifest,
    content: Content,
    identities: Vec<Identity>,
    gaps: Gaps,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// The last used at the end.
    chunks: VecDeque<(usize, Chunk)>,
    octets: usize,
    blob: Option<(BlobId, Bytes)>,
    damage: BTreeMap<usize, Error>,
}

type Chunk = Arc<[Row]>;

impl Backup {
    /// Opens a backup of the folder: that with the id, or the newest of which the id begins with `wanted`.
    ///
    /// # Errors
    /// When there is none, or it is encrypted to somebody else.
    pub fn open(folder: Folder, wanted: &str, identities: Vec<Identity>, gaps: Gaps) -> Result<Backup, Error> {
        let ids = folder.ids()?;
        let id = ids.iter().rev().find(|id| id.starts_with(wanted));
        let missing = || Error::NoBackup { wanted: wanted.to_owned(), folder: folder.path().to_owned() };
        let listed = folder.listed(id.ok_or_else(missing)?);
        Backup::of(folder, listed, identities, gaps)
    }

    /// Opens a backup that was listed.
    ///
    /// # Errors
    /// When its manifest is damaged, or it is encrypted to somebody else.
    pub fn of(folder: Folder, listed: Listed, identities: Vec<Identity>, gaps: Gaps) -> Result<Backup, Error> {
        // Why it cannot be read, rather than what would follow from that.
        let listed = Listed { manifest: Ok(listed.manifest?), ..listed };
        let content = content(&folder, &listed, &identities)?;
        let manifest = listed.manifest?;
        Ok(Backup(Arc::new(Inner { folder, manifest, content, identities, gaps, held: Mutex::default() })))
    }

    /// What everybody may read of it.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// What it says of itself.
    pub fn content(&self) -> &Content {
        &self.0.content
    }

    /// Where it lies.
    pub fn folder(&self) -> &Folder {
        &self.0.folder
    }

    /// Chunks that were asked for and are damaged, by their number.
    pub fn damage(&self) -> Vec<(usize, String)> {
        self.0.held().damage.iter().map(|(at, error)| (*at, error.to_string())).collect()
    }

    /// Reads a chunk, and checks that it is the one that belongs there.
    ///
    /// # Errors
    /// Why it is not.
    pub fn chunk(&self, at: usize) -> Result<Vec<Row>, Error> {
        self.0.read_chunk(at)
    }

    /// Reads a blob to its end, and checks it.
    ///
    /// # Errors
    /// Why it is not what it should be.
    pub fn check_blob(&self, id: BlobId) -> Result<u64, Error> {
        let mut octets = 0;
        self.0.read_blob(id, |piece| octets += piece.len() as u64)?;
        Ok(octets)
    }
}

/// What a manifest says to whoever has one of `identities`.
///
/// # Errors
/// When nobody of them may read it.
pub fn content(folder: &Folder, listed: &Listed, identities: &[Identity]) -> Result<Content, Error> {
    let sealed = listed.manifest.as_ref().is_ok_and(|manifest| manifest.sealed);
    match (sealed, identities) {
        (true, []) => Err(Error::Sealed(listed.id.clone())),
        (true, identities) => folder.content(listed, Opening::Sealed(identities)),
        (false, _) => folder.content(listed, Opening::Plain),
    }
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opening(&self) -> Opening<'_> {
        if self.manifest.sealed { Opening::Sealed(&self.identities) } else { Opening::Plain }
    }

    fn chunk(&self, at: usize) -> Result<Chunk, Error> {
        let mut held = self.held();
        if let Some(place) = held.chunks.iter().position(|(held, _)| *held == at)
            && let Some((at, chunk)) = held.chunks.remove(place)
        {
            held.chunks.push_back((at, chunk.clone()));
            return Ok(chunk);
        }
        drop(held);
        let rows = match self.read_chunk(at) {
            Err(error) if self.gaps == Gaps::Skipped && error.is_damage() => {
                self.held().damage.entry(at).or_insert(error);
                Vec::new()
            }
            rows => rows?,
        };
        let chunk: Chunk = rows.into();
        self.hold(at, chunk.clone());
        Ok(chunk)
    }

    fn hold(&self, at: usize, chunk: Chunk) {
        let octets = |at: usize| self.content.chunks.get(at).map_or(0, |entry| entry.octets as usize);
        let mut held = self.held();
        held.octets += octets(at);
        held.chunks.push_back((at, chunk));
        while held.octets > HELD_OCTETS_MAX && held.chunks.len() > 1 {
            let gone = held.chunks.pop_front().map_or(0, |(at, _)| octets(at));
            held.octets = held.octets.saturating_sub(gone);
        }
    }

    fn read_chunk(&self, at: usize) -> Result<Vec<Row>, Error> {
        let (Some(entry), Some(name)) = (self.content.chunks.get(at), self.manifest.objects.get(at)) else {
            return Ok(Vec::new());
        };
        let path = self.folder.object(*name);
        let bad = |why: &str| Error::damaged(&path, why);
        let mut octets = Vec::with_capacity(entry.octets.min(chunk::CHUNK_OCTETS_MAX) as usize + 1);
        let reader = object::open(Kind::Object, &path, self.opening())?;
        let read = reader.take(chunk::CHUNK_OCTETS_MAX).read_to_end(&mut octets);
        read.map_err(|error| object::explained(&path, error))?;
        if Naming::kept(self.content.naming).name(blake3::hash(&octets).as_bytes()) != *name {
            return Err(bad("what is in it does not fit its name"));
        }
        let rows = chunk::decode(&octets.into()).map_err(|error| Error::damaged(&path, error.to_string()))?;
        let next = self.content.chunks.get(at + 1);
        let fits = rows.first().is_some_and(|(first, _)| *first == entry.first)
            && next.is_none_or(|next| rows.last().is_some_and(|(last, _)| *last < next.first))
            && rows.len() as u64 == entry.rows;
        if fits { Ok(rows) } else { Err(bad("its rows are not those that the manifest says")) }
    }

    fn blob_name(&self, id: BlobId) -> Option<Name> {
        let at = self.content.blobs.binary_search(&id).ok()?;
        self.manifest.blob_names(&self.content).get(at).copied()
    }

    fn read_blob(&self, id: BlobId, mut each: impl FnMut(&[u8])) -> Result<bool, Error> {
        let Some(name) = self.blob_name(id) else { return Ok(false) };
        let path = self.folder.object(name);
        let mut reader = object::open(Kind::Object, &path, self.opening())?.take(BLOB_OCTETS_MAX);
        let (mut hasher, mut piece) = (blake3::Hasher::new(), vec![0; 64 << 10]);
        loop {
            let count = reader.read(&mut piece).map_err(|error| object::explained(&path, error))?;
            let octets = piece.get(..count).unwrap_or_default();
            if octets.is_empty() {
                break;
            }
            hasher.update(octets);
            each(octets);
        }
        if *hasher.finalize().as_bytes() == id.0 {
            return Ok(true);
        }
        Err(Error::damaged(&path, "what is in it is not the blob"))
    }

    /// The whole of a blob; the last one asked for is held, for it is asked for in pieces.
    fn blob(&self, id: BlobId) -> Result<Option<Bytes>, Error> {
        if let Some((_, octets)) = self.held().blob.as_ref().filter(|(held, _)| *held == id) {
            return Ok(Some(octets.clone()));
        }
        let mut octets = Vec::new();
        if !self.read_blob(id, |piece| octets.extend_from_slice(piece))? {
            return Ok(None);
        }
        let octets = Bytes::from(octets);
        self.held().blob = Some((id, octets.clone()));
        Ok(Some(octets))
    }

    /// The number of the chunk in which a row of this place would lie.
    fn chunk_of(&self, place: &RowPlace) -> usize {
        self.content.chunks.partition_point(|chunk| chunk.first <= *place).saturating_sub(1)
    }

    fn get(&self, place: &RowPlace) -> Result<Option<Bytes>, Error> {
        let rows = self.chunk(self.chunk_of(place))?;
        let found = rows.binary_search_by(|(other, _)| other.cmp(place)).ok();
        Ok(found.and_then(|at| rows.get(at)).map(|(_, value)| value.clone()))
    }

    fn scan(&self, scan: &Scan) -> Result<store::Page, Error> {
        if scan.is_empty() {
            return Ok(store::Page::default());
        }
        let place = |key: Bytes| RowPlace { space: scan.space, cell: scan.cell.clone(), key };
        let from = scan.from.clone().map(place);
        let to = scan.to.clone().map(place);
        let first = match &from {
            Bound::Included(from) | Bound::Excluded(from) => self.chunk_of(from),
            Bound::Unbounded => self.chunk_of(&place(Bytes::new())),
        };
        let is_within = |at: &RowPlace| at.space == scan.space && at.cell == scan.cell && before(at, &to);
        let chunks = first..self.content.chunks.len();
        let last = chunks.clone().take_while(|at| {
            let begins = self.content.chunks.get(*at).map(|chunk| &chunk.first);
            *at == first || begins.is_some_and(is_within)
        });
        let chunks = chunks.start..last.last().map_or(chunks.start, |last| last + 1);
        let rows = |at: usize| self.rows_within(at, scan, &from, &to);
        match scan.order {
            Order::Ascending => scan.page(chunks.flat_map(rows).map(key_of)),
            Order::Descending => scan.page(chunks.rev().flat_map(|at| rows(at).rev()).map(key_of)),
        }
    }

    /// The rows of a chunk that a scan is about.
    fn rows_within(
        &self,
        at: usize,
        scan: &Scan,
        from: &Bound<RowPlace>,
        to: &Bound<RowPlace>,
    ) -> impl DoubleEndedIterator<Item = Result<Row, Error>> + use<> {
        let (rows, range, error) = match self.chunk(at) {
            Err(error) => (Chunk::from([]), 0..0, Some(Err(error))),
            Ok(rows) => {
                let start = RowPlace { space: scan.space, cell: scan.cell.clone(), key: Bytes::new() };
                let is_here =
                    |place: &RowPlace| place.space == scan.space && place.cell == scan.cell && before(place, to);
                let begin = rows.partition_point(|(place, _)| *place < start || !behind(place, from));
                let end = rows.partition_point(|(place, _)| *place < start || is_here(place));
                (rows, begin..end.max(begin), None)
            }
        };
        error.into_iter().chain(range.filter_map(move |at| rows.get(at).cloned().map(Ok)))
    }

    fn page(&self, after: Option<&RowPlace>, octets_max: usize) -> Result<SnapshotPage, Error> {
        let first = after.map_or(0, |after| self.chunk_of(after));
        let rows = (first..self.content.chunks.len()).flat_map(|at| {
            let (rows, error) = match self.chunk(at) {
                Err(error) => (Chunk::from([]), Some(Err(error))),
                Ok(rows) => (rows, None),
            };
            let skip = rows.partition_point(|(place, _)| after.is_some_and(|after| place <= after));
            error.into_iter().chain((skip..rows.len()).filter_map(move |at| rows.get(at).cloned().map(Ok)))
        });
        SnapshotPage::of(rows, octets_max)
    }
}

fn key_of(row: Result<Row, Error>) -> Result<(Bytes, Bytes), Error> {
    row.map(|(place, value)| (place.key, value))
}

fn behind(place: &RowPlace, from: &Bound<RowPlace>) -> bool {
    match from {
        Bound::Unbounded => true,
        Bound::Included(from) => place >= from,
        Bound::Excluded(from) => place > from,
    }
}

fn before(place: &RowPlace, to: &Bound<RowPlace>) -> bool {
    match to {
        Bound::Unbounded => true,
        Bound::Included(to) => place <= to,
        Bound::Excluded(to) => place < to,
    }
}

fn told(error: Error) -> ReadError {
    if error.is_damage() { ReadError::Damaged(error.to_string()) } else { ReadError::Unavailable(error.to_string()) }
}

const READ_ONLY: &str = "it is a backup";

impl Store for Backup {
    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>> {
        let answer = |query: &Query| match query {
            Query::Get(store::Get { space, cell, key }) => {
                let place = RowPlace { space: *space, cell: cell.clone(), key: key.clone() };
                self.0.get(&place).map(Found::Row)
            }
            Query::Scan(scan) => self.0.scan(scan).map(Found::Page),
        };
        ready(queries.iter().map(answer).collect::<Result<_, _>>().map(Reading).map_err(told))
    }

    fn commit(&self, _: Batch) -> Answer<'static, Result<(), CommitError>> {
        ready(Err(CommitError::ReadOnly(READ_ONLY.into())))
    }

    fn snapshot(&self) -> Answer<'_, Result<Box<dyn Snapshot>, ReadError>> {
        ready(Ok(Box::new(self.clone())))
    }
}

impl Snapshot for Backup {
    fn rows(&self, after: Option<&RowPlace>, octets_max: usize) -> Answer<'_, Result<SnapshotPage, ReadError>> {
        ready(self.0.page(after, octets_max).map_err(told))
    }

    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>> {
        Store::read(self, queries)
    }
}

impl Blobs for Backup {
    fn begin(&self) -> Answer<'_, Result<Box<dyn BlobWriter>, CommitError>> {
        ready(Err(CommitError::ReadOnly(READ_ONLY.into())))
    }

    fn get(&self, id: BlobId, range: Range<u64>) -> Answer<'_, Result<Option<Bytes>, ReadError>> {
        let slice = |octets: Bytes| {
            let within = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(octets.len());
            octets.slice(within(range.start)..within(range.end.max(range.start)))
        };
        ready(self.0.blob(id).map(|octets| octets.map(slice)).map_err(told))
    }

    fn doubt(&self, _: BlobId) -> bool {
        false
    }

    fn delete(&self, _: BlobId) -> Answer<'_, Result<bool, CommitError>> {
        ready(Err(CommitError::ReadOnly(READ_ONLY.into())))
    }

    fn list(&self, after: Option<BlobId>) -> Answer<'_, Result<BlobPage, ReadError>> {
        let blobs = &self.0.content.blobs;
        let first = after.map_or(0, |after| blobs.partition_point(|id| *id <= after));
        let ids: Vec<BlobId> = blobs.iter().skip(first).take(PAGE_IDS_MAX).copied().collect();
        let more = first + ids.len() < blobs.len();
        ready(Ok(BlobPage { ids, more }))
    }
}
