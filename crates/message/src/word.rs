//! Encoded words in header fields (RFC 2047).

mod encode;

pub use encode::encode_header;
pub(crate) use encode::encoded_words;

use crate::charset;
use crate::header::unfold;
use crate::parameter::hex;
use crate::transfer::{TransferEncoding, decode_transfer};
use std::borrow::Cow;

/// A field's value as people read it: unfolded, encoded words decoded, stray 8-bit octets guessed. Linear in its length.
pub fn decode_header(value: &[u8]) -> String {
    header_text(value).into_owned()
}

/// As [`decode_header`], without a copy of what stands there as people read it.
pub fn header_text(value: &[u8]) -> Cow<'_, str> {
    let odd = |octet: &u8| matches!(octet, b'\r' | b'\n' | 0);
    match std::str::from_utf8(value.trim_ascii()) {
        Ok(text) if !text.contains("=?") && !text.as_bytes().iter().any(odd) => text.into(),
        _ => decoded(value).into(),
    }
}

fn decoded(value: &[u8]) -> String {
    let value = unfold(value);
    let mut text = Text::default();
    let mut rest = value.as_slice();
    let mut plain = Vec::new();
    let mut may_end = true;
    while !rest.is_empty() {
        let begun = rest.strip_prefix(b"=").filter(|_| may_end);
        if let Some((word, behind)) = begun.and_then(|behind| encoded_word(behind, &mut may_end)) {
            // White space between encoded words is there to fold only (RFC 2047 §6.2).
            let between_words = text.word.is_some() && plain.trim_ascii().is_empty();
            if !between_words {
                text.plain(&plain);
            }
            plain.clear();
            text.word(word);
            rest = behind;
        } else {
            let next = rest.iter().skip(1).position(|&octet| octet == b'=').map_or(rest.len(), |octets| 1 + octets);
            let (run, behind) = rest.split_at(next);
            plain.extend_from_slice(run);
            rest = behind;
        }
    }
    text.plain(&plain);
    text.out
}

struct EncodedWord<'a> {
    charset: &'a [u8],
    octets: Vec<u8>,
}

/// Decoded text; a word waits for its next, for some mailers cut characters in two.
#[derive(Default)]
struct Text<'a> {
    out: String,
    word: Option<EncodedWord<'a>>,
}

impl<'a> Text<'a> {
    fn plain(&mut self, octets: &[u8]) {
        if let Some(word) = self.word.take() {
            self.out.push_str(&charset::decode(word.charset, &word.octets));
        }
        self.out.push_str(&charset::decode(b"", octets));
    }

    fn word(&mut self, next: EncodedWord<'a>) {
        match &mut self.word {
            Some(word) if word.charset.eq_ignore_ascii_case(next.charset) => {
                word.octets.extend_from_slice(&next.octets)
            }
            _ => {
                self.plain(b"");
                self.word = Some(next);
            }
        }
    }
}

/// Charset names are shorter (RFC 2978 §2.3 allows 40 characters), a language may follow (RFC 2231 §5).
const CHARSET_OCTETS_MAX: usize = 80;

/// The word behind a `=`, and what follows it. Once no end is left in the value, `may_end` turns false: else many begins
/// would each look for an end.
fn encoded_word<'a>(behind: &'a [u8], may_end: &mut bool) -> Option<(EncodedWord<'a>, &'a [u8])> {
    let behind = behind.strip_prefix(b"?")?;
    let charset_octets = behind.iter().take(CHARSET_OCTETS_MAX).position(|&octet| octet == b'?')?;
    let (charset, behind) = behind.split_at_checked(charset_octets)?;
    let [b'?', encoding, b'?', behind @ ..] = behind else { return None };
    let end = behind.windows(2).position(|pair| pair == b"?=");
    *may_end = end.is_some();
    let (encoded, behind) = behind.split_at_checked(end?)?;
    let octets = match encoding {
        b'q' | b'Q' => q_decoded(encoded),
        b'b' | b'B' => decode_transfer(&TransferEncoding::Base64, encoded).ok()?.into_owned(),
        _ => return None,
    };
    let charset = charset.split(|&octet| octet == b'*').next().unwrap_or(charset);
    Some((EncodedWord { charset, octets }, behind.strip_prefix(b"?=")?))
}

/// RFC 2047 §4.2.
fn q_decoded(encoded: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        match (octet, behind) {
            (b'_', _) => out.push(b' '),
            (b'=', &[high, low, ref behind @ ..]) if hex(high, low).is_some() => {
                out.extend(hex(high, low));
                rest = behind;
            }
            _ => out.push(octet),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_not_copied_is_the_same(value in r"[ -~äß\t\r\n?=]{0,20}", octet: u8) {
            let value = [value.as_bytes(), &[octet]].concat();
            prop_assert_eq!(header_text(&value), decoded(&value));
        }
    }

    #[test]
    fn words_as_they_are_sent() {
        let check = |value: &str, want: &str| assert_eq!(decode_header(value.as_bytes()), want, "{value}");
        check("plain", "plain");
        check(" =?utf-8?Q?Gr=C3=BC=C3=9Fe?= aus =?ISO-8859-1*de?q?K=F6ln?=\r\n", "Grüße aus Köln");
        check("=?utf-8?b?w4Q=?=\r\n =?utf-8?b?w5Y=?=", "ÄÖ");
        check("=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "ä");
        check("=?utf-8?q?a_b=20c?=d", "a b cd");
        check("=?utf-8?q?=C3=A4?=", "ä");
        check("=?us-ascii?q?J=C3=B6rg?=", "Jörg");
        check("=?utf-7?q?+AOQ-?=", "ä");
        check("=?utf-8?x?abc?=", "=?utf-8?x?abc?=");
        check("=?utf-8?q?open", "=?utf-8?q?open");
        check("=?no-such?q?=E4?=", "ä");
        check("=??q?x?= = ?", "x = ?");
        check("=?utf-8?q?a b?=", "a b");
        check("folded\r\n\there", "folded\there");
        assert_eq!(decode_header(b"J\xf6rg"), "Jörg");
        assert_eq!(decode_header("Jörg".as_bytes()), "Jörg");
    }
}
