//! Connections are kept for the next message, as long as both sides like.

use crate::peer::Act;
use crate::rig::{MINUTE, Rig, mail};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn a_hundred_messages_take_few_connections() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().script(|_| Some(Act::After(Duration::from_millis(10)))));
    for _ in 0..100 {
        rig.send(mail(&["bob@dest.test"]));
    }
    rig.minutes(1);
    assert_eq!(rig.taken().len(), 100);
    println!("100 messages, {} connections", rig.dialled().len());
    assert!(rig.dialled().len() <= 20, "{}", rig.dialled().len());
    assert_eq!(rig.book.commands().iter().filter(|line| *line == "QUIT").count(), rig.dialled().len());
}

#[test]
fn a_connection_that_ended_while_it_waited_is_no_error() {
    // It hangs up after each message, with and without a word.
    for word in [Act::Close, Act::Say("421 4.4.2 idle for too long\r\n".into())] {
        let rig = Rig::new();
        let mails = AtomicUsize::new(0);
        let answers = move |command: &str| {
            let second = command.starts_with("MAIL") && mails.fetch_add(1, Ordering::Relaxed) % 2 == 1;
            second.then(|| word.clone())
        };
        rig.serve("dest.test", "192.0.2.1", rig.peer().script(answers));
        for _ in 0..10 {
            let id = rig.send(mail(&["bob@dest.test"]));
            rig.pass(Duration::from_secs(2));
            assert_eq!(rig.story(id), "received, relayed");
        }
        assert_eq!(rig.taken().len(), 10);
    }
}

#[test]
fn connections_are_not_kept_for_long() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer());
    rig.send(mail(&["bob@dest.test"]));
    rig.minutes(1);
    rig.send(mail(&["bob@dest.test"]));
    rig.minutes(1);
    assert_eq!(rig.dialled().len(), 2);
    assert_eq!(rig.book.commands().iter().filter(|line| *line == "QUIT").count(), 2);
}

#[test]
fn limits_that_the_server_names_are_kept() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().with(&["PIPELINING", "LIMITS MAILMAX=3 RCPTMAX=10"]));
    for _ in 0..12 {
        rig.send(mail(&["bob@dest.test"]));
        rig.pass(Duration::from_millis(100));
    }
    rig.minutes(1);
    assert_eq!((rig.taken().len(), rig.dialled().len()), (12, 4));
}

#[test]
fn a_refused_message_does_not_end_the_connection() {
    let rig = Rig::new();
    let refuse = |command: &str| command.contains("gone@").then(|| Act::Say("550 5.1.1 gone\r\n".into()));
    rig.serve("dest.test", "192.0.2.1", rig.peer().script(refuse));
    for to in ["gone@dest.test", "bob@dest.test", "gone@dest.test", "bob@dest.test"] {
        rig.send(mail(&[to]));
        rig.pass(Duration::from_secs(1));
    }
    assert_eq!((rig.taken().len(), rig.dialled().len()), (2, 1));
    rig.pass(MINUTE);
}
