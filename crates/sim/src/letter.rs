//! Letters: each can be told from all others wherever it turns up, to the last octet.

use crate::dice::Dice;
use std::sync::Arc;

/// Whom a recipient's address leads to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Goal {
    /// One of our mailboxes, by its owner's number.
    Account(usize),
    /// Somebody elsewhere.
    Foreign(String),
}

/// An address and what is behind it; nothing if it does not exist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipient {
    /// As it is written in the envelope.
    pub address: String,
    /// To whom it leads.
    pub goals: Vec<Goal>,
}

/// A letter.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its number.
    pub tag: u64,
    /// The reverse path.
    pub from: String,
    /// The envelope's recipients.
    pub recipients: Vec<Recipient>,
    /// The whole message.
    pub octets: Arc<[u8]>,
}

/// The header field that holds a letter's number.
const FIELD: &str = "X-Sim: ";

impl Letter {
    /// A letter with a text of about so many octets.
    pub fn new(tag: u64, from: String, recipients: Vec<Recipient>, text_octets: usize, dice: &mut Dice) -> Letter {
        let to: Vec<&str> = recipients.iter().map(|to| to.address.as_str()).collect();
        let mut octets = format!(
            "From: {from}\r\nTo: {}\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: {}\r\nSubject: letter {}\r\n{FIELD}{tag}\r\n\r\n",
            to.join(", "),
            message_id(tag),
            tag % 7,
        )
        .into_bytes();
        let end = octets.len() + text_octets;
        while octets.len() < end {
            // Lines that begin with dots are the ones that SMTP and POP3 change on the way.
            let dots = if dice.chance(0.1) { dice.below(3) } else { 0 };
            octets.extend(std::iter::repeat_n(b'.', dots as usize));
            octets.extend(format!("{:x} of letter {tag}\r\n", dice.roll()).into_bytes());
        }
        Letter { tag, from, recipients, octets: octets.into() }
    }

    /// Its Message-ID.
    pub fn message_id(&self) -> String {
        message_id(self.tag)
    }
}

/// The Message-ID of a letter.
pub fn message_id(tag: u64) -> String {
    format!("<{tag}@sim.test>")
}

/// The letter with this Message-ID.
pub fn tag_of(message_id: &str) -> Option<u64> {
    message_id.trim().strip_prefix('<')?.strip_suffix("@sim.test>")?.parse().ok()
}

/// What a message is that was found somewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// A letter.
    Letter(u64),
    /// A report that this letter did not reach these.
    Failure(u64, Vec<String>),
    /// A report of something else, or not ours.
    Other,
}

/// Looks at a whole message.
pub fn recognise(octets: &[u8]) -> Found {
    let text = String::from_utf8_lossy(octets);
    let tag = || text.split_once(&format!("\n{FIELD}")).and_then(|(_, rest)| rest.split('\r').next()?.parse().ok());
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let Some(tag) = tag() else { return Found::Other };
    if !head.contains("multipart/report") {
        return Found::Letter(tag);
    }
    let mut failed = Vec::new();
    for group in text.split("\r\n\r\n").filter(|group| group.contains("Action: failed")) {
        failed
            .extend(group.lines().filter_map(|line| line.strip_prefix("Final-Recipient: rfc822; ")).map(str::to_owned));
    }
    if failed.is_empty() { Found::Other } else { Found::Failure(tag, failed) }
}
