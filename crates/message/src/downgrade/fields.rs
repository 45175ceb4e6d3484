//! Header fields as they can be sent.

use crate::address::parse_addresses;
use crate::downgrade::{Reason, Target};
use crate::envelope::EnvelopeAddress;
use crate::header::{self, Field, Fields, phrase, unfold};
use crate::word::{decode_header, encoded_words};

/// Octets of a line without its end (RFC 5322 §2.1.1).
const LINE_MAX: usize = 998;
/// As many as the scanner keeps.
const ADDRESSES_MAX: usize = 2_000;

/// Why a header with octets above 127 has no 7-bit form; `None` if it has one.
pub(super) fn unencodable(header: &[u8]) -> Option<Reason> {
    Fields::new(header).filter(|field| !field.raw.is_ascii()).find_map(|field| seven_bit(&field).err())
}

/// Whether all lines can be folded to a length that may be sent.
pub(super) fn foldable(header: &[u8]) -> bool {
    header.split(|&octet| octet == b'\n').all(|line| fold(line, &mut |_| {}))
}

/// Writes a header; with `encoding` as its only `Content-Transfer-Encoding`, if there is one and a body behind it.
pub(super) fn print(header: &[u8], encoding: Option<&str>, is_message: bool, target: Target, out: &mut Vec<u8>) {
    let fields_end = Fields::new(header).last().map_or(0, |field| field.range.end);
    let blank_line = fields_end < header.len();
    let encoding = encoding.filter(|_| blank_line);
    let mut has_version = !is_message;
    for field in Fields::new(header) {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name.as_bytes());
        has_version |= is("MIME-Version");
        if encoding.is_some() && is("Content-Transfer-Encoding") {
            continue;
        }
        let encoded = if target.eight_bit || field.raw.is_ascii() { None } else { seven_bit(&field).ok() };
        match encoded {
            Some(encoded) => out.extend_from_slice(&encoded),
            None => raw(field.raw, target, out),
        }
    }
    if let Some(encoding) = encoding {
        // RFC 2045 §4: without it the other field says nothing.
        if !has_version {
            header::field(out, "MIME-Version", "1.0");
        }
        header::field(out, "Content-Transfer-Encoding", encoding);
    }
    if blank_line {
        out.extend_from_slice(b"\r\n");
    }
}

/// A field as it stands, with proper line ends, folded where a line is too long.
fn raw(field: &[u8], target: Target, out: &mut Vec<u8>) {
    for line in field.split_inclusive(|&octet| octet == b'\n') {
        let ends = line.ends_with(b"\n");
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let octets: Vec<u8> = line.iter().map(|&octet| sendable(octet, target)).collect();
        let mut first = true;
        fold(&octets, &mut |piece| {
            if !std::mem::take(&mut first) {
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(piece);
        });
        if ends {
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// A bare CR or NUL becomes a blank. Octets above 127 are left here only if the message changed since it was surveyed.
fn sendable(octet: u8, target: Target) -> u8 {
    match octet {
        b'\r' | 0 => b' ',
        128.. if !target.eight_bit => b'?',
        octet => octet,
    }
}

/// Tells the pieces of a line that is folded before white space. False if some piece is too long even so.
fn fold(line: &[u8], tell: &mut dyn FnMut(&[u8])) -> bool {
    let mut rest = line.strip_suffix(b"\r").unwrap_or(line);
    let mut fits = true;
    while rest.len() > LINE_MAX {
        let text = rest.iter().position(|octet| !octet.is_ascii_whitespace()).unwrap_or(rest.len());
        let is_place = |&(at, octet): &(usize, &u8)| at > text && matches!(octet, b' ' | b'\t');
        let Some((at, _)) = rest.iter().enumerate().take(LINE_MAX + 1).rfind(is_place) else {
            fits = false;
            break;
        };
        let (piece, behind) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        tell(piece);
        rest = behind;
    }
    tell(rest);
    fits
}

/// A field in ASCII (RFC 2047 §5): text and names in encoded words.
fn seven_bit(field: &Field<'_>) -> Result<Vec<u8>, Reason> {
    let value = unfold(field.value);
    let name = std::str::from_utf8(field.name).map_err(|_| Reason::Header)?;
    std::str::from_utf8(&value).map_err(|_| Reason::Header)?;
    let encoded = match &*name.to_ascii_lowercase() {
        "subject" | "comments" | "content-description" => encoded_words(&decode_header(&value)),
        "from" | "sender" | "reply-to" | "to" | "cc" | "bcc" | "resent-from" | "resent-sender" | "resent-to"
        | "resent-cc" | "resent-bcc" => addresses(&value)?,
        _ => return Err(Reason::Header),
    };
    let mut out = Vec::new();
    header::field(&mut out, name, &encoded);
    Ok(out)
}

fn addresses(value: &[u8]) -> Result<String, Reason> {
    let (list, complete) = parse_addresses(value, ADDRESSES_MAX);
    if !complete {
        return Err(Reason::Header);
    }
    let mut out = String::new();
    let mut between = "";
    for address in &list {
        match (&address.mailbox, address.is_group_mark()) {
            (Some(name), true) => {
                out.push_str(between);
                out.push_str(&name_of(name));
                out.push(':');
                between = " ";
            }
            (None, true) => {
                out.push(';');
                between = ", ";
            }
            _ => {
                out.push_str(between);
                out.push_str(&one(address)?);
                between = ", ";
            }
        }
    }
    Ok(out)
}

/// One address with its name. What is none by the book is not guessed at.
fn one(address: &EnvelopeAddress) -> Result<String, Reason> {
    if address.host.as_deref().unwrap_or_default().is_empty() {
        return Err(Reason::Header);
    }
    let text = |octets: &Option<crate::Octets>| {
        let octets = octets.as_deref().unwrap_or_default();
        if !octets.is_ascii() {
            return Err(Reason::NeedsSmtpUtf8);
        }
        let fits = !octets.is_empty() && octets.iter().all(u8::is_ascii_graphic);
        fits.then(|| String::from_utf8_lossy(octets).into_owned()).ok_or(Reason::Header)
    };
    let (local, domain) = (text(&address.mailbox)?, text(&address.host)?);
    if domain.contains(['<', '>', ',', ';', '"', '(', ')', '@']) {
        return Err(Reason::Header);
    }
    let bare = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let is_dot_atom = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(bare));
    let local = if is_dot_atom { local } else { format!("\"{}\"", local.replace('\\', "\\\\").replace('"', "\\\"")) };
    Ok(match address.name.as_deref() {
        Some(name) => format!("{} <{local}@{domain}>", name_of(name)),
        None => format!("{local}@{domain}"),
    })
}

fn name_of(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(name) if name.is_ascii() && !name.contains("=?") => phrase(name),
        _ => encoded_words(&decode_header(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEVEN_BIT: Target = Target { eight_bit: false, binary: false, smtputf8: false };

    fn check(field: &str, want: &str) {
        assert_eq!(unencodable(field.as_bytes()), None, "{field}");
        let mut out = Vec::new();
        print(field.as_bytes(), None, true, SEVEN_BIT, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), want, "{field}");
    }

    #[test]
    fn fields_in_ascii() {
        check("Subject: Grüße an alle\n", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_an_alle?=\r\n");
        check("SUBJECT: ü =?utf-8?q?=C3=A4?=\r\n", "SUBJECT: =?utf-8?b?w7wgw6Q=?=\r\n");
        check(
            "From: Jörg K. <j@k.test>, \"B, C\" <b@c.test>\r\n",
            "From: =?utf-8?q?J=C3=B6rg_K=2E?= <j@k.test>, \"B, C\" <b@c.test>\r\n",
        );
        check(
            "To: Größe: a@b.test, c@d.test;, e@f.test\r\n",
            "To: =?utf-8?b?R3LDtsOfZQ==?=: a@b.test, c@d.test;, e@f.test\r\n",
        );
        check("Cc: (Jörg) \"a@b\"@c.test\r\n", "Cc: =?utf-8?q?J=C3=B6rg?= <\"a@b\"@c.test>\r\n");
        check("X: as it\r\n\tstands\n\n", "X: as it\r\n\tstands\r\n\r\n");
        check("X: a\rb\0c\r\n", "X: a b c\r\n");
    }

    #[test]
    fn fields_that_have_no_form_in_ascii() {
        let check = |field: &[u8], want| assert_eq!(unencodable(field), Some(want), "{field:?}");
        check("From: Jörg <jörg@k.test>\r\n".as_bytes(), Reason::NeedsSmtpUtf8);
        check("To: a@ö.test\r\n".as_bytes(), Reason::NeedsSmtpUtf8);
        check(b"Subject: Gr\xfc\xdfe\r\n", Reason::Header);
        check("X-Other: ü\r\n".as_bytes(), Reason::Header);
        check("From: Jörg\r\n".as_bytes(), Reason::Header);
        check("Content-Type: text/plain; name=\"ü\"\r\n".as_bytes(), Reason::Header);
    }

    #[test]
    fn long_lines_are_folded() {
        let header = format!("X: {}{}\r\n\r\n", "word ".repeat(400), "y".repeat(998));
        assert!(!foldable(header.as_bytes()) && foldable(header.replace("yy", "y").as_bytes()));
        let header = header.replace("yy", "y");
        let mut out = Vec::new();
        print(header.as_bytes(), Some("7bit"), true, SEVEN_BIT, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.split("\r\n").all(|line| line.len() <= 998));
        let unfolded = text.replace("\r\n ", " ");
        assert_eq!(
            unfolded,
            header.replace("\r\n\r\n", "\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n\r\n")
        );
    }
}
