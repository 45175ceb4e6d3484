//! How a row is named within an engine: the cell's name, counted, then the key.

use std::ops::Bound;
use store::{Bytes, Cell, RowPlace, Scan, Space};

/// fjall counts the octets of a key in 16 bits; longer ones would be cut silently.
pub(crate) const KEY_OCTETS_MAX: usize = u16::MAX as usize - 1 - Cell::OCTETS_MAX;

pub(crate) fn row_key(cell: &Cell, key: &[u8]) -> Vec<u8> {
    let name = cell.as_bytes();
    let mut octets = Vec::with_capacity(1 + name.len() + key.len());
    octets.push(name.len() as u8); // a cell's name fits: `Cell::OCTETS_MAX`
    octets.extend_from_slice(name);
    octets.extend_from_slice(key);
    octets
}

/// The bounds of `scan` among all cells' rows.
pub(crate) fn row_range(scan: &Scan) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let within = |bound: &Bound<Bytes>| bound.as_ref().map(|key| row_key(&scan.cell, key));
    let from = match within(&scan.from) {
        Bound::Unbounded => Bound::Included(row_key(&scan.cell, &[])),
        bound => bound,
    };
    let to = match within(&scan.to) {
        Bound::Unbounded => behind(&scan.cell),
        bound => bound,
    };
    (from, to)
}

/// The end of the cell: the smallest key of the same length that is greater than its name.
fn behind(cell: &Cell) -> Bound<Vec<u8>> {
    let mut next = row_key(cell, &[]);
    for octet in next.iter_mut().rev() {
        *octet = octet.wrapping_add(1);
        if *octet != 0 {
            return Bound::Excluded(next);
        }
    }
    Bound::Unbounded
}

/// The key within its cell.
pub(crate) fn key_within(cell: &Cell, row_key: &[u8]) -> Bytes {
    let rest = row_key.get(1 + cell.as_bytes().len()..).unwrap_or_default();
    Bytes::copy_from_slice(rest)
}

/// Where the row with this key stands. The order of keys is that of places.
pub(crate) fn place_of(space: Space, row_key: &[u8]) -> RowPlace {
    let (length, rest) = row_key.split_first().unwrap_or((&0, &[]));
    let (name, key) = rest.split_at_checked(usize::from(*length)).unwrap_or((rest, &[]));
    let (cell, key) = (Cell::new(Bytes::copy_from_slice(name)), Bytes::copy_from_slice(key));
    RowPlace { space, cell, key }
}
