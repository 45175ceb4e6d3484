//! A disk that refuses a write in the midst of a batch: the store stays up, says so, and goes on once the disk does.
//!
//! The refusal is real: a child process lowers its own limit on the length of files.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is a test")]

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::Path;
use std::process::Command;
use store::conformance::block_on;
use store::{Batch, Cell, CommitError, Query, Space, Store};
use store_local::{Health, LocalStore, Options};

const FOLDER: &str = "STORE_LOCAL_WRITE_FAILURE_FOLDER";

fn commit(store: &LocalStore, key: &str) -> Result<(), CommitError> {
    let mut batch = Batch::new(Cell::new("a"));
    batch.put(Space::Rows, key.to_owned(), "1").put(Space::Bodies, key.to_owned(), vec![7; 20_000]);
    block_on(store.commit(batch))
}

fn has(store: &LocalStore, key: &str) -> bool {
    block_on(store.read(vec![Query::row(&Cell::new("a"), key.to_owned())])).unwrap().into_row().is_some()
}

fn journal_octets(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("rows/0.jnl")).unwrap().len()
}

fn limit_files_to(octets: Option<u64>) {
    setrlimit(Resource::Fsize, Rlimit { current: octets, ..getrlimit(Resource::Fsize) }).unwrap();
}

fn open(folder: &Path) -> LocalStore {
    // Without a ballast: it would be longer than the limit.
    LocalStore::open(folder, Options { reserve_octets: Some(0), ..Options::default() }).unwrap()
}

/// The child's part. Without the folder it does nothing.
#[test]
fn meets_the_limit_when_asked() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    open(folder).close();
    let store = open(folder); // has cut the journal's padding: its length tells where the next batch begins
    assert_eq!(commit(&store, "before"), Ok(()));
    for octets_written in [0, 1, 50, 8192, 20_030] {
        limit_files_to(Some(journal_octets(folder) + octets_written));
        for key in ["refused", "refused too"] {
            let refused = commit(&store, &format!("{key} {octets_written}"));
            assert!(matches!(refused, Err(CommitError::Failed(_))), "{refused:?}");
            assert!(has(&store, "before"), "reading goes on");
        }
        limit_files_to(None);
        assert_eq!(commit(&store, &format!("after {octets_written}")), Ok(()));
        assert_eq!(store.health(), Health::Ok);
    }
    assert_eq!(store.reopened(), 10);
}

#[test]
fn a_refused_write_is_survived_in_place() {
    let folder = tempfile::tempdir().unwrap();
    // A process is killed for reaching its limit, unless it was begun with that signal ignored.
    let status = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "meets_the_limit_when_asked", "--nocapture"])
        .env(FOLDER, folder.path())
        .status()
        .unwrap();
    assert!(status.success());
    let store = open(folder.path());
    assert!(has(&store, "before"));
    for octets_written in [0, 1, 50, 8192, 20_030] {
        assert!(has(&store, &format!("after {octets_written}")));
        assert!(!has(&store, &format!("refused {octets_written}")));
        assert!(!has(&store, &format!("refused too {octets_written}")));
    }
}
