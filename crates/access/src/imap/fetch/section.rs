//! `BODY[…]<…>` and its old names (RFC 9051 §6.4.5.1).

use super::octets::{Reading, cut};
use crate::imap::out::Out;
use crate::imap::running::Refusal;
use imap::FetchWriter;
use imap::command::{Section, SectionText};
use message::{SectionKind, Selection, Structure, header_fields};
use std::ops::Range;

/// A header from which fields are picked; no mail has one as large, and of what has, the rest is passed over.
const HEADER_OCTETS_MAX: u64 = 1 << 20;

/// Writes the item; `NIL` where there is no such part.
pub(super) async fn tell(
    reading: &mut Reading<'_>,
    structure: Option<&Structure>,
    section: &Section,
    fetch: &mut FetchWriter,
    out: &mut Out,
) -> Result<(), Refusal> {
    let Some(range) = range_of(reading, structure, section) else {
        fetch.section_nil(out, section);
        return Ok(());
    };
    let picked = match &section.text {
        SectionText::HeaderFields(names) => Some((names, Selection::Include)),
        SectionText::HeaderFieldsNot(names) => Some((names, Selection::Exclude)),
        _ => None,
    };
    if let Some((names, selection)) = picked {
        let Some(header) = header(reading, range).await? else {
            fetch.section_nil(out, section);
            return Ok(());
        };
        let fields = header_fields(&header, names, selection);
        let wanted = cut(fields.len() as u64, section.partial);
        let fields = fields.get(wanted.start as usize..wanted.end as usize).unwrap_or_default();
        fetch.section(out, section, fields.len() as u64);
        out.message_octets(fields);
        return Ok(());
    }
    let wanted = cut(range.end - range.start, section.partial);
    let range = range.start + wanted.start..range.start + wanted.end;
    match reading.first(&range).await? {
        None => fetch.section_nil(out, section),
        Some(first) => {
            fetch.section(out, section, range.end - range.start);
            reading.rest(first, range, out).await?;
        }
    }
    Ok(())
}

/// Where the section lies in the message as seen. The trace prefix belongs to the message's header.
fn range_of(reading: &Reading<'_>, structure: Option<&Structure>, section: &Section) -> Option<Range<u64>> {
    let kind = match section.text {
        SectionText::All => SectionKind::Whole,
        SectionText::Header | SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_) => SectionKind::Header,
        SectionText::Text => SectionKind::Text,
        SectionText::Mime => SectionKind::Mime,
    };
    match (section.part.is_empty(), kind) {
        (true, SectionKind::Whole) => Some(0..reading.email.size_octets()),
        (true, SectionKind::Header) => structure?.resolve(&[], kind).map(|range| reading.email.seen(range)),
        _ => structure?.resolve(&section.part, kind).map(|range| reading.shifted(range)),
    }
}

/// A header whole; `None` when its octets are gone.
async fn header(reading: &mut Reading<'_>, range: Range<u64>) -> Result<Option<Vec<u8>>, Refusal> {
    let mut range = range.start..range.end.min(range.start + HEADER_OCTETS_MAX);
    let Some(first) = reading.first(&range).await? else { return Ok(None) };
    let mut header = first.to_vec();
    range.start += first.len() as u64;
    while !range.is_empty() {
        let piece = reading.piece(&range).await?;
        if piece.is_empty() {
            break;
        }
        range.start += piece.len() as u64;
        header.extend_from_slice(&piece);
    }
    Ok(Some(header))
}
