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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scanner;

    const MAIL: &str = include_str!("section/nested.eml");

    #[test]
    fn part_numbers_by_the_book() {
        let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
        scanner.push(MAIL.as_bytes());
        let structure = scanner.finish().structure;
        let check = |section: &str, want: Option<&str>| {
            let mut words: Vec<&str> = section.split('.').filter(|word| !word.is_empty()).collect();
            let kind = match words.last() {
                Some(&"HEADER") => SectionKind::Header,
                Some(&"TEXT") => SectionKind::Text,
                Some(&"MIME") => SectionKind::Mime,
                _ => SectionKind::Whole,
            };
            words.retain(|word| word.parse::<u32>().is_ok());
            let path: Vec<u32> = words.iter().map(|word| word.parse().unwrap()).collect();
            let found = structure.resolve(&path, kind).map(|range| &MAIL[range.start as usize..range.end as usize]);
            // The begin is enough to know it by.
            assert_eq!(found.map(|text| text.lines().next().unwrap_or_default()), want, "{section}");
        };
        check("", Some("Subject: root"));
        check("HEADER", Some("Subject: root"));
        check("TEXT", Some("preamble"));
        check("MIME", None);
        check("1", Some("one"));
        check("1.1", None);
        check("1.MIME", Some("Content-Type: text/plain"));
        check("1.HEADER", None);
        check("2", Some("X: two"));
        check("3", Some("Subject: three"));
        check("3.MIME", Some("Content-Type: message/rfc822"));
        check("3.HEADER", Some("Subject: three"));
        check("3.TEXT", Some("three-one"));
        check("3.1", Some("three-one"));
        check("3.1.MIME", Some("Subject: three"));
        check("3.1.1", None);
        check("3.2", None);
        check("4", Some("Subject: four"));
        check("4.1", Some("four-one"));
        check("4.1.MIME", Some("Content-Type: text/plain"));
        check("4.2", Some("--c"));
        check("4.2.1", Some("four-two-one"));
        check("4.2.2", Some("four-two-two"));
        check("4.2.3", None);
        check("4.2.HEADER", None);
        check("0", None);
        check("5", None);
        check("4294967295", None);
    }
}
