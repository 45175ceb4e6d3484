use super::*;
use proptest::prelude::*;

#[derive(Default)]
struct Got {
    letters: Vec<Letter>,
    troubles: Vec<(String, String)>,
}

impl Reader for Got {
    fn letter(&mut self, letter: Letter) -> Result<(), Stop> {
        self.letters.push(letter);
        Ok(())
    }

    fn trouble(&mut self, place: String, cause: String) {
        self.troubles.push((place, cause));
    }
}

fn got(octets: &[u8]) -> Got {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), octets).unwrap();
    let folder = Folder { name: "x".into(), place: file.path().to_owned() };
    let mut got = Got::default();
    read(&folder, None, 100_000, &mut got).unwrap();
    got
}

fn texts(octets: &[u8]) -> Vec<String> {
    let got = got(octets);
    assert_eq!(got.troubles, []);
    got.letters.into_iter().map(|letter| String::from_utf8(letter.octets).unwrap()).collect()
}

#[test]
fn messages_are_told_apart_and_unquoted() {
    let mbox = b"From a@b Tue Jan  2 03:04:05 2024\nSubject: 1\n\n>From here\n>>From there\n>no\n\n\
                 From the text\n\nFrom - Tue Jan 02 03:04 2024\nSubject: 2\n\nend";
    assert_eq!(
        texts(mbox),
        ["Subject: 1\r\n\r\nFrom here\r\n>From there\r\n>no\r\n\r\nFrom the text\r\n", "Subject: 2\r\n\r\nend"]
    );
}

#[test]
fn dates_are_read_however_they_are_written() {
    let check = |line: &str, expected: Option<&str>| {
        let date = FromLine::parse(line.as_bytes()).map(|from| from.date.to_string());
        assert_eq!(date.as_deref(), expected, "{line}");
    };
    check("From a@b Tue Jan  2 03:04:05 2024\n", Some("2024-01-02T03:04:05.000Z"));
    check("From a@b Tue Jan  2 03:04 MET 2024\n", Some("2024-01-02T03:04:00.000Z"));
    check("From 12@xxx Tue Jan 02 03:04:05 +0100 2024\r\n", Some("2024-01-02T02:04:05.000Z"));
    check("From \"a b\"@c Tue Jan  2 03:04:05 2024 -0130", Some("2024-01-02T04:34:05.000Z"));
    check("From now on it is Tue Jan", None);
    check("From a@b Tue Jan 32 03:04:05 2024", None);
    check("from a@b Tue Jan  2 03:04:05 2024", None);
}

#[test]
fn lengths_are_believed_where_they_fit() {
    let from = "From a@b Tue Jan  2 03:04:05 2024\n";
    let body = format!("x\n\n{from}>From y\n");
    let cl2 = format!("{from}Content-Length: {}\n\n{body}\n{from}Subject: 2\n\nz\n", body.len());
    let first = format!("Content-Length: {}\r\n\r\n{}", body.len(), body.replace('\n', "\r\n"));
    assert_eq!(texts(cl2.as_bytes()), [first.as_str(), "Subject: 2\r\n\r\nz\r\n"]);
    let wrong = format!("{from}Content-Length: 2\n\nabc\n\n{from}Subject: 2\n\nz\n");
    assert_eq!(texts(wrong.as_bytes()), ["Content-Length: 2\r\n\r\nabc\r\n", "Subject: 2\r\n\r\nz\r\n"]);
    let quoted = format!("{from}Content-Length: 8\n\n>From x\n\n{from}\nz\n");
    assert_eq!(texts(quoted.as_bytes()), ["Content-Length: 8\r\n\r\nFrom x\r\n", "\r\nz\r\n"]);
}

#[test]
fn notes_of_mail_programs_become_flags() {
    let mbox =
        b"From - Tue Jan  2 03:04:05 2024\nX-Mozilla-Status: 0001\nX-Mozilla-Keys: work\n  \nSubject: 1\nStatus: RO\n\
                 X-Status: AF\n\nStatus: D\n";
    let letter = got(mbox).letters.remove(0);
    // The blank continuation of a note goes with it only if it is one.
    assert_eq!(letter.flags[..2], ["\\Seen", "work"]);
    let mbox =
        b"From - Tue Jan  2 03:04:05 2024\nSubject: 1\nStatus: RO\nX-Keywords: a\n b\nX-Status: AF\n\nStatus: D\n";
    let letter = got(mbox).letters.remove(0);
    assert_eq!(letter.flags, ["\\Seen", "a", "\\Answered", "\\Flagged"]);
    assert_eq!(letter.octets, b"Subject: 1\r\n\r\nStatus: D\r\n");
}

#[test]
fn what_is_no_mbox_is_told() {
    let got = got(b"Subject: x\n\nhello\n");
    assert!(got.letters.is_empty() && got.troubles[0].1.contains("no mbox"), "{:?}", got.troubles);
    assert!(texts(b"").is_empty());
    let large = [
        b"From - Tue Jan  2 03:04:05 2024\n\n".as_slice(),
        &[b'x'; 120_000],
        b"\n\nFrom - Tue Jan  2 03:04:05 2024\n\nok\n",
    ];
    let got = self::got(&large.concat());
    assert_eq!((got.letters.len(), got.troubles.len()), (1, 1));
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just(b"From ".to_vec()),
        Just(b">From x".to_vec()),
        Just(b">>From - Tue Jan  2 03:04:05 2024".to_vec()),
        Just(b"From - Tue Jan  2 03:04:05 2024".to_vec()),
        Just(b"Content-Length: 3".to_vec()),
        Just(b"X-Postamt-Export: 1 2 3 4 lf 5".to_vec()),
        Just(b"Status: RO".to_vec()),
        Just(Vec::new()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    let end = prop_oneof![4 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("\r\r\n"), 1 => Just("")];
    proptest::collection::vec((line, end), 1..8)
        .prop_map(|lines| lines.into_iter().flat_map(|(line, end)| [line, end.as_bytes().to_vec()].concat()).collect())
}

proptest! {
    #[test]
    fn what_we_write_is_read_back(messages in proptest::collection::vec((message(), 0..2_000_000_000_000_i64, any::<u8>()), 0..5)) {
        let all = ["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "$Junk", "Arbeit"];
        let mut file = Vec::new();
        let mut expected = Vec::new();
        for (uid, (octets, date_ms, bits)) in (1..).zip(&messages) {
            let note = Note { uid_validity: 7, uid, date: Timestamp::from_unix_ms(*date_ms) };
            let flags: Vec<String> =
                all.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, flag)| (*flag).to_owned()).collect();
            write(&mut file, &note, &flags, octets).unwrap();
            expected.push((octets.clone(), flags, Some(note.date)));
        }
        let got = got(&file);
        prop_assert_eq!(&got.troubles, &[]);
        let read: Vec<_> = got.letters.into_iter().map(|letter| (letter.octets, letter.flags, letter.date)).collect();
        prop_assert_eq!(read, expected);
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), &file).unwrap();
        let known = exported(path.path()).unwrap();
        prop_assert_eq!(known.len(), messages.len());
    }

    #[test]
    fn no_file_is_too_odd(octets in message()) {
        got(&[b"From - Tue Jan  2 03:04:05 2024\n".as_slice(), &octets].concat());
        got(&octets);
    }
}
