//! Rows in chunks. Where a chunk ends is chosen by the place of its last row alone, so that a change in one place makes one chunk
//! new, and the next backup finds all others written already.

use model::{Decoder, Encoder, RecordError};
use store::{Bytes, Cell, RowPlace, Space};

/// Octets of keys and values in a chunk, on average. Rows are small and change in many places; bodies are large and only come
/// and go.
const ROWS_OCTETS: u64 = 128 << 10;
const BODIES_OCTETS: u64 = 512 << 10;
/// A chunk of so many octets ends in any case: what is read is held whole.
pub const OCTETS_MAX: usize = 4 << 20;
/// What a chunk can hold beside: the row that reached the limit, of which none is longer (a body's is 32 KiB; the store's engines
/// take none of more than some MiB).
pub const CHUNK_OCTETS_MAX: u64 = (OCTETS_MAX as u64) + (16 << 20);

/// A row and where it stands.
pub type Row = (RowPlace, Bytes);

/// Gathers rows until a chunk is full.
#[derive(Default)]
pub struct Cutter {
    rows: Encoder,
    first: Option<RowPlace>,
    count: u64,
    octets: usize,
}

/// Rows that belong together.
pub struct Chunk {
    /// Of its first row.
    pub first: RowPlace,
    /// How many.
    pub rows: u64,
    /// All of them, as they are written.
    pub octets: Vec<u8>,
}

impl Cutter {
    /// Takes the next row; a chunk, if it ends with this one.
    pub fn push(&mut self, place: &RowPlace, value: &[u8]) -> Option<Chunk> {
        self.first.get_or_insert_with(|| place.clone());
        encode(&mut self.rows, place, value);
        self.count += 1;
        let octets = place.cell.as_bytes().len() + place.key.len() + value.len();
        self.octets += octets;
        if ends(place, octets as u64) || self.octets >= OCTETS_MAX { self.take() } else { None }
    }

    /// What is left.
    pub fn take(&mut self) -> Option<Chunk> {
        let Cutter { rows, first, count, octets: _ } = std::mem::take(self);
        Some(Chunk { first: first?, rows: count, octets: rows.into_fields() })
    }
}

/// Whether a chunk ends behind the row: by its place, and the more likely the longer it is, so that chunks have their
/// average size whatever rows are like.
fn ends(place: &RowPlace, octets: u64) -> bool {
    let average = match place.space {
        Space::Rows => ROWS_OCTETS,
        Space::Bodies => BODIES_OCTETS,
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[code(place.space)]).update(place.cell.as_bytes()).update(b"/").update(&place.key);
    let chance = hasher.finalize().as_bytes().first_chunk().map_or(0, |octets| u64::from_le_bytes(*octets));
    chance < (u64::MAX / average).saturating_mul(octets)
}

fn code(space: Space) -> u8 {
    match space {
        Space::Rows => 0,
        Space::Bodies => 1,
    }
}

/// Writes a row.
pub fn encode(e: &mut Encoder, place: &RowPlace, value: &[u8]) {
    encode_place(e, place);
    e.bytes(value);
}

/// Writes a place.
pub fn encode_place(e: &mut Encoder, place: &RowPlace) {
    e.u32(code(place.space).into()).bytes(place.cell.as_bytes()).bytes(&place.key);
}

/// Reads a place behind one in the cell `before`.
pub fn decode_place(d: &mut Decoder<'_>, before: Option<&Cell>) -> Result<RowPlace, RecordError> {
    let space = match d.u32()? {
        0 => Space::Rows,
        1 => Space::Bodies,
        _ => return Err(RecordError::Value),
    };
    let cell = d.bytes()?;
    if cell.len() > Cell::OCTETS_MAX {
        return Err(RecordError::Value);
    }
    // Most rows lie in the cell of the one before.
    let cell = match before.filter(|before| before.as_bytes() == cell) {
        Some(same) => same.clone(),
        None => Cell::new(Bytes::copy_from_slice(cell)),
    };
    Ok(RowPlace { space, cell, key: Bytes::copy_from_slice(d.bytes()?) })
}

/// The rows of a chunk; their values share its octets.
pub fn decode(octets: &Bytes) -> Result<Vec<Row>, RecordError> {
    let mut d = Decoder::fields(octets, 1);
    let mut rows: Vec<Row> = Vec::new();
    while !d.is_empty() {
        let place = decode_place(&mut d, rows.last().map(|(before, _)| &before.cell))?;
        if rows.last().is_some_and(|(before, _)| *before >= place) {
            return Err(RecordError::Value);
        }
        rows.push((place, octets.slice_ref(d.bytes()?)));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(n: u32) -> RowPlace {
        RowPlace { space: Space::Rows, cell: Cell::new("a"), key: Bytes::copy_from_slice(&n.to_be_bytes()) }
    }

    fn chunks(rows: impl Iterator<Item = (u32, usize)>) -> Vec<Vec<u8>> {
        let mut cutter = Cutter::default();
        let mut chunks: Vec<Chunk> = rows.filter_map(|(n, len)| cutter.push(&place(n), &vec![n as u8; len])).collect();
        chunks.extend(cutter.take());
        chunks.into_iter().map(|chunk| chunk.octets).collect()
    }

    #[test]
    fn chunks_have_their_size_and_a_change_makes_one_new() {
        let before = chunks((0..20_000).map(|n| (n, 150)));
        assert!((10..60).contains(&before.len()), "{}", before.len());
        let after = chunks((0..20_000).filter(|n| *n != 7777).map(|n| (n, 150)).chain([(20_000, 150)]));
        let new = after.iter().filter(|chunk| !before.contains(chunk)).count();
        assert_eq!(new, 2, "one where a row went, one where a row came");
    }

    #[test]
    fn a_chunk_is_never_longer_than_it_may_be() {
        let long = chunks((0..40).map(|n| (n, 1 << 20)));
        assert!(long.iter().all(|chunk| (chunk.len() as u64) < CHUNK_OCTETS_MAX));
    }

    proptest! {
        #[test]
        fn any_octets_are_rows_or_refused(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&octets.into());
        }

        #[test]
        fn rows_come_back(lens in prop::collection::vec(0usize..300, 1..50)) {
            let octets = chunks(lens.iter().enumerate().map(|(n, len)| (n as u32, *len))).concat();
            let rows = decode(&octets.into()).unwrap();
            let found: Vec<usize> = rows.iter().map(|(_, value)| value.len()).collect();
            prop_assert_eq!(found, lens);
        }
    }
}
