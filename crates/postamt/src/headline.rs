//! Who a message is from and what it is about, for lists of messages.

use mailstore::Email;
use message::{EnvelopeAddress, decode_header};

/// The first sender and the subject, as people read them.
pub struct Headline {
    pub from: Option<String>,
    pub subject: Option<String>,
}

impl Headline {
    /// Of what is kept of its header; nothing where that cannot be read.
    pub fn of(email: &Email) -> Headline {
        let envelope = email.envelope().unwrap_or_default();
        Headline { from: envelope.from.first().map(shown), subject: envelope.subject.as_deref().map(decode_header) }
    }
}

fn shown(address: &EnvelopeAddress) -> String {
    let text = |octets: Option<&[u8]>| String::from_utf8_lossy(octets.unwrap_or_default()).into_owned();
    let mailbox = text(address.mailbox.as_deref());
    match &address.host {
        Some(host) => format!("{mailbox}@{}", String::from_utf8_lossy(host)),
        None => mailbox,
    }
}
