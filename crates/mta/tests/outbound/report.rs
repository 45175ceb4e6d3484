//! What the sender asked for (RFC 3461) and what it is told, read back with our own parser.

use crate::peer::Act;
use crate::rig::{DAY, HOUR, Rig, TEXT, mail};
use message::report::{Action, ParsedReport, parse};
use mta::trace::TraceEvent;
use smtp::extension::dsn::{Notify, Ret};

const NEVER: Option<Notify> = Some(Notify::NEVER);
const SUCCESS: Option<Notify> = Some(Notify { success: true, failure: false, delay: false });
const FAILURE: Option<Notify> = Some(Notify { success: false, failure: true, delay: false });
const DELAY: Option<Notify> = Some(Notify { success: false, failure: false, delay: true });
const ALL: Option<Notify> = Some(Notify { success: true, failure: true, delay: true });

/// The machine's part of a report.
fn status_part(report: &str) -> ParsedReport {
    let at = report.find("Content-Type: message/").unwrap_or_else(|| panic!("{report}"));
    let part = &report[at..];
    let body = part.split_once("\r\n\r\n").unwrap().1;
    parse(body.split("\r\n--=_").next().unwrap().as_bytes()).unwrap_or_else(|| panic!("{report}"))
}

fn actions(rig: &Rig) -> Vec<Action> {
    let told = rig.inbox("anna");
    told.iter().flat_map(|report| status_part(report).recipients).map(|recipient| recipient.action.unwrap()).collect()
}

/// How a next hop does, and which actions are told for each wish: nothing said, NEVER, SUCCESS, FAILURE, DELAY, all.
#[test]
fn what_was_asked_for_is_told_and_nothing_else() {
    use Action::{Delayed, Delivered, Failed, Relayed};
    let refuse = || Act::Say("550 5.1.1 nobody\r\n".into());
    let defer = || Act::Say("451 4.3.0 later\r\n".into());
    type Told = &'static [Action];
    let cases: [(&str, Option<Act>, [Told; 6]); 5] = [
        ("bob@dest.test", Some(refuse()), [&[Failed], &[], &[], &[Failed], &[], &[Failed]]),
        ("bob@dest.test", Some(defer()), [&[Delayed, Failed], &[], &[], &[Failed], &[Delayed], &[Delayed, Failed]]),
        ("bob@dest.test", None, [&[], &[], &[Relayed], &[], &[], &[Relayed]]),
        ("bob@dsn.test", None, [&[], &[], &[], &[], &[], &[]]),
        ("ben@example.test", None, [&[], &[], &[Delivered], &[], &[], &[Delivered]]),
    ];
    for (to, act, told) in cases {
        for (notify, want) in [None, NEVER, SUCCESS, FAILURE, DELAY, ALL].into_iter().zip(told) {
            let rig = Rig::new();
            let peer = rig.peer();
            let peer = act.clone().map_or(peer.clone(), |act| peer.at("RCPT", act));
            rig.serve("dest.test", "192.0.2.1", peer);
            rig.serve("dsn.test", "192.0.2.2", rig.peer().with(&["DSN"]));
            rig.send(mail(&[to]).notify(notify));
            rig.pass(6 * DAY);
            assert_eq!(actions(&rig), want, "{to} {act:?} {notify:?}");
            assert!(rig.queue().is_empty());
        }
    }
}

#[test]
fn reports_name_what_the_sender_named() {
    for (ret, whole) in [(None, true), (Some(Ret::Full), true), (Some(Ret::Hdrs), false)] {
        let rig = Rig::new();
        rig.serve("dest.test", "192.0.2.1", rig.peer().at("RCPT", Act::Say("550 5.1.1 nobody\r\n".into())));
        let mut message = mail(&["bob@dest.test"]).notify(FAILURE).original("rfc822", "Bob+x=y@old.test");
        message.params.envid = Some("QQ+3=4".into());
        message.params.ret = ret;
        let sent_at = rig.now();
        rig.send(message);
        rig.minutes(1);
        let told = rig.inbox("anna").concat();
        let report = status_part(&told);
        assert_eq!(report.envid.as_deref(), Some("QQ+3=4"));
        assert_eq!(report.reporting_mta.as_deref(), Some("mx.example.test"));
        assert_eq!(report.arrival.unwrap(), sent_at);
        let of = &report.recipients[0];
        assert_eq!(of.final_recipient, "bob@dest.test");
        assert_eq!(of.original_recipient, Some(("rfc822".into(), "Bob+x=y@old.test".into())));
        assert_eq!((of.action, of.status), (Some(Action::Failed), Some((5, 1, 1))));
        assert_eq!(of.remote_mta.as_deref(), Some("mx.dest.test"));
        assert_eq!(of.diagnostic.as_deref(), Some("smtp; 550 5.1.1 nobody"));
        assert!(told.contains("Subject: hello\r\n"));
        assert_eq!(told.contains("\r\n\r\nHello.\r\n"), whole, "{ret:?}: {told}");
        assert!(told.starts_with("Return-Path: <>\r\n"), "{told}");
    }
}

#[test]
fn a_next_hop_that_knows_dsn_gets_the_wishes_and_others_do_not() {
    for (extensions, mail_line, rcpt_line) in [
        (
            &["DSN"][..],
            "MAIL FROM:<anna@example.test> RET=HDRS ENVID=a+2Bb",
            " NOTIFY=SUCCESS ORCPT=rfc822;b+2Bb@old.test",
        ),
        (&[], "MAIL FROM:<anna@example.test>", ""),
    ] {
        let rig = Rig::new();
        rig.serve("dest.test", "192.0.2.1", rig.peer().with(extensions));
        let mut message = mail(&["bob@dest.test"]).notify(SUCCESS).original("rfc822", "b+b@old.test");
        (message.params.envid, message.params.ret) = (Some("a+b".into()), Some(Ret::Hdrs));
        rig.send(message);
        rig.minutes(1);
        let taken = &rig.taken()[0];
        assert_eq!(taken.mail, mail_line);
        assert_eq!(taken.rcpt[0], format!("RCPT TO:<bob@dest.test>{rcpt_line}"));
    }
}

#[test]
fn an_original_recipient_beyond_ascii_is_passed_on_as_rfc_6533_has_it() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().with(&["DSN"]));
    rig.send(mail(&["bob@dest.test"]).notify(SUCCESS).original("utf-8", "bö@old.test"));
    rig.minutes(1);
    assert!(rig.taken()[0].rcpt[0].ends_with("ORCPT=utf-8;b\\x{F6}@old.test"), "{:?}", rig.taken());
}

#[test]
fn nobody_is_told_of_a_report() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().at("RCPT", Act::Say("550 5.1.1 nobody\r\n".into())));
    let id = rig.send(mail(&["bob@dest.test"]).from("").notify(ALL));
    // A sender who cannot be told either.
    let other = rig.send(mail(&["bob@dest.test"]).from("carl@dest.test"));
    rig.pass(6 * DAY);
    assert_eq!(rig.story(id), "received, failed");
    assert_eq!(rig.story(other), "received, failed, failure-told");
    let report = rig.said(other, TraceEvent::FailureTold).related.unwrap();
    assert_eq!(rig.story(report), "received, failed");
    assert!(rig.queue().is_empty() && rig.inbox("anna").is_empty());
    assert_eq!(rig.book.commands().iter().filter(|line| line.starts_with("MAIL FROM:<>")).count(), 2);
}

#[test]
fn reports_to_others_leave_with_a_null_reverse_path() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().at("RCPT", Act::Say("550 5.1.1 nobody\r\n".into())));
    rig.serve("home.test", "192.0.2.2", rig.peer().with(&["DSN"]));
    rig.send(mail(&["bob@dest.test"]).from("carl@home.test"));
    rig.minutes(1);
    let taken = &rig.taken()[0];
    assert_eq!(
        (taken.mail.as_str(), taken.rcpt[0].as_str()),
        ("MAIL FROM:<>", "RCPT TO:<carl@home.test> NOTIFY=NEVER")
    );
    let report = status_part(&taken.text());
    assert_eq!(report.recipients[0].final_recipient, "bob@dest.test");
}

#[test]
fn what_the_other_side_did_not_say_is_not_put_into_its_mouth() {
    for (script, want) in
        [(Act::Stall, "the peer took too long"), (Act::Say("451 4.3.0 later\r\n".into()), "451 4.3.0 later")]
    {
        let rig = Rig::new();
        rig.serve("dest.test", "192.0.2.1", rig.peer().at("RCPT", script.clone()));
        rig.send(mail(&["bob@dest.test"]).notify(FAILURE));
        rig.pass(6 * DAY);
        let told = rig.inbox("anna").concat();
        let report = status_part(&told);
        let diagnostic = report.recipients[0].diagnostic.clone();
        let foreign = diagnostic.as_deref().is_none_or(|said| said.starts_with("smtp; 451 "));
        assert!(foreign, "{script:?}: {diagnostic:?}");
        assert_eq!(report.recipients[0].status, Some((4, 4, 7)));
        assert!(told.replace("\r\n", " ").contains(want), "{told}");
    }
}

#[test]
fn a_report_on_many_recipients_is_one_message() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().at("RCPT", Act::Say("550 5.1.1 nobody\r\n".into())));
    let to: Vec<String> = (0..50).map(|n| format!("r{n}@dest.test")).collect();
    rig.send(mail(&to.iter().map(String::as_str).collect::<Vec<_>>()));
    rig.minutes(1);
    let told = rig.inbox("anna");
    assert_eq!((told.len(), status_part(&told[0]).recipients.len()), (1, 50));
}

#[test]
fn a_large_message_comes_back_as_its_header() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().at("RCPT", Act::Say("550 5.1.1 nobody\r\n".into())));
    let large = format!("{TEXT}{}", "0123456789\r\n".repeat(200_000));
    rig.send(mail(&["bob@dest.test"]).octets(large.as_bytes()));
    rig.pass(HOUR);
    let told = rig.inbox("anna").concat();
    assert!(told.len() < 10_000 && told.contains("Subject: hello"), "{}", told.len());
}

/// Whatever the message was, the word of its failure gets through: to a next hop that takes 7 bits, and little.
#[test]
fn a_report_fits_every_next_hop() {
    let signed = "From: a@far.test\r\nContent-Type: multipart/signed; boundary=b; protocol=\"x/y\"\r\n\r\n--b\r\n\
                  Content-Transfer-Encoding: 8bit\r\n\r\ngr\u{fc}n\r\n--b\r\nContent-Type: x/y\r\n\r\nsig\r\n--b--\r\n";
    let large = format!("From: a@far.test\r\n\r\n{}", "0123456789\r\n".repeat(10_000));
    for octets in [signed.as_bytes(), large.as_bytes()] {
        let rig = Rig::new();
        rig.serve("dest.test", "192.0.2.1", rig.peer().with(&["8BITMIME"]).at("RCPT", Act::Say("550 no\r\n".into())));
        rig.serve("far.test", "192.0.2.2", rig.peer().with(&["SIZE 100000"]));
        let id = rig.send(mail(&["bob@dest.test"]).from("a@far.test").octets(octets));
        rig.minutes(1);
        let report = rig.said(id, TraceEvent::FailureTold).related.unwrap();
        assert_eq!(rig.story(report), "received, relayed");
        assert_eq!(status_part(&rig.taken()[0].text()).recipients.len(), 1);
    }
}
