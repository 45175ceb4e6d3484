use super::*;
use crate::{Aside, DiskSpace, Health, LocalStore, SpaceProbe, integrity, loss};
use std::collections::BTreeMap;
use std::fs;
use store::{Batch, Cell, CommitError, RowPlace, Store, block_on};
use tempfile::TempDir;

pub(super) type Rows = BTreeMap<(Space, Vec<u8>), Bytes>;

pub(super) fn options() -> Options {
    Options { memtable_octets: Some(1 << 20), reserve_octets: Some(0), ..Options::default() }
}

fn put(store: &LocalStore, space: Space, key: &str, value: Option<String>) {
    let mut batch = Batch::new(Cell::new("a"));
    match value {
        Some(value) => batch.put(space, key.to_owned(), value),
        None => batch.delete(space, key.to_owned()),
    };
    block_on(store.commit(batch)).unwrap();
}

/// A full disk: the first deletion makes the store write all rows to tables and empty the journal.
fn flush(folder: &Path) {
    let full = SpaceProbe::new(|_| Ok(DiskSpace { free_octets: 1 << 20, total_octets: 1 << 30 }));
    let store = LocalStore::open(folder, Options { space: full, reserve_octets: Some(8 << 20), ..options() }).unwrap();
    let mut batch = Batch::new(Cell::new("nobody"));
    batch.makes_room = true;
    batch.delete(Space::Rows, "nothing");
    block_on(store.commit(batch)).unwrap();
    store.close();
}

fn value(n: usize, of: &str) -> String {
    format!("{of} {n} {}", "x".repeat(n * 37 % 900))
}

/// Rows in two generations of tables, and in the journal: some are changed and some deleted by a later one.
fn filled() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (of, every) in [("first", 1), ("second", 3), ("third", 5)] {
        let store = LocalStore::open(folder.path(), options()).unwrap();
        for n in (0..60).step_by(every) {
            put(&store, Space::Rows, &format!("row {n:03}"), (n % 2 == 0 || every == 1).then(|| value(n, of)));
            put(&store, Space::Bodies, &format!("body {n:03}"), Some(value(n * 7, of)));
        }
        store.close();
        if of != "third" {
            flush(folder.path());
        }
    }
    folder
}

pub(super) fn rows(folder: &Path) -> Rows {
    let store = LocalStore::open(folder, options()).unwrap();
    let snapshot = block_on(store.snapshot()).unwrap();
    let all = block_on(snapshot.rows(None, usize::MAX)).unwrap().rows;
    all.into_iter()
        .map(|(RowPlace { space, cell, key }, value)| ((space, crate::key::row_key(&cell, &key)), value))
        .collect()
}

/// What can be read without fjall, and what is lost.
fn read(folder: &Path) -> (Rows, Vec<Lost>) {
    let (mut rows, mut lost) = (Rows::new(), Vec::new());
    let mut told = |one: &Lost| lost.push(one.clone());
    let mut work = Work { backend: Backend::Fjall, done: Salvaged::default(), losses: Vec::new(), told: &mut told };
    let mut sink = |space, key, value| {
        assert!(rows.insert((space, key), value).is_none(), "a row is told once");
        Ok(())
    };
    work.take(&folder.join("rows"), &mut sink).unwrap();
    (rows, lost)
}

fn live(folder: &Path, space: Space) -> Vec<PathBuf> {
    let rows = folder.join("rows");
    let id = keyspaces::numbers(&rows).unwrap().into_iter().find(|(found, _)| *found == space).unwrap().1;
    let tables = keyspaces::tables(&rows, id, &mut |lost| panic!("{lost:?}")).unwrap();
    assert_eq!(tables.unlisted, None);
    tables.live.into_iter().map(|table| table.path).collect()
}

fn flip(file: &Path, at: usize) {
    let mut octets = fs::read(file).unwrap();
    octets[at] ^= 0x55;
    fs::write(file, octets).unwrap();
}

/// Fails when fjall's format is another one than that which is read here.
#[test]
fn all_rows_of_a_sound_store_are_read_without_fjall() {
    let folder = filled();
    let before = rows(folder.path());
    assert_eq!(integrity(folder.path()).unwrap(), None, "the sums of files are what fjall writes down");
    for space in [Space::Rows, Space::Bodies] {
        let tables = live(folder.path(), space);
        assert!(!tables.is_empty());
        for table in tables {
            let file = fs::File::open(&table).unwrap();
            let archive = archive::Archive::of(&file).unwrap().unwrap();
            assert_eq!(archive.section("data").unwrap().start, 0);
            let mut table = Table::of(&table).unwrap();
            assert!(table.starts().len() > 1 && table.starts()[0] == 0, "{:?}", table.starts());
            let mut seen = Vec::new();
            while table.at() < archive.section("data").unwrap().end {
                seen.push(table.at());
                table.next_block(&mut |lost| panic!("{lost:?}")).unwrap();
            }
            assert_eq!(seen, table.starts(), "the index has the blocks as they lie");
        }
    }
    let (read, lost) = read(folder.path());
    assert_eq!((read, lost), (before.clone(), Vec::new()));
    let looked = salvage(folder.path(), &options(), true, &mut |_| {}).unwrap();
    assert_eq!((looked.rows, looked.lost, looked.aside), (before.len() as u64, 0, None));
    let done = salvage(folder.path(), &options(), false, &mut |_| {}).unwrap();
    assert!(done.aside.is_some_and(|old| old.join("rows/keyspaces").is_dir()));
    assert_eq!((rows(folder.path()), loss(folder.path()).unwrap()), (before, false));
    assert_eq!(integrity(folder.path()).unwrap(), None);
}

/// Every octet in turn of every file: what is whole comes back as it was; what does not come back, or comes back older, is
/// named; and all but a block or a batch comes back.
#[test]
fn whatever_octet_is_another_one_the_rest_is_read() {
    let folder = filled();
    let before = rows(folder.path());
    let mut left = vec![folder.path().join("rows")];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let whole = fs::read(&path).unwrap();
        let used = whole.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
        for at in (0..used).step_by((used / 60).max(1) | 1) {
            flip(&path, at);
            let (read, lost) = read(folder.path());
            let changed = before.iter().filter(|(key, value)| read.get(*key) != Some(*value)).count();
            let what = format!("{} at {at}: {changed} rows, {lost:?}", path.display());
            assert!(
                lost.iter().any(|lost| lost.kind != LostKind::List) || (changed == 0 && read.len() == before.len()),
                "{what}"
            );
            assert!(changed <= 12, "{what}");
            assert!(
                read.values().all(|value| value.starts_with(b"first")
                    || value.starts_with(b"second")
                    || value.starts_with(b"third")),
                "{what}"
            );
            fs::write(&path, &whole).unwrap();
        }
    }
    assert_eq!(read(folder.path()), (before, Vec::new()));
}

/// fjall would delete all tables, for it finds no list that names them; or end the process, for want of memory.
#[test]
fn fjall_is_not_let_near_what_it_destroys_or_dies_of() {
    let folder = filled();
    let before = rows(folder.path());
    let path = |name: &str| folder.path().join("rows/keyspaces").join(name);
    let table = live(folder.path(), Space::Rows).pop().unwrap();
    let contents = fs::read(&table).unwrap().windows(4).rposition(|part| part == b"TOC!").unwrap();
    let lists: Vec<(PathBuf, Option<usize>)> =
        vec![(path("0/current"), None), (path("1/current"), None), (path("0"), None), (table, Some(contents + 7))];
    for (file, at) in lists {
        let kept = folder.path().join("kept");
        match at {
            None => fs::rename(&file, &kept).unwrap(),
            Some(at) => flip(&file, at),
        }
        let refusal = LocalStore::open(folder.path(), options()).err().unwrap().to_string();
        assert!(refusal.contains("postamt store repair"), "{refusal}");
        assert_eq!(read(folder.path()).0, before);
        match at {
            None => fs::rename(&kept, &file).unwrap(),
            Some(at) => flip(&file, at),
        }
        assert_eq!(rows(folder.path()), before, "{}", file.display());
    }
}

#[test]
fn behind_a_damaged_header_the_index_leads_on() {
    let folder = filled();
    let table = live(folder.path(), Space::Bodies).pop().unwrap();
    let starts = Table::of(&table).unwrap().starts().to_vec();
    let whole = rows(folder.path()).len();
    flip(&table, starts[1] as usize + 5);
    let (kept, lost) = read(folder.path());
    assert_eq!(lost, [Lost { file: table.clone(), at: starts[1]..starts[2], kind: LostKind::Rows }]);
    assert!(kept.len() >= whole - 12);
    // Without an index nothing does.
    let index = archive::Archive::of(&fs::File::open(&table).unwrap()).unwrap().unwrap().section("tli").unwrap();
    flip(&table, index.start as usize + 40);
    let lost = read(folder.path()).1;
    assert_eq!(lost, [Lost { file: table, at: starts[1]..index.start, kind: LostKind::Rows }]);
}

/// Mail that has in it what a block looks like.
#[test]
fn what_looks_like_a_block_in_a_row_is_never_taken_for_one() {
    let other = filled();
    let table = live(other.path(), Space::Bodies).pop().unwrap();
    let end = Table::of(&table).unwrap().starts()[1] as usize;
    let block = &fs::read(&table).unwrap()[..end];
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path(), options()).unwrap();
    let mut batch = Batch::new(Cell::new("b"));
    batch.put(Space::Bodies, "mail", [block, block, block].concat());
    block_on(store.commit(batch)).unwrap();
    store.close();
    flush(folder.path());
    let table = live(folder.path(), Space::Bodies).pop().unwrap();
    let tli = archive::Archive::of(&fs::File::open(&table).unwrap()).unwrap().unwrap().section("tli").unwrap();
    for at in [vec![5], vec![200], vec![5, tli.start as usize + 40]] {
        let whole = fs::read(&table).unwrap();
        at.into_iter().for_each(|at| flip(&table, at));
        let (read, lost) = read(folder.path());
        assert!(read.is_empty() && lost.len() == 1, "{lost:?} {:?}", read.keys());
        fs::write(&table, whole).unwrap();
    }
}

#[test]
fn the_last_version_of_a_row_counts_wherever_it_lies() {
    let version = |key: &str, seqno, value: Option<&str>| {
        (key.as_bytes().to_vec(), (seqno, value.map(|value| Bytes::copy_from_slice(value.as_bytes()))))
    };
    let folder = filled();
    let newest = Latest::from_iter([
        version("\u{1}abody 000", u64::MAX, None),
        version("\u{1}abody 001", 0, Some("old")),
        version("\u{1}abody 002", u64::MAX, Some("new")),
        version("\u{1}abody 999", 1, Some("other")),
        version("\u{1}abody 998", 1, None),
    ]);
    let tables = live(folder.path(), Space::Bodies);
    let opened = tables.iter().map(|table| Table::of(table)).collect::<io::Result<_>>().unwrap();
    let mut merge = Merge::of(opened, newest, &mut |_| {}).unwrap();
    let mut rows = BTreeMap::new();
    while let Some((key, value)) = merge.next_row(&mut |_| {}).unwrap() {
        assert!(rows.last_key_value().is_none_or(|(last, _)| *last < key));
        rows.insert(key, value);
    }
    let found = |key: &str| rows.get(key.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned());
    assert_eq!(found("\u{1}abody 000"), None);
    assert!(found("\u{1}abody 001").unwrap().starts_with("first"));
    assert_eq!(found("\u{1}abody 002").as_deref(), Some("new"));
    assert!(found("\u{1}abody 003").unwrap().starts_with("second"));
    assert_eq!((found("\u{1}abody 999").as_deref(), found("\u{1}abody 998")), (Some("other"), None));
}

#[test]
fn what_lost_something_is_not_written_to_before_it_was_repaired() {
    let folder = filled();
    let table = live(folder.path(), Space::Rows).pop().unwrap();
    flip(&table, 50);
    assert!(integrity(folder.path()).unwrap().unwrap().contains("is not as it was written"));
    let mut told = Vec::new();
    let done = salvage(folder.path(), &options(), false, &mut |lost| told.push(lost.clone())).unwrap();
    assert_eq!((done.lost, told.len()), (1, 1));
    let write = |store: &LocalStore| {
        let mut batch = Batch::new(Cell::new("a"));
        batch.put(Space::Rows, "more", "1");
        block_on(store.commit(batch))
    };
    let store = LocalStore::open(folder.path(), options()).unwrap();
    assert!(matches!(store.health(), Health::ReadOnly { reason } if reason.contains("postamt store repair")));
    assert!(matches!(write(&store), Err(CommitError::ReadOnly(_))));
    store.close();
    let store = LocalStore::open_to_repair(folder.path(), options()).unwrap();
    assert_eq!(write(&store), Ok(()));
    store.close();
    assert!(loss(folder.path()).unwrap());
    Aside::all_seen(folder.path()).unwrap();
    assert_eq!(LocalStore::open(folder.path(), options()).unwrap().health(), Health::Ok);
}

/// The power goes between two steps.
#[test]
fn a_swap_may_be_broken_off_anywhere() {
    for (backend, steps) in Backend::ALL.into_iter().flat_map(|backend| (0..4).map(move |steps| (backend, steps))) {
        let folder = if backend == Backend::Fjall { filled() } else { tree::tests::filled() };
        let before = rows(folder.path());
        let place = engine::place(backend, folder.path());
        let swap = Swap::begin(folder.path(), place.clone()).unwrap();
        let mut work = Work { backend, done: Salvaged::default(), losses: Vec::new(), told: &mut |_| {} };
        let options_of_engine = crate::rows::engine_options(folder.path(), &options()).0;
        work.fill(&place, swap.making(), options_of_engine).unwrap();
        if steps > 0 {
            swap.name_whole().unwrap();
        }
        if steps > 1 {
            swap.set_aside().unwrap();
            assert!(!place.exists());
        }
        if steps > 2 {
            finish(&place).unwrap();
        }
        assert_eq!(rows(folder.path()), before, "after {steps} steps");
        salvage(folder.path(), &options(), false, &mut |lost| panic!("{lost:?}")).unwrap();
        assert_eq!(rows(folder.path()), before, "once more after {steps} steps");
        let left: Vec<PathBuf> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.iter().all(|path| !path.to_string_lossy().contains("salvag")), "{left:?}");
    }
}

#[test]
fn which_engine_made_a_folder_is_found_out_again() {
    for backend in Backend::ALL {
        let folder = tempfile::tempdir().unwrap();
        LocalStore::open(folder.path(), Options { backend: Some(backend), ..options() }).unwrap().close();
        assert!(!crate::mend_format(folder.path(), false).unwrap());
        flip(&folder.path().join("FORMAT"), 0);
        assert!(crate::mend_format(folder.path(), true).unwrap());
        let refusal = LocalStore::open(folder.path(), options()).err().unwrap().to_string();
        assert!(refusal.contains("postamt store repair"), "{refusal}");
        assert!(crate::mend_format(folder.path(), false).unwrap());
        LocalStore::open(folder.path(), options()).unwrap().close();
        assert_eq!(salvage(folder.path(), &options(), true, &mut |_| {}).unwrap().lost, 0);
    }
}

/// fjall and redb would begin anew, as if there had never been mail.
#[test]
fn what_is_missing_of_a_store_in_use_is_not_begun_anew() {
    let missing = ["rows", "rows/version", "rows/keyspaces/1", "rows/keyspaces/1/current", "rows/keyspaces/0"];
    for name in missing.into_iter().chain(["rows.redb", "journals"]) {
        let folder = tempfile::tempdir().unwrap();
        let backend = if name == "rows.redb" { Backend::Redb } else { Backend::Fjall };
        LocalStore::open(folder.path(), Options { backend: Some(backend), ..options() }).unwrap().close();
        let path = folder.path().join(name);
        match name {
            "journals" => {
                Journals::of(folder.path()).list().unwrap().iter().for_each(|it| fs::remove_file(it).unwrap())
            }
            _ if path.is_dir() => fs::remove_dir_all(&path).unwrap(),
            _ => fs::remove_file(&path).unwrap(),
        }
        let refusal = LocalStore::open(folder.path(), options()).err().unwrap().to_string();
        let remedy = if ["rows", "rows.redb"].contains(&name) { "a backup" } else { "postamt store repair" };
        assert!(refusal.contains("is missing") && refusal.contains(remedy), "{name}: {refusal}");
    }
}

#[test]
fn without_its_format_a_store_is_whose_files_there_are() {
    for backend in Backend::ALL {
        let folder = tempfile::tempdir().unwrap();
        LocalStore::open(folder.path(), Options { backend: Some(backend), ..options() }).unwrap().close();
        fs::remove_file(folder.path().join("FORMAT")).unwrap();
        assert_eq!(crate::made_with(folder.path()).unwrap(), backend);
    }
}
