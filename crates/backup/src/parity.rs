//! What stands behind a file's content, and mends it where the disk lost a part: of each MiB blocks of parity, each the exclusive or
//! of every so many-th block, by which one of those is had again, and the hashes of all blocks, by which lost ones are known.
//!
//! | octets | what |
//! |---|---|
//! | up to the next block | zeros, which count as content |
//! | for each segment: a block for each row | the rows' parity |
//! | 16 for each block | the blocks' hashes, content first |
//! | 16 | the hash of those |
//! | at the end: 8 | how many octets of content there are, the lowest first |
//! | 16 | the hash of that |
//!
//! Rows are taken in turns, parity going on where content ends: so blocks that lie together, up to as many as there are rows, are
//! of different rows, whatever they are. Hashes are the first half of BLAKE3's. See docs/decisions/0021-backup-parity.md.

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

/// Blocks that belong together, and where their record is.
struct Segment {
    at: u64,
    blocks: usize,
    record_at: u64,
}

impl Segment {
    fn rows(&self) -> usize {
        self.blocks.div_ceil(BLOCKS_PER_ROW).max(ROWS_MIN)
    }

    /// Which row a block is of; behind the content the parity's are counted.
    fn row(&self, block: usize) -> usize {
        block % self.rows()
    }

    fn hashes_at(&self) -> u64 {
        self.record_at + (self.rows() * BLOCK) as u64
    }

    fn hashes_octets(&self) -> usize {
        HASH_OCTETS * (self.blocks + self.rows() + 1)
    }

    fn end(&self) -> u64 {
        self.hashes_at() + self.hashes_octets() as u64
    }
}

fn padded(covered: u64) -> u64 {
    covered.next_multiple_of(BLOCK as u64)
}

fn segments(covered: u64) -> impl Iterator<Item = Segment> {
    const LENGTH: u64 = (SEGMENT_BLOCKS * BLOCK) as u64;
    let covered = padded(covered);
    let mut record_at = covered;
    (0..covered.div_ceil(LENGTH)).map(move |n| {
        let octets = (covered - n * LENGTH).min(LENGTH) as usize; // at most a MiB
        let segment = Segment { at: n * LENGTH, blocks: octets / BLOCK, record_at };
        record_at = segment.end();
        segment
    })
}

/// How long a file is that has so much content.
pub fn length(covered: u64) -> u64 {
    segments(covered).last().map_or(0, |last| last.end()) + TRAILER_OCTETS as u64
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

fn mix(into: &mut [u8], octets: &[u8]) {
    into.iter_mut().zip(octets).for_each(|(into, octet)| *into ^= octet);
}

fn record(segment: &Segment, octets: &[u8]) -> Vec<u8> {
    let mut rows = vec![vec![0; BLOCK]; segment.rows()];
    let mut hashes = Vec::with_capacity(segment.hashes_octets());
    for (n, block) in octets.chunks(BLOCK).enumerate() {
        hashes.extend_from_slice(&hash(block));
        if let Some(row) = rows.get_mut(segment.row(n)) {
            mix(row, block);
        }
    }
    rows.rotate_left(segment.row(segment.blocks));
    rows.iter().for_each(|row| hashes.extend_from_slice(&hash(row)));
    let check = hash(&hashes);
    [rows.concat().as_slice(), &hashes, &check].concat()
}

/// Covers the file's first octets, which are all it has; returns how many there are now.
pub fn write(file: &File, covered: u64) -> io::Result<u64> {
    file.set_len(padded(covered))?;
    for segment in segments(covered) {
        let mut octets = vec![0; segment.blocks * BLOCK];
        file.read_exact_at(&mut octets, segment.at)?;
        file.write_all_at(&record(&segment, &octets), segment.record_at)?;
    }
    let length = length(covered);
    file.write_all_at(&trailer(covered), length - TRAILER_OCTETS as u64)?;
    Ok(length)
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
    let fits = |covered: &u64| *covered < length && self::length(*covered) == length;
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
    let hashes = read(file, segment.hashes_at(), segment.hashes_octets());
    let hashes = hashes.as_ref().and_then(|hashes| hashes.split_last_chunk::<HASH_OCTETS>());
    let Some((hashes, _)) = hashes.filter(|(hashes, check)| hash(hashes) == **check) else {
        looked.is_behind_damaged = true;
        return;
    };
    let mut blocks = blocks(file, segment.at, segment.blocks);
    blocks.extend(self::blocks(file, segment.record_at, segment.rows()));
    for (block, known) in blocks.iter_mut().zip(hashes.chunks(HASH_OCTETS)) {
        *block = block.take().filter(|block| hash(block).as_slice() == known);
    }
    let (content, parity) = blocks.split_at(segment.blocks);
    looked.lost += content.iter().filter(|block| block.is_none()).count();
    looked.is_behind_damaged |= parity.iter().any(Option::is_none);
    for row in 0..segment.rows() {
        let of_row = || blocks.iter().enumerate().filter(|(n, _)| segment.row(*n) == row);
        let mut lost = of_row().filter(|(_, block)| block.is_none());
        let (Some((first, _)), None) = (lost.next(), lost.next()) else { continue };
        let mut block = vec![0; BLOCK];
        of_row().filter_map(|(_, other)| other.as_ref()).for_each(|other| mix(&mut block, other));
        if first < segment.blocks && hashes.chunks(HASH_OCTETS).nth(first) == Some(hash(&block).as_slice()) {
            looked.mended.insert(segment.at / BLOCK as u64 + first as u64, block);
        }
    }
}

/// Blocks that lie together, but for those that the disk does not give.
fn blocks<R: Read + Seek>(file: &mut R, at: u64, count: usize) -> Vec<Option<Vec<u8>>> {
    if let Some(all) = read(file, at, count * BLOCK) {
        return all.chunks(BLOCK).map(|block| Some(block.to_vec())).collect();
    }
    (0..count).map(|n| read(file, at + (n * BLOCK) as u64, BLOCK)).collect()
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
