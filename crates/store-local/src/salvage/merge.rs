//! What the rows are, by all tables and journals: of each the last version.

use super::Lost;
use super::table::{Table, Version};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use store::Bytes;

/// Of each key the number of the last batch that changed it, and what it made of it.
pub(crate) type Latest = BTreeMap<Vec<u8>, (fjall::SeqNo, Option<Bytes>)>;

/// Goes through the keys in their order. It holds one block of each table.
pub(super) struct Merge {
    sources: Vec<Source>,
    /// The next version of each source that has one.
    heads: BinaryHeap<Reverse<Head>>,
    last_key: Option<Vec<u8>>,
}

/// Key, number of the batch, source and value: the last version of the first key comes first.
type Head = (Vec<u8>, Reverse<fjall::SeqNo>, usize, Option<Bytes>);

struct Source {
    table: Option<Table>,
    versions: std::vec::IntoIter<Version>,
}

impl Merge {
    pub fn of(tables: Vec<Table>, journals: Latest, told: &mut dyn FnMut(Lost)) -> io::Result<Merge> {
        let journals = journals.into_iter().map(|(key, (seqno, value))| Version { key, seqno, value });
        let of_table = |table| Source { table: Some(table), versions: Vec::new().into_iter() };
        let mut sources: Vec<Source> = tables.into_iter().map(of_table).collect();
        sources.push(Source { table: None, versions: journals.collect::<Vec<_>>().into_iter() });
        let mut merge = Merge { sources, heads: BinaryHeap::new(), last_key: None };
        (0..merge.sources.len()).try_for_each(|source| merge.advance(source, told))?;
        Ok(merge)
    }

    /// The next row that is there.
    pub fn next_row(&mut self, told: &mut dyn FnMut(Lost)) -> io::Result<Option<(Vec<u8>, Bytes)>> {
        while let Some(Reverse((key, _, source, value))) = self.heads.pop() {
            self.advance(source, told)?;
            if self.last_key.as_ref() == Some(&key) {
                continue;
            }
            self.last_key = Some(key.clone());
            if let Some(value) = value {
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }

    fn advance(&mut self, number: usize, told: &mut dyn FnMut(Lost)) -> io::Result<()> {
        let Some(source) = self.sources.get_mut(number) else { return Ok(()) };
        if let Some(table) = source.table.as_mut().filter(|_| source.versions.as_slice().is_empty()) {
            source.versions = table.next_block(told)?.into_iter();
        }
        if let Some(Version { key, seqno, value }) = source.versions.next() {
            self.heads.push(Reverse((key, Reverse(seqno), number, value)));
        }
        Ok(())
    }
}
