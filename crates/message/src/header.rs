//! A header's fields as they stand (RFC 5322 §2.2).

mod pick;
mod print;

use std::ops::Range;

pub use pick::FieldPicker;
pub(crate) use print::{field, phrase};

use crate::cursor::Cursor;
use memchr::memchr3;

/// One field with its continuation lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Before the colon, without white space; empty for a line that has no colon.
    pub name: &'a [u8],
    /// Behind the colon, with folding but without the last line end.
    pub value: &'a [u8],
    /// The whole field with its last line end.
    pub raw: &'a [u8],
    /// Where `raw` lies in the header.
    pub range: Range<usize>,
}

/// The fields of a header one by one, up to its blank line or end. A bare LF ends a line too.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// Reads `header`, which may go on behind the blank line.
    pub fn new(header: &'a [u8]) -> Fields<'a> {
        Fields { rest: header, at: 0 }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if self.rest.is_empty() || matches!(self.rest, [b'\n', ..] | [b'\r', b'\n', ..]) {
            return None;
        }
        let (raw, rest) = self.rest.split_at_checked(field_octets(self.rest))?;
        let range = self.at..self.at + raw.len();
        (self.rest, self.at) = (rest, range.end);
        let mut cursor = Cursor::new(raw);
        let name = cursor.take_while(|octet| octet != b':' && octet != b'\n');
        let (name, value) = if cursor.eat(b':') { (name, cursor.rest()) } else { (&b""[..], raw) };
        Some(Field { name: name.trim_ascii_end(), value: without_line_end(value), raw, range })
    }
}

/// How long the field is that `header` begins with: up to the line end that no white space follows.
fn field_octets(header: &[u8]) -> usize {
    let mut octets = 0;
    for line in header.split_inclusive(|&octet| octet == b'\n') {
        if octets > 0 && !line.starts_with(b" ") && !line.starts_with(b"\t") {
            break;
        }
        octets += line.len();
    }
    octets
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A field's value on one line: line ends go (RFC 5322 §2.2.3), and NUL, which IMAP cannot say; white space around it too.
pub fn unfold(value: &[u8]) -> Vec<u8> {
    let value = value.trim_ascii();
    let mut line = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(end) = memchr3(b'\r', b'\n', 0, rest) {
        let (run, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        line.extend_from_slice(run);
        rest = behind.split_first().map_or(behind, |(_, behind)| behind);
    }
    line.extend_from_slice(rest);
    line
}

/// Which fields [`FieldPicker`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// HEADER.FIELDS: those named.
    Include,
    /// HEADER.FIELDS.NOT: all but those named.
    Exclude,
}

/// The fields of `header` by name: [`FieldPicker`] for a header that is in memory.
pub fn header_fields(header: &[u8], names: &[impl AsRef<[u8]>], selection: Selection) -> Vec<u8> {
    let (mut picker, mut out) = (FieldPicker::new(names, selection), Vec::new());
    picker.push(header, |octets| out.extend_from_slice(octets));
    picker.finish(|octets| out.extend_from_slice(octets));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"From: a\r\nSubject : b\r\n  c\n\td\nno colon\r\nfrom:e\r\n\r\nTo: body\r\n";

    #[test]
    fn fields_one_by_one() {
        let fields: Vec<_> = Fields::new(HEADER).collect();
        let names: Vec<_> = fields.iter().map(|f| str::from_utf8(f.name).unwrap()).collect();
        assert_eq!(names, ["From", "Subject", "", "from"]);
        assert_eq!(unfold(fields[1].value), b"b  c\td");
        assert!(fields.iter().all(|f| &HEADER[f.range.clone()] == f.raw));
        assert_eq!(fields.last().unwrap().range.end, HEADER.len() - 2 - 10);
    }

    #[test]
    fn fields_by_name() {
        let check = |names: &[&str], selection, want: &str| {
            assert_eq!(String::from_utf8(header_fields(HEADER, names, selection)).unwrap(), want);
        };
        check(&["FROM", "To"], Selection::Include, "From: a\r\nfrom:e\r\n\r\n");
        check(&["x"], Selection::Include, "\r\n");
        check(&["from", "subject"], Selection::Exclude, "no colon\r\n\r\n");
        // All header: there is no blank line to give.
        assert_eq!(header_fields(b"A: b", &["a"], Selection::Include), b"A: b\r\n");
    }
}
