//! A next hop that fails at each stage in each way: what becomes of the message, whether another host is tried, and that all
//! of it ends.

use crate::peer::Act;
use crate::rig::{DAY, HOUR, Rig, mail};
use mta::trace::TraceEvent;

const STAGES: [&str; 8] = ["greeting", "EHLO", "STARTTLS", "MAIL", "RCPT", "DATA", ".", "QUIT"];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    Temporary,
    Permanent,
    Close,
    Stall,
    Garbage,
    /// A reply in lines of kilobytes, within what anybody may say.
    Long,
    Endless,
    Drip,
    Early,
}

const HOWS: [How; 9] = [
    How::Temporary,
    How::Permanent,
    How::Close,
    How::Stall,
    How::Garbage,
    How::Long,
    How::Endless,
    How::Drip,
    How::Early,
];

fn act(how: How) -> Act {
    match how {
        How::Temporary => Act::Say("451 4.3.9 not now\r\n".into()),
        How::Permanent => Act::Say("554 5.7.9 never\r\n".into()),
        How::Close => Act::Close,
        How::Stall => Act::Stall,
        How::Garbage => Act::Say("\u{7}hello there\r\n".into()),
        How::Long => Act::Say(format!("451-4.3.9 {0}\r\n451 4.3.9 {0}\r\n", "x".repeat(3000))),
        How::Endless => Act::Say("451-more\r\n".repeat(100_000)),
        How::Drip => Act::Drip,
        How::Early => Act::Early,
    }
}

/// What the first attempt comes to, with nobody else to ask (`alone`) or with a healthy host behind.
fn want(stage: &str, how: How, alone: bool) -> &'static str {
    let refused = matches!(how, How::Temporary | How::Permanent | How::Long);
    let next_host = if alone { "deferred" } else { "relayed" };
    match (stage, how) {
        // TLS is welcome and not demanded: the message goes in the clear. What was said too much was said in the clear, too.
        ("STARTTLS", _) => "relayed",
        // Nothing hangs on the answer to QUIT.
        ("QUIT", _) => "relayed",
        // Nobody hears what comes when the message has its answer.
        (".", How::Early) => "relayed",
        ("greeting" | "EHLO", _) => next_host,
        ("MAIL" | "RCPT" | "DATA" | ".", How::Permanent) => "failed",
        ("MAIL" | "RCPT" | "DATA" | ".", _) if refused => "deferred",
        // The message may have arrived: nobody else gets it.
        (".", _) | ("DATA", How::Early) => "deferred",
        _ => next_host,
    }
}

fn check(stage: &'static str, how: How, alone: bool) {
    let rig = Rig::new();
    rig.mx("dest.test", if alone { &[(10, "a.test")] } else { &[(10, "a.test"), (20, "b.test")] });
    rig.host("a.test", &["192.0.2.1"]);
    rig.host("b.test", &["192.0.2.2"]);
    let extensions = ["PIPELINING", "STARTTLS", "8BITMIME"];
    rig.listen("192.0.2.1", rig.peer().with(&extensions).at(stage, act(how)));
    rig.listen("192.0.2.2", rig.peer());
    let case = format!("{stage} {how:?} {}", if alone { "alone" } else { "of two" });
    let sent_at = rig.now();
    let id = rig.send(mail(&["bob@dest.test"]));
    rig.pass(HOUR);
    let trace = rig.trace(id);
    let first =
        trace.iter().find(|record| record.event != TraceEvent::Received).unwrap_or_else(|| panic!("{case}: hangs"));
    assert_eq!(first.event.name(), want(stage, how, alone), "{case}: {first:?}");
    let answer = first.answer.clone().unwrap();
    assert!(answer.chars().count() <= 1024 && !answer.chars().any(char::is_control), "{case}: {answer:?}");
    assert!(first.peer.is_some() && first.protocol.is_some() || stage == "greeting", "{case}: {first:?}");
    let took_ms = first.at.unix_ms() - sent_at.unix_ms();
    assert!(took_ms <= 11 * 60 * 1000, "{case}: it took {took_ms} ms");
    match first.event {
        TraceEvent::Deferred => {
            let pause_ms = first.next.unwrap().unix_ms() - first.at.unix_ms();
            assert!((60_000..=75_000).contains(&pause_ms), "{case}: {pause_ms}");
            assert_eq!(rig.inbox("anna").len(), 0, "{case}: nobody is told yet");
            rig.listen("192.0.2.1", rig.peer());
            rig.pass(DAY);
            assert!(rig.story(id).ends_with("relayed"), "{case}: {}", rig.story(id));
        }
        TraceEvent::Failed => {
            let told = rig.inbox("anna").concat();
            assert!(told.contains("554 5.7.9 never") && told.contains("Status: 5.7.9"), "{case}: {told}");
        }
        _ => assert_eq!(rig.book.count("bob@dest.test"), 1, "{case}"),
    }
    assert!(rig.queue().is_empty(), "{case}: {}", rig.story(id));
}

#[test]
fn every_stage_fails_in_every_way() {
    for stage in STAGES {
        for how in HOWS {
            check(stage, how, true);
            check(stage, how, false);
        }
    }
}

#[test]
fn what_one_recipient_got_says_nothing_of_another() {
    let rig = Rig::new();
    let answers = |command: &str| match command {
        _ if command.starts_with("RCPT TO:<gone@") => Some(Act::Say("550 5.1.1 gone\r\n".into())),
        _ if command.starts_with("RCPT TO:<full@") => Some(Act::Say("452 4.2.2 full\r\n".into())),
        _ if command.starts_with("RCPT TO:<odd@") => Some(Act::Say("450 4.7.1 grey\r\n".into())),
        _ => None,
    };
    rig.serve("dest.test", "192.0.2.1", rig.peer().script(answers));
    let id = rig.send(mail(&["a@dest.test", "gone@dest.test", "full@dest.test", "b@dest.test", "odd@dest.test"]));
    rig.pass(std::time::Duration::from_secs(1));
    assert_eq!(rig.taken().len(), 1, "one transaction");
    assert_eq!(rig.taken()[0].rcpt.len(), 2);
    let of = |event| {
        let records = rig.trace(id).into_iter().filter(move |record| record.event == event);
        records.flat_map(|record| record.recipients).collect::<Vec<_>>()
    };
    assert_eq!(of(TraceEvent::Relayed), ["a@dest.test", "b@dest.test"]);
    assert_eq!(of(TraceEvent::Failed), ["gone@dest.test"]);
    assert_eq!(of(TraceEvent::Deferred), ["full@dest.test", "odd@dest.test"]);
    let told = rig.inbox("anna");
    assert!(told.len() == 1 && told[0].contains("gone@dest.test") && !told[0].contains("full@dest.test"), "{told:?}");
    rig.listen("192.0.2.1", rig.peer());
    rig.minutes(3);
    assert_eq!(rig.taken().len(), 2);
    assert_eq!(rig.taken()[1].rcpt.len(), 2, "only what is left: {:?}", rig.taken()[1].rcpt);
    assert!(rig.queue().is_empty());
}
