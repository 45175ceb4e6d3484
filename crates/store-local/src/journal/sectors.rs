//! A journal on a disk that cannot read all of it: what is out of reach reads as octets that nobody wrote, so that the batches
//! there count as damaged, and no others.

use crate::salvage::is_bad_sector;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What stands for octets that cannot be read: no tag, and not the zeros of padding.
const UNREADABLE: u8 = 0xee;
/// The system reads so many at once, and tells of them as one.
const PAGE_OCTETS: u64 = 4096;
/// A disk takes seconds for each. With more of them it is a copy of the disk that is to be looked at.
const UNREADABLE_PAGES_MAX: usize = 64;

const TOO_MANY: &str = "the disk cannot read much of a journal; copy the data folder to another disk, with a tool that skips what cannot be read (ddrescue)";

/// Octets that are read by their place.
pub(super) trait ReadAt {
    /// As [`FileExt::read_at`].
    fn read_at(&self, octets: &mut [u8], at: u64) -> io::Result<usize>;
    /// How many there are.
    fn octets(&self) -> io::Result<u64>;
}

impl ReadAt for File {
    fn read_at(&self, octets: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, octets, at)
    }

    fn octets(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

/// Reads past what is out of reach.
pub(super) struct Sectors<F = File> {
    file: F,
    at: u64,
    unreadable: BTreeSet<u64>,
}

impl Sectors {
    pub fn open(journal: &Path) -> io::Result<Sectors> {
        Ok(Sectors::of(File::open(journal)?))
    }
}

impl<F: ReadAt> Sectors<F> {
    pub fn of(file: F) -> Sectors<F> {
        Sectors { file, at: 0, unreadable: BTreeSet::new() }
    }

    pub fn file(&self) -> &F {
        &self.file
    }

    /// Whether something that was asked for could not be read.
    pub fn lacks_some(&self) -> bool {
        !self.unreadable.is_empty()
    }

    /// Reads what lies at `at` up to the next page.
    fn read_page(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let page = self.at / PAGE_OCTETS;
        let end = (page + 1) * PAGE_OCTETS;
        let left = end.min(self.file.octets()?).saturating_sub(self.at);
        let most = octets.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let part = octets.get_mut(..most).unwrap_or_default();
        match self.file.read_at(part, self.at) {
            Err(error) if is_bad_sector(&error) => {
                self.unreadable.insert(page);
                if self.unreadable.len() > UNREADABLE_PAGES_MAX {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, TOO_MANY));
                }
                part.fill(UNREADABLE);
                Ok(most)
            }
            read => read,
        }
    }
}

impl<F: ReadAt> Read for Sectors<F> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let count = match self.file.read_at(octets, self.at) {
            Err(error) if is_bad_sector(&error) => self.read_page(octets)?,
            read => read?,
        };
        self.at += count as u64;
        Ok(count)
    }
}

impl<F: ReadAt> Seek for Sectors<F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.octets()?.checked_add_signed(by),
        };
        self.at = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
