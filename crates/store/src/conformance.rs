//! What every backend must do, as tests over the traits.
//!
//! A backend's tests give a [`Subject`] to [`run`], a [`BlobSubject`] to [`run_blobs`], and octets from proptest to
//! [`program`]; each panics with what went wrong.

mod blobs;
mod commits;
mod program;
mod reads;
mod snapshots;

pub use blobs::{BlobSubject, Damage, run as run_blobs};
pub use program::program;

use crate::{Batch, Bytes, Cell, CommitError, Found, Order, Page, Query, Scan, Space, Store, block_on};
use std::ops::Bound;

/// A store under test, empty at first.
pub trait Subject {
    /// The store as it is open now.
    fn store(&self) -> &dyn Store;
    /// Closes it, cleanly or not, and opens it again; all that was acknowledged must be there.
    fn reopen(&mut self);
}

/// Runs all cases, each on a store of its own.
///
/// # Panics
/// When the backend does not do what [`Store`] says.
pub fn run<S: Subject>(mut make: impl FnMut() -> S) {
    for case in reads::CASES.iter().chain(commits::CASES).chain(snapshots::CASES) {
        case(&mut make());
    }
}

type Case = fn(&mut dyn Subject);

fn cell(name: &str) -> Cell {
    Cell::new(name.to_owned())
}

fn batch(cell: &Cell, rows: &[(&str, &str)]) -> Batch {
    let mut batch = Batch::new(cell.clone());
    for (key, value) in rows {
        batch.put(Space::Rows, key.to_string(), value.to_string());
    }
    batch
}

fn commit(subject: &dyn Subject, batch: Batch) -> Result<(), CommitError> {
    block_on(subject.store().commit(batch))
}

fn put(subject: &dyn Subject, cell: &Cell, rows: &[(&str, &str)]) {
    commit(subject, batch(cell, rows)).expect("a plain put is applied");
}

fn get(subject: &dyn Subject, cell: &Cell, key: &str) -> Option<Bytes> {
    block_on(subject.store().read(vec![Query::row(cell, key.to_owned())])).expect("rows can be read").into_row()
}

fn page(subject: &dyn Subject, scan: Scan) -> Page {
    block_on(subject.store().read(vec![Query::Scan(scan)])).expect("rows can be read").into_page()
}

/// All rows of the cell.
fn whole(space: Space, cell: &Cell) -> Scan {
    let (from, to) = (Bound::Unbounded, Bound::Unbounded);
    let (rows_max, octets_max) = (usize::MAX, usize::MAX);
    Scan { space, cell: cell.clone(), from, to, order: Order::Ascending, rows_max, octets_max }
}

/// As `key=value` text, which compares and prints well.
fn text(page: &Page) -> String {
    let row = |(key, value): &(Bytes, Bytes)| format!("{}={}", key.escape_ascii(), value.escape_ascii());
    let rows: Vec<String> = page.rows.iter().map(row).collect();
    rows.join(" ")
}

fn rows(subject: &dyn Subject, cell: &Cell) -> String {
    text(&page(subject, whole(Space::Rows, cell)))
}

fn pages(found: Vec<Found>) -> Vec<Page> {
    let page = |found| match found {
        Found::Page(page) => page,
        Found::Row(_) => panic!("a scan is answered with a page"),
    };
    found.into_iter().map(page).collect()
}
