//! The file that lsm-tree's tables and versions are written as: sections, one behind the other; then their names and places
//! ("TOC!", count as u32; position as u64, length as u64 and counted name of each), with a sum of their own; then where that
//! is ("SFA!", 1, 0, the sum as u128, position as u64, length as u64). Integers are little-endian.
//!
//! fjall's own reader believes the counts before it has looked at the sum, and asks for as much memory.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use xxhash_rust::xxh3::xxh3_128;

/// Where the sections are.
pub(super) struct Archive(Vec<(Vec<u8>, Range<u64>)>);

const TRAILER_OCTETS: u64 = 38;
const TRAILER_START: &[u8] = b"SFA!\x01\x00";
const CONTENTS_START: &[u8] = b"TOC!";
/// A table has some eight sections with short names.
const CONTENTS_OCTETS_MAX: u64 = 1 << 16;

impl Archive {
    /// What the end of the file says, if it is whole.
    pub fn of(file: &File) -> io::Result<Option<Archive>> {
        let length = file.metadata()?.len();
        let Some(end) = length.checked_sub(TRAILER_OCTETS) else { return Ok(None) };
        let Some(trailer) = octets(file, end..length)? else { return Ok(None) };
        let Some((sum, start)) = contents_place(&trailer) else { return Ok(None) };
        if start > end || end - start > CONTENTS_OCTETS_MAX {
            return Ok(None);
        }
        let contents = octets(file, start..end)?.filter(|contents| xxh3_128(contents) == sum);
        Ok(contents.and_then(|contents| sections(&contents, start)).map(Archive))
    }

    pub fn section(&self, name: &str) -> Option<Range<u64>> {
        self.0.iter().find(|(found, _)| found == name.as_bytes()).map(|(_, place)| place.clone())
    }
}

fn contents_place(trailer: &[u8]) -> Option<(u128, u64)> {
    let (sum, rest) = trailer.strip_prefix(TRAILER_START)?.split_first_chunk()?;
    let (start, _length) = rest.split_first_chunk()?;
    Some((u128::from_le_bytes(*sum), u64::from_le_bytes(*start)))
}

fn sections(contents: &[u8], end: u64) -> Option<Vec<(Vec<u8>, Range<u64>)>> {
    let (count, mut rest) = contents.strip_prefix(CONTENTS_START)?.split_first_chunk()?;
    let mut sections = Vec::new();
    for _ in 0..u32::from_le_bytes(*count) {
        let (position, behind) = rest.split_first_chunk()?;
        let (length, behind) = behind.split_first_chunk()?;
        let (name, behind) = behind.split_first_chunk()?;
        let (name, behind) = behind.split_at_checked(u16::from_le_bytes(*name).into())?;
        let from = u64::from_le_bytes(*position);
        let to = from.checked_add(u64::from_le_bytes(*length)).filter(|to| *to <= end)?;
        sections.push((name.to_vec(), from..to));
        rest = behind;
    }
    Some(sections)
}

/// Octets of a file; `None`: the disk cannot read them, or they are not all there.
pub(super) fn octets(file: &File, place: Range<u64>) -> io::Result<Option<Vec<u8>>> {
    let mut octets = vec![0; usize::try_from(place.end - place.start).unwrap_or(usize::MAX)];
    match file.read_exact_at(&mut octets, place.start) {
        Ok(()) => Ok(Some(octets)),
        Err(error) if is_bad_sector(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether nothing but this place is out of reach.
pub(crate) fn is_bad_sector(error: &io::Error) -> bool {
    error.kind() == ErrorKind::UnexpectedEof || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}
