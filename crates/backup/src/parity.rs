//! What stands behind a file's content, and mends it where the disk lost a part: of each MiB the hashes of its blocks, by which
//! lost ones are known, and blocks of parity, each the exclusive or of every so many-th block, by which one of those is had again.
//!
//! | octets | what |
//! |---|---|
//! | for each segment: 16 | the hash of the rest of its record |
//! | 16 for each block | the blocks' hashes |
//! | a block for each row | the rows' parity |
//! | at the end: 8 | how many octets are covered, the lowest first |
//! | 16 | the hash of those |
//!
//! Hashes are the first half of BLAKE3's. See docs/decisions/0021-backup-parity.md.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

/// Smaller than what a disk loses at once, so that some octets here and there can be lost too.
pub const BLOCK: usize = 1024;
const SEGMENT_BLOCKS: usize = 1024;
/// Blocks for each one of parity, and of those at least so many: a disk loses 4 KiB.
const BLOCKS_PER_ROW: usize = 16;
const ROWS_MIN: usize = 4;
const HASH_OCTETS: usize = 16;
const TRAILER_OCTETS: usize = 8 + HASH_OCTETS;

type Hash = [u8; HASH_OCTETS];

/// Octets that belong together, and where their record is.
struct Segment {
    at: u64,
    octets: usize,
    record_at: u64,
}

impl Segment {
    fn rows(&self) -> usize {
        let blocks = self.octets.div_ceil(BLOCK);
        blocks.div_ceil(BLOCKS_PER_ROW).max(ROWS_MIN).min(blocks)
    }

    fn record_octets(&self) -> usize {
        HASH_OCTETS * (1 + self.octets.div_ceil(BLOCK)) + self.rows() * self.octets.min(BLOCK)
    }
}

fn segments(covered: u64) -> impl Iterator<Item = Segment> {
    const LENGTH: u64 = (SEGMENT_BLOCKS * BLOCK) as u64;
    let mut record_at = covered;
    (0..covered.div_ceil(LENGTH)).map(move |n| {
        let octets = (covered - n * LENGTH).min(LENGTH) as usize; // at most a MiB
        let segment = Segment { at: n * LENGTH, octets, record_at };
        record_at += segment.record_octets() as u64;
        segment
    })
}

/// How long what stands behind so many octets is.
pub fn octets_behind(covered: u64) -> u64 {
    let end = segments(covered).last().map_or(covered, |last| last.record_at + last.record_octets() as u64);
    end - covered + TRAILER_OCTETS as u64
}

fn hash(octets: &[u8]) -> Hash {
    let mut half = [0; HASH_OCTETS];
    half.iter_mut().zip(blake3::hash(octets).as_bytes()).for_each(|(half, octet)| *half = *octet);
    half
}

fn trailer(covered: u64) -> Vec<u8> {
    let covered = covered.to_le_bytes();
    [covered.as_slice(), &hash(&covered)].concat()
}

/// The exclusive or; what is shorter ends in zeros.
fn mix(into: &mut [u8], octets: &[u8]) {
    into.iter_mut().zip(octets).for_each(|(into, octet)| *into ^= octet);
}

fn record(segment: &Segment, octets: &[u8]) -> Vec<u8> {
    let (rows, width) = (segment.rows(), segment.octets.min(BLOCK));
    let mut parity = vec![0; rows * width];
    let mut record = Vec::with_capacity(segment.record_octets());
    record.extend_from_slice(&[0; HASH_OCTETS]);
    for (n, block) in octets.chunks(BLOCK).enumerate() {
        record.extend_from_slice(&hash(block));
        if let Some(row) = parity.chunks_mut(width).nth(n % rows) {
            mix(row, block);
        }
    }
    record.extend_from_slice(&parity);
    let (check, rest) = record.split_at_mut(HASH_OCTETS);
    check.copy_from_slice(&hash(rest));
    record
}

/// Covers the file's first octets, which are all it has; returns how many there are now.
pub fn write(file: &File, covered: u64) -> io::Result<u64> {
    let mut end = covered;
    for segment in segments(covered) {
        let mut octets = vec![0; segment.octets];
        file.read_exact_at(&mut octets, segment.at)?;
        let record = record(&segment, &octets);
        file.write_all_at(&record, end)?;
        end += record.len() as u64;
    }
    let trailer = trailer(covered);
    file.write_all_at(&trailer, end)?;
    Ok(end + trailer.len() as u64)
}

/// What is wrong with a file.
#[derive(Default)]
pub struct Looked {
    /// How many blocks of the content are lost.
    pub lost: usize,
    /// Those that were had again, by their number.
    pub mended: Patches,
    /// Whether what stands behind the content is damaged.
    pub is_behind_damaged: bool,
}

/// Whole blocks, by their number.
pub type Patches = BTreeMap<u64, Vec<u8>>;

/// Looks at all of a file, and mends what can be. `covered` is what the file's first line says, if it can be read.
///
/// # Errors
/// When the file's length cannot be had. What cannot be read is lost.
pub fn look<R: Read + Seek>(file: &mut R, covered: Option<u64>) -> io::Result<Looked> {
    let length = file.seek(SeekFrom::End(0))?;
    let fits = |covered: &u64| *covered < length && covered.saturating_add(octets_behind(*covered)) == length;
    let told = read(file, length.saturating_sub(TRAILER_OCTETS as u64), TRAILER_OCTETS)
        .filter(|octets| octets.first_chunk().is_some_and(|covered| *octets == trailer(u64::from_le_bytes(*covered))));
    let told = told.and_then(|octets| octets.first_chunk().map(|covered| u64::from_le_bytes(*covered)));
    let mut looked = Looked { is_behind_damaged: told.is_none_or(|told| !fits(&told)), ..Looked::default() };
    let Some(covered) = told.into_iter().chain(covered).find(fits) else { return Ok(looked) };
    for segment in segments(covered) {
        look_at(file, &segment, &mut looked);
    }
    Ok(looked)
}

fn look_at<R: Read + Seek>(file: &mut R, segment: &Segment, looked: &mut Looked) {
    let record = read(file, segment.record_at, segment.record_octets());
    let Some((hashes, parity)) = record.as_ref().and_then(|record| parts(segment, record)) else {
        looked.is_behind_damaged = true;
        return;
    };
    let blocks: Vec<Option<Vec<u8>>> = blocks(file, segment)
        .into_iter()
        .zip(hashes.chunks(HASH_OCTETS))
        .map(|(block, known)| block.filter(|block| hash(block).as_slice() == known))
        .collect();
    let rows = segment.rows();
    for (row, parity) in parity.chunks(segment.octets.min(BLOCK)).enumerate() {
        let mut lost = (row..blocks.len()).step_by(rows).filter(|n| blocks.get(*n).is_some_and(Option::is_none));
        let Some(first) = lost.next() else { continue };
        let others = lost.count();
        looked.lost += 1 + others;
        if others > 0 {
            continue;
        }
        let mut block = parity.to_vec();
        (row..blocks.len())
            .step_by(rows)
            .filter_map(|n| blocks.get(n)?.as_ref())
            .for_each(|other| mix(&mut block, other));
        block.truncate(segment.octets - first * BLOCK);
        if hashes.chunks(HASH_OCTETS).nth(first) == Some(hash(&block).as_slice()) {
            looked.mended.insert(segment.at / BLOCK as u64 + first as u64, block);
        }
    }
}

/// The hashes and the parity of a record that is whole.
fn parts<'a>(segment: &Segment, record: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (check, rest) = record.split_at_checked(HASH_OCTETS)?;
    let parts = rest.split_at_checked(HASH_OCTETS * segment.octets.div_ceil(BLOCK))?;
    (hash(rest).as_slice() == check).then_some(parts)
}

/// The segment's blocks, but for those that the disk does not give.
fn blocks<R: Read + Seek>(file: &mut R, segment: &Segment) -> Vec<Option<Vec<u8>>> {
    if let Some(all) = read(file, segment.at, segment.octets) {
        return all.chunks(BLOCK).map(|block| Some(block.to_vec())).collect();
    }
    let block = |from: usize| read(file, segment.at + from as u64, BLOCK.min(segment.octets - from));
    (0..segment.octets).step_by(BLOCK).map(block).collect()
}

fn read<R: Read + Seek>(file: &mut R, at: u64, octets: usize) -> Option<Vec<u8>> {
    let mut found = vec![0; octets];
    let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut found));
    read.is_ok().then_some(found)
}

/// A file in which some blocks are others than on the disk, up to an end.
pub struct Patched<R> {
    file: R,
    at: u64,
    /// Behind it nothing is read.
    pub end: u64,
    /// The others.
    pub patches: Patches,
}

impl<R> Patched<R> {
    /// As it is on the disk, to its end.
    pub fn new(file: R) -> Patched<R> {
        Patched { file, at: 0, end: u64::MAX, patches: Patches::new() }
    }

    /// As it is on the disk.
    pub fn file(&mut self) -> &mut R {
        &mut self.file
    }
}

impl<R: Read + Seek> Read for Patched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        const LENGTH: u64 = BLOCK as u64;
        let at_most = |octets: u64| usize::try_from(octets).unwrap_or(usize::MAX);
        let (block, within) = (self.at / LENGTH, self.at % LENGTH);
        let next = self.patches.range(block + 1..).next().map_or(u64::MAX, |(next, _)| next * LENGTH);
        let room = into.len().min(at_most(self.end.min(next).saturating_sub(self.at)));
        let Some(into) = into.get_mut(..room).filter(|into| !into.is_empty()) else { return Ok(0) };
        let count = match self.patches.get(&block) {
            Some(patch) => (&mut patch.get(at_most(within)..).unwrap_or_default()).read(into)?,
            None => {
                self.file.seek(SeekFrom::Start(self.at))?;
                self.file.read(into)?
            }
        };
        self.at += count as u64;
        Ok(count)
    }
}

impl<R> Seek for Patched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
            SeekFrom::End(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests;
