use crate::queue::{Queue, WAITING_OCTETS_MAX, Waiting};
use crate::{DiskSpace, Health, LocalStore, OpenError, Options, SpaceProbe};
use futures_channel::oneshot;
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::conformance::{Subject, block_on, program, run};
use store::{Batch, Bytes, Cell, CommitError, Query, Space, Store};
use tempfile::TempDir;

struct Reopened {
    folder: TempDir,
    store: Option<LocalStore>,
}

impl Reopened {
    fn new() -> Reopened {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path(), Options::default()).unwrap();
        Reopened { folder, store: Some(store) }
    }
}

impl Subject for Reopened {
    fn store(&self) -> &dyn Store {
        self.store.as_ref().unwrap()
    }
    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(LocalStore::open(self.folder.path(), Options::default()).unwrap());
    }
}

#[test]
fn conforms() {
    run(Reopened::new);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn behaves_like_a_map(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        program(&mut Reopened::new(), &octets);
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

fn get(store: &LocalStore, key: &str) -> Option<Bytes> {
    block_on(store.read(vec![Query::row(&cell(), key.to_owned())])).unwrap().into_row()
}

#[test]
fn one_process_per_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path(), Options::default()).unwrap();
    let second = LocalStore::open(folder.path(), Options::default());
    assert!(matches!(second.as_ref().err(), Some(OpenError::Locked(named)) if named == folder.path()));
    assert!(second.err().unwrap().to_string().contains(&folder.path().display().to_string()));
    store.close();
    assert!(LocalStore::open(folder.path(), Options::default()).is_ok());
}

#[test]
fn a_creation_that_was_cut_short_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows");
    fs::create_dir_all(rows.join("keyspaces")).unwrap();
    fs::write(rows.join("0.jnl"), vec![0; 100]).unwrap();
    fs::write(rows.join("version"), b"").unwrap();
    let store = LocalStore::open(folder.path(), Options::default()).unwrap();
    assert_eq!(put(&store, "k", "1"), Ok(()));
}

#[test]
fn a_key_longer_than_the_engine_counts_is_refused() {
    let subject = Reopened::new();
    let store = subject.store.as_ref().unwrap();
    let longest = "k".repeat(crate::key::KEY_OCTETS_MAX);
    assert_eq!(put(store, &longest, "1"), Ok(()));
    assert!(matches!(put(store, &format!("{longest}k"), "1"), Err(CommitError::Failed(_))));
    assert_eq!(get(store, &longest).as_deref(), Some(&b"1"[..]));
}

/// Options under which the disk has as much free as the counter says.
fn on_a_disk_with(free_octets: &Arc<AtomicU64>) -> Options {
    let free_octets = free_octets.clone();
    let probe = move |_: &std::path::Path| {
        Ok(DiskSpace { free_octets: free_octets.load(Ordering::SeqCst), total_octets: 1 << 30 })
    };
    Options { space: SpaceProbe::new(probe), ..Options::default() }
}

#[test]
fn a_nearly_full_disk_refuses_all_but_deletions_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(1 << 29));
    let store = LocalStore::open(folder.path(), on_a_disk_with(&free)).unwrap();
    assert_eq!((put(&store, "a", "1"), put(&store, "b", "1")), (Ok(()), Ok(())));
    assert_eq!(store.health(), Health::Ok);
    free.store(20 << 20, Ordering::SeqCst);
    let refused = put(&store, "c", "1");
    assert!(matches!(&refused, Err(CommitError::NoSpace(text)) if text.contains("20.0 MiB are free")), "{refused:?}");
    assert!(matches!(store.health(), Health::NearlyFull { free_octets, .. } if free_octets == 20 << 20));
    assert_eq!(get(&store, "a").as_deref(), Some(&b"1"[..]));
    assert_eq!(delete(&store, "a"), Ok(()));
    assert_eq!(get(&store, "a"), None);
    free.store(1 << 29, Ordering::SeqCst);
    assert_eq!(put(&store, "c", "1"), Ok(()));
    assert_eq!(store.health(), Health::Ok);
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
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(1 << 29));
    let store = LocalStore::open(folder.path(), on_a_disk_with(&free)).unwrap();
    (0..200).for_each(|n| put(&store, &format!("k{n:03}"), vec![7; 100_000]).unwrap());
    free.store(20 << 20, Ordering::SeqCst);
    let journals = || {
        let files = fs::read_dir(folder.path().join("rows")).unwrap().map(|entry| entry.unwrap());
        let journals = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "jnl"));
        journals.map(|journal| journal.metadata().unwrap().len()).sum::<u64>()
    };
    assert!(journals() > 16 << 20);
    assert!(matches!(put(&store, "more", "1"), Err(CommitError::NoSpace(_))));
    assert_eq!(delete(&store, "k000"), Ok(())); // comes after the reclaiming
    assert!(journals() < 1 << 20);
    assert_eq!(get(&store, "k000"), None);
    assert!((1..200).all(|n| get(&store, &format!("k{n:03}")).is_some_and(|value| value.len() == 100_000)));
    assert_eq!(store.reopened(), 0, "that was no failure");
    drop(store);
    let store = LocalStore::open(folder.path(), Options::default()).unwrap();
    assert_eq!((get(&store, "k000"), get(&store, "more")), (None, None));
    assert!((1..200).all(|n| get(&store, &format!("k{n:03}")).is_some_and(|value| value.len() == 100_000)));
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
    assert_eq!(store.health(), Health::Ok);
}

#[test]
fn commits_that_wait_are_done_before_closing() {
    let mut subject = Reopened::new();
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
