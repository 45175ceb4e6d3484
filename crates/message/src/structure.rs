//! The tree of a message's parts, with the octet ranges where they lie.

use std::ops::Range;

use crate::envelope::Envelope;
use crate::parameter::Parameter;
use crate::transfer::TransferEncoding;
use crate::{Octets, parameter};

/// All parts of a message in the order they stand in (preorder); never without the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    pub(crate) parts: Vec<Part>,
    pub(crate) truncated: bool,
}

/// One part: a leaf, a multipart, or a message within the message.
///
/// Offsets count octets from the start of the message. The header includes its blank line, so the body begins where it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its place in [`Structure::parts`].
    pub index: u32,
    /// The part it lies in; `None` for the root.
    pub parent: Option<u32>,
    /// One behind its last descendant.
    pub(crate) end: u32,
    /// What it holds.
    pub kind: Kind,
    /// `text` in `text/plain`; in lower case.
    pub media_type: Box<str>,
    /// `plain` in `text/plain`; in lower case.
    pub media_subtype: Box<str>,
    /// Parameters of `Content-Type`.
    pub parameters: Vec<Parameter>,
    /// `Content-ID`, with its angle brackets.
    pub id: Option<Octets>,
    /// `Content-Description`; RFC 2047 words stay encoded.
    pub description: Option<Octets>,
    /// `Content-Transfer-Encoding`.
    pub encoding: TransferEncoding,
    /// `Content-MD5`.
    pub md5: Option<Octets>,
    /// `Content-Disposition`.
    pub disposition: Option<Disposition>,
    /// The tags of `Content-Language`.
    pub language: Vec<Octets>,
    /// `Content-Location`.
    pub location: Option<Octets>,
    /// Where the header begins.
    pub header_start: u64,
    /// Where the header ends and the body begins.
    pub body_start: u64,
    /// Where the body ends: the line end before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
    pub body_end: u64,
    /// Line feeds in the body.
    pub lines: u64,
}

/// What a part holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `text/*`.
    Text,
    /// Anything opaque; also a multipart or message that was too deep or encoded, so it was not looked into.
    Leaf,
    /// Parts: at least one.
    Multipart,
    /// A message (`message/rfc822`, `message/global`): its envelope; its root is this part's only child.
    Message(Box<Envelope>),
}

/// `Content-Disposition` (RFC 2183).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// `attachment`, `inline` or another token; in lower case.
    pub kind: Box<str>,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
}

impl Structure {
    /// Containers that may lie in each other, whatever the budget says: who walks the tree may recurse this deep.
    ///
    /// Real mail stays below ten; Dovecot draws the same line.
    pub const DEPTH_MAX: usize = 100;

    /// The whole message as a part.
    pub fn root(&self) -> &Part {
        self.parts.first().expect("the scanner and the row decoder make no structure without a root")
    }

    /// All parts in the order they stand in; `parts()[0]` is the root.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The parts that lie directly in `part`: of a multipart its parts, of a message its root, of a leaf none.
    pub fn children<'a>(&'a self, part: &Part) -> impl Iterator<Item = &'a Part> + use<'a> {
        let (mut next, end) = (part.index + 1, part.end);
        std::iter::from_fn(move || {
            let child = self.parts.get(next as usize).filter(|_| next < end)?;
            next = child.end;
            Some(child)
        })
    }

    /// The part that `part` lies in.
    pub fn parent(&self, part: &Part) -> Option<&Part> {
        part.parent.and_then(|index| self.parts.get(index as usize))
    }

    /// Whether the budget ran out, so that something is missing here that the message holds.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }
}

impl Part {
    /// The header with its blank line.
    pub fn header(&self) -> Range<u64> {
        self.header_start..self.body_start
    }

    /// The body, still in its transfer encoding.
    pub fn body(&self) -> Range<u64> {
        self.body_start..self.body_end
    }

    /// Octets of the body, still in its transfer encoding.
    pub fn body_octets(&self) -> u64 {
        self.body_end - self.body_start
    }

    /// Whether it is `media_type/media_subtype`; both in lower case.
    pub fn is(&self, media_type: &str, media_subtype: &str) -> bool {
        *self.media_type == *media_type && *self.media_subtype == *media_subtype
    }

    /// The media type that BODYSTRUCTURE may say: a multipart or message that was not looked into is shown as
    /// `application/octet-stream`, for the grammar demands its inside (RFC 9051 §9 `body-type-basic`).
    pub fn shown_media(&self) -> (&str, &str) {
        let container =
            &*self.media_type == "multipart" || self.is("message", "rfc822") || self.is("message", "global");
        match self.kind {
            Kind::Leaf if container => ("application", "octet-stream"),
            _ => (&self.media_type, &self.media_subtype),
        }
    }

    /// The parameter `name` of `Content-Type`, decoded for people.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter::decoded(&self.parameters, name)
    }

    /// The file name its sender gave it, decoded; it is foreign text and may hold path separators.
    pub fn filename(&self) -> Option<String> {
        let disposition = self.disposition.as_ref().and_then(|d| parameter::decoded(&d.parameters, "filename"));
        disposition.or_else(|| self.parameter("name"))
    }
}
