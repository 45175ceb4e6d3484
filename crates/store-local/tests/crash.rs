//! A process that is killed while it writes loses nothing that it was told is durable.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is a test")]
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use store::block_on;
use store::{Batch, Bytes, Cell, Query, Scan, Space, Store};
use store_local::{Backend, LocalStore, Options};

const FOLDER: &str = "STORE_LOCAL_CRASH_TEST_FOLDER";
const BACKEND: &str = "STORE_LOCAL_CRASH_TEST_BACKEND";
const LANES: u64 = 4;
const BODY_OCTETS: usize = 4096;

fn lane(lane: u64) -> Cell {
    Cell::new(format!("lane {lane}"))
}

fn body(n: u64) -> Bytes {
    vec![n as u8; BODY_OCTETS].into()
}

fn head(store: &LocalStore, of: u64) -> Option<u64> {
    let row = block_on(store.read(vec![Query::row(&lane(of), "head")])).unwrap().into_row();
    row.map(|row| String::from_utf8_lossy(&row).parse().unwrap())
}

/// The child's part: chained batches in several lanes; each acknowledged one is printed. Without the folder it does nothing.
#[test]
fn writes_until_killed_when_asked() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let backend = Backend::ALL.into_iter().find(|backend| std::env::var(BACKEND).unwrap() == backend.name()).unwrap();
    let options = Options { backend: Some(backend), memtable_octets: Some(256 << 10), ..Options::default() };
    let store = LocalStore::open(folder, options).unwrap();
    std::thread::scope(|scope| {
        for of in 0..LANES {
            let store = &store;
            scope.spawn(move || write_lane(store, of));
        }
    });
}

fn write_lane(store: &LocalStore, of: u64) {
    let mut last = head(store, of);
    loop {
        let n = last.map_or(0, |last| last + 1);
        let mut batch = Batch::new(lane(of));
        batch.expect("head", last.map(|last| last.to_string().into())).put(Space::Rows, "head", n.to_string());
        batch.put(Space::Rows, format!("n{n:08}"), "row").put(Space::Bodies, format!("n{n:08}"), body(n));
        block_on(store.commit(batch)).unwrap();
        println!("\nacknowledged {of} {n}");
        last = Some(n);
    }
}

/// Runs the child until it has acknowledged `acknowledgements`, kills it, and returns the last of each lane.
fn run_and_kill(folder: &Path, backend: Backend, acknowledgements: usize) -> [Option<u64>; LANES as usize] {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writes_until_killed_when_asked", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(BACKEND, backend.name())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut last = [None; LANES as usize];
    let mut note = |line: String| {
        let mut words = line.split_whitespace();
        let is_acknowledgement = words.next() == Some("acknowledged");
        let numbers: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
        if let (true, [of, n]) = (is_acknowledgement, numbers.as_slice()) {
            last[*of as usize] = Some(*n);
        }
        is_acknowledgement
    };
    let mut seen = 0;
    while seen < acknowledgements {
        let line = lines.next().expect("the child writes until it is killed");
        seen += usize::from(note(line));
    }
    child.kill().unwrap();
    lines.for_each(|line| {
        note(line);
    }); // what it said before it died counts
    child.wait().unwrap();
    last
}

#[test]
fn a_killed_process_loses_nothing_acknowledged_to_fjall() {
    is_killed_and_loses_nothing(Backend::Fjall);
}

#[test]
fn a_killed_process_loses_nothing_acknowledged_to_redb() {
    is_killed_and_loses_nothing(Backend::Redb);
}

fn is_killed_and_loses_nothing(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    for acknowledgements in [1, 37, 500, 211, 1200] {
        let acknowledged = run_and_kill(folder.path(), backend, acknowledgements);
        let store = LocalStore::open(folder.path(), Options { backend: Some(backend), ..Options::default() }).unwrap();
        for (of, last) in (0..LANES).zip(acknowledged) {
            check_lane(&store, of, last);
        }
    }
}

/// All up to the acknowledged one are there, and nothing is half there.
fn check_lane(store: &LocalStore, of: u64, acknowledged: Option<u64>) {
    let head = head(store, of);
    assert!(head >= acknowledged, "lane {of}: {acknowledged:?} was acknowledged, {head:?} is there");
    let rows = |space| {
        let Query::Scan(scan) = Query::prefix(&lane(of), b"n", None, usize::MAX) else { unreachable!() };
        let whole = Scan { space, octets_max: usize::MAX, ..scan };
        block_on(store.read(vec![Query::Scan(whole)])).unwrap().into_page().rows
    };
    let (small, bodies) = (rows(Space::Rows), rows(Space::Bodies));
    let expected = head.map_or(0, |head| head + 1);
    assert_eq!((small.len() as u64, bodies.len() as u64), (expected, expected));
    assert!((0..).zip(&bodies).all(|(n, (_, octets))| *octets == body(n)));
}
