//! All rows at one moment.

use super::{Case, Subject, block_on, cell, commit, put};
use crate::{Batch, Found, Query, RowPlace, Snapshot, Space};

pub(super) const CASES: &[Case] =
    &[an_empty_store, the_order_of_places, what_comes_later_is_not_in_it, pages, long_names];

fn snapshot(subject: &dyn Subject) -> Box<dyn Snapshot> {
    block_on(subject.store().snapshot()).expect("there can be a snapshot")
}

/// Read in pages of so many octets, each row as `cell/key=value`; bodies behind `|`.
fn read(snapshot: &dyn Snapshot, octets_max: usize) -> String {
    let (mut text, mut after): (Vec<String>, Option<RowPlace>) = (Vec::new(), None);
    loop {
        let page = block_on(snapshot.rows(after.as_ref(), octets_max)).expect("a snapshot can be read");
        for (place, value) in &page.rows {
            assert!(after.as_ref().is_none_or(|after| after < place), "{place:?} is not behind {after:?}");
            let bar = if place.space == Space::Bodies { "|" } else { "" };
            let (cell, key) = (place.cell.as_bytes().escape_ascii(), place.key.escape_ascii());
            text.push(format!("{bar}{cell}/{key}={}", value.escape_ascii()));
            after = Some(place.clone());
        }
        let octets =
            |(place, value): &(RowPlace, bytes::Bytes)| place.cell.as_bytes().len() + place.key.len() + value.len();
        let all_but_last: usize = page.rows.split_last().map_or(0, |(_, rest)| rest.iter().map(octets).sum());
        assert!(page.rows.len() < 2 || all_but_last < octets_max, "too many octets");
        if !page.more {
            return text.join(" ");
        }
        assert!(!page.rows.is_empty(), "one row at least, or nobody gets on");
    }
}

fn an_empty_store(subject: &mut dyn Subject) {
    assert_eq!(read(&*snapshot(subject), 100), "");
}

fn fill(subject: &dyn Subject) {
    let mut batch = Batch::new(cell("b"));
    batch.put(Space::Rows, "2", "two").put(Space::Rows, "", "none").put(Space::Bodies, "2", "body");
    batch.put_in(cell("aa"), Space::Rows, "1", "one").put_in(cell(""), Space::Rows, "0", "");
    batch.put_in(cell("a"), Space::Bodies, "9", "nine").put_in(cell("a"), Space::Rows, &b"\xff\xff"[..], "last");
    commit(subject, batch).expect("a plain put is applied");
}

const FILLED: &str = r"/0= a/\xff\xff=last b/=none b/2=two aa/1=one |a/9=nine |b/2=body";

fn the_order_of_places(subject: &mut dyn Subject) {
    fill(subject);
    assert_eq!(read(&*snapshot(subject), usize::MAX), FILLED);
    subject.reopen();
    assert_eq!(read(&*snapshot(subject), usize::MAX), FILLED);
}

fn pages(subject: &mut dyn Subject) {
    fill(subject);
    let snapshot = snapshot(subject);
    for octets_max in 0..30 {
        assert_eq!(read(&*snapshot, octets_max), FILLED, "in pages of {octets_max} octets");
    }
}

fn what_comes_later_is_not_in_it(subject: &mut dyn Subject) {
    fill(subject);
    let before = snapshot(subject);
    let mut batch = Batch::new(cell("b"));
    batch.put(Space::Rows, "2", "changed").delete(Space::Bodies, "2").delete(Space::Rows, "");
    batch.put_in(cell("new"), Space::Rows, "n", "new");
    commit(subject, batch).expect("a plain put is applied");
    assert_eq!(read(&*before, 5), FILLED);
    let (row, scan) = (Query::row(&cell("b"), "2"), Query::prefix(&cell("b"), b"", None, 9));
    let answers = |snapshot: &dyn Snapshot| {
        let found = block_on(snapshot.read(vec![row.clone(), scan.clone()])).expect("a snapshot can be read").0;
        match <[Found; 2]>::try_from(found) {
            Ok([Found::Row(row), Found::Page(page)]) => (row, super::text(&page)),
            other => panic!("a row and a page were asked for, not {other:?}"),
        }
    };
    assert_eq!(answers(&*before), (Some("two".into()), "=none 2=two".into()));
    assert_eq!(answers(&*snapshot(subject)), (Some("changed".into()), "2=changed".into()));
    let after = r"/0= a/\xff\xff=last b/2=changed aa/1=one new/n=new |a/9=nine";
    assert_eq!(read(&*snapshot(subject), 5), after);
}

/// The longest name sorts last, and is read whole.
fn long_names(subject: &mut dyn Subject) {
    let long = "n".repeat(crate::Cell::OCTETS_MAX);
    put(subject, &cell(&long), &[("k", "v")]);
    put(subject, &cell("z"), &[("k", "v")]);
    assert_eq!(read(&*snapshot(subject), 1), format!("z/k=v {long}/k=v"));
}
