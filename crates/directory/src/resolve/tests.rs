use super::*;
use crate::world::{add_account, add_alias, add_domain, address, open, spec};
use crate::{CatchAll, DirectorySpec, DomainSettings, Edit, Separators};
use env::virtual_world::World;

fn check(directory: &Directory, path: &str, expected: &[&str]) {
    let path = match path.parse() {
        Ok(address) => ForwardPath::Address(address),
        Err(_) => ForwardPath::Postmaster,
    };
    let resolution = directory.resolve(&path);
    let Resolution::Deliver(targets) = &resolution else { panic!("{path}: {resolution:?}") };
    let printed: Vec<String> = targets.iter().map(printed).collect();
    assert_eq!(printed, expected, "{path}");
}

/// `anna`, `anna+detail`, `boss@elsewhere.test`; accounts of other domains whole.
pub(crate) fn printed(target: &Target) -> String {
    match target {
        Target::Foreign(address) => address.to_string(),
        Target::Account { account, detail } => {
            let detail = detail.as_ref().map(|detail| format!("+{detail}")).unwrap_or_default();
            let other = Some(&account.address.domain).filter(|domain| domain.as_str() != "demo.test");
            let domain = other.map(|domain| format!("@{domain}")).unwrap_or_default();
            format!("{}{detail}{domain}", account.address.local.as_str())
        }
    }
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

/// anna, ben, mary-ann and admin in `demo.test`, and what the edits make of it.
fn edited(world: &World, edits: Vec<Edit>) -> Directory {
    let directory = open(world, spec(&["anna", "ben", "mary-ann", "admin"], CatchAll::Refuse));
    for edit in edits {
        world.block_on(directory.edit(edit)).unwrap();
    }
    directory
}

fn settings(catch_all: &[&str], separators: &str) -> DomainSettings {
    let catch_all = catch_all.iter().map(|target| address(target)).collect();
    DomainSettings { catch_all, separators: separators.parse().unwrap(), same_as: None }
}

#[test]
fn details_are_told_and_whole_names_go_first() {
    let directory = edited(
        &World::new(1),
        vec![
            add_account("anna+private@demo.test"),
            add_alias("sales@demo.test", &["anna@demo.test", "ben+sales@demo.test", "boss@elsewhere.test"]),
            add_domain("dash.test", settings(&[], "+-")),
            add_domain("none.test", settings(&[], "")),
            add_account("mary-ann@dash.test"),
            add_account("mary@dash.test"),
            add_account("anna@none.test"),
        ],
    );
    check(&directory, "anna+Lists.a@demo.test", &["anna+Lists.a"]);
    check(&directory, "ANNA+a+b@demo.test", &["anna+a+b"]);
    check(&directory, "anna+@demo.test", &["anna+"]);
    check(&directory, "anna+private@demo.test", &["anna+private"]);
    check(&directory, "sales@demo.test", &["anna", "ben+sales", "boss@elsewhere.test"]);
    // An alias hands the detail on to those that have none.
    check(&directory, "sales+x@demo.test", &["anna+x", "ben+sales", "boss@elsewhere.test"]);
    check(&directory, "abuse+x@demo.test", &["admin+x"]);
    check(&directory, "mary-ann@demo.test", &["mary-ann"]);
    check_not(&directory, "mary@demo.test", Resolution::UnknownUser);
    check_not(&directory, "+anna@demo.test", Resolution::UnknownUser);
    check(&directory, "mary-ann-x@dash.test", &["mary-ann+x@dash.test"]);
    check(&directory, "mary-anton@dash.test", &["mary+anton@dash.test"]);
    check(&directory, "mary+a-b@dash.test", &["mary+a-b@dash.test"]);
    check_not(&directory, "anna+x@none.test", Resolution::UnknownUser);
    assert_eq!(directory.domains()[2].settings.separators, Separators::none());
}

#[test]
fn aliases_lead_to_each_once() {
    let directory = edited(
        &World::new(1),
        vec![
            add_alias("all@demo.test", &["ben@demo.test", "far@elsewhere.test"]),
            add_alias("ben@demo.test", &["far@elsewhere.test", "Ben@demo.test"]),
            add_alias("anna@demo.test", &["Far@elsewhere.test"]),
            add_alias("team@demo.test", &["all@demo.test", "anna@demo.test", "mary-ann@demo.test"]),
            add_alias("postmaster@demo.test", &["team@demo.test"]),
        ],
    );
    check(&directory, "all@demo.test", &["far@elsewhere.test", "ben"]);
    // Among their own targets: they keep a copy; else they do not.
    check(&directory, "ben+x@demo.test", &["far@elsewhere.test", "ben+x"]);
    check(&directory, "anna@demo.test", &["Far@elsewhere.test"]);
    check(&directory, "team@demo.test", &["mary-ann", "far@elsewhere.test", "Far@elsewhere.test", "ben"]);
    check(&directory, "postmaster", &["mary-ann", "far@elsewhere.test", "Far@elsewhere.test", "ben"]);
}

#[test]
fn each_domain_catches_for_itself_and_may_be_anothers_name() {
    let same = DomainSettings { same_as: Some("org.test".parse().unwrap()), ..DomainSettings::default() };
    let directory = edited(
        &World::new(1),
        vec![
            add_domain("org.test", settings(&["anna+org@demo.test", "boss@elsewhere.test"], "+")),
            add_domain("net.test", same),
            add_account("dora@org.test"),
        ],
    );
    check(&directory, "dora+x@net.test", &["dora+x@org.test"]);
    check(&directory, "who@net.test", &["anna+org", "boss@elsewhere.test"]);
    check(&directory, "postmaster@net.test", &["admin"]);
    check_not(&directory, "who@demo.test", Resolution::UnknownUser);
}

#[test]
fn as_whom_one_may_send() {
    let world = World::new(1);
    let same = DomainSettings { same_as: Some("org.test".parse().unwrap()), ..DomainSettings::default() };
    let directory = edited(
        &world,
        vec![
            add_domain("org.test", settings(&["anna@demo.test"], "+")),
            add_domain("net.test", same),
            add_account("dora@org.test"),
            add_alias("sales@demo.test", &["anna@demo.test", "boss@elsewhere.test"]),
            add_alias("team@demo.test", &["sales@demo.test"]),
            add_alias("anna@demo.test", &["boss@elsewhere.test"]),
            add_alias("ann@demo.test", &["ben@demo.test"]),
        ],
    );
    let may = |who: &str, address: &str| {
        let account = directory.account(&who.parse().unwrap()).unwrap();
        directory.may_send_as(&account, &address.parse().unwrap())
    };
    for address in ["ben@demo.test", "BEN+x@demo.test", "ann@demo.test", "ann+x@demo.test"] {
        assert!(may("ben@demo.test", address), "{address}");
    }
    // What is forwarded is still one's own name; what others have is not caught.
    assert!(may("anna@demo.test", "anna@demo.test"));
    for address in ["anna@demo.test", "team@demo.test", "postmaster@demo.test", "who@org.test", "ben@elsewhere.test"] {
        assert!(!may("ben@demo.test", address), "{address}");
    }
    assert!(!may("anna@demo.test", "dora@org.test"));
    assert!(may("dora@org.test", "dora+x@net.test"));
    for address in ["postmaster@demo.test", "abuse@net.test", "admin@demo.test"] {
        assert!(may("admin@demo.test", address), "{address}");
    }
    let caught = edited(
        &world,
        vec![
            add_domain("org.test", settings(&["ben@demo.test"], "+")),
            add_alias("sales@demo.test", &["ben@demo.test"]),
            add_alias("team@demo.test", &["sales@demo.test"]),
        ],
    );
    let ben = caught.account(&address("ben@demo.test")).unwrap();
    for text in ["who@org.test", "team@demo.test", "sales+x@demo.test"] {
        assert!(caught.may_send_as(&ben, &address(text)), "{text}");
    }
    assert!(!caught.may_send_as(&ben, &address("abuse@org.test")));
}

#[test]
fn in_the_demo_one_sends_as_oneself_only() {
    let directory = open(&World::new(1), spec(&["anna", "ben"], CatchAll::Demo(anna())));
    let anna = directory.account(&anna()).unwrap();
    for (text, may) in
        [("anna+x@demo.test", true), ("ben@demo.test", false), ("who@demo.test", false), ("a@b.test", false)]
    {
        assert_eq!(directory.may_send_as(&anna, &address(text)), may, "{text}");
    }
}
