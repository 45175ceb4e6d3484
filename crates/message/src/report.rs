//! Delivery status notifications (RFC 3464 in RFC 6522's `multipart/report`; RFC 6533 where an address is not ASCII).
//!
//! A report has three parts: what happened in words for people, the same for programs, and what came back of the
//! message. The returned message can be large, so it is never held here: the caller puts its octets between
//! [`Built::head`] and [`Built::tail`].

mod build;
mod parse;
mod words;
mod xtext;

use model::{Address, Timestamp};

use crate::header::{Fields, unfold};
use crate::scanned::Scanned;
use crate::word::decode_header;

pub use parse::{ParsedRecipient, ParsedReport, parse};
pub use xtext::{xtext_decode, xtext_encode};

/// What became of one message for some of its recipients; [`DeliveryReport::build`] makes a message of it.
///
/// Text of other servers may stand in every `String`: what is no fitting character is replaced when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Our own host name.
    pub reporting_mta: String,
    /// When the message came to us.
    pub arrival: Timestamp,
    /// The sender's ENVID with its xtext undone (RFC 3461 §6.3).
    pub envid: Option<String>,
    /// Who writes the report, as `MAILER-DAEMON@` our host.
    pub from: Address,
    /// Who gets it: the message's reverse path. Its own envelope has a null one (RFC 3461 §6.1).
    pub to: Address,
    /// Of the report, with its angle brackets.
    pub message_id: String,
    /// Of the report.
    pub date: Timestamp,
    /// Random octets that keep foreign text from looking like a delimiter.
    pub boundary: [u8; 16],
    /// What became of whom; at least one.
    pub recipients: Vec<RecipientReport>,
    /// The message's own `Message-ID` and subject, as far as known.
    pub original: Original,
    /// What is sent back of the message.
    pub returned: Returned,
    /// Of the words for people.
    pub language: Language,
}

/// What became of the message for one recipient (RFC 3464 §2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientReport {
    /// The address that the message was accepted for.
    pub final_recipient: String,
    /// Type and address of the sender's ORCPT, its xtext undone.
    pub original_recipient: Option<(String, String)>,
    /// What happened.
    pub action: Action,
    /// RFC 3463.
    pub status: (u8, u16, u16),
    /// The server that said so.
    pub remote_mta: Option<String>,
    /// What it said, as in `smtp; 550 5.1.1 No such user`.
    pub diagnostic: Option<String>,
    /// When it was tried last.
    pub last_attempt: Option<Timestamp>,
    /// Of a delayed message: until when it is tried.
    pub will_retry_until: Option<Timestamp>,
    /// The reason in one sentence for people, in the report's language; may be empty.
    pub explanation: String,
}

/// RFC 3464 §2.3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It is given up.
    Failed,
    /// It is tried further.
    Delayed,
    /// It lies in the mailbox.
    Delivered,
    /// It was given to a server that sends no notifications.
    Relayed,
    /// It was sent on to several addresses.
    Expanded,
}

impl Action {
    /// All of them, the worst first.
    pub const ALL: [Action; 5] =
        [Action::Failed, Action::Delayed, Action::Delivered, Action::Relayed, Action::Expanded];

    /// As the field says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
            Action::Delivered => "delivered",
            Action::Relayed => "relayed",
            Action::Expanded => "expanded",
        }
    }
}

/// What a report says of the message by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Original {
    /// With its angle brackets.
    pub message_id: Option<String>,
    /// Decoded.
    pub subject: Option<String>,
}

impl Original {
    /// From the message's header.
    pub fn of(header: &[u8]) -> Original {
        let value = |name: &[u8]| Fields::new(header).find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value);
        Original {
            message_id: value(b"Message-ID").and_then(|value| String::from_utf8(unfold(value)).ok()),
            subject: value(b"Subject").map(decode_header),
        }
    }
}

/// What is sent back of the message (RFC 3461 §4.3 RET).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returned {
    /// Nothing, as of a message that is gone.
    None,
    /// Its header, of which at most [`Returned::HEADER_OCTETS_MAX`] octets are shown.
    Headers(Vec<u8>),
    /// All of it, for failures (RFC 3461 §6.2); the caller appends it to [`Built::head`].
    Full {
        /// Whether any octet is above 127.
        eight_bit: bool,
        /// Whether its header is in UTF-8 (RFC 6532), so that it must be called `message/global`.
        internationalised: bool,
    },
}

impl Returned {
    /// More than anyone wants to read; a header whose rest is left out is still a header.
    pub const HEADER_OCTETS_MAX: usize = 64 * 1024;

    /// The whole message if it may stand within another as it is, else its header.
    ///
    /// What is no proper text in lines would need an encoding, which `message/rfc822` must not have (RFC 2046 §5.2.1).
    pub fn full_or_headers(scanned: &Scanned, header: &[u8]) -> Returned {
        if scanned.has_nul || scanned.has_bare_line_end || scanned.has_long_line {
            return Returned::Headers(header.to_vec());
        }
        let internationalised = !header.is_ascii() && std::str::from_utf8(header).is_ok();
        Returned::Full { eight_bit: scanned.eight_bit, internationalised }
    }
}

/// In what language people are addressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

/// A report as a message: `head`, then the original's octets if `with_original`, then `tail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Up to where the returned message stands.
    pub head: Vec<u8>,
    /// Whether the original's octets stand between, exactly as they were scanned.
    pub with_original: bool,
    /// Behind it.
    pub tail: Vec<u8>,
    /// Whether it needs 8BITMIME (RFC 6152).
    pub eight_bit: bool,
    /// Whether it needs SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
}

impl DeliveryReport {
    /// The report as a message, for an envelope from `<>` to [`DeliveryReport::to`].
    pub fn build(&self) -> Built {
        build::build(self)
    }

    /// Whether an address needs RFC 6533's types.
    fn is_global(&self) -> bool {
        let recipient_is = |recipient: &RecipientReport| {
            let original = recipient.original_recipient.as_ref();
            !recipient.final_recipient.is_ascii()
                || original.is_some_and(|(kind, address)| !build::shown_address(kind, address).is_ascii())
        };
        !self.to.is_ascii() || !self.from.is_ascii() || self.recipients.iter().any(recipient_is)
    }

    /// The worst that happened, which the subject tells.
    fn worst(&self) -> Action {
        let happened = |action: &Action| self.recipients.iter().any(|recipient| recipient.action == *action);
        Action::ALL.into_iter().find(happened).unwrap_or(Action::Failed)
    }
}

#[cfg(test)]
mod tests;
