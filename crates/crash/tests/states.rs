//! A few sequences on each engine; and what is broken on purpose is seen.
#![allow(clippy::unwrap_used, reason = "all of it is a test")]

use crash::record::read;
use crash::run::{Depth, Doctored, Report, Walk, build_shim, doctor, record};
use std::path::Path;
use store_local::Backend;

/// What judging a sequence finds, perhaps with syncs that did nothing.
fn judged(backend: Backend, seed: u64, points: u64, doctored: Option<Doctored>) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let shim = build_shim(folder.path()).expect("a C compiler is there, as README demands");
    let path = folder.path().join("record");
    record(Path::new(env!("CARGO_BIN_EXE_crash")), &shim, backend, seed, &path).unwrap();
    let mut records = read(&path);
    if let Some(doctored) = doctored {
        doctor(&mut records, doctored);
    }
    let data = folder.path().join("data");
    let depth = Depth { random: 2, points, states: 20 };
    Walk { seed, backend, depth, only: None, folder: &data }.go(&records)
}

fn keeps_its_promises(backend: Backend) {
    for seed in [4, 8] {
        let report = judged(backend, seed, 4, None);
        assert!(report.findings.is_empty(), "{backend} {seed}: {:?}", report.findings);
        assert!(report.judged.values().sum::<u64>() > 5);
    }
}

#[test]
fn fjall_keeps_its_promises() {
    keeps_its_promises(Backend::Fjall);
}

#[test]
fn redb_keeps_its_promises() {
    keeps_its_promises(Backend::Redb);
}

/// Whether one of the findings says so.
fn says(report: &Report, what: &str) -> bool {
    report.findings.iter().flat_map(|finding| &finding.wrong).any(|wrong| wrong.contains(what))
}

#[test]
fn rows_that_are_not_synced_are_lost() {
    assert!(says(&judged(Backend::Fjall, 1, 4, Some(Doctored::Rows)), "lost"));
    let report = judged(Backend::Redb, 1, 4, Some(Doctored::Rows));
    assert!(says(&report, "refused") || says(&report, "lost"), "{:?}", report.findings);
}

#[test]
fn a_blob_whose_octets_are_not_synced_is_torn() {
    let report = judged(Backend::Redb, 1, 6, Some(Doctored::Blobs));
    assert!(says(&report, "is not what its name says"), "{:?}", report.findings);
}

#[test]
fn a_blob_whose_folder_is_not_synced_is_missing() {
    assert!(says(&judged(Backend::Redb, 1, 6, Some(Doctored::BlobFolders)), "the body of email"));
}
