//! All rows of the memory store at one moment.

use crate::{Answer, Bytes, ReadError, RowPlace, Snapshot, SnapshotPage, ready};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound;

pub(super) struct MemorySnapshot(pub(super) BTreeMap<RowPlace, Bytes>);

impl Snapshot for MemorySnapshot {
    fn rows(&self, after: Option<&RowPlace>, octets_max: usize) -> Answer<'_, Result<SnapshotPage, ReadError>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.0.range((from, Bound::Unbounded));
        let rows = rows.map(|(place, value)| Ok::<_, Infallible>((place.clone(), value.clone())));
        ready(SnapshotPage::of(rows, octets_max).map_err(|never| match never {}))
    }
}
