use proptest::prelude::*;

use super::*;
use crate::downgrade::{Plan, Survey, Target};
use crate::structure::{Kind, Part};
use crate::{Scanner, decode_transfer};

const ORIGINAL: &[u8] =
    b"From: a@demo.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@demo.test>\r\n\r\nHallo!\r\n";

fn recipient(address: &str) -> RecipientReport {
    RecipientReport {
        final_recipient: address.to_owned(),
        original_recipient: Some(("rfc822".to_owned(), address.to_owned())),
        action: Action::Failed,
        status: (5, 1, 1),
        remote_mta: Some("mx.b.test".to_owned()),
        diagnostic: Some("smtp; 550 5.1.1 No such user here".to_owned()),
        last_attempt: Some(Timestamp::from_unix_ms(1_764_547_199_000)),
        will_retry_until: None,
        explanation: "There is no such mailbox.".to_owned(),
    }
}

fn report(recipients: Vec<RecipientReport>) -> DeliveryReport {
    DeliveryReport {
        reporting_mta: "mail.demo.test".to_owned(),
        arrival: Timestamp::from_unix_ms(1_764_540_000_000),
        envid: Some("QQ 314+x".to_owned()),
        from: "MAILER-DAEMON@mail.demo.test".parse().unwrap(),
        to: "anna@demo.test".parse().unwrap(),
        message_id: "<r1@mail.demo.test>".to_owned(),
        date: Timestamp::from_unix_ms(1_764_547_200_000),
        boundary: [7; 16],
        recipients,
        original: Original::of(ORIGINAL),
        returned: Returned::Headers(ORIGINAL.to_vec()),
        language: Language::English,
    }
}

/// The whole message, scanned; checks what every report must hold.
fn built(report: &DeliveryReport, original: &[u8]) -> (Vec<u8>, Scanned) {
    let built = report.build();
    let mut octets = built.head.clone();
    octets.extend_from_slice(if built.with_original { original } else { b"" });
    octets.extend_from_slice(&built.tail);
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(&octets);
    let scanned = scanner.finish();
    let shown = String::from_utf8_lossy(&octets);
    assert!(!scanned.has_bare_line_end && !scanned.has_long_line && !scanned.has_nul, "{shown}");
    assert!(built.eight_bit || !scanned.eight_bit, "{shown}");
    let header = &octets[..scanned.header_octets as usize];
    assert!(header.is_ascii() || built.smtputf8);
    let names: Vec<String> =
        Fields::new(header).map(|field| String::from_utf8_lossy(field.name).to_ascii_lowercase()).collect();
    assert!(names.iter().all(|name| names.iter().filter(|other| *other == name).count() == 1), "{names:?}");
    assert!(!names.iter().any(|name| name == "bcc" || name.is_empty()));
    assert!(scanned.structure.root().is("multipart", "report"));
    (octets, scanned)
}

fn children(scanned: &Scanned) -> Vec<&Part> {
    scanned.structure.children(scanned.structure.root()).collect()
}

fn body(octets: &[u8], part: &Part) -> Vec<u8> {
    let body = &octets[part.body_start as usize..part.body_end as usize];
    decode_transfer(&part.encoding, body).unwrap().into_owned()
}

/// What is read of a report is what was put in it.
fn assert_read_back(report: &DeliveryReport, octets: &[u8], scanned: &Scanned) {
    let parsed = parse(&body(octets, children(scanned)[1])).unwrap();
    assert_eq!(parsed.reporting_mta.as_deref(), Some(&*report.reporting_mta));
    assert_eq!(parsed.envid, report.envid);
    assert_eq!(parsed.arrival, Some(report.arrival));
    assert_eq!(parsed.recipients.len(), report.recipients.len());
    for (read, written) in parsed.recipients.iter().zip(&report.recipients) {
        assert_eq!(read.final_recipient, written.final_recipient);
        assert_eq!(read.original_recipient, written.original_recipient);
        assert_eq!((read.action, read.status), (Some(written.action), Some(written.status)));
        assert_eq!((&read.remote_mta, &read.diagnostic), (&written.remote_mta, &written.diagnostic));
        assert_eq!((read.last_attempt, read.will_retry_until), (written.last_attempt, written.will_retry_until));
    }
}

#[test]
fn a_bounce_tells_people_and_programs() {
    let report = report(vec![recipient("bob@b.test"), recipient("eve@b.test")]);
    let (octets, scanned) = built(&report, b"");
    assert_read_back(&report, &octets, &scanned);
    let text = String::from_utf8([octets.clone(), body(&octets, children(&scanned)[0])].concat()).unwrap();
    for line in [
        "From: Mail Delivery <MAILER-DAEMON@mail.demo.test>\r\n",
        "To: <anna@demo.test>\r\n",
        "In-Reply-To: <1@demo.test>\r\n",
        "References: <1@demo.test>\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "It is about your message \"Grüße\" of 30\r\nNov 2025, 22:00 UTC.\r\n",
        "Content-Type: text/rfc822-headers\r\n\r\nFrom: a@demo.test\r\n",
        "The server mx.b.test said:\r\n\r\n    550 5.1.1 No such user here\r\n",
        "Original-Envelope-Id: QQ 314+x\r\n",
        "Final-Recipient: rfc822; eve@b.test\r\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(decode_header(scanned.envelope.subject.as_deref().unwrap()), "Undelivered mail: Grüße");
    assert_eq!(scanned.structure.root().parameter("report-type").as_deref(), Some("delivery-status"));
}

#[test]
fn every_kind_in_both_languages() {
    let actions = Action::ALL.map(|action| RecipientReport {
        action,
        will_retry_until: (action == Action::Delayed).then(|| Timestamp::from_unix_ms(1_764_900_000_000)),
        diagnostic: (action == Action::Failed).then(|| "smtp; 552 5.2.2 full".to_owned()),
        remote_mta: None,
        ..recipient(&format!("{}@b.test", action.as_str()))
    });
    let full = Returned::Full { eight_bit: false, internationalised: false };
    for language in [Language::English, Language::German] {
        for returned in [Returned::None, Returned::Headers(ORIGINAL.to_vec()), full.clone()] {
            for recipients in [actions.to_vec(), actions[1..2].to_vec(), actions[2..].to_vec()] {
                let report = DeliveryReport { language, returned: returned.clone(), ..report(recipients) };
                let (octets, scanned) = built(&report, ORIGINAL);
                assert!(octets.is_ascii());
                assert_read_back(&report, &octets, &scanned);
                let parts = children(&scanned);
                assert_eq!(parts.len(), if returned == Returned::None { 2 } else { 3 });
                let text = String::from_utf8(body(&octets, parts[0])).unwrap();
                assert!(report.recipients.iter().all(|recipient| text.contains(&recipient.final_recipient)));
                assert_eq!(text.contains("Guten Tag"), language == Language::German);
                assert!(text.replace("\r\n", " ").contains("„Grüße“") || text.contains("\"Grüße\""), "{text}");
            }
        }
    }
}

#[test]
fn the_whole_message_comes_back_as_it_was() {
    let original = "Subject: Grüße\r\n\r\nÄ\r\nno line end".as_bytes();
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(original);
    let scanned_original = scanner.finish();
    let header = &original[..scanned_original.header_octets as usize];
    let returned = Returned::full_or_headers(&scanned_original, header);
    let report = DeliveryReport { returned, ..report(vec![recipient("bob@b.test")]) };
    let (octets, scanned) = built(&report, original);
    let message = children(&scanned)[2].clone();
    assert!(message.is("message", "rfc822") && matches!(message.kind, Kind::Message(_)));
    assert_eq!(body(&octets, &message), original);
    assert!(report.build().eight_bit && !report.build().smtputf8);
}

#[test]
fn what_fits_no_message_comes_back_as_its_header() {
    for original in ["Subject: x\r\n\r\na\nb\r\n".to_owned(), format!("Subject: x\r\n\r\n{}\r\n", "y".repeat(999))] {
        let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
        scanner.push(original.as_bytes());
        let returned = Returned::full_or_headers(&scanner.finish(), b"Subject: x\r\n\r\n");
        assert_eq!(returned, Returned::Headers(b"Subject: x\r\n\r\n".to_vec()));
    }
    let header = [b"Subject: \xff\nX: ".as_slice(), &[b'y'; 2000], b"\r\n\0bad\r\n\r\n"].concat();
    let report = DeliveryReport { returned: Returned::Headers(header), ..report(vec![recipient("bob@b.test")]) };
    let (octets, scanned) = built(&report, b"");
    let part = children(&scanned)[2].clone();
    assert!(part.is("text", "rfc822-headers") && octets.is_ascii());
    assert_eq!(body(&octets, &part), [b"Subject: \xff\r\nX: ".as_slice(), &[b'y'; 2000], b"\r\nbad\r\n"].concat());
}

#[test]
fn addresses_beyond_ascii_use_the_global_types() {
    let mut to = recipient("jörg@b.test");
    to.original_recipient = Some(("utf-8".to_owned(), "j\\x{F6}rg@b.test".to_owned()));
    let full = Returned::Full { eight_bit: true, internationalised: true };
    let original = "Subject: Grüße\r\n\r\nHallo\r\n".as_bytes();
    for (returned, kind) in [(Returned::Headers(original.to_vec()), "global-headers"), (full, "global")] {
        let report = DeliveryReport { returned, ..report(vec![to.clone()]) };
        let (octets, scanned) = built(&report, original);
        assert!(children(&scanned)[1].is("message", "global-delivery-status"));
        assert!(children(&scanned)[2].is("message", kind));
        let text = String::from_utf8(octets).unwrap();
        assert!(text.contains("Final-Recipient: utf-8; jörg@b.test\r\n"));
        assert!(text.contains("Original-Recipient: utf-8; jörg@b.test\r\n"));
        assert!(report.build().smtputf8);
    }
}

#[test]
fn a_global_report_goes_through_a_seven_bit_hop() {
    let report = report(vec![recipient("jörg@b.test")]);
    let (octets, scanned) = built(&report, b"");
    let target = Target { eight_bit: false, binary: false, smtputf8: true };
    let mut survey = Survey::new(&scanned);
    survey.push(&octets);
    let Plan::Convert(mut converter) = survey.plan(target) else { panic!("it can be converted") };
    let mut sent = Vec::new();
    converter.push(&octets, &mut sent);
    converter.finish(&mut sent).unwrap();
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(&sent);
    assert!(sent.is_ascii());
    let parsed = parse(&body(&sent, children(&scanner.finish())[1])).unwrap();
    assert_eq!(parsed.recipients[0].final_recipient, "jörg@b.test");
}

#[test]
fn reports_as_others_send_them() {
    let body = "Reporting-MTA: dns;mx.b.test\n\n\nfinal-recipient: RFC822; <bob@b.test>\nAction: FAILED (sorry)\nStatus: 5.1.1 (bad\n mailbox)\n\nX-Other: y\n";
    let parsed = parse(body.as_bytes()).unwrap();
    assert_eq!(parsed.reporting_mta.as_deref(), Some("mx.b.test"));
    let [bob] = &*parsed.recipients else { panic!("one recipient") };
    assert_eq!(
        (&*bob.final_recipient, bob.action, bob.status),
        ("<bob@b.test>", Some(Action::Failed), Some((5, 1, 1)))
    );
    assert_eq!(parse(b""), None);
    assert_eq!(parse(b"Reporting-MTA: dns; x\r\n\r\nAction: failed\r\n"), None);
    assert_eq!(parse("Final-Recipient: x\n\n".repeat(3000).as_bytes()).unwrap().recipients.len(), 1000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn hostile_text_stays_in_its_place(texts in proptest::collection::vec("(\\PC|[\r\n\0\t =?;<>\"-]|Bcc: x|\r\n\r\n|--=_07){0,40}", 8), german: bool, long in 0usize..3) {
        let mut bad = recipient(&texts[0]);
        bad.original_recipient = Some((texts[1].clone(), texts[2].clone()));
        bad.remote_mta = Some(texts[3].clone());
        bad.diagnostic = Some(texts[4].repeat(1 + long * 40));
        bad.explanation = texts[5].clone();
        let report = DeliveryReport {
            envid: Some(texts[6].clone()),
            original: Original { message_id: Some(texts[7].clone()), subject: Some(texts[7].clone()) },
            returned: Returned::Headers(texts.concat().into_bytes()),
            language: if german { Language::German } else { Language::English },
            ..report(vec![bad, recipient("bob@b.test")])
        };
        let (octets, scanned) = built(&report, b"");
        prop_assert_eq!(children(&scanned).len(), 3);
        let parsed = parse(&body(&octets, children(&scanned)[1])).unwrap();
        prop_assert_eq!(&parsed.recipients.last().unwrap().final_recipient, "bob@b.test");
        prop_assert!(parsed.recipients.len() <= 2);
    }

    #[test]
    fn what_is_written_is_read(words in "[!-~]{1,30}( [!-~]{1,30}){0,20}", status in (2u8..6, 0u16..1000, 0u16..1000)) {
        let mut to = recipient("bob@b.test");
        to.status = status;
        to.diagnostic = Some(format!("smtp; {words}"));
        let report = DeliveryReport { envid: Some(words), ..report(vec![to]) };
        let (octets, scanned) = built(&report, b"");
        assert_read_back(&report, &octets, &scanned);
    }

    #[test]
    fn nothing_foreign_breaks_the_reader(octets: Vec<u8>) {
        parse(&octets);
    }
}
