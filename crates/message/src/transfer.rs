//! Transfer encodings (RFC 2045 §6), decoded piece by piece and as forgivingly as mail is written.

mod encoder;

use std::borrow::Cow;

pub use encoder::Encoder;
pub(crate) use encoder::escape;

use crate::cursor::Cursor;
use crate::parameter::{hex, token};
use memchr::memchr3;

/// How a body is encoded (RFC 2045 §6.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TransferEncoding {
    /// Short lines of ASCII; the default.
    #[default]
    SevenBit,
    /// Short lines.
    EightBit,
    /// Any octets.
    Binary,
    /// RFC 2045 §6.7.
    QuotedPrintable,
    /// RFC 2045 §6.8.
    Base64,
    /// Something else, in lower case.
    Other(Box<str>),
}

/// No way to decode this transfer encoding is known: BINARY answers NO [UNKNOWN-CTE] (RFC 9051 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownEncoding;

impl std::fmt::Display for UnknownEncoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("unknown transfer encoding")
    }
}

impl std::error::Error for UnknownEncoding {}

impl TransferEncoding {
    /// From the value of `Content-Transfer-Encoding`; what is no token at all counts as absent.
    pub fn parse(value: &[u8]) -> TransferEncoding {
        let mut cursor = Cursor::new(value);
        cursor.skip_cfws();
        match token(&mut cursor) {
            None => TransferEncoding::SevenBit,
            Some(name) => match &*name {
                "7bit" => TransferEncoding::SevenBit,
                "8bit" => TransferEncoding::EightBit,
                "binary" => TransferEncoding::Binary,
                "quoted-printable" => TransferEncoding::QuotedPrintable,
                "base64" => TransferEncoding::Base64,
                _ => TransferEncoding::Other(name),
            },
        }
    }

    /// As BODYSTRUCTURE says it.
    pub fn as_str(&self) -> &str {
        match self {
            TransferEncoding::SevenBit => "7bit",
            TransferEncoding::EightBit => "8bit",
            TransferEncoding::Binary => "binary",
            TransferEncoding::QuotedPrintable => "quoted-printable",
            TransferEncoding::Base64 => "base64",
            TransferEncoding::Other(name) => name,
        }
    }

    /// Whether the octets stand for themselves.
    pub fn is_identity(&self) -> bool {
        matches!(self, TransferEncoding::SevenBit | TransferEncoding::EightBit | TransferEncoding::Binary)
    }
}

/// Decodes a whole body (RFC 9051 §6.4.5.2); for large ones use [`Decoder`].
///
/// # Errors
/// If the encoding is unknown. Broken base64 or quoted-printable is decoded as far as it makes sense.
pub fn decode_transfer<'a>(encoding: &TransferEncoding, body: &'a [u8]) -> Result<Cow<'a, [u8]>, UnknownEncoding> {
    if encoding.is_identity() {
        return Ok(Cow::Borrowed(body));
    }
    let mut decoder = Decoder::new(encoding)?;
    let mut out = Vec::with_capacity(body.len());
    decoder.push(body, &mut out);
    decoder.finish(&mut out);
    Ok(Cow::Owned(out))
}

/// Decodes a body piece by piece; any split gives the same octets. For BINARY.SIZE, count and clear `out` between pieces.
#[derive(Clone, Debug)]
pub struct Decoder(State);

#[derive(Clone, Debug)]
enum State {
    Identity,
    Base64(Base64),
    QuotedPrintable(QuotedPrintable),
}

impl Decoder {
    /// Starts at the begin of a body.
    ///
    /// # Errors
    /// If the encoding is unknown.
    pub fn new(encoding: &TransferEncoding) -> Result<Decoder, UnknownEncoding> {
        Ok(Decoder(match encoding {
            TransferEncoding::Base64 => State::Base64(Base64::default()),
            TransferEncoding::QuotedPrintable => State::QuotedPrintable(QuotedPrintable::default()),
            TransferEncoding::Other(_) => return Err(UnknownEncoding),
            _ => State::Identity,
        }))
    }

    /// Appends to `out` what `piece` decodes to: never more than `piece` and what was held back before it.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            State::Identity => out.extend_from_slice(piece),
            State::Base64(base64) => base64.push_all(piece, out),
            State::QuotedPrintable(quoted) => quoted.push_all(piece, out),
        }
    }

    /// Appends what was held back at the end of the body.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self.0 {
            State::Identity => {}
            State::Base64(mut base64) => base64.flush(out),
            State::QuotedPrintable(mut quoted) => quoted.end(out),
        }
    }
}

/// Octets outside the alphabet are skipped (RFC 2045 §6.8); padding ends a quantum, so that joined bodies decode too.
#[derive(Clone, Debug, Default)]
struct Base64 {
    bits: u32,
    digits: u8,
}

impl Base64 {
    /// What an octet says that is no digit.
    const NONE: u8 = 0xff;
    /// What each octet says.
    #[allow(clippy::indexing_slicing, reason = "a constant: the compiler would say so")]
    const VALUES: [u8; 256] = {
        let mut values = [Base64::NONE; 256];
        let mut value = 0;
        while value < Base64::ALPHABET.len() {
            values[Base64::ALPHABET[value] as usize] = value as u8;
            value += 1;
        }
        values
    };
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    /// Whole quanta at once, as most are; the rest octet by octet.
    fn push_all(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while !rest.is_empty() {
            while let Some((&[a, b, c, d], behind)) = rest.split_first_chunk().filter(|_| self.digits == 0) {
                let [a, b, c, d] = [Base64::value(a), Base64::value(b), Base64::value(c), Base64::value(d)];
                // A value has six bits; NONE has more.
                if (a | b | c | d) > 63 {
                    break;
                }
                out.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
                rest = behind;
            }
            if let Some((&octet, behind)) = rest.split_first() {
                self.push(octet, out);
                rest = behind;
            }
        }
    }

    fn value(octet: u8) -> u8 {
        Base64::VALUES.get(usize::from(octet)).copied().unwrap_or(Base64::NONE)
    }

    fn push(&mut self, octet: u8, out: &mut Vec<u8>) {
        let value = match Base64::value(octet) {
            Base64::NONE if octet == b'=' => return self.flush(out),
            Base64::NONE => return,
            value => value,
        };
        self.bits = self.bits << 6 | u32::from(value);
        self.digits += 1;
        if self.digits == 4 {
            let [_, a, b, c] = self.bits.to_be_bytes();
            out.extend_from_slice(&[a, b, c]);
            *self = Base64::default();
        }
    }

    /// What two or three digits say; one alone says nothing.
    fn flush(&mut self, out: &mut Vec<u8>) {
        let [_, a, b, _] = (self.bits << (6 * (4 - u32::from(self.digits.min(4))))).to_be_bytes();
        match self.digits {
            2 => out.push(a),
            3 => out.extend_from_slice(&[a, b]),
            _ => {}
        }
        *self = Base64::default();
    }
}

/// RFC 2045 §6.7. What is no valid escape stands for itself.
#[derive(Clone, Debug, Default)]
struct QuotedPrintable {
    /// White space that goes if the line ends behind it, or an escape that is not yet whole.
    held: Vec<u8>,
}

impl QuotedPrintable {
    /// A line has at most 76 characters; a longer run of white space or escape is kept as it is, to bound what is held.
    const HELD_MAX: usize = 998;

    /// Runs, escapes and line ends at once, as nearly all are; the rest octet by octet.
    fn push_all(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while !rest.is_empty() {
            if self.held.is_empty() {
                rest = Self::runs(rest, out);
            }
            if let Some((&octet, behind)) = rest.split_first() {
                self.push(octet, out);
                rest = behind;
            }
        }
    }

    /// Decodes up to what cannot be judged by what stands here; gives the rest.
    fn runs<'a>(piece: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let mut rest = piece;
        loop {
            let special = memchr3(b'=', b'\r', b'\n', rest).unwrap_or(rest.len());
            let (text, behind) = rest.split_at_checked(special).unwrap_or((rest, &[]));
            match behind {
                &[b'=', high, low, ref next @ ..] if let Some(octet) = hex(high, low) => {
                    out.extend_from_slice(text);
                    out.push(octet);
                    rest = next;
                }
                [b'=', b'\r', b'\n', next @ ..] => {
                    out.extend_from_slice(text);
                    rest = next;
                }
                [b'\r', b'\n', next @ ..] if !text.ends_with(b" ") && !text.ends_with(b"\t") => {
                    out.extend_from_slice(text);
                    out.extend_from_slice(b"\r\n");
                    rest = next;
                }
                _ => {
                    let kept = text.iter().rposition(|octet| !matches!(octet, b' ' | b'\t'));
                    let (text, behind) = rest.split_at_checked(kept.map_or(0, |last| last + 1)).unwrap_or((&[], rest));
                    out.extend_from_slice(text);
                    return behind;
                }
            }
        }
    }

    fn push(&mut self, octet: u8, out: &mut Vec<u8>) {
        match (self.held.first(), octet) {
            (Some(b'='), _) => self.escape(octet, out),
            (_, b'=') => {
                out.append(&mut self.held);
                self.held.push(octet);
            }
            (_, b' ' | b'\t') if self.held.len() < Self::HELD_MAX => self.held.push(octet),
            // White space at the end of a line was added on the way (rule 3); the CR may come before it is known.
            (_, b'\n') => {
                let crlf = self.held.last() == Some(&b'\r');
                self.held.clear();
                out.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
            }
            (_, b'\r') if self.held.last() != Some(&b'\r') => self.held.push(octet),
            _ => {
                out.append(&mut self.held);
                self.push_plain(octet, out);
            }
        }
    }

    fn push_plain(&mut self, octet: u8, out: &mut Vec<u8>) {
        if matches!(octet, b' ' | b'\t' | b'\r') { self.held.push(octet) } else { out.push(octet) }
    }

    /// Goes on behind a `=`.
    fn escape(&mut self, octet: u8, out: &mut Vec<u8>) {
        match (self.held.as_slice(), octet) {
            // A soft line break, with white space that was added on the way.
            (_, b'\n') => self.held.clear(),
            ([b'='], digit) if digit.is_ascii_hexdigit() => self.held.push(digit),
            (&[b'=', high], low) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                self.held.clear();
                out.extend(hex(high, low));
            }
            ([b'=', rest @ ..], b' ' | b'\t' | b'\r')
                if rest.len() < Self::HELD_MAX && !rest.iter().any(u8::is_ascii_hexdigit) =>
            {
                self.held.push(octet);
            }
            _ => {
                out.append(&mut self.held);
                self.push(octet, out);
            }
        }
    }

    /// The body ends: a held escape stands for itself, a soft line break or white space for nothing.
    fn end(&mut self, out: &mut Vec<u8>) {
        match self.held.as_slice() {
            [b'=', digit] if digit.is_ascii_hexdigit() => out.append(&mut self.held),
            [.., b'\r'] if self.held.first() != Some(&b'=') => out.push(b'\r'),
            _ => self.held.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(encoding: TransferEncoding, body: &str, want: &str) {
        let whole = decode_transfer(&encoding, body.as_bytes()).unwrap();
        assert_eq!(String::from_utf8_lossy(&whole), want, "{body:?}");
        assert_eq!(in_pieces(&encoding, body.as_bytes(), 1), *whole, "{body:?}");
    }

    fn in_pieces(encoding: &TransferEncoding, body: &[u8], size: usize) -> Vec<u8> {
        let mut decoder = Decoder::new(encoding).unwrap();
        let mut out = Vec::new();
        body.chunks(size).for_each(|piece| decoder.push(piece, &mut out));
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn base64_as_it_is_sent() {
        let check = |body, want| check(TransferEncoding::Base64, body, want);
        check("SGFsbG8h", "Hallo!");
        check("SGFs\r\nbG8h\r\n", "Hallo!");
        check("SGFsbG8=", "Hallo");
        check("SGFsbA==SGFsbG8", "HallHallo");
        check("S!G*F s", "Hal");
        check("====", "");
        check("A", "");
    }

    #[test]
    fn quoted_printable_as_it_is_sent() {
        let check = |body, want| check(TransferEncoding::QuotedPrintable, body, want);
        check("Gr=C3=bc=C3=9Fe", "Grüße");
        check("a =\r\nb=\nc= \t\r\nd", "a bcd");
        check("trailing \t \r\nwhite\t\nspace ", "trailing\r\nwhite\nspace");
        check("1=2 =G1 =4Z =", "1=2 =G1 =4Z ");
        check("a=\rb", "a=\rb");
        check("a\rb\r", "a\rb\r");
        check("a==41=4=41", "a=A=4A");
    }

    #[test]
    fn what_cannot_be_decoded_is_said() {
        let encoding = TransferEncoding::parse(b" X-UUencode");
        assert_eq!(encoding, TransferEncoding::Other("x-uuencode".into()));
        assert_eq!(decode_transfer(&encoding, b"x"), Err(UnknownEncoding));
        assert_eq!(TransferEncoding::parse(b"(c) Base64 "), TransferEncoding::Base64);
        assert_eq!(TransferEncoding::parse(b""), TransferEncoding::SevenBit);
    }

    proptest! {
        #[test]
        fn any_split_decodes_to_the_same(body in "[A-Za-f0-9=\\r\\n \\t\u{e4}]{0,80}", size in 1usize..9, quoted: bool) {
            let encoding = if quoted { TransferEncoding::QuotedPrintable } else { TransferEncoding::Base64 };
            prop_assert_eq!(&in_pieces(&encoding, body.as_bytes(), size)[..], &*decode_transfer(&encoding, body.as_bytes()).unwrap());
        }

        #[test]
        fn what_is_encoded_is_decoded(octets: Vec<u8>) {
            let base64 = mail_base64(&octets);
            prop_assert_eq!(&*decode_transfer(&TransferEncoding::Base64, base64.as_bytes()).unwrap(), &octets);
            let quoted: String = octets.iter().map(|octet| format!("={octet:02x}=\r\n")).collect();
            prop_assert_eq!(&*decode_transfer(&TransferEncoding::QuotedPrintable, quoted.as_bytes()).unwrap(), &octets);
        }
    }

    /// RFC 2045 §6.8, the plain way.
    fn mail_base64(octets: &[u8]) -> String {
        let quantum = |chunk: &[u8]| {
            let bits = (0..3).fold(0u32, |bits, n| bits << 8 | u32::from(chunk.get(n).copied().unwrap_or(0)));
            let digit = |n: usize| char::from(Base64::ALPHABET[(bits >> (18 - 6 * n) & 63) as usize]);
            (0..4).map(|n| if n <= chunk.len() { digit(n) } else { '=' }).collect::<String>()
        };
        octets.chunks(3).map(quantum).collect::<Vec<_>>().join("\r\n")
    }
}
