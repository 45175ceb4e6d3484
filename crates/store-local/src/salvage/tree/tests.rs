use super::super::tests::{Rows, options, rows};
use super::*;
use crate::{Backend, Health, LocalStore, Options, integrity, salvage};
use std::fs;
use store::{Batch, Cell, Space, Store, block_on};
use tempfile::TempDir;

/// Trees three pages deep, with values of more than a page.
pub(in super::super) fn filled() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for part in 0..4 {
        put(&store, part * 1000..part * 1000 + 1000);
    }
    store.close();
    folder
}

fn put(store: &LocalStore, numbers: Range<usize>) {
    let mut batch = Batch::new(Cell::new("a"));
    for n in numbers {
        batch.put(Space::Rows, format!("row {n:05}"), format!("value {n} {}", "x".repeat(n % 300)));
        if n % 40 == 0 {
            batch.put(Space::Bodies, format!("body {n:05}"), "y".repeat(n * 5));
        }
    }
    block_on(store.commit(batch)).unwrap();
}

fn open(folder: &TempDir) -> LocalStore {
    LocalStore::open(folder.path(), Options { backend: Some(Backend::Redb), ..options() }).unwrap()
}

/// What is found without redb, and how much is told to be lost.
fn found(path: &Path) -> (Rows, Vec<Lost>) {
    let (mut rows, mut lost) = (Rows::new(), Vec::new());
    let tree = Tree::of(path, &mut |one| lost.push(one)).unwrap();
    for (space, table) in [(Space::Rows, "rows"), (Space::Bodies, "bodies")] {
        let mut take = |key, value| {
            assert!(rows.insert((space, key), value).is_none(), "a row is told once");
            Ok(())
        };
        tree.rows(table, &mut |one| lost.push(one), &mut take).unwrap();
    }
    (rows, lost)
}

/// Fails where another version of redb writes another format.
#[test]
fn all_rows_of_a_sound_file_are_read_without_redb() {
    let folder = filled();
    let (found, lost) = found(&folder.path().join("rows.redb"));
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(found, rows(folder.path()));
    assert_eq!(found.len(), 4100);
}

/// Whatever octet of the header is another one (a third of them here, `cargo xtask flips` takes all): the file opens with all rows,
/// or a repair brings them back.
#[test]
fn of_a_damaged_header_the_rows_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.redb");
    let store = open(&folder);
    put(&store, 0..50);
    put(&store, 50..51);
    let killed = fs::read(&path).unwrap();
    store.close();
    let closed = fs::read(&path).unwrap();
    let all = rows(folder.path());
    for (sound, is_closed) in [(closed, true), (killed, false)] {
        let mut refused = 0;
        for at in (0..HEADER_OCTETS as usize).step_by(3) {
            let bits = if at == 9 && is_closed { PRIMARY } else { 1 << (at % 7 + 1) };
            fs::write(&path, &sound).unwrap();
            let _ = fs::remove_dir_all(folder.path().join("aside")); // of the one before
            flip_bits(&path, at, bits);
            let whole = integrity(folder.path());
            let opened = LocalStore::open(folder.path(), options()).map(LocalStore::close);
            if let Err(refusal) = opened {
                refused += 1;
                let refusal = refusal.to_string();
                assert!(
                    refusal.contains("rows.redb is damaged") && refusal.contains("postamt store repair"),
                    "{refusal}"
                );
                assert!(matches!(whole, Ok(Some(_))), "{bits} at {at}: {whole:?}");
                let salvaged = salvage(folder.path(), &options(), false, &mut |_| {}).unwrap();
                assert_eq!(salvaged.lost, 0, "{bits} at {at}");
            }
            assert!(rows(folder.path()) == all, "{bits} at {at}");
        }
        assert!(refused > 40, "{refused}");
    }
}

/// Of two wrong octets in the commit that counts nothing is left of it: the one before it is.
#[test]
fn of_a_wrecked_commit_the_one_before_it_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.redb");
    let store = open(&folder);
    put(&store, 0..50);
    put(&store, 50..51);
    let killed = fs::read(&path).unwrap();
    store.close();
    fs::write(&path, killed).unwrap();
    let slot = if fs::read(&path).unwrap()[9] & PRIMARY == 0 { 64 } else { 192 };
    flip_bits(&path, slot + 20, 0x10);
    flip_bits(&path, slot + 30, 0x10);
    let (now, lost) = found(&path);
    assert_eq!(now.len(), 52, "row 50 is lost");
    assert!(lost.iter().any(|lost| lost.kind == LostKind::Changes), "{lost:?}");
}

#[test]
fn of_a_damaged_page_the_rest_comes_back() {
    let folder = filled();
    let path = folder.path().join("rows.redb");
    let (all, sound) = (rows(folder.path()), fs::read(&path).unwrap());
    let tree = Tree::of(&path, &mut |_| {}).unwrap();
    let root = tree.tables[&b"rows"[..]].unwrap();
    let Contents::Branch(children) = contents(&sound[page(root.page)]).unwrap() else { panic!("there are many rows") };
    let Contents::Branch(leaves) = contents(&sound[page(children[1].0.page)]).unwrap() else {
        panic!("there are many")
    };
    let leaf = page(leaves[3].0.page);
    // Its kind, its count, the end of a key, a value; a child's sum and name.
    let one = [(leaf.clone(), 0, 200), (leaf.clone(), 2, 200), (leaf.clone(), 60, 200), (leaf.clone(), 3000, 1)];
    let root = page(root.page);
    let others = [(root.clone(), 9, 0), (root.clone(), 8 + 16 * children.len(), 2000)];
    for (page, at, lost_max) in one.into_iter().chain(others) {
        fs::write(&path, &sound).unwrap();
        flip_bits(&path, page.start + at, 0x10);
        assert!(integrity(folder.path()).unwrap().is_some());
        let (now, lost) = found(&path);
        assert!(now == all && lost.is_empty(), "{at}: {lost:?}"); // one octet is found
        flip_bits(&path, page.start + at + 1, 0x10);
        let (now, lost) = found(&path);
        assert!(lost.iter().any(|lost| lost.at.start == page.start as u64 && lost.kind == LostKind::Rows), "{lost:?}");
        let missing = all.keys().filter(|key| !now.contains_key(*key)).count();
        let other = now.iter().filter(|(key, row)| all.get(*key) != Some(*row)).count();
        assert!(missing <= lost_max && other <= 200 && now.len() > 2000, "{at}: {missing} missing, {other} other");
    }
}

/// The page that says where the tables are.
#[test]
fn of_a_damaged_page_of_tables_nothing_is_lost() {
    let folder = filled();
    let path = folder.path().join("rows.redb");
    let (all, sound) = (rows(folder.path()), fs::read(&path).unwrap());
    let head = Head::of(&File::open(&path).unwrap()).unwrap().unwrap();
    let tables = page(head.named_first()[0].unwrap().root.unwrap().page);
    let end = end(&sound[tables.clone()]).unwrap();
    for at in (0..end).step_by(7) {
        fs::write(&path, &sound).unwrap();
        flip_bits(&path, tables.start + at, 1 << (at % 8));
        let (now, lost) = found(&path);
        assert!(now == all && lost.is_empty(), "{at}: {} of {} and {lost:?}", now.len(), all.len());
    }
    flip_bits(&path, tables.start + end - 1, 0xff); // a second one
    let (now, lost) = found(&path);
    assert!(now == all && !lost.is_empty(), "{} of {} and {lost:?}", now.len(), all.len());
}

/// What is lost is written down until a repair has ended, and nothing is written before.
#[test]
fn of_a_file_with_losses_a_store_is_made_that_waits_for_its_repair() {
    let folder = filled();
    let path = folder.path().join("rows.redb");
    let sound = fs::read(&path).unwrap();
    let tree = Tree::of(&path, &mut |_| {}).unwrap();
    let root = page(tree.tables[&b"rows"[..]].unwrap().page);
    flip_bits(&path, root.start, 0xff);
    flip_bits(&path, root.start + 2, 0xff);
    let salvaged = salvage(folder.path(), &options(), false, &mut |_| {}).unwrap();
    assert_eq!((salvaged.lost, salvaged.rows), (1, 100), "bodies are there");
    let kept = salvaged.aside.unwrap().join("rows.redb");
    assert_eq!(fs::read(kept).unwrap().len(), sound.len());
    let store = LocalStore::open(folder.path(), options()).unwrap();
    assert!(matches!(store.health(), Health::ReadOnly { .. }), "{}", store.health());
    store.close();
    crate::Aside::all_seen(folder.path()).unwrap();
    assert_eq!(open(&folder).health(), Health::Ok);
    fs::write(&path, vec![0; sound.len()]).unwrap();
    let refusal = salvage(folder.path(), &options(), false, &mut |_| {}).unwrap_err().to_string();
    assert!(refusal.contains("no table \"rows\"") && refusal.contains("a backup"), "{refusal}");
}

fn page(name: u64) -> Range<usize> {
    let place = place_of(name);
    place.start as usize..place.end as usize
}

fn flip_bits(path: &Path, at: usize, bits: u8) {
    let mut octets = fs::read(path).unwrap();
    octets[at] ^= bits;
    fs::write(path, octets).unwrap();
}

/// After a crash the header may name the last commit but one, and count as closed: for a moment of the next start.
#[test]
fn what_was_not_closed_is_not_taken_for_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.redb");
    let store = open(&folder);
    put(&store, 0..2);
    assert!(in_use(&path).exists());
    store.close();
    assert!(!in_use(&path).exists());
    flip_bits(&path, 9, PRIMARY);
    assert!(is_behind(&path).unwrap() && integrity(folder.path()).unwrap().is_some());
    fs::write(in_use(&path), "").unwrap();
    assert!(!is_behind(&path).unwrap());
}
