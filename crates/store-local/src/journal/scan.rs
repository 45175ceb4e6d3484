//! The format of fjall 3's journal: batches, one after the other, then zeros up to the preallocated length.
//!
//! A batch is a start (tag 1, count of items as u32, number as u64), its items (tag 2, kind, compression, keyspace as u64, key
//! length as u16, value length as u32, stored length as u32, key, value) or clearings (tag 4, keyspace as u64), and an end (tag
//! 3, XXH3 of all items as u64, `FJL\3`). Integers are little-endian.

use super::sectors::Sectors;
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
/// The others delete.
const KIND_VALUE: u8 = 0;
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

/// Reads the journal; its batches' numbers must be above `after`. What the disk cannot read counts as damage.
pub(super) fn scan(journal: &Path, after: Option<SeqNo>) -> io::Result<Scanned> {
    let mut walk = Walk::open(journal, after)?;
    walk.good_batches(|_| true)?;
    let misnumbered = walk.take_back_misnumbered()?;
    let at = walk.at;
    let used = octets_before_padding(&mut walk.reader, at)?;
    let mut rest = Vec::new();
    walk.reader.seek(SeekFrom::Start(at))?;
    (&mut walk.reader).take(used).read_to_end(&mut rest)?;
    let (end, last_seqno) = (at + used, walk.last_seqno);
    let (batches, bad, last_seqno) = resume(&rest, at, misnumbered, last_seqno);
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
    match reached {
        false if walk.reader.get_ref().lacks_some() => Err(rustix::io::Errno::IO.into()),
        reached => Ok(reached.then_some(walk.at)),
    }
}

/// From `at` up to the last octet that is not zero; without keeping them, and past holes, for a fresh journal has 64 MiB of padding.
fn octets_before_padding(reader: &mut BufReader<Sectors>, at: u64) -> io::Result<u64> {
    let (mut read, mut used) = (at, 0);
    while let Some(data) = data_behind(reader.get_ref().file(), read)? {
        reader.seek(SeekFrom::Start(data.start))?;
        read = data.start;
        while read < data.end {
            let piece = reader.fill_buf()?;
            if piece.is_empty() {
                return Ok(used);
            }
            if !ZEROS.starts_with(piece) {
                let last = piece.iter().rposition(|&octet| octet != 0);
                used = last.map_or(used, |last| read + last as u64 + 1 - at);
            }
            let octets = piece.len();
            read += octets as u64;
            reader.consume(octets);
        }
    }
    Ok(used)
}

/// The first part of the file behind `place` that is not a hole. It moves the file's cursor.
fn data_behind(file: &File, place: u64) -> io::Result<Option<Range<u64>>> {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(place)) {
        Ok(start) => Ok(Some(start..rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(start))?)),
        Err(rustix::io::Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

struct Walk {
    reader: BufReader<Sectors>,
    at: u64,
    batches: u64,
    last_seqno: Option<SeqNo>,
    /// The last good batch's octets, and the number before its own.
    last: Option<(u64, Option<SeqNo>)>,
}

impl Walk {
    fn open(journal: &Path, last_seqno: Option<SeqNo>) -> io::Result<Walk> {
        let reader = BufReader::with_capacity(READ_AHEAD_OCTETS, Sectors::open(journal)?);
        Ok(Walk { reader, at: 0, batches: 0, last_seqno, last: None })
    }

    /// Goes behind the good batches that `wanted` wants. Whether it was one not wanted that ended it.
    fn good_batches(&mut self, wanted: impl Fn(SeqNo) -> bool) -> io::Result<bool> {
        loop {
            match read_batch(&mut self.reader, None) {
                Ok(batch) if !wanted(batch.seqno) => return Ok(true),
                Ok(batch) if follows(batch.seqno, self.last_seqno) => {
                    self.at += batch.octets;
                    self.batches += 1;
                    self.last = Some((batch.octets, self.last_seqno));
                    self.last_seqno = Some(batch.seqno);
                }
                Ok(_) | Err(Bad::NotABatch) => return Ok(false),
                Err(Bad::Disk(error)) => return Err(error),
            }
        }
    }
}

/// What a batch does to a row of a keyspace: `None` deletes it.
pub(super) struct Item {
    pub(super) keyspace: u64,
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
}

/// What the batches in `good` do, which is a part that [`scan`] found to be so.
pub(super) fn items(journal: &Path, good: &Range<u64>, each: &mut dyn FnMut(SeqNo, Item)) -> io::Result<()> {
    let mut file = Sectors::open(journal)?;
    file.seek(SeekFrom::Start(good.start))?;
    let mut reader = BufReader::with_capacity(READ_AHEAD_OCTETS, file.take(good.end - good.start));
    loop {
        let mut items = Vec::new();
        match read_batch(&mut reader, Some(&mut items)) {
            Ok(batch) => items.into_iter().for_each(|item| each(batch.seqno, item)),
            Err(Bad::NotABatch) => return Ok(()),
            Err(Bad::Disk(error)) => return Err(error),
        }
    }
}

impl Walk {
    /// A number is not covered by a sum: where two batches follow one another and not the last one, but the one before it, it
    /// is the last one's that is wrong. Goes back before it; its octets, or 0.
    fn take_back_misnumbered(&mut self) -> io::Result<u64> {
        let Some((octets, before)) = self.last else { return Ok(0) };
        self.reader.seek(SeekFrom::Start(self.at))?;
        let mut next = || match read_batch(&mut self.reader, None) {
            Ok(batch) => Ok(Some(batch.seqno)),
            Err(Bad::NotABatch) => Ok(None),
            Err(Bad::Disk(error)) => Err(error),
        };
        let (Some(first), Some(second)) = (next()?, next()?) else { return Ok(0) };
        let is_wrong = follows(first, before) && follows(second, Some(first)) && !follows(second, self.last_seqno);
        if !is_wrong {
            return Ok(0);
        }
        self.at -= octets;
        self.batches -= 1;
        (self.last_seqno, self.last) = (before, None);
        Ok(octets)
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

/// Reads one whole batch and checks its sum; holds no more than a buffer of it, unless its items are `taken`, which count only
/// if it is good.
fn read_batch(reader: &mut impl Read, mut taken: Option<&mut Vec<Item>>) -> Result<Batch, Bad> {
    let mut source = Source { reader, octets: 0, sum: Xxh3::new() };
    if source.array::<1>()? != [TAG_START] {
        return Err(Bad::NotABatch);
    }
    let items = u32::from_le_bytes(source.array()?);
    let seqno = u64::from_le_bytes(source.array()?);
    source.sum = Xxh3::new();
    for _ in 0..items {
        match source.array::<1>()? {
            [TAG_ITEM] => source.item(taken.as_deref_mut())?,
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

    fn item(&mut self, taken: Option<&mut Vec<Item>>) -> Result<(), Bad> {
        let [kind, compression] = self.array()?;
        let keyspace = u64::from_le_bytes(self.array()?);
        let key = u16::from_le_bytes(self.array()?);
        let _value = u32::from_le_bytes(self.array()?);
        let stored = u32::from_le_bytes(self.array()?);
        // fjall knows four kinds of value; we compress nothing.
        if kind > 4 || compression != 0 {
            return Err(Bad::NotABatch);
        }
        let Some(taken) = taken else { return self.skip(u64::from(key) + u64::from(stored)) };
        let (key, value) = (self.take(key.into())?, self.take(stored.into())?);
        taken.push(Item { keyspace, key, value: (kind == KIND_VALUE).then_some(value) });
        Ok(())
    }

    fn take(&mut self, octets: u64) -> Result<Vec<u8>, Bad> {
        let mut taken = Vec::new();
        self.reader.take(octets).read_to_end(&mut taken)?;
        if (taken.len() as u64) < octets {
            return Err(Bad::NotABatch);
        }
        self.sum.update(&taken);
        self.octets += octets;
        Ok(taken)
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

/// Looks for good batches in `rest`, which lies at `base` and begins with none, or with one of so many octets whose number is
/// wrong. How many there are, the parts between them, and the last number. A search that takes too long counts as damage of the
/// whole rest, which is the careful answer.
///
/// Whoever sends a message with what looks like a batch in it must not have it taken for one, should the batch that brought it
/// be damaged. So good batches count only where they go on without a gap to the end, which nobody can write what follows his
/// message for; or where the lengths in the damaged batch say that they begin.
fn resume(
    rest: &[u8],
    base: u64,
    misnumbered: u64,
    last_seqno: Option<SeqNo>,
) -> (u64, Vec<Range<u64>>, Option<SeqNo>) {
    let place = |from: usize, to: usize| base + from as u64..base + to as u64;
    let mut steps_left = (rest.len() as u64).saturating_mul(SEARCH_TIMES_MAX);
    let mut found = Run { end: 0, batches: 0, last_seqno };
    let (mut bad, mut at) = (Vec::new(), misnumbered as usize);
    let mut expected = frame_octets(rest);
    while at < rest.len() {
        let run = Run::at(rest, at, found.last_seqno, &mut steps_left);
        if steps_left == 0 {
            bad.push(place(found.end, rest.len()));
            return (found.batches.max(1), bad, found.last_seqno);
        }
        if run.batches == 0 {
            at += 1;
        } else if run.end == rest.len() || at - found.end == expected || at == misnumbered as usize {
            bad.extend((found.end < at).then(|| place(found.end, at)));
            at = run.end;
            found = Run { batches: found.batches + run.batches, ..run };
            expected = rest.get(at..).map_or(0, frame_octets);
            steps_left = steps_left.saturating_sub(expected as u64);
        } else {
            at = run.end;
        }
    }
    if found.end < rest.len() {
        bad.push(place(found.end, rest.len()));
    }
    (found.batches, bad, found.last_seqno)
}

/// Good batches without a gap.
struct Run {
    end: usize,
    batches: u64,
    last_seqno: Option<SeqNo>,
}

impl Run {
    /// Those that begin at `at`.
    fn at(rest: &[u8], at: usize, last_seqno: Option<SeqNo>, steps_left: &mut u64) -> Run {
        let mut run = Run { end: at, batches: 0, last_seqno };
        while let Some(tail) = rest.get(run.end..).filter(|tail| tail.first() == Some(&TAG_START)) {
            let mut reader = tail;
            let batch = read_batch(&mut reader, None).ok().filter(|batch| follows(batch.seqno, run.last_seqno));
            *steps_left = steps_left.saturating_sub((tail.len() - reader.len()) as u64);
            let Some(batch) = batch else { break };
            run.end += batch.octets as usize;
            run.batches += 1;
            run.last_seqno = Some(batch.seqno);
        }
        *steps_left = steps_left.saturating_sub(1);
        run
    }
}

/// How long a damaged batch is by its count and lengths, should they be right; 0 where they cannot be.
fn frame_octets(mut tail: &[u8]) -> usize {
    let mut source = Source { reader: &mut tail, octets: 0, sum: Xxh3::new() };
    let mut frame = || -> Result<(), Bad> {
        source.skip(1)?;
        let items = u32::from_le_bytes(source.array()?);
        source.skip(8)?;
        for _ in 0..items {
            match source.array::<1>()? {
                [TAG_ITEM] => source.item(None)?,
                [TAG_CLEAR] => source.skip(8)?,
                _ => return Err(Bad::NotABatch),
            }
        }
        source.skip(13)
    };
    if frame().is_ok() { source.octets as usize } else { 0 }
}
