use super::*;
use crate::{Blobs, conformance};
use futures_util::FutureExt;
use proptest::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

fn cell() -> Cell {
    Cell::new("a")
}

fn put(key: &'static str, value: &'static str) -> Batch {
    let mut batch = Batch::new(cell());
    batch.put(Space::Rows, key, value);
    batch
}

fn get(store: &MemoryStore, key: &'static str) -> Option<Bytes> {
    store.read(vec![Query::row(&cell(), key)]).now_or_never().unwrap().unwrap().into_row()
}

#[test]
fn a_waiting_commit_is_neither_seen_nor_answered() {
    let store = MemoryStore::with_manual_sync();
    let mut answer = store.commit(put("k", "1"));
    assert!((&mut answer).now_or_never().is_none());
    assert_eq!(get(&store, "k"), None);
    assert!(store.sync_one());
    assert_eq!(answer.now_or_never(), Some(Ok(())));
    assert_eq!(get(&store, "k").unwrap(), "1");
}

#[test]
fn chained_commits_go_down_together() {
    let store = MemoryStore::with_manual_sync();
    store.fail_next(CommitError::Failed("told to".into()));
    let first = store.commit(put("head", "1"));
    let mut next = put("head", "2");
    next.expect("head", Some("1".into()));
    let second = store.commit(next);
    assert_eq!(store.sync_all(), 2);
    assert_eq!(first.now_or_never(), Some(Err(CommitError::Failed("told to".into()))));
    assert_eq!(second.now_or_never(), Some(Err(CommitError::Conflict)));
    assert_eq!(get(&store, "head"), None);
}

#[test]
fn a_crash_keeps_the_first_and_answers_none() {
    let store = MemoryStore::with_manual_sync();
    let answers = ["a", "b", "c"].map(|key| store.commit(put(key, "x")));
    store.crash_keeping(2);
    assert!(answers.into_iter().all(|answer| matches!(answer.now_or_never(), Some(Err(CommitError::Failed(_))))));
    assert_eq!(["a", "b", "c"].map(|key| get(&store, key).is_some()), [true, true, false]);
}

#[test]
fn a_full_store_lets_deletions_through() {
    let store = MemoryStore::new();
    store.commit(put("k", "1")).now_or_never().unwrap().unwrap();
    store.set_full(true);
    assert!(matches!(store.commit(put("l", "1")).now_or_never(), Some(Err(CommitError::NoSpace(_)))));
    let mut deletion = Batch::new(cell());
    deletion.makes_room = true;
    deletion.delete(Space::Rows, "k");
    assert_eq!(store.commit(deletion).now_or_never(), Some(Ok(())));
    store.set_full(false);
    store.set_read_only(Some("alarm"));
    assert_eq!(store.commit(put("l", "1")).now_or_never(), Some(Err(CommitError::ReadOnly("alarm".into()))));
    store.set_read_only(None);
    assert_eq!(store.commit(put("l", "1")).now_or_never(), Some(Ok(())));
}

#[test]
fn damage_changes_one_octet() {
    let store = MemoryStore::new();
    assert!(!store.damage(Space::Rows, &cell(), b"k"));
    store.commit(put("k", "abc")).now_or_never().unwrap().unwrap();
    assert!(store.damage(Space::Rows, &cell(), b"k"));
    assert_eq!(get(&store, "k").unwrap().as_ref(), b"ab\x23");
}

struct Crashing(MemoryStore);

impl conformance::Subject for Crashing {
    fn store(&self) -> &dyn Store {
        &self.0
    }
    fn reopen(&mut self) {
        self.0.crash();
    }
}

#[test]
fn conforms() {
    conformance::run(|| Crashing(MemoryStore::new()));
}

/// Commits wait, and a thread syncs them one by one while the test goes on.
struct Synced {
    store: MemoryStore,
    running: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Synced {
    fn new() -> Synced {
        let (store, running) = (MemoryStore::with_manual_sync(), Arc::new(AtomicBool::new(true)));
        let (syncing, go_on) = (store.clone(), running.clone());
        let thread = std::thread::spawn(move || {
            while go_on.load(Ordering::Acquire) {
                if !syncing.sync_one() {
                    std::thread::yield_now();
                }
            }
        });
        Synced { store, running, thread: Some(thread) }
    }
}

impl Drop for Synced {
    fn drop(&mut self) {
        self.running.store(false, Ordering::Release);
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

impl conformance::Subject for Synced {
    fn store(&self) -> &dyn Store {
        &self.store
    }
    fn reopen(&mut self) {
        self.store.crash();
    }
}

#[test]
fn conforms_when_commits_wait() {
    conformance::run(Synced::new);
}

struct CrashingBlobs(MemoryBlobs);

impl conformance::BlobSubject for CrashingBlobs {
    fn blobs(&self) -> &dyn Blobs {
        &self.0
    }
    fn reopen(&mut self) {
        self.0.crash();
    }
    fn damage(&mut self, id: crate::BlobId, _: conformance::Damage) {
        assert!(self.0.damage(id));
    }
}

#[test]
fn blobs_conform() {
    conformance::run_blobs(|| CrashingBlobs(MemoryBlobs::new()));
}

#[test]
fn a_crash_loses_blobs_that_wait_or_are_being_written() {
    let blobs = MemoryBlobs::with_manual_sync();
    let finish = |octets: &'static [u8]| {
        let mut writer = blobs.begin().now_or_never().unwrap().unwrap();
        writer.write(octets.into()).now_or_never().unwrap().unwrap();
        writer.finish()
    };
    let kept = finish(b"kept");
    assert!(blobs.sync_one());
    let lost = finish(b"lost");
    let half = blobs.begin().now_or_never().unwrap().unwrap();
    blobs.crash();
    assert!(kept.now_or_never().unwrap().is_ok());
    assert!(lost.now_or_never().unwrap().is_err());
    assert!(half.finish().now_or_never().unwrap().is_err());
    assert_eq!(blobs.len(), 1);
}

proptest! {
    #[test]
    fn behaves_like_a_map(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        conformance::program(&mut Crashing(MemoryStore::new()), &octets);
    }
}
