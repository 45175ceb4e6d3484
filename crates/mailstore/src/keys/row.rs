//! The keys of one email, as its row tells them.

use crate::email::Email;
use crate::error::Error;
use message::text::folded;
use message::{Envelope, EnvelopeAddress, IdKey, Threading, base_subject, decode_header};
use model::Timestamp;

/// Characters of an address or name that are compared: people write fewer, and what is kept stays bounded.
const CHARS_MAX: usize = Threading::SUBJECT_CHARS_MAX;

/// What an email is sorted and threaded by. Texts are folded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct EmailKeys {
    pub(crate) sent_at: Option<Timestamp>,
    pub(crate) subject: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) cc: String,
    pub(crate) display_from: String,
    pub(crate) display_to: String,
    pub(crate) is_reply: bool,
    pub(crate) message_id: Option<IdKey>,
    pub(crate) ancestors: Vec<IdKey>,
}

impl EmailKeys {
    /// From the email's row, and what `References` named.
    pub(crate) fn new(email: &Email, envelope: &Envelope, mut ancestors: Vec<IdKey>) -> EmailKeys {
        let (subject, is_reply) = base_subject(&decode_header(envelope.subject.as_deref().unwrap_or_default()));
        if ancestors.is_empty() {
            // RFC 5256 §3: only where References names nobody.
            ancestors.extend(envelope.in_reply_to.as_deref().and_then(IdKey::of_parent));
        }
        EmailKeys {
            sent_at: email.sent_at.map(|sent| sent.at),
            subject: folded(&subject),
            from: mailbox(&envelope.from),
            to: mailbox(&envelope.to),
            cc: mailbox(&envelope.cc),
            display_from: display(&envelope.from),
            display_to: display(&envelope.to),
            is_reply,
            message_id: envelope.message_id.as_deref().and_then(IdKey::of_message),
            ancestors,
        }
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.subject, &self.from, &self.to, &self.cc, &self.display_from, &self.display_to]
            .into_iter()
            .map(String::as_str)
    }
}

/// The `addr-mailbox` of the first address (RFC 5256 §3); of a group, its name.
fn mailbox(addresses: &[EnvelopeAddress]) -> String {
    let mailbox = addresses.first().and_then(|address| address.mailbox.as_deref());
    key(&String::from_utf8_lossy(mailbox.unwrap_or_default()))
}

/// The first address's name, else the address (RFC 5957 §3).
fn display(addresses: &[EnvelopeAddress]) -> String {
    let Some(address) = addresses.first() else { return String::new() };
    let name = address.name.as_deref().map(decode_header).unwrap_or_default();
    if !name.is_empty() {
        return key(&name);
    }
    let mailbox = String::from_utf8_lossy(address.mailbox.as_deref().unwrap_or_default());
    match &address.host {
        Some(host) if address.mailbox.is_some() => key(&format!("{mailbox}@{}", String::from_utf8_lossy(host))),
        _ => key(&mailbox),
    }
}

fn key(text: &str) -> String {
    let end = text.char_indices().nth(CHARS_MAX).map_or(text.len(), |(end, _)| end);
    folded(text.get(..end).unwrap_or(text))
}

impl Email {
    /// What it answers, if its row says so: rows written before it did do not.
    pub(crate) fn keys(&self) -> Result<Option<EmailKeys>, Error> {
        let Some(ancestors) = self.ancestors() else { return Ok(None) };
        Ok(Some(EmailKeys::new(self, &self.envelope()?, ancestors)))
    }
}
