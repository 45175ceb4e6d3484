//! What is read at once.

use crate::{Bytes, Cell, Space};
use std::ops::Bound;

/// One question of a [`read`](crate::Store::read).
#[derive(Clone, Debug)]
pub enum Query {
    /// One row.
    Get(Get),
    /// Rows in order of their keys.
    Scan(Scan),
}

impl Query {
    /// Which rows it is about.
    pub fn space(&self) -> Space {
        match self {
            Query::Get(get) => get.space,
            Query::Scan(scan) => scan.space,
        }
    }
}

/// The row at a key.
#[derive(Clone, Debug)]
pub struct Get {
    /// Which keyspace.
    pub space: Space,
    /// Which cell.
    pub cell: Cell,
    /// Which row.
    pub key: Bytes,
}

/// A page of rows of one cell.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Which keyspace.
    pub space: Space,
    /// Which cell.
    pub cell: Cell,
    /// From this key.
    pub from: Bound<Bytes>,
    /// To this key.
    pub to: Bound<Bytes>,
    /// Direction.
    pub order: Order,
    /// Most rows in the page.
    pub rows_max: usize,
    /// The page ends with the row that reaches this many octets of keys and values.
    pub octets_max: usize,
}

/// Direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

impl Query {
    /// One row of [`Space::Rows`].
    pub fn row(cell: &Cell, key: impl Into<Bytes>) -> Query {
        Query::Get(Get { space: Space::Rows, cell: cell.clone(), key: key.into() })
    }

    /// The rows whose keys begin with `prefix`, from the first after `after` on.
    pub fn prefix(cell: &Cell, prefix: &[u8], after: Option<Bytes>, rows_max: usize) -> Query {
        let after = after.filter(|after| after.as_ref() >= prefix);
        let from = after.map_or_else(|| Bound::Included(Bytes::copy_from_slice(prefix)), Bound::Excluded);
        let to = successor(prefix).map_or(Bound::Unbounded, Bound::Excluded);
        let octets_max = Scan::OCTETS_DEFAULT;
        Query::Scan(Scan {
            space: Space::Rows,
            cell: cell.clone(),
            from,
            to,
            order: Order::Ascending,
            rows_max,
            octets_max,
        })
    }
}

impl Scan {
    /// A page that is read at once: some thousand rows, little memory.
    pub const OCTETS_DEFAULT: usize = 1 << 20;

    /// Whether no key can lie between the bounds. An ordered map may panic when asked for such a range.
    pub fn is_empty(&self) -> bool {
        match (&self.from, &self.to) {
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from >= to,
            _ => false,
        }
    }

    /// The page that `rows` begin with: how every backend keeps [`rows_max`](Self::rows_max) and
    /// [`octets_max`](Self::octets_max). Takes no more rows than it needs, and one to know whether there are more.
    ///
    /// # Errors
    /// The first that `rows` gives.
    pub fn page<E>(&self, rows: impl IntoIterator<Item = Result<(Bytes, Bytes), E>>) -> Result<Page, E> {
        let mut page = Page::default();
        let mut octets = 0;
        for row in rows {
            let (key, value) = row?;
            if page.rows.len() >= self.rows_max || (!page.rows.is_empty() && octets >= self.octets_max) {
                page.more = true;
                break;
            }
            octets += key.len() + value.len();
            page.rows.push((key, value));
        }
        Ok(page)
    }
}

/// The smallest key greater than all that begin with `prefix`; `None` when there is none.
fn successor(prefix: &[u8]) -> Option<Bytes> {
    let keep = prefix.iter().rposition(|&b| b != 0xff)?;
    let mut next: Vec<u8> = prefix.iter().take(keep + 1).copied().collect();
    next.last_mut().map(|b| *b += 1)?;
    Some(next.into())
}

/// The answers to a read's queries, in their order, all of one snapshot.
#[derive(Clone, Debug, Default)]
pub struct Reading(pub Vec<Found>);

/// The answer to one query.
#[derive(Clone, Debug)]
pub enum Found {
    /// To a [`Get`].
    Row(Option<Bytes>),
    /// To a [`Scan`].
    Page(Page),
}

/// Rows in the order asked for.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Key and value.
    pub rows: Vec<(Bytes, Bytes)>,
    /// Whether rows follow; the next page begins behind the last key of this one.
    pub more: bool,
}

impl Reading {
    /// The only answer of a reading of one [`Get`].
    pub fn into_row(self) -> Option<Bytes> {
        match self.0.into_iter().next() {
            Some(Found::Row(row)) => row,
            _ => None,
        }
    }

    /// The only answer of a reading of one [`Scan`].
    pub fn into_page(self) -> Page {
        match self.0.into_iter().next() {
            Some(Found::Page(page)) => page,
            _ => Page::default(),
        }
    }
}

/// Why nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not now; it may heal.
    #[error("the store cannot be read: {0}")]
    Unavailable(String),
    /// What lies there is not what was written: it is never given out.
    #[error("what is stored is damaged: {0}")]
    Damaged(String),
}

impl ReadError {
    /// Whether it stays until somebody mends it.
    pub fn is_damage(&self) -> bool {
        matches!(self, ReadError::Damaged(_))
    }
}
