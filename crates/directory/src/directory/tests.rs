use super::*;
use crate::CatchAll;
use crate::world::{open_on, spec};
use env::virtual_world::World;
use model::AccountId;
use std::collections::HashSet;
use store::Cell;
use store::memory::MemoryStore;

fn numbers(directory: &Directory) -> Vec<(String, u32)> {
    directory.accounts().map(|a| (a.address.local.as_str().to_owned(), a.id.0)).collect()
}

fn expect(directory: &Directory, expected: &[(&str, u32)]) {
    let expected: Vec<_> = expected.iter().map(|(local, id)| ((*local).to_owned(), *id)).collect();
    assert_eq!(numbers(directory), expected);
}

#[test]
fn numbers_outlive_restarts_and_are_never_given_twice() {
    let (world, store) = (World::new(1), Arc::new(MemoryStore::new()));
    let open = |locals: &[&str]| open_on(store.clone(), &world, spec(locals, CatchAll::Refuse)).unwrap();
    expect(&open(&["anna", "ben"]), &[("anna", 1), ("ben", 2)]);
    expect(&open(&["ben", "carl"]), &[("ben", 2), ("carl", 3)]);
    store.crash();
    expect(&open(&["dora", "Anna", "carl"]), &[("dora", 4), ("Anna", 1), ("carl", 3)]);
}

#[test]
fn many_accounts_take_several_batches() {
    let (world, store) = (World::new(1), Arc::new(MemoryStore::new()));
    let locals: Vec<String> = (0..1000).map(|n| format!("u{n}")).collect();
    let locals: Vec<&str> = locals.iter().map(String::as_str).collect();
    let directory = open_on(store, &world, spec(&locals, CatchAll::Refuse)).unwrap();
    let ids: HashSet<AccountId> = directory.accounts().map(|a| a.id).collect();
    assert_eq!(ids.len(), 1000);
}

#[test]
fn a_conflict_is_read_again_a_full_disk_has_room_and_who_gets_no_number_is_told() {
    let (world, store) = (World::new(1), Arc::new(MemoryStore::new()));
    let open = |names: &[&str]| open_on(store.clone(), &world, spec(names, CatchAll::Refuse));
    store.fail_next(CommitError::Conflict);
    expect(&open(&["anna"]).unwrap(), &[("anna", 1)]);
    store.set_full(true);
    expect(&open(&["anna", "ben"]).unwrap(), &[("anna", 1), ("ben", 2)]);
    store.set_read_only(Some("it is damaged"));
    expect(&open(&["anna"]).unwrap(), &[("anna", 1)]);
    let error = open(&["anna", "cleo", "dora"]).err().unwrap().to_string();
    assert!(error.contains("cleo@demo.test and 1 more are new") && error.contains("it is damaged"), "{error}");
}

#[test]
fn a_damaged_number_is_reported_not_guessed() {
    let (world, store) = (World::new(1), Arc::new(MemoryStore::new()));
    open_on(store.clone(), &world, spec(&["anna"], CatchAll::Refuse)).unwrap();
    assert!(store.damage(Space::Rows, &Cell::new(&b"directory"[..]), b"account/anna@demo.test"));
    let error = open_on(store, &world, spec(&["anna"], CatchAll::Refuse)).err().unwrap();
    assert_eq!(error.to_string(), "account numbers: the row of anna@demo.test: checksum does not match");
}

#[test]
fn what_contradicts_itself() {
    let check = |spec: DirectorySpec, text: &str| {
        let error = open_on(Arc::new(MemoryStore::new()), &World::new(1), spec).err().unwrap();
        assert_eq!(error.to_string(), text);
    };
    check(spec(&["anna", "ANNA"], CatchAll::Refuse), "the account ANNA@demo.test is there twice");
    let nobody = "nobody@demo.test".parse().unwrap();
    check(spec(&["anna"], CatchAll::Account(nobody)), "there is no account nobody@demo.test");
    let mut elsewhere = spec(&["anna"], CatchAll::Refuse);
    elsewhere.domains.clear();
    check(elsewhere, "the domain of anna@demo.test is not among the local domains");
}
