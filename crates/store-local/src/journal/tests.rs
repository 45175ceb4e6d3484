use super::sectors::ReadAt;
use super::*;
use crate::{Health, LocalStore, Options};
use store::block_on;
use store::{Batch, Bytes, Cell, CommitError, Query, Space, Store};
use tempfile::TempDir;

fn cell() -> Cell {
    Cell::new("a")
}

fn open(folder: &Path) -> LocalStore {
    LocalStore::open(folder, Options::default()).unwrap()
}

/// One batch of two rows.
fn commit(store: &LocalStore, name: &str) -> Result<(), CommitError> {
    let mut batch = Batch::new(cell());
    batch.put(Space::Rows, name.to_owned(), "1").put(Space::Bodies, name.to_owned(), "some body");
    block_on(store.commit(batch))
}

/// Which of the batches are there; both rows of each, or none.
fn found(store: &LocalStore, names: &[&'static str]) -> Vec<&'static str> {
    let is_there = |name: &&'static str| {
        let body = Query::Get(store::Get { space: Space::Bodies, cell: cell(), key: Bytes::from(*name) });
        let reading = block_on(store.read(vec![Query::row(&cell(), *name), body])).unwrap();
        let rows: Vec<bool> = reading.0.iter().map(|found| matches!(found, store::Found::Row(Some(_)))).collect();
        assert!(rows.first() == rows.last(), "half of batch {name}");
        rows.first() == Some(&true)
    };
    names.iter().copied().filter(is_there).collect()
}

const NAMES: [&str; 4] = ["first", "second", "third", "last"];

/// A closed store of four batches, and where each of them ends in the journal.
fn written() -> (TempDir, Vec<u64>) {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close();
    let mut ends = Vec::new();
    for name in NAMES {
        let store = open(folder.path()); // opening cuts the padding
        commit(&store, name).unwrap();
        store.close();
        ends.push(fs::metadata(journal(folder.path())).unwrap().len());
    }
    (folder, ends)
}

fn journal(folder: &Path) -> PathBuf {
    folder.join("rows/1.jnl")
}

fn copy(from: &Path) -> TempDir {
    fn copy_into(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => copy_into(&entry.path(), &to),
                false if entry.file_name() == "ballast" => {}
                false => drop(fs::copy(entry.path(), to).unwrap()),
            }
        }
    }
    let copy = tempfile::tempdir().unwrap();
    copy_into(from, copy.path());
    copy
}

#[test]
fn a_batch_torn_anywhere_is_cut_whole() {
    let (folder, ends) = written();
    for at in ends[2]..ends[3] {
        let torn = copy(folder.path());
        File::options().write(true).open(journal(torn.path())).unwrap().set_len(at).unwrap();
        let store = open(torn.path());
        assert_eq!(found(&store, &NAMES), NAMES[..3], "cut at {at}");
        assert_eq!(store.health(), Health::Ok);
        commit(&store, "after").unwrap();
        drop(store);
        assert_eq!(found(&open(torn.path()), &["third", "last", "after"]), ["third", "after"]);
    }
}

/// Octets of the last batch that did not reach the disk, while later ones and the file's length did.
#[test]
fn a_batch_with_holes_is_cut_whole() {
    let (folder, ends) = written();
    let whole = fs::read(journal(folder.path())).unwrap();
    for (from, to) in
        [(ends[2], ends[3] - 1), (ends[2], ends[2] + 20), (ends[2] + 9, ends[3] - 5), (ends[3] - 9, ends[3])]
    {
        let torn = copy(folder.path());
        let mut octets = whole.clone();
        octets[from as usize..to as usize].fill(0);
        octets.extend([0; 5000]);
        fs::write(journal(torn.path()), octets).unwrap();
        let store = open(torn.path());
        assert_eq!(found(&store, &NAMES), NAMES[..3], "zeros at {from}..{to}");
        assert_eq!(store.health(), Health::Ok);
        let kept = fs::read_dir(torn.path().join("aside")).unwrap().count();
        assert_eq!(kept, 1, "what was cut is kept");
    }
}

#[test]
fn every_flipped_octet_of_the_last_batch_is_seen() {
    let (folder, ends) = written();
    let whole = fs::read(journal(folder.path())).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    for at in ends[2]..ends[3] {
        let mut octets = whole.clone();
        octets[at as usize] ^= 0x55;
        let path = scratch.path().join("1.jnl");
        fs::write(&path, octets).unwrap();
        let scanned = scan::scan(&path, None).unwrap();
        // A flipped number still is a number: the sum does not cover it. Only one out of order is seen.
        let in_number = (ends[2] + 5..ends[2] + 9).contains(&at);
        let is_torn = scanned.ending == Ending::Torn { at: ends[2], end: ends[3] };
        assert!(is_torn || in_number, "flipped at {at}: {scanned:?}");
    }
}

#[test]
fn damage_before_good_batches_opens_read_only() {
    let (folder, ends) = written();
    let whole = fs::read(journal(folder.path())).unwrap();
    for at in [ends[0] + 30, ends[0], ends[1] - 1, ends[1] - 13] {
        let damaged = copy(folder.path());
        let mut octets = whole.clone();
        octets[at as usize] ^= 0x55;
        fs::write(journal(damaged.path()), &octets).unwrap();
        for _ in 0..2 {
            let store = open(damaged.path());
            assert_eq!(found(&store, &NAMES), ["first", "third", "last"], "flipped at {at}");
            assert!(matches!(commit(&store, "more"), Err(CommitError::ReadOnly(_))));
            assert!(matches!(store.health(), Health::ReadOnly { reason } if reason.contains("1.jnl is damaged")));
        }
        assert_eq!(fs::read(damaged.path().join("aside/1.jnl-1.damaged")).unwrap(), octets);
        fs::remove_file(damaged.path().join("aside").join(MARKER)).unwrap();
        let store = open(damaged.path());
        assert_eq!((store.health(), commit(&store, "more")), (Health::Ok, Ok(())));
        assert_eq!(found(&store, &["third", "last", "more"]), ["third", "last", "more"]);
    }
}

#[test]
fn batches_that_were_not_acknowledged_are_cut_by_number() {
    let (folder, ends) = written();
    let journals = Journals::of(folder.path());
    let last = scan::scan(&journal(folder.path()), None).unwrap().last_seqno.unwrap();
    journals.cut_from(last + 1).unwrap();
    assert_eq!(fs::metadata(journal(folder.path())).unwrap().len(), ends[3]);
    journals.cut_from(last).unwrap();
    assert_eq!(fs::metadata(journal(folder.path())).unwrap().len(), ends[2]);
    assert_eq!(found(&open(folder.path()), &NAMES), NAMES[..3]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_octets_panic(octets in proptest::collection::vec(0..8_u8, 0..2000)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.jnl");
        fs::write(&path, octets).unwrap();
        let scanned = scan::scan(&path, None).unwrap();
        proptest::prop_assert!(scanned.batches == 0 || scanned.last_seqno.is_some());
    }
}

/// What a crash leaves stops before its end, as a process does that is killed between two writes, or has a sector that was never
/// written; the rest was whole once.
#[test]
fn a_rotten_end_is_told_from_a_torn_one() {
    let (folder, ends) = written();
    let whole = fs::read(journal(folder.path())).unwrap();
    for at in (ends[2]..ends[3]).step_by(7) {
        let rotten = copy(folder.path());
        let mut octets = whole.clone();
        octets[at as usize] ^= 1;
        fs::write(journal(rotten.path()), octets).unwrap();
        let store = open(rotten.path());
        assert_eq!(store.health(), Health::Ok);
        if found(&store, &NAMES).len() < NAMES.len() {
            let aside = crate::Aside::all(rotten.path()).unwrap();
            assert!(aside.len() == 1 && aside[0].kind == crate::AsideKind::Lost, "flipped at {at}: {aside:?}");
            crate::Aside::all_seen(rotten.path()).unwrap();
            assert!(crate::Aside::all(rotten.path()).unwrap().is_empty());
        }
    }
    for at in ends[2] + 1..ends[3] {
        let torn = copy(folder.path());
        let mut octets = whole.clone();
        octets[at as usize..].fill(0);
        fs::write(journal(torn.path()), octets).unwrap();
        let store = open(torn.path());
        let aside = crate::Aside::all(torn.path()).unwrap();
        // Without its last octet it may as well be one that is damaged there.
        let told = aside.iter().any(|one| one.kind == crate::AsideKind::Lost);
        assert!(store.health() == Health::Ok && (!told || at + 1 == ends[3]), "cut at {at}: {aside:?}");
    }
    let end = b"FJL\x03".to_vec();
    for (octets, start, torn) in [
        (vec![1; 512], 0, true),
        (vec![1; 13], 500, true),
        ([vec![1; 512], end.clone()].concat(), 500, false),
        ([vec![1; 512], b"FJm\x03".to_vec()].concat(), 500, false),
        ([vec![1; 512], b"FJL".to_vec()].concat(), 500, false),
        ([vec![1; 512], vec![0; 512], end.clone()].concat(), 1024, true),
        ([vec![1; 512], vec![0; 511], end].concat(), 1024, false),
    ] {
        assert_eq!(looks_torn(&octets, start), torn, "{} octets at {start}", octets.len());
    }
}

/// A number is not covered by the sum: also a batch whose number is too high is the only one that is lost.
#[test]
fn a_wrong_number_takes_its_own_batch_only() {
    let (folder, ends) = written();
    let starts = [0, ends[0], ends[1]];
    let whole = fs::read(journal(folder.path())).unwrap();
    for (batch, start) in starts.into_iter().enumerate().take(2) {
        for octet in [6, 8, 11, 12] {
            let damaged = copy(folder.path());
            let mut octets = whole.clone();
            octets[start as usize + octet] ^= 0x40;
            fs::write(journal(damaged.path()), octets).unwrap();
            let store = open(damaged.path());
            let mut left = NAMES.to_vec();
            left.remove(batch);
            assert_eq!(found(&store, &NAMES), left, "batch {batch}, octet {octet}");
            assert!(matches!(store.health(), Health::ReadOnly { .. }));
        }
    }
}

/// Somebody sends what looks like a batch, and the batch that brings it is damaged, wherever; with others behind it, and without.
#[test]
fn what_looks_like_a_batch_in_a_row_is_never_taken_for_one() {
    let (other, ends) = written();
    let forged = fs::read(journal(other.path())).unwrap()[ends[2] as usize..].to_vec();
    let (folder, mail) = (tempfile::tempdir().unwrap(), [&forged[..], &forged, &forged, b"end"].concat());
    open(folder.path()).close();
    let mut ends = Vec::new();
    for name in ["first", "mail", "third", "fourth"] {
        let store = open(folder.path());
        let mut batch = Batch::new(cell());
        let body = if name == "mail" { Bytes::from(mail.clone()) } else { Bytes::from("some body") };
        batch.put(Space::Rows, name.to_owned(), "1").put(Space::Bodies, name.to_owned(), body);
        block_on(store.commit(batch)).unwrap();
        store.close();
        ends.push(fs::metadata(journal(folder.path())).unwrap().len());
    }
    let whole = fs::read(journal(folder.path())).unwrap();
    // The numbers of what was sent follow those of the store.
    let number = |at: u64| u64::from_le_bytes(whole[at as usize + 5..at as usize + 13].try_into().unwrap());
    let place =
        |n: usize| whole.windows(forged.len()).enumerate().filter(|(_, part)| *part == forged).nth(n).unwrap().0;
    let mut whole = whole.clone();
    let raised = (number(ends[1]) + 7).to_le_bytes();
    (0..3).map(place).collect::<Vec<_>>().into_iter().for_each(|at| whole[at + 5..at + 13].copy_from_slice(&raised));
    for (end, behind) in [(ends[1], vec![]), (ends[3], vec!["third", "fourth"])] {
        for at in ends[0]..ends[1] - 1 {
            let mut octets = whole[..end as usize].to_vec();
            octets[at as usize] ^= 0x55;
            let path = folder.path().join("1.jnl");
            fs::write(&path, octets).unwrap();
            let scanned = scan::scan(&path, None).unwrap();
            let good = scanned.batches;
            assert!(
                good == 1 + behind.len() as u64 || (good == 2 + behind.len() as u64 && at < ends[0] + 13),
                "{at}: {scanned:?}"
            );
        }
    }
}

/// fjall makes a journal of 64 MiB; one that it finds grows with each write, which is slow to sync.
#[test]
fn an_empty_journal_is_exchanged_for_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    for name in NAMES {
        let store = open(folder.path());
        assert_eq!(fs::metadata(journal(folder.path())).unwrap().len(), 64 << 20, "before {name}");
        commit(&store, name).unwrap();
        store.settle_at_close();
        store.close();
        assert_eq!(fs::metadata(journal(folder.path())).unwrap().len(), 0, "after {name}");
    }
    assert_eq!(found(&open(folder.path()), &NAMES), NAMES);
}

#[test]
fn what_is_written_behind_an_empty_journal_is_newer_than_what_lies_in_tables() {
    let folder = tempfile::tempdir().unwrap();
    let row = || Query::row(&cell(), "row");
    for (n, settles) in [true, false, true, true, false].into_iter().enumerate() {
        let store = open(folder.path());
        let before = block_on(store.read(vec![row()])).unwrap().into_row();
        assert_eq!(before, n.checked_sub(1).map(|n| Bytes::from(n.to_string())));
        let mut batch = Batch::new(cell());
        batch.expect("row", before).put(Space::Rows, "row", n.to_string());
        block_on(store.commit(batch)).unwrap();
        if settles {
            store.settle_at_close();
        }
    }
    assert_eq!(block_on(open(folder.path()).read(vec![row()])).unwrap().into_row().as_deref(), Some(&b"4"[..]));
}

#[test]
fn a_start_that_ended_between_two_journals_is_told_from_lost_ones() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    commit(&store, "first").unwrap();
    store.settle_at_close();
    store.close();
    let killed = copy(folder.path());
    let journals = Journals::of(killed.path());
    journals.renew().unwrap();
    assert!(journals.list().unwrap().is_empty());
    let store = open(killed.path());
    assert_eq!(found(&store, &NAMES), ["first"]);
    commit(&store, "second").unwrap();
    store.close();
    assert!(!killed.path().join("rows/renewing").exists());
    assert_eq!(found(&open(killed.path()), &NAMES), ["first", "second"]);
    fs::remove_file(journal(folder.path())).unwrap();
    let refused = LocalStore::open(folder.path(), Options::default()).err().unwrap();
    assert!(matches!(refused, crate::OpenError::Damaged { file, .. } if file == journal(folder.path())));
}

/// A disk with a page that it cannot read.
struct BadPage(Vec<u8>);

const PAGE: u64 = 4096;

impl ReadAt for BadPage {
    fn read_at(&self, octets: &mut [u8], at: u64) -> io::Result<usize> {
        let end = self.octets()?.min(at + octets.len() as u64);
        if at < 2 * PAGE && end > PAGE {
            return Err(rustix::io::Errno::IO.into());
        }
        self.0.as_slice().get(at as usize..).unwrap_or_default().read(octets)
    }

    fn octets(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
}

#[test]
fn what_a_disk_cannot_read_is_damage_of_one_page() {
    let whole: Vec<u8> = (0..3 * PAGE + 100).map(|n| (n % 199) as u8).collect();
    for from in [0, 7, PAGE, PAGE + 9, 2 * PAGE] {
        let (mut sectors, mut read) = (Sectors::of(BadPage(whole.clone())), Vec::new());
        (0..100).for_each(|_| {
            sectors.seek(SeekFrom::Start(from)).unwrap();
            read.clear();
            sectors.read_to_end(&mut read).unwrap();
        });
        let wanted = (from..).zip(&whole[from as usize..]);
        let wanted = wanted.map(|(at, octet)| if at / PAGE == 1 { 0xee } else { *octet });
        assert!(read.into_iter().eq(wanted), "from {from}");
        assert_eq!(sectors.lacks_some(), from < 2 * PAGE);
    }
    // One that ends within the page, too.
    let (mut sectors, mut read) = (Sectors::of(BadPage(whole[..PAGE as usize + 10].to_vec())), Vec::new());
    sectors.read_to_end(&mut read).unwrap();
    assert_eq!(read.len(), PAGE as usize + 10);
}
