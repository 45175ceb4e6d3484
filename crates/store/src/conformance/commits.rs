//! Batches.

use super::{Case, Subject, batch, block_on, cell, commit, get, page, pages, put, rows, whole};
use crate::{Batch, Bytes, Cell, CommitError, Query, Scan, Space, Store};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub(super) const CASES: &[Case] = &[
    an_empty_batch,
    later_writes_win,
    deletes,
    expectations,
    a_conflict_leaves_nothing,
    foreign_cells,
    order_of_commits,
    chained_commits,
    a_dropped_answer_cancels_nothing,
    empty_and_large_values,
    reopening_keeps_all,
    many_threads,
    a_read_is_one_snapshot,
];

fn an_empty_batch(subject: &mut dyn Subject) {
    let cell = cell("a");
    assert_eq!(commit(subject, Batch::new(cell.clone())), Ok(()));
    let mut question = Batch::new(cell.clone());
    question.expect("k", Some("1".into()));
    assert_eq!(commit(subject, question.clone()), Err(CommitError::Conflict));
    put(subject, &cell, &[("k", "1")]);
    assert_eq!(commit(subject, question), Ok(()));
}

fn later_writes_win(subject: &mut dyn Subject) {
    let cell = cell("a");
    let mut writes = batch(&cell, &[("k", "1"), ("k", "2"), ("k", "3"), ("gone", "1"), ("back", "1")]);
    writes.delete(Space::Rows, "gone").delete(Space::Rows, "back").put(Space::Rows, "back", "2");
    commit(subject, writes).expect("a plain put is applied");
    assert_eq!(rows(subject, &cell), "back=2 k=3");
    subject.reopen();
    assert_eq!(rows(subject, &cell), "back=2 k=3");
}

fn deletes(subject: &mut dyn Subject) {
    let cell = cell("a");
    put(subject, &cell, &[("a", "1"), ("b", "2"), ("c", "3")]);
    let mut deletion = Batch::new(cell.clone());
    deletion.delete(Space::Rows, "b").delete(Space::Rows, "never was").delete(Space::Bodies, "a");
    assert_eq!(commit(subject, deletion), Ok(()));
    assert_eq!(rows(subject, &cell), "a=1 c=3");
    put(subject, &cell, &[("b", "4")]);
    subject.reopen();
    assert_eq!(rows(subject, &cell), "a=1 b=4 c=3");
}

fn expectations(subject: &mut dyn Subject) {
    let cell = cell("a");
    put(subject, &cell, &[("k", "1"), ("empty", "")]);
    let cases = [
        ("k", Some("1"), true),
        ("k", Some("2"), false),
        ("k", Some(""), false),
        ("k", None, false),
        ("absent", None, true),
        ("absent", Some(""), false),
        ("empty", Some(""), true),
        ("empty", None, false),
    ];
    for (key, value, holds) in cases {
        let mut question = batch(&cell, &[("n", "1")]);
        question.expect(key, value.map(Bytes::from));
        let expected = if holds { Ok(()) } else { Err(CommitError::Conflict) };
        assert_eq!(commit(subject, question), expected, "{key} as {value:?}");
    }
    let mut both = batch(&cell, &[("k", "2")]);
    both.expect("k", Some("1".into())).expect("absent", Some("".into()));
    assert_eq!(commit(subject, both), Err(CommitError::Conflict), "all must hold");
    let mut own = batch(&cell, &[("k", "2")]);
    own.expect("k", Some("2".into()));
    assert_eq!(commit(subject, own), Err(CommitError::Conflict), "a batch's own writes come after its expectations");
}

fn a_conflict_leaves_nothing(subject: &mut dyn Subject) {
    let (cell, other) = (cell("a"), cell("b"));
    put(subject, &cell, &[("k", "1")]);
    let mut refused = batch(&cell, &[("k", "2"), ("n", "2")]);
    refused.put_in(other.clone(), Space::Rows, "n", "2").put(Space::Bodies, "n", "2").expect("k", None);
    assert_eq!(commit(subject, refused), Err(CommitError::Conflict));
    for _ in 0..2 {
        assert_eq!(rows(subject, &cell), "k=1");
        assert_eq!(rows(subject, &other), "");
        assert!(page(subject, whole(Space::Bodies, &cell)).rows.is_empty());
        subject.reopen();
    }
}

fn foreign_cells(subject: &mut dyn Subject) {
    let (cell, other) = (cell("a"), cell("b"));
    put(subject, &other, &[("k", "other")]);
    let mut writes = batch(&cell, &[("k", "1")]);
    writes.put_in(other.clone(), Space::Rows, "link", "1").delete_in(other.clone(), Space::Rows, "k").expect("k", None);
    assert_eq!(commit(subject, writes), Ok(()), "expectations speak of the batch's own cell");
    assert_eq!((rows(subject, &cell), rows(subject, &other)), ("k=1".into(), "link=1".into()));
}

fn order_of_commits(subject: &mut dyn Subject) {
    let cell = cell("a");
    let answers: Vec<_> = (0..200).map(|n| subject.store().commit(batch(&cell, &[("k", &n.to_string())]))).collect();
    for answer in answers {
        assert_eq!(block_on(answer), Ok(()));
    }
    assert_eq!(rows(subject, &cell), "k=199");
}

/// The next batch is given before the answer to the last: what a lane does.
fn chained_commits(subject: &mut dyn Subject) {
    let cell = cell("a");
    let link = |n: u32| {
        let mut link = batch(&cell, &[("head", &n.to_string())]);
        link.expect("head", n.checked_sub(1).map(|n| n.to_string().into()));
        link
    };
    let answers: Vec<_> = (0..50).map(|n| subject.store().commit(link(n))).collect();
    assert!(answers.into_iter().all(|answer| block_on(answer) == Ok(())));
    let mut foreign = link(50);
    foreign.expect("head", Some("not this".into()));
    let answers: Vec<_> = [foreign, link(51), link(52), link(50)].map(|link| subject.store().commit(link)).into();
    let outcomes: Vec<_> = answers.into_iter().map(block_on).collect();
    let conflict = Err(CommitError::Conflict);
    assert_eq!(outcomes, [conflict.clone(), conflict.clone(), conflict, Ok(())], "a chain breaks whole");
    assert_eq!(rows(subject, &cell), "head=50");
}

fn a_dropped_answer_cancels_nothing(subject: &mut dyn Subject) {
    let cell = cell("a");
    drop(subject.store().commit(batch(&cell, &[("k", "1")])));
    put(subject, &cell, &[("l", "1")]);
    assert_eq!(rows(subject, &cell), "k=1 l=1", "the order of one cell tells that the first is done");
}

fn empty_and_large_values(subject: &mut dyn Subject) {
    let cell = cell("a");
    let large: Bytes = (0..1_u32 << 20).map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8).collect::<Vec<u8>>().into();
    let long_key: Bytes = vec![b'k'; 4096].into();
    let mut writes = Batch::new(cell.clone());
    writes.put(Space::Bodies, "large", large.clone()).put(Space::Rows, "", "empty key").put(Space::Rows, "empty", "");
    writes.put(Space::Rows, long_key.clone(), "long key");
    commit(subject, writes).expect("a plain put is applied");
    for _ in 0..2 {
        assert_eq!(page(subject, whole(Space::Bodies, &cell)).rows, [(Bytes::from("large"), large.clone())]);
        assert_eq!(get(subject, &cell, "").as_deref(), Some(&b"empty key"[..]));
        assert_eq!(get(subject, &cell, "empty").as_deref(), Some(&b""[..]));
        let found =
            block_on(subject.store().read(vec![Query::row(&cell, long_key.clone())])).expect("rows can be read");
        assert_eq!(found.into_row().as_deref(), Some(&b"long key"[..]));
        subject.reopen();
    }
}

fn reopening_keeps_all(subject: &mut dyn Subject) {
    for round in 0..5 {
        let cell = cell(&format!("cell {round}"));
        put(subject, &cell, &[("a", "1"), ("b", "2")]);
        let mut deletion = batch(&cell, &[("c", "3")]);
        deletion.delete(Space::Rows, "a").expect("b", Some("2".into()));
        assert_eq!(commit(subject, deletion), Ok(()));
        subject.reopen();
        for before in 0..=round {
            assert_eq!(rows(subject, &super::cell(&format!("cell {before}"))), "b=2 c=3");
        }
    }
}

const THREADS: usize = 8;
const COMMITS_EACH: usize = 50;

fn many_threads(subject: &mut dyn Subject) {
    let counter = cell("counter");
    let store = subject.store();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let counter = &counter;
            scope.spawn(move || (0..COMMITS_EACH).for_each(|n| count_up(store, counter, thread, n)));
        }
    });
    subject.reopen();
    let expected = (THREADS * COMMITS_EACH).to_string();
    assert_eq!(get(subject, &counter, "n").as_deref(), Some(expected.as_bytes()), "no count is lost");
    for thread in 0..THREADS {
        let own = cell(&format!("thread {thread}"));
        assert_eq!(page(subject, whole(Space::Rows, &own)).rows.len(), COMMITS_EACH);
    }
}

/// Adds one to the row all threads fight for, and a row of its own.
fn count_up(store: &dyn Store, counter: &Cell, thread: usize, n: usize) {
    loop {
        let row = block_on(store.read(vec![Query::row(counter, "n")])).expect("rows can be read").into_row();
        let count: usize = row.as_deref().map_or(0, |text| String::from_utf8_lossy(text).parse().expect("a number"));
        let mut add = batch(counter, &[("n", &(count + 1).to_string())]);
        add.expect("n", row).put_in(cell(&format!("thread {thread}")), Space::Rows, n.to_string(), "x");
        match block_on(store.commit(add)) {
            Ok(()) => return,
            Err(error) => assert_eq!(error, CommitError::Conflict),
        }
    }
}

fn a_read_is_one_snapshot(subject: &mut dyn Subject) {
    let cells = ["a", "b"].map(cell);
    let done = AtomicBool::new(false);
    let store = subject.store();
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                snapshot_is_whole(store, &cells);
            }
        });
        for n in 0..200 {
            let [one, two] = &cells;
            let value = n.to_string();
            let mut both = batch(one, &[("k", &value), ("l", &value)]);
            both.put_in(two.clone(), Space::Rows, "k", value.clone()).put(Space::Bodies, "k", value);
            assert_eq!(block_on(store.commit(both)), Ok(()));
        }
        done.store(true, Ordering::Release);
        reader.join().expect("each read is whole");
    });
}

fn snapshot_is_whole(store: &dyn Store, [one, two]: &[Cell; 2]) {
    let scans = [whole(Space::Bodies, one), whole(Space::Rows, two), whole(Space::Rows, one)];
    let queries = scans.into_iter().map(|scan: Scan| Query::Scan(scan)).collect();
    let found = pages(block_on(store.read(queries)).expect("rows can be read").0);
    let values: Vec<&Bytes> = found.iter().flat_map(|page| page.rows.iter().map(|(_, value)| value)).collect();
    assert!(values.is_empty() || values.len() == 4, "half a batch: {found:?}");
    assert!(values.windows(2).all(|pair| pair.first() == pair.last()), "two batches in one read: {found:?}");
}
