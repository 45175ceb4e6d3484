use super::super::tests::{Counting, log_in};
use super::*;
use crate::world::{cheap_hash, open, spec};
use crate::{AccountSpec, CatchAll};
use env::Clock;
use env::virtual_world::World;
use sasl::{Client, Mechanism, Server, Step};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Few, so that the tests are quick; the same for all, so that nothing shows.
const ITERATIONS: u32 = 4096;

fn with_keys(password: &[u8], salt: &[u8]) -> Credential {
    let keys = ScramKeys::derive(ScramHash::Sha256, password, salt, ITERATIONS).unwrap();
    let Credential::Hashed { argon2id, .. } = cheap_hash(password) else { panic!() };
    Credential::Hashed { argon2id, scram_sha_256: Some(keys), scram_sha_1: None }
}

/// `anna` with keys, `carl` with a hash alone, `ben` of two domains and `dora` in the clear.
fn directory(world: &World) -> Directory {
    let mut spec = spec(&["anna", "ben", "carl"], CatchAll::Refuse);
    spec.accounts[0].credential = with_keys(b"anna", b"sixteen octets!!");
    spec.accounts[2].credential = cheap_hash(b"carl");
    spec.domains.push("other.test".parse().unwrap());
    spec.accounts.push(AccountSpec::new("dora@other.test".parse().unwrap(), Credential::Clear("dora".into())));
    spec.accounts.push(AccountSpec::new("ben@other.test".parse().unwrap(), Credential::Clear("ben2".into())));
    open(world, spec)
}

fn ticket(world: &World, directory: &Directory, login: &str, peer: &str) -> Result<ScramTicket, AuthError> {
    world.block_on(directory.scram_keys(login, ScramHash::Sha256, Some(peer.parse().unwrap())))
}

/// A whole exchange.
fn prove_by(
    mechanism: Mechanism,
    (world, directory): (&World, &Directory),
    [login, password, peer]: [&str; 3],
) -> Result<String, AuthError> {
    let mut client = Client::new(mechanism, login, password.as_bytes(), None, [1; sasl::NONCE_OCTETS]).unwrap();
    let mut server = Server::new(mechanism, None, [2; sasl::NONCE_OCTETS], false);
    let Step::WantsKeys { login } = server.start(client.initial().as_deref()) else { panic!() };
    let keys = directory.scram_keys(&login, mechanism.scram().unwrap(), Some(peer.parse().unwrap()));
    let ticket = world.block_on(keys)?;
    let Step::Challenge(challenge) = server.keys(ticket.keys().clone()) else { panic!() };
    let right = matches!(server.respond(&client.respond(&challenge).unwrap()), Step::Done { .. });
    directory.scram_finished(ticket, right).map(|account| account.address.to_string())
}

fn prove(world: &World, directory: &Directory, login: &str, password: &str, peer: &str) -> Result<String, AuthError> {
    prove_by(Mechanism::ScramSha256, (world, directory), [login, password, peer])
}

#[test]
fn logins_and_proofs() {
    let world = World::new(1);
    let directory = directory(&world);
    let check = |login: &str, password: &str, expected: Result<&str, AuthError>| {
        let result = prove(&world, &directory, login, password, "192.0.2.1");
        assert_eq!(result, expected.map(str::to_owned), "{login} {password}");
    };
    check("anna@demo.test", "anna", Ok("anna@demo.test"));
    check("ANNA", "anna", Ok("anna@demo.test"));
    check("anna", "Anna", Err(AuthError::Rejected));
    check("ben@other.test", "ben2", Ok("ben@other.test"));
    check("ben", "ben", Err(AuthError::Rejected));
    check("dora", "dora", Ok("dora@other.test"));
    check("carl", "carl", Err(AuthError::Rejected));
    check("nobody", "x", Err(AuthError::Rejected));
    // Only from a clear password can other keys be made.
    let by_sha_1 =
        |login, password| prove_by(Mechanism::ScramSha1, (&world, &directory), [login, password, "192.0.2.1"]).is_ok();
    assert!(by_sha_1("dora", "dora"));
    assert!(!by_sha_1("anna", "anna"));
    assert!(!directory.all_have_scram(ScramHash::Sha256), "carl has none");
}

#[test]
fn scram_is_for_all_or_not_offered() {
    let world = World::new(1);
    let mut spec = spec(&["anna", "ben"], CatchAll::Refuse);
    assert!(open(&world, spec.clone()).all_have_scram(ScramHash::Sha1));
    spec.accounts[0].credential = with_keys(b"anna", b"salt");
    let directory = open(&world, spec);
    assert!(directory.all_have_scram(ScramHash::Sha256));
    assert!(!directory.all_have_scram(ScramHash::Sha1));
}

#[test]
fn who_is_not_there_looks_like_who_is() {
    let (world, elsewhere) = (World::new(1), World::new(2));
    let directory = directory(&world);
    let keys_of = |login: &str| ticket(&world, &directory, login, "192.0.2.1").unwrap().keys;
    let anna = keys_of("anna");
    for made_up in ["nobody", "carl", "x@demo.test", "@", "", "näher@demo.test"] {
        let keys = keys_of(made_up);
        assert_eq!(keys, keys_of(&made_up.to_uppercase()), "{made_up}: the same each time");
        assert_eq!((keys.iterations, keys.salt.len()), (anna.iterations, anna.salt.len()), "{made_up}");
        assert_ne!(keys.salt, anna.salt, "{made_up}");
    }
    assert_ne!(keys_of("nobody").salt, keys_of("somebody").salt);
    assert_eq!(keys_of("anna"), keys_of("anna@demo.test"));
    assert_eq!(keys_of("nobody"), keys_of("nobody@demo.test"), "short and in full");
    assert_eq!(keys_of("ben"), keys_of("ben@demo.test"), "a name that two share");
    let restarted = self::directory(&elsewhere);
    assert_eq!(keys_of("nobody"), ticket(&elsewhere, &restarted, "nobody", "192.0.2.1").unwrap().keys);
}

#[test]
fn made_up_keys_open_nothing() {
    let world = World::new(1);
    let directory = directory(&world);
    for login in ["nobody", "carl", "ben"] {
        let ticket = ticket(&world, &directory, login, "192.0.2.1").unwrap();
        assert_eq!(directory.scram_finished(ticket, true).err(), Some(AuthError::Rejected), "{login}");
    }
}

#[test]
fn who_fails_too_often_waits_and_the_owner_does_not() {
    let world = World::new(1);
    let directory = directory(&world);
    let (home, attacker, other) = ("192.0.2.1", "198.51.100.7", "203.0.113.9");
    prove(&world, &directory, "anna", "anna", home).unwrap();
    world.pass(Duration::from_secs(600));
    // Guesses count, by whichever mechanism.
    for _ in 0..5 {
        assert_eq!(prove(&world, &directory, "anna", "guess", attacker), Err(AuthError::Rejected));
        assert_eq!(log_in(&world, &directory, "anna", "guess", attacker), Err(AuthError::Rejected));
    }
    let until = world.wall() + Duration::from_secs(1);
    for from in [attacker, other] {
        assert_eq!(prove(&world, &directory, "anna@demo.test", "anna", from), Err(AuthError::Throttled { until }));
        assert_eq!(log_in(&world, &directory, "anna", "anna", from), Err(AuthError::Throttled { until }));
    }
    assert_eq!(prove(&world, &directory, "dora", "dora", attacker), Err(AuthError::Throttled { until }));
    assert!(AuthError::Throttled { until }.to_string().contains(&until.rfc5322()), "it says until when");
    // The owner's network, the machine itself, and others' networks for other accounts.
    assert!(prove(&world, &directory, "anna", "anna", home).is_ok());
    assert!(log_in(&world, &directory, "anna", "anna", home).is_ok());
    assert!(prove(&world, &directory, "anna", "anna", "127.0.0.1").is_ok());
    assert!(prove(&world, &directory, "dora", "dora", other).is_ok());
    world.pass(Duration::from_secs(1));
    assert!(prove(&world, &directory, "anna", "anna", other).is_ok());
}

/// Unknown logins are throttled like known ones.
#[test]
fn guessing_at_made_up_keys_is_throttled_too() {
    let world = World::new(1);
    let directory = directory(&world);
    for n in 0..10 {
        let from = format!("203.0.113.{n}");
        assert_eq!(prove(&world, &directory, "nobody", "guess", &from), Err(AuthError::Rejected));
    }
    let until = world.wall() + Duration::from_secs(1);
    // Both spellings, as with an account.
    for login in ["nobody", "Nobody@demo.test"] {
        let refused = ticket(&world, &directory, login, "192.0.2.1").err();
        assert_eq!(refused, Some(AuthError::Throttled { until }), "{login}");
    }
}

#[test]
fn a_stock_of_tickets_buys_no_guesses() {
    let world = World::new(1);
    let directory = directory(&world);
    let mut tickets: Vec<_> = (0..12).map(|_| ticket(&world, &directory, "anna", "198.51.100.7").unwrap()).collect();
    let last = tickets.pop().unwrap();
    for (n, ticket) in tickets.into_iter().enumerate() {
        let error = directory.scram_finished(ticket, false).unwrap_err();
        assert_eq!(error == AuthError::Rejected, n < 10, "{n}: {error}");
    }
    assert!(matches!(directory.scram_finished(last, true), Err(AuthError::Throttled { .. })), "even if it is right");
}

#[test]
fn keys_of_a_clear_password_are_computed_once() {
    let world = World::new(1);
    let counting = Arc::new(Counting(world.clone(), AtomicUsize::new(0)));
    let (store, env) = (Arc::new(store::memory::MemoryStore::new()), world.env());
    let mut spec = spec(&["anna", "ben"], CatchAll::Refuse);
    spec.accounts[0].credential = with_keys(b"anna", b"salt");
    let directory = world.block_on(Directory::open(store, counting.clone(), env.clock, &*env.random, spec)).unwrap();
    let cost = |login: &str| {
        let before = counting.1.load(Ordering::Relaxed);
        ticket(&world, &directory, login, "127.0.0.1").unwrap();
        counting.1.load(Ordering::Relaxed) - before
    };
    assert_eq!([cost("ben"), cost("ben"), cost("BEN@demo.test")], [1, 0, 0]);
    assert_eq!([cost("anna"), cost("nobody")], [0, 0]);
}

#[test]
fn tickets_do_not_print_keys() {
    let world = World::new(1);
    let ticket = ticket(&world, &directory(&world), "dora", "127.0.0.1").unwrap();
    assert!(format!("{ticket:?}").starts_with("ScramTicket { keys: SCRAM-SHA-256$4096:…,"), "{ticket:?}");
}

#[test]
fn both_hashes_are_kept_and_read_also_where_one_is_missing() {
    let world = World::new(1);
    let text = |hash| ScramKeys::derive(hash, b"x", b"salt", ITERATIONS).unwrap().to_text();
    let (phc, old, new) = (cheap_hash(b"x").to_text().unwrap(), text(ScramHash::Sha256), text(ScramHash::Sha1));
    let check = |text: String, sha_256: bool, sha_1: bool| {
        let credential = Credential::from_text(&text).unwrap();
        assert_eq!(credential.to_text().unwrap(), text);
        assert_eq!((credential.has_scram(ScramHash::Sha256), credential.has_scram(ScramHash::Sha1)), (sha_256, sha_1));
    };
    check(phc.clone(), false, false);
    check(format!("{phc} {old}"), true, false);
    check(format!("{phc} {old} {new}"), true, true);
    for wrong in [format!("{phc} {old} {old}"), format!("{phc} "), format!("{old} {phc}"), format!("{phc} {old} x")] {
        assert!(Credential::from_text(&wrong).is_err(), "{wrong}");
    }
    let made = Credential::from_password(b"x", &*world.env().random).unwrap();
    assert!(made.has_scram(ScramHash::Sha256) && made.has_scram(ScramHash::Sha1));
    assert_eq!(Credential::from_text(&made.to_text().unwrap()), Ok(made));
}
