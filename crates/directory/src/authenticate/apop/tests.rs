use super::*;
use crate::world::{add_account, add_domain, address, open, open_on, spec};
use crate::{CatchAll, DomainSettings, Edit, Edited};
use env::virtual_world::World;
use std::time::Duration;
use store::memory::MemoryStore;

/// The greeting of RFC 1939 §7.
const TIMESTAMP: &str = "<1896.697170952@dbc.mtview.ca.us>";

fn digest(timestamp: &str, secret: &str) -> ApopDigest {
    Md5::digest(format!("{timestamp}{secret}")).into()
}

fn log_in(world: &World, directory: &Directory, login: &str, digest: ApopDigest) -> Result<String, AuthError> {
    let account = world.block_on(directory.apop(login, TIMESTAMP, digest, Some("192.0.2.1".parse().unwrap())))?;
    Ok(account.address.to_string())
}

/// `anna` may, `ben` may not.
fn directory(world: &World) -> Directory {
    let mut spec = spec(&["anna", "ben"], CatchAll::Refuse);
    spec.accounts[0].credential = crate::Credential::Clear("tanstaaf".into());
    spec.accounts[0].apop = true;
    open(world, spec)
}

#[test]
fn the_example_of_the_standard() {
    let world = World::new(1);
    let directory = directory(&world);
    let right = [0xc4, 0xc9, 0x33, 0x4b, 0xac, 0x56, 0x0e, 0xcc, 0x97, 0x9e, 0x58, 0x00, 0x1b, 0x3e, 0x22, 0xfb];
    assert_eq!(digest(TIMESTAMP, "tanstaaf"), right);
    assert_eq!(log_in(&world, &directory, "anna", right), Ok("anna@demo.test".into()));
    assert_eq!(log_in(&world, &directory, "Anna@demo.test", right), Ok("anna@demo.test".into()));
}

#[test]
fn nobody_else_gets_in() {
    let world = World::new(1);
    let directory = directory(&world);
    assert!(directory.has_apop());
    assert_eq!(directory.apop_of(&address("anna@demo.test")), Some(true));
    assert_eq!(directory.apop_of(&address("ben@demo.test")), Some(false));
    assert_eq!(directory.apop_of(&address("carl@demo.test")), None);
    let check = |login: &str, digest| {
        assert_eq!(log_in(&world, &directory, login, digest), Err(AuthError::Rejected), "{login}");
    };
    check("anna", digest(TIMESTAMP, "tanstaaG"));
    check("anna", digest("<other@x>", "tanstaaf"));
    check("ben", digest(TIMESTAMP, "ben"));
    check("ben", digest(TIMESTAMP, "nobody"));
    check("nobody", digest(TIMESTAMP, "nobody"));
    check("", digest(TIMESTAMP, ""));
    let nobody = open(&world, spec(&["anna"], CatchAll::Refuse));
    assert!(!nobody.has_apop());
}

#[test]
fn guessing_is_slowed_down_with_passwords_together() {
    let world = World::new(1);
    let directory = directory(&world);
    let right = digest(TIMESTAMP, "tanstaaf");
    for _ in 0..5 {
        assert_eq!(log_in(&world, &directory, "anna", [0; 16]), Err(AuthError::Rejected));
        let peer = Some("192.0.2.1".parse().unwrap());
        let wrong = world.block_on(directory.authenticate("anna", b"wrong", peer));
        assert_eq!(wrong, Err(AuthError::Rejected));
    }
    assert!(matches!(log_in(&world, &directory, "anna", right), Err(AuthError::Throttled { .. })));
    world.block_on(world.env().sleep.sleep_until(env::Clock::monotonic(&world) + Duration::from_secs(2)));
    assert_eq!(log_in(&world, &directory, "anna", right), Ok("anna@demo.test".into()));
}

#[test]
fn an_account_switches_it_on_and_a_new_password_off() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let nothing = crate::DirectorySpec::new(Vec::new());
    let directory = open_on(Arc::new(store.clone()), &world, nothing.clone()).unwrap();
    let edit = |edit| world.block_on(directory.edit(edit));
    let dora = || address("dora@demo.test");
    let set = |secret: Option<&str>| Edit::SetApop { address: dora(), secret: secret.map(Into::into) };
    edit(add_domain("demo.test", DomainSettings::default())).unwrap();
    edit(add_account("dora@demo.test")).unwrap();
    assert_eq!(edit(set(None)), Ok(Edited::Unchanged));
    assert_eq!(edit(set(Some("s\u{AD}esam"))), Ok(Edited::Done));
    assert_eq!(edit(set(Some("s\u{AD}esam"))), Ok(Edited::Unchanged));
    assert_eq!(edit(set(Some(""))), Err(crate::EditError::ApopSecret));
    store.crash();
    let again = open_on(Arc::new(store.clone()), &world, nothing).unwrap();
    // RFC 6856 §2.2: the soft hyphen counts for nothing.
    assert_eq!(log_in(&world, &again, "dora", digest(TIMESTAMP, "sesam")), Ok("dora@demo.test".into()));
    let wrong = world.block_on(again.authenticate("dora", b"sesam", None));
    assert_eq!(wrong, Err(AuthError::Rejected), "the secret is good for APOP alone");
    let state = |state| Edit::SetAccount { address: dora(), credential: None, quota: None, state: Some(state) };
    edit(state(crate::AccountState::Disabled)).unwrap();
    assert!(!directory.has_apop());
    edit(state(crate::AccountState::Enabled)).unwrap();
    assert!(directory.has_apop());
    let credential = Some(crate::world::cheap_hash(b"new"));
    edit(Edit::SetAccount { address: dora(), credential, quota: None, state: None }).unwrap();
    assert!(!directory.has_apop());
}
