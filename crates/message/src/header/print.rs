//! Fields as we write them: folded, and with nothing in them that could end one.

use crate::word::encoded_words;

/// RFC 5322 §2.1.1: where lines should end.
const LINE_PREFERRED: usize = 78;
/// A word longer than this is cut to keep its line below RFC 5322 §2.1.1's 998 octets.
const WORD_MAX: usize = 900;

/// Appends a field. Line ends and other controls in `value` become spaces, so foreign text cannot begin a field of its
/// own; runs of blanks become one, so that no folded line is blank.
pub(crate) fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let mut column = name.len() + 1;
    let words = value.split(|c: char| c.is_control() || c == ' ').filter(|word| !word.is_empty());
    for (word, first) in
        words.flat_map(|word| pieces(word, WORD_MAX)).zip(std::iter::once(true).chain(std::iter::repeat(false)))
    {
        if !first && column + 1 + word.len() > LINE_PREFERRED {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        out.push(b' ');
        out.extend_from_slice(word.as_bytes());
        column += 1 + word.len();
    }
    out.extend_from_slice(b"\r\n");
}

/// `word` in pieces of at most `max` octets.
fn pieces(word: &str, max: usize) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let end = rest.floor_char_boundary(max.min(rest.len()));
        let (piece, behind) = rest.split_at_checked(end)?;
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Text as a display name (RFC 5322 §3.2.5): bare, quoted or encoded, as it must be.
pub(crate) fn phrase(text: &str) -> String {
    let bare = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~ ".contains(&octet);
    if text.contains("=?") || !text.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' ') {
        return encoded_words(text);
    }
    if !text.is_empty() && text.bytes().all(bare) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(name: &str, value: &str) -> String {
        let mut out = Vec::new();
        field(&mut out, name, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fields_are_folded_and_end_once() {
        assert_eq!(printed("A", "b"), "A: b\r\n");
        assert_eq!(printed("A", ""), "A:\r\n");
        assert_eq!(printed("A", " b\r\nBcc: c\0\r\n\r\n"), "A: b Bcc: c\r\n");
        let long = printed("A", &"word ".repeat(40));
        assert!(long.lines().all(|line| line.len() <= LINE_PREFERRED), "{long}");
        assert_eq!(long.replace("\r\n", ""), format!("A: {}", "word ".repeat(40).trim_end()));
        assert!(printed("A", &"ä".repeat(3000)).lines().all(|line| line.len() <= 998));
    }

    #[test]
    fn names_before_addresses() {
        let check = |text: &str, want: &str| assert_eq!(phrase(text), want);
        check("Anna Clay", "Anna Clay");
        check("Clay, \"A\"", "\"Clay, \\\"A\\\"\"");
        check("Jörg", "=?utf-8?q?J=C3=B6rg?=");
        check("", "\"\"");
    }
}
