//! Gets and scans.

use super::{Case, Subject, batch, block_on, cell, commit, get, page, pages, put, rows, text, whole};
use crate::{Batch, Bytes, Cell, Found, Order, Query, Scan, Space};
use std::ops::Bound;

pub(super) const CASES: &[Case] =
    &[an_empty_store_answers, bounds_and_orders, paging, prefixes, cells_do_not_leak, spaces_do_not_leak, many_queries];

fn an_empty_store_answers(subject: &mut dyn Subject) {
    let cell = cell("a");
    assert_eq!(get(subject, &cell, "k"), None);
    let page = page(subject, whole(Space::Rows, &cell));
    assert!(page.rows.is_empty() && !page.more);
    assert!(block_on(subject.store().read(vec![])).expect("nothing asked, nothing answered").0.is_empty());
}

fn bounds_and_orders(subject: &mut dyn Subject) {
    let cell = cell("a");
    put(subject, &cell, &[("", "0"), ("a", "1"), ("aa", "2"), ("b", "3"), ("c", "4")]);
    let included = |key: &'static str| Bound::Included(Bytes::from(key));
    let excluded = |key: &'static str| Bound::Excluded(Bytes::from(key));
    let cases = [
        (Bound::Unbounded, Bound::Unbounded, "=0 a=1 aa=2 b=3 c=4"),
        (included("a"), excluded("b"), "a=1 aa=2"),
        (excluded("a"), included("b"), "aa=2 b=3"),
        (included("b"), Bound::Unbounded, "b=3 c=4"),
        (Bound::Unbounded, excluded("a"), "=0"),
        (excluded(""), included("a"), "a=1"),
        (included("a"), included("a"), "a=1"),
        (excluded("a"), excluded("a"), ""),
        (included("a"), excluded("a"), ""),
        (included("c"), included("a"), ""),
        (excluded("bb"), excluded("bc"), ""),
    ];
    for (from, to, expected) in cases {
        let scan = Scan { from, to, ..whole(Space::Rows, &cell) };
        assert_eq!(text(&page(subject, scan.clone())), expected, "{scan:?}");
        let backwards: Vec<&str> = expected.split_whitespace().rev().collect();
        let scan = Scan { order: Order::Descending, ..scan };
        assert_eq!(text(&page(subject, scan.clone())), backwards.join(" "), "{scan:?}");
    }
}

fn paging(subject: &mut dyn Subject) {
    let cell = cell("a");
    put(subject, &cell, &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "5")]);
    let limited = |rows_max, octets_max, order| {
        let found = page(subject, Scan { rows_max, octets_max, order, ..whole(Space::Rows, &cell) });
        (text(&found), found.more)
    };
    let all = usize::MAX;
    assert_eq!(limited(2, all, Order::Ascending), ("a=1 b=2".into(), true));
    assert_eq!(limited(2, all, Order::Descending), ("e=5 d=4".into(), true));
    assert_eq!(limited(5, all, Order::Ascending), ("a=1 b=2 c=3 d=4 e=5".into(), false));
    assert_eq!(limited(0, all, Order::Ascending), (String::new(), true));
    assert_eq!(limited(all, 3, Order::Ascending), ("a=1 b=2".into(), true), "the row that reaches the limit is in");
    assert_eq!(limited(all, 4, Order::Ascending), ("a=1 b=2".into(), true));
    assert_eq!(limited(all, 0, Order::Descending), ("e=5".into(), true), "one row at least, or nobody gets on");
    assert_eq!(limited(all, 10, Order::Ascending), ("a=1 b=2 c=3 d=4 e=5".into(), false));
    let mut walked = Vec::new();
    let mut from = Bound::Unbounded;
    loop {
        let found = page(subject, Scan { from, rows_max: 2, ..whole(Space::Rows, &cell) });
        walked.extend(found.rows.iter().map(|(key, _)| key.clone()));
        let Some(last) = walked.last().filter(|_| found.more) else { break };
        from = Bound::Excluded(last.clone());
    }
    assert_eq!(walked, ["a", "b", "c", "d", "e"]);
}

fn prefixes(subject: &mut dyn Subject) {
    let cell = cell("a");
    let keys: [&[u8]; 8] = [b"", b"a", b"a\xff", b"a\xff\xff", b"a\xff\xffx", b"b", b"\xff", b"\xff\xff"];
    let mut put = Batch::new(cell.clone());
    for key in keys {
        put.put(Space::Rows, key, "v");
    }
    commit(subject, put).expect("a plain put is applied");
    let count = |prefix: &[u8], after: Option<&'static [u8]>| {
        let query = Query::prefix(&cell, prefix, after.map(Bytes::from_static), 100);
        block_on(subject.store().read(vec![query])).expect("rows can be read").into_page().rows.len()
    };
    assert_eq!(count(b"", None), 8);
    assert_eq!(count(b"a", None), 4);
    assert_eq!(count(b"a\xff", None), 3);
    assert_eq!(count(b"\xff", None), 2);
    assert_eq!(count(b"\xff\xff", None), 1);
    assert_eq!(count(b"a", Some(b"a\xff")), 2);
    assert_eq!(count(b"a", Some(b"a\xff\xffx")), 0);
    assert_eq!(count(b"a", Some(b"b")), 0, "behind the prefix there is nothing");
    assert_eq!(count(b"b", Some(b"a")), 1, "from below, the prefix still holds");
}

fn cells_do_not_leak(subject: &mut dyn Subject) {
    let long = vec![0xff; Cell::OCTETS_MAX];
    let names: [&[u8]; 8] = [b"", b"\0", b"a", b"ab", b"abc", b"b", b"\xff", &long];
    for name in names {
        let mut rows = Batch::new(Cell::new(name.to_vec()));
        // Keys that would continue one cell's name to another's, if names were not counted.
        for key in [&b""[..], b"a", b"b", b"bc", b"\xff\xff"] {
            rows.put(Space::Rows, key, name.to_vec());
        }
        commit(subject, rows).expect("a plain put is applied");
    }
    for name in names {
        for order in [Order::Ascending, Order::Descending] {
            let found = page(subject, Scan { order, ..whole(Space::Rows, &Cell::new(name.to_vec())) });
            assert_eq!(found.rows.len(), 5, "cell {}", name.escape_ascii());
            assert!(found.rows.iter().all(|(_, value)| value == name), "cell {}", name.escape_ascii());
        }
    }
}

fn spaces_do_not_leak(subject: &mut dyn Subject) {
    let cell = cell("a");
    let mut both = batch(&cell, &[("k", "row")]);
    both.put(Space::Bodies, "k", "body");
    commit(subject, both).expect("a plain put is applied");
    assert_eq!(rows(subject, &cell), "k=row");
    assert_eq!(text(&page(subject, whole(Space::Bodies, &cell))), "k=body");
}

fn many_queries(subject: &mut dyn Subject) {
    let cell = cell("a");
    put(subject, &cell, &[("a", "1"), ("b", "2")]);
    let queries = vec![
        Query::row(&cell, "b"),
        Query::Scan(whole(Space::Rows, &cell)),
        Query::row(&cell, "c"),
        Query::Scan(whole(Space::Bodies, &cell)),
    ];
    let found = block_on(subject.store().read(queries)).expect("rows can be read").0;
    let [Found::Row(b), Found::Page(all), Found::Row(c), Found::Page(none)] = found.as_slice() else {
        panic!("each query has its answer, in order: {found:?}");
    };
    assert_eq!((b.as_deref(), c.as_deref()), (Some(&b"2"[..]), None));
    assert_eq!((text(all), text(none)), ("a=1 b=2".to_owned(), String::new()));
    let again = vec![Query::Scan(whole(Space::Rows, &cell)); 3];
    let found = block_on(subject.store().read(again)).expect("rows can be read").0;
    assert!(pages(found).iter().all(|page| text(page) == "a=1 b=2"));
}
