use super::*;
use crate::{Backend, Health, LocalStore, Options};
use std::os::unix::fs::FileExt;
use store::block_on;
use store::{Batch, Cell, CommitError, Store, Write};
use tempfile::TempDir;

fn cell() -> Cell {
    Cell::new("a")
}

fn open(folder: &TempDir) -> Result<LocalStore, OpenError> {
    // Every read goes to the file.
    LocalStore::open(folder.path(), Options { backend: Some(Backend::Redb), cache_octets: 0, ..Options::default() })
}

fn put(store: &LocalStore, key: &'static str) -> Result<(), CommitError> {
    let mut batch = Batch::new(cell());
    batch.put(Space::Rows, key, vec![7; 20_000]);
    block_on(store.commit(batch))
}

fn has(store: &LocalStore, key: &'static str) -> Result<bool, ReadError> {
    let reading = block_on(store.read(vec![Query::row(&cell(), key)]))?;
    Ok(reading.into_row().is_some())
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join(FILE)
}

fn one(key: &'static str) -> Writes {
    let mut writes = Writes::default();
    writes.add(&Write { space: Space::Rows, cell: cell(), key: key.into(), value: Some("1".into()) });
    writes
}

fn is_there(engine: &dyn Engine, key: &'static str) -> bool {
    engine.holds(&row_key(&cell(), key.as_bytes()), Some(b"1")).unwrap()
}

/// What the page cache still shows of a transaction whose sync failed may never have reached the disk.
#[test]
fn what_was_not_synced_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let files = RedbFiles::of(folder.path(), EngineOptions { cache_octets: 1 << 20, memtable_octets: 0 });
    let engine = files.open(After::Start).unwrap().engine;
    engine.write(one("synced")).unwrap();
    let synced = files.header.durable();
    engine.write(one("not synced")).unwrap();
    assert!(is_there(&*engine, "not synced"));
    std::mem::forget(engine); // as one that failed: it writes nothing when it is closed
    files.header.set_durable(synced);
    let engine = files.open(After::Failure).unwrap().engine;
    assert!(is_there(&*engine, "synced") && !is_there(&*engine, "not synced"));
    engine.write(one("later")).unwrap();
    drop(engine);
    let engine = files.open(After::Start).unwrap().engine;
    assert!(is_there(&*engine, "synced") && !is_there(&*engine, "not synced") && is_there(&*engine, "later"));
}

#[test]
fn a_creation_that_was_cut_short_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(UNFINISHED), vec![0; 100_000]).unwrap();
    let store = open(&folder).unwrap();
    assert_eq!(put(&store, "k"), Ok(()));
    assert!(!folder.path().join(UNFINISHED).exists());
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    type Damage = fn(&fs::File);
    let cases: [(&str, Damage); 5] = [
        ("empty", |file| file.set_len(0).unwrap()),
        ("no header", |file| file.write_all_at(&[0; 512], 0).unwrap()),
        ("no transaction", |file| file.write_all_at(&[0xff; 256], 64).unwrap()),
        ("cut to the header", |file| file.set_len(4096).unwrap()),
        ("not whole pages", |file| file.set_len(file.metadata().unwrap().len() - 100).unwrap()),
    ];
    for (name, damage) in cases {
        let folder = tempfile::tempdir().unwrap();
        put(&open(&folder).unwrap(), "k").unwrap();
        damage(&fs::File::options().write(true).open(path(&folder)).unwrap());
        let damaged = fs::read(path(&folder)).unwrap();
        let refused = open(&folder).err().unwrap();
        assert!(matches!(refused, OpenError::Damaged { .. }), "{name}: {refused}");
        assert!(refused.to_string().contains("keep a copy"), "{refused}");
        assert!(fs::read(path(&folder)).unwrap() == damaged, "{name}");
    }
}

/// redb reads nothing more from a file that once failed to be read.
#[test]
fn a_read_that_failed_opens_the_engine_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let keys = ["a", "b", "c", "d", "e", "f", "g", "h"]; // more than the root holds, which stays in memory
    assert!(keys.iter().all(|key| put(&store, key) == Ok(())));
    let copy = fs::read(path(&folder)).unwrap();
    let file = fs::File::options().write(true).open(path(&folder)).unwrap();
    file.set_len(4096).unwrap();
    assert!(keys.iter().any(|key| has(&store, key).is_err()));
    while !matches!(store.health(), Health::Reopening { reason } if reason.contains("is damaged")) {
        std::thread::yield_now();
    }
    file.write_all_at(&copy, 0).unwrap();
    while store.health() != Health::Ok {
        std::thread::yield_now();
    }
    assert!(keys.iter().all(|key| has(&store, key) == Ok(true)));
    assert_eq!(put(&store, "more"), Ok(()));
}
