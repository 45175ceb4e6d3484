//! The header fields that a scan keeps, while they stream by.

use memchr::memchr;
use model::Budget;

/// A field that something is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Date,
    Subject,
    From,
    Sender,
    ReplyTo,
    To,
    Cc,
    Bcc,
    InReplyTo,
    MessageId,
    References,
    ContentType,
    ContentId,
    ContentDescription,
    ContentTransferEncoding,
    ContentMd5,
    ContentDisposition,
    ContentLanguage,
    ContentLocation,
    Received,
    DeliveredTo,
}

use Name::*;

const NAMES: [(&str, Name); 21] = [
    ("date", Date),
    ("subject", Subject),
    ("from", From),
    ("sender", Sender),
    ("reply-to", ReplyTo),
    ("to", To),
    ("cc", Cc),
    ("bcc", Bcc),
    ("in-reply-to", InReplyTo),
    ("message-id", MessageId),
    ("references", References),
    ("content-type", ContentType),
    ("content-id", ContentId),
    ("content-description", ContentDescription),
    ("content-transfer-encoding", ContentTransferEncoding),
    ("content-md5", ContentMd5),
    ("content-disposition", ContentDisposition),
    ("content-language", ContentLanguage),
    ("content-location", ContentLocation),
    ("received", Received),
    ("delivered-to", DeliveredTo),
];

/// Between the values of joined fields: an unclosed quote in the first must not swallow the second.
pub(super) const JOINT: u8 = 0;

/// What to do if a field stands twice.
#[derive(PartialEq, Eq)]
enum Again {
    First,
    Last,
    Join,
}

impl Name {
    fn parse(name: &[u8]) -> Option<Name> {
        NAMES.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).map(|&(_, name)| name)
    }

    /// A hidden second `From` must be seen (RFC 5322 §3.6 allows one), and a second `Content-Type` must not change the
    /// structure that a filter saw; of the rest the last counts (RFC 8621 §4.1.2).
    fn again(self) -> Again {
        match self {
            From | Sender | ReplyTo | To | Cc | Bcc => Again::Join,
            Date | Subject | InReplyTo | MessageId | References => Again::Last,
            _ => Again::First,
        }
    }

    fn is_mime(self) -> bool {
        (ContentType as u8..=ContentLocation as u8).contains(&(self as u8))
    }

    /// Octets kept of one field: lists, and types whose parameters are cut in pieces, may be long; the rest is one line
    /// of text, for which 8 KiB is eight times what a line may have (RFC 5322 §2.1.1).
    fn octets_max(self) -> usize {
        match self {
            From | Sender | ReplyTo | To | Cc | Bcc | References | ContentType | ContentDisposition => 64 * 1024,
            _ => 8 * 1024,
        }
    }
}

/// Whose header it is, hence what is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The message that is scanned.
    Root,
    /// The same, when only its surface is.
    Surface,
    /// A message in a part.
    Message,
    /// A part of a multipart.
    Part,
}

/// The field that the next octets belong to.
#[derive(Debug)]
enum Current {
    /// One that is not kept.
    Nothing,
    /// A place in `kept`.
    Kept(usize),
    /// The last of `delivered_to`.
    DeliveredTo,
}

/// The kept fields of one header.
#[derive(Debug)]
pub(super) struct Fields {
    scope: Scope,
    kept: Vec<(Name, Vec<u8>)>,
    current: Current,
    pub(super) received_count: u32,
    pub(super) delivered_to: Vec<Vec<u8>>,
    /// Something did not fit.
    pub(super) cut: bool,
}

impl Fields {
    pub(super) fn new(scope: Scope) -> Fields {
        Fields {
            scope,
            kept: Vec::new(),
            current: Current::Nothing,
            received_count: 0,
            delivered_to: Vec::new(),
            cut: false,
        }
    }

    pub(super) fn scope(&self) -> Scope {
        self.scope
    }

    /// A new field begins; `line` is its first line or the begin of it.
    pub(super) fn start(&mut self, line: &[u8], budget: &mut Budget) {
        self.current = Current::Nothing;
        let Some((name, [_, value @ ..])) = memchr(b':', line).and_then(|colon| line.split_at_checked(colon)) else {
            return;
        };
        let Some(name) = Name::parse(name.trim_ascii_end()) else { return };
        match (name, self.scope) {
            (Received, Scope::Root | Scope::Surface) => self.received_count = self.received_count.saturating_add(1),
            (DeliveredTo, Scope::Root) if self.delivered_to.len() < crate::Scanned::DELIVERED_TO_MAX => {
                self.delivered_to.push(Vec::new());
                self.current = Current::DeliveredTo;
            }
            (Received | DeliveredTo, _) => {}
            (References, scope) if scope != Scope::Root => {}
            (name, Scope::Part) if !name.is_mime() => {}
            (name, Scope::Surface) if name != MessageId => {}
            (name, _) => self.current = self.place(name).map_or(Current::Nothing, Current::Kept),
        }
        self.append(value, budget);
    }

    fn place(&mut self, name: Name) -> Option<usize> {
        let Some(at) = self.kept.iter().position(|(kept, _)| *kept == name) else {
            self.kept.push((name, Vec::new()));
            return Some(self.kept.len() - 1);
        };
        let (_, value) = self.kept.get_mut(at)?;
        match name.again() {
            Again::First => return None,
            Again::Last => value.clear(),
            Again::Join if value.len() >= name.octets_max() => return None,
            Again::Join => value.push(JOINT),
        }
        Some(at)
    }

    /// More of the current field, which may be its continuation lines.
    pub(super) fn append(&mut self, octets: &[u8], budget: &mut Budget) {
        let kept = match self.current {
            Current::Nothing => None,
            Current::Kept(at) => self.kept.get_mut(at).map(|(name, value)| (value, name.octets_max())),
            Current::DeliveredTo => self.delivered_to.last_mut().map(|value| (value, DeliveredTo.octets_max())),
        };
        let Some((value, octets_max)) = kept else { return };
        let room = octets_max.saturating_sub(value.len()).min(budget.octets);
        let fitting = octets.get(..room).unwrap_or(octets);
        self.cut |= fitting.len() < octets.len();
        budget.octets = budget.octets.saturating_sub(fitting.len());
        value.extend_from_slice(fitting);
    }

    /// The value of a field, with folding; empty if it is absent.
    pub(super) fn get(&self, name: Name) -> Option<&[u8]> {
        self.kept.iter().find(|(kept, _)| *kept == name).map(|(_, value)| value.as_slice())
    }
}
