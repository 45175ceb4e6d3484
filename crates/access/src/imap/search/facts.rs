//! What is known of a message when a condition is asked: its membership, then its row, then its octets.

use super::condition::{Condition, EnvelopeField};
use super::pace::Pace;
use mailstore::{Account, Email, Error, Member};
use message::header::Fields;
use message::text::{folded, searchable};
use message::{Envelope, EnvelopeAddress, Kind, Structure, decode_header};
use model::{Budget, EmailId, SeqNum};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Octets of a message's header that are searched.
const HEADER_OCTETS_MAX: u64 = 1 << 20;
/// Octets of a message's text that are searched: people do not write more, and what a program wrote is an attachment.
const TEXT_OCTETS_MAX: u64 = 4 << 20;

/// What is known.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub seq: SeqNum,
    pub member: &'a Member,
    pub row: Option<&'a Row>,
    pub text: Option<&'a Text>,
}

impl<'a> Facts<'a> {
    pub fn of_view(seq: SeqNum, member: &'a Member) -> Facts<'a> {
        Facts { seq, member, row: None, text: None }
    }
}

/// An email's row, read.
pub(super) struct Row {
    pub email: Email,
    envelope: Envelope,
    /// The envelope's fields as they are searched, once one is.
    fields: [OnceLock<String>; EnvelopeField::COUNT],
}

/// A message's text, folded.
#[derive(Default)]
pub(super) struct Text {
    raw_header: Vec<u8>,
    /// The header's fields by their names in lower case, once one is asked for.
    fields: OnceLock<BTreeMap<Vec<u8>, String>>,
    pub header: String,
    pub body: String,
}

/// Reads what the conditions ask for, and no more.
pub(super) struct Loader {
    account: Arc<Account>,
    wants_rows: bool,
    wants_header: bool,
    wants_body: bool,
}

impl Loader {
    pub fn new(account: &Arc<Account>, condition: &Condition) -> Loader {
        let wants_header = condition.any(&|c| matches!(c, Condition::Header { .. } | Condition::Text(_)));
        let wants_body = condition.any(&|c| matches!(c, Condition::Body(_) | Condition::Text(_)));
        let of_rows = condition.any(&|c| matches!(c, Condition::Sent(_) | Condition::Envelope(..)));
        let wants_rows = of_rows || wants_header || wants_body;
        Loader { account: account.clone(), wants_rows, wants_header, wants_body }
    }

    /// Whether more than the view is looked at.
    pub fn reads(&self) -> bool {
        self.wants_rows
    }

    /// The rows of emails; `None` where one has ended, or is damaged.
    pub async fn rows(&self, ids: &[EmailId]) -> Result<Vec<Option<Row>>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut trouble = crate::imap::fetch::Trouble::default();
        let emails = crate::imap::fetch::rows(&self.account, ids, &mut trouble).await?;
        let row = |email: Option<Email>| {
            let email = email?;
            let envelope = email.envelope().inspect_err(|error| trouble.note(error)).ok()?;
            Some(Row { email, envelope, fields: Default::default() })
        };
        Ok(emails.into_iter().map(row).collect())
    }

    /// The text of a message; `None` when its octets are gone.
    pub async fn text(&self, row: &Row, pace: &mut Pace<'_>) -> Result<Option<Text>, Error> {
        match self.read_text(&row.email, pace).await {
            Ok(text) => Ok(Some(text)),
            Err(Error::BodyMissing(_)) => Ok(None),
            Err(error) if error.is_damage() => {
                tracing::error!(event = "mail.damaged", account = %self.account.id(), cause = %error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn read_text(&self, email: &Email, pace: &mut Pace<'_>) -> Result<Text, Error> {
        let structure = email.structure()?;
        let mut text = Text::default();
        if self.wants_header {
            let header = email.seen(structure.root().header());
            let raw = self.octets(email, header.start..header.end.min(HEADER_OCTETS_MAX)).await?;
            text.header = header_text(&raw);
            pace.took(raw.len()).await;
            text.raw_header = raw;
        }
        if self.wants_header && self.wants_body {
            text.header.push_str(&self.mime_headers(email, &structure, pace).await?);
        }
        if self.wants_body {
            text.body = self.body(email, &structure, pace).await?;
        }
        Ok(text)
    }

    /// The headers of the parts, at which TEXT looks too (RFC 9051 §6.4.4).
    async fn mime_headers(&self, email: &Email, structure: &Structure, pace: &mut Pace<'_>) -> Result<String, Error> {
        let shift = email.prefix().len() as u64;
        let mut left = HEADER_OCTETS_MAX;
        let mut text = String::new();
        for part in structure.parts().iter().skip(1) {
            let header = part.header();
            let range = header.start + shift..header.end.min(header.start + left) + shift;
            left -= range.end - range.start;
            let octets = self.octets(email, range).await?;
            text.push_str(&header_text(&octets));
            pace.took(octets.len()).await;
        }
        Ok(text)
    }

    /// The text parts one after another, and the headers of messages within.
    async fn body(&self, email: &Email, structure: &Structure, pace: &mut Pace<'_>) -> Result<String, Error> {
        let shift = email.prefix().len() as u64;
        let mut left = TEXT_OCTETS_MAX;
        let mut body = String::new();
        for part in structure.parts() {
            let within = match part.kind {
                Kind::Text => part.body(),
                Kind::Message(_) => structure.children(part).next().map_or(0..0, |root| root.header()),
                _ => continue,
            };
            let range = within.start + shift..within.end.min(within.start + left) + shift;
            left -= range.end - range.start;
            let octets = self.octets(email, range).await?;
            let budget = Budget { octets: octets.len(), items: 0, depth: 0, steps: 0 };
            body.push_str(&match part.kind {
                Kind::Text => folded(&searchable(part, &octets, &budget)),
                _ => header_text(&octets),
            });
            body.push('\n');
            pace.took(octets.len()).await;
        }
        Ok(body)
    }

    async fn octets(&self, email: &Email, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let mut octets = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let piece = self.account.octets(email, at..range.end.min(at + (64 << 10))).await?;
            if piece.is_empty() {
                break;
            }
            at += piece.len() as u64;
            octets.extend_from_slice(&piece);
        }
        Ok(octets)
    }
}

/// `name: value` line by line, decoded and folded.
fn header_text(header: &[u8]) -> String {
    let mut text = String::new();
    for field in Fields::new(header) {
        text.push_str(&String::from_utf8_lossy(field.name));
        text.push_str(": ");
        text.push_str(&decode_header(field.value));
        text.push('\n');
    }
    folded(&text)
}

impl Row {
    /// A field of the envelope, decoded and folded: addresses one on a line. `None` when the message has none, in which
    /// not even the empty string is found (as HEADER says it, RFC 9051 §6.4.4).
    pub fn field(&self, field: EnvelopeField) -> Option<&str> {
        let envelope = &self.envelope;
        let there = match field {
            EnvelopeField::From => !envelope.from.is_empty(),
            EnvelopeField::To => !envelope.to.is_empty(),
            EnvelopeField::Cc => !envelope.cc.is_empty(),
            EnvelopeField::Bcc => !envelope.bcc.is_empty(),
            EnvelopeField::Subject => envelope.subject.is_some(),
        };
        let lines = |addresses: &[EnvelopeAddress]| addresses.iter().map(|address| shown(address) + "\n").collect();
        let text = || match field {
            EnvelopeField::From => lines(&self.envelope.from),
            EnvelopeField::To => lines(&self.envelope.to),
            EnvelopeField::Cc => lines(&self.envelope.cc),
            EnvelopeField::Bcc => lines(&self.envelope.bcc),
            EnvelopeField::Subject => self.envelope.subject.as_deref().map(decode_header).unwrap_or_default(),
        };
        self.fields.get(field as usize).filter(|_| there).map(|once| once.get_or_init(|| folded(&text())).as_str())
    }
}

/// An address as people see it.
fn shown(address: &EnvelopeAddress) -> String {
    let text = |octets: &Option<message::Octets>| octets.as_deref().map(decode_header).unwrap_or_default();
    let name = text(&address.name);
    match address.is_group_mark() {
        true => text(&address.mailbox),
        false => format!("{name} <{}@{}>", text(&address.mailbox), text(&address.host)),
    }
}

impl Text {
    /// The values of all fields of that name, decoded and folded, each ended by NUL, which no key holds.
    pub fn field(&self, name: &str) -> Option<&str> {
        let fields = self.fields.get_or_init(|| {
            let mut fields: BTreeMap<Vec<u8>, String> = BTreeMap::new();
            for field in Fields::new(&self.raw_header) {
                let values = fields.entry(field.name.to_ascii_lowercase()).or_default();
                values.push_str(&folded(&decode_header(field.value)));
                values.push('\0');
            }
            fields
        });
        fields.get(name.to_ascii_lowercase().as_bytes()).map(String::as_str)
    }
}
