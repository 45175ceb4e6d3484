//! What a lesser next hop gets, and that everything else arrives as it was.

use crate::rig::{Rig, mail};
use mta::trace::TraceEvent;
use proptest::prelude::*;
use smtp::BodyType;

const HEADER: &str =
    "From: anna@example.test\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n";

/// The message as it arrives at a hop with these extensions, behind our `Received` field.
fn arrives(extensions: &[&'static str], body: Option<BodyType>, octets: &[u8]) -> (String, Vec<u8>) {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().with(extensions));
    let mut message = mail(&["bob@dest.test"]).octets(octets);
    message.params.body = body;
    let id = rig.send(message);
    rig.minutes(1);
    let taken = rig.taken();
    assert_eq!(taken.len(), 1, "{:?}", rig.trace(id));
    let octets = &taken[0].octets;
    let end = octets
        .windows(2)
        .enumerate()
        .find(|(at, two)| two == b"\r\n" && octets.get(at + 2).is_some_and(|next| !b" \t".contains(next)));
    let (trace, rest) = octets.split_at(end.unwrap().0 + 2);
    assert!(trace.starts_with(b"Received: from client.test"), "{:?}", taken[0].text());
    assert!(trace.windows(20).any(|part| part == b"for <bob@dest.test>;".as_slice()) || !trace.is_empty());
    (taken[0].mail.clone(), rest.to_vec())
}

#[test]
fn eight_bits_go_as_they_are_or_are_encoded() {
    let octets = format!("{HEADER}Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n.dot\r\n");
    let (line, same) = arrives(&["8BITMIME"], Some(BodyType::EightBitMime), octets.as_bytes());
    assert_eq!((line.as_str(), same.as_slice()), ("MAIL FROM:<anna@example.test> BODY=8BITMIME", octets.as_bytes()));
    let (line, seven) = arrives(&[], Some(BodyType::EightBitMime), octets.as_bytes());
    assert_eq!(line, "MAIL FROM:<anna@example.test>");
    let text = String::from_utf8(seven).unwrap();
    assert!(
        text.is_ascii() && text.contains("quoted-printable") && text.contains("Gr=C3=BC=C3=9Fe\r\n.dot\r\n"),
        "{text}"
    );
}

#[test]
fn binary_goes_as_it_is_or_is_encoded() {
    let octets = [HEADER.as_bytes(), b"Content-Transfer-Encoding: binary\r\n\r\na\0b\rc\nd\xff"].concat();
    let all = ["8BITMIME", "CHUNKING", "BINARYMIME"];
    let (line, same) = arrives(&all, Some(BodyType::BinaryMime), &octets);
    assert_eq!((line.as_str(), same), ("MAIL FROM:<anna@example.test> BODY=BINARYMIME", octets.clone()));
    for extensions in [&["8BITMIME"][..], &[], &["CHUNKING"], &["8BITMIME", "BINARYMIME"]] {
        let (_, text) = arrives(extensions, Some(BodyType::BinaryMime), &octets);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("base64"), "{text}");
        assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "{text:?}");
    }
}

#[test]
fn addresses_beyond_ascii_need_a_hop_that_takes_them() {
    for (extensions, want) in
        [(&["8BITMIME", "SMTPUTF8"][..], TraceEvent::Relayed), (&["8BITMIME"], TraceEvent::Failed)]
    {
        let rig = Rig::new();
        rig.serve("dest.test", "192.0.2.1", rig.peer().with(extensions));
        let mut message = mail(&["böb@dest.test"]);
        message.params.smtputf8 = true;
        let id = rig.send(message);
        rig.minutes(1);
        let record = rig.said(id, want);
        match want {
            TraceEvent::Relayed => {
                assert_eq!(rig.taken()[0].mail, "MAIL FROM:<anna@example.test> SMTPUTF8");
                assert_eq!(rig.taken()[0].rcpt, ["RCPT TO:<böb@dest.test>"]);
            }
            _ => {
                assert!(record.answer.unwrap().contains("SMTPUTF8"));
                assert!(rig.inbox("anna")[0].contains("Status: 5.6.7\r\n"));
            }
        }
    }
    // Announced but not needed: it goes where SMTPUTF8 is not known.
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer());
    let mut message = mail(&["bob@dest.test"]);
    message.params.smtputf8 = true;
    rig.send(message);
    rig.minutes(1);
    assert_eq!(rig.taken()[0].mail, "MAIL FROM:<anna@example.test>");
}

#[test]
fn what_is_too_large_for_the_next_hop_fails_before_it_is_sent() {
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().with(&["SIZE 100"]));
    rig.send(mail(&["bob@dest.test"]));
    rig.minutes(1);
    assert!(rig.inbox("anna")[0].contains("Status: 5.3.4\r\n"));
    assert!(!rig.book.commands().iter().any(|line| line.starts_with("MAIL")));
    let rig = Rig::new();
    rig.serve("dest.test", "192.0.2.1", rig.peer().with(&["SIZE 10000"]));
    rig.send(mail(&["bob@dest.test"]));
    rig.minutes(1);
    let taken = &rig.taken()[0];
    assert_eq!(taken.mail, format!("MAIL FROM:<anna@example.test> SIZE={}", taken.octets.len()));
}

#[test]
fn a_large_message_arrives_octet_for_octet() {
    let octets = format!("{HEADER}\r\n{}", "..dots and more\r\n".repeat(100_000));
    for extensions in [&["8BITMIME"][..], &["8BITMIME", "CHUNKING", "BINARYMIME"]] {
        let (_, same) = arrives(extensions, None, octets.as_bytes());
        assert!(same == octets.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in a message: no CR or LF leaves alone, and nothing ends it early.
    #[test]
    fn no_line_end_leaves_alone(body in proptest::collection::vec(prop_oneof![
        Just(b"\r\n".to_vec()), Just(b"\r".to_vec()), Just(b"\n".to_vec()), Just(b".".to_vec()), Just(b"x".to_vec()),
        Just(b"MAIL FROM:<evil@x.test>".to_vec()), Just("ü".as_bytes().to_vec()),
    ], 0..60), eight_bit in any::<bool>()) {
        let octets = [HEADER.as_bytes(), b"\r\n", &body.concat()].concat();
        let extensions: &[&str] = if eight_bit { &["8BITMIME"] } else { &[] };
        let (_, arrived) = arrives(extensions, None, &octets);
        let mut before = 0;
        for (at, octet) in arrived.iter().enumerate() {
            prop_assert!(*octet != b'\n' || before == b'\r', "{at}");
            prop_assert!(before != b'\r' || *octet == b'\n', "{at}");
            before = *octet;
        }
    }
}
