//! All rows at one moment.

use crate::{Answer, Bytes, Cell, Query, ReadError, Reading, Space};
use std::cmp::Ordering;

/// All rows of a store as they were at one moment, whatever is committed meanwhile. It costs the store what is changed while
/// it is held, so it is not kept longer than it takes to read it.
pub trait Snapshot: Send + Sync {
    /// The rows behind `after`, in the order of their places; the page ends with the row that reaches `octets_max`.
    fn rows(&self, after: Option<&RowPlace>, octets_max: usize) -> Answer<'_, Result<SnapshotPage, ReadError>>;

    /// Answers all `queries` as [`Store::read`](crate::Store::read) would have at that moment.
    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>>;
}

/// Where a row stands among all rows of a store: by space, length of the cell's name, the name, and the key. Each backend has
/// the same order, so what was cut out of one can be found in another.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RowPlace {
    /// Which keyspace.
    pub space: Space,
    /// Which cell.
    pub cell: Cell,
    /// Which row.
    pub key: Bytes,
}

impl Ord for RowPlace {
    fn cmp(&self, other: &RowPlace) -> Ordering {
        let (name, other_name) = (self.cell.as_bytes(), other.cell.as_bytes());
        let by_cell = self.space.cmp(&other.space).then(name.len().cmp(&other_name.len())).then(name.cmp(other_name));
        by_cell.then_with(|| self.key.cmp(&other.key))
    }
}

impl PartialOrd for RowPlace {
    fn partial_cmp(&self, other: &RowPlace) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Rows of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct SnapshotPage {
    /// Places and values.
    pub rows: Vec<(RowPlace, Bytes)>,
    /// Whether rows follow; the next page begins behind the last place of this one.
    pub more: bool,
}

impl SnapshotPage {
    /// The page that `rows` begin with: how every backend keeps `octets_max`. Takes no more rows than it needs, and one to
    /// know whether there are more.
    ///
    /// # Errors
    /// The first that `rows` gives.
    pub fn of<E>(
        rows: impl IntoIterator<Item = Result<(RowPlace, Bytes), E>>,
        octets_max: usize,
    ) -> Result<SnapshotPage, E> {
        let (mut page, mut octets) = (SnapshotPage::default(), 0);
        for row in rows {
            let (place, value) = row?;
            if !page.rows.is_empty() && octets >= octets_max {
                page.more = true;
                break;
            }
            octets += place.cell.as_bytes().len() + place.key.len() + value.len();
            page.rows.push((place, value));
        }
        Ok(page)
    }
}
