//! Zeros ahead of the journal's end.
//!
//! fjall makes a journal as one hole of 64 MiB. A write into a hole gives the file new blocks, so that each sync has to write the
//! file system's own journal as well, and takes twice the time of the processor and of the disk. Where zeros were written before,
//! the blocks are there already. Zeros go into holes only, so that what the file holds stays the same, and are written by the
//! thread that commits, so that nobody writes there meanwhile.

use crate::journal::Journals;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Octets of zeros written at once.
const STEP_OCTETS: usize = 1 << 20;
static ZEROS: [u8; STEP_OCTETS] = [0; STEP_OCTETS];

/// What lies ahead of the journal that is written to.
pub(super) struct Ahead {
    journals: Journals,
    /// Octets that may be written before it is looked again. About: one too few or too many only costs time.
    left: AtomicU64,
}

impl Ahead {
    pub(super) fn of(journals: Journals) -> Ahead {
        Ahead { journals, left: AtomicU64::new(0) }
    }

    /// Before so many octets are written by the thread that asks. A disk that refuses the zeros will say so of the octets too.
    pub(super) fn reach(&self, octets: u64) {
        let mut left = self.left.load(Ordering::Relaxed);
        if left < octets {
            if let Err(error) = self.extend() {
                tracing::debug!(event = "journal.not_extended", %error);
            }
            left = STEP_OCTETS as u64;
        }
        self.left.store(left.saturating_sub(octets), Ordering::Relaxed);
    }

    fn extend(&self) -> io::Result<()> {
        let Some(journal) = self.journals.list()?.pop() else { return Ok(()) };
        let file = File::options().write(true).open(journal)?;
        if overwrites_in_place(&file)? { fill(&file) } else { Ok(()) }
    }
}

/// Writes zeros where the file's first hole is: behind all that was ever written, for journals are written from their beginning on.
fn fill(file: &File) -> io::Result<()> {
    let length = file.metadata()?.len();
    // A file without holes has one at its end.
    let hole = rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(0))?;
    let octets = length.saturating_sub(hole).min(STEP_OCTETS as u64) as usize;
    file.write_all_at(ZEROS.get(..octets).unwrap_or(&ZEROS), hole)
}

/// Whether the file system keeps a block where it is when it is written again. With others (btrfs, ZFS) zeros gain nothing.
fn overwrites_in_place(file: &File) -> io::Result<bool> {
    const EXT: i64 = 0xef53;
    const XFS: i64 = 0x5846_5342;
    Ok(matches!(rustix::fs::fstatfs(file)?.f_type, EXT | XFS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_go_into_the_hole_behind_what_was_written_and_never_beyond_the_end() {
        let file = tempfile::tempfile().unwrap();
        let length = 2 * STEP_OCTETS as u64 + 4096;
        file.set_len(length).unwrap();
        file.write_all_at(b"a batch", 0).unwrap();
        let allocated = || std::os::unix::fs::MetadataExt::blocks(&file.metadata().unwrap()) * 512;
        for steps in 1..=4 {
            fill(&file).unwrap();
            assert_eq!(file.metadata().unwrap().len(), length);
            assert!(allocated() >= length.min(steps * STEP_OCTETS as u64), "{} after {steps}", allocated());
            file.write_all_at(b"another one", 8).unwrap();
        }
        let mut octets = vec![1; length as usize];
        file.read_exact_at(&mut octets, 0).unwrap();
        assert_eq!(&octets[..19], b"a batch\0another one");
        assert!(octets[19..].iter().all(|octet| *octet == 0));
    }
}
