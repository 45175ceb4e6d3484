//! A backup is taken: rows in chunks, then the blobs that they name, then the manifest. What lies there already, from an
//! earlier backup or from a run that was interrupted, is not written again.

use crate::Error;
use crate::age::Recipient;
use crate::chunk::{Chunk, Cutter, Row};
use crate::folder::Folder;
use crate::manifest::{AccountEntry, ChunkEntry, Content, Manifest};
use crate::name::{Name, Naming};
use crate::object::{Kind, flaw};
use model::{AccountId, Timestamp};
use std::collections::BTreeMap;
use std::io::Write;
use store::block_on;
use store::{BlobId, Blobs, ReadError, Snapshot};

/// What a backup is taken of.
pub trait Source {
    /// The next rows of one moment, in the order of their places; none at the end.
    ///
    /// # Errors
    /// [`Error::Source`].
    fn rows(&mut self) -> Result<Vec<Row>, Error>;

    /// Gives a blob's octets to `each`. Whether there is such a blob, and it is whole.
    ///
    /// # Errors
    /// [`Error::Source`], and those of `each`.
    fn blob(&mut self, id: BlobId, each: &mut Pieces<'_>) -> Result<bool, Error>;
}

/// Who takes octets.
pub type Pieces<'a> = dyn FnMut(&[u8]) -> Result<(), Error> + 'a;

/// A store that this process has open.
pub struct Opened<'a> {
    snapshot: Box<dyn Snapshot>,
    blobs: &'a dyn Blobs,
    after: Option<Row>,
    ended: bool,
}

/// Octets of a page of rows, and of a piece of a blob.
const PAGE_OCTETS: usize = 1 << 20;

impl<'a> Opened<'a> {
    /// The rows of `snapshot`, and the blobs that they name.
    pub fn new(snapshot: Box<dyn Snapshot>, blobs: &'a dyn Blobs) -> Opened<'a> {
        Opened { snapshot, blobs, after: None, ended: false }
    }
}

impl Source for Opened<'_> {
    fn rows(&mut self) -> Result<Vec<Row>, Error> {
        if self.ended {
            return Ok(Vec::new());
        }
        let after = self.after.as_ref().map(|(place, _)| place);
        let page = block_on(self.snapshot.rows(after, PAGE_OCTETS)).map_err(unreadable)?;
        self.ended = !page.more;
        self.after = page.rows.last().cloned();
        Ok(page.rows)
    }

    fn blob(&mut self, id: BlobId, each: &mut Pieces<'_>) -> Result<bool, Error> {
        let mut at = 0;
        loop {
            match block_on(self.blobs.get(id, at..at + PAGE_OCTETS as u64)) {
                Ok(None) | Err(ReadError::Damaged(_)) => return Ok(false),
                Ok(Some(piece)) if piece.is_empty() => return Ok(true),
                Ok(Some(piece)) => each(&piece)?,
                Err(error) => return Err(unreadable(error)),
            }
            at += PAGE_OCTETS as u64;
        }
    }
}

fn unreadable(error: ReadError) -> Error {
    Error::Source(error.to_string())
}

/// How a backup is taken.
pub struct Plan {
    /// The moment that it shows.
    pub taken: Timestamp,
    /// The program that takes it, with its version.
    pub program: String,
    /// To whom it is encrypted; empty: not at all.
    pub recipients: Vec<Recipient>,
    /// The owner's key, by which encrypted objects are named: the same each time, or each backup is written whole.
    pub naming: [u8; 32],
    /// Whether objects that lie there already are read, and written anew where they are damaged.
    pub recheck: bool,
}

/// What was done, and while it is done: how far it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// What the backup is called; empty until it is there.
    pub id: String,
    /// Rows in it, and their octets.
    pub rows: u64,
    /// Octets of rows before packing, and of new blobs.
    pub octets: u64,
    /// Objects of rows.
    pub chunks: u64,
    /// Of which are new.
    pub chunks_new: u64,
    /// Blobs in it.
    pub blobs: u64,
    /// Of which are new.
    pub blobs_new: u64,
    /// Octets written.
    pub written_octets: u64,
    /// Blobs that should be there, and are not or are damaged.
    pub missing: Vec<BlobId>,
}

/// Takes a backup of all that `source` gives.
///
/// # Errors
/// When the source or the disk fails: there is no backup then, and the next run finds what this one wrote.
pub fn create(
    folder: &mut Folder,
    source: &mut dyn Source,
    plan: &Plan,
    progress: &mut dyn FnMut(&Report),
) -> Result<Report, Error> {
    let sealed = !plan.recipients.is_empty();
    let naming = if sealed { Naming::keyed(&plan.naming, &plan.recipients) } else { Naming::PLAIN };
    let content = Content { naming: naming.key(), ..Content::default() };
    let mut run = Run { folder, plan, naming, content, objects: Vec::new(), report: Report::default(), progress };
    let (mut cutter, mut seen) = (Cutter::default(), Seen::default());
    loop {
        let rows = source.rows()?;
        if rows.is_empty() {
            break;
        }
        for (place, value) in rows {
            seen.row(&place, &value);
            run.report.rows += 1;
            if let Some(chunk) = cutter.push(&place, &value) {
                run.chunk(chunk)?;
            }
        }
        (run.progress)(&run.report);
    }
    cutter.take().map_or(Ok(()), |chunk| run.chunk(chunk))?;
    for blob in std::mem::take(&mut seen.blobs) {
        run.blob(blob, source)?;
        (run.progress)(&run.report);
    }
    run.finish(seen)
}

struct Run<'a> {
    folder: &'a mut Folder,
    plan: &'a Plan,
    naming: Naming,
    content: Content,
    objects: Vec<Name>,
    report: Report,
    progress: &'a mut dyn FnMut(&Report),
}

impl Run<'_> {
    fn chunk(&mut self, chunk: Chunk) -> Result<(), Error> {
        let Chunk { first, rows, octets } = chunk;
        let name = self.naming.name(blake3::hash(&octets).as_bytes());
        self.report.chunks += 1;
        self.report.octets += octets.len() as u64;
        if !self.is_there(name) {
            let path = self.folder.object(name);
            let write = |out: &mut crate::object::Writer| out.write_all(&octets).map_err(Error::io(&path, "writing"));
            self.report.written_octets += self.folder.put(name, &self.plan.recipients, write)?;
            self.report.chunks_new += 1;
        }
        self.content.chunks.push(ChunkEntry { first, rows, octets: octets.len() as u64 });
        self.objects.push(name);
        Ok(())
    }

    fn blob(&mut self, id: BlobId, source: &mut dyn Source) -> Result<(), Error> {
        let name = self.naming.name(&id.0);
        if !self.is_there(name) && !self.put_blob(id, name, source)? {
            tracing::error!(event = "backup.blob_missing", blob = %id);
            self.report.missing.push(id);
            return Ok(());
        }
        self.report.blobs += 1;
        self.content.blobs.push(id);
        self.objects.push(name);
        Ok(())
    }

    /// Whether the blob was there, and was itself.
    fn put_blob(&mut self, id: BlobId, name: Name, source: &mut dyn Source) -> Result<bool, Error> {
        let path = self.folder.object(name);
        let mut octets = 0;
        let written = self.folder.put(name, &self.plan.recipients, |out| {
            let mut hasher = blake3::Hasher::new();
            let there = source.blob(id, &mut |piece| {
                hasher.update(piece);
                octets += piece.len() as u64;
                out.write_all(piece).map_err(Error::io(&path, "writing"))
            })?;
            let whole = there && *hasher.finalize().as_bytes() == id.0;
            if whole { Ok(()) } else { Err(Error::damaged(&path, "the blob is not what it should be")) }
        });
        match written {
            Ok(written) => {
                self.report.written_octets += written;
                self.report.octets += octets;
                self.report.blobs_new += 1;
                Ok(true)
            }
            Err(error) if error.is_damage() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn is_there(&self, name: Name) -> bool {
        let path = self.folder.object(name);
        self.folder.has(name) && (!self.plan.recheck || matches!(flaw(Kind::Object, &path), Ok(None)))
    }

    fn finish(self, seen: Seen) -> Result<Report, Error> {
        let Run { folder, plan, mut content, objects, mut report, .. } = self;
        content.accounts = seen.accounts();
        content.missing = report.missing.clone();
        let manifest = Manifest {
            id: folder.new_id(plan.taken)?,
            taken: plan.taken,
            program: plan.program.clone(),
            sealed: !plan.recipients.is_empty(),
            objects,
        };
        report.written_octets += folder.put_manifest(&manifest, &content, &plan.recipients)?;
        report.id = manifest.id;
        tracing::info!(
            event = "backup.created",
            backup = report.id,
            rows = report.rows,
            blobs = report.blobs,
            written_octets = report.written_octets
        );
        Ok(report)
    }
}

/// What a backup says of its rows.
#[derive(Default)]
struct Seen {
    blobs: Vec<BlobId>,
    accounts: BTreeMap<AccountId, AccountEntry>,
    addresses: BTreeMap<AccountId, String>,
}

impl Seen {
    fn row(&mut self, place: &store::RowPlace, value: &[u8]) {
        if let Some(blob) = mailstore::blob_of(&place.cell) {
            // Those of one cell come together, and cells in order.
            if self.blobs.last() != Some(&blob) {
                self.blobs.push(blob);
            }
        } else if let Some((id, usage, modseq)) = mailstore::usage_of(place, value) {
            let (messages, octets, modseq) = (usage.messages, usage.octets, modseq.0);
            self.accounts.insert(id, AccountEntry { id, address: None, messages, octets, modseq });
        } else if let Some((address, id)) = directory::number_of(place, value) {
            self.addresses.insert(id, address);
        }
    }

    fn accounts(mut self) -> Vec<AccountEntry> {
        let address = |mut entry: AccountEntry| {
            entry.address = self.addresses.remove(&entry.id);
            entry
        };
        self.accounts.into_values().map(address).collect()
    }
}
