//! Random batches against a map: a test reads octets as a program, so that proptest and fuzzers can shrink it.

use super::{Subject, block_on, page, whole};
use crate::{Answer, Batch, Bytes, Cell, CommitError, Order, RowPlace, Scan, Space};
use std::collections::BTreeMap;
use std::ops::Bound;

type Model = BTreeMap<(Space, Cell, Bytes), Bytes>;
type Outcome = Result<(), CommitError>;

/// Runs the program that `octets` spell (commits, chained commits, scans, reopenings) and compares with a map.
///
/// # Panics
/// When the store and the map differ.
pub fn program(subject: &mut dyn Subject, octets: &[u8]) {
    let mut octets = octets.iter().copied();
    let mut model = Model::new();
    let mut under_way: Vec<(Answer<'static, Outcome>, Outcome)> = Vec::new();
    while let Some(step) = octets.next() {
        match step % 16 {
            0..12 => {
                let batch = batch(&mut octets, &model);
                let expected = apply(&mut model, &batch);
                under_way.push((subject.store().commit(batch), expected));
            }
            12 => {
                settle(&mut under_way);
                subject.reopen();
            }
            _ => {
                settle(&mut under_way);
                scan(subject, &mut octets, &model);
            }
        }
    }
    settle(&mut under_way);
    subject.reopen();
    CELLS.into_iter().for_each(|name| compare(subject, &model, whole(Space::Rows, &Cell::new(name))));
    CELLS.into_iter().for_each(|name| compare(subject, &model, whole(Space::Bodies, &Cell::new(name))));
    let snapshot = block_on(subject.store().snapshot()).expect("there can be a snapshot");
    let page = block_on(snapshot.rows(None, usize::MAX)).expect("a snapshot can be read");
    let places = model.into_iter().map(|((space, cell, key), value)| (RowPlace { space, cell, key }, value));
    assert_eq!(page.rows, places.collect::<BTreeMap<_, _>>().into_iter().collect::<Vec<_>>());
}

const CELLS: [&str; 3] = ["", "a", "ab"];

fn settle(under_way: &mut Vec<(Answer<'static, Outcome>, Outcome)>) {
    for (answer, expected) in under_way.drain(..) {
        assert_eq!(block_on(answer), expected);
    }
}

fn cell(octet: u8) -> Cell {
    Cell::new(*CELLS.get(usize::from(octet) % CELLS.len()).unwrap_or(&""))
}

/// Few different keys, so that they meet.
fn key(octet: u8) -> Bytes {
    let alphabet = [0, b'a', b'b', 0xff];
    let letter = |n: u8| alphabet.get(usize::from(n % 4)).copied();
    (0..octet % 3).filter_map(|place| letter(octet >> (2 + 2 * place))).collect::<Vec<u8>>().into()
}

fn space(octet: u8) -> Space {
    if octet & 0x80 == 0 { Space::Rows } else { Space::Bodies }
}

fn batch(octets: &mut impl Iterator<Item = u8>, model: &Model) -> Batch {
    let mut next = || octets.next().unwrap_or(0);
    let shape = next();
    let mut batch = Batch::new(cell(shape >> 6));
    for _ in 0..shape % 3 {
        let key = key(next());
        let actual = model.get(&(Space::Rows, batch.cell.clone(), key.clone())).cloned();
        batch.expect(key, if next() % 8 == 0 { Some("wrong".into()) } else { actual });
    }
    for _ in 0..(shape >> 2) % 8 {
        let (place, octet, value) = (next(), next(), next());
        let into = if place & 0x40 == 0 { batch.cell.clone() } else { cell(place) };
        if value % 4 == 0 {
            batch.delete_in(into, space(place), key(octet));
        } else {
            batch.put_in(into, space(place), key(octet), vec![value; usize::from(value)]);
        }
    }
    batch
}

fn apply(model: &mut Model, batch: &Batch) -> Outcome {
    let actual = |key: &Bytes| model.get(&(Space::Rows, batch.cell.clone(), key.clone()));
    if batch.expect.iter().any(|expected| actual(&expected.key) != expected.value.as_ref()) {
        return Err(CommitError::Conflict);
    }
    for write in &batch.writes {
        let place = (write.space, write.cell.clone(), write.key.clone());
        match &write.value {
            Some(value) => model.insert(place, value.clone()),
            None => model.remove(&place),
        };
    }
    Ok(())
}

fn scan(subject: &dyn Subject, octets: &mut impl Iterator<Item = u8>, model: &Model) {
    let mut next = || octets.next().unwrap_or(0);
    let shape = next();
    let bound = |shape: u8, octet: u8| match shape % 3 {
        0 => Bound::Unbounded,
        1 => Bound::Included(key(octet)),
        _ => Bound::Excluded(key(octet)),
    };
    let order = if shape & 1 == 0 { Order::Ascending } else { Order::Descending };
    let (from, to) = (bound(shape >> 1, next()), bound(shape >> 3, next()));
    let (rows_max, octets_max) = (usize::from(next() % 8), usize::from(next()) * 4);
    compare(subject, model, Scan { from, to, order, rows_max, octets_max, ..whole(space(shape), &cell(shape >> 5)) });
}

fn compare(subject: &dyn Subject, model: &Model, scan: Scan) {
    let within = |key: &Bytes| {
        let after = match &scan.from {
            Bound::Unbounded => true,
            Bound::Included(from) => key >= from,
            Bound::Excluded(from) => key > from,
        };
        let before = match &scan.to {
            Bound::Unbounded => true,
            Bound::Included(to) => key <= to,
            Bound::Excluded(to) => key < to,
        };
        after && before
    };
    let here = model.iter().filter(|((space, cell, key), _)| (*space, cell) == (scan.space, &scan.cell) && within(key));
    let mut expected: Vec<(Bytes, Bytes)> = here.map(|((_, _, key), value)| (key.clone(), value.clone())).collect();
    if scan.order == Order::Descending {
        expected.reverse();
    }
    let found = page(subject, scan.clone());
    assert_eq!(found.more, found.rows.len() < expected.len(), "{scan:?}");
    assert!(found.rows.len() <= scan.rows_max, "{scan:?}");
    assert!(expected.starts_with(&found.rows), "{scan:?}: {found:?} instead of {expected:?}");
    let octets = |rows: &[(Bytes, Bytes)]| rows.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    let all_but_last = found.rows.split_last().map_or(0, |(_, rest)| octets(rest));
    assert!(found.rows.len() < 2 || all_but_last < scan.octets_max, "{scan:?}: too many octets");
    let ended = !found.more || found.rows.len() == scan.rows_max || octets(&found.rows) >= scan.octets_max;
    assert!(ended, "{scan:?}: the page ends too early");
}
