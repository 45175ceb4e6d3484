use proptest::prelude::*;

use super::*;
use crate::section::SectionKind;

fn scan(message: &[u8]) -> Scanned {
    scan_within(message, Scanner::DEFAULT_BUDGET)
}

fn scan_within(message: &[u8], budget: Budget) -> Scanned {
    let mut scanner = Scanner::new(budget);
    scanner.push(message);
    let scanned = scanner.finish();
    assert_valid(&scanned, message.len() as u64);
    scanned
}

/// What must hold whatever was scanned.
fn assert_valid(scanned: &Scanned, size: u64) {
    let structure = &scanned.structure;
    assert_eq!(scanned.size_octets, size);
    assert_eq!((structure.root().header_start, structure.root().body_end), (0, size));
    for (part, index) in structure.parts().iter().zip(0..) {
        assert_eq!(part.index, index);
        assert!(part.header_start <= part.body_start && part.body_start <= part.body_end);
        let children: Vec<&Part> = structure.children(part).collect();
        match part.kind {
            Kind::Multipart => assert!(!children.is_empty()),
            Kind::Message(_) => assert_eq!(children.len(), 1),
            Kind::Text | Kind::Leaf => assert!(children.is_empty()),
        }
        let mut begin = part.body_start;
        for child in children {
            assert_eq!(child.parent, Some(part.index));
            assert!(begin <= child.header_start && child.body_end <= part.body_end);
            begin = child.body_end;
        }
    }
    let mut e = model::Encoder::new(1);
    structure.encode(&mut e);
    let row = e.finish();
    assert_eq!(&Structure::decode(&mut model::Decoder::new(&row, 1).unwrap()).unwrap(), structure);
}

/// Each part with its number, type, lines and body, as IMAP would tell; bodies of containers are left out.
fn outline(message: &str) -> Vec<String> {
    let structure = scan(message.as_bytes()).structure;
    let mut out = Vec::new();
    let root = structure.root();
    tell(&structure, root, &mut Vec::new(), message, &mut out);
    out
}

fn tell(structure: &Structure, part: &Part, path: &mut Vec<u32>, message: &str, out: &mut Vec<String>) {
    let number = path.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
    let mut line = format!("{number} {}/{} {}", part.media_type, part.media_subtype, part.lines).trim().to_owned();
    if matches!(part.kind, Kind::Text | Kind::Leaf) {
        let body = &message[part.body_start as usize..part.body_end as usize];
        line += &format!(" {body:?}");
    }
    out.push(line);
    if !path.is_empty() {
        assert_eq!(structure.resolve(path, SectionKind::Whole), Some(part.body()));
    }
    let is_root_message = path.is_empty() && matches!(part.kind, Kind::Message(_));
    path.extend(is_root_message.then_some(1));
    for (child, number) in structure.children(part).zip(1..) {
        if let (Kind::Message(_), Kind::Multipart) = (&part.kind, &child.kind) {
            for (grandchild, number) in structure.children(child).zip(1..) {
                path.push(number);
                tell(structure, grandchild, path, message, out);
                path.pop();
            }
            continue;
        }
        path.push(number);
        tell(structure, child, path, message, out);
        path.pop();
    }
}

fn check(message: &str, want: &[&str]) {
    assert_eq!(outline(message), want, "{message:?}");
    let crlf = message.replace('\n', "\r\n");
    let with_crlf: Vec<String> = want.iter().map(|line| line.replace("\\n", "\\r\\n")).collect();
    assert_eq!(outline(&crlf), with_crlf, "{crlf:?}");
}

#[test]
fn messages_of_one_part() {
    check("", &["text/plain 0 \"\""]);
    check("\n", &["text/plain 0 \"\""]);
    check("Subject: x", &["text/plain 0 \"\""]);
    check("Subject: x\n", &["text/plain 0 \"\""]);
    check("Subject: x\n\nHallo\n", &["text/plain 1 \"Hallo\\n\""]);
    check("\nHallo\nWelt", &["text/plain 1 \"Hallo\\nWelt\""]);
    check("no colon\nContent-Type: image/png\n\nx", &["image/png 0 \"x\""]);
    check("Content-Type: text/html;\n charset=utf-8\n\nx", &["text/html 0 \"x\""]);
    check("Content-Type: image/png\nContent-Type: text/html\n\nx", &["image/png 0 \"x\""]);
    check("Content-Type: nonsense\n\nx", &["text/plain 0 \"x\""]);
    check("Content-Type: multipart/mixed\n\n--\nx", &["text/plain 1 \"--\\nx\""]);
    check("Content-Type: multipart/mixed; boundary=\"\"\n\n--\nx", &["text/plain 1 \"--\\nx\""]);
}

#[test]
fn multiparts() {
    let head = "Content-Type: multipart/mixed; boundary=b\n\n";
    let check = |body: &str, want: &[&str]| check(&format!("{head}{body}"), want);
    check(
        "pre\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n\n--b--\nepilogue\n--b\nno part",
        &["multipart/mixed 12", "1 text/plain 0 \"one\"", "2 text/html 1 \"two\\n\""],
    );
    // RFC 2046 §5.1.1: white space behind a delimiter; a delimiter is known by its begin.
    check("--b \t\n\none\n--b-- \nx", &["multipart/mixed 4", "1 text/plain 0 \"one\""]);
    check("--bc\n\none\n --b\n", &["multipart/mixed 4", "1 text/plain 2 \"one\\n --b\\n\""]);
    // No end, or no end of line at the end.
    check("--b\n\none\n", &["multipart/mixed 3", "1 text/plain 1 \"one\\n\""]);
    check("--b\n\none\n--b--", &["multipart/mixed 3", "1 text/plain 0 \"one\""]);
    check("--b\n\none\n--b", &["multipart/mixed 3", "1 text/plain 0 \"one\""]);
    check("--b", &["multipart/mixed 0", "1 text/plain 0 \"--b\""]);
    check("--b\n", &["multipart/mixed 1", "1 text/plain 0 \"\""]);
    // Parts without body, blank line, or anything.
    check("--b\n\n--b--\n", &["multipart/mixed 3", "1 text/plain 0 \"\""]);
    check("--b\n--b\n--b--\n", &["multipart/mixed 3", "1 text/plain 0 \"\"", "2 text/plain 0 \"\""]);
    check("--b\nContent-Type: a/b\n--b--\n", &["multipart/mixed 3", "1 a/b 0 \"\""]);
    check(
        "--b\nContent-Type: multipart/x; boundary=c\n--b--",
        &["multipart/mixed 2", "1 multipart/x 0", "1.1 text/plain 0 \"\""],
    );
    check(
        "--b\nContent-Type: message/rfc822\n--b--",
        &["multipart/mixed 2", "1 message/rfc822 0", "1.1 text/plain 0 \"\""],
    );
    // A boundary that is never found: what is there is shown.
    check("one\n--c\ntwo", &["multipart/mixed 2", "1 text/plain 2 \"one\\n--c\\ntwo\""]);
    check("", &["multipart/mixed 0", "1 text/plain 0 \"\""]);
    check("--b--\nx", &["multipart/mixed 1", "1 text/plain 1 \"--b--\\nx\""]);
}

#[test]
fn nested_multiparts() {
    let message = |outer: &str, inner: &str, body: &str| {
        format!(
            "Content-Type: multipart/mixed; boundary={outer}\n\n--{outer}\nContent-Type: multipart/mixed; boundary={inner}\n\n{body}"
        )
    };
    check(
        &message("o", "i", "--i\n\n1.1\n--i--\n\n--o\n\n2\n--o--"),
        &["multipart/mixed 11", "1 multipart/mixed 4", "1.1 text/plain 0 \"1.1\"", "2 text/plain 0 \"2\""],
    );
    // The inner one never ends.
    check(
        &message("o", "i", "--i\n\n1.1\n--o\n\n2\n--o--"),
        &["multipart/mixed 9", "1 multipart/mixed 2", "1.1 text/plain 0 \"1.1\"", "2 text/plain 0 \"2\""],
    );
    // The outer delimiter directly behind the inner one.
    check(
        &message("o", "i", "--i\n--o\n\n2\n--o--"),
        &["multipart/mixed 7", "1 multipart/mixed 1", "1.1 text/plain 0 \"\"", "2 text/plain 0 \"2\""],
    );
    // One boundary is the begin of the other.
    for (outer, inner) in [("bc", "b"), ("b", "bc")] {
        check(
            &message(outer, inner, &format!("--{inner}\n\n1.1\n--{inner}--\n--{outer}\n\n2\n--{outer}--")),
            &["multipart/mixed 10", "1 multipart/mixed 3", "1.1 text/plain 0 \"1.1\"", "2 text/plain 0 \"2\""],
        );
    }
    // The same boundary twice: the innermost counts.
    check(
        &message("b", "b", "--b\n\n1.1\n--b--\n--b\n\n2\n--b--"),
        &["multipart/mixed 10", "1 multipart/mixed 3", "1.1 text/plain 0 \"1.1\"", "2 text/plain 0 \"2\""],
    );
    // A boundary that looks like another's end.
    check(
        &message("b", "b--", "--b--\n\n1.1\n--b----\n--b\n\n2\n--b--"),
        &["multipart/mixed 10", "1 multipart/mixed 3", "1.1 text/plain 0 \"1.1\"", "2 text/plain 0 \"2\""],
    );
}

#[test]
fn messages_within_messages() {
    check(
        "Content-Type: message/rfc822\n\nSubject: inner\n\nHallo\n",
        &["message/rfc822 3", "1.1 text/plain 1 \"Hallo\\n\""],
    );
    // RFC 2046 §5.1.5: in a digest a part is a message unless it says otherwise.
    check(
        "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: a\n\nA\n--b\nContent-Type: text/plain\n\nB\n--b--\n",
        &["multipart/digest 10", "1 message/rfc822 2", "1.1 text/plain 0 \"A\"", "2 text/plain 0 \"B\""],
    );
    // Encoded, it cannot be looked into.
    check(
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogYQ==",
        &["message/rfc822 0 \"U3ViamVjdDogYQ==\""],
    );
    // A multipart is never encoded itself (RFC 2045 §6.4).
    check(
        "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\nA\n--b--",
        &["multipart/mixed 3", "1 text/plain 0 \"A\""],
    );
    let inner = scan(b"Subject: out\n\n").structure;
    assert_eq!(inner.parts().len(), 1);
    let scanned = scan(b"Content-Type: message/rfc822\nSubject: out\n\nSubject: in\nFrom: a@b\n\n");
    let Kind::Message(envelope) = &scanned.structure.root().kind else { panic!("a message holds one") };
    assert_eq!(envelope.subject.as_deref(), Some(&b"in"[..]));
    assert_eq!(envelope.sender_or_from().len(), 1);
    assert_eq!(scanned.envelope.subject.as_deref(), Some(&b"out"[..]));
}

#[test]
fn fields_of_a_part() {
    let scanned = scan(
        b"content-type: Text/HTML\r\nContent-ID: <a@b>\r\nContent-Description: a\r\n  b\r\nContent-MD5: x==\r\n\
          Content-Disposition: Attachment; filename=\"a b\"\r\nContent-Language: de, en-GB\r\n\
          Content-Location: http://x\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n",
    );
    let part = scanned.structure.root();
    let text = |value: &Option<crate::Octets>| String::from_utf8(value.as_deref().unwrap().to_vec()).unwrap();
    assert!(part.is("text", "html"));
    assert_eq!(part.parameter("charset").as_deref(), Some("us-ascii"));
    assert_eq!(text(&part.id), "<a@b>");
    assert_eq!(text(&part.description), "a  b");
    assert_eq!(text(&part.md5), "x==");
    assert_eq!(text(&part.location), "http://x");
    assert_eq!(part.disposition.as_ref().map(|d| &*d.kind), Some("attachment"));
    assert_eq!(part.filename().as_deref(), Some("a b"));
    assert_eq!(part.language, [Box::from(*b"de"), Box::from(*b"en-GB")]);
    assert_eq!(part.encoding.as_str(), "quoted-printable");
}

#[test]
fn fields_of_a_message() {
    let scanned = scan(
        b"Delivered-To: a@demo.test\r\nReceived: one\r\nReceived: two\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n\
          From: a@b.test\r\nFrom: (unclosed\r\nfrom: c@d.test\r\nTo:\r\nSubject: one\r\nSubject: Re: two\r\n\
          Message-ID: <m@x>\r\nReferences: <r@x>\r\nIn-Reply-To: <i@x>\r\nCc: undisclosed:;\r\n\r\nHallo,\r\n\r\nWelt\r\n",
    );
    assert_eq!((scanned.received_count, scanned.delivered_to.as_slice()), (2, &["a@demo.test".to_owned()][..]));
    assert_eq!(scanned.sent_at.unwrap().at.rfc5322(), "Fri, 21 Nov 1997 15:55:06 +0000");
    assert_eq!(scanned.envelope.from.len(), 2);
    assert!(scanned.envelope.to.is_empty());
    assert_eq!(scanned.envelope.cc.len(), 2);
    assert_eq!(scanned.envelope.subject.as_deref(), Some(&b"Re: two"[..]));
    assert_eq!(scanned.threading.base_subject, "two");
    assert_eq!(scanned.threading.references.len(), 2);
    assert_eq!(scanned.preview, "Hallo, Welt");
    assert_eq!(scanned.header_octets, scanned.size_octets - 16);
    assert!(!scanned.is_truncated() && !scanned.eight_bit && !scanned.has_nul && !scanned.has_bare_line_end);
}

#[test]
fn what_the_octets_are_like() {
    let check = |message: &[u8], eight_bit, has_nul, has_bare_line_end| {
        let got = scan(message);
        assert_eq!((got.eight_bit, got.has_nul, got.has_bare_line_end), (eight_bit, has_nul, has_bare_line_end));
    };
    check(b"\r\na\r\n", false, false, false);
    check(b"\r\n\xe4\0", true, true, false);
    check(b"\n", false, false, true);
    check(b"\r\r\n", false, false, true);
    check(b"a\rb\r\n", false, false, true);
    check(b"\r", false, false, true);
}

#[test]
fn the_surface_of_a_message_is_what_a_whole_scan_says_of_it() {
    let long = format!("Received: a\r\nSubject: {}\r\n\r\n\0\r\n", "x".repeat(1000));
    let messages: [&[u8]; 6] = [
        b"",
        b"Received: a\r\nReceived: b\r\n c\r\nMessage-ID:\r\n <1@x>\r\nTo: y\r\n\r\nRECEIVED: no\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\nMessage-ID: <2@x>\r\n\r\n--b\r\nReceived: a\r\n\r\n\xe4\n--b--",
        b"Content-Type: message/rfc822\r\n\r\nMessage-ID: <3@x>\r\n\r\nx\ry",
        b"no field\r\n",
        long.as_bytes(),
    ];
    for message in messages {
        let mut scanner = Scanner::surface(Scanner::DEFAULT_BUDGET);
        message.chunks(7).for_each(|piece| scanner.push(piece));
        let (surface, whole) = (scanner.finish(), scan(message));
        let parts = |scanned: &Scanned| {
            let Scanned { eight_bit, has_nul, has_bare_line_end, has_long_line, .. } = *scanned;
            let octets = (scanned.size_octets, scanned.header_octets, scanned.received_count);
            (octets, scanned.threading.message_id.clone(), [eight_bit, has_nul, has_bare_line_end, has_long_line])
        };
        assert_eq!(parts(&surface), parts(&whole), "{}", String::from_utf8_lossy(message));
        assert!(surface.structure.parts().len() == 1 && surface.preview.is_empty() && !surface.is_truncated());
    }
}

#[test]
fn long_lines_are_judged_by_their_begin() {
    let long = tree::BOUNDARY_OCTETS_MAX;
    for (octets, parts) in
        [(70, 2), (long - 1, 2), (long, 2), (long + 1, 3), (Scanner::HELD_MAX, 3), (Scanner::HELD_MAX + 3, 3)]
    {
        let boundary = "b".repeat(octets);
        let body = format!("--{boundary}\r\n\r\nx\r\n--{boundary}--\r\n");
        let message = format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n{body}");
        let whole = scan(message.as_bytes());
        assert_eq!(whole.structure.parts().len(), parts, "{octets}");
        assert_eq!(split(message.as_bytes(), 7), whole);
    }
}

fn split(message: &[u8], size: usize) -> Scanned {
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    message.chunks(size).for_each(|chunk| scanner.push(chunk));
    scanner.finish()
}

mod attacks {
    use super::*;

    fn repeat(head: &str, count: usize, piece: impl Fn(usize) -> String) -> Vec<u8> {
        let mut message = head.as_bytes().to_vec();
        (0..count).for_each(|n| message.extend_from_slice(piece(n).as_bytes()));
        message
    }

    fn parts(scanned: &Scanned) -> usize {
        scanned.structure.parts().len()
    }

    #[test]
    fn many_fields() {
        for piece in [
            "X-Y: z\r\n",
            "To: a@b\r\n",
            "Subject: a\r\n",
            "Received: x\r\n",
            "Delivered-To: a\r\n",
            "To:\r\n",
            ":\r\n",
        ] {
            assert_eq!(parts(&scan(&repeat("", 50_000, |_| piece.to_owned()))), 1);
        }
        let scanned = scan(&repeat("", 50_000, |_| "Received: x\r\n".to_owned()));
        assert_eq!((scanned.received_count, scanned.is_truncated()), (50_000, false));
    }

    #[test]
    fn deep_multiparts() {
        let scanned =
            scan(&repeat("", 5_000, |n| format!("Content-Type: multipart/mixed; boundary=b{n:04}\n\n--b{n:04}\n")));
        assert_eq!((parts(&scanned), scanned.is_truncated()), (Structure::DEPTH_MAX + 1, true));
        assert_eq!(scanned.structure.parts().last().unwrap().shown_media(), ("application", "octet-stream"));
    }

    #[test]
    fn deep_messages() {
        let scanned = scan(&repeat("", 1_000, |_| "Content-Type: message/rfc822\n\n".to_owned()));
        assert_eq!((parts(&scanned), scanned.is_truncated()), (Structure::DEPTH_MAX + 1, true));
    }

    #[test]
    fn many_parts() {
        let head = "Content-Type: multipart/mixed; boundary=b\n\n";
        for (count, piece) in [
            (100_000, "--b\n"),
            (12_000, "--b\n\n"),
            (12_000, "--b\nContent-Type: message/rfc822\n\n"),
            (12_000, "--b\nContent-Type: multipart/x; boundary=c\n\n"),
        ] {
            let scanned = scan(&repeat(head, count, |_| piece.to_owned()));
            assert!(parts(&scanned) <= 2 * Scanner::DEFAULT_BUDGET.items + 1 && scanned.is_truncated());
        }
    }

    #[test]
    fn many_almost_delimiters_within_many_multiparts() {
        let head = repeat("", 90, |n| format!("Content-Type: multipart/x; boundary={n:0200}\n\n--{n:0200}\n"));
        let message = repeat(str::from_utf8(&head).unwrap(), 20_000, |_| format!("--{:0190}\n", 0));
        assert_eq!(parts(&scan(&message)), 91);
    }

    #[test]
    fn one_long_field() {
        for head in ["Subject: ", "X: ", "To: ", "Content-Type: ", "References: ", "x", "--"] {
            let scanned = scan(&repeat(head, 100_000, |_| "a, <b@c> ".to_owned()));
            assert_eq!(parts(&scanned), 1);
        }
        let mut message = b"Subject: ".to_vec();
        message.resize(20_000_000, b'x');
        assert!(scan(&message).is_truncated());
    }

    #[test]
    fn long_structured_values() {
        let fields: [(&str, &str); 12] = [
            ("Content-Type: a/b", "; n*9=x"),
            ("Content-Type: a/b; n=", "x ("),
            ("From: ", "("),
            ("From: ", "<@,"),
            ("From: ", "\"x\" . "),
            ("From: ", "a@b . c\\"),
            ("To: many:", "a@b.test, "),
            ("Subject: ", "=?utf-8?q?=C3=A4?= "),
            ("Subject: ", "=?a?q?"),
            ("Subject: ", "[x]"),
            ("References: ", "<a@b> "),
            ("Date: ", "(Mon, "),
        ];
        for (head, piece) in fields {
            let scanned = scan(&repeat(head, 100_000, |_| piece.to_owned()));
            assert!(scanned.is_truncated(), "{head}{piece}");
        }
    }

    #[test]
    fn little_budgets_are_kept() {
        let none = Budget { octets: 0, items: 0, depth: 0, steps: 0 };
        let message =
            b"Subject: x\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx";
        let scanned = scan_within(message, none);
        assert!(scanned.is_truncated() && scanned.structure.root().is("text", "plain"));
        assert!(scan_within(message, Budget { steps: 0, ..Scanner::DEFAULT_BUDGET }).is_truncated());
        for items in 0..4 {
            let scanned = scan_within(message, Budget { items, ..Scanner::DEFAULT_BUDGET });
            assert_eq!((parts(&scanned), scanned.is_truncated()), ([1, 3, 3, 3][items], items < 2));
        }
    }
}

/// Pieces that mean something to the scanner, so that chance meets its branches.
fn mime_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"\r\n"[..],
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"--b",
        b"--bb",
        b"--c",
        b"--",
        b"--b--",
        b" ",
        b"\t",
        b"x",
        b"\xc3\xa4",
        b"\0",
        b":",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: multipart/digest; boundary=bb\n\n",
        b"Content-Type: multipart/x;\r\n boundary=c\r\n\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/html\n\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Subject: =?utf-8?q?a?=\r\n",
        b"From: A <a@b>, g:;\r\n",
        b"To: x\r\n y@z\r\n",
        b"Content-Disposition: attachment; filename*0=a; filename*1*=%20\r\n",
        b"Delivered-To: a@b\r\n",
        b"Received: x\n",
        b"Content-Language: a, b\n",
        b"Content-ID: <x>\n",
        b"Message-ID: <x@y>\n",
        b"References: <x@z> <y@z>\n",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Words, signs and tags, some thousand octets of them.
fn prose() -> impl Strategy<Value = Vec<&'static str>> {
    let pieces = vec![
        "word ",
        "größer ",
        "x",
        "&amp; ",
        "<b>bold</b>",
        "<a href=\"https://example.org/a/long/one\">",
        "\r\n",
        "語",
        "  ",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..900)
}

fn lines(base64: &str) -> String {
    base64.as_bytes().chunks(76).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect()
}

proptest! {
    #[test]
    fn any_split_gives_the_same(message in mime_like(), size in 1usize..20) {
        let whole = scan(&message);
        prop_assert_eq!(split(&message, size), whole.clone());
        prop_assert_eq!(split(&message, 1), whole);
    }

    #[test]
    fn the_preview_is_that_of_the_whole_sample(pieces in prose(), transfer in 0usize..3, html: bool) {
        let encoding = ["8bit", "base64", "quoted-printable"][transfer];
        let subtype = if html { "html" } else { "plain" };
        let header = format!("Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
        let body = match transfer {
            1 => lines(&base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pieces.concat())),
            2 => pieces.concat().bytes().map(|octet| format!("={octet:02X}")).collect(),
            _ => pieces.concat(),
        };
        let scanned = scan(&[header.as_bytes(), body.as_bytes()].concat());
        let sample = Budget { octets: Sample::OCTETS_MAX, ..Scanner::DEFAULT_BUDGET };
        let whole = text::searchable(scanned.structure.root(), body.as_bytes(), &sample);
        prop_assert_eq!(&scanned.preview, &text::preview(&whole, Scanned::PREVIEW_CHARS_MAX));
    }

    #[test]
    fn any_octets_have_a_structure(message: Vec<u8>, path: Vec<u32>) {
        let structure = scan(&message).structure;
        for kind in [SectionKind::Whole, SectionKind::Header, SectionKind::Text, SectionKind::Mime] {
            if let Some(range) = structure.resolve(&path, kind) {
                prop_assert!(range.start <= range.end && range.end <= message.len() as u64);
            }
        }
    }
}
