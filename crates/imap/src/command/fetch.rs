//! FETCH (RFC 9051 §6.4.5).

use super::{Encoder, FetchModifiers, Numbering};
use crate::cursor::{Cursor, ParseError, Parsed};
use crate::limits::{FETCH_ITEMS_MAX, HEADER_FIELDS_MAX, SECTION_DEPTH_MAX};
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
    /// What narrows it.
    pub modifiers: FetchModifiers,
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
    /// `MODSEQ` (RFC 7162 §3.1.4.2)
    ModSeq,
    /// `EMAILID` (RFC 8474 §5.3)
    EmailId,
    /// `THREADID`
    ThreadId,
    /// `SAVEDATE` (RFC 8514 §4.2)
    SaveDate,
    /// `PREVIEW`: the first words (RFC 8970 §3).
    Preview {
        /// Whether the client can do without if it takes long.
        priority: PreviewPriority,
    },
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

/// How urgently a preview is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PreviewPriority {
    /// It is waited for.
    Needed,
    /// `(LAZY)`: only if it is at hand (RFC 8970 §4.1).
    Lazy,
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

impl Fetch {
    pub(super) fn parse(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Fetch> {
        cursor.space()?;
        let set = SequenceSet::parse(cursor)?;
        cursor.space()?;
        let before = cursor.clone();
        let items = if cursor.peek() == Some(b'(') {
            cursor.list(FETCH_ITEMS_MAX, FetchItem::parse)?
        } else if let Some(items) = macro_items(&mut cursor.clone()) {
            cursor.word("a macro")?;
            items
        } else {
            vec![FetchItem::parse(cursor)?]
        };
        if items.is_empty() {
            return before.expected("at least one data item");
        }
        Ok(Fetch { numbering, set, items, modifiers: FetchModifiers::parse(cursor, numbering)? })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        to.raw(&format!(" {} (", self.set));
        for (i, item) in self.items.iter().enumerate() {
            to.raw(if i == 0 { "" } else { " " });
            item.encode(to);
        }
        to.raw(")");
        self.modifiers.encode(to);
    }
}

/// RFC 9051 §6.4.5: macros stand alone, never in a list.
fn macro_items(cursor: &mut Cursor<'_>) -> Option<Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Size};
    let items = match cursor.word("a macro").ok()?.to_ascii_uppercase().as_str() {
        "FAST" => vec![Flags, InternalDate, Size],
        "ALL" => vec![Flags, InternalDate, Size, Envelope],
        "FULL" => vec![Flags, InternalDate, Size, Envelope, Body],
        _ => return None,
    };
    Some(items)
}

impl FetchItem {
    fn parse(cursor: &mut Cursor<'_>) -> Parsed<FetchItem> {
        let before = cursor.clone();
        let name = cursor.word("a data item")?.to_ascii_uppercase();
        let whole =
            |name, text, seen| FetchItem::Section(Section { name, part: Vec::new(), text, partial: None, seen });
        Ok(match name.as_str() {
            "ENVELOPE" => FetchItem::Envelope,
            "FLAGS" => FetchItem::Flags,
            "INTERNALDATE" => FetchItem::InternalDate,
            "RFC822.SIZE" => FetchItem::Size,
            "BODYSTRUCTURE" => FetchItem::BodyStructure,
            "UID" => FetchItem::Uid,
            "MODSEQ" => FetchItem::ModSeq,
            "EMAILID" => FetchItem::EmailId,
            "THREADID" => FetchItem::ThreadId,
            "SAVEDATE" => FetchItem::SaveDate,
            "PREVIEW" => FetchItem::Preview { priority: PreviewPriority::parse(cursor)? },
            "RFC822" => whole(SectionName::Rfc822, SectionText::All, SeenPolicy::Set),
            "RFC822.HEADER" => whole(SectionName::Rfc822Header, SectionText::Header, SeenPolicy::Peek),
            "RFC822.TEXT" => whole(SectionName::Rfc822Text, SectionText::Text, SeenPolicy::Set),
            "BODY" if cursor.peek() != Some(b'[') => FetchItem::Body,
            "BODY" => FetchItem::Section(Section::parse(cursor, SeenPolicy::Set)?),
            "BODY.PEEK" => FetchItem::Section(Section::parse(cursor, SeenPolicy::Peek)?),
            "BINARY" => Self::binary(cursor, SeenPolicy::Set)?,
            "BINARY.PEEK" => Self::binary(cursor, SeenPolicy::Peek)?,
            "BINARY.SIZE" => FetchItem::BinarySize { part: binary_part(cursor)? },
            _ => return before.expected("a data item"),
        })
    }

    fn binary(cursor: &mut Cursor<'_>, seen: SeenPolicy) -> Parsed<FetchItem> {
        let part = binary_part(cursor)?;
        Ok(FetchItem::Binary { part, partial: Partial::parse(cursor)?, seen })
    }

    fn encode(&self, to: &mut Encoder) {
        let (name, part, partial) = match self {
            FetchItem::Section(section) => return section.encode(to),
            FetchItem::Binary { part, partial, seen: SeenPolicy::Set } => ("BINARY", Some(part), *partial),
            FetchItem::Binary { part, partial, seen: SeenPolicy::Peek } => ("BINARY.PEEK", Some(part), *partial),
            FetchItem::BinarySize { part } => ("BINARY.SIZE", Some(part), None),
            FetchItem::Envelope => ("ENVELOPE", None, None),
            FetchItem::Flags => ("FLAGS", None, None),
            FetchItem::InternalDate => ("INTERNALDATE", None, None),
            FetchItem::Size => ("RFC822.SIZE", None, None),
            FetchItem::Body => ("BODY", None, None),
            FetchItem::BodyStructure => ("BODYSTRUCTURE", None, None),
            FetchItem::Uid => ("UID", None, None),
            FetchItem::ModSeq => ("MODSEQ", None, None),
            FetchItem::EmailId => ("EMAILID", None, None),
            FetchItem::ThreadId => ("THREADID", None, None),
            FetchItem::SaveDate => ("SAVEDATE", None, None),
            FetchItem::Preview { priority: PreviewPriority::Needed } => ("PREVIEW", None, None),
            FetchItem::Preview { priority: PreviewPriority::Lazy } => ("PREVIEW (LAZY)", None, None),
        };
        to.raw(name);
        if let Some(part) = part {
            to.section(part, &SectionText::All).raw(&Partial::text(partial));
        }
    }
}

impl PreviewPriority {
    /// ` (LAZY)`, if it is there. What else stands in parentheses behind a single item are FETCH modifiers.
    fn parse(cursor: &mut Cursor<'_>) -> Parsed<PreviewPriority> {
        /// One modifier exists; it may be repeated.
        const MODIFIERS_MAX: usize = 10;
        if !cursor.clone().take_word(" (LAZY") {
            return Ok(PreviewPriority::Needed);
        }
        cursor.space()?;
        cursor.list(MODIFIERS_MAX, |c| if c.take_word("LAZY") { Ok(()) } else { c.expected("LAZY") })?;
        Ok(PreviewPriority::Lazy)
    }
}

impl Section {
    /// From the opening bracket on.
    fn parse(cursor: &mut Cursor<'_>, seen: SeenPolicy) -> Parsed<Section> {
        cursor.need(b'[', "a section")?;
        let part = part(cursor)?;
        let text = match cursor.peek() {
            Some(b']') if !part.open => SectionText::All,
            _ => SectionText::parse(cursor, &part.numbers)?,
        };
        cursor.need(b']', "a closing bracket")?;
        let partial = Partial::parse(cursor)?;
        Ok(Section { name: SectionName::Body, part: part.numbers, text, partial, seen })
    }

    fn encode(&self, to: &mut Encoder) {
        match (self.name, self.seen) {
            (SectionName::Rfc822, _) => to.raw("RFC822"),
            (SectionName::Rfc822Header, _) => to.raw("RFC822.HEADER"),
            (SectionName::Rfc822Text, _) => to.raw("RFC822.TEXT"),
            (SectionName::Body, SeenPolicy::Set) => to.raw("BODY"),
            (SectionName::Body, SeenPolicy::Peek) => to.raw("BODY.PEEK"),
        };
        if self.name == SectionName::Body {
            to.section(&self.part, &self.text).raw(&Partial::text(self.partial));
        }
    }
}

impl SectionText {
    /// The word in the brackets; only a part has a MIME header of its own (RFC 9051 §9 `section-text`).
    fn parse(cursor: &mut Cursor<'_>, part: &[u32]) -> Parsed<SectionText> {
        let before = cursor.clone();
        Ok(match cursor.word("a section")?.to_ascii_uppercase().as_str() {
            "HEADER" => SectionText::Header,
            "HEADER.FIELDS" => SectionText::HeaderFields(header_list(cursor)?),
            "HEADER.FIELDS.NOT" => SectionText::HeaderFieldsNot(header_list(cursor)?),
            "TEXT" => SectionText::Text,
            "MIME" if !part.is_empty() => SectionText::Mime,
            _ => return before.expected("a section"),
        })
    }
}

fn header_list(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.space()?;
    let before = cursor.clone();
    let fields = cursor.list(HEADER_FIELDS_MAX, |c| c.field_name())?;
    if fields.is_empty() { before.expected("at least one field name") } else { Ok(fields) }
}

/// A part number, and whether a dot stands behind it, so that something must follow.
struct PartNumber {
    numbers: Vec<u32>,
    open: bool,
}

fn part(cursor: &mut Cursor<'_>) -> Parsed<PartNumber> {
    let mut numbers = Vec::new();
    while cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
        if numbers.len() == SECTION_DEPTH_MAX {
            return Err(ParseError::bad(format!("a part number deeper than {SECTION_DEPTH_MAX}")));
        }
        numbers.push(cursor.nz_number("a part number")?);
        if !cursor.take(b'.') {
            return Ok(PartNumber { numbers, open: false });
        }
    }
    let open = !numbers.is_empty();
    Ok(PartNumber { numbers, open })
}

/// RFC 9051 §9 `section-binary`.
fn binary_part(cursor: &mut Cursor<'_>) -> Parsed<Vec<u32>> {
    cursor.need(b'[', "a section")?;
    let part = part(cursor)?;
    if part.open {
        return cursor.expected("a part number");
    }
    cursor.need(b']', "a closing bracket")?;
    Ok(part.numbers)
}

impl Partial {
    /// `<0.2048>`, if there is one.
    fn parse(cursor: &mut Cursor<'_>) -> Parsed<Option<Partial>> {
        if !cursor.take(b'<') {
            return Ok(None);
        }
        let offset = cursor.number64()?;
        cursor.need(b'.', "a dot")?;
        let before = cursor.clone();
        let length = cursor.number64()?;
        if length == 0 {
            return before.expected("a length that is not zero");
        }
        cursor.need(b'>', "a closing angle bracket")?;
        Ok(Some(Partial { offset, length }))
    }

    fn text(partial: Option<Partial>) -> String {
        partial.map_or(String::new(), |p| format!("<{}.{}>", p.offset, p.length))
    }
}
