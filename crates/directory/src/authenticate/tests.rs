use super::*;
use crate::hashing::{AT_ONCE_MAX, WAITING_MAX};
use crate::world::{cheap_hash, open, spec};
use crate::{AccountSpec, CatchAll, hash_password};
use env::Sleep;
use env::virtual_world::World;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

/// `anna` by hash, `ben` by clear password, `anna@other.test` beside.
fn directory(world: &World) -> Directory {
    let mut spec = spec(&["anna", "ben"], CatchAll::Refuse);
    spec.accounts[0].credential = cheap_hash(b"anna");
    spec.domains.push("other.test".parse().unwrap());
    spec.accounts.push(AccountSpec::new("dora@other.test".parse().unwrap(), Credential::Clear("dora".into())));
    spec.accounts.push(AccountSpec::new("ben@other.test".parse().unwrap(), Credential::Clear("ben2".into())));
    open(world, spec)
}

pub(super) fn log_in(
    world: &World,
    directory: &Directory,
    login: &str,
    password: &str,
    peer: &str,
) -> Result<String, AuthError> {
    let peer = Some(peer.parse().unwrap());
    let account = world.block_on(directory.authenticate(login, password.as_bytes(), peer))?;
    Ok(account.address.to_string())
}

#[test]
fn logins_and_passwords() {
    let world = World::new(1);
    let directory = directory(&world);
    let check = |login: &str, password: &str, expected: Result<&str, AuthError>| {
        let result = log_in(&world, &directory, login, password, "192.0.2.1");
        assert_eq!(result, expected.map(str::to_owned), "{login} {password}");
    };
    check("anna@demo.test", "anna", Ok("anna@demo.test"));
    check("ANNA", "anna", Ok("anna@demo.test"));
    check("anna", "Anna", Err(AuthError::Rejected));
    check("ben@demo.test", "ben", Ok("ben@demo.test"));
    check("ben@other.test", "ben2", Ok("ben@other.test"));
    // Two accounts share the local part, so it alone says nobody.
    check("ben", "ben", Err(AuthError::Rejected));
    check("dora", "dora", Ok("dora@other.test"));
    check("nobody", "", Err(AuthError::Rejected));
    check("", "", Err(AuthError::Rejected));
    check("dora", &"x".repeat(PASSWORD_OCTETS_MAX + 1), Err(AuthError::Rejected));
}

/// A pool that counts what it computes.
pub(super) struct Counting(pub(super) World, pub(super) AtomicUsize);

impl Spawn for Counting {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }
    fn compute(&self, work: Box<dyn FnOnce() + Send>) {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.compute(work);
    }
}

#[test]
fn every_refusal_costs_one_hash_and_a_repeated_log_in_none() {
    let world = World::new(1);
    let counting = Arc::new(Counting(world.clone(), AtomicUsize::new(0)));
    let mut spec = spec(&["anna", "ben"], CatchAll::Refuse);
    spec.accounts[0].credential = cheap_hash(b"anna");
    let (store, env) = (Arc::new(store::memory::MemoryStore::new()), world.env());
    let opening = Directory::open(store, counting.clone(), env.clock, &*env.random, spec);
    let directory = world.block_on(opening).unwrap();
    let cost = |login: &str, password: &str| {
        let before = counting.1.load(Ordering::Relaxed);
        let welcome = log_in(&world, &directory, login, password, "127.0.0.1").is_ok();
        (welcome, counting.1.load(Ordering::Relaxed) - before)
    };
    assert_eq!(cost("anna", "wrong"), (false, 1));
    assert_eq!(cost("nobody", "wrong"), (false, 1));
    assert_eq!(cost("ben", "wrong"), (false, 1));
    assert_eq!(cost("ben", "ben"), (true, 0));
    assert_eq!(cost("anna", "anna"), (true, 1));
    world.pass(Duration::from_secs(599));
    assert_eq!(cost("anna", "anna"), (true, 0));
    world.pass(Duration::from_secs(1));
    assert_eq!(cost("anna", "anna"), (true, 1));
}

#[test]
fn who_fails_too_often_waits_and_the_owner_does_not() {
    let world = World::new(1);
    let directory = directory(&world);
    let (home, attacker, other) = ("192.0.2.1", "198.51.100.7", "203.0.113.9");
    log_in(&world, &directory, "dora", "dora", home).unwrap();
    // Her network stays known; her password is not remembered any more.
    world.pass(Duration::from_secs(600));
    for _ in 0..10 {
        assert_eq!(log_in(&world, &directory, "dora", "guess", attacker), Err(AuthError::Rejected));
    }
    let until = world.wall() + Duration::from_secs(1);
    // Even the right password is not looked at, neither there nor from elsewhere.
    assert_eq!(log_in(&world, &directory, "dora", "dora", attacker), Err(AuthError::Throttled { until }));
    assert_eq!(log_in(&world, &directory, "dora@other.test", "dora", other), Err(AuthError::Throttled { until }));
    // The attacker's network waits for other accounts too; known networks, the machine itself and others' do not.
    assert_eq!(log_in(&world, &directory, "ben@demo.test", "ben", attacker), Err(AuthError::Throttled { until }));
    assert!(log_in(&world, &directory, "dora", "dora", home).is_ok());
    assert!(log_in(&world, &directory, "dora", "dora", "127.0.0.1").is_ok());
    assert!(log_in(&world, &directory, "ben@demo.test", "ben", other).is_ok());
}

#[test]
fn waits_double_up_to_a_quarter_of_an_hour_and_are_forgotten() {
    let world = World::new(1);
    let directory = directory(&world);
    let peer = "2001:db8::1";
    let mut waits = Vec::new();
    for n in 0..24 {
        // The same /64 is the same customer.
        match log_in(&world, &directory, "ben@demo.test", "guess", &format!("2001:db8::{n:x}")) {
            Err(AuthError::Throttled { until }) => {
                waits.push((until.unix_ms() - world.wall().unix_ms()) / 1000);
                world.pass(Duration::from_secs(*waits.last().unwrap() as u64));
            }
            other => assert_eq!(other, Err(AuthError::Rejected)),
        }
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64]);
    world.pass(Duration::from_secs(3600));
    assert!(log_in(&world, &directory, "ben@demo.test", "ben", peer).is_ok());
}

/// While a client of hers is signed in, her password is remembered; that must not open the door to guessing.
#[test]
fn what_is_remembered_of_one_network_says_nothing_to_another() {
    let world = World::new(1);
    let directory = directory(&world);
    let (home, attacker) = ("192.0.2.1", "198.51.100.7");
    log_in(&world, &directory, "dora", "dora", home).unwrap();
    for _ in 0..10 {
        assert_eq!(log_in(&world, &directory, "dora", "guess", attacker), Err(AuthError::Rejected));
    }
    assert!(matches!(log_in(&world, &directory, "dora", "dora", attacker), Err(AuthError::Throttled { .. })));
    assert!(log_in(&world, &directory, "dora", "dora", home).is_ok());
}

/// One password, however it was typed.
#[test]
fn passwords_are_prepared() {
    let world = World::new(1);
    let mut spec = spec(&["anna", "ben"], CatchAll::Refuse);
    spec.accounts[0].credential = Credential::Clear("B\u{fc}ro IX".into());
    spec.accounts[1].credential = Credential::from_password("Bu\u{308}ro \u{2168}".as_bytes(), &world).unwrap();
    let directory = open(&world, spec);
    for (login, password) in [("anna", "Bu\u{308}ro \u{2168}"), ("ben", "B\u{fc}ro IX")] {
        assert!(log_in(&world, &directory, login, password, "192.0.2.1").is_ok(), "{login}");
    }
}

#[test]
fn a_remembered_password_is_not_throttled() {
    let world = World::new(1);
    let directory = directory(&world);
    for name in ["anna", "dora"] {
        log_in(&world, &directory, name, name, "127.0.0.1").unwrap();
        for _ in 0..10 {
            assert_eq!(log_in(&world, &directory, name, "guess", "127.0.0.1"), Err(AuthError::Rejected));
        }
        assert!(matches!(log_in(&world, &directory, name, "guess", "127.0.0.1"), Err(AuthError::Throttled { .. })));
        assert!(log_in(&world, &directory, name, name, "127.0.0.1").is_ok());
    }
}

/// A pool whose hashes take a second each.
struct Slow(World);

impl Spawn for Slow {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }
    fn compute(&self, work: Box<dyn FnOnce() + Send>) {
        let end = self.0.sleep_until(self.0.monotonic() + Duration::from_secs(1));
        self.0.spawn(Box::pin(async move {
            end.await;
            work();
        }));
    }
}

#[test]
fn few_hash_at_once_a_bounded_number_waits_and_who_leaves_costs_nothing() {
    let world = World::new(1);
    let hashing = Hashing::new(Arc::new(Slow(world.clone())));
    let mut askers: Vec<_> = (0..AT_ONCE_MAX + WAITING_MAX).map(|n| Box::pin(hashing.run(move || n))).collect();
    for asker in &mut askers {
        assert!(world.poll_once(asker.as_mut()).is_none());
    }
    assert!(world.block_on(hashing.run(|| ())).is_err(), "one too many");
    askers.truncate(AT_ONCE_MAX + 2);
    let start = world.monotonic();
    for (n, asker) in askers.into_iter().enumerate() {
        assert_eq!(world.block_on(asker), Ok(n));
    }
    assert_eq!(world.monotonic() - start, Duration::from_secs(2));
    let mut late = pin!(hashing.run(|| "late"));
    let answer = world.block_on(std::future::poll_fn(|cx| match late.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(answer),
        Poll::Pending => Poll::Pending,
    }));
    assert_eq!(answer, Ok("late"));
}

#[test]
fn hashes_are_checked_before_they_are_used() {
    let printed = hash_password(b"secret", &World::new(1)).unwrap();
    assert!(printed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{printed}");
    assert!(Credential::argon2id(&printed).is_ok());
    let check = |phc: &str| Credential::argon2id(phc).unwrap_err().to_string();
    assert_eq!(check("secret"), "not an Argon2id hash as `postamt hash-password` prints it");
    assert_eq!(check(&printed.replace("argon2id", "argon2i")), check("secret"));
    assert_eq!(
        check(&printed.replace("m=19456", "m=4194304")),
        "the hash costs 4194304 KiB and 2 passes; at most 262144 KiB and 10 passes"
    );
    assert_eq!(format!("{:?}", Credential::Clear("secret".into())), "Clear(…)");
    assert!(!format!("{:?}", Credential::argon2id(&printed).unwrap()).contains("m="));
}

#[test]
fn credentials_are_written_and_read() {
    let made = Credential::from_password(b"secret", &World::new(1)).unwrap();
    let text = made.to_text().unwrap();
    assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
    assert!(text.contains(" SCRAM-SHA-256$50000:"), "{text}");
    assert_eq!(Credential::from_text(&text), Ok(made.clone()));
    let (phc, keys) = text.split_once(' ').unwrap();
    let alone = Credential::argon2id(phc).unwrap();
    assert_eq!(alone.to_text().as_deref(), Some(phc));
    assert_eq!(Credential::from_text(phc), Ok(alone));
    assert_eq!(Credential::Clear("secret".into()).to_text(), None);
    for printed in [phc.rsplit_once('$').unwrap().1, keys.rsplit_once('$').unwrap().1] {
        assert!(!format!("{made:?}").contains(printed), "{made:?}");
    }
    let check = |text: &str, expected: &str| assert_eq!(Credential::from_text(text).unwrap_err().to_string(), expected);
    check("", "not an Argon2id hash as `postamt hash-password` prints it");
    check(keys, "not an Argon2id hash as `postamt hash-password` prints it");
    check(&format!("{phc} "), "not SCRAM keys as RFC 5803 writes them");
    check(&format!("{text} "), "not SCRAM keys as RFC 5803 writes them");
    check(&text.replace("$50000:", "$5:"), "5 iterations; from 4096 to 10000000 are usable");
    for unusable in [&b""[..], &[b'x'; PASSWORD_OCTETS_MAX + 1]] {
        let error = Credential::from_password(unusable, &World::new(1)).unwrap_err();
        assert_eq!(error.to_string(), "a password has 1 to 4096 octets");
    }
}
