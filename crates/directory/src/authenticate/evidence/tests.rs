use super::super::tests::{Counting, log_in};
use super::*;
use crate::world::{add_account, add_domain, address, cheap_hash, open_on, spec};
use crate::{Account, AccountState, CatchAll, DirectorySpec, DomainSettings, Edit, rows};
use env::virtual_world::World;
use sasl::ScramHash;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use store::memory::MemoryStore;
use store::{Answer, Batch, CommitError, Query, ReadError, Reading, Snapshot, Space, Store, ready};

/// A store that notes which single rows are read, and cannot be read for a while.
#[derive(Default)]
struct Watched {
    rows: MemoryStore,
    away: AtomicBool,
    read: Mutex<Vec<String>>,
}

impl Watched {
    /// Which rows were read since the last time.
    fn read_rows(&self) -> Vec<String> {
        std::mem::take(&mut *self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for Watched {
    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>> {
        for query in &queries {
            if let Query::Get(get) = query {
                self.read.lock().unwrap().push(String::from_utf8_lossy(&get.key).into_owned());
            }
        }
        match self.away.load(Ordering::Relaxed) {
            true => ready(Err(ReadError::Unavailable("the disk is away".into()))),
            false => self.rows.read(queries),
        }
    }
    fn commit(&self, batch: Batch) -> Answer<'static, Result<(), CommitError>> {
        self.rows.commit(batch)
    }
    fn snapshot(&self) -> Answer<'_, Result<Box<dyn Snapshot>, ReadError>> {
        self.rows.snapshot()
    }
}

const PEER: &str = "192.0.2.1";

/// Ten people of `example.org`, stored, whose passwords are their addresses; `ben` of `demo.test` is declared.
fn town(world: &World) -> (Arc<Watched>, Directory) {
    let store = Arc::new(Watched::default());
    let directory = open_on(store.clone(), world, spec(&["ben"], CatchAll::Refuse)).unwrap();
    edit(world, &directory, add_domain("example.org", DomainSettings::default()));
    for n in 0..10 {
        edit(world, &directory, add_account(&format!("n{n}@example.org")));
    }
    store.read_rows();
    (store, directory)
}

#[track_caller]
fn edit(world: &World, directory: &Directory, edit: Edit) {
    world.block_on(directory.edit(edit)).unwrap();
}

fn set(of: &str, credential: Option<Credential>, state: Option<AccountState>) -> Edit {
    Edit::SetAccount { address: address(of), credential, quota: None, state }
}

fn scram(world: &World, directory: &Directory, login: &str) -> Result<sasl::ScramKeys, AuthError> {
    let ticket = directory.scram_keys(login, ScramHash::Sha256, Some(PEER.parse().unwrap()));
    world.block_on(ticket).map(|ticket| ticket.keys().clone())
}

fn apop(world: &World, directory: &Directory, login: &str) -> Result<Arc<Account>, AuthError> {
    world.block_on(directory.apop(login, "<1@h>", [0; 16], Some(PEER.parse().unwrap())))
}

#[test]
fn a_changed_password_holds_at_once_also_where_the_old_one_was_remembered() {
    let world = World::new(1);
    let (store, directory) = town(&world);
    let try_it = |password: &str| log_in(&world, &directory, "n3", password, PEER);
    assert!(try_it("n3@example.org").is_ok() && try_it("n3@example.org").is_ok());
    assert_eq!(store.read_rows(), ["principal/n3@example.org"], "once, then it is remembered");
    edit(&world, &directory, set("n3@example.org", Some(cheap_hash(b"new")), None));
    assert_eq!(try_it("n3@example.org"), Err(AuthError::Rejected));
    assert!(try_it("new").is_ok());
    edit(&world, &directory, set("n3@example.org", None, Some(AccountState::Disabled)));
    assert_eq!(try_it("new"), Err(AuthError::Rejected));
    edit(&world, &directory, set("n3@example.org", None, Some(AccountState::Enabled)));
    assert!(try_it("new").is_ok(), "what an edit does not name stays");
}

#[test]
fn what_another_node_changed_holds_before_this_one_heard_of_it() {
    let world = World::new(1);
    let (store, here) = town(&world);
    let there = open_on(store, &world, DirectorySpec::new(Vec::new())).unwrap();
    edit(&world, &there, set("n3@example.org", Some(cheap_hash(b"new")), None));
    edit(&world, &there, set("n4@example.org", None, Some(AccountState::Disabled)));
    edit(
        &world,
        &there,
        Edit::RemoveAccount { address: address("n5@example.org"), at: model::Timestamp::from_unix_ms(0) },
    );
    assert_eq!(log_in(&world, &here, "n3", "n3@example.org", PEER), Err(AuthError::Rejected));
    assert!(log_in(&world, &here, "n3", "new", PEER).is_ok());
    assert_eq!(log_in(&world, &here, "n4", "n4@example.org", PEER), Err(AuthError::Rejected));
    assert_eq!(log_in(&world, &here, "n5", "n5@example.org", PEER), Err(AuthError::Unavailable));
    world.block_on(here.refresh()).unwrap();
    assert_eq!(log_in(&world, &here, "n5", "n5@example.org", PEER), Err(AuthError::Rejected));
}

#[test]
fn what_cannot_be_read_is_no_wrong_password() {
    let world = World::new(1);
    let (store, directory) = town(&world);
    log_in(&world, &directory, "n1", "n1@example.org", PEER).unwrap();
    store.away.store(true, Ordering::Relaxed);
    for login in ["n2", "n2@example.org", "nobody", "nobody@example.org", "x@elsewhere.test"].repeat(4) {
        let unavailable = AuthError::Unavailable;
        assert_eq!(log_in(&world, &directory, login, "n2@example.org", PEER), Err(unavailable), "{login}");
        assert_eq!(scram(&world, &directory, login), Err(unavailable), "{login}");
        assert_eq!(apop(&world, &directory, login), Err(unavailable), "{login}");
        assert!(crate::SignInError::from(unavailable).is_temporary());
    }
    assert!(log_in(&world, &directory, "n1", "n1@example.org", PEER).is_ok(), "what is remembered is not read");
    assert!(log_in(&world, &directory, "ben", "ben", PEER).is_ok(), "what is declared is here");
    assert_eq!(log_in(&world, &directory, "ben", "wrong", PEER), Err(AuthError::Rejected));
    store.away.store(false, Ordering::Relaxed);
    assert!(log_in(&world, &directory, "n2", "n2@example.org", PEER).is_ok(), "nothing was counted");
    assert!(store.rows.damage(Space::Rows, &rows::cell(), b"principal/n4@example.org"));
    assert_eq!(log_in(&world, &directory, "n4", "n4@example.org", PEER), Err(AuthError::Unavailable));
    let quota = Edit::SetAccount {
        address: address("n4@example.org"),
        credential: None,
        quota: Some(model::Quota::default()),
        state: Some(AccountState::Disabled),
    };
    let error = world.block_on(directory.edit(quota)).unwrap_err();
    assert_eq!(error.to_string(), "the row of n4@example.org: checksum does not match", "no credential is made up");
}

#[test]
fn whoever_it_is_one_row_is_read_and_one_hash_computed() {
    let world = World::new(1);
    let (store, directory) = town(&world);
    let counting = Arc::new(Counting(world.clone(), AtomicUsize::new(0)));
    let env = world.env();
    let spec = spec(&["ben"], CatchAll::Refuse);
    drop(directory);
    let opening = Directory::open(store.clone(), counting.clone(), env.clock, &*env.random, spec);
    let directory = world.block_on(opening).unwrap();
    edit(&world, &directory, set("n3@example.org", None, Some(AccountState::Disabled)));
    let work = |login: &str| {
        counting.1.store(0, Ordering::Relaxed);
        store.read_rows();
        let answer = log_in(&world, &directory, login, "wrong", "127.0.0.1");
        assert_eq!(answer, Err(AuthError::Rejected), "{login}");
        (store.read_rows(), counting.1.load(Ordering::Relaxed))
    };
    let mut asked = std::collections::HashSet::new();
    for login in ["n2", "n3", "ben", "nobody", "who@example.org", "x@elsewhere.test", ""] {
        let (read, hashes) = work(login);
        assert!(matches!(&*read, [row] if row.starts_with("principal/n")) && hashes == 1, "{login}: {read:?} {hashes}");
        assert_eq!(work(login).0, read, "{login}: the same one each time");
        assert_eq!(scram(&world, &directory, login).map(|_| store.read_rows()), Ok(read.clone()), "{login}");
        assert_eq!(apop(&world, &directory, login).map_err(|_| store.read_rows()), Err(read.clone()), "{login}");
        asked.extend(read);
    }
    assert!(asked.len() > 3, "not one for all of nobody's: {asked:?}");
    while log_in(&world, &directory, "n2", "wrong", "127.0.0.1") == Err(AuthError::Rejected) {}
    store.read_rows();
    assert!(matches!(log_in(&world, &directory, "n2", "wrong", "127.0.0.1"), Err(AuthError::Throttled { .. })));
    assert_eq!(store.read_rows(), [""; 0], "who waits costs nothing");
}

#[test]
fn made_up_keys_stay_over_a_restart_and_are_made_from_one_reading() {
    let (world, elsewhere) = (World::new(1), World::new(2));
    let (store, directory) = town(&world);
    let password = Credential::from_password(b"x", &world).unwrap();
    edit(&world, &directory, set("n0@example.org", Some(password), None));
    store.read_rows();
    let keys = scram(&world, &directory, "nobody@example.org").unwrap();
    assert_eq!(store.read_rows().len(), 2, "somebody's row, and that of who has keys");
    scram(&world, &directory, "nobody2@example.org").unwrap();
    assert_eq!(store.read_rows().len(), 1);
    let again = open_on(store, &elsewhere, spec(&["ben"], CatchAll::Refuse)).unwrap();
    assert_eq!(scram(&elsewhere, &again, "nobody@example.org"), Ok(keys.clone()));
    edit(&elsewhere, &again, set("n0@example.org", Some(Credential::from_password(b"y", &world).unwrap()), None));
    assert_ne!(scram(&elsewhere, &again, "nobody@example.org"), Ok(keys));
}

#[test]
fn one_damaged_row_locks_nobody_else_out() {
    let world = World::new(1);
    let (store, directory) = town(&world);
    for login in ["n0@example.org", "n1@example.org"] {
        edit(&world, &directory, set(login, Some(Credential::from_password(b"x", &world).unwrap()), None));
    }
    let keys = scram(&world, &directory, "n1").unwrap();
    let again = open_on(store.clone(), &world, spec(&["ben"], CatchAll::Refuse)).unwrap();
    assert!(store.rows.damage(Space::Rows, &rows::cell(), b"principal/n0@example.org"));
    assert_eq!(scram(&world, &again, "n0"), Err(AuthError::Unavailable));
    assert_eq!(scram(&world, &again, "n1"), Ok(keys));
    assert!(scram(&world, &again, "ben").is_ok());
}
