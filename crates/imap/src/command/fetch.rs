//! FETCH (RFC 9051 §6.4.5).

use super::Numbering;
use crate::sequence::SequenceSet;

/// What to fetch of which messages. The macros ALL, FAST and FULL come as the items they stand for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetch {
    /// What the numbers are. UID FETCH answers UID even when it is not among the items (RFC 9051 §6.4.9).
    pub numbering: Numbering,
    /// Which messages.
    pub set: SequenceSet,
    /// At least one, in the client's order.
    pub items: Vec<FetchItem>,
}

/// One data item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FetchItem {
    /// `ENVELOPE`
    Envelope,
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `RFC822.SIZE`
    Size,
    /// `BODY`: the structure without its extension data.
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `UID`
    Uid,
    /// `BODY[…]`, `BODY.PEEK[…]`, `RFC822`, `RFC822.HEADER`, `RFC822.TEXT`
    Section(Section),
    /// `BINARY[…]`, `BINARY.PEEK[…]`: a part decoded from its transfer encoding (RFC 9051 §6.4.5.1).
    Binary {
        /// Part number; empty for the whole message.
        part: Vec<u32>,
        /// The octets wanted of it.
        partial: Option<Partial>,
        /// Whether `\Seen` is set.
        seen: SeenPolicy,
    },
    /// `BINARY.SIZE[…]`
    BinarySize {
        /// Part number; empty for the whole message.
        part: Vec<u32>,
    },
}

/// A section of a message, as octets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// How it was asked for and is answered.
    pub name: SectionName,
    /// Part number; empty for the message itself.
    pub part: Vec<u32>,
    /// What of the part.
    pub text: SectionText,
    /// The octets wanted of it.
    pub partial: Option<Partial>,
    /// Whether `\Seen` is set.
    pub seen: SeenPolicy,
}

/// The item's name in command and response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SectionName {
    /// `BODY[…]`
    Body,
    /// `RFC822`, which is `BODY[]` (RFC 3501 §6.4.5).
    Rfc822,
    /// `RFC822.HEADER`, which is `BODY.PEEK[HEADER]`.
    Rfc822Header,
    /// `RFC822.TEXT`, which is `BODY[TEXT]`.
    Rfc822Text,
}

/// What of a part a section names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SectionText {
    /// All of the message, or the body of the part.
    All,
    /// The header of the message or message/rfc822 part, with the empty line.
    Header,
    /// Only these fields of it, with the empty line.
    HeaderFields(Vec<String>),
    /// All but these fields of it, with the empty line.
    HeaderFieldsNot(Vec<String>),
    /// What follows the header of the message or message/rfc822 part.
    Text,
    /// The MIME header of the part.
    Mime,
}

/// `<offset.length>`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partial {
    /// First octet, from 0; fewer than 2^63.
    pub offset: u64,
    /// How many octets at most, not zero.
    pub length: u64,
}

/// Whether fetching sets `\Seen`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SeenPolicy {
    /// It does (unless the mailbox is read-only).
    Set,
    /// `.PEEK`: it does not.
    Peek,
}
