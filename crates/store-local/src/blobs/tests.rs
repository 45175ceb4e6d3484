use super::*;
use crate::{DiskSpace, SpaceProbe};
use store::block_on;
use store::conformance::{BlobSubject, Damage, run_blobs};
use tempfile::TempDir;

struct Reopened {
    folder: TempDir,
    blobs: Option<LocalBlobs>,
}

impl Reopened {
    fn new() -> Reopened {
        let folder = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open(folder.path(), Options::default()).unwrap();
        Reopened { folder, blobs: Some(blobs) }
    }

    fn files(&self) -> Vec<PathBuf> {
        let fans = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let fans = fans.filter(|path| path.is_dir());
        fans.flat_map(|fan| fs::read_dir(fan).unwrap().map(|entry| entry.unwrap().path())).collect()
    }
}

impl BlobSubject for Reopened {
    fn blobs(&self) -> &dyn Blobs {
        self.blobs.as_ref().unwrap()
    }
    fn reopen(&mut self) {
        self.blobs = None;
        self.blobs = Some(LocalBlobs::open(self.folder.path(), Options::default()).unwrap());
    }
    fn damage(&mut self, id: BlobId, how: Damage) {
        let path = self.blobs.as_ref().unwrap().files.path(id);
        let mut octets = fs::read(&path).unwrap();
        let last = octets.pop().unwrap();
        if how == Damage::Flipped {
            octets.push(last ^ 1);
        }
        fs::write(path, octets).unwrap();
    }
}

#[test]
fn conforms() {
    run_blobs(Reopened::new);
}

#[test]
fn what_was_being_written_is_forgotten_at_the_next_start() {
    let mut subject = Reopened::new();
    let mut writer = block_on(subject.blobs().begin()).unwrap();
    block_on(writer.write(Bytes::from_static(b"half"))).unwrap();
    assert_eq!(subject.files().len(), 1);
    std::mem::forget(writer); // as a crash leaves it: its file stays, and its hold on the threads
    subject.reopen();
    assert!(subject.files().is_empty());
}

#[test]
fn a_dropped_writer_leaves_no_file() {
    let subject = Reopened::new();
    let mut writer = block_on(subject.blobs().begin()).unwrap();
    block_on(writer.write(Bytes::from_static(b"half"))).unwrap();
    drop(writer);
    assert!(subject.files().is_empty());
}

#[test]
fn a_nearly_full_disk_begins_no_blob() {
    let folder = tempfile::tempdir().unwrap();
    let probe = |_: &Path| Ok(DiskSpace { free_octets: 1 << 20, total_octets: 1 << 30 });
    let options = Options { space: SpaceProbe::new(probe), ..Options::default() };
    let blobs = LocalBlobs::open(folder.path(), options).unwrap();
    assert!(matches!(block_on(blobs.begin()).err(), Some(CommitError::NoSpace(_))));
    assert!(blobs.doubt(BlobId([1; 32])));
    assert_eq!(block_on(blobs.delete(BlobId([1; 32]))), Ok(true));
}

#[test]
fn a_strange_file_is_no_blob() {
    let subject = Reopened::new();
    for name in ["README", "ab", &"zz".repeat(31), &"AB".repeat(31), &"+1".repeat(31)] {
        fs::write(subject.folder.path().join("00").join(name), b"").unwrap();
    }
    assert!(block_on(subject.blobs().list(None)).unwrap().ids.is_empty());
}
