//! The rows of one of fjall's tables, block by block, whatever of the file is damaged.
//!
//! A table is blocks of rows, one behind the other, in the order of keys; then the index, which says where each of them
//! begins; then what salvaging does without. A block has a header with a sum of its own, which says how long the block is.
//! So blocks are found one behind the other. Behind one whose header is damaged the index has the next one's place. Where
//! it cannot be read either, the rest of the table counts as lost: blocks are not searched for by what they begin with, for
//! then whoever sends a message with what looks like a block in it could have rows of their making put into the store.

use super::archive::{Archive, octets};
use super::{Lost, LostKind};
use crate::engine::guarded;
use lsm_tree::coding::Decode;
use lsm_tree::table::block::{BlockType, Header};
use lsm_tree::table::data_block::DataBlockParsedItem;
use lsm_tree::table::{Block, DataBlock, IndexBlock};
use lsm_tree::{CompressionType, SeqNo, ValueType};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use store::Bytes;

/// A row as it was at some moment; a `value` of `None` deletes it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Version {
    pub key: Vec<u8>,
    pub seqno: SeqNo,
    pub value: Option<Bytes>,
}

/// What of a table is still to be read. The file is open only while a block is read: of a large store there are thousands.
pub(super) struct Table {
    path: PathBuf,
    at: u64,
    /// Where blocks of rows end, or the file, if that is not known.
    end: u64,
    /// Where blocks begin, as the index says.
    starts: Vec<u64>,
    /// Lost octets in front of `at` that were not told yet.
    lost_from: Option<u64>,
}

enum Found {
    /// Rows, in so many octets.
    Rows(Vec<Version>, u64),
    /// So many octets are damaged.
    Bad(u64),
    /// How many octets are damaged, nobody knows.
    Unknown,
    /// What is no block of rows.
    Other,
}

impl Table {
    pub fn of(path: &Path) -> io::Result<Table> {
        let file = File::open(path)?;
        let mut table = Table { path: path.to_owned(), at: 0, end: 0, starts: Vec::new(), lost_from: None };
        table.end = file.metadata()?.len();
        if table.end == 0 {
            table.lost_from = Some(0); // all of it, for each has rows
        }
        if let Some(archive) = Archive::of(&file)? {
            table.end = archive.section("data").map_or(table.end, |data| data.end);
            let index = archive.section("index").or_else(|| archive.section("tli"));
            table.starts = index.map_or(Ok(Vec::new()), |index| starts(&file, index))?;
        }
        Ok(table)
    }

    /// The rows of the next block that is whole; none at the end. What is lost before it is told.
    pub fn next_block(&mut self, told: &mut dyn FnMut(Lost)) -> io::Result<Vec<Version>> {
        let file = File::open(&self.path)?;
        while self.at < self.end {
            match block_at(&file, self.at..self.end)? {
                Found::Rows(rows, octets) => {
                    self.tell(told);
                    self.at += octets;
                    return Ok(rows);
                }
                Found::Bad(octets) => self.skip_to(self.at + octets),
                Found::Unknown => {
                    self.skip_to(self.starts.iter().copied().find(|start| *start > self.at).unwrap_or(self.end))
                }
                Found::Other => self.end = self.at,
            }
        }
        self.tell(told);
        Ok(Vec::new())
    }

    #[cfg(test)]
    pub fn starts(&self) -> &[u64] {
        &self.starts
    }

    #[cfg(test)]
    pub fn at(&self) -> u64 {
        self.at
    }

    fn skip_to(&mut self, at: u64) {
        self.lost_from.get_or_insert(self.at);
        self.at = at;
    }

    fn tell(&mut self, told: &mut dyn FnMut(Lost)) {
        if let Some(from) = self.lost_from.take() {
            told(Lost { file: self.path.clone(), at: from..self.at, kind: LostKind::Rows });
        }
    }
}

/// Where blocks of rows begin, as far as the index can be read.
fn starts(file: &File, index: Range<u64>) -> io::Result<Vec<u64>> {
    let (mut starts, mut at) = (Vec::new(), index.start);
    while let Some((header, block)) =
        sound_block(file, at..index.end)?.filter(|(header, _)| header.block_type == BlockType::Index)
    {
        at += block_octets(&header);
        let read = guarded(|| IndexBlock::new(block).iter().map(|item| *item.offset).collect::<Vec<u64>>());
        starts.extend(read.unwrap_or_default());
    }
    starts.sort_unstable();
    Ok(starts)
}

fn block_at(file: &File, place: Range<u64>) -> io::Result<Found> {
    let Some(header) = header_at(file, place.clone())? else { return Ok(Found::Unknown) };
    if header.block_type != BlockType::Data {
        return Ok(Found::Other);
    }
    let octets = block_octets(&header);
    let rows = sound_block(file, place)?.and_then(|(_, block)| guarded(|| rows(block)).ok().flatten());
    Ok(rows.map_or(Found::Bad(octets), |rows| Found::Rows(rows, octets)))
}

fn block_octets(header: &Header) -> u64 {
    Header::serialized_len() as u64 + u64::from(header.data_length)
}

/// The header of the block at the beginning of `place`, if it is whole and the block has room there.
fn header_at(file: &File, place: Range<u64>) -> io::Result<Option<Header>> {
    let end = place.start + Header::serialized_len() as u64;
    if end > place.end {
        return Ok(None);
    }
    let header = octets(file, place.start..end)?.and_then(|octets| Header::decode_from(&mut octets.as_slice()).ok());
    Ok(header.filter(|header| block_octets(header) <= place.end - place.start))
}

/// The block at the beginning of `place`, if its sums are right. We have fjall compress nothing.
fn sound_block(file: &File, place: Range<u64>) -> io::Result<Option<(Header, Block)>> {
    let Some(header) = header_at(file, place.clone())? else { return Ok(None) };
    let whole = octets(file, place.start..place.start + block_octets(&header))?;
    let block = whole.filter(|_| header.data_length == header.uncompressed_length);
    Ok(block.and_then(|octets| Some((header, Block::from_reader(&mut octets.as_slice(), CompressionType::None).ok()?))))
}

/// All rows of a block; `None` where it is not as lsm-tree writes them.
fn rows(block: Block) -> Option<Vec<Version>> {
    let block = DataBlock::new(block);
    block.iter().map(|item| version(&block, &item)).collect()
}

fn version(block: &DataBlock, item: &DataBlockParsedItem) -> Option<Version> {
    let part = |from: usize, to: usize| block.as_slice().get(from..to);
    let prefix = item.prefix.as_ref().map_or(Some(&[][..]), |prefix| part(prefix.0, prefix.1))?;
    let key = [prefix, part(item.key.0, item.key.1)?].concat();
    let value = match (item.value_type, &item.value) {
        (ValueType::Value, Some(value)) => Some(Bytes::copy_from_slice(part(value.0, value.1)?)),
        (ValueType::Tombstone | ValueType::WeakTombstone, _) => None,
        // Values that lie in files of their own: we have none.
        (ValueType::Value | ValueType::Indirection, _) => return None,
    };
    Some(Version { key, seqno: item.seqno, value })
}
