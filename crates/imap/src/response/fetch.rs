//! `* n FETCH (…)`, item by item.

use message::{Envelope, Structure};
use model::{ModSeq, Timestamp, Uid};

use super::mailbox::flag_list;
use super::structure::{Detail, structure};
use super::{envelope::envelope, text};
use crate::command::{Section, SectionName, SectionText};

/// Writes one FETCH response (RFC 9051 §7.5.2); it holds no buffer, so the caller may send between the items.
///
/// After [`FetchWriter::section`] and [`FetchWriter::binary`] exactly the announced octets must be written before anything else.
///
/// ```
/// # use imap::FetchWriter;
/// # use model::{SeqNum, Uid};
/// let mut out = Vec::new();
/// let mut fetch = FetchWriter::begin(&mut out, SeqNum(12));
/// fetch.uid(&mut out, Uid(70));
/// fetch.flags(&mut out, ["\\Seen"].into_iter());
/// fetch.end(&mut out);
/// assert_eq!(out, b"* 12 FETCH (UID 70 FLAGS (\\Seen))\r\n");
/// ```
#[derive(Debug)]
#[must_use = "a FETCH response must be ended"]
pub struct FetchWriter {
    empty: bool,
}

impl FetchWriter {
    /// `* n FETCH (`
    pub fn begin(out: &mut Vec<u8>, seq: model::SeqNum) -> FetchWriter {
        out.extend_from_slice(b"* ");
        text::number(out, seq.0.into());
        out.extend_from_slice(b" FETCH (");
        FetchWriter { empty: true }
    }

    /// `)`
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b")\r\n");
    }

    fn name(&mut self, out: &mut Vec<u8>, name: &[u8]) {
        if !std::mem::take(&mut self.empty) {
            out.push(b' ');
        }
        out.extend_from_slice(name);
    }

    /// `UID`
    pub fn uid(&mut self, out: &mut Vec<u8>, uid: Uid) {
        self.name(out, b"UID ");
        text::number(out, uid.0.into());
    }

    /// `FLAGS`
    pub fn flags<'f>(&mut self, out: &mut Vec<u8>, flags: impl Iterator<Item = &'f str>) {
        self.name(out, b"FLAGS ");
        flag_list(out, flags);
    }

    /// `MODSEQ` (RFC 7162 §3.1.4)
    pub fn mod_seq(&mut self, out: &mut Vec<u8>, mod_seq: ModSeq) {
        self.name(out, b"MODSEQ (");
        text::number(out, mod_seq.0);
        out.push(b')');
    }

    /// `INTERNALDATE`, in UTC.
    pub fn internal_date(&mut self, out: &mut Vec<u8>, date: Timestamp) {
        self.name(out, b"INTERNALDATE \"");
        text::date_time(out, date);
        out.push(b'"');
    }

    /// `SAVEDATE` (RFC 8514 §4.2), in UTC.
    pub fn save_date(&mut self, out: &mut Vec<u8>, date: Timestamp) {
        self.name(out, b"SAVEDATE \"");
        text::date_time(out, date);
        out.push(b'"');
    }

    /// `EMAILID` (RFC 8474 §5.3)
    pub fn email_id(&mut self, out: &mut Vec<u8>, id: &str) {
        self.object_id(out, b"EMAILID (", id);
    }

    /// `THREADID`
    pub fn thread_id(&mut self, out: &mut Vec<u8>, id: &str) {
        self.object_id(out, b"THREADID (", id);
    }

    fn object_id(&mut self, out: &mut Vec<u8>, name: &[u8], id: &str) {
        self.name(out, name);
        text::line_text(out, id);
        out.push(b')');
    }

    /// `PREVIEW` (RFC 8970 §3.2)
    pub fn preview(&mut self, out: &mut Vec<u8>, preview: &str) {
        self.name(out, b"PREVIEW ");
        text::string(out, preview.as_bytes());
    }

    /// `RFC822.SIZE`
    pub fn size(&mut self, out: &mut Vec<u8>, octets: u64) {
        self.name(out, b"RFC822.SIZE ");
        text::number(out, octets);
    }

    /// `ENVELOPE`
    pub fn envelope(&mut self, out: &mut Vec<u8>, of: &Envelope) {
        self.name(out, b"ENVELOPE ");
        envelope(out, of);
    }

    /// `BODY`: the structure without extension data.
    pub fn body(&mut self, out: &mut Vec<u8>, of: &Structure) {
        self.name(out, b"BODY ");
        structure(out, of, Detail::Basic);
    }

    /// `BODYSTRUCTURE`
    pub fn body_structure(&mut self, out: &mut Vec<u8>, of: &Structure) {
        self.name(out, b"BODYSTRUCTURE ");
        structure(out, of, Detail::Extended);
    }

    /// `BINARY.SIZE[…]`
    pub fn binary_size(&mut self, out: &mut Vec<u8>, part: &[u32], octets: u64) {
        self.name(out, b"BINARY.SIZE[");
        part_number(out, part);
        out.extend_from_slice(b"] ");
        text::number(out, octets);
    }

    /// `BODY[…]<offset> {octets}`, then the caller writes the octets; the partial's length is not repeated (RFC 9051 §7.5.2).
    pub fn section(&mut self, out: &mut Vec<u8>, section: &Section, octets: u64) {
        self.section_name(out, section);
        text::literal_start(out, octets);
    }

    /// `BODY[…] NIL`: there is no such part.
    pub fn section_nil(&mut self, out: &mut Vec<u8>, section: &Section) {
        self.section_name(out, section);
        text::nil(out);
    }

    fn section_name(&mut self, out: &mut Vec<u8>, section: &Section) {
        let fixed: &[u8] = match section.name {
            SectionName::Body => b"BODY[",
            SectionName::Rfc822 => b"RFC822 ",
            SectionName::Rfc822Header => b"RFC822.HEADER ",
            SectionName::Rfc822Text => b"RFC822.TEXT ",
        };
        self.name(out, fixed);
        if section.name == SectionName::Body {
            section_spec(out, &section.part, &section.text);
            out.push(b']');
            offset(out, section.partial.map(|p| p.offset));
            out.push(b' ');
        }
    }

    /// `BINARY[…]<offset> ~{octets}`, then the caller writes the octets, which may hold NUL.
    pub fn binary(&mut self, out: &mut Vec<u8>, part: &[u32], partial_offset: Option<u64>, octets: u64) {
        self.binary_name(out, part, partial_offset);
        out.push(b'~');
        text::literal_start(out, octets);
    }

    /// `BINARY[…] NIL`
    pub fn binary_nil(&mut self, out: &mut Vec<u8>, part: &[u32], partial_offset: Option<u64>) {
        self.binary_name(out, part, partial_offset);
        text::nil(out);
    }

    fn binary_name(&mut self, out: &mut Vec<u8>, part: &[u32], partial_offset: Option<u64>) {
        self.name(out, b"BINARY[");
        part_number(out, part);
        out.push(b']');
        offset(out, partial_offset);
        out.push(b' ');
    }
}

fn offset(out: &mut Vec<u8>, offset: Option<u64>) {
    if let Some(offset) = offset {
        out.push(b'<');
        text::number(out, offset);
        out.push(b'>');
    }
}

/// `1.2.3`
pub(crate) fn part_number(out: &mut Vec<u8>, part: &[u32]) {
    for (i, number) in part.iter().enumerate() {
        if i > 0 {
            out.push(b'.');
        }
        text::number(out, (*number).into());
    }
}

/// What stands between the brackets.
pub(crate) fn section_spec(out: &mut Vec<u8>, part: &[u32], what: &SectionText) {
    part_number(out, part);
    let (word, fields): (&[u8], &[String]) = match what {
        SectionText::All => return,
        SectionText::Header => (b"HEADER", &[]),
        SectionText::HeaderFields(fields) => (b"HEADER.FIELDS", fields),
        SectionText::HeaderFieldsNot(fields) => (b"HEADER.FIELDS.NOT", fields),
        SectionText::Text => (b"TEXT", &[]),
        SectionText::Mime => (b"MIME", &[]),
    };
    if !part.is_empty() {
        out.push(b'.');
    }
    out.extend_from_slice(word);
    for (i, field) in fields.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b" (" } else { b" " });
        text::astring(out, field.as_bytes());
    }
    if !fields.is_empty() {
        out.push(b')');
    }
}
