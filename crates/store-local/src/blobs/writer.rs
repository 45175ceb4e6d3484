//! One blob being written.

use super::pool::Pool;
use super::tree::Grower;
use super::{Files, commit_error};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Answer, BlobHold, BlobId, BlobWriter, Bytes, CommitError, HeldBlob};

pub(super) struct Writer {
    pool: Arc<Pool>,
    draft: Arc<Mutex<Draft>>,
    pieces: u64,
}

/// The octets so far. Its file goes with it, unless it was placed.
struct Draft {
    files: Arc<Files>,
    file: Option<(File, PathBuf)>,
    grower: Grower,
    checked_at: u64,
    pieces: u64,
    spoiled: bool,
}

/// After so many octets the disk is asked again whether there is room.
const CHECK_EVERY_OCTETS: u64 = 4 << 20;

impl Writer {
    pub(super) fn new(files: Arc<Files>, pool: Arc<Pool>) -> Writer {
        let grower = Grower::new();
        let draft = Draft { files, file: None, grower, checked_at: 0, pieces: 0, spoiled: false };
        Writer { pool, draft: Arc::new(Mutex::new(draft)), pieces: 0 }
    }

    /// Does the next piece of work on the draft. What is refused or comes out of order spoils it: a blob with a hole must not
    /// be finished.
    fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Draft) -> Result<T, CommitError> + Send + 'static,
    ) -> Answer<'static, Result<T, CommitError>> {
        let (piece, draft, refused) = (self.pieces, self.draft.clone(), self.draft.clone());
        self.pieces += 1;
        let work = move || {
            let mut draft = lock(&draft);
            draft.spoiled |= draft.pieces != piece;
            draft.pieces += 1;
            if draft.spoiled {
                return Err(CommitError::Failed("an earlier piece of the blob was not written".into()));
            }
            let outcome = work(&mut draft);
            draft.spoiled = outcome.is_err();
            outcome
        };
        let refused = move |refusal: &str| {
            lock(&refused).spoiled = true;
            Err(CommitError::NoSpace(refusal.into()))
        };
        self.pool.answer(work, refused)
    }
}

fn lock(draft: &Mutex<Draft>) -> MutexGuard<'_, Draft> {
    draft.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BlobWriter for Writer {
    fn write(&mut self, octets: Bytes) -> Answer<'_, Result<(), CommitError>> {
        self.work(move |draft| draft.write(&octets))
    }

    fn finish(mut self: Box<Self>) -> Answer<'static, Result<HeldBlob, CommitError>> {
        self.work(Draft::finish)
    }
}

impl Draft {
    fn write(&mut self, octets: &[u8]) -> Result<(), CommitError> {
        let written = self.grower.octets() + octets.len() as u64;
        let room = if written - self.checked_at < CHECK_EVERY_OCTETS {
            Ok(())
        } else {
            self.checked_at = written;
            self.files.room(0)
        };
        room.and_then(|()| self.append(octets).map_err(|error| commit_error(&error)))
    }

    fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        self.grower.push(octets);
        self.file()?.write_all(octets)
    }

    fn file(&mut self) -> io::Result<&mut File> {
        let (file, _) = match self.file.take() {
            Some(open) => self.file.insert(open),
            None => {
                let path = self.files.temporary();
                self.file.insert((File::create_new(&path)?, path))
            }
        };
        Ok(file)
    }

    fn finish(&mut self) -> Result<HeldBlob, CommitError> {
        let (id, tree) = std::mem::replace(&mut self.grower, Grower::new()).finish();
        let hold = self.settle(id).map_err(|error| commit_error(&error))?;
        // Whoever reads it soon need not read it whole first.
        self.files.known.add(id, Arc::new(tree));
        Ok(HeldBlob { id, hold })
    }

    fn settle(&mut self, id: BlobId) -> io::Result<BlobHold> {
        self.file()?.sync_all()?;
        let Some((_, path)) = &self.file else { return Err(io::ErrorKind::NotFound.into()) };
        let hold = self.files.place(path, id)?;
        self.file = None;
        Ok(hold)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some((_, path)) = self.file.take()
            && let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(event = "blob.draft_left", path = %path.display(), %error);
        }
    }
}
