//! The format of fjall 3's journal: batches, one after the other, then zeros up to the preallocated length.
//!
//! A batch is a start (tag 1, count of items as u32, number as u64), its items (tag 2, kind, compression, keyspace as u64, key
//! length as u16, value length as u32, stored length as u32, key, value) or clearings (tag 4, keyspace as u64), and an end (tag
//! 3, XXH3 of all items as u64, `FJL\3`). Integers are little-endian.

use fjall::SeqNo;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// What a journal holds.
#[derive(Debug)]
pub(super) struct Scanned {
    /// Good batches.
    pub(super) batches: u64,
    /// The number of the last good batch.
    pub(super) last_seqno: Option<SeqNo>,
    /// Where the octets end that are not padding.
    pub(super) end: u64,
    pub(super) ending: Ending,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Good batches only.
    Clean,
    /// From `at` on there is no good batch.
    Torn { at: u64, end: u64 },
    /// These parts are bad, and good batches lie behind the first.
    Damaged { bad: Vec<Range<u64>> },
}

const TAG_START: u8 = 1;
const TAG_ITEM: u8 = 2;
const TAG_END: u8 = 3;
const TAG_CLEAR: u8 = 4;
const TRAILER: &[u8] = b"FJL\x03";
/// Octets read at once.
const READ_AHEAD_OCTETS: usize = 1 << 16;
const ZEROS: &[u8] = &[0; READ_AHEAD_OCTETS];
/// fjall's own work takes some numbers between two batches, never so many. A number's octets are not covered by the sum.
const NUMBERS_SKIPPED_MAX: u64 = 1 << 32;

/// Whether the last octets are those with which a batch ends, one of them being damaged perhaps.
pub(super) fn ends_like_a_batch(octets: &[u8]) -> bool {
    let Some(trailer) = octets.last_chunk::<{ TRAILER.len() }>() else { return false };
    let different = trailer.iter().zip(TRAILER).filter(|(found, wanted)| found != wanted).count();
    // One that became zero at the end counts as padding.
    different <= 1 || TRAILER.strip_suffix(b"\x03").is_some_and(|most| octets.ends_with(most))
}

/// Whether a batch of this number may follow.
fn follows(seqno: SeqNo, last: Option<SeqNo>) -> bool {
    last.is_none_or(|last| seqno > last && seqno - last <= NUMBERS_SKIPPED_MAX)
}

/// Reads the journal; its batches' numbers must be above `after`.
pub(super) fn scan(journal: &Path, after: Option<SeqNo>) -> io::Result<Scanned> {
    let mut walk = Walk::open(journal, after)?;
    walk.good_batches(|_| true)?;
    let at = walk.at;
    walk.reader.seek(SeekFrom::Start(at))?;
    let used = octets_before_padding(&mut walk.reader)?;
    let mut rest = Vec::new();
    walk.reader.seek(SeekFrom::Start(at))?;
    (&mut walk.reader).take(used).read_to_end(&mut rest)?;
    let (end, last_seqno) = (at + used, walk.last_seqno);
    let (batches, bad, last_seqno) = resume(&rest, at, last_seqno);
    let ending = match bad {
        _ if rest.is_empty() => Ending::Clean,
        _ if batches == 0 => Ending::Torn { at, end },
        bad => Ending::Damaged { bad },
    };
    Ok(Scanned { batches: walk.batches + batches, last_seqno, end, ending })
}

/// Where the first good batch numbered `seqno` or higher begins, if all before it are good.
pub(super) fn position_of(journal: &Path, seqno: SeqNo) -> io::Result<Option<u64>> {
    let mut walk = Walk::open(journal, None)?;
    let reached = walk.good_batches(|found| found < seqno)?;
    Ok(reached.then_some(walk.at))
}

/// Up to the last octet that is not zero; without keeping them, for a fresh journal has 64 MiB of padding.
fn octets_before_padding(reader: &mut impl BufRead) -> io::Result<u64> {
    let (mut read, mut used) = (0, 0);
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            return Ok(used);
        }
        if !ZEROS.starts_with(piece) {
            let last = piece.iter().rposition(|&octet| octet != 0);
            used = last.map_or(used, |last| read + last as u64 + 1);
        }
        let octets = piece.len();
        read += octets as u64;
        reader.consume(octets);
    }
}

struct Walk {
    reader: BufReader<File>,
    at: u64,
    batches: u64,
    last_seqno: Option<SeqNo>,
}

impl Walk {
    fn open(journal: &Path, last_seqno: Option<SeqNo>) -> io::Result<Walk> {
        let reader = BufReader::with_capacity(READ_AHEAD_OCTETS, File::open(journal)?);
        Ok(Walk { reader, at: 0, batches: 0, last_seqno })
    }

    /// Goes behind the good batches that `wanted` wants. Whether it was one not wanted that ended it.
    fn good_batches(&mut self, wanted: impl Fn(SeqNo) -> bool) -> io::Result<bool> {
        loop {
            match read_batch(&mut self.reader) {
                Ok(batch) if !wanted(batch.seqno) => return Ok(true),
                Ok(batch) if follows(batch.seqno, self.last_seqno) => {
                    self.at += batch.octets;
                    self.batches += 1;
                    self.last_seqno = Some(batch.seqno);
                }
                Ok(_) | Err(Bad::NotABatch) => return Ok(false),
                Err(Bad::Disk(error)) => return Err(error),
            }
        }
    }
}

struct Batch {
    seqno: SeqNo,
    octets: u64,
}

enum Bad {
    NotABatch,
    Disk(io::Error),
}

impl From<io::Error> for Bad {
    fn from(error: io::Error) -> Bad {
        if error.kind() == io::ErrorKind::UnexpectedEof { Bad::NotABatch } else { Bad::Disk(error) }
    }
}

/// Reads one whole batch and checks its sum; holds no more than a buffer of it.
fn read_batch(reader: &mut impl Read) -> Result<Batch, Bad> {
    let mut source = Source { reader, octets: 0, sum: Xxh3::new() };
    if source.array::<1>()? != [TAG_START] {
        return Err(Bad::NotABatch);
    }
    let items = u32::from_le_bytes(source.array()?);
    let seqno = u64::from_le_bytes(source.array()?);
    source.sum = Xxh3::new();
    for _ in 0..items {
        match source.array::<1>()? {
            [TAG_ITEM] => source.item()?,
            [TAG_CLEAR] => source.skip(8)?,
            _ => return Err(Bad::NotABatch),
        }
    }
    let sum = source.sum.digest();
    let [tag] = source.array::<1>()?;
    let expected = u64::from_le_bytes(source.array()?);
    let trailer = source.array::<4>()?;
    if tag != TAG_END || expected != sum || trailer != TRAILER {
        return Err(Bad::NotABatch);
    }
    Ok(Batch { seqno, octets: source.octets })
}

struct Source<'a, R> {
    reader: &'a mut R,
    octets: u64,
    sum: Xxh3,
}

impl<R: Read> Source<'_, R> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        let mut octets = [0; N];
        self.reader.read_exact(&mut octets)?;
        self.sum.update(&octets);
        self.octets += N as u64;
        Ok(octets)
    }

    fn item(&mut self) -> Result<(), Bad> {
        let [kind, compression] = self.array()?;
        self.skip(8)?;
        let key = u16::from_le_bytes(self.array()?);
        let _value = u32::from_le_bytes(self.array()?);
        let stored = u32::from_le_bytes(self.array()?);
        // fjall knows four kinds of value; we compress nothing.
        if kind > 4 || compression != 0 {
            return Err(Bad::NotABatch);
        }
        self.skip(u64::from(key) + u64::from(stored))
    }

    fn skip(&mut self, octets: u64) -> Result<(), Bad> {
        let mut left = octets;
        let mut piece = [0; 4096];
        while left > 0 {
            let most = left.min(piece.len() as u64) as usize;
            let part = piece.get_mut(..most).ok_or(Bad::NotABatch)?;
            self.reader.read_exact(part)?;
            self.sum.update(part);
            left -= most as u64;
        }
        self.octets += octets;
        Ok(())
    }
}

/// How often the rest may be read over in the search for good batches: octets that look like many beginnings, each of a
/// long batch, would otherwise take for ever.
const SEARCH_TIMES_MAX: u64 = 64;

/// Looks for good batches in `rest`, which lies at `base` and begins with none. How many there are, the parts between
/// them, and the last number. A search that takes too long counts as damage of the whole rest, which is the careful answer.
fn resume(rest: &[u8], base: u64, mut last_seqno: Option<SeqNo>) -> (u64, Vec<Range<u64>>, Option<SeqNo>) {
    let mut steps_left = (rest.len() as u64).saturating_mul(SEARCH_TIMES_MAX);
    let (mut batches, mut bad) = (0, Vec::new());
    let (mut bad_from, mut at) = (0, 0);
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        let mut reader = tail;
        let found = if tail.first() == Some(&TAG_START) { read_batch(&mut reader).ok() } else { None };
        steps_left = steps_left.saturating_sub((tail.len() - reader.len()) as u64);
        if steps_left == 0 {
            bad.push(base + bad_from as u64..base + rest.len() as u64);
            return (batches.max(1), bad, last_seqno);
        }
        match found.filter(|batch| follows(batch.seqno, last_seqno)) {
            Some(batch) => {
                if bad_from < at {
                    bad.push(base + bad_from as u64..base + at as u64);
                }
                batches += 1;
                last_seqno = Some(batch.seqno);
                at += batch.octets as usize;
                bad_from = at;
            }
            None => at += 1,
        }
    }
    if bad_from < rest.len() {
        bad.push(base + bad_from as u64..base + rest.len() as u64);
    }
    (batches, bad, last_seqno)
}
