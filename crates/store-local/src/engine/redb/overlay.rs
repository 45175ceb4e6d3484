//! redb's file for a look at it: what redb writes stays in memory.

use redb::StorageBackend;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is written is kept in pieces of this size.
const PIECE_OCTETS: usize = 4096;

#[derive(Debug)]
pub(super) struct Overlay {
    file: fs::File,
    over: Mutex<Over>,
}

#[derive(Debug)]
struct Over {
    len: u64,
    pieces: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    pub(super) fn open(path: &Path) -> io::Result<Overlay> {
        let file = fs::File::open(path)?;
        let over = Over { len: file.metadata()?.len(), pieces: BTreeMap::new() };
        Ok(Overlay { file, over: Mutex::new(over) })
    }

    fn over(&self) -> MutexGuard<'_, Over> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A piece as it is; what lies behind the file's end is zeros.
    fn piece(&self, over: &Over, number: u64) -> io::Result<Vec<u8>> {
        if let Some(piece) = over.pieces.get(&number) {
            return Ok(piece.clone());
        }
        let (mut piece, mut filled) = (vec![0; PIECE_OCTETS], 0);
        while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, number * PIECE_OCTETS as u64 + filled as u64)? {
                0 => break,
                octets => filled += octets,
            }
        }
        Ok(piece)
    }

    /// Gives `each` the pieces that `len` octets at `offset` touch, with the part of each, and where that lies among the octets.
    fn each(
        offset: u64,
        len: usize,
        mut each: impl FnMut(u64, std::ops::Range<usize>, usize) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut done = 0;
        while done < len {
            let at = offset + done as u64;
            let from = (at % PIECE_OCTETS as u64) as usize;
            let to = PIECE_OCTETS.min(from + len - done);
            each(at / PIECE_OCTETS as u64, from..to, done)?;
            done += to - from;
        }
        Ok(())
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.over().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let over = self.over();
        if offset + out.len() as u64 > over.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Overlay::each(offset, out.len(), |number, part, at| {
            let piece = self.piece(&over, number)?;
            if let (Some(from), Some(to)) = (piece.get(part.clone()), out.get_mut(at..at + part.len())) {
                to.copy_from_slice(from);
            }
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.over().len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut over = self.over();
        Overlay::each(offset, data.len(), |number, part, at| {
            let mut piece = self.piece(&over, number)?;
            if let (Some(to), Some(from)) = (piece.get_mut(part.clone()), data.get(at..at + part.len())) {
                to.copy_from_slice(from);
            }
            over.pieces.insert(number, piece);
            Ok(())
        })
    }
}
