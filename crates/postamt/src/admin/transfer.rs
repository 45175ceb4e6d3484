//! What is asked and answered when mail moves in or out: see `import` and `export`.

use super::when::When;
use serde::{Deserialize, Serialize};

/// A mailbox of an account.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct MailboxItem {
    pub name: String,
    /// The account's number; older servers do not say.
    #[serde(default)]
    pub account: u32,
    /// As `\Sent`.
    pub special_use: Option<String>,
    pub uid_validity: u32,
    pub messages: u32,
    pub size_octets: u64,
    pub subscribed: bool,
    /// The longest message that the server takes in an import.
    pub message_octets_max: u64,
}

/// A message of a mailbox.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct MemberItem {
    pub uid: u32,
    /// Its number in the account; older servers do not say.
    #[serde(default)]
    pub email: u64,
    pub flags: Vec<String>,
    pub date: When,
    /// That many octets follow when the message was asked for, none when it is gone.
    pub size_octets: u64,
    /// Why its octets do not follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What a message was where it comes from, in hexadecimal digits; it comes in once.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(try_from = "String", into = "String")]
pub struct Source(pub [u8; 16]);

impl From<Source> for String {
    fn from(source: Source) -> String {
        source.0.iter().map(|octet| format!("{octet:02x}")).collect()
    }
}

impl TryFrom<String> for Source {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Source, &'static str> {
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| text.len() == 32 && !text.starts_with('+'));
        number.map(|number| Source(number.to_be_bytes())).ok_or("a source has 32 hexadecimal digits")
    }
}

/// Which sources are known, in the order of the question.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct KnownItem {
    pub known: Vec<bool>,
}

/// A line of the stream that follows a `mail_import`'s `go_on`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// That many octets follow, lines ended by CRLF.
    Message(Arriving),
    /// A mailbox, made if it is not there; also one that stays empty.
    Mailbox(String),
    /// There are no more.
    End {},
}

/// A message about to come.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Arriving {
    /// By which it is answered; answers come in any order.
    pub number: u64,
    pub mailbox: String,
    pub flags: Vec<String>,
    /// Without one: now.
    pub date: Option<When>,
    pub source: Source,
    /// Whether it comes again if the one of this source is in no mailbox any more.
    #[serde(default)]
    pub again: bool,
    pub size_octets: u64,
}

/// What became of a message; it is durable when this comes.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ArrivedItem {
    /// Of [`Arriving`]; none for a mailbox.
    pub number: Option<u64>,
    pub outcome: Arrival,
    /// Why, or what else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What became of a message.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// It is there now.
    Added,
    /// It came before.
    Known,
    /// This one cannot be stored; others may.
    Refused,
    /// Nothing can be stored now, this one and those after it.
    Stopped,
}
