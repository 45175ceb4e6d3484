//! A few sequences on each engine; and what is broken on purpose is seen.
#![allow(clippy::unwrap_used, reason = "all of it is a test")]

use crash::record::{Record, read};
use crash::run::{Depth, Doctored, Walk, build_shim, doctor, record, workplace};
use std::path::{Path, PathBuf};
use store_local::Backend;
use tempfile::TempDir;

/// Where a sequence is recorded and its states are rebuilt.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(workplace().unwrap())
    }

    fn record(&self, backend: Backend, seed: u64) -> Vec<Record> {
        let shim = build_shim(self.0.path()).expect("a C compiler is there, as README demands");
        let path = self.0.path().join("record");
        record(Path::new(env!("CARGO_BIN_EXE_crash")), &shim, backend, seed, &path).unwrap();
        read(&path)
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }
}

/// Few of the points, as a short test must; how the threads took turns decides what lies at them.
const FEW: Depth = Depth { random: 2, points: 4, states: 20 };

fn keeps_its_promises(backend: Backend) {
    let mut judged = 0;
    for seed in [4, 8] {
        let place = Place::new();
        let records = place.record(backend, seed);
        let report = Walk { seed, backend, depth: FEW, only: None, folder: &place.data() }.go(&records);
        assert!(report.findings.is_empty(), "{backend} {seed}: {:?}", report.findings);
        judged += report.judged.values().sum::<u64>();
    }
    assert!(judged > 5);
}

#[test]
fn fjall_keeps_its_promises() {
    keeps_its_promises(Backend::Fjall);
}

#[test]
fn redb_keeps_its_promises() {
    keeps_its_promises(Backend::Redb);
}

/// Syncs that did nothing are noticed, or a closer look is taken.
fn betrays(backend: Backend, doctored: Doctored, what: &str) {
    let place = Place::new();
    let mut records = place.record(backend, 1);
    doctor(&mut records, doctored);
    let said = [4, 12, 36, 100].into_iter().any(|points| {
        let depth = Depth { points, ..FEW };
        Walk { seed: 1, backend, depth, only: None, folder: &place.data() }.go(&records).says(what)
    });
    assert!(said, "nowhere was {what:?} said of {doctored:?}");
}

#[test]
fn rows_that_are_not_synced_are_lost() {
    betrays(Backend::Fjall, Doctored::Rows, "lost");
    betrays(Backend::Redb, Doctored::Rows, "refused");
}

#[test]
fn a_blob_whose_octets_are_not_synced_is_torn() {
    betrays(Backend::Redb, Doctored::Blobs, "is not what its name says");
}

#[test]
fn a_blob_whose_folder_is_not_synced_is_missing() {
    betrays(Backend::Redb, Doctored::BlobFolders, "the body of email");
}
