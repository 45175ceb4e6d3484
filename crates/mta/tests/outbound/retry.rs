//! When it is tried again, when the sender is told that it is late, and when it is given up.

use crate::peer::Act;
use crate::rig::{DAY, HOUR, MINUTE, Rig, mail};
use model::Timestamp;
use mta::trace::TraceEvent;
use smtp::Hold;
use std::time::Duration;
use store::{Batch, Bytes, Cell, Space, Store};

/// Minutes since `from`.
fn minutes(from: Timestamp, at: Timestamp) -> i64 {
    (at.unix_ms() - from.unix_ms()) / 60_000
}

#[test]
fn a_message_is_tried_for_five_days_and_then_given_up() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().at("RCPT", Act::Say("451 4.3.0 later\r\n".into())));
    let sent_at = rig.now();
    let id = rig.send(mail(&["bob@dest.test"]));
    rig.pass(7 * DAY);
    let trace = rig.trace(id);
    let tried: Vec<_> = trace.iter().filter(|record| record.event == TraceEvent::Deferred).collect();
    let at: Vec<i64> = tried.iter().map(|record| minutes(sent_at, record.at)).collect();
    println!("{} attempts, in minutes: {at:?}", at.len());
    assert!((100..=140).contains(&at.len()), "{}", at.len());
    for (n, pair) in tried.windows(2).enumerate() {
        let pause_ms = pair[1].at.unix_ms() - pair[0].at.unix_ms();
        let least_ms = (60_000i64 << n.min(6)).min(3_600_000);
        assert!((least_ms..=least_ms * 5 / 4 + 1).contains(&pause_ms), "pause {n}: {pause_ms} ms");
        assert_eq!(pair[0].next, Some(pair[1].at), "the trace says when it is tried next");
    }
    let told: Vec<_> = trace.iter().filter(|record| record.related.is_some()).collect();
    let told: Vec<_> = told.iter().map(|record| (record.event, minutes(sent_at, record.at))).collect();
    assert_eq!(told, [(TraceEvent::DelayTold, 4 * 60), (TraceEvent::FailureTold, 5 * 24 * 60)]);
    assert!(rig.inbox("anna")[1].contains("Status: 4.4.7\r\n"));
    assert!(rig.queue().is_empty());
}

#[test]
fn jitter_keeps_what_failed_together_apart() {
    let rig = Rig::new();
    for n in 0..20 {
        let domain = format!("d{n}.test");
        rig.serve(&domain, &format!("192.0.2.{n}"), rig.peer().at("RCPT", Act::Say("451 later\r\n".into())));
    }
    let ids: Vec<_> = (0..20).map(|n| rig.send(mail(&[&format!("bob@d{n}.test")]))).collect();
    rig.pass(Duration::from_secs(1));
    let mut next: Vec<_> = ids.iter().map(|id| rig.said(*id, TraceEvent::Deferred).next.unwrap()).collect();
    next.sort();
    next.dedup();
    assert!(next.len() > 15, "{next:?}");
}

#[test]
fn what_waits_for_a_dead_host_costs_no_attempt_each() {
    let rig = Rig::new();
    rig.mx("dest.test", &[(10, "a.test")]);
    rig.host("a.test", &["192.0.2.1"]);
    for _ in 0..500 {
        rig.send(mail(&["bob@dest.test"]));
    }
    rig.pass(6 * DAY);
    println!("{} connections tried for 500 messages in 5 days", rig.dialled().len());
    assert!(rig.dialled().len() < 300, "{}", rig.dialled().len());
    // 500 are told late and 500 failed, all the same.
    assert_eq!(rig.inbox("anna").len(), 1000);
    assert!(rig.queue().is_empty());
}

#[test]
fn a_server_that_was_off_for_a_week_gives_nothing_up_untried() {
    let mut rig = Rig::new();
    for (domain, ip) in [("down.test", "192.0.2.1"), ("greylisted.test", "192.0.2.2")] {
        rig.mx(domain, &[(10, &format!("mx.{domain}"))]);
        rig.host(&format!("mx.{domain}"), &[ip]);
    }
    let sent: Vec<_> = ["bob@down.test", "bob@greylisted.test"].map(|to| rig.send(mail(&[to]))).into();
    rig.minutes(1);
    rig.off_for(7 * DAY);
    let back = rig.now();
    let clock = rig.world.env().clock;
    let greylist = move |command: &str| {
        let early = minutes(back, clock.wall()) < 5;
        (early && command.starts_with("RCPT")).then(|| Act::Say("451 4.7.1 greylisted\r\n".into()))
    };
    rig.listen("192.0.2.2", rig.peer().script(greylist));
    rig.pass(3 * HOUR);
    assert_eq!(rig.taken().len(), 1, "{}", rig.story(sent[1]));
    let given_up = rig.said(sent[0], TraceEvent::Failed).at;
    assert!((60..=120).contains(&minutes(back, given_up)), "{}", rig.story(sent[0]));
    let subject = |text: &String| text.lines().find(|line| line.starts_with("Subject")).map(str::to_owned);
    let told: Vec<_> = rig.inbox("anna").iter().filter_map(subject).collect();
    let [delayed, undelivered] = ["Delayed", "Undelivered"].map(|what| format!("Subject: {what} mail: hello"));
    assert_eq!(told, [delayed.clone(), delayed, undelivered]);
    assert!(rig.queue().is_empty());
}

#[test]
fn what_was_accepted_just_before_the_server_was_off_for_a_week_arrives() {
    let mut rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer());
    let id = rig.send(mail(&["ben@example.test", "bob@dest.test"]));
    rig.off_for(7 * DAY);
    rig.minutes(1);
    assert_eq!((rig.inbox("ben").len(), rig.taken().len()), (1, 1), "{}", rig.story(id));
    assert_eq!(rig.inbox("anna").len(), 0, "what comes soon after the start is not told to be late");
}

#[test]
fn a_message_stays_while_the_row_of_one_of_its_deliveries_cannot_be_read() {
    let mut rig = Rig::new();
    rig.mx("dest.test", &[(10, "mx.dest.test")]);
    rig.host("mx.dest.test", &["192.0.2.1"]);
    let id = rig.send(mail(&["bob@dest.test", "eve@dest.test"]));
    let cell = Cell::new(Bytes::from_static(b"q/0"));
    let rows = |rig: &Rig, kind| rig.store.rows(Space::Rows, &cell).into_iter().filter(move |(key, _)| key[0] == kind);
    let (eve, whole) = rows(&rig, b'R').last().unwrap();
    let write = |rig: &Rig, row: Bytes| {
        let mut batch = Batch::new(cell.clone());
        batch.put(Space::Rows, eve.clone(), row);
        rig.block_on(rig.store.commit(batch)).unwrap();
    };
    write(&rig, Bytes::from_static(b"damaged"));
    rig.off_for(HOUR);
    rig.listen("192.0.2.1", rig.peer());
    rig.minutes(1);
    assert_eq!((rig.taken().len(), rows(&rig, b'M').count()), (1, 1), "{}", rig.story(id));
    write(&rig, whole);
    rig.off_for(HOUR);
    rig.minutes(1);
    assert_eq!((rig.taken().len(), rows(&rig, b'M').count()), (2, 0), "{}", rig.story(id));
}

#[test]
fn a_host_that_comes_back_gets_all_soon() {
    let rig = Rig::new();
    rig.mx("dest.test", &[(10, "a.test")]);
    rig.host("a.test", &["192.0.2.1"]);
    for _ in 0..200 {
        rig.send(mail(&["bob@dest.test"]));
    }
    rig.pass(DAY);
    rig.listen("192.0.2.1", rig.peer());
    rig.pass(HOUR + 16 * MINUTE);
    assert_eq!(rig.taken().len(), 200);
}

#[test]
fn too_many_recipients_for_one_transaction_go_on_at_once() {
    let rig = Rig::new();
    let count = std::sync::atomic::AtomicUsize::new(0);
    let peer = rig.peer().script(move |command| {
        use std::sync::atomic::Ordering::Relaxed;
        if command.starts_with("MAIL") {
            count.store(0, Relaxed);
        }
        let many = command.starts_with("RCPT") && count.fetch_add(1, Relaxed) >= 10;
        many.then(|| Act::Say("452 4.5.3 too many recipients\r\n".into()))
    });
    rig.serve("dest.test", "192.0.2.1", peer);
    let to: Vec<String> = (0..90).map(|n| format!("r{n}@dest.test")).collect();
    rig.send(mail(&to.iter().map(String::as_str).collect::<Vec<_>>()));
    rig.minutes(1);
    assert_eq!(rig.taken().len(), 9, "RFC 5321 §4.5.3.1.10");
    assert!(rig.queue().is_empty());
}

#[test]
fn a_message_for_later_waits_until_then() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer());
    let sent_at = rig.now();
    for (to, hold) in [("bob@dest.test", Hold::For(6 * HOUR)), ("ben@example.test", Hold::Until(sent_at + 3 * HOUR))] {
        let mut message = mail(&[to]);
        message.params.hold = Some(hold);
        rig.send(message);
    }
    rig.pass(3 * HOUR - MINUTE);
    assert_eq!((rig.inbox("ben").len(), rig.taken().len()), (0, 0));
    rig.minutes(2);
    assert_eq!((rig.inbox("ben").len(), rig.taken().len()), (1, 0));
    rig.pass(3 * HOUR);
    assert_eq!(minutes(sent_at, rig.taken()[0].at), 6 * 60);
    assert_eq!(rig.inbox("anna").len(), 0, "nobody is told that it is late");
}

/// `sends` messages to each of `healthy` domains, each answer taking 50 ms, beside a third that are silent, refuse, or answer
/// with silence; how long the healthy ones take.
fn healthy_take(bad: bool) -> Duration {
    const DOMAINS: usize = 500;
    let rig = Rig::new();
    let slow = || rig.peer().script(|_| Some(Act::After(Duration::from_millis(50))));
    let mut want = 0;
    let mut to = Vec::new();
    for n in 0..DOMAINS {
        let (domain, ip) = (format!("d{n}.test"), format!("10.0.{}.{}", n / 250, n % 250));
        let is_bad = n % 3 == 0;
        if is_bad && !bad {
            continue;
        }
        rig.serve(&domain, &ip, slow());
        match (is_bad, n % 9) {
            (false, _) => want += 4,
            (true, 0) => rig.net.silence(crate::rig::socket(&ip)),
            (true, 3) => rig.listen(&ip, rig.peer().at("greeting", Act::Stall)),
            (true, _) => rig.listen(&ip, rig.peer().at("greeting", Act::Say("421 no\r\n".into()))),
        }
        to.push(format!("bob@{domain}"));
    }
    let start = rig.now();
    for _ in 0..4 {
        for to in &to {
            rig.send(mail(&[to]));
        }
    }
    rig.pass(10 * MINUTE);
    assert_eq!(rig.taken().len(), want);
    let last = rig.taken().iter().map(|taken| taken.at).max().unwrap();
    Duration::from_millis((last.unix_ms() - start.unix_ms()) as u64)
}

#[test]
fn dead_and_silent_hosts_hardly_slow_the_healthy_ones() {
    let (alone, beside) = (healthy_take(false), healthy_take(true));
    println!("333 healthy domains take {alone:?} alone and {beside:?} beside 167 bad ones");
    assert!(beside <= alone.mul_f64(1.5), "{beside:?} instead of {alone:?}");
}

/// What waits is known, goes out as soon as the store takes something, and nobody has to start the server again for it.
#[test]
fn a_store_that_takes_nothing_at_the_start_is_asked_again() {
    let mut rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().at("RCPT", Act::Say("451 4.3.0 later\r\n".into())));
    let id = rig.send(mail(&["bob@dest.test"]));
    rig.pass(Duration::from_secs(1));
    rig.store.set_read_only(Some("it is damaged"));
    rig.crash(usize::MAX);
    rig.serve("dest.test", "192.0.2.1", rig.peer());
    rig.minutes(60);
    assert_eq!((rig.queue().len(), rig.story(id).as_str()), (1, "received, deferred"));
    rig.store.set_read_only(None);
    rig.minutes(60);
    assert!(rig.queue().is_empty() && rig.story(id).ends_with("relayed"), "{}", rig.story(id));
    assert!(rig.send(mail(&["anna@example.test"])) > id);
}
