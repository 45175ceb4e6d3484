use proptest::prelude::*;

use super::*;
use crate::structure::Kind;
use crate::{Scanner, decode_transfer};

const SEVEN_BIT: Target = Target { eight_bit: false, binary: false, smtputf8: false };
const EIGHT_BIT: Target = Target { eight_bit: true, ..SEVEN_BIT };
const BINARY: Target = Target { eight_bit: true, binary: true, smtputf8: false };

fn scan(message: &[u8]) -> Scanned {
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(message);
    scanner.finish()
}

fn plan(message: &[u8], target: Target, size: usize) -> Plan {
    let scanned = scan(message);
    Plan::at_once(&scanned, target).unwrap_or_else(|| {
        let mut survey = Survey::new(&scanned);
        message.chunks(size).for_each(|chunk| survey.push(chunk));
        survey.plan(target)
    })
}

/// What is sent, whatever the split into chunks; it must be sendable.
fn sent(message: &[u8], target: Target) -> Result<Vec<u8>, Reason> {
    let in_chunks = |size: usize| match plan(message, target, size) {
        Plan::AsIs => Ok(message.to_vec()),
        Plan::Cannot(reason) => Err(reason),
        Plan::Convert(mut converter) => {
            let mut out = Vec::new();
            message.chunks(size).for_each(|chunk| converter.push(chunk, &mut out));
            converter.finish(&mut out).unwrap();
            Ok(out)
        }
    };
    let sent = in_chunks(usize::MAX);
    assert_eq!(sent, in_chunks(1));
    assert_eq!(sent, in_chunks(7));
    if let Ok(sent) = &sent {
        let scanned = scan(sent);
        let shown = String::from_utf8_lossy(sent);
        assert!(target.eight_bit || !scanned.eight_bit, "{shown}");
        let in_lines = !scanned.has_long_line && !scanned.has_nul && !scanned.has_bare_line_end;
        assert!(target.takes_binary() || in_lines, "{shown}");
        let mut labels = scanned.structure.parts().iter().zip(signed(&scanned.structure));
        let binary = |(part, signed): (&Part, bool)| part.encoding == TransferEncoding::Binary && !signed;
        assert!(target.takes_binary() || !labels.any(binary), "{shown}");
    }
    sent
}

fn check(message: &str, target: Target, want: Result<&str, Reason>) {
    let sent = sent(message.as_bytes(), target).map(|sent| String::from_utf8(sent).unwrap());
    assert_eq!(sent.as_deref(), want.as_ref().map(|want| &**want), "{message:?}");
}

#[test]
fn text_becomes_quoted_printable_where_it_must() {
    let mail = "Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße \r\n";
    let quoted =
        "Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe=20\r\n";
    check(mail, SEVEN_BIT, Ok(quoted));
    check(mail, EIGHT_BIT, Ok(mail));
    check(
        "A: b\r\n\r\nGrüße\r\n",
        SEVEN_BIT,
        Ok("A: b\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"),
    );
    check("A: b\r\n\r\nplain\r\n", SEVEN_BIT, Ok("A: b\r\n\r\nplain\r\n"));
    check(
        "MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n\r\nplain\r\n",
        EIGHT_BIT,
        Ok("MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n\r\nplain\r\n"),
    );
}

#[test]
fn lines_that_are_too_long_are_broken() {
    let mail = format!("MIME-Version: 1.0\r\n\r\n{}\r\nä\r\n", "x".repeat(999));
    let sent = sent(mail.as_bytes(), EIGHT_BIT).unwrap();
    let body =
        decode_transfer(&TransferEncoding::QuotedPrintable, &sent[scan(&sent).header_octets as usize..]).unwrap();
    assert_eq!(String::from_utf8_lossy(&body), format!("{}\r\nä\r\n", "x".repeat(999)));
    check(&mail, BINARY, Ok(&mail));
}

#[test]
fn other_content_becomes_base64() {
    let mail =
        b"MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x89PNG\n\0\r";
    let sent = sent(mail, EIGHT_BIT).unwrap();
    assert_eq!(
        String::from_utf8(sent).unwrap(),
        "MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORwoADQ==\r\n"
    );
    check("Content-Transfer-Encoding: x-uu\r\n\r\nä\r\n", SEVEN_BIT, Err(Reason::UnknownEncoding));
    check("Content-Type: message/partial\r\n\r\nä\r\n", SEVEN_BIT, Err(Reason::Unencodable));
    check("Content-Type: multipart/mixed; boundary=b\r\n\r\nä\r\n", SEVEN_BIT, Err(Reason::Unencodable));
}

#[test]
fn wide_characters_stay_whole() {
    let mail = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-16be\r\nContent-Transfer-Encoding: binary\r\n\r\nN\nN\r\x4e\x8c";
    let sent = sent(mail, EIGHT_BIT).unwrap();
    assert_eq!(contents(&sent), contents(mail));
}

#[test]
fn line_ends_become_what_they_mean() {
    check("A: b\n c\n\none\ntwo\r\n", EIGHT_BIT, Ok("A: b\r\n c\r\n\r\none\r\ntwo\r\n"));
    check(
        "A: b\r\n\r\none\rtwo\r\n",
        EIGHT_BIT,
        Ok("A: b\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\none=0Dtwo\r\n"),
    );
}

const NESTED: &str = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
    preämble\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
    Subject: Grüße\r\nX: y\r\n\r\nä\r\n--b\r\n\r\nplain\r\n--b--\r\nepilogue\r\n";

#[test]
fn messages_in_messages_are_descended_into() {
    check(
        NESTED,
        SEVEN_BIT,
        Ok("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
        pre??mble\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
        Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\nX: y\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        =C3=A4\r\n--b\r\n\r\nplain\r\n--b--\r\nepilogue\r\n"),
    );
    check(NESTED, EIGHT_BIT, Ok(NESTED));
}

#[test]
fn what_is_signed_stays_as_it_is() {
    let signed = |content: &str| {
        format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n--s\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--b\r\n\r\n{content}\r\n--b--\r\n--s\r\n\r\nsignature\r\n--s--\r\n"
        )
    };
    check(&signed("ä"), SEVEN_BIT, Err(Reason::Signed));
    check(&signed(&"x".repeat(999)), EIGHT_BIT, Err(Reason::Signed));
    check(&signed("a"), SEVEN_BIT, Ok(&signed("a")));
    let within = NESTED.replace("multipart/mixed", "multipart/signed");
    check(&within, SEVEN_BIT, Err(Reason::Signed));
    assert_eq!(Reason::Signed.status(), (5, 6, 3));
}

#[test]
fn international_addresses_need_smtputf8() {
    let mail = "From: Jörg <jörg@k.test>\r\n\r\nx\r\n";
    check(mail, EIGHT_BIT, Err(Reason::NeedsSmtpUtf8));
    check(mail, Target { smtputf8: true, ..EIGHT_BIT }, Ok(mail));
    check("From: Jörg <j@k.test>\r\n\r\nx\r\n", SEVEN_BIT, Ok("From: =?utf-8?q?J=C3=B6rg?= <j@k.test>\r\n\r\nx\r\n"));
    check("From: Jörg\r\n\r\nx\r\n", SEVEN_BIT, Err(Reason::Header));
    check("From: Jörg <j@k.test>\r\n\r\nx\r\n", EIGHT_BIT, Ok("From: Jörg <j@k.test>\r\n\r\nx\r\n"));
}

#[test]
fn what_is_not_known_as_a_whole_is_not_converted() {
    let mut scanner = Scanner::new(model::Budget { items: 1, ..Scanner::DEFAULT_BUDGET });
    scanner.push(NESTED.as_bytes());
    let scanned = scanner.finish();
    assert!(matches!(Plan::at_once(&scanned, SEVEN_BIT), Some(Plan::Cannot(Reason::Truncated))));
    let scanned = scan(NESTED.as_bytes());
    let mut survey = Survey::new(&scanned);
    survey.push(&NESTED.as_bytes()[..100]);
    assert!(matches!(survey.plan(SEVEN_BIT), Plan::Cannot(Reason::Changed)));
    let Plan::Convert(mut converter) = plan(NESTED.as_bytes(), SEVEN_BIT, 100) else { panic!("it can be converted") };
    converter.push(&NESTED.as_bytes()[..200], &mut Vec::new());
    assert_eq!(converter.finish(&mut Vec::new()), Err(WrongLength));
}

/// Part types and what their leaves decode to, in the order they stand in.
fn contents(message: &[u8]) -> Vec<(String, Vec<u8>)> {
    let scanned = scan(message);
    let tell = |part: &Part| {
        let body = &message[part.body_start as usize..part.body_end as usize];
        let is_leaf = matches!(part.kind, Kind::Text | Kind::Leaf);
        let content = if is_leaf { decode_transfer(&part.encoding, body).unwrap().into_owned() } else { Vec::new() };
        (format!("{}/{} {:?}", part.media_type, part.media_subtype, part.parameters), content)
    };
    let mut contents: Vec<_> = scanned.structure.parts().iter().map(tell).collect();
    // A message ends with a line end, in whatever encoding.
    if let [(_, only)] = contents.as_mut_slice() {
        while only.ends_with(b"\n") || only.ends_with(b"\r") {
            only.pop();
        }
    }
    contents
}

/// A part with its header, in CRLF.
fn tree() -> impl Strategy<Value = Vec<u8>> {
    let text = proptest::collection::vec(prop_oneof![
        4 => "[ -~ä]{0,30}\r\n", 1 => Just("--b\r\n-- \r\n.\r\n".to_owned()), 1 => "x{1000,1010}", 1 => "[\r\t =a]{0,5}"
    ], 0..6).prop_map(|lines| lines.concat().into_bytes());
    let leaf = prop_oneof![
        (text, "|Content-Type: text/html\r\n|Content-Transfer-Encoding: (8bit|binary|7bit|quoted-printable)\r\n")
            .prop_map(|(body, header)| [header.as_bytes(), b"\r\n", &body].concat()),
        (any::<Vec<u8>>(), "binary|8bit").prop_map(|(body, encoding)| {
            let body: Vec<u8> = body.into_iter().filter(|octet| *octet != b'\n' || encoding == "binary").collect();
            [format!("Content-Type: image/png\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n").as_bytes(), &body]
                .concat()
        }),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        let message = inner.clone().prop_map(|part| [b"Content-Type: message/rfc822\r\n\r\nSubject: \xc3\xa4\r\nMIME-Version: 1.0\r\n".as_slice(), &part].concat());
        let multipart = (proptest::collection::vec(inner, 1..4), "[c-z]{12}", "|8bit|binary").prop_map(|(parts, boundary, encoding)| {
            let mut out = format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\npre").into_bytes();
            for part in parts {
                out.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
                out.extend_from_slice(&part);
            }
            out.extend_from_slice(format!("\r\n--{boundary}--\r\nend\r\n").as_bytes());
            out
        });
        prop_oneof![message, multipart]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn what_is_converted_means_the_same(part in tree(), eight_bit: bool) {
        let message = [b"MIME-Version: 1.0\r\nSubject: x\r\n".as_slice(), &part].concat();
        let target = Target { eight_bit, ..SEVEN_BIT };
        let sent = sent(&message, target).unwrap();
        prop_assert_eq!(contents(&sent), contents(&message), "{}", String::from_utf8_lossy(&sent));
        prop_assert!(matches!(plan(&sent, target, 1000), Plan::AsIs), "{}", String::from_utf8_lossy(&sent));
        prop_assert!(matches!(plan(&message, BINARY, 1000), Plan::AsIs));
    }

    #[test]
    fn what_is_signed_is_sent_as_it_was_or_not(part in tree(), eight_bit: bool) {
        let signed = [b"--s\r\n".as_slice(), &part, b"\r\n--s\r\n\r\nsignature\r\n--s--\r\n"].concat();
        let header = b"MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=s\r\nContent-Transfer-Encoding: binary\r\n\r\n";
        let message = [header.as_slice(), &signed].concat();
        let lines_only = !scan(&message).has_bare_line_end;
        match sent(&message, Target { eight_bit, ..SEVEN_BIT }) {
            Ok(sent) => prop_assert!(!lines_only || sent.ends_with(&signed), "{}", String::from_utf8_lossy(&sent)),
            Err(reason) => prop_assert_eq!(reason, Reason::Signed),
        }
    }

    #[test]
    fn nothing_breaks_it(octets in "(MIME-Version: 1.0|Content-Type: (multipart/mixed; boundary=b|message/rfc822|text/plain)|Content-Transfer-Encoding: (8bit|base64)|--b|--b--|ä|\r|\n|\r\n|\r\n\r\n|\0|Subject: |To: |x{999}| ){0,25}") {
        let _ = sent(octets.as_bytes(), SEVEN_BIT);
        let _ = sent(octets.as_bytes(), EIGHT_BIT);
    }
}
