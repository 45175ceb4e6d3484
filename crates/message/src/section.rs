//! IMAP's part numbers (RFC 9051 §6.4.5.1).

use std::ops::Range;

use crate::structure::{Kind, Part, Structure};

/// What of a part is meant: the part specifier's last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// `BODY[]` or `BODY[1.2]`: the message, or a part's body.
    Whole,
    /// `HEADER`: the header of the message, or of the message that a part holds.
    Header,
    /// `TEXT`: the body of the message, or of the message that a part holds.
    Text,
    /// `MIME`: the header of a part.
    Mime,
}

impl Structure {
    /// Where the section lies in the message; `None` if there is no such part, or it has no such section.
    pub fn resolve(&self, path: &[u32], kind: SectionKind) -> Option<Range<u64>> {
        if path.is_empty() {
            let root = self.root();
            return match kind {
                SectionKind::Whole => Some(root.header_start..root.body_end),
                SectionKind::Header => Some(root.header()),
                SectionKind::Text => Some(root.body()),
                SectionKind::Mime => None,
            };
        }
        let part = self.find(path)?;
        match kind {
            SectionKind::Whole => Some(part.body()),
            SectionKind::Mime => Some(part.header()),
            SectionKind::Header => self.message_root(part).map(Part::header),
            SectionKind::Text => self.message_root(part).map(Part::body),
        }
    }

    /// The part with this number. Part 1 of a message that is no multipart is its body; an empty path is no part.
    pub fn find(&self, path: &[u32]) -> Option<&Part> {
        let (mut found, mut inside) = (None, Some(self.root()));
        for &number in path {
            let container = inside?;
            let part = match container.kind {
                Kind::Multipart => self.children(container).nth(usize::try_from(number).ok()?.checked_sub(1)?)?,
                _ if number == 1 => container,
                _ => return None,
            };
            inside = match part.kind {
                Kind::Multipart => Some(part),
                _ => self.message_root(part),
            };
            found = Some(part);
        }
        found
    }

    /// The root of the message that `part` holds, if it holds one.
    fn message_root(&self, part: &Part) -> Option<&Part> {
        matches!(part.kind, Kind::Message(_)).then(|| self.children(part).next()).flatten()
    }
}
