//! A disk that refuses a write in the midst of a batch: the store stays up, says so, and goes on once the disk does.
//!
//! The refusal is real: a child process lowers its own limit on the length of files.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is a test")]

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::Path;
use std::process::Command;
use store::block_on;
use store::{Batch, Cell, CommitError, Query, Space, Store};
use store_local::{Backend, Health, LocalStore, Options};

const FOLDER: &str = "STORE_LOCAL_WRITE_FAILURE_FOLDER";
const BACKEND: &str = "STORE_LOCAL_WRITE_FAILURE_BACKEND";
/// How much of a commit still gets into a file.
const OCTETS_WRITTEN: [u64; 5] = [0, 1, 50, 8192, 20_030];

fn commit(store: &LocalStore, key: &str) -> Result<(), CommitError> {
    let mut batch = Batch::new(Cell::new("a"));
    batch.put(Space::Rows, key.to_owned(), "1").put(Space::Bodies, key.to_owned(), vec![7; 20_000]);
    block_on(store.commit(batch))
}

fn has(store: &LocalStore, key: &str) -> bool {
    block_on(store.read(vec![Query::row(&Cell::new("a"), key.to_owned())])).unwrap().into_row().is_some()
}

/// Before this place in its file the engine writes nothing of a commit's rows.
fn place_of_next_rows(folder: &Path, backend: Backend) -> u64 {
    match backend {
        Backend::Fjall => std::fs::metadata(folder.join("rows/1.jnl")).unwrap().len(),
        Backend::Redb => 4096, // behind the header's page
    }
}

fn limit_files_to(octets: Option<u64>) {
    setrlimit(Resource::Fsize, Rlimit { current: octets, ..getrlimit(Resource::Fsize) }).unwrap();
}

fn open(folder: &Path, backend: Backend) -> LocalStore {
    // Without a ballast: it would be longer than the limit.
    LocalStore::open(folder, Options { backend: Some(backend), reserve_octets: Some(0), ..Options::default() }).unwrap()
}

/// The child's part. Without the folder it does nothing.
#[test]
fn meets_the_limit_when_asked() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    let backend = Backend::ALL.into_iter().find(|backend| std::env::var(BACKEND).unwrap() == backend.name()).unwrap();
    let store = open(folder, backend);
    assert_eq!(commit(&store, "before"), Ok(()));
    store.close();
    let store = open(folder, backend); // the journal's padding is cut: its length tells where the next batch begins
    for octets_written in OCTETS_WRITTEN {
        limit_files_to(Some(place_of_next_rows(folder, backend) + octets_written));
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
    if backend == Backend::Redb {
        loses_its_header(&store);
    }
}

/// redb's header is its file's beginning: where not even that is written it cannot be opened anew until the disk takes it.
fn loses_its_header(store: &LocalStore) {
    limit_files_to(Some(50)); // and so the header is torn
    let refused = commit(store, "without a header");
    assert!(matches!(refused, Err(CommitError::Failed(_))), "{refused:?}");
    assert!(matches!(store.health(), Health::Reopening { .. }));
    limit_files_to(None);
    while commit(store, "after the header").is_err() {
        std::thread::yield_now();
    }
    assert!(has(store, "before") && !has(store, "without a header"));
}

#[test]
fn fjall_survives_a_refused_write_in_place() {
    survives_a_refused_write_in_place(Backend::Fjall);
}

#[test]
fn redb_survives_a_refused_write_in_place() {
    survives_a_refused_write_in_place(Backend::Redb);
}

fn survives_a_refused_write_in_place(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    // A process is killed for reaching its limit, unless it was begun with that signal ignored.
    let status = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "meets_the_limit_when_asked", "--nocapture"])
        .env(FOLDER, folder.path())
        .env(BACKEND, backend.name())
        .status()
        .unwrap();
    assert!(status.success());
    let store = open(folder.path(), backend);
    assert!(has(&store, "before") && !has(&store, "without a header"));
    assert_eq!(has(&store, "after the header"), backend == Backend::Redb);
    for octets_written in OCTETS_WRITTEN {
        assert!(has(&store, &format!("after {octets_written}")));
        assert!(!has(&store, &format!("refused {octets_written}")));
        assert!(!has(&store, &format!("refused too {octets_written}")));
    }
}
