//! A message's body as a tree, and how it is written (RFC 2045, RFC 2046, RFC 2047, RFC 2231).

use super::Random;
use encoding_rs::Encoding;
use mail_builder::encoders::{Base64Encoder, QuotedPrintableEncoder};

/// How a leaf travels (RFC 2045 §6).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Transfer {
    SevenBit,
    EightBit,
    QuotedPrintable,
    Base64,
}

/// A body part.
pub(super) struct Part {
    /// Its header but for `Content-Transfer-Encoding`, whole lines.
    fields: Vec<String>,
    content: Content,
}

enum Content {
    Leaf(Transfer, Vec<u8>),
    /// With its subtype and parameters, as `alternative`.
    Multipart(&'static str, Vec<Part>),
}

impl Part {
    /// Plain ASCII, or UTF-8 as quoted-printable.
    pub(super) fn text(text: &str) -> Part {
        let transfer = if text.is_ascii() { Transfer::SevenBit } else { Transfer::QuotedPrintable };
        Part::text_in(text, "plain; charset=UTF-8", transfer)
    }

    /// Text of a subtype with its parameters, as `plain; charset=KOI8-R; format=flowed`.
    pub(super) fn text_in(text: &str, subtype: &str, transfer: Transfer) -> Part {
        let charset = subtype.split("charset=").nth(1).and_then(|rest| rest.split(';').next()).unwrap_or("UTF-8");
        let text = text.replace('\n', "\r\n");
        Part::leaf(&format!("text/{subtype}"), transfer, encoded(&text, charset))
    }

    pub(super) fn html(html: &str) -> Part {
        Part::text_in(html, "html; charset=UTF-8", Transfer::QuotedPrintable)
    }

    pub(super) fn leaf(content_type: &str, transfer: Transfer, octets: Vec<u8>) -> Part {
        Part { fields: vec![format!("Content-Type: {content_type}")], content: Content::Leaf(transfer, octets) }
    }

    pub(super) fn multipart(subtype: &'static str, parts: Vec<Part>) -> Part {
        Part { fields: Vec::new(), content: Content::Multipart(subtype, parts) }
    }

    /// A file to be kept; a name that is not ASCII is written as RFC 2231 §4 wants it.
    pub(super) fn file(content_type: &str, name: &str, octets: &[u8]) -> Part {
        let name = if name.is_ascii() { format!("filename=\"{name}\"") } else { extended("filename", name) };
        Part::leaf(content_type, Transfer::Base64, octets.to_vec())
            .field(format!("Content-Disposition: attachment; {name}"))
    }

    /// An image that HTML shows by `cid:`.
    pub(super) fn inline_png(id: &str, octets: &[u8]) -> Part {
        Part::leaf("image/png", Transfer::Base64, octets.to_vec())
            .field(format!("Content-ID: <{id}>"))
            .field("Content-Disposition: inline; filename=\"envelope.png\"")
    }

    pub(super) fn field(mut self, field: impl Into<String>) -> Part {
        self.fields.push(field.into());
        self
    }

    /// Header, empty line, content. `boundaries` counts those of the message, so that each is another.
    pub(super) fn write(&self, out: &mut Vec<u8>, boundaries: &mut usize, random: &mut Random) {
        let mut line = |text: &str| {
            out.extend_from_slice(text.as_bytes());
            out.extend_from_slice(b"\r\n");
        };
        self.fields.iter().for_each(|field| line(field));
        match &self.content {
            Content::Leaf(transfer, octets) => {
                line(transfer.field());
                line("");
                transfer.write(octets, out);
            }
            Content::Multipart(subtype, parts) => {
                *boundaries += 1;
                let boundary = format!("=_{boundaries}_{:016x}", random.next());
                line(&format!("Content-Type: multipart/{subtype}; boundary=\"{boundary}\""));
                line("");
                for part in parts {
                    out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
                    part.write(out, boundaries, random);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
            }
        }
    }
}

impl Transfer {
    fn field(self) -> &'static str {
        match self {
            Transfer::SevenBit => "Content-Transfer-Encoding: 7bit",
            Transfer::EightBit => "Content-Transfer-Encoding: 8bit",
            Transfer::QuotedPrintable => "Content-Transfer-Encoding: quoted-printable",
            Transfer::Base64 => "Content-Transfer-Encoding: base64",
        }
    }

    fn write(self, octets: &[u8], out: &mut Vec<u8>) {
        const FITS: &str = "a sample fits into memory";
        match self {
            Transfer::SevenBit | Transfer::EightBit => out.extend_from_slice(octets),
            Transfer::QuotedPrintable => {
                let encoder = QuotedPrintableEncoder::new().preserve_line_breaks();
                out.extend_from_slice(&encoder.encode(octets).expect(FITS));
            }
            Transfer::Base64 => {
                out.extend_from_slice(&Base64Encoder::new().wrap_lines().encode(octets).expect(FITS));
            }
        }
        if !out.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn encoded(text: &str, charset: &str) -> Vec<u8> {
    let encoding = Encoding::for_label(charset.as_bytes()).expect("samples name charsets that exist");
    let (octets, _, lost) = encoding.encode(text);
    assert!(!lost, "a sample's charset has all its letters: {charset}");
    octets.into_owned()
}

/// Octets of text in one encoded word: with base64 and its frame below the 75 of RFC 2047 §2.
const WORD_OCTETS_MAX: usize = 24;

/// Text as it may stand in a header: ASCII, or encoded words folded one to a line (RFC 2047 §2).
pub fn encoded_words(text: &str, charset: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for letter in text.chars() {
        match words.last_mut() {
            Some(word) if word.len() + letter.len_utf8() <= WORD_OCTETS_MAX => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    let word = |word: &String| {
        let base64 = Base64Encoder::new().encode(&encoded(word, charset)).expect("a word fits into memory");
        format!("=?{charset}?B?{}?=", String::from_utf8_lossy(&base64))
    };
    words.iter().map(word).collect::<Vec<_>>().join("\r\n ")
}

/// `name*=UTF-8''…` (RFC 2231 §4).
fn extended(name: &str, value: &str) -> String {
    let octet = |octet: u8| match octet {
        b if b.is_ascii_alphanumeric() || b"-._".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    format!("{name}*=UTF-8''{}", value.bytes().map(octet).collect::<String>())
}
