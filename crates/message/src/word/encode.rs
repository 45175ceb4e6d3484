//! Encoded words as we write them (RFC 2047 §2, §4).

use crate::transfer::{Encoder, escape};

/// Octets of the encoded text in a word: with its frame of 12 it fits behind every field name that is common.
const PAYLOAD_MAX: usize = 48;

/// Text as the value of an unstructured field: itself if it can be, else UTF-8 in encoded words with spaces between.
pub fn encode_header(text: &str) -> String {
    let plain = text.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' ') && !text.contains("=?");
    if plain { text.to_owned() } else { encoded_words(text) }
}

/// Text in encoded words whatever it is. No word cuts a character in two (RFC 2047 §5).
pub(crate) fn encoded_words(text: &str) -> String {
    let escaped = text.bytes().filter(|&octet| !is_plain(octet) && octet != b' ').count();
    let base64 = escaped * 2 > text.len();
    let cost = |c: char| if base64 { c.len_utf8() * 4 } else { q_octets(c) * 3 };
    let mut out = String::new();
    let mut word = String::new();
    let mut octets = 0;
    for c in text.chars() {
        if octets + cost(c) > PAYLOAD_MAX * 3 {
            push_word(&mut out, &word, base64);
            word.clear();
            octets = 0;
        }
        word.push(c);
        octets += cost(c);
    }
    push_word(&mut out, &word, base64);
    out
}

fn push_word(out: &mut String, text: &str, base64: bool) {
    if !out.is_empty() {
        out.push(' ');
    }
    let mut payload = Vec::new();
    if base64 {
        let mut encoder = Encoder::base64();
        encoder.push(text.as_bytes(), &mut payload);
        encoder.finish(&mut payload);
    } else {
        for octet in text.bytes() {
            match octet {
                b' ' => payload.push(b'_'),
                octet if is_plain(octet) => payload.push(octet),
                octet => payload.extend_from_slice(&escape(octet)),
            }
        }
    }
    let payload = String::from_utf8_lossy(&payload);
    out.push_str(if base64 { "=?utf-8?b?" } else { "=?utf-8?q?" });
    out.push_str(&payload);
    out.push_str("?=");
}

fn q_octets(c: char) -> usize {
    let plain = u8::try_from(c).is_ok_and(|octet| is_plain(octet) || octet == b' ');
    if plain { 1 } else { c.len_utf8() * 3 }
}

/// What may stand as it is in a word within a phrase, the strictest place (RFC 2047 §5 (3)).
fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!*+-/".contains(&octet)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::word::decode_header;

    #[test]
    fn words_as_we_write_them() {
        let check = |text: &str, want: &str| assert_eq!(encode_header(text), want);
        check("plain, with \"all\"", "plain, with \"all\"");
        check("Grüße aus Köln am Rhein", "=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln_am_Rhein?=");
        check("日本", "=?utf-8?b?5pel5pys?=");
        check("=?xyz", "=?utf-8?q?=3D=3Fxyz?=");
        check("a\r\nBcc: b", "=?utf-8?q?a=0D=0ABcc=3A_b?=");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in "\\PC{0,80}") {
            let encoded = encoded_words(&text);
            prop_assert!(encoded.is_ascii() && encoded.split(' ').all(|word| word.len() <= 75), "{}", encoded);
            prop_assert_eq!(decode_header(encoded.as_bytes()), text);
        }
    }
}
