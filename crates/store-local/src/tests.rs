use crate::queue::{Queue, WAITING_OCTETS_MAX, Waiting};
use crate::{Backend, DiskSpace, Health, LocalStore, OpenError, Options, SpaceProbe};
use futures_channel::oneshot;
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::block_on;
use store::conformance::{Subject, program, run};
use store::{Batch, Bytes, Cell, CommitError, Query, Space, Store};
use tempfile::TempDir;

struct Reopened {
    folder: TempDir,
    backend: Backend,
    store: Option<LocalStore>,
}

impl Reopened {
    fn new(backend: Backend) -> Reopened {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), backend).unwrap();
        Reopened { folder, backend, store: Some(store) }
    }
}

fn open(folder: &Path, backend: Backend) -> Result<LocalStore, OpenError> {
    LocalStore::open(folder, Options { backend: Some(backend), ..Options::default() })
}

impl Subject for Reopened {
    fn store(&self) -> &dyn Store {
        self.store.as_ref().unwrap()
    }
    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(open(self.folder.path(), self.backend).unwrap());
    }
}

#[test]
fn fjall_conforms() {
    run(|| Reopened::new(Backend::Fjall));
}

#[test]
fn redb_conforms() {
    run(|| Reopened::new(Backend::Redb));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn behaves_like_a_map(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        Backend::ALL.into_iter().for_each(|backend| program(&mut Reopened::new(backend), &octets));
    }
}

fn cell() -> Cell {
    Cell::new("a")
}

fn put(store: &LocalStore, key: &str, value: impl Into<Bytes>) -> Result<(), CommitError> {
    let mut batch = Batch::new(cell());
    batch.put(Space::Rows, key.to_owned(), value);
    block_on(store.commit(batch))
}

fn delete(store: &LocalStore, key: &str) -> Result<(), CommitError> {
    let mut batch = Batch::new(cell());
    batch.makes_room = true;
    batch.delete(Space::Rows, key.to_owned());
    block_on(store.commit(batch))
}

/// Reading is refused for the moment of a reopening.
fn get(store: &LocalStore, key: &str) -> Option<Bytes> {
    loop {
        match block_on(store.read(vec![Query::row(&cell(), key.to_owned())])) {
            Ok(reading) => return reading.into_row(),
            Err(_) => std::thread::yield_now(),
        }
    }
}

fn health(store: &LocalStore) -> Health {
    let healths = std::iter::repeat_with(|| store.health());
    healths.into_iter().find(|health| !matches!(health, Health::Reopening { .. })).unwrap()
}

#[test]
fn one_process_per_folder() {
    for backend in Backend::ALL {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), backend).unwrap();
        let second = open(folder.path(), backend);
        assert!(matches!(second.as_ref().err(), Some(OpenError::Locked(named)) if named == folder.path()));
        assert!(second.err().unwrap().to_string().contains(&folder.path().display().to_string()));
        // Somebody thinks that it is left over; the engine's own one is there.
        fs::remove_file(folder.path().join("lock")).unwrap();
        assert!(open(folder.path(), backend).is_err(), "{backend}");
        store.close();
        assert!(open(folder.path(), backend).is_ok());
    }
}

#[test]
fn a_creation_that_was_cut_short_is_begun_anew() {
    let unfinished = |version: &[u8], keyspace: bool| {
        let folder = tempfile::tempdir().unwrap();
        let rows = folder.path().join("rows");
        let keyspaces = rows.join("keyspaces");
        fs::create_dir_all(if keyspace { keyspaces.join("0") } else { keyspaces }).unwrap();
        fs::write(rows.join("0.jnl"), vec![0; 100]).unwrap();
        fs::write(rows.join("version"), version).unwrap();
        let opened = LocalStore::open(folder.path(), Options::default());
        let outcome = opened.map(|store| put(&store, "k", "1"));
        (outcome, fs::read(rows.join("version")).unwrap())
    };
    for version in [&b""[..], b"FJL", b"FJL\0", b"\0\0\0\0"] {
        assert!(matches!(unfinished(version, false).0, Ok(Ok(()))), "{version:?}");
    }
    // With keyspaces it was finished once: this is damage, and nothing is begun beside it.
    let (refused, version) = unfinished(b"FJL", true);
    assert!(matches!(refused, Err(OpenError::Engine { .. } | OpenError::Damaged { .. })));
    assert_eq!(version, b"FJL");
}

#[test]
fn a_key_longer_than_the_engine_counts_is_refused() {
    for subject in Backend::ALL.map(Reopened::new) {
        let store = subject.store.as_ref().unwrap();
        let longest = "k".repeat(crate::key::KEY_OCTETS_MAX);
        assert_eq!(put(store, &longest, "1"), Ok(()));
        assert!(matches!(put(store, &format!("{longest}k"), "1"), Err(CommitError::Failed(_))));
        assert_eq!(get(store, &longest).as_deref(), Some(&b"1"[..]));
    }
}

/// Options under which the disk has as much free as the counter says.
fn on_a_disk_with(free_octets: &Arc<AtomicU64>, backend: Backend) -> Options {
    let free_octets = free_octets.clone();
    let probe =
        move |_: &Path| Ok(DiskSpace { free_octets: free_octets.load(Ordering::SeqCst), total_octets: 1 << 30 });
    Options { backend: Some(backend), space: SpaceProbe::new(probe), ..Options::default() }
}

#[test]
fn a_nearly_full_disk_refuses_all_but_deletions_and_recovers() {
    Backend::ALL.into_iter().for_each(fills_up_and_recovers);
}

fn fills_up_and_recovers(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(1 << 29));
    let store = LocalStore::open(folder.path(), on_a_disk_with(&free, backend)).unwrap();
    assert_eq!((put(&store, "a", "1"), put(&store, "b", "1")), (Ok(()), Ok(())));
    assert_eq!(health(&store), Health::Ok);
    free.store(20 << 20, Ordering::SeqCst);
    let refused = put(&store, "c", "1");
    assert!(matches!(&refused, Err(CommitError::NoSpace(text)) if text.contains("20.0 MiB are free")), "{refused:?}");
    assert!(matches!(health(&store), Health::NearlyFull { free_octets, .. } if free_octets == 20 << 20));
    assert_eq!(get(&store, "a").as_deref(), Some(&b"1"[..]));
    assert_eq!(delete(&store, "a"), Ok(()));
    assert_eq!(get(&store, "a"), None);
    free.store(1 << 29, Ordering::SeqCst);
    assert_eq!(put(&store, "c", "1"), Ok(()));
    assert_eq!(health(&store), Health::Ok);
}

#[test]
fn more_than_may_wait_is_refused() {
    let queue = Queue::default();
    let value = Bytes::from(vec![0; 1 << 20]);
    let push = || {
        let mut batch = Batch::new(cell());
        batch.put(Space::Bodies, "k", value.clone());
        queue.push(Waiting { batch, answer: oneshot::channel().0 })
    };
    let taken = std::iter::repeat_with(push).take_while(Result::is_ok).count();
    assert_eq!(taken, (WAITING_OCTETS_MAX >> 20) - 1, "a MiB with its overhead is a little more than one");
    assert!(matches!(push(), Err(CommitError::NoSpace(_))));
    assert!(matches!(queue.take(None), crate::queue::Next::Group(group) if group.len() == 8));
    assert_eq!(push(), Ok(()));
    queue.close();
    assert!(matches!(push(), Err(CommitError::ReadOnly(_))));
}

#[test]
fn when_space_is_short_the_journal_is_emptied_and_nothing_is_lost() {
    let journals = |folder: &Path| {
        let files = fs::read_dir(folder.join("rows")).unwrap().map(|entry| entry.unwrap());
        let journals = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "jnl"));
        journals.map(|journal| journal.metadata().unwrap().blocks() * 512).sum()
    };
    reclaims_space(Backend::Fjall, 1, journals);
}

#[test]
fn when_space_is_short_the_file_is_cut_and_nothing_is_lost() {
    reclaims_space(Backend::Redb, 180, |folder| folder.join("rows.redb").metadata().unwrap().len());
}

/// Of 20 MB in 200 rows so many are deleted; then `octets` says how little is left of what was to be reclaimed.
fn reclaims_space(backend: Backend, deleted: u32, octets: impl Fn(&Path) -> u64) {
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(1 << 29));
    let key = |n| format!("k{n:03}");
    let all_there = |store: &LocalStore| {
        assert!((0..deleted).all(|n| get(store, &key(n)).is_none()) && get(store, "more").is_none());
        assert!((deleted..200).all(|n| get(store, &key(n)).is_some_and(|value| value.len() == 100_000)));
    };
    let store = LocalStore::open(folder.path(), on_a_disk_with(&free, backend)).unwrap();
    (0..200).for_each(|n| put(&store, &key(n), vec![7; 100_000]).unwrap());
    let mut batch = Batch::new(cell());
    batch.makes_room = true;
    (1..deleted).for_each(|n| {
        batch.delete(Space::Rows, key(n));
    });
    block_on(store.commit(batch)).unwrap();
    assert!(octets(folder.path()) > 16 << 20);
    free.store(20 << 20, Ordering::SeqCst);
    assert!(matches!(put(&store, "more", "1"), Err(CommitError::NoSpace(_))));
    assert_eq!(delete(&store, &key(0)), Ok(())); // comes after the reclaiming
    assert!(octets(folder.path()) < 5 << 20, "{} octets", octets(folder.path()));
    all_there(&store);
    assert_eq!(store.reopened(), 0, "that was no failure");
    drop(store);
    all_there(&open(folder.path(), backend).unwrap());
}

fn tables(folder: &TempDir) -> Vec<PathBuf> {
    let keyspaces = fs::read_dir(folder.path().join("rows/keyspaces")).unwrap().map(|entry| entry.unwrap().path());
    keyspaces.map(|keyspace| keyspace.join("tables")).filter(|tables| tables.exists()).collect()
}

/// The engine's flusher dies when it cannot write its file, and with it the engine; what was acknowledged is in the journal.
#[test]
fn an_engine_that_fails_is_opened_anew_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { memtable_octets: Some(64 << 10), ..Options::default() };
    let store = LocalStore::open(folder.path(), options).unwrap();
    let away = |path: &PathBuf| path.with_extension("away");
    let tables = tables(&folder);
    assert!(!tables.is_empty());
    tables.iter().for_each(|path| fs::rename(path, away(path)).unwrap());
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for n in 0.. {
        match put(&store, &format!("k{n}"), vec![7; 4096]) {
            Ok(()) => acknowledged.push(n),
            Err(_) => refused += 1,
        }
        if refused == 3 {
            tables.iter().filter(|path| away(path).exists()).for_each(|path| {
                let _ = fs::remove_dir_all(path);
                fs::rename(away(path), path).unwrap();
            });
        }
        if store.reopened() > 0 && (refused == 0 || refused >= 3) && acknowledged.last() == Some(&n) {
            break;
        }
    }
    assert_eq!(put(&store, "last", "1"), Ok(()));
    assert!(acknowledged.iter().all(|n| get(&store, &format!("k{n}")).is_some()));
    assert_eq!(health(&store), Health::Ok);
}

#[test]
fn commits_that_wait_are_done_before_closing() {
    for mut subject in Backend::ALL.map(Reopened::new) {
        let store = subject.store.as_ref().unwrap();
        for n in 0..100 {
            let mut batch = Batch::new(cell());
            batch.put(Space::Rows, format!("k{n}"), "1");
            drop(store.commit(batch));
        }
        subject.reopen();
        let store = subject.store.as_ref().unwrap();
        assert!((0..100).all(|n| get(store, &format!("k{n}")).is_some()));
    }
}

#[test]
fn a_folder_stays_with_the_engine_that_made_it() {
    let others = [(Backend::Fjall, Backend::Redb, "fjall"), (Backend::Redb, Backend::Fjall, "redb")];
    for (made_with, other, name) in others {
        let folder = tempfile::tempdir().unwrap();
        put(&open(folder.path(), made_with).unwrap(), "k", "1").unwrap();
        let refused = open(folder.path(), other).err().unwrap();
        assert!(matches!(refused, OpenError::OtherBackend { asked, .. } if asked == other));
        assert!(refused.to_string().contains(&format!("set `backend = \"{name}\"` in `[store]`")), "{refused}");
        for asked in [Some(made_with), None] {
            let store = LocalStore::open(folder.path(), Options { backend: asked, ..Options::default() }).unwrap();
            assert_eq!(get(&store, "k").as_deref(), Some(&b"1"[..]));
        }
    }
}

#[test]
fn a_folder_from_before_there_was_a_choice_is_fjalls() {
    let folder = tempfile::tempdir().unwrap();
    put(&open(folder.path(), Backend::Fjall).unwrap(), "k", "1").unwrap();
    fs::remove_file(folder.path().join("FORMAT")).unwrap();
    assert!(matches!(open(folder.path(), Backend::Redb), Err(OpenError::OtherBackend { .. })));
    assert!(get(&open(folder.path(), Backend::Fjall).unwrap(), "k").is_some());
}

#[test]
fn a_folder_of_a_newer_version_is_refused() {
    for (said, newer) in [("2 fjall\n", true), ("12 another\n", true), ("1 fjalm\n", false), ("", false)] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("FORMAT"), said).unwrap();
        let refused = open(folder.path(), Backend::Fjall).err().unwrap();
        assert_eq!(matches!(refused, OpenError::Newer { .. }), newer, "{refused}");
        assert!(newer || refused.to_string().contains("is damaged"), "{refused}");
        assert!(!folder.path().join("rows").exists());
    }
}

/// A table with a damaged block cannot be merged: that concerns what lies in the block, and not all that is written. When there are
/// too many tables at last, nothing is written any more, and it is said why.
#[test]
fn a_damaged_table_is_told_of_before_it_ends_writing() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { memtable_octets: Some(64 << 10), ..Options::default() };
    let open = || LocalStore::open(folder.path(), options.clone()).unwrap();
    let store = open();
    let row = |n: u32| (format!("k{:05}", n * 7919 % 100_000), vec![n as u8; 4096]);
    (0..20).for_each(|n| put(&store, &row(n).0, row(n).1).unwrap());
    store.settle_at_close();
    store.close();
    let table = tables(&folder).into_iter().flat_map(|tables| fs::read_dir(tables).unwrap());
    let table = table.map(|entry| entry.unwrap().path()).max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut octets = fs::read(&table).unwrap();
    octets[6000] ^= 1;
    fs::write(&table, octets).unwrap();

    let store = open();
    let (mut acknowledged, mut was_impaired) = (20, false);
    let reason = loop {
        match put(&store, &row(acknowledged).0, row(acknowledged).1) {
            Ok(()) => acknowledged += 1,
            Err(CommitError::ReadOnly(reason)) => break reason,
            Err(error) => panic!("{error}"),
        }
        was_impaired |= matches!(store.health(), Health::Impaired { .. });
    };
    assert!(reason.contains("postamt store repair"), "{reason}");
    assert!(was_impaired && matches!(store.health(), Health::ReadOnly { .. }));
    assert!(acknowledged > 200, "{acknowledged}");
    assert_eq!(store.reopened(), 0);
    assert!((20..acknowledged).all(|n| get(&store, &row(n).0).is_some()));
}

/// redb believes what stands in its pages, and panics where it is impossible: who writes there is refused, all others are not.
#[test]
fn a_damaged_page_refuses_what_is_written_into_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Backend::Redb).unwrap();
    let key = |n: u32| format!("key number {n:05}");
    (0..500).for_each(|n| put(&store, &key(n), vec![b'x'; 100]).unwrap());
    store.close();
    let file = folder.path().join("rows.redb");
    let mut octets = fs::read(&file).unwrap();
    let (part, mut damaged) = (key(250), 0);
    for page in octets.chunks_mut(4096).filter(|page| page.windows(part.len()).any(|here| here == part.as_bytes())) {
        page[0] = 77; // neither a leaf nor a branch
        damaged += 1;
    }
    assert!(damaged > 0);
    fs::write(&file, octets).unwrap();

    let store = open(folder.path(), Backend::Redb).unwrap();
    for _ in 0..3 {
        assert!(put(&store, &key(250), "new").is_err());
        let written = (0..).map(|_| put(&store, &key(499), "new")).take(3).find(Result::is_ok);
        assert_eq!(written, Some(Ok(())), "the others go on");
    }
    assert_eq!(get(&store, &key(499)), Some(Bytes::from("new")));
}
