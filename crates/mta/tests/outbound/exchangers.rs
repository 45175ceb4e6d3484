//! Which hosts are tried for a domain, in which order, and what it means when there is none.

use crate::peer::Act;
use crate::rig::{HOUR, Rig, mail, socket};
use env::ResolveError;
use mta::trace::TraceEvent;
use mta::transport::{Family, StaticRoute, TlsDemand};

/// A message to `bob@dest.test`: what became of it, where connections were tried, and what was said last.
fn attempt(rig: &Rig) -> (String, Vec<String>, String) {
    let id = rig.send(mail(&["bob@dest.test"]));
    rig.minutes(30);
    let trace = rig.trace(id);
    let first = trace.iter().find(|record| record.event != TraceEvent::Received).unwrap();
    (first.event.name().to_owned(), rig.dialled(), first.answer.clone().unwrap_or_default())
}

/// `set_up` makes DNS and hosts; `want` is the outcome of the first attempt, `dialled` the addresses in order, `said` a part
/// of the trace's answer.
fn check(set_up: impl FnOnce(&Rig), want: &str, dialled: &[&str], said: &str) {
    let rig = Rig::new();
    set_up(&rig);
    let (outcome, tried, answer) = attempt(&rig);
    let tried: Vec<_> = tried.into_iter().take(dialled.len().max(1)).collect();
    assert_eq!((outcome.as_str(), tried.join(" ")), (want, dialled.join(" ")), "{answer}");
    assert!(answer.contains(said), "{answer:?} lacks {said:?}");
}

fn two_hosts(rig: &Rig) {
    rig.mx("dest.test", &[(20, "b.test"), (10, "a.test")]);
    rig.host("a.test", &["192.0.2.1"]);
    rig.host("b.test", &["192.0.2.2"]);
    rig.listen("192.0.2.2", rig.peer());
}

#[test]
fn the_lowest_preference_is_tried_first_and_the_next_when_it_is_no_good() {
    let both = ["192.0.2.1", "192.0.2.2"];
    let healthy = |rig: &Rig| rig.listen("192.0.2.1", rig.peer());
    check(|rig| [two_hosts, healthy].iter().for_each(|f| f(rig)), "relayed", &["192.0.2.1"], "250 2.6.0 taken");
    check(two_hosts, "relayed", &both, "250");
    let silent = |rig: &Rig| {
        two_hosts(rig);
        rig.net.silence(socket("192.0.2.1"));
    };
    check(silent, "relayed", &both, "250");
    for greeting in ["421 4.3.2 closing\r\n", "451 4.3.0 later\r\n", "554 5.3.2 no\r\n", "220-mad\r\n550 x\r\n", "\r\n"]
    {
        let refusing = |rig: &Rig| {
            two_hosts(rig);
            rig.listen("192.0.2.1", rig.peer().at("greeting", Act::Say(greeting.into())));
        };
        check(refusing, "relayed", &both, "250");
    }
}

#[test]
fn equals_are_tried_in_random_order() {
    let mut first = std::collections::HashSet::new();
    for _ in 0..2 {
        let rig = Rig::new();
        rig.mx("dest.test", &[(10, "a.test"), (10, "b.test"), (10, "c.test")]);
        for (host, ip) in [("a.test", "192.0.2.1"), ("b.test", "192.0.2.2"), ("c.test", "192.0.2.3")] {
            rig.host(host, &[ip]);
            rig.listen(ip, rig.peer());
        }
        for _ in 0..12 {
            rig.send(mail(&["bob@dest.test"]));
            rig.minutes(1);
        }
        first.extend(rig.dialled());
    }
    assert_eq!(first.len(), 3);
}

#[test]
fn without_exchangers_the_domains_own_addresses_count() {
    let own = |rig: &Rig| {
        rig.host("dest.test", &["192.0.2.1"]);
        rig.listen("192.0.2.1", rig.peer());
    };
    check(own, "relayed", &["192.0.2.1"], "250");
    // An exchanger without addresses is none, and the domain's own address does not count then (RFC 5321 §5.1).
    let dead = |rig: &Rig| {
        own(rig);
        rig.mx("dest.test", &[(10, "gone.test")]);
    };
    check(dead, "failed", &[], "no exchanger of dest.test has an address");
}

#[test]
fn dns_says_no_or_nothing() {
    check(|rig| rig.mx("dest.test", &[(0, "")]), "failed", &[], "takes no mail (null MX)");
    check(|_| {}, "failed", &[], "does not exist");
    let failing = |rig: &Rig| rig.net.set_mx("dest.test", Err(ResolveError::Temporary("SERVFAIL".into())));
    check(failing, "deferred", &[], "SERVFAIL");
    let half = |rig: &Rig| {
        two_hosts(rig);
        rig.net.set_addresses("a.test", Err(ResolveError::Temporary("SERVFAIL".into())));
    };
    check(half, "relayed", &["192.0.2.2"], "250");
    let no_host = |rig: &Rig| {
        rig.mx("dest.test", &[(10, "a.test")]);
        rig.net.set_addresses("a.test", Err(ResolveError::Temporary("timeout".into())));
    };
    check(no_host, "deferred", &[], "timeout");
    check(|rig| rig.host("dest.test", &[]), "failed", &[], "neither exchanger nor address");
}

#[test]
fn statuses_of_dns_reach_the_sender() {
    for (null, want) in [(true, "5.1.10"), (false, "5.1.2")] {
        let rig = Rig::new();
        if null {
            rig.mx("dest.test", &[(0, "")]);
        }
        rig.send(mail(&["bob@dest.test"]));
        rig.minutes(1);
        let told = rig.inbox("anna").concat();
        assert!(told.contains(&format!("Status: {want}\r\n")), "{told}");
    }
}

#[test]
fn mail_that_leads_back_to_us_is_not_sent_in_circles() {
    // The first exchanger is ourselves, by name or by address: those behind it are not tried.
    let by_name = |rig: &Rig| {
        rig.mx("dest.test", &[(10, "mx.example.test"), (20, "b.test")]);
        rig.host("b.test", &["192.0.2.2"]);
        rig.listen("192.0.2.2", rig.peer());
    };
    check(by_name, "failed", &[], "leads back to this server");
    // One before us is tried, those behind and beside us are not.
    let before = |rig: &Rig| {
        rig.mx("dest.test", &[(10, "mx.example.test"), (20, "b.test"), (5, "c.test"), (10, "d.test")]);
        for (host, ip) in [("b.test", "192.0.2.2"), ("c.test", "192.0.2.3"), ("d.test", "192.0.2.4")] {
            rig.host(host, &[ip]);
        }
    };
    check(before, "deferred", &["192.0.2.3"], "connection refused");
    let rig = Rig::configured(|routes, _| routes.own.push(socket("192.0.2.9")));
    rig.mx("dest.test", &[(10, "us.test"), (20, "b.test")]);
    rig.host("us.test", &["192.0.2.9"]);
    rig.host("b.test", &["192.0.2.2"]);
    let (outcome, tried, _) = attempt(&rig);
    assert_eq!((outcome.as_str(), tried.len()), ("failed", 0));
    assert!(rig.inbox("anna").concat().contains("Status: 5.4.6\r\n"));
}

#[test]
fn families_take_turns() {
    let tried = |family: Family| {
        let rig = Rig::configured(|routes, _| routes.family = family);
        rig.host("dest.test", &["192.0.2.1", "2001:db8::1"]);
        let (outcome, mut tried, _) = attempt(&rig);
        tried.dedup();
        tried.truncate(2);
        (outcome, tried.join(" "))
    };
    let deferred = |tried: &str| ("deferred".to_owned(), tried.to_owned());
    assert_eq!(tried(Family::Ipv6First), deferred("2001:db8::1 192.0.2.1"));
    assert_eq!(tried(Family::Ipv4First), deferred("192.0.2.1 2001:db8::1"));
    assert_eq!(tried(Family::Ipv4Only), deferred("192.0.2.1"));
    assert_eq!(tried(Family::Ipv6Only), deferred("2001:db8::1"));
}

#[test]
fn no_more_than_a_few_addresses_are_tried_at_once() {
    let rig = Rig::new();
    let hosts: Vec<String> = (0..50).map(|n| format!("h{n}.test")).collect();
    rig.mx("dest.test", &hosts.iter().map(|host| (10, host.as_str())).collect::<Vec<_>>());
    for (n, host) in hosts.iter().enumerate() {
        let ips: Vec<String> = (1..10).map(|m| format!("10.0.{n}.{m}")).collect();
        rig.host(host, &ips.iter().map(String::as_str).collect::<Vec<_>>());
    }
    rig.send(mail(&["bob@dest.test"]));
    rig.pass(std::time::Duration::from_secs(1));
    assert_eq!(rig.dialled().len(), 6);
}

#[test]
fn address_literals_are_hosts() {
    for (to, ip) in [("bob@[192.0.2.1]", "192.0.2.1"), ("bob@[IPv6:2001:db8::1]", "2001:db8::1")] {
        let rig = Rig::new();
        rig.listen(ip, rig.peer());
        let id = rig.send(mail(&[to]));
        rig.minutes(1);
        assert_eq!(rig.story(id), "received, relayed");
        assert_eq!(rig.taken()[0].rcpt[0].to_lowercase(), format!("rcpt to:<{to}>").to_lowercase());
    }
}

#[test]
fn static_routes_come_before_mx() {
    let rig = Rig::configured(|routes, _| {
        for (name, matches, hop) in [
            ("boss", "boss@dest.test", "smtp://192.0.2.50:2500"),
            ("list", "from:ben@example.test", "smtp://192.0.2.51:25"),
            ("subs", "*.dest.test", "smtp://relay.test:25"),
        ] {
            let (matches, hop) = (vec![matches.parse().unwrap()], hop.parse().unwrap());
            let route = StaticRoute { name: name.into(), matches, hop, tls: TlsDemand::Welcome, login: None };
            routes.routes.push(route);
        }
    });
    rig.serve("dest.test", "192.0.2.1", rig.peer());
    rig.host("relay.test", &["192.0.2.52"]);
    for ip in ["192.0.2.50:2500", "192.0.2.51", "192.0.2.52"] {
        rig.listen(ip, rig.peer());
    }
    let by = |mail: crate::rig::Mail| {
        rig.send(mail);
        rig.minutes(1);
        rig.taken().last().unwrap().by.to_string()
    };
    assert_eq!(by(mail(&["bob@dest.test"])), "192.0.2.1:25");
    assert_eq!(by(mail(&["Boss@dest.test"])), "192.0.2.50:2500");
    assert_eq!(by(mail(&["bob@x.dest.test"])), "192.0.2.52:25");
    assert_eq!(by(mail(&["bob@dest.test"]).from("ben@example.test")), "192.0.2.51:25");
    // A route whose host DNS does not know is a mistake of ours: nobody's mail bounces.
    rig.net.set_addresses("relay.test", Err(ResolveError::NoSuchName));
    let id = rig.send(mail(&["bob@x.dest.test"]));
    rig.pass(HOUR);
    assert!(rig.story(id).starts_with("received, deferred"), "{}", rig.story(id));
}

#[test]
fn lmtp_answers_for_each_recipient() {
    let rig = Rig::configured(|routes, _| {
        let hop = "lmtp://192.0.2.24:24".parse().unwrap();
        routes.routes.push(StaticRoute { name: "l".into(), matches: vec![], hop, tls: TlsDemand::Never, login: None });
    });
    let answers = |stage: &str| match stage {
        _ if stage.starts_with(". RCPT TO:<full@") => Some(Act::Say("452 4.2.2 full\r\n".into())),
        _ if stage.starts_with(". RCPT TO:<gone@") => Some(Act::Say("550 5.1.1 gone\r\n".into())),
        _ => None,
    };
    rig.listen("192.0.2.24:24", rig.peer().lmtp().script(answers));
    let id = rig.send(mail(&["a@dest.test", "full@dest.test", "gone@dest.test", "b@dest.test"]));
    rig.pass(std::time::Duration::from_secs(1));
    let outcomes: Vec<_> =
        rig.trace(id).iter().map(|r| format!("{} {}", r.event.name(), r.recipients.join("+"))).collect();
    for want in ["relayed a@dest.test", "deferred full@dest.test", "failed gone@dest.test", "relayed b@dest.test"] {
        assert!(outcomes.iter().any(|outcome| outcome == want), "{outcomes:?}");
    }
    assert_eq!(rig.queue().len(), 1);
}

#[test]
fn lmtp_that_ends_between_two_answers_leaves_the_others_in_doubt() {
    let rig = Rig::configured(|routes, _| {
        let hop = "lmtp://192.0.2.24:24".parse().unwrap();
        routes.routes.push(StaticRoute { name: "l".into(), matches: vec![], hop, tls: TlsDemand::Never, login: None });
    });
    rig.listen("192.0.2.24:24", rig.peer().lmtp().at(". RCPT TO:<b@", Act::Close));
    let id = rig.send(mail(&["a@dest.test", "b@dest.test", "c@dest.test"]));
    rig.pass(std::time::Duration::from_secs(1));
    assert_eq!(rig.said(id, TraceEvent::Relayed).recipients, ["a@dest.test"]);
    assert_eq!(rig.queue().len(), 2, "nobody answered for the others: {}", rig.story(id));
}

#[test]
fn mail_to_ourselves_under_another_address_is_no_way_out_either() {
    for (listens, leads) in [
        ("0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "127.9.9.9"),
        ("192.0.2.9", "0.0.0.0"),
        ("192.0.2.9", "::ffff:192.0.2.9"),
    ] {
        let rig = Rig::configured(|routes, _| routes.own.push(socket(listens)));
        rig.mx("dest.test", &[(10, "a.test")]);
        rig.host("a.test", &[leads]);
        let id = rig.send(mail(&["bob@dest.test"]));
        rig.minutes(1);
        assert_eq!((rig.story(id).contains("failed"), rig.dialled().len()), (true, 0), "{listens} {leads}");
    }
}
