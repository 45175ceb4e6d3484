use super::*;
use proptest::prelude::*;

/// What is kept, how often CR or LF stood alone, and what is left behind the end, if it came.
fn scan(pieces: &[&[u8]]) -> (Vec<u8>, usize, Option<Vec<u8>>) {
    let (mut scanner, mut kept, mut bare) = (DotScanner::default(), Vec::new(), 0);
    let mut pieces = pieces.iter();
    for piece in pieces.by_ref() {
        let mut input = *piece;
        loop {
            match scanner.scan(&mut input, &mut |run: &[u8]| kept.extend_from_slice(run)) {
                Scan::More => break,
                Scan::Bare => bare += 1,
                Scan::End => {
                    return (kept, bare, Some([input].iter().chain(pieces).copied().flatten().copied().collect()));
                }
            }
        }
    }
    (kept, bare, None)
}

#[test]
fn where_a_message_ends() {
    let check = |input: &str, kept: &str, behind: &str| {
        let expected = (kept.as_bytes().to_vec(), 0, Some(behind.as_bytes().to_vec()));
        assert_eq!(scan(&[input.as_bytes()]), expected, "{input:?}");
        let octets: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
        assert_eq!(scan(&octets), expected, "{input:?} octet by octet");
    };
    check(".\r\nQUIT", "", "QUIT");
    check("a\r\n.\r\n", "a\r\n", "");
    check("a\r\n..\r\n.\r\nQ", "a\r\n.\r\n", "Q");
    check("..a\r\n.b\r\n.\r\n", ".a\r\nb\r\n", "");
    check("a.\r\n. \r\n.\r\n", "a.\r\n \r\n", "");
    check("\r\n\r\n.\r\n.\r\n", "\r\n\r\n", ".\r\n");
    check("a\0b\r\n.\r\n", "a\0b\r\n", "");
}

#[test]
fn what_does_not_end_a_message() {
    for input in [
        "a\n.\n",
        "a\n.\r\n",
        "a\r\n.\n",
        "a\r\n.\r",
        "a\r.\r",
        "a\r.\r\n",
        "a\r.\n",
        "a\r\n.\r\r\n",
        "a\n\r.\r\n",
        "a\r\n .\r\n",
        "a\r\n. \r\n",
        "a\r\n\0.\r\n",
        "a\r\n.\0\r\n",
        "a\r\n\x0b.\r\n",
        "a\r\n..\r\n",
        "a.\r\n",
    ] {
        assert_eq!(scan(&[input.as_bytes()]).2, None, "{input:?}");
        let whole = format!("{input}MAIL FROM:<a@b.test>\r\n.\r\n");
        assert_eq!(scan(&[whole.as_bytes()]).2, Some(Vec::new()), "{input:?} and the real end");
    }
}

/// As a client sends it (RFC 5321 §4.5.2).
fn stuff(message: &[u8]) -> Vec<u8> {
    let mut sent = Vec::new();
    for line in message.split_inclusive(|&b| b == b'\n') {
        if line.starts_with(b".") {
            sent.push(b'.');
        }
        sent.extend_from_slice(line);
    }
    sent.extend_from_slice(b".\r\n");
    sent
}

proptest! {
    #[test]
    fn what_a_client_stuffs_comes_out_the_same(lines in proptest::collection::vec("[.a\\x00ü]{0,5}", 0..8), cut: prop::sample::Index) {
        let message: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let mut sent = stuff(message.as_bytes());
        sent.extend_from_slice(b"QUIT\r\n");
        let (a, b) = sent.split_at(cut.index(sent.len()));
        prop_assert_eq!(scan(&[a, b]), (message.into_bytes(), 0, Some(b"QUIT\r\n".to_vec())));
    }

    #[test]
    fn any_cut_gives_the_same(octets in proptest::collection::vec(prop::sample::select(b"\r\n.a".to_vec()), 0..40), cut: prop::sample::Index) {
        let (a, b) = octets.split_at(cut.index(octets.len() + 1));
        prop_assert_eq!(scan(&[a, b]), scan(&[&octets]));
        let alone = |octets: &[u8]| {
            let text = String::from_utf8(octets.to_vec()).unwrap().replace("\r\n", "");
            text.contains(['\r', '\n'])
        };
        let mut ends = LineEnds::default();
        let whole = ends.are_whole(a) && ends.are_whole(b) && !ends.is_open();
        prop_assert_eq!(whole, !alone(&octets));
    }
}
