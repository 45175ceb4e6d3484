//! Reports as others send them.

use model::Timestamp;

use crate::cursor::Cursor;
use crate::date::SentAt;
use crate::header::{Fields, unfold};
use crate::report::Action;

/// What a delivery status says; what could not be read is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParsedReport {
    /// Without its type.
    pub reporting_mta: Option<String>,
    /// The sender's ENVID.
    pub envid: Option<String>,
    /// When the message came to the reporting server.
    pub arrival: Option<Timestamp>,
    /// At least one, at most [`ParsedReport::RECIPIENTS_MAX`].
    pub recipients: Vec<ParsedRecipient>,
}

impl ParsedReport {
    /// More recipients than a transaction has.
    pub const RECIPIENTS_MAX: usize = 1_000;
    /// More octets than that many recipients need.
    pub const OCTETS_MAX: usize = 1024 * 1024;
}

/// What it says of one recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParsedRecipient {
    /// The address without its type.
    pub final_recipient: String,
    /// Type in lower case, and address.
    pub original_recipient: Option<(String, String)>,
    /// What happened.
    pub action: Option<Action>,
    /// RFC 3463.
    pub status: Option<(u8, u16, u16)>,
    /// Without its type.
    pub remote_mta: Option<String>,
    /// As it stands, with its type.
    pub diagnostic: Option<String>,
    /// When it was tried last.
    pub last_attempt: Option<Timestamp>,
    /// Until when it will be tried.
    pub will_retry_until: Option<Timestamp>,
}

/// Reads the body of a `message/delivery-status` or `message/global-delivery-status`, its transfer encoding undone.
/// `None` if it names no recipient.
pub fn parse(body: &[u8]) -> Option<ParsedReport> {
    let mut rest = body.get(..ParsedReport::OCTETS_MAX).unwrap_or(body);
    let mut report = ParsedReport::default();
    while !rest.is_empty() && report.recipients.len() < ParsedReport::RECIPIENTS_MAX {
        let mut octets = 0;
        let mut recipient = ParsedRecipient::default();
        for field in Fields::new(rest) {
            octets = field.range.end;
            let value = String::from_utf8_lossy(&unfold(field.value)).into_owned();
            message_field(&mut report, field.name, &value);
            recipient_field(&mut recipient, field.name, value);
        }
        if !recipient.final_recipient.is_empty() {
            report.recipients.push(recipient);
        }
        let (_, behind) = rest.split_at_checked(octets)?;
        rest = blank_lines_gone(behind);
    }
    (!report.recipients.is_empty()).then_some(report)
}

fn blank_lines_gone(octets: &[u8]) -> &[u8] {
    let mut cursor = Cursor::new(octets);
    cursor.take_while(|octet| matches!(octet, b'\r' | b'\n'));
    cursor.rest()
}

/// RFC 3464 §2.2.
fn message_field(report: &mut ParsedReport, name: &[u8], value: &str) {
    if name.eq_ignore_ascii_case(b"Reporting-MTA") {
        report.reporting_mta = Some(typed(value).1);
    } else if name.eq_ignore_ascii_case(b"Original-Envelope-Id") {
        report.envid = Some(value.to_owned());
    } else if name.eq_ignore_ascii_case(b"Arrival-Date") {
        report.arrival = time(value);
    }
}

/// RFC 3464 §2.3.
fn recipient_field(recipient: &mut ParsedRecipient, name: &[u8], value: String) {
    match &*name.to_ascii_lowercase() {
        b"final-recipient" => recipient.final_recipient = typed(&value).1,
        b"original-recipient" => recipient.original_recipient = Some(typed(&value)),
        b"action" => recipient.action = action(&value),
        b"status" => recipient.status = status(&value),
        b"remote-mta" => recipient.remote_mta = Some(typed(&value).1),
        b"diagnostic-code" => recipient.diagnostic = Some(value),
        b"last-attempt-date" => recipient.last_attempt = time(&value),
        b"will-retry-until" => recipient.will_retry_until = time(&value),
        _ => {}
    }
}

/// Type in lower case and the rest; some servers leave the type out.
fn typed(value: &str) -> (String, String) {
    match value.split_once(';') {
        Some((kind, rest)) => (kind.trim().to_ascii_lowercase(), rest.trim().to_owned()),
        None => (String::new(), value.trim().to_owned()),
    }
}

/// The first word, comments left out.
fn word(value: &str) -> &[u8] {
    let mut cursor = Cursor::new(value.as_bytes());
    cursor.skip_cfws();
    cursor.take_while(|octet| octet.is_ascii_graphic() && octet != b'(')
}

fn action(value: &str) -> Option<Action> {
    Action::ALL.into_iter().find(|action| action.as_str().as_bytes().eq_ignore_ascii_case(word(value)))
}

/// RFC 3464 §2.3.4.
fn status(value: &str) -> Option<(u8, u16, u16)> {
    let mut numbers = std::str::from_utf8(word(value)).ok()?.split('.');
    let status = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    let (class, subject, detail) = status;
    (numbers.next().is_none() && class < 10 && subject < 1000 && detail < 1000).then_some(status)
}

fn time(value: &str) -> Option<Timestamp> {
    SentAt::parse(value.as_bytes()).map(|sent| sent.at)
}
