use super::*;
use proptest::prelude::*;

fn stuffed(pieces: &[&[u8]]) -> Vec<u8> {
    let (mut stuffer, mut out) = (Stuffer::default(), Vec::new());
    pieces.iter().for_each(|piece| stuffer.push(piece, &mut out));
    stuffer.end(&mut out);
    out
}

/// Octet by octet.
fn naively(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut before = b'\n';
    for &octet in message {
        match octet {
            b'.' if before == b'\n' => out.extend_from_slice(b".."),
            b'\n' if before != b'\r' => out.extend_from_slice(b"\r\n"),
            0 => out.push(0x80),
            octet => out.push(octet),
        }
        before = octet;
    }
    match before {
        b'\n' => {}
        b'\r' => out.push(b'\n'),
        _ => out.extend_from_slice(b"\r\n"),
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[test]
fn messages_become_lines() {
    let check = |message: &[u8], expected: &[u8]| {
        assert_eq!(stuffed(&[message]).escape_ascii().to_string(), expected.escape_ascii().to_string());
    };
    check(b"", b".\r\n");
    check(b"a\r\n", b"a\r\n.\r\n");
    check(b"a", b"a\r\n.\r\n");
    check(b"a\r", b"a\r\n.\r\n");
    check(b".\r\n", b"..\r\n.\r\n");
    check(b"..", b"...\r\n.\r\n");
    check(b"a\r\n.b\r\n\r\n.", b"a\r\n..b\r\n\r\n..\r\n.\r\n");
    // What ends a line for one reader ends it for all, and nobody takes text for the end.
    check(b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n");
    check(b"a\rb\r\r\n", b"a\rb\r\r\n.\r\n");
    check(b"a\0.\r\0\n", b"a\x80.\r\x80\r\n.\r\n");
}

#[test]
fn top_shows_so_many_lines() {
    let check = |message: &str, lines, expected: &str| {
        assert_eq!(message.get(..Top::new(lines).take(message.as_bytes())).unwrap(), expected, "{message:?} {lines}");
    };
    let message = "A: b\r\nC: d\r\n\r\none\r\n\r\nthree\r\n";
    check(message, 0, "A: b\r\nC: d\r\n\r\n");
    check(message, 1, "A: b\r\nC: d\r\n\r\none\r\n");
    check(message, 2, "A: b\r\nC: d\r\n\r\none\r\n\r\n");
    check(message, 4, message);
    check(message, u32::MAX, message);
    check("A: b\n\none\ntwo\n", 1, "A: b\n\none\n");
    check("\r\nbody\r\n", 0, "\r\n");
    check("A: b\r\n\r\r\n\r\nx", 0, "A: b\r\n\r\r\n\r\n");
    check("A: b", 0, "A: b");
    check("", 5, "");
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        parts in proptest::collection::vec("[a.\r\n\0]{0,6}|[a-z ]{30,80}", 0..12),
        size in 1usize..40,
        lines in 0u32..5,
    ) {
        let message = parts.concat();
        let message = message.as_bytes();
        let pieces: Vec<&[u8]> = message.chunks(size).collect();
        let whole = naively(message);
        prop_assert_eq!(stuffed(&pieces), whole.clone());
        // Only the end is a dot alone, wherever a reader sees line ends.
        let ends = whole.split(|&octet| octet == b'\n').filter(|line| matches!(*line, b"." | b".\r")).count();
        prop_assert_eq!(ends, 1);
        let mut top = Top::new(lines);
        let shown: usize = pieces.iter().map(|piece| top.take(piece)).sum();
        prop_assert_eq!(shown, Top::new(lines).take(message));
    }
}
