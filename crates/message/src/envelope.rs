//! What IMAP's ENVELOPE tells of a message's header (RFC 9051 §7.5.2).

use crate::Octets;

/// The fields of a header that say who wrote what to whom, unfolded but otherwise as they stand: RFC 2047 words stay encoded.
///
/// They hold no CR, LF or NUL. Of a field that stands several times the last counts; address fields are joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `Date`.
    pub date: Option<Octets>,
    /// `Subject`.
    pub subject: Option<Octets>,
    /// `From`.
    pub from: Vec<EnvelopeAddress>,
    /// `Sender` as written, empty if absent: ENVELOPE wants [`Envelope::sender_or_from`].
    pub sender: Vec<EnvelopeAddress>,
    /// `Reply-To` as written, empty if absent: ENVELOPE wants [`Envelope::reply_to_or_from`].
    pub reply_to: Vec<EnvelopeAddress>,
    /// `To`.
    pub to: Vec<EnvelopeAddress>,
    /// `Cc`.
    pub cc: Vec<EnvelopeAddress>,
    /// `Bcc`.
    pub bcc: Vec<EnvelopeAddress>,
    /// `In-Reply-To`.
    pub in_reply_to: Option<Octets>,
    /// `Message-ID`, with its angle brackets.
    pub message_id: Option<Octets>,
}

impl Envelope {
    /// The `Sender`, or `From` where it is absent or empty (RFC 9051 §7.5.2).
    pub fn sender_or_from(&self) -> &[EnvelopeAddress] {
        if self.sender.is_empty() { &self.from } else { &self.sender }
    }

    /// The `Reply-To`, or `From` where it is absent or empty (RFC 9051 §7.5.2).
    pub fn reply_to_or_from(&self) -> &[EnvelopeAddress] {
        if self.reply_to.is_empty() { &self.from } else { &self.reply_to }
    }
}

/// One address structure of ENVELOPE (RFC 9051 §7.5.2), or the mark where a group begins or ends.
///
/// The second member of IMAP's structure, the source route, is always NIL: RFC 5322 §4.4 tells to ignore it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvelopeAddress {
    /// Display name without quotes, or the comment of an old-style address; RFC 2047 words stay encoded.
    pub name: Option<Octets>,
    /// Local part without quotes; the group's name at its begin; `None` at its end. Empty if the address has none.
    pub mailbox: Option<Octets>,
    /// Domain; `None` marks begin and end of a group, so an address without a domain has an empty one.
    pub host: Option<Octets>,
}

impl EnvelopeAddress {
    /// The mark that begins the group `name`.
    pub fn group_start(name: &[u8]) -> EnvelopeAddress {
        EnvelopeAddress { name: None, mailbox: Some(name.into()), host: None }
    }

    /// The mark that ends a group.
    pub fn group_end() -> EnvelopeAddress {
        EnvelopeAddress::default()
    }

    /// Whether this is a group's begin or end and no address.
    pub fn is_group_mark(&self) -> bool {
        self.host.is_none()
    }
}
