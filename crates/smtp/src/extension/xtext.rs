//! xtext (RFC 3461 §4): printable ASCII, in which `+` and two hexadecimal digits stand for an octet.

use std::fmt::Write;

/// What the text means: printable ASCII with spaces, as RFC 3461 §4.2 and §4.4 want it decoded; nothing else can do harm in
/// a report. `None` if it is no xtext or means something else.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut meaning = String::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        let octet = match octet {
            b'+' => hex(octets.next()?)? << 4 | hex(octets.next()?)?,
            b'=' => return None,
            b'!'..=b'~' => octet,
            _ => return None,
        };
        meaning.push(Some(octet).filter(|octet| (b' '..=b'~').contains(octet))?.into());
    }
    Some(meaning)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The text that [`decode`] reads as `meaning`.
pub(crate) fn encode(meaning: &str) -> String {
    let mut text = String::with_capacity(meaning.len());
    for octet in meaning.bytes() {
        match octet {
            b'+' | b'=' => _ = write!(text, "+{octet:02X}"),
            b'!'..=b'~' => text.push(octet.into()),
            _ => _ = write!(text, "+{octet:02X}"),
        }
    }
    text
}
