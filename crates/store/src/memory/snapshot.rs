//! All rows of the memory store at one moment.

use super::Cells;
use crate::{Answer, Bytes, Query, ReadError, Reading, RowPlace, Snapshot, SnapshotPage, Space, ready};
use std::convert::Infallible;
use std::ops::Bound;

pub(super) struct MemorySnapshot(pub(super) Cells);

impl Snapshot for MemorySnapshot {
    fn rows(&self, after: Option<&RowPlace>, octets_max: usize) -> Answer<'_, Result<SnapshotPage, ReadError>> {
        // The cells are in another order than places are.
        let mut cells: Vec<_> = self.0.0.iter().map(|((space, cell), rows)| (*space, cell, rows)).collect();
        cells.sort_by_key(|(space, cell, _)| (*space, cell.as_bytes().len(), cell.as_bytes()));
        let is_behind = |space: Space, cell: &crate::Cell| {
            let last = RowPlace { space, cell: cell.clone(), key: Bytes::new() };
            after.is_none_or(|after| (after.space, &after.cell) == (space, cell) || *after < last)
        };
        let rows =
            cells.into_iter().filter(|(space, cell, _)| is_behind(*space, cell)).flat_map(|(space, cell, rows)| {
                let here = after.filter(|after| (after.space, &after.cell) == (space, cell));
                let from = here.map_or(Bound::Unbounded, |after| Bound::Excluded(after.key.clone()));
                let row = move |(key, value): (&Bytes, &Bytes)| {
                    Ok::<_, Infallible>((RowPlace { space, cell: cell.clone(), key: key.clone() }, value.clone()))
                };
                rows.range((from, Bound::Unbounded)).map(row)
            });
        ready(SnapshotPage::of(rows, octets_max).map_err(|never| match never {}))
    }

    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>> {
        ready(Ok(Reading(queries.iter().map(|query| self.0.find(query)).collect())))
    }
}
