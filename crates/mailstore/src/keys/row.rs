//! The keys of one email, as its row tells them.

use crate::email::Email;
use crate::error::Error;
use message::{FirstAddress, IdKey, SortFields, Threading, base_subject, header_text};
use model::Timestamp;
use std::borrow::Cow;

/// Characters of an address or name that are compared: people write fewer, and what is kept stays bounded.
const CHARS_MAX: usize = Threading::SUBJECT_CHARS_MAX;

/// What is to be compared, beside the sent date: to decode and fold the rest of ten thousand takes longer than to read their rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WantedKeys {
    /// The base subject.
    pub subject: bool,
    /// Addresses and names.
    pub addresses: bool,
    /// The identifiers that make conversations.
    pub conversations: bool,
}

impl WantedKeys {
    pub(super) fn includes(self, other: WantedKeys) -> bool {
        self.and(other) == self
    }

    pub(super) fn and(self, other: WantedKeys) -> WantedKeys {
        WantedKeys {
            subject: self.subject || other.subject,
            addresses: self.addresses || other.addresses,
            conversations: self.conversations || other.conversations,
        }
    }
}

/// What an email is sorted and threaded by, not folded yet. Most is borrowed from its row: ten thousand are read at once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct EmailKeys<'a> {
    pub(crate) sent_at: Option<Timestamp>,
    pub(crate) subject: Cow<'a, str>,
    pub(crate) from: Cow<'a, str>,
    pub(crate) to: Cow<'a, str>,
    pub(crate) cc: Cow<'a, str>,
    pub(crate) display_from: Cow<'a, str>,
    pub(crate) display_to: Cow<'a, str>,
    pub(crate) is_reply: bool,
    pub(crate) message_id: Option<IdKey>,
    pub(crate) ancestors: Vec<IdKey>,
}

impl<'a> EmailKeys<'a> {
    /// From the email's row, and what `References` named.
    pub(crate) fn new(
        email: &Email,
        fields: &SortFields<'a>,
        mut ancestors: Vec<IdKey>,
        wanted: WantedKeys,
    ) -> EmailKeys<'a> {
        let (subject, is_reply) = subject(fields.subject.filter(|_| wanted.subject).unwrap_or_default());
        let [from, to, cc] = [fields.from, fields.to, fields.cc].map(|first| first.filter(|_| wanted.addresses));
        if !wanted.conversations {
            ancestors.clear();
        } else if ancestors.is_empty() {
            // RFC 5256 §3: only where References names nobody.
            ancestors.extend(fields.in_reply_to.and_then(IdKey::of_parent));
        }
        EmailKeys {
            sent_at: email.sent_at.map(|sent| sent.at),
            subject,
            from: mailbox(from),
            to: mailbox(to),
            cc: mailbox(cc),
            display_from: display(from),
            display_to: display(to),
            is_reply,
            message_id: fields.message_id.filter(|_| wanted.conversations).and_then(IdKey::of_message),
            ancestors,
        }
    }

    pub(crate) fn texts(&self) -> [&str; 6] {
        [&self.subject, &self.from, &self.to, &self.cc, &self.display_from, &self.display_to].map(|text| &**text)
    }
}

fn subject(field: &[u8]) -> (Cow<'_, str>, bool) {
    match header_text(field) {
        Cow::Borrowed(text) => base_subject(text),
        Cow::Owned(text) => {
            let (base, is_reply) = base_subject(&text);
            (base.into_owned().into(), is_reply)
        }
    }
}

/// The `addr-mailbox` of the first address (RFC 5256 §3); of a group, its name.
fn mailbox(address: Option<FirstAddress<'_>>) -> Cow<'_, str> {
    cut(String::from_utf8_lossy(address.and_then(|address| address.mailbox).unwrap_or_default()))
}

/// The first address's name, else the address (RFC 5957 §3).
fn display(address: Option<FirstAddress<'_>>) -> Cow<'_, str> {
    let Some(FirstAddress { name, mailbox, host }) = address else { return Cow::default() };
    let name = name.map(header_text).unwrap_or_default();
    if !name.is_empty() {
        return cut(name);
    }
    let local = String::from_utf8_lossy(mailbox.unwrap_or_default());
    match host {
        Some(host) if mailbox.is_some() => cut(format!("{local}@{}", String::from_utf8_lossy(host)).into()),
        _ => cut(local),
    }
}

fn cut(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.char_indices().nth(CHARS_MAX) {
        None => text,
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned().into(),
    }
}

impl Email {
    /// What it answers, if its row says so: rows written before it did do not.
    pub(crate) fn keys(&self, wanted: WantedKeys) -> Result<Option<EmailKeys<'_>>, Error> {
        let Some(ancestors) = self.ancestors() else { return Ok(None) };
        Ok(Some(EmailKeys::new(self, &self.sort_fields()?, ancestors, wanted)))
    }
}
