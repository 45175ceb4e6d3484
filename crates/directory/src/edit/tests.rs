use super::*;
use crate::world::{add_account, add_alias, add_domain, address, cheap_hash, open, open_on, spec};
use crate::{AuthError, CatchAll, Directory, DirectorySpec, Origin, Resolution, rows};
use env::virtual_world::World;
use model::ForwardPath;
use proptest::prelude::*;
use std::sync::Arc;
use store::memory::MemoryStore;
use store::{CommitError, Space};

/// A server that declares nothing.
fn nothing() -> DirectorySpec {
    DirectorySpec::new(Vec::new())
}

fn edit(world: &World, directory: &Directory, edit: Edit) -> Result<Edited, EditError> {
    world.block_on(directory.edit(edit))
}

#[track_caller]
fn refused(world: &World, directory: &Directory, wrong: Edit, text: &str) {
    assert_eq!(edit(world, directory, wrong).unwrap_err().to_string(), text);
}

fn log_in(world: &World, directory: &Directory, login: &str, password: &str) -> Result<AccountId, AuthError> {
    world.block_on(directory.authenticate(login, password.as_bytes(), None)).map(|account| account.id)
}

fn set_account(account: &str, state: AccountState) -> Edit {
    Edit::SetAccount { address: address(account), credential: None, quota: None, state: Some(state) }
}

fn remove_account(address: Address) -> Edit {
    Edit::RemoveAccount { address, at: Timestamp::from_unix_ms(5) }
}

fn is_known(directory: &Directory, path: &str) -> bool {
    matches!(directory.resolve(&ForwardPath::Address(address(path))), Resolution::Deliver(_))
}

/// `example.org` with anna and ben, stored.
fn filled(world: &World, store: &MemoryStore) -> Directory {
    let directory = open_on(Arc::new(store.clone()), world, nothing()).unwrap();
    for step in [
        add_domain("example.org", DomainSettings::default()),
        add_account("anna@example.org"),
        add_account("ben@example.org"),
        add_alias("sales@example.org", &["anna@example.org", "boss@gmail.test"]),
    ] {
        edit(world, &directory, step).unwrap();
    }
    directory
}

#[test]
fn edits_take_effect_at_once_and_outlive_a_power_cut() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let directory = filled(&world, &store);
    let quota = Quota { octets: Some(1 << 40), messages: None };
    let change = Edit::SetAccount {
        address: address("Ben@example.org"),
        credential: Some(cheap_hash(b"new")),
        quota: Some(quota),
        state: None,
    };
    assert_eq!(edit(&world, &directory, change.clone()), Ok(Edited::Done));
    assert_eq!(edit(&world, &directory, change), Ok(Edited::Unchanged));
    let other = DomainSettings { same_as: Some("example.org".parse().unwrap()), ..DomainSettings::default() };
    edit(&world, &directory, add_domain("example.net", other)).unwrap();
    store.crash();
    let again = open_on(Arc::new(store), &world, nothing()).unwrap();
    for directory in [&directory, &again] {
        assert_eq!(log_in(&world, directory, "anna", "anna@example.org"), Ok(AccountId(1)));
        assert_eq!(log_in(&world, directory, "ben@example.net", "new"), Ok(AccountId(2)));
        assert_eq!(log_in(&world, directory, "ben", "ben@example.org"), Err(AuthError::Rejected));
        assert_eq!(directory.account(&address("ben@example.org")).unwrap().quota, quota);
        assert!(is_known(directory, "sales@example.net"));
    }
    assert_eq!(directory.domains(), again.domains());
    assert_eq!(directory.aliases(), again.aliases());
    assert!(directory.accounts().eq(again.accounts()));
    assert_eq!(again.faults(), []);
}

#[test]
fn who_was_removed_comes_back_as_they_were_and_nobody_else_gets_their_mail() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let directory = filled(&world, &store);
    let ben = || address("ben@example.org");
    let was = directory.account(&ben()).unwrap();
    assert_eq!(edit(&world, &directory, remove_account(ben())), Ok(Edited::Removed(AccountId(2))));
    assert!(!is_known(&directory, "ben@example.org"));
    assert_eq!(log_in(&world, &directory, "ben", "ben@example.org"), Err(AuthError::Rejected));
    assert_eq!(edit(&world, &directory, add_account("carl@example.org")), Ok(Edited::Added(AccountId(3))));
    let text = "the account BEN@example.org was removed and is kept for a while; bring it back with: postamt account restore \
                BEN@example.org; or give it up with its mail, for somebody new: postamt account erase BEN@example.org";
    refused(&world, &directory, add_account("BEN@example.org"), text);
    // A power cut changes nothing.
    store.crash();
    let again = open_on(Arc::new(store.clone()), &world, nothing()).unwrap();
    let removed = again.removed();
    assert_eq!((removed.len(), &removed[0].account, removed[0].there), (1, &was, false));
    assert_eq!(removed[0].at, Timestamp::from_unix_ms(5));
    assert_eq!(edit(&world, &again, Edit::RestoreAccount { address: ben() }), Ok(Edited::Returned(AccountId(2))));
    assert_eq!(again.account(&ben()), Some(was));
    assert_eq!(log_in(&world, &again, "ben", "ben@example.org"), Ok(AccountId(2)));
    assert_eq!(again.removed(), []);
    let text = "no account ben@example.org was removed, or its time is over; see: postamt account removed";
    refused(&world, &again, Edit::RestoreAccount { address: ben() }, text);
    // Declared accounts get theirs from the same row.
    let declared = spec(&["dora"], CatchAll::Refuse);
    let declared = open_on(Arc::new(store), &world, declared).unwrap();
    assert_eq!(declared.account(&address("dora@demo.test")).unwrap().id, AccountId(4));
}

#[test]
fn who_is_given_up_leaves_a_number_whose_mail_is_to_be_ended() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let directory = filled(&world, &store);
    let ben = || address("ben@example.org");
    let erase = || Edit::EraseAccount { address: ben() };
    let text = "the account ben@example.org is there; remove it first: postamt account remove ben@example.org";
    refused(&world, &directory, erase(), text);
    edit(&world, &directory, remove_account(ben())).unwrap();
    assert_eq!(edit(&world, &directory, erase()), Ok(Edited::Erasing(AccountId(2))));
    refused(
        &world,
        &directory,
        erase(),
        "no account ben@example.org was removed, or its time is over; see: postamt account removed",
    );
    assert_eq!(
        edit(&world, &directory, add_account("ben@example.org")),
        Ok(Edited::Added(AccountId(3))),
        "somebody new"
    );
    store.crash();
    let again = open_on(Arc::new(store), &world, nothing()).unwrap();
    assert_eq!((again.removed(), again.erasing()), (vec![], vec![(AccountId(2), ben())]));
    let erased = Edit::AccountErased { id: AccountId(2) };
    assert_eq!(edit(&world, &again, erased.clone()), Ok(Edited::Done));
    assert_eq!((edit(&world, &again, erased), again.erasing()), (Ok(Edited::Unchanged), vec![]));
    assert_eq!(again.account_by_id(AccountId(3)).map(|account| account.address.clone()), Some(ben()));
}

/// Who was removed and is declared then has the same number: they are there, and never purged.
#[test]
fn who_is_declared_again_is_no_longer_removed() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let directory = filled(&world, &store);
    edit(&world, &directory, remove_account(address("ben@example.org"))).unwrap();
    let mut declared = DirectorySpec::new(vec!["example.org".parse().unwrap()]);
    declared.accounts.push(crate::AccountSpec::new(address("ben@example.org"), cheap_hash(b"x")));
    world.block_on(directory.declare(declared)).unwrap();
    assert_eq!(directory.account(&address("ben@example.org")).unwrap().id, AccountId(2));
    assert!(directory.removed()[0].there);
    let erase = edit(&world, &directory, Edit::EraseAccount { address: address("ben@example.org") });
    assert_eq!(erase, Err(EditError::AccountStays(address("ben@example.org"))));
    let restore = Edit::RestoreAccount { address: address("ben@example.org") };
    assert_eq!(edit(&world, &directory, restore), Ok(Edited::Done));
    assert_eq!(directory.removed(), []);
}

#[test]
fn who_is_disabled_gets_mail_and_may_not_log_in() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let directory = filled(&world, &store);
    let anna = directory.account(&address("anna@example.org")).unwrap();
    log_in(&world, &directory, "anna", "anna@example.org").unwrap();
    edit(&world, &directory, set_account("anna@example.org", AccountState::Disabled)).unwrap();
    // Also not by the password that was right a moment ago.
    assert_eq!(log_in(&world, &directory, "anna", "anna@example.org"), Err(AuthError::Rejected));
    assert!(is_known(&directory, "anna@example.org"));
    assert!(!directory.may_send_as(&anna, &anna.address));
    edit(&world, &directory, set_account("anna@example.org", AccountState::Enabled)).unwrap();
    assert_eq!(log_in(&world, &directory, "anna", "anna@example.org"), Ok(AccountId(1)));
}

#[test]
fn what_is_declared_is_changed_in_its_file() {
    let world = World::new(1);
    let directory = open(&world, spec(&["anna"], CatchAll::Refuse));
    let anna = || address("anna@demo.test");
    let text = "anna@demo.test is declared in the configuration file; change it there";
    refused(&world, &directory, add_account("anna@demo.test"), text);
    refused(&world, &directory, set_account("anna@demo.test", AccountState::Disabled), text);
    refused(&world, &directory, remove_account(anna()), text);
    let text = "demo.test is declared in the configuration file; change it there";
    refused(&world, &directory, add_domain("demo.test", DomainSettings::default()), text);
    refused(&world, &directory, Edit::RemoveDomain { domain: anna().domain }, text);
    // There may be others beside.
    assert_eq!(edit(&world, &directory, add_account("ben@demo.test")), Ok(Edited::Added(AccountId(2))));
    edit(&world, &directory, add_alias("anna@demo.test", &["anna@demo.test", "ben@demo.test"])).unwrap();
    let origins: Vec<Origin> = directory.accounts().map(|account| account.origin).collect();
    assert_eq!(origins, [Origin::Declared, Origin::Stored]);
}

#[test]
fn what_is_declared_wins_over_what_is_stored() {
    let (world, store) = (World::new(1), MemoryStore::new());
    filled(&world, &store);
    let mut declared = DirectorySpec::new(vec!["example.org".parse().unwrap()]);
    let credential = Credential::Clear("declared".into());
    declared.accounts.push(crate::AccountSpec::new(address("anna@example.org"), credential));
    let directory = open_on(Arc::new(store.clone()), &world, declared).unwrap();
    assert_eq!(log_in(&world, &directory, "anna", "declared"), Ok(AccountId(1)));
    assert_eq!(log_in(&world, &directory, "anna", "anna@example.org"), Err(AuthError::Rejected));
    assert_eq!(log_in(&world, &directory, "ben", "ben@example.org"), Ok(AccountId(2)));
}

#[test]
fn the_file_may_be_read_again() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let directory = open_on(Arc::new(store), &world, spec(&["anna", "ben"], CatchAll::Refuse)).unwrap();
    edit(&world, &directory, add_domain("example.org", DomainSettings::default())).unwrap();
    edit(&world, &directory, add_account("carl@example.org")).unwrap();
    let again = |spec| world.block_on(directory.declare(spec));
    again(spec(&["ben", "dora"], CatchAll::Refuse)).unwrap();
    let names: Vec<_> = directory.accounts().map(|account| (account.address.to_string(), account.id.0)).collect();
    let is = [("ben@demo.test", 2), ("dora@demo.test", 4), ("carl@example.org", 3)];
    assert_eq!(names, is.map(|(name, id)| (name.to_owned(), id)));
    assert_eq!(log_in(&world, &directory, "anna@demo.test", "anna"), Err(AuthError::Rejected));
    let mut wrong = spec(&["ben"], CatchAll::Refuse);
    wrong.postmaster = Some(address("nobody@demo.test"));
    assert_eq!(again(wrong).unwrap_err().to_string(), "there is no account nobody@demo.test");
    assert_eq!(directory.accounts().count(), 3, "nothing changed");
}

#[test]
fn stored_people_wait_for_a_domain_that_the_file_forgot() {
    let world = World::new(1);
    let store = MemoryStore::new();
    let declaring = DirectorySpec::new(vec!["example.org".parse().unwrap()]);
    let directory = open_on(Arc::new(store.clone()), &world, declaring).unwrap();
    edit(&world, &directory, add_account("anna@example.org")).unwrap();
    edit(&world, &directory, add_account("ben@example.org")).unwrap();
    let directory = open_on(Arc::new(store), &world, spec(&["dora"], CatchAll::Refuse)).unwrap();
    let stranded = |text| Fault::Stranded { address: address(text) };
    assert_eq!(directory.faults(), [stranded("anna@example.org"), stranded("ben@example.org")]);
    let remove = remove_account(address("ben@example.org"));
    assert_eq!(edit(&world, &directory, remove), Ok(Edited::Removed(AccountId(2))));
    let same = DomainSettings { same_as: Some("demo.test".parse().unwrap()), ..DomainSettings::default() };
    let text = "example.org still has 1 accounts, 0 aliases and 0 other names; remove them first";
    refused(&world, &directory, add_domain("example.org", same), text);
    edit(&world, &directory, add_domain("example.org", DomainSettings::default())).unwrap();
    assert_eq!(log_in(&world, &directory, "anna", "anna@example.org"), Ok(AccountId(1)));
}

#[test]
fn refusals_say_what_to_do() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let directory = filled(&world, &store);
    let check = |wrong: Edit, text: &str| refused(&world, &directory, wrong, text);
    check(
        add_account("anna@exmaple.org"),
        "the domain exmaple.org is not local; add it first: postamt domain add exmaple.org (or did you mean example.org?)",
    );
    check(
        add_account("ANNA@example.org"),
        "the account ANNA@example.org is there already; change it with: postamt account password ANNA@example.org",
    );
    check(
        remove_account(address("bem@example.org")),
        "there is no account bem@example.org; add it first: postamt account add bem@example.org (or did you mean ben@example.org?)",
    );
    check(
        add_account("sales@example.org"),
        "there is an alias sales@example.org, which would take the account's mail; remove it first: postamt alias remove sales@example.org",
    );
    check(
        Edit::RemoveDomain { domain: "example.org".parse().unwrap() },
        "example.org still has 2 accounts, 1 aliases and 0 other names; remove them first",
    );
    check(
        remove_account(address("anna@example.org")),
        "sales@example.org leads to anna@example.org, which nobody has; change the alias or catch-all first",
    );
    check(
        add_alias("info@example.org", &["ana@example.org"]),
        "info@example.org leads to ana@example.org, which nobody has; change the alias or catch-all first (or did you mean anna@example.org?)",
    );
    let clear = Edit::AddAccount {
        address: address("carl@example.org"),
        credential: Credential::Clear("x".into()),
        quota: Quota::default(),
    };
    check(clear, "passwords are stored as hashes only; make one with: postamt hash-password");
    let org = Some("example.org".parse().unwrap());
    let other = DomainSettings { same_as: org.clone(), ..DomainSettings::default() };
    let both =
        DomainSettings { catch_all: vec![address("anna@example.org")], same_as: org, ..DomainSettings::default() };
    check(
        add_domain("example.net", both),
        "a domain that is the same as another has no catch-all and separators of its own; leave them out",
    );
    edit(&world, &directory, add_domain("example.net", other)).unwrap();
    check(add_account("dora@example.net"), "example.net is the same as example.org; do it there");
    assert_eq!("++".parse::<crate::Separators>().unwrap_err().to_string(), crate::SeparatorError.to_string());
}

#[test]
fn circles_are_refused_with_their_way() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let directory = filled(&world, &store);
    edit(&world, &directory, add_alias("all@example.org", &["sales@example.org"])).unwrap();
    edit(&world, &directory, add_alias("team@example.org", &["all@example.org"])).unwrap();
    refused(
        &world,
        &directory,
        add_alias("sales@example.org", &["team+x@example.org"]),
        "mail would go round in a circle: all@example.org → sales@example.org → team@example.org → all@example.org; \
         change the alias or catch-all first",
    );
    let text = "mail would go round in a circle: me@example.org → me@example.org; change the alias or catch-all first";
    refused(&world, &directory, add_alias("me@example.org", &["me@example.org"]), text);
    for n in 0..9 {
        let target = if n == 0 { "anna".into() } else { format!("n{}", n - 1) };
        edit(&world, &directory, add_alias(&format!("n{n}@example.org"), &[&format!("{target}@example.org")])).unwrap();
    }
    edit(&world, &directory, add_alias("n9@example.org", &["n8@example.org"])).unwrap();
    let text = "n10@example.org leads through more than 10 aliases in a row or to more than 1000 addresses; \
                change the alias or catch-all first";
    refused(&world, &directory, add_alias("n10@example.org", &["n9@example.org"]), text);
    // What leads to it grows with it.
    let many: Vec<String> = (0..999).map(|n| format!("u{n}@elsewhere.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    edit(&world, &directory, add_alias("many@example.org", &many)).unwrap();
    edit(&world, &directory, add_alias("more@example.org", &["many@example.org", "anna@example.org"])).unwrap();
    assert!(edit(&world, &directory, add_alias("many@example.org", &["one@elsewhere.test"])).is_err());
}

#[test]
fn aliases_grow_and_shrink() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let directory = filled(&world, &store);
    let sales = || address("sales@example.org");
    let targets = || directory.aliases().iter().map(|alias| alias.targets.len()).collect::<Vec<_>>();
    assert_eq!(edit(&world, &directory, add_alias("sales@example.org", &["ANNA@example.org"])), Ok(Edited::Unchanged));
    edit(&world, &directory, add_alias("Sales@example.org", &["ben@example.org", "ben@example.org"])).unwrap();
    assert_eq!(targets(), [3]);
    let less = |targets| Edit::RemoveAlias { address: sales(), targets };
    edit(&world, &directory, less(vec![address("anna@example.org"), address("boss@gmail.test")])).unwrap();
    assert_eq!(targets(), [1]);
    let text = "the alias sales@example.org does not lead to boss@gmail.test; see: postamt alias list";
    refused(&world, &directory, less(vec![address("boss@gmail.test")]), text);
    edit(&world, &directory, less(Vec::new())).unwrap();
    assert!(!is_known(&directory, "sales@example.org"));
}

#[test]
fn two_nodes_on_one_store() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let one = filled(&world, &store);
    let two = open_on(Arc::new(store.clone()), &world, nothing()).unwrap();
    assert_eq!(edit(&world, &one, add_account("carl@example.org")), Ok(Edited::Added(AccountId(3))));
    // The other one reads before it writes.
    let error = edit(&world, &two, add_account("carl@example.org")).unwrap_err();
    assert_eq!(error, EditError::AccountExists(address("carl@example.org")));
    assert_eq!(edit(&world, &two, add_account("dora@example.org")), Ok(Edited::Added(AccountId(4))));
    assert!(!is_known(&one, "dora@example.org"));
    assert_eq!(world.block_on(one.refresh()), Ok(true));
    assert_eq!(world.block_on(one.refresh()), Ok(false));
    assert!(is_known(&one, "dora@example.org"));
}

#[test]
fn both_nodes_commit_at_once_and_one_tries_again() {
    let (world, store) = (World::new(1), MemoryStore::with_manual_sync());
    let open = || {
        let env = world.env();
        let mut opening =
            Box::pin(Directory::open(Arc::new(store.clone()), env.spawn, env.clock, &*env.random, nothing()));
        world.poll_once(opening.as_mut()).unwrap().unwrap()
    };
    let (one, two) = (open(), open());
    let mut first = Box::pin(one.edit(add_domain("example.org", DomainSettings::default())));
    let mut second = Box::pin(two.edit(add_domain("example.net", DomainSettings::default())));
    assert!(world.poll_once(first.as_mut()).is_none());
    assert!(world.poll_once(second.as_mut()).is_none());
    assert_eq!(store.waiting(), 2);
    assert!(one.domains().is_empty(), "not before it is durable");
    store.sync_one();
    assert_eq!(world.poll_once(first.as_mut()), Some(Ok(Edited::Done)));
    store.sync_one();
    assert!(world.poll_once(second.as_mut()).is_none(), "it conflicts and is tried again");
    store.sync_one();
    assert_eq!(world.poll_once(second.as_mut()), Some(Ok(Edited::Done)));
    assert_eq!(two.domains().len(), 2);
}

#[test]
fn an_edit_whose_asker_went_is_made_all_the_same() {
    let (world, store) = (World::new(1), MemoryStore::with_manual_sync());
    let env = world.env();
    let directory = Directory::open(Arc::new(store.clone()), env.spawn, env.clock, &*env.random, nothing());
    let directory = world.block_on(directory).unwrap();
    let mut asked = Box::pin(directory.edit(add_domain("example.org", DomainSettings::default())));
    assert!(world.poll_once(asked.as_mut()).is_none());
    drop(asked);
    store.sync_all();
    assert_eq!(world.block_on(directory.refresh()), Ok(false), "it is known already");
    assert_eq!(directory.domains().len(), 1);
}

#[test]
fn what_the_store_does_not_take_is_not_in_effect() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let directory = filled(&world, &store);
    store.fail_next(CommitError::Conflict);
    edit(&world, &directory, add_account("carl@example.org")).unwrap();
    store.set_full(true);
    let error = edit(&world, &directory, add_account("dora@example.org")).unwrap_err();
    assert!(matches!(error, EditError::Rows(RowError::Commit(CommitError::NoSpace(_)))), "{error}");
    assert!(!is_known(&directory, "dora@example.org"));
    edit(&world, &directory, remove_account(address("carl@example.org"))).unwrap();
}

#[test]
fn a_damaged_row_is_reported_not_guessed() {
    let (world, store) = (World::new(1), MemoryStore::new());
    filled(&world, &store);
    assert!(store.damage(Space::Rows, &rows::cell(), b"principal/anna@example.org"));
    let error = open_on(Arc::new(store), &world, nothing()).err().unwrap();
    let text = "domains, accounts and aliases: the row of anna@example.org: checksum does not match";
    assert_eq!(error.to_string(), text);
}

#[test]
fn no_clear_password_is_in_the_store() {
    let (world, store) = (World::new(1), MemoryStore::new());
    open_on(Arc::new(store.clone()), &world, spec(&["anna"], CatchAll::Refuse)).unwrap();
    let rows = store.rows(Space::Rows, &rows::cell());
    assert_eq!(rows.iter().map(|(key, _)| &**key).collect::<Vec<_>>(), [&b"account/anna@demo.test"[..], b"head"]);
}

/// Small names, so that they meet.
fn any_edit() -> impl Strategy<Value = Edit> {
    let domain = || (0..3).prop_map(|n| format!("d{n}.test").parse::<Domain>().unwrap());
    let local = || prop_oneof!["[a-c]", "[a-c]\\+x", Just("abuse".to_owned())];
    let address = move || (local(), domain()).prop_map(|(local, domain)| address(&format!("{local}@{domain}")));
    let some = move || proptest::collection::vec(address(), 0..3);
    let settings = (some(), prop_oneof![Just(""), Just("+")], proptest::option::of(domain())).prop_map(
        |(catch_all, separators, same_as)| match same_as {
            None => DomainSettings { catch_all, separators: separators.parse().unwrap(), same_as },
            same_as => DomainSettings { same_as, ..DomainSettings::default() },
        },
    );
    let quota = || proptest::option::of(any::<u64>()).prop_map(|octets| Quota { octets, messages: None });
    let state = prop_oneof![Just(AccountState::Enabled), Just(AccountState::Disabled)];
    prop_oneof![
        3 => domain().prop_map(|domain| Edit::AddDomain { domain, settings: DomainSettings::default() }),
        2 => (domain(), settings).prop_map(|(domain, settings)| Edit::SetDomain { domain, settings }),
        1 => domain().prop_map(|domain| Edit::RemoveDomain { domain }),
        4 => (address(), quota()).prop_map(|(address, quota)| {
            Edit::AddAccount { address, credential: cheap_hash(b"x"), quota }
        }),
        2 => (address(), quota(), state).prop_map(|(address, quota, state)| {
            Edit::SetAccount { address, credential: None, quota: Some(quota), state: Some(state) }
        }),
        2 => address().prop_map(|address| Edit::RemoveAccount { address, at: Timestamp::from_unix_ms(5) }),
        2 => address().prop_map(|address| Edit::RestoreAccount { address }),
        1 => address().prop_map(|address| Edit::EraseAccount { address }),
        5 => (address(), some()).prop_map(|(address, targets)| Edit::AddAlias { address, targets }),
        2 => (address(), some()).prop_map(|(address, targets)| Edit::RemoveAlias { address, targets }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is edited, in whatever order, on whichever of two nodes.
    #[test]
    fn no_edit_leaves_a_fault_and_all_is_read_as_it_was_written(
        edits in proptest::collection::vec((any_edit(), any::<bool>()), 1..60)
    ) {
        let (world, store) = (World::new(1), MemoryStore::new());
        let open = || open_on(Arc::new(store.clone()), &world, nothing()).unwrap();
        let nodes = [open(), open()];
        let (mut ids, mut given) = (std::collections::HashMap::new(), std::collections::HashSet::new());
        for (change, first) in edits {
            let node = if first { &nodes[0] } else { &nodes[1] };
            let of = change.of();
            match edit(&world, node, change) {
                Ok(Edited::Added(id)) => {
                    prop_assert!(given.insert(id), "a number is given once");
                    ids.insert(of, id);
                }
                Ok(Edited::Returned(id)) => prop_assert_eq!(ids.get(&of), Some(&id)),
                Ok(Edited::Erasing(id)) => prop_assert_eq!(ids.remove(&of), Some(id)),
                _ => {}
            }
            prop_assert_eq!(node.faults(), []);
        }
        store.crash();
        let again = open();
        for node in &nodes {
            world.block_on(node.refresh()).unwrap();
            prop_assert_eq!(node.domains(), again.domains());
            prop_assert_eq!(node.aliases(), again.aliases());
            prop_assert!(node.accounts().eq(again.accounts()));
            prop_assert_eq!((node.removed(), node.erasing()), (again.removed(), again.erasing()));
        }
    }
}
