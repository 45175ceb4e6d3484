//! The report as a message.

use std::borrow::Cow;

use model::Address;

use crate::header::{field, phrase};
use crate::report::xtext::unitext_decode;
use crate::report::{Built, DeliveryReport, RecipientReport, Returned, words};
use crate::transfer::Encoder;
use crate::word::encode_header;

/// Characters of a foreign text that are told: a reply may have many lines of 512 octets (RFC 5321 §4.5.3.1.5).
const FOREIGN_CHARS_MAX: usize = 4_000;
/// Characters of the subject that are repeated.
const SUBJECT_CHARS_MAX: usize = 200;
/// Octets of a `Message-ID` that are repeated: what fits a line.
const MESSAGE_ID_OCTETS_MAX: usize = 900;

pub(super) fn build(report: &DeliveryReport) -> Built {
    let global = report.is_global();
    let boundary: String =
        std::iter::once("=_".to_owned()).chain(report.boundary.iter().map(|octet| format!("{octet:02x}"))).collect();
    let status = status_part(report, global);
    let (returned, with_original) = returned_part(&report.returned, global);
    let original_is_eight_bit = matches!(report.returned, Returned::Full { eight_bit: true, .. });
    let body_eight_bit = global || original_is_eight_bit || !returned.is_ascii();

    let mut head = header(report);
    field(&mut head, "MIME-Version", "1.0");
    let kind = format!("multipart/report; report-type=delivery-status; boundary=\"{boundary}\"");
    field(&mut head, "Content-Type", &kind);
    if body_eight_bit {
        field(&mut head, "Content-Transfer-Encoding", "8bit");
    }
    for part in [people_part(report), status] {
        head.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        head.extend_from_slice(&part);
    }
    if !returned.is_empty() {
        head.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        head.extend_from_slice(&returned);
    }
    let tail = format!("\r\n--{boundary}--\r\n").into_bytes();
    Built { head, with_original, tail, eight_bit: body_eight_bit, smtputf8: global }
}

/// The message's header without its MIME fields.
fn header(report: &DeliveryReport) -> Vec<u8> {
    let mut out = Vec::new();
    let from = format!("{} <{}>", phrase(words::sender(report.language)), report.from);
    field(&mut out, "From", &from);
    field(&mut out, "To", &angle(&report.to));
    let about = report.original.subject.as_deref().unwrap_or_default();
    let about: String = about.chars().take(SUBJECT_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let subject = words::subject(report.worst(), report.language);
    let subject = if about.trim().is_empty() { subject.to_owned() } else { format!("{subject}: {}", about.trim()) };
    field(&mut out, "Subject", &encode_header(&subject));
    field(&mut out, "Date", &report.date.rfc5322());
    field(&mut out, "Message-ID", &report.message_id);
    if let Some(id) = report.original.message_id.as_deref().filter(|id| is_message_id(id)) {
        field(&mut out, "In-Reply-To", id);
        field(&mut out, "References", id);
    }
    // RFC 3834 §5: nothing shall answer this.
    field(&mut out, "Auto-Submitted", "auto-replied");
    out
}

fn angle(address: &Address) -> String {
    format!("<{address}>")
}

/// Whether foreign text may stand in `References`.
fn is_message_id(id: &str) -> bool {
    let inside = id.strip_prefix('<').and_then(|id| id.strip_suffix('>'));
    let fits = |inside: &str| inside.bytes().all(|octet| octet.is_ascii_graphic() && !b"<>".contains(&octet));
    id.len() <= MESSAGE_ID_OCTETS_MAX && inside.is_some_and(|inside| inside.contains('@') && fits(inside))
}

/// What people read: in ASCII on the wire, so that it takes every way.
fn people_part(report: &DeliveryReport) -> Vec<u8> {
    let text = words::text(report);
    let mut out = Vec::new();
    field(&mut out, "Content-Type", "text/plain; charset=utf-8");
    field(&mut out, "Content-Language", words::tag(report.language));
    if text.is_ascii() {
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(text.as_bytes());
    } else {
        field(&mut out, "Content-Transfer-Encoding", "quoted-printable");
        out.extend_from_slice(b"\r\n");
        quote(text.as_bytes(), &mut out);
    }
    out
}

fn quote(octets: &[u8], out: &mut Vec<u8>) {
    let mut encoder = Encoder::quoted_printable();
    encoder.push(octets, out);
    encoder.finish(out);
}

/// What programs read (RFC 3464 §2; RFC 6533 §4.1).
fn status_part(report: &DeliveryReport, global: bool) -> Vec<u8> {
    let mut out = Vec::new();
    if global {
        field(&mut out, "Content-Type", "message/global-delivery-status");
        field(&mut out, "Content-Transfer-Encoding", "8bit");
    } else {
        field(&mut out, "Content-Type", "message/delivery-status");
    }
    out.extend_from_slice(b"\r\n");
    let envid = report.envid.as_deref().map(|envid| foreign(envid, false)).filter(|envid| !envid.trim().is_empty());
    if let Some(envid) = envid {
        field(&mut out, "Original-Envelope-Id", &envid);
    }
    field(&mut out, "Reporting-MTA", &format!("dns; {}", foreign(&report.reporting_mta, false)));
    field(&mut out, "Arrival-Date", &report.arrival.rfc5322());
    for recipient in &report.recipients {
        out.extend_from_slice(b"\r\n");
        recipient_fields(recipient, global, &mut out);
    }
    out
}

/// In the order of RFC 3464 §2.3.
fn recipient_fields(recipient: &RecipientReport, global: bool, out: &mut Vec<u8>) {
    if let Some((kind, address)) = &recipient.original_recipient {
        let kind: String = kind.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
        let kind = if kind.is_empty() { "unknown" } else { &kind };
        let address = shown_address(kind, address);
        field(out, "Original-Recipient", &format!("{kind}; {}", foreign(&address, global)));
    }
    let kind = if recipient.final_recipient.is_ascii() { "rfc822" } else { "utf-8" };
    field(out, "Final-Recipient", &format!("{kind}; {}", foreign(&recipient.final_recipient, global)));
    field(out, "Action", recipient.action.as_str());
    let (class, subject, detail) = recipient.status;
    field(out, "Status", &format!("{class}.{subject}.{detail}"));
    if let Some(remote) = recipient.remote_mta.as_deref().filter(|remote| !remote.trim().is_empty()) {
        field(out, "Remote-MTA", &format!("dns; {}", foreign(remote, false)));
    }
    if let Some(diagnostic) = recipient.diagnostic.as_deref().filter(|text| !text.trim().is_empty()) {
        let kind = if has_type(diagnostic) { "" } else { "smtp; " };
        field(out, "Diagnostic-Code", &format!("{kind}{}", foreign(diagnostic, global)));
    }
    if let Some(at) = recipient.last_attempt {
        field(out, "Last-Attempt-Date", &at.rfc5322());
    }
    if let Some(until) = recipient.will_retry_until {
        field(out, "Will-Retry-Until", &until.rfc5322());
    }
}

/// Whether a diagnostic says of what type it is (RFC 3464 §2.1.2).
fn has_type(diagnostic: &str) -> bool {
    let is_atom =
        |kind: &str| !kind.is_empty() && kind.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    diagnostic.split_once(';').is_some_and(|(kind, _)| is_atom(kind.trim()))
}

/// RFC 6533 §4.1: an address of type `utf-8` is shown in UTF-8.
pub(super) fn shown_address<'a>(kind: &str, address: &'a str) -> Cow<'a, str> {
    if kind.eq_ignore_ascii_case("utf-8") { unitext_decode(address).into() } else { address.into() }
}

/// Foreign text of bounded length, in ASCII unless `utf8`.
fn foreign(text: &str, utf8: bool) -> String {
    let fitting = |c: char| if c.is_ascii() || utf8 { c } else { '?' };
    text.chars().take(FOREIGN_CHARS_MAX).map(fitting).collect()
}

/// What comes back of the message, with the header of its part; empty for nothing. The flag: the message follows.
fn returned_part(returned: &Returned, global: bool) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    match returned {
        Returned::None => return (out, false),
        Returned::Headers(header) => {
            let header = shown_header(header);
            let eight_bit = global && std::str::from_utf8(&header).is_ok();
            let long = header.split(|&octet| octet == b'\n').any(|line| line.len() > 998);
            let name = if global { "message/global-headers" } else { "text/rfc822-headers" };
            field(&mut out, "Content-Type", name);
            if long || !(eight_bit || header.is_ascii()) {
                field(&mut out, "Content-Transfer-Encoding", "quoted-printable");
                out.extend_from_slice(b"\r\n");
                quote(&header, &mut out);
            } else {
                if !header.is_ascii() {
                    field(&mut out, "Content-Transfer-Encoding", "8bit");
                }
                out.extend_from_slice(b"\r\n");
                out.extend_from_slice(&header);
            }
            return (out, false);
        }
        Returned::Full { eight_bit, internationalised } => {
            let name = if global && *internationalised { "message/global" } else { "message/rfc822" };
            field(&mut out, "Content-Type", name);
            if *eight_bit {
                field(&mut out, "Content-Transfer-Encoding", "8bit");
            }
            out.extend_from_slice(b"\r\n");
        }
    }
    (out, true)
}

/// The fields of a header with proper line ends, up to the bound, without its blank line.
fn shown_header(header: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in crate::header::Fields::new(header) {
        if out.len() + field.raw.len() > Returned::HEADER_OCTETS_MAX {
            break;
        }
        for line in field.raw.split(|&octet| octet == b'\n') {
            let line: Vec<u8> = line.iter().copied().filter(|octet| !matches!(octet, b'\r' | 0)).collect();
            if !line.is_empty() {
                out.extend_from_slice(&line);
                out.extend_from_slice(b"\r\n");
            }
        }
    }
    out
}
