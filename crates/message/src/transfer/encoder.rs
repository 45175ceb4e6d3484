//! Transfer encodings written piece by piece.

/// Octets of a line in quoted-printable and base64 (RFC 2045 §6.7 rule 5, §6.8).
const LINE_MAX: usize = 76;

/// Encodes a body piece by piece; any split gives the same octets. Its last line has no end of its own.
#[derive(Clone, Debug)]
pub struct Encoder(State);

#[derive(Clone, Debug)]
enum State {
    Base64(Base64),
    QuotedPrintable(QuotedPrintable),
}

impl Encoder {
    /// Any octets, as they are (RFC 2045 §6.8).
    pub fn base64() -> Encoder {
        Encoder(State::Base64(Base64::default()))
    }

    /// Text (RFC 2045 §6.7): CRLF and a bare LF become line ends, a bare CR stays what it is, encoded.
    pub fn quoted_printable() -> Encoder {
        Encoder(State::QuotedPrintable(QuotedPrintable::default()))
    }

    /// Appends to `out` what is known of the encoded form: at most four times `piece`.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            State::Base64(base64) => piece.iter().for_each(|&octet| base64.push(octet, out)),
            State::QuotedPrintable(quoted) => piece.iter().for_each(|&octet| quoted.push(octet, out)),
        }
    }

    /// Appends what was held back at the end of the body.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self.0 {
            State::Base64(mut base64) => base64.finish(out),
            State::QuotedPrintable(mut quoted) => quoted.release(false, out),
        }
    }
}

/// Up to two octets that are no quantum yet, and the column.
#[derive(Clone, Debug, Default)]
struct Base64 {
    bits: u32,
    octets: usize,
    column: usize,
}

impl Base64 {
    fn push(&mut self, octet: u8, out: &mut Vec<u8>) {
        self.bits = self.bits << 8 | u32::from(octet);
        self.octets += 1;
        if self.octets == 3 {
            self.quantum(out);
        }
    }

    fn quantum(&mut self, out: &mut Vec<u8>) {
        if self.column == LINE_MAX {
            out.extend_from_slice(b"\r\n");
            self.column = 0;
        }
        let bits = self.bits << (8 * (3 - self.octets));
        let digits = [18u32, 12, 6, 0].map(|shift| digit((bits >> shift & 63) as u8));
        out.extend(digits.iter().take(self.octets + 1));
        out.extend(std::iter::repeat_n(b'=', 3 - self.octets));
        *self = Base64 { column: self.column + 4, ..Base64::default() };
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.octets > 0 {
            self.quantum(out);
        }
    }
}

/// The base64 digit of six bits.
fn digit(value: u8) -> u8 {
    match value {
        0..=25 => b'A' + value,
        26..=51 => b'a' + (value - 26),
        52..=61 => b'0' + (value - 52),
        62 => b'+',
        _ => b'/',
    }
}

/// What is held: a blank or CR whose next octet tells how it has to be written.
#[derive(Clone, Debug, Default)]
struct QuotedPrintable {
    held: Option<u8>,
    column: usize,
    /// The line was begun by a soft break, which the text does not have.
    soft: bool,
}

impl QuotedPrintable {
    fn push(&mut self, octet: u8, out: &mut Vec<u8>) {
        match octet {
            b'\n' => {
                self.held = self.held.filter(|&held| held != b'\r');
                self.release(false, out);
                out.extend_from_slice(b"\r\n");
                (self.column, self.soft) = (0, false);
            }
            // The blank before a CR may still be the line's last: it is encoded either way.
            b'\r' => {
                self.release(false, out);
                self.held = Some(octet);
            }
            b' ' | b'\t' => {
                self.release(true, out);
                self.held = Some(octet);
            }
            _ => {
                self.release(true, out);
                self.write(octet, octet.is_ascii_graphic() && octet != b'=', out);
            }
        }
    }

    /// Writes what is held; `goes_on`: more of the line follows, so a blank may stand as it is.
    fn release(&mut self, goes_on: bool, out: &mut Vec<u8>) {
        if let Some(held) = self.held.take() {
            self.write(held, goes_on && held != b'\r', out);
        }
    }

    fn write(&mut self, octet: u8, plain: bool, out: &mut Vec<u8>) {
        let octets = if plain { 1 } else { 3 };
        // One column is left for the `=` of a soft break; a line that such a break began must not look like a delimiter.
        if self.column + octets >= LINE_MAX {
            out.extend_from_slice(b"=\r\n");
            (self.column, self.soft) = (0, true);
        }
        let plain = plain && !(octet == b'-' && self.soft && self.column == 0);
        let before = out.len();
        if plain {
            out.push(octet);
        } else {
            out.extend_from_slice(&escape(octet));
        }
        self.column += out.len() - before;
    }
}

/// `=XX`, with the capitals that RFC 2045 §6.7 rule 1 demands.
pub(crate) fn escape(octet: u8) -> [u8; 3] {
    let hex = |digit: u8| if digit < 10 { b'0' + digit } else { b'A' + (digit - 10) };
    [b'=', hex(octet >> 4), hex(octet & 15)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transfer::{TransferEncoding, decode_transfer};

    fn encoded(mut encoder: Encoder, octets: &[u8], size: usize) -> String {
        let mut out = Vec::new();
        octets.chunks(size.max(1)).for_each(|piece| encoder.push(piece, &mut out));
        encoder.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_as_it_is_written() {
        let check = |text: &str, want: &str| {
            assert_eq!(encoded(Encoder::quoted_printable(), text.as_bytes(), 1), want, "{text:?}");
        };
        check("Grüße=\r\n", "Gr=C3=BC=C3=9Fe=3D\r\n");
        check("a \r\nb\t\nc ", "a=20\r\nb=09\r\nc=20");
        check("a b\tc", "a b\tc");
        check("a\rb\r", "a=0Db=0D");
        check("--\r\n-- \r\n", "--\r\n--=20\r\n");
        check(&format!("{}--b", "x".repeat(75)), &format!("{}=\r\n=2D-b", "x".repeat(75)));
    }

    #[test]
    fn octets_as_they_are_written() {
        assert_eq!(encoded(Encoder::base64(), b"Hallo!", 4), "SGFsbG8h");
        assert_eq!(encoded(Encoder::base64(), b"Hallo", 4), "SGFsbG8=");
        assert_eq!(encoded(Encoder::base64(), b"Hall", 4), "SGFsbA==");
        assert_eq!(encoded(Encoder::base64(), b"", 4), "");
        assert_eq!(encoded(Encoder::base64(), &[0; 58], 7), format!("{}\r\nAA==", "A".repeat(76)));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(octets in proptest::collection::vec(any::<u8>(), 0..400), size in 1usize..90) {
            let base64 = encoded(Encoder::base64(), &octets, size);
            prop_assert!(base64.split("\r\n").all(|line| line.len() <= LINE_MAX));
            prop_assert_eq!(&*decode_transfer(&TransferEncoding::Base64, base64.as_bytes()).unwrap(), &octets);
            let lines: Vec<u8> = octets.into_iter().filter(|&octet| octet != b'\n').flat_map(|octet| {
                if octet == b'e' { vec![b'\r', b'\n'] } else { vec![octet] }
            }).collect();
            let quoted = encoded(Encoder::quoted_printable(), &lines, size);
            prop_assert!(quoted.split("\r\n").all(|line| line.len() <= LINE_MAX && !line.contains('\r')), "{}", quoted);
            prop_assert_eq!(&*decode_transfer(&TransferEncoding::QuotedPrintable, quoted.as_bytes()).unwrap(), &lines);
        }
    }
}
