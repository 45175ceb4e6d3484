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
        Some(_) => String::from_utf8_lossy(octets).into_owned(),
        None => match charset_decoder(charset).filter(|_| !guess) {
            Some(decoder) => decoder(octets),
            None => match std::str::from_utf8(octets) {
                Ok(text) => text.to_owned(),
                Err(_) => WINDOWS_1252.decode_without_bom_handling(octets).0.into_owned(),
            },
        },
    }
}
