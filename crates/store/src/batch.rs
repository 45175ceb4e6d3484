//! What is written at once.

use crate::{BlobHold, Bytes, Cell, Space};

/// Writes that take effect together, if all expectations hold.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The cell that the expectations speak of.
    pub cell: Cell,
    /// What must stand in `cell` (in [`Space::Rows`]) for the batch to be applied.
    pub expect: Vec<Expectation>,
    /// In order: a later write to the same key wins.
    pub writes: Vec<Write>,
    /// It takes away more than it adds, or is a step to that: it may use the reserve of a full disk.
    pub makes_room: bool,
    /// Blobs that its rows name, until they are there.
    held: Vec<BlobHold>,
}

/// A row must be as the writer knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Which row.
    pub key: Bytes,
    /// Its value; `None`: there is no such row.
    pub value: Option<Bytes>,
}

/// A put, or a delete when `value` is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Which keyspace.
    pub space: Space,
    /// Usually the batch's; other cells only for unconditional, uniquely keyed rows.
    pub cell: Cell,
    /// Which row.
    pub key: Bytes,
    /// The row, or `None` to delete it.
    pub value: Option<Bytes>,
}

impl Batch {
    /// An empty batch for `cell`.
    pub fn new(cell: Cell) -> Batch {
        Batch { cell, expect: Vec::new(), writes: Vec::new(), makes_room: false, held: Vec::new() }
    }

    /// Expects `key` to hold `value`.
    pub fn expect(&mut self, key: impl Into<Bytes>, value: Option<Bytes>) -> &mut Self {
        self.expect.push(Expectation { key: key.into(), value });
        self
    }

    /// Puts a row into the batch's own cell.
    pub fn put(&mut self, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) -> &mut Self {
        let cell = self.cell.clone();
        self.put_in(cell, space, key, value)
    }

    /// Puts a row into any cell.
    pub fn put_in(&mut self, cell: Cell, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) -> &mut Self {
        self.writes.push(Write { space, cell, key: key.into(), value: Some(value.into()) });
        self
    }

    /// Deletes a row of the batch's own cell.
    pub fn delete(&mut self, space: Space, key: impl Into<Bytes>) -> &mut Self {
        let cell = self.cell.clone();
        self.delete_in(cell, space, key)
    }

    /// Deletes a row of any cell.
    pub fn delete_in(&mut self, cell: Cell, space: Space, key: impl Into<Bytes>) -> &mut Self {
        self.writes.push(Write { space, cell, key: key.into(), value: None });
        self
    }

    /// Rows of it name this blob.
    pub fn hold(&mut self, blob: &BlobHold) {
        self.held.push(blob.clone());
    }

    /// Octets of keys and values: what the batch costs to hold and to write.
    pub fn octets(&self) -> usize {
        self.writes.iter().map(|w| w.cell.as_bytes().len() + w.key.len() + w.value.as_ref().map_or(0, Bytes::len)).sum()
    }
}

/// Why a batch was not applied. Nothing of it was, and all of these may heal (`Conflict` by reading again).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// An expectation does not hold: somebody else wrote.
    #[error("the rows are not as expected")]
    Conflict,
    /// The disk is full or nearly so, or more waits for it than may.
    #[error("no space left: {0}")]
    NoSpace(String),
    /// Nothing is written: the store is damaged, is being opened anew after a failure, or is being closed.
    #[error("the store is read-only: {0}")]
    ReadOnly(String),
    /// It cannot be known whether the batch will be there after a restart; or it cannot be written at all.
    #[error("the store failed: {0}")]
    Failed(String),
}
