//! Octets to text.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;

/// Decodes `octets` by the charset's name; what cannot be decoded becomes U+FFFD.
///
/// Where the name is unknown, missing or says ASCII of what is not, it is UTF-8 if it can be, else Windows-1252.
pub fn decode(charset: &[u8], octets: &[u8]) -> String {
    let guess = charset.is_empty() || charset.eq_ignore_ascii_case(b"us-ascii");
    match Encoding::for_label(charset).filter(|_| !guess) {
        Some(encoding) if encoding != UTF_8 => encoding.decode(octets).0.into_owned(),
        Some(_) => UTF_8.decode_without_bom_handling(octets).0.into_owned(),
        None => match charset_decoder(charset).filter(|_| !guess) {
            Some(decoder) => decoder(octets),
            None => match std::str::from_utf8(octets) {
                Ok(text) => text.to_owned(),
                Err(_) => WINDOWS_1252.decode_without_bom_handling(octets).0.into_owned(),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_by_their_names() {
        let check = |name: &str, octets: &[u8], want: &str| assert_eq!(decode(name.as_bytes(), octets), want, "{name}");
        check("UTF-8", b"\xc3\xa4\xff", "ä\u{fffd}");
        check("iso-8859-1", b"\xe4", "ä");
        check("ISO-8859-15", b"\xa4", "€");
        check("koi8-r", b"\xf0\xd2\xc9", "При");
        check("iso-2022-jp", b"\x1b$B%O\x1b(B", "ハ");
        check("gb2312", b"\xc4\xe3", "你");
        check("utf-16", b"a\0", "a");
        check("us-ascii", "ä".as_bytes(), "ä");
        check("us-ascii", b"\xe4", "ä");
        check("", b"\xe4", "ä");
        check("ibm850", b"\x9c", "£");
        check("x-unknown", b"a", "a");
        check(&"x".repeat(1000), b"a", "a");
    }
}
