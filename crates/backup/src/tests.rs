//! Backups of stores in memory, into folders that vanish.

use crate::age::Identity;
use crate::verify::{self, Held};
use crate::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use store::block_on;
use store::memory::{MemoryBlobs, MemoryStore};
use store::{Batch, BlobId, Blobs, Bytes, Cell, RowPlace, Space, Store};

/// Ends the run before a step that changes the disk, once the folder's fuse has burnt down.
pub fn burn(folder: &Folder) -> Result<(), Error> {
    let mut fuse = folder.fuse.lock().unwrap();
    match fuse.as_mut() {
        None => Ok(()),
        Some(0) => Err(Error::Source("killed".into())),
        Some(left) => {
            *left -= 1;
            Ok(())
        }
    }
}

struct Rig {
    top: tempfile::TempDir,
    store: MemoryStore,
    blobs: MemoryBlobs,
}

impl Rig {
    fn new() -> Rig {
        Rig { top: tempfile::tempdir().unwrap(), store: MemoryStore::new(), blobs: MemoryBlobs::new() }
    }

    fn folder(&self) -> PathBuf {
        self.top.path().join("backups")
    }

    fn put(&self, space: Space, cell: &str, rows: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let mut batch = Batch::new(Cell::new(cell.to_owned()));
        for (key, value) in rows {
            batch.put(space, key, value);
        }
        block_on(self.store.commit(batch)).unwrap();
    }

    /// With a row that links to it.
    fn blob(&self, octets: &[u8]) -> BlobId {
        let mut writer = block_on(self.blobs.begin()).unwrap();
        block_on(writer.write(Bytes::copy_from_slice(octets))).unwrap();
        let id = block_on(writer.finish()).unwrap().id;
        let mut batch = Batch::new(mailstore::queue_link(id, model::QueueId(1)).0);
        batch.put(Space::Rows, "q1234567", "");
        block_on(self.store.commit(batch)).unwrap();
        id
    }

    fn filled() -> Rig {
        let rig = Rig::new();
        rig.put(Space::Rows, "a1", (0..400).map(|n| (format!("row {n:04}"), vec![n as u8; 3000])));
        rig.put(Space::Bodies, "a1", (0..100).map(|n| (format!("body {n:04}"), vec![n as u8; 30_000])));
        rig.blob(&[b'x'; 70_000]);
        rig.blob(b"small");
        rig
    }

    fn create_with(&self, identity: Option<&Identity>, recheck: bool, fuse: Option<u32>) -> Result<Report, Error> {
        let mut folder = Folder::open_or_make(&self.folder())?;
        *folder.fuse.lock().unwrap() = fuse;
        let plan = Plan {
            taken: model::Timestamp::from_unix_ms(1_795_320_646_000),
            program: "test".into(),
            recipients: identity.map(Identity::recipient).into_iter().collect(),
            naming: [7; 32],
            recheck,
        };
        let snapshot = block_on(self.store.snapshot()).unwrap();
        create(&mut folder, &mut Opened::new(snapshot, &self.blobs), &plan, &mut |_| {})
    }

    fn create(&self) -> Report {
        self.create_with(None, false, None).unwrap()
    }

    fn open(&self, wanted: &str, identity: Option<&Identity>, gaps: Gaps) -> Result<Backup, Error> {
        Backup::open(Folder::open(&self.folder())?, wanted, identity.cloned().into_iter().collect(), gaps)
    }

    fn restored(&self, wanted: &str, identity: Option<&Identity>) -> Result<(MemoryStore, MemoryBlobs), Error> {
        let (store, blobs) = (MemoryStore::new(), MemoryBlobs::new());
        restore(&self.open(wanted, identity, Gaps::Refused)?, (&store, &blobs), &mut |_| {})?;
        Ok((store, blobs))
    }

    fn is_equal(&self, (store, blobs): &(MemoryStore, MemoryBlobs)) {
        assert!(all(&self.store) == all(store), "the rows differ");
        assert_eq!(blob_ids(&self.blobs), blob_ids(blobs));
    }
}

fn all(store: &dyn Store) -> Vec<(RowPlace, Bytes)> {
    let snapshot = block_on(store.snapshot()).unwrap();
    block_on(snapshot.rows(None, usize::MAX)).unwrap().rows
}

fn blob_ids(blobs: &MemoryBlobs) -> Vec<BlobId> {
    block_on(blobs.list(None)).unwrap().ids
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn what_was_backed_up_is_restored() {
    let rig = Rig::filled();
    let report = rig.create();
    assert_eq!((report.rows, report.blobs, report.blobs_new), (502, 2, 2));
    assert_eq!(report.chunks, report.chunks_new);
    assert!(report.written_octets < report.octets / 5, "it is packed: {report:?}");
    rig.is_equal(&rig.restored("", None).unwrap());
}

#[test]
fn encrypted_it_is_opened_by_its_key_alone() {
    let (rig, anna, ben) = (Rig::filled(), Identity::generate().unwrap(), Identity::generate().unwrap());
    let report = rig.create_with(Some(&anna), false, None).unwrap();
    let again = rig.create_with(Some(&anna), false, None).unwrap();
    assert_eq!((again.chunks_new, again.blobs_new), (0, 0));
    assert_ne!(again.id, report.id);
    rig.is_equal(&rig.restored(&report.id, Some(&anna)).unwrap());
    assert!(matches!(rig.restored("", None), Err(Error::Sealed(_))));
    assert!(matches!(rig.restored("", Some(&ben)), Err(Error::Age { .. })));
    for file in files(&rig.folder()) {
        let octets = fs::read(&file).unwrap();
        let is_in = |text: &[u8]| octets.windows(text.len()).any(|window| window == text);
        assert!(!is_in(b"row 0001") && !is_in(b"xxxxxxxx") && !is_in(blake3::hash(b"small").as_bytes()), "{file:?}");
    }
    let to_ben = rig.create_with(Some(&ben), false, None).unwrap();
    assert_eq!(to_ben.chunks_new, to_ben.chunks, "what is encrypted to others is another object");
}

#[test]
fn a_second_one_writes_what_is_new() {
    let rig = Rig::filled();
    let first = rig.create();
    let same = rig.create();
    assert_eq!((same.chunks_new, same.blobs_new, same.chunks), (0, 0, first.chunks));
    rig.put(Space::Rows, "a1", [("row 0200".into(), b"changed".to_vec())]);
    rig.put(Space::Bodies, "a1", [("body 9999".into(), b"new".to_vec())]);
    let new = rig.blob(b"new blob");
    let second = rig.create();
    assert_eq!((second.chunks_new, second.blobs_new), (3, 1), "a changed row, a new body, a new link");
    rig.is_equal(&rig.restored(&second.id, None).unwrap());
    let (store, blobs) = rig.restored(&first.id, None).unwrap();
    assert!(!blob_ids(&blobs).contains(&new) && all(&store).len() == 502, "the first is as it was");
}

#[test]
fn killed_at_any_step_it_goes_on_later() {
    let rig = Rig::filled();
    let mut kills = 0;
    let report = loop {
        match rig.create_with(None, false, Some(kills)) {
            Ok(report) => break report,
            Err(Error::Source(_)) => {}
            Err(error) => panic!("{error}"),
        }
        let listed = Folder::open(&rig.folder()).map_or_else(|_| Vec::new(), |folder| folder.ids().unwrap());
        // A half-made one is not listed; one of whose lists the first is there is whole.
        listed.iter().for_each(|id| rig.is_equal(&rig.restored(id, None).unwrap()));
        kills += 1;
    };
    assert!(kills > 10, "{kills}");
    assert!(report.chunks_new <= 1 && report.blobs_new <= 1, "what was written is found: {report:?}");
    rig.is_equal(&rig.restored("", None).unwrap());
    assert_eq!(files(&rig.folder().join("tmp")), Vec::<PathBuf>::new());
}

#[test]
fn every_flipped_octet_is_found_and_named() {
    let rig = Rig::new();
    rig.put(Space::Rows, "a1", (0..9).map(|n| (format!("row {n}"), vec![n; 20])));
    rig.put(Space::Bodies, "a1", [("body".into(), vec![7; 90])]);
    rig.blob(b"a blob");
    rig.create();
    let mut flipped = 0;
    for file in files(&rig.folder()) {
        let whole = fs::read(&file).unwrap();
        // Most of what stands behind is alike.
        for at in (0..whole.len()).filter(|at| *at < 400 || at % 7 == 0) {
            let mut octets = whole.clone();
            octets[at] ^= 1 << (at % 8);
            fs::write(&file, &octets).unwrap();
            let found = found(&rig);
            assert!(found.contains(&file.display().to_string()), "octet {at} of {}: {found}", file.display());
            flipped += 1;
        }
        fs::write(&file, &whole).unwrap();
    }
    assert!(flipped > 500, "{flipped}");
    assert_eq!(found(&rig), "");
    rig.is_equal(&rig.restored("", None).unwrap());
}

/// All that is wrong with a folder; what it gives in spite of that is right.
fn found(rig: &Rig) -> String {
    let folder = match Folder::open(&rig.folder()) {
        Ok(folder) => folder,
        Err(error) => return error.to_string(),
    };
    let mut found: Vec<String> = folder.mark_damage().iter().map(ToString::to_string).collect();
    let id = folder.ids().unwrap().pop().unwrap();
    let listed = folder.listed(&id);
    found.extend(listed.copy_damaged.iter().map(ToString::to_string));
    let backup = match Backup::of(folder, listed, Vec::new(), Gaps::Skipped) {
        Ok(backup) => backup,
        Err(error) => return error.to_string(),
    };
    for damage in verify::lists(&backup).unwrap().into_iter().chain(verify::objects(&backup, &mut |_, _| {}).unwrap()) {
        found.push(damage.why);
        assert_eq!(damage.held, Held::Mended);
    }
    assert!(all(&rig.store) == all(&backup), "nothing is lost");
    found.join("\n")
}

#[test]
fn what_the_disk_lost_is_had_again_and_mended() {
    let anna = Identity::generate().unwrap();
    for identity in [None, Some(&anna)] {
        let rig = Rig::filled();
        rig.create_with(identity, false, None).unwrap();
        let whole: Vec<_> = files(&rig.folder()).into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect();
        let packed = whole.iter().filter(|(octets, _)| octets.starts_with(b"postamt backup ") && octets.contains(&0));
        for (octets, file) in packed {
            let mut lost = octets.clone();
            lost.iter_mut().take(4096).for_each(|octet| *octet = !*octet);
            fs::write(file, lost).unwrap();
        }
        rig.is_equal(&rig.restored("", identity).unwrap());
        let damage = {
            let backup = rig.open("", identity, Gaps::Refused).unwrap();
            let damage = verify::objects(&backup, &mut |_, _| {}).unwrap();
            [damage, verify::lists(&backup).unwrap()].concat()
        };
        assert!(
            damage.iter().all(|damage| damage.held == Held::Mended && damage.why.contains("had again")),
            "{damage:?}"
        );
        let mut folder = Folder::open_to_change(&rig.folder()).unwrap();
        damage.iter().for_each(|damage| folder.mend(&damage.path).unwrap());
        assert!(damage.len() > 5, "{damage:?}");
        for (octets, file) in whole {
            assert!(fs::read(&file).unwrap() == octets, "{}", file.display());
        }
    }
}

/// The file as it was written before there was parity.
fn bare(file: &Path) {
    let octets = fs::read(file).unwrap();
    let end = octets.iter().position(|octet| *octet == b'\n').unwrap() + 1;
    let line = str::from_utf8(&octets[..end]).unwrap();
    let (title, rest) = line.split_once(", format 2, ").unwrap();
    let (length, hash) = rest.split_once(" octets, ").unwrap();
    let content = &octets[end..end + length.parse::<usize>().unwrap()];
    fs::write(file, [format!("{title}, format 1, {hash}").as_bytes(), content].concat()).unwrap();
}

#[test]
fn folders_of_the_first_format_go_on() {
    let rig = Rig::filled();
    rig.create();
    files(&rig.folder().join("objects"))
        .iter()
        .chain(&files(&rig.folder().join("manifests")))
        .for_each(|file| bare(file));
    let mark = rig.folder().join("postamt-backup");
    fs::write(&mark, folder::MARK_TEXT_BARE).unwrap();
    assert_eq!(found(&rig), "");
    rig.is_equal(&rig.restored("", None).unwrap());
    let list = files(&rig.folder().join("manifests")).pop().unwrap();
    let whole = fs::read(&list).unwrap();
    fs::write(&list, "nothing").unwrap();
    Folder::open_to_change(&rig.folder()).unwrap().mend(&list).unwrap();
    assert!(fs::read(&list).unwrap() == whole, "a list is mended by its copy, as it was");
    let second = rig.create();
    assert_eq!((second.chunks_new, second.blobs_new), (0, 0));
    assert!(fs::read_to_string(&mark).unwrap().contains("format 2"));
    assert_eq!(found(&rig), "");
    rig.is_equal(&rig.restored("", None).unwrap());
}

#[test]
fn what_is_damaged_can_be_written_anew_and_the_rest_is_readable() {
    let rig = Rig::filled();
    rig.create();
    let file =
        files(&rig.folder().join("objects")).into_iter().max_by_key(|file| file.metadata().unwrap().len()).unwrap();
    fs::write(&file, b"nothing").unwrap();
    assert!(rig.restored("", None).is_err());
    let backup = rig.open("", None, Gaps::Skipped).unwrap();
    let rest = all(&backup).len();
    assert!((1..502).contains(&rest), "{rest}");
    assert_eq!(backup.damage().len(), 1);
    drop(backup);
    let again = rig.create_with(None, true, None).unwrap();
    assert_eq!(again.chunks_new, 1);
    rig.is_equal(&rig.restored("", None).unwrap());
}

#[test]
fn a_blob_that_is_gone_or_damaged_is_told() {
    let rig = Rig::filled();
    let (gone, damaged) = (rig.blob(b"gone"), rig.blob(b"damaged"));
    assert!(rig.blobs.doubt(gone) && block_on(rig.blobs.delete(gone)).unwrap());
    assert!(rig.blobs.damage(damaged));
    let report = rig.create();
    let missing: BTreeSet<BlobId> = report.missing.iter().copied().collect();
    assert_eq!(missing, [gone, damaged].into());
    assert_eq!(rig.open("", None, Gaps::Refused).unwrap().content().missing, report.missing);
}

#[test]
fn only_one_writes_and_foreign_folders_are_left_alone() {
    let rig = Rig::filled();
    let folder = Folder::open_or_make(&rig.folder()).unwrap();
    assert!(matches!(rig.create_with(None, false, None), Err(Error::Locked(_))));
    assert!(matches!(Folder::open(&rig.folder()), Err(Error::Locked(_))));
    drop(folder);
    let other = rig.top.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("letter"), "dear").unwrap();
    assert!(matches!(Folder::open_or_make(&other), Err(Error::Foreign { .. })));
    assert!(matches!(Folder::open(&other), Err(Error::Foreign { .. })));
    let mark = rig.folder().join("postamt-backup");
    let text = fs::read_to_string(&mark).unwrap().replace("format 2", "format 3");
    fs::write(&mark, text).unwrap();
    let error = Folder::open(&rig.folder()).err().unwrap().to_string();
    assert!(error.contains("has format 3") && error.contains("use the postamt that wrote it"), "{error}");
}

#[test]
fn forgetting_takes_only_what_no_other_needs() {
    let rig = Rig::filled();
    let first = rig.create();
    rig.put(Space::Rows, "a1", [("row 0200".into(), b"changed".to_vec())]);
    let second = rig.create();
    let mut folder = Folder::open_or_make(&rig.folder()).unwrap();
    let forgotten = forget::<Error>(&mut folder, |_| Ok([first.id.clone()].into())).unwrap();
    assert_eq!((forgotten.backups, forgotten.kept, forgotten.objects), (vec![first.id], vec![second.id], 1));
    drop(folder);
    rig.is_equal(&rig.restored("", None).unwrap());
}

#[test]
fn rules_of_keeping() {
    const DAY_MS: i64 = 86_400_000;
    // Twice a day for 400 days, until Thursday, 5 Feb 1971.
    let backups: Vec<(String, model::Timestamp)> =
        (0..800).map(|n| (format!("{n:03}"), model::Timestamp::from_unix_ms(n * DAY_MS / 2))).collect();
    let kept = |keep: Keep| keep.of(&backups).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(kept(Keep { last: 3, ..Keep::default() }), "797 798 799");
    assert_eq!(kept(Keep { daily: 3, ..Keep::default() }), "795 797 799");
    assert_eq!(kept(Keep { weekly: 3, ..Keep::default() }), "777 791 799");
    assert_eq!(kept(Keep { monthly: 2, ..Keep::default() }), "791 799");
    assert_eq!(kept(Keep { yearly: 2, ..Keep::default() }), "729 799");
    assert_eq!(kept(Keep::default()), "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn any_store_comes_back(program in prop::collection::vec((any::<bool>(), 0u8..5, any::<u16>(), 0usize..40_000), 1..60)) {
        let rig = Rig::new();
        for (half, steps) in program.chunks(20).enumerate() {
            for (is_body, cell, key, len) in steps {
                let space = if *is_body { Space::Bodies } else { Space::Rows };
                rig.put(space, &"c".repeat(usize::from(*cell)), [(key.to_string(), vec![*key as u8; *len])]);
            }
            if half == 1 {
                rig.create();
            }
        }
        let report = rig.create();
        rig.is_equal(&rig.restored(&report.id, None).unwrap());
        let backup = rig.open(&report.id, None, Gaps::Refused).unwrap();
        for (place, value) in all(&rig.store) {
            let get = store::Query::Get(store::Get { space: place.space, cell: place.cell, key: place.key });
            prop_assert_eq!(block_on(backup.read(vec![get])).unwrap().into_row(), Some(value));
        }
    }
}

/// A disk may lose a name, too: its twin has all that it had.
#[test]
fn a_list_that_is_gone_is_had_by_its_copy() {
    let rig = Rig::filled();
    let report = rig.create();
    let lists = Folder::open(&rig.folder()).unwrap().lists(&report.id);
    for list in lists {
        let whole = fs::read(&list).unwrap();
        fs::remove_file(&list).unwrap();
        assert!(found(&rig).contains(&list.display().to_string()));
        rig.is_equal(&rig.restored("", None).unwrap());
        Folder::open_to_change(&rig.folder()).unwrap().mend(&list).unwrap();
        assert_eq!(fs::read(&list).unwrap(), whole);
    }
    let mut folder = Folder::open_to_change(&rig.folder()).unwrap();
    folder.remove_manifest(&report.id).unwrap();
    assert_eq!(folder.ids().unwrap(), Vec::<String>::new());
}

/// Though the second is free again of which it was taken, it is not older than what was there.
#[test]
fn the_newest_of_a_second_has_the_last_name() {
    let rig = Rig::filled();
    let (first, second) = (rig.create().id, rig.create().id);
    assert!(second > first);
    Folder::open_to_change(&rig.folder()).unwrap().remove_manifest(&first).unwrap();
    assert!(rig.create().id > second);
}
