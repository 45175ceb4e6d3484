//! What an administrator does to the queue, also to what is just being tried.

use crate::peer::Act;
use crate::rig::{DAY, HOUR, MINUTE, Rig, mail};
use mta::queue::Filter;
use mta::trace::TraceEvent;
use std::time::Duration;

fn deferring() -> (Rig, model::QueueId) {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().at("RCPT", Act::Say("451 4.3.0 later\r\n".into())));
    let id = rig.send(mail(&["bob@dest.test"]));
    rig.pass(2 * HOUR);
    (rig, id)
}

#[test]
fn held_until_released_and_no_time_is_lost() {
    let (rig, id) = deferring();
    let queue = rig.queue();
    assert_eq!(rig.block_on(queue.hold(&Filter::default())).unwrap(), 1);
    assert_eq!(rig.block_on(queue.hold(&Filter::default())).unwrap(), 0, "it is held already");
    let tried = rig.book.commands().len();
    rig.pass(10 * DAY);
    assert_eq!((rig.book.commands().len(), rig.inbox("anna").len(), queue.len()), (tried, 0, 1));
    assert_eq!(rig.block_on(queue.release(&Filter::default())).unwrap(), 1);
    rig.pass(HOUR);
    assert!(rig.book.commands().len() > tried);
    assert_eq!(rig.inbox("anna").len(), 0, "two hours and one are not four: it is not late");
    rig.pass(3 * HOUR);
    assert_eq!(rig.inbox("anna").len(), 1, "now it is");
    assert!(rig.story(id).contains("held, released, deferred"), "{}", rig.story(id));
}

#[test]
fn held_messages_stay_held_over_a_restart() {
    let (mut rig, _) = deferring();
    rig.block_on(rig.queue().hold(&Filter::default())).unwrap();
    rig.crash(0);
    let tried = rig.book.commands().len();
    rig.pass(DAY);
    assert_eq!((rig.book.commands().len(), rig.queue().len()), (tried, 1));
}

#[test]
fn tried_now_cancelled_and_sent_another_way() {
    let (rig, id) = deferring();
    let tried = rig.book.commands().len();
    assert_eq!(rig.block_on(rig.queue().retry(&Filter::default())).unwrap(), 1);
    rig.pass(Duration::from_secs(1));
    assert!(rig.book.commands().len() > tried);
    rig.listen("192.0.2.50", rig.peer());
    assert_eq!(rig.block_on(rig.queue().reroute(&Filter::default(), "smtp://192.0.2.50:25")).unwrap(), 1);
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.taken()[0].by.to_string(), "192.0.2.50:25");
    assert!(rig.story(id).ends_with("retried, deferred, rerouted, relayed"), "{}", rig.story(id));
    let (rig, id) = deferring();
    assert_eq!(rig.block_on(rig.queue().cancel(&Filter { id: Some(id), ..Filter::default() })).unwrap(), 1);
    rig.pass(6 * DAY);
    assert!(rig.story(id).ends_with("cancelled") && rig.inbox("anna").is_empty(), "nobody is told");
    assert!(rig.queue().is_empty());
}

#[test]
fn a_dead_host_is_tried_at_once_when_somebody_knows_better() {
    let rig = Rig::new();
    rig.mx("dest.test", &[(10, "a.test")]);
    rig.host("a.test", &["192.0.2.1"]);
    let ids: Vec<_> = (0..10).map(|_| rig.send(mail(&["bob@dest.test"]))).collect();
    rig.pass(DAY);
    rig.listen("192.0.2.1", rig.peer());
    assert_eq!(
        rig.block_on(rig.queue().retry(&Filter { next_hop: Some("DEST.test".into()), ..Filter::default() })).unwrap(),
        10
    );
    rig.minutes(1);
    assert_eq!(rig.taken().len(), 10);
    assert!(ids.iter().all(|id| rig.story(*id).ends_with("retried, relayed")), "{}", rig.story(ids[0]));
}

#[test]
fn what_is_under_way_is_left_alone() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().at("DATA", Act::After(MINUTE)));
    let id = rig.send(mail(&["bob@dest.test"]));
    rig.pass(Duration::from_secs(10));
    let (queue, all) = (rig.queue(), Filter::default());
    let listed = rig.block_on(queue.list(&all, None, 10)).unwrap();
    assert!(listed.len() == 1 && listed[0].under_way);
    assert_eq!(rig.block_on(queue.cancel(&all)).unwrap(), 0);
    assert_eq!(rig.block_on(queue.hold(&all)).unwrap(), 0);
    assert_eq!(rig.block_on(queue.retry(&all)).unwrap(), 0);
    assert_eq!(rig.block_on(queue.reroute(&all, "elsewhere.test")).unwrap(), 0);
    rig.minutes(2);
    assert_eq!(rig.story(id), "received, relayed");
    assert_eq!(rig.said(id, TraceEvent::Relayed).peer.as_deref(), Some("mx.dest.test [192.0.2.1]:25"));
}

#[test]
fn filters_mean_what_they_say() {
    let rig = Rig::new();
    for (from, to) in [("", "a@one.test"), ("anna@example.test", "b@one.test"), ("ben@example.test", "c@two.test")] {
        rig.net.set_mx(&to[2..], Err(env::ResolveError::Temporary("x".into())));
        rig.send(mail(&[to]).from(from));
    }
    rig.minutes(1);
    let count = |filter: Filter| rig.block_on(rig.queue().list(&filter, None, 10)).unwrap().len();
    assert_eq!(count(Filter::default()), 3);
    assert_eq!(count(Filter { from: Some(String::new()), ..Filter::default() }), 1);
    assert_eq!(count(Filter { from: Some("EXAMPLE".into()), ..Filter::default() }), 2);
    assert_eq!(count(Filter { to: Some("one.test".into()), ..Filter::default() }), 2);
    assert_eq!(count(Filter { next_hop: Some("two.test".into()), ..Filter::default() }), 1);
    assert_eq!(count(Filter { held: Some(true), ..Filter::default() }), 0);
}
