//! A header in ASCII for clients that have not sent UTF8 (RFC 6856 §2.1): the message stays readable for who has never heard of
//! that command, where an error would leave it on the server for ever.
//!
//! Only the message's own header is looked at: 8-bit bodies have always been sent as they are, and the headers of parts lie in
//! the body.

use message::header::{Field, Fields, unfold};
use message::{EnvelopeAddress, decode_header, encode_header, parse_addresses};
use std::borrow::Cow;
use std::fmt::Write;

/// As much of a header as is held at once, which the scanner keeps of all; what lies behind counts as body.
const HEADER_OCTETS_MAX: usize = 512 * 1024;
/// As many as the scanner keeps.
const ADDRESSES_MAX: usize = 2_000;

/// Fields of addresses (RFC 5322 §3.6).
const ADDRESSES: [&str; 11] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "resent-from",
    "resent-sender",
    "resent-to",
    "resent-cc",
    "resent-bcc",
];
/// Fields of words that programs read: what is not ASCII in them is lost.
const STRUCTURED: [&str; 10] = [
    "content-type",
    "content-disposition",
    "content-id",
    "content-transfer-encoding",
    "message-id",
    "in-reply-to",
    "references",
    "received",
    "return-path",
    "date",
];

/// A message on its way to a client, whose header becomes ASCII.
#[derive(Default)]
pub(crate) struct AsciiHeader {
    held: Vec<u8>,
    over: bool,
}

impl AsciiHeader {
    /// What is to be sent now.
    pub fn push<'a>(&mut self, octets: &'a [u8]) -> Cow<'a, [u8]> {
        if self.over {
            return Cow::Borrowed(octets);
        }
        if self.held.is_empty()
            && let Some(end) = header_end(octets)
            && octets.get(..end).is_some_and(<[u8]>::is_ascii)
        {
            self.over = true;
            return Cow::Borrowed(octets);
        }
        self.held.extend_from_slice(octets);
        match header_end(&self.held) {
            Some(end) => Cow::Owned(self.convert(end)),
            None if self.held.len() > HEADER_OCTETS_MAX => Cow::Owned(self.convert(self.held.len())),
            None => Cow::Borrowed(&[]),
        }
    }

    /// The rest of a message that is all header.
    pub fn finish(mut self) -> Vec<u8> {
        if self.over { Vec::new() } else { self.convert(self.held.len()) }
    }

    fn convert(&mut self, end: usize) -> Vec<u8> {
        self.over = true;
        let held = std::mem::take(&mut self.held);
        let (header, body) = held.split_at_checked(end).unwrap_or((&held, &[]));
        let mut out = Vec::with_capacity(held.len() * 2);
        let mut fields_end = 0;
        for field in Fields::new(header) {
            fields_end = field.range.end;
            if field.raw.is_ascii() { out.extend_from_slice(field.raw) } else { in_ascii(&field, &mut out) }
        }
        out.extend_from_slice(header.get(fields_end..).unwrap_or_default());
        out.extend_from_slice(body);
        out
    }
}

/// Where the body begins, behind the blank line.
fn header_end(message: &[u8]) -> Option<usize> {
    let mut end = 0;
    for line in message.split_inclusive(|&octet| octet == b'\n') {
        end += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            return Some(end);
        }
    }
    None
}

fn in_ascii(field: &Field<'_>, out: &mut Vec<u8>) {
    let name = field.name.to_ascii_lowercase();
    let named = |names: &[&str]| names.iter().any(|other| other.as_bytes() == name);
    if !field.name.is_ascii() || field.name.is_empty() || named(&STRUCTURED) {
        out.extend(field.raw.iter().map(|&octet| if octet.is_ascii() { octet } else { b'?' }));
        return;
    }
    let value = unfold(field.value);
    let text = match named(&ADDRESSES) {
        true => addresses(&value).unwrap_or_else(|| encode_header(&decode_header(&value))),
        false => encode_header(&decode_header(&value)),
    };
    out.extend_from_slice(field.name);
    out.extend_from_slice(b": ");
    // Encoded words are as long as a line may be.
    out.extend_from_slice(text.replace("?= =?", "?=\r\n =?").as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// `None` for what is no list of addresses by the book.
fn addresses(value: &[u8]) -> Option<String> {
    let (list, complete) = parse_addresses(value, ADDRESSES_MAX);
    let mut out = String::new();
    let mut between = "";
    for address in list.iter().filter(|_| complete) {
        match (&address.mailbox, address.is_group_mark()) {
            (Some(name), true) => {
                let _ = write!(out, "{between}{}:", phrase(&decode_header(name)));
                between = " ";
            }
            (None, true) => {
                out.push(';');
                between = ",\r\n ";
            }
            _ => {
                let _ = write!(out, "{between}{}", one(address)?);
                between = ",\r\n ";
            }
        }
    }
    (complete && !list.is_empty()).then_some(out)
}

/// One address. One that is not ASCII itself becomes the name of an empty group: people can read it, and no program sends to it
/// (RFC 6854 §1).
fn one(address: &EnvelopeAddress) -> Option<String> {
    let text =
        |octets: &Option<message::Octets>| String::from_utf8_lossy(octets.as_deref().unwrap_or_default()).into_owned();
    let (local, host) = (text(&address.mailbox), text(&address.host));
    if local.is_empty() || host.is_empty() || host.contains(['<', '>', ',', ';', '"', '(', ')', '@']) {
        return None;
    }
    let name = address.name.as_deref().map(decode_header);
    if !local.is_ascii() || !host.is_ascii() {
        let shown = name.map_or_else(|| format!("{local}@{host}"), |name| format!("{name} <{local}@{host}>"));
        return Some(format!("{}:;", phrase(&shown)));
    }
    let bare = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let is_dot_atom = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(bare));
    let local = if is_dot_atom { local } else { quoted(&local) };
    Some(match name {
        Some(name) => format!("{} <{local}@{host}>", phrase(&name)),
        None => format!("{local}@{host}"),
    })
}

/// A display name: quoted if it is ASCII, else in encoded words.
fn phrase(name: &str) -> String {
    let encoded = encode_header(name);
    if encoded == name { quoted(name) } else { encoded }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &[u8], size: usize) -> String {
        let mut header = AsciiHeader::default();
        let mut out: Vec<u8> = Vec::new();
        message.chunks(size).for_each(|piece| out.extend_from_slice(&header.push(piece)));
        out.extend(header.finish());
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn headers_become_ascii() {
        let check = |message: &str, expected: &str| {
            for size in [1, 7, 1000] {
                assert_eq!(shown(message.as_bytes(), size), expected);
            }
        };
        check("A: b\r\n\r\nGrüße\r\n", "A: b\r\n\r\nGrüße\r\n");
        check("A: b\r\n", "A: b\r\n");
        check("", "");
        check(
            "Received: x\r\nSubject: Grüße\r\n an alle\r\nX: y\r\n\r\nü\r\n",
            "Received: x\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe_an_alle?=\r\nX: y\r\n\r\nü\r\n",
        );
        check(
            "From: Jörg <j@k.test>, \"B, C\" <b@c.test>\r\nTo: jörg@k.test, a@b.test\r\n\r\n",
            "From: =?utf-8?q?J=C3=B6rg?= <j@k.test>,\r\n \"B, C\" <b@c.test>\r\n\
             To: =?utf-8?q?j=C3=B6rg=40k=2Etest?=:;,\r\n a@b.test\r\n\r\n",
        );
        check(
            "Cc: Freunde: Jürgen <j@ü.test>;\r\n\r\n",
            "Cc: \"Freunde\": =?utf-8?q?J=C3=BCrgen_=3Cj=40=C3=BC=2Etest=3E?=:;;\r\n\r\n",
        );
        check("Content-Type: text/plain; name=\"ü\"\r\n\r\n", "Content-Type: text/plain; name=\"??\"\r\n\r\n");
        check("kein Feld ü\r\n\r\n", "kein Feld ??\r\n\r\n");
        check("From: ü\r\n\r\n", "From: =?utf-8?b?w7w=?=\r\n\r\n");
    }

    #[test]
    fn a_header_without_end_is_not_held_for_ever() {
        let message = format!("Subject: ü{}", "x".repeat(HEADER_OCTETS_MAX)) + &"ü".repeat(100_000);
        let out = shown(message.as_bytes(), 64 * 1024);
        assert!(out.starts_with("Subject: =?utf-8?") && out.ends_with("ü"));
    }
}
