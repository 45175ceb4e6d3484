use super::*;
use crate::response::Status;
use proptest::prelude::*;

/// What happened, with the pieces of a body joined.
#[derive(PartialEq, Debug)]
enum Seen {
    Response(Response),
    Body(u64, Vec<u8>),
    Failed(ReadError),
}

fn read(octets: &[u8], cut: usize) -> Vec<Seen> {
    let (mut reader, mut seen) = (Reader::default(), Vec::new());
    for mut piece in octets.chunks(cut) {
        loop {
            match reader.read(&mut piece) {
                Ok(None) => break,
                Ok(Some(Event::Response(response))) => seen.push(Seen::Response(response)),
                Ok(Some(Event::BodyBegins(octets))) => seen.push(Seen::Body(octets, Vec::new())),
                Ok(Some(Event::Body(octets))) => match seen.last_mut() {
                    Some(Seen::Body(_, body)) => body.extend_from_slice(octets),
                    _ => panic!("octets of nothing"),
                },
                Err(error) => {
                    seen.push(Seen::Failed(error));
                    return seen;
                }
            }
        }
    }
    seen
}

fn one(line: &str) -> Response {
    let seen = read(format!("{line}\r\n").as_bytes(), usize::MAX);
    match seen.into_iter().next_back() {
        Some(Seen::Response(response)) => response,
        other => panic!("{line}: {other:?}"),
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn statuses_are_read() {
    let code = |line: &str| match one(line) {
        Response::Untagged { code, condition, .. } => (condition, code),
        other => panic!("{other:?}"),
    };
    let capability = ResponseCode::Capability(strings(&["IMAP4rev1", "AUTH=PLAIN"]));
    assert_eq!(code("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready"), (Condition::Ok, Some(capability)));
    assert_eq!(code("* PREAUTH hello"), (Condition::PreAuth, None));
    assert_eq!(code("* BYE"), (Condition::Bye, None));
    assert_eq!(code("* OK [UIDVALIDITY 7] valid"), (Condition::Ok, Some(ResponseCode::UidValidity(7))));
    let permanent = ResponseCode::Other("PERMANENTFLAGS".into());
    assert_eq!(code("* OK [PERMANENTFLAGS (\\Seen \\*)] x"), (Condition::Ok, Some(permanent)));
    let Response::Tagged { tag, status, text, .. } = one("a1 NO [AUTHENTICATIONFAILED] it costs {5}") else { panic!() };
    assert_eq!((tag.as_str(), status, text.as_str()), ("a1", Status::No, "it costs {5}"));
    assert_eq!(one("+ Z28gb24="), Response::Continue("Z28gb24=".into()));
    assert_eq!(one("+"), Response::Continue(String::new()));
}

#[test]
fn mailboxes_are_listed_in_every_spelling() {
    let check = |line: &str, name: &str, delimiter, attributes: &[&str]| {
        let Response::List(listed) = one(line) else { panic!("{line}") };
        assert_eq!((listed.name.as_str(), listed.delimiter, listed.attributes), (name, delimiter, strings(attributes)));
    };
    check(r#"* LIST (\HasNoChildren \Sent) "/" Sent"#, "Sent", Some('/'), &["\\HasNoChildren", "\\Sent"]);
    check(r#"* LIST () "." "Entw&APw-rfe""#, "Entwürfe", Some('.'), &[]);
    check(r#"* LIST () "\\" "a\\b \"c\"""#, "a\\b \"c\"", Some('\\'), &[]);
    check("* LIST () NIL {5}\r\nINBOX", "INBOX", None, &[]);
    check("* LIST () NIL {3+}\r\na\r\n", "a\r\n", None, &[]);
    check("* list () \"/\" \"R&D\"", "R&D", Some('/'), &[]);
    check("* LIST () \"/\" \"Entwürfe\" (\"CHILDINFO\" (\"SUBSCRIBED\"))", "Entwürfe", Some('/'), &[]);
}

#[test]
fn messages_stream_through() {
    let wire = b"* 3 FETCH (FLAGS (\\Seen $X) BODY[] {12}\r\nSubject: x\r\n UID 7)\r\n* 4 EXISTS\r\na OK x\r\n";
    for cut in [1, 7, usize::MAX] {
        let seen = read(wire, cut);
        assert_eq!(seen[0], Seen::Body(12, b"Subject: x\r\n".to_vec()));
        let Seen::Response(Response::Fetch(fetched)) = &seen[1] else { panic!("{seen:?}") };
        assert_eq!((fetched.seq, fetched.uid), (3, Some(7)));
        assert_eq!(fetched.flags, Some(strings(&["\\Seen", "$X"])));
        let section = SectionFetched { section: String::new(), octets: Octets::Streamed(12) };
        assert_eq!(fetched.sections, [section]);
        assert_eq!(seen[2], Seen::Response(Response::Exists(4)));
        assert_eq!(seen.len(), 4);
    }
}

#[test]
fn items_of_other_kinds_are_passed_over() {
    let line = "* 1 FETCH (ENVELOPE (\"x\" {5}\r\n(\"a\r\n NIL ((NIL NIL \"a\" \"b\"))) MODSEQ (12) RFC822.SIZE 44 \
                INTERNALDATE \" 7-Feb-1994 21:52:25 -0800\" BODY[HEADER]<0> \"q\" X-GM-LABELS (\"\\\\Sent\" a) UID 9)";
    let Response::Fetch(fetched) = one(line) else { panic!() };
    assert_eq!((fetched.size_octets, fetched.uid), (Some(44), Some(9)));
    assert_eq!(fetched.internal_date.unwrap().to_string(), "1994-02-08T05:52:25.000Z");
    let header = SectionFetched { section: "HEADER".into(), octets: Octets::Here(b"q".to_vec()) };
    assert_eq!(fetched.sections, [header]);
    let Response::Fetch(fetched) = one("* 1 FETCH (INTERNALDATE NIL RFC822 NIL BODY[] NIL)") else { panic!() };
    assert_eq!((fetched.internal_date, fetched.sections.len()), (None, 2));
    assert_eq!(one("* SEARCH 1 2 3"), Response::Search(vec![1, 2, 3]));
    assert_eq!(one("* VANISHED (EARLIER) 1:3"), Response::Other("VANISHED".into()));
}

#[test]
fn a_server_that_never_ends_is_left() {
    let long = [b"* LIST () NIL ".as_slice(), &vec![b'a'; LINE_OCTETS_MAX]].concat();
    assert_eq!(read(&long, 4096), [Seen::Failed(ReadError::TooLong)]);
    assert_eq!(read(b"* LIST () NIL {9999999}\r\n", 4096), [Seen::Failed(ReadError::TooLong)]);
    let many = format!("* 1 FETCH (X {}", "(".repeat(100_000));
    assert!(matches!(read(format!("{many}\r\n").as_bytes(), 4096)[..], [Seen::Failed(ReadError::Malformed { .. })]));
    for line in ["", "*", "* ", "* 1", "a1", "a1 FINE", "* 1 FETCH (UID 0)", "* 1 FETCH (BODY[] x)", "* LIST x", "* \0"]
    {
        let seen = read(format!("{line}\r\n").as_bytes(), usize::MAX);
        assert!(matches!(seen[..], [Seen::Failed(ReadError::Malformed { .. })]), "{line}: {seen:?}");
    }
}

proptest! {
    #[test]
    fn any_cut_gives_the_same(
        pieces in proptest::collection::vec(prop_oneof![
            Just("* 1 FETCH (".to_owned()), Just("BODY[] {3}\r\n".to_owned()), Just("abc".to_owned()), Just(")\r\n".to_owned()),
            Just("* LIST () NIL {2}\r\n".to_owned()), Just("a1 OK {3}\r\n".to_owned()), Just("UID 3 ".to_owned()),
            Just("\r\n".to_owned()), "[ -~]{0,5}",
        ], 0..12),
        cut in 1_usize..20,
    ) {
        let wire = pieces.concat();
        prop_assert_eq!(read(wire.as_bytes(), cut), read(wire.as_bytes(), usize::MAX));
    }
}

#[test]
fn a_nul_is_told_the_same_however_it_comes() {
    let octets = b"* LIST () \".\" \"[\0tw\"\r\n";
    let whole = read(octets, usize::MAX);
    assert!(matches!(&whole[..], [Seen::Failed(ReadError::Malformed { .. })]), "{whole:?}");
    for cut in [1, 3] {
        assert_eq!(read(octets, cut), whole);
    }
}
