//! TLS as it is wanted, and signing in at a smart host.

use crate::peer::{Act, PASSWORD};
use crate::rig::{Rig, mail};
use mta::trace::{TraceEvent, TraceRecord};
use mta::transport::{Login, StaticRoute, TlsDemand};
use std::time::Duration;

const TLS: [&str; 3] = ["PIPELINING", "STARTTLS", "8BITMIME"];

fn smart_host(host: &str, tls: TlsDemand, login: bool) -> Rig {
    let hop = format!("smtp://{host}:25").parse().unwrap();
    let password = directory::Secret::from(String::from_utf8_lossy(PASSWORD).into_owned());
    let login = login.then(|| Login { user: "us".into(), password });
    let route = StaticRoute { name: "smart".into(), matches: vec![], hop, tls, login };
    Rig::configured(|routes, _| routes.routes.push(route))
}

fn first(rig: &Rig) -> TraceRecord {
    let id = rig.send(mail(&["bob@dest.test"]));
    rig.pass(Duration::from_secs(600));
    rig.trace(id).into_iter().find(|record| record.event != TraceEvent::Received).unwrap()
}

#[test]
fn tls_is_used_where_it_works_and_the_trace_says_so() {
    let cases = [
        (Some(None), true, "SMTP, TLSv1.3 with VIRTUAL", 1),
        (Some(Some(Act::Say("454 4.7.0 not now\r\n".into()))), false, "SMTP in the clear, as TLS failed", 1),
        (Some(Some(Act::BreakTls)), false, "SMTP in the clear, as TLS failed", 2),
        (Some(Some(Act::Close)), false, "SMTP in the clear, as TLS failed", 2),
        (Some(Some(Act::Say("421 4.3.2 bye\r\n".into()))), false, "SMTP in the clear, as TLS failed", 2),
        (None, false, "SMTP in the clear", 1),
    ];
    for (offered, secured, protocol, connections) in cases {
        let rig = Rig::new();
        let peer = if offered.is_some() { rig.peer().with(&TLS) } else { rig.peer() };
        let peer = match offered.clone().flatten() {
            Some(act) => peer.at("STARTTLS", act),
            None => peer,
        };
        rig.serve("dest.test", "192.0.2.1", peer);
        let record = first(&rig);
        assert_eq!(record.event, TraceEvent::Relayed, "{offered:?}: {record:?}");
        assert_eq!(record.protocol.as_deref(), Some(protocol), "{offered:?}");
        assert_eq!((rig.taken()[0].tls, rig.dialled().len()), (secured, connections), "{offered:?}");
    }
}

#[test]
fn tls_that_is_demanded_and_does_not_work_sends_nothing() {
    for (tls, act) in [
        (false, None),
        (true, Some(Act::Say("454 4.7.0 not now\r\n".into()))),
        (true, Some(Act::BreakTls)),
        (true, Some(Act::Close)),
        (true, Some(Act::Stall)),
    ] {
        for demand in [TlsDemand::Required, TlsDemand::Verified] {
            let rig = smart_host("192.0.2.1", demand, false);
            let peer = if tls { rig.peer().with(&TLS) } else { rig.peer() };
            rig.listen("192.0.2.1", act.clone().map_or(peer.clone(), |act| peer.at("STARTTLS", act)));
            let record = first(&rig);
            assert_eq!(record.event, TraceEvent::Deferred, "{tls} {act:?}");
            assert!(!rig.book.commands().iter().any(|line| line.starts_with("MAIL")), "{:?}", rig.book.commands());
        }
    }
    let rig = smart_host("192.0.2.1", TlsDemand::Required, false);
    rig.listen("192.0.2.1", rig.peer().with(&TLS));
    assert_eq!(first(&rig).event, TraceEvent::Relayed);
}

#[test]
fn a_smart_host_learns_the_password_only_where_that_is_safe() {
    // (address, offered, TLS, outcome, a part of a command that must or must not have been said)
    let cases: [(&str, &[&str], TraceEvent, &str); 4] = [
        ("192.0.2.1", &["AUTH SCRAM-SHA-256 PLAIN"], TraceEvent::Relayed, "AUTH SCRAM-SHA-256 "),
        ("192.0.2.1", &["AUTH PLAIN LOGIN"], TraceEvent::Deferred, "EHLO"),
        ("192.0.2.1", &[], TraceEvent::Deferred, "EHLO"),
        ("127.0.0.1", &["AUTH PLAIN"], TraceEvent::Relayed, "AUTH PLAIN"),
    ];
    for (host, offered, outcome, said) in cases {
        let rig = smart_host(host, TlsDemand::Welcome, true);
        let plain = |line: &str| line.starts_with("AUTH PLAIN").then(|| Act::Say("235 2.7.0 welcome\r\n".into()));
        let peer = rig.peer().with(offered);
        let peer = if offered == ["AUTH PLAIN"] { peer.script(move |line| plain(line)) } else { peer };
        rig.listen(host, peer);
        let record = first(&rig);
        assert_eq!(record.event, outcome, "{offered:?}: {record:?}");
        let commands = rig.book.commands();
        assert!(commands.iter().any(|line| line.starts_with(said)), "{commands:?}");
        assert_eq!(commands.iter().any(|line| line.starts_with("AUTH PLAIN")), said == "AUTH PLAIN");
    }
}

#[test]
fn a_refused_login_bounces_nothing() {
    let rig = smart_host("192.0.2.1", TlsDemand::Welcome, true);
    let peer = rig.peer().with(&["AUTH SCRAM-SHA-256"]);
    rig.listen("192.0.2.1", peer.at("AUTH", Act::Say("535 5.7.8 wrong\r\n".into())));
    let record = first(&rig);
    assert_eq!(record.event, TraceEvent::Deferred);
    let answer = record.answer.unwrap();
    assert!(answer.contains("signing in as us: 535 5.7.8 wrong") && !answer.contains("sesame"), "{answer}");
}
