//! Aliases that lead away from here, and mail that comes back.

use crate::rig::{Rig, TEXT, mail};
use directory::Edit;
use mta::{Origin, Post};
use smtp::extension::dsn::Notify;

fn alias(rig: &Rig, address: &str, targets: &[&str]) {
    let targets = targets.iter().map(|target| target.parse().unwrap()).collect();
    rig.block_on(rig.post().directory.edit(Edit::AddAlias { address: address.parse().unwrap(), targets })).unwrap();
}

#[test]
fn an_alias_sends_on_and_keeps_a_copy() {
    let rig = Rig::new();
    alias(&rig, "ben@example.test", &["ben@example.test", "ben@dest.test"]);
    rig.serve("dest.test", "192.0.2.1", rig.peer());
    let id = rig.send(mail(&["ben@example.test"]));
    rig.minutes(1);
    assert_eq!((rig.inbox("ben").len(), rig.book.count("ben@dest.test")), (1, 1));
    let taken = &rig.taken()[0];
    assert_eq!(taken.mail, "MAIL FROM:<anna@example.test>");
    assert_eq!(taken.text().matches("Received:").count(), 1);
    assert!(taken.text().ends_with(TEXT));
    assert!(rig.story(id).starts_with("received, "), "{}", rig.story(id));
    assert_eq!(rig.inbox("ben")[0].matches("Received:").count(), 1);
}

#[test]
fn somebody_behind_two_aliases_gets_one_copy() {
    let rig = Rig::new();
    alias(&rig, "more@example.test", &["ben@example.test", "bob@dest.test"]);
    alias(&rig, "all@example.test", &["ben@example.test", "bob@dest.test", "more@example.test"]);
    rig.serve("dest.test", "192.0.2.1", rig.peer());
    rig.send(mail(&["all@example.test", "more@example.test", "ben@example.test"]));
    rig.minutes(1);
    assert_eq!((rig.inbox("ben").len(), rig.book.count("bob@dest.test")), (1, 1));
}

#[test]
fn success_behind_an_alias_is_told_once() {
    let rig = Rig::new();
    alias(&rig, "ben@example.test", &["ben@example.test", "ben@dest.test", "b2@dest.test"]);
    rig.serve("dest.test", "192.0.2.1", rig.peer());
    let success = Notify { success: true, failure: false, delay: false };
    rig.send(mail(&["ben@example.test"]).notify(Some(success)));
    rig.minutes(1);
    assert_eq!((rig.inbox("ben").len(), rig.taken().len(), rig.inbox("anna").len()), (1, 1, 1));
    assert!(rig.inbox("anna")[0].contains("Action: delivered\r\n"));
}

/// What the other server forwards to us comes in as it would over SMTP.
fn comes_back(rig: &Rig, octets: &[u8]) -> u16 {
    let post: std::sync::Arc<Post> = rig.post();
    let received = rig.received(&post, octets);
    let envelope = rig.envelope(&mail(&["ring@example.test"]));
    rig.block_on(post.receive(Origin::Smtp(rig.hop()), envelope, received))[0].code()
}

#[test]
fn a_ring_of_aliases_over_two_servers_ends() {
    let rig = Rig::new();
    alias(&rig, "ring@example.test", &["ring@dest.test"]);
    rig.serve("dest.test", "192.0.2.1", rig.peer());
    rig.send(mail(&["ring@example.test"]));
    let mut rounds = 0;
    loop {
        rig.pass(std::time::Duration::from_secs(5));
        rounds += 1;
        let last = rig.taken().last().unwrap().octets.clone();
        let hop = b"Received: from mx.example.test by mx.dest.test; Thu, 1 Jan 2026 00:00:00 +0000\r\n";
        match comes_back(&rig, &[&hop[..], &last].concat()) {
            250 => assert!(rounds < 60, "it goes round and round"),
            code => {
                assert_eq!(code, 554);
                break;
            }
        }
    }
    assert!(rounds > 40, "{rounds}");
    assert!(rig.queue().is_empty());
}
