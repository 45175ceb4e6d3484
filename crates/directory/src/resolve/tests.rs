use super::*;
use crate::DirectorySpec;
use crate::world::{open, spec};
use env::virtual_world::World;

fn check(directory: &Directory, path: &str, expected: &[&str]) {
    let path = match path.parse() {
        Ok(address) => ForwardPath::Address(address),
        Err(_) => ForwardPath::Postmaster,
    };
    let resolution = directory.resolve(&path);
    let Resolution::Deliver(accounts) = &resolution else { panic!("{path}: {resolution:?}") };
    let locals: Vec<_> = accounts.iter().map(|a| a.address.local.as_str()).collect();
    assert_eq!(locals, expected, "{path}");
}

fn check_not(directory: &Directory, path: &str, expected: Resolution) {
    assert_eq!(directory.resolve(&ForwardPath::Address(path.parse().unwrap())), expected, "{path}");
}

fn anna() -> Address {
    "anna@demo.test".parse().unwrap()
}

#[test]
fn accounts_are_found_in_any_case() {
    let directory = open(&World::new(1), spec(&["anna", "jörg", "a b"], CatchAll::Refuse));
    check(&directory, "aNNa@Demo.Test", &["anna"]);
    check(&directory, "JÖRG@demo.test", &["jörg"]);
    check(&directory, "\"A B\"@demo.test", &["a b"]);
    check_not(&directory, "anna2@demo.test", Resolution::UnknownUser);
    check_not(&directory, "anna@other.test", Resolution::NotLocal);
    check_not(&directory, "anna@sub.demo.test", Resolution::NotLocal);
    check_not(&directory, "anna@[127.0.0.1]", Resolution::NotLocal);
    check_not(&directory, "anna%demo.test@other.test", Resolution::NotLocal);
    check_not(&directory, "anna%other.test@demo.test", Resolution::UnknownUser);
}

#[test]
fn postmaster_is_always_there() {
    let world = World::new(1);
    let first = open(&world, spec(&["anna", "ben"], CatchAll::Refuse));
    check(&first, "postmaster", &["anna"]);
    let admin = open(&world, spec(&["anna", "admin"], CatchAll::Refuse));
    check(&admin, "postmaster", &["admin"]);
    check(&admin, "PostMaster@demo.test", &["admin"]);
    check(&admin, "abuse@demo.test", &["admin"]);
    check_not(&admin, "postmaster@other.test", Resolution::NotLocal);
    let chosen = DirectorySpec { postmaster: Some(anna()), ..spec(&["ben", "anna"], CatchAll::Refuse) };
    check(&open(&world, chosen), "postmaster@demo.test", &["anna"]);
    let own = open(&world, spec(&["anna", "postmaster"], CatchAll::Refuse));
    check(&own, "postmaster@demo.test", &["postmaster"]);
    let nobody = open(&world, spec(&[], CatchAll::Refuse));
    assert_eq!(nobody.resolve(&ForwardPath::Postmaster), Resolution::UnknownUser);
}

#[test]
fn catch_all_takes_what_nobody_has_in_our_domains() {
    let directory = open(&World::new(1), spec(&["anna", "ben"], CatchAll::Account(anna())));
    check(&directory, "ben@demo.test", &["ben"]);
    check(&directory, "who@demo.test", &["anna"]);
    check_not(&directory, "who@other.test", Resolution::NotLocal);
    check(&directory, "fail-4xx@demo.test", &["anna"]);
}

#[test]
fn the_demo_takes_everything_and_misbehaves_on_purpose() {
    let directory = open(&World::new(1), spec(&["anna", "ben", "admin"], CatchAll::Demo(anna())));
    check(&directory, "anna@demo.test", &["anna"]);
    check(&directory, "who@anywhere.example", &["anna"]);
    check(&directory, "ben@demo.test", &["ben", "anna"]);
    check(&directory, "postmaster", &["admin", "anna"]);
    check_not(&directory, "Fail-4xx@demo.test", Resolution::Fault(DemoFault::Temporary));
    check_not(&directory, "fail-5xx@anywhere.example", Resolution::Fault(DemoFault::Permanent));
    let anna = directory.account(&"anna@demo.test".parse().unwrap()).unwrap().clone();
    check_not(&directory, "slow@demo.test", Resolution::Slow(vec![anna]));
}
