use super::*;
use futures_util::FutureExt;

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
