//! `BODY[…]<…>` and its old names (RFC 9051 §6.4.5.1).

use super::octets::{Piece, Reading, cut};
use crate::imap::out::Out;
use crate::imap::running::Refusal;
use imap::FetchWriter;
use imap::command::{Section, SectionText};
use mailstore::Error;
use message::{FieldPicker, SectionKind, Selection, Structure};
use std::ops::Range;

/// Picked fields that are kept while the rest is counted: more than people's mail has.
const KEPT_OCTETS_MAX: u64 = 64 * 1024;
/// Octets of a header that are looked at between two turns of others, with many names.
const PICKED_AT_ONCE: usize = 8 * 1024;
/// Comparisons with names that cost as much as an octet: a field of the shortest kind has three.
const NAMES_PER_OCTET: usize = 8;

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
        return pick(reading, (range, (names, selection)), section, fetch, out).await;
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

/// Writes fields of a header. It is read twice, first to count: so it need not be in memory, however large it is.
async fn pick(
    reading: &mut Reading<'_>,
    (header, fields): (Range<u64>, (&[String], Selection)),
    section: &Section,
    fetch: &mut FetchWriter,
    out: &mut Out,
) -> Result<(), Refusal> {
    let Some(first) = reading.first(&header).await?.map(Piece::joined) else {
        fetch.section_nil(out, section);
        return Ok(());
    };
    let (mut octets, mut kept) = (0, Vec::new());
    let mut picking = Picking::new(fields, header.clone(), first.clone());
    while let Some(picked) = picking.next(reading, out).await? {
        octets += picked.len() as u64;
        if octets <= KEPT_OCTETS_MAX {
            kept.extend_from_slice(&picked);
        }
    }
    let wanted = cut(octets, section.partial);
    fetch.section(out, section, wanted.end - wanted.start);
    if octets <= KEPT_OCTETS_MAX {
        out.message_octets(kept.get(wanted.start as usize..wanted.end as usize).unwrap_or_default());
        return Ok(());
    }
    let (mut at, mut picking) = (0, Picking::new(fields, header, first));
    while at < wanted.end {
        let picked = picking.next(reading, out).await.ok().flatten().ok_or(Refusal::Broken)?;
        let end = at + picked.len() as u64;
        let within = |n: u64| (n.clamp(at, end) - at) as usize;
        out.message_octets(picked.get(within(wanted.start)..within(wanted.end)).unwrap_or_default());
        out.room().await;
        at = end;
    }
    Ok(())
}

/// Fields being picked out of a header.
struct Picking<'n> {
    picker: Option<FieldPicker<'n, String>>,
    /// How much more than reading it costs to look at an octet.
    names: usize,
    /// Behind `piece`.
    header: Range<u64>,
    piece: bytes::Bytes,
}

impl<'n> Picking<'n> {
    fn new((names, selection): (&'n [String], Selection), header: Range<u64>, first: bytes::Bytes) -> Picking<'n> {
        let header = header.start + first.len() as u64..header.end;
        let picker = Some(FieldPicker::new(names, selection));
        Picking { picker, names: 1 + names.len() / NAMES_PER_OCTET, header, piece: first }
    }

    /// What is picked of the next octets, which may be nothing; `None` behind the end.
    async fn next(&mut self, reading: &Reading<'_>, out: &mut Out) -> Result<Option<Vec<u8>>, Error> {
        if self.piece.is_empty() && !self.header.is_empty() {
            self.piece = reading.piece(&self.header).await?.joined();
            self.header.start += self.piece.len() as u64;
        }
        let Some(picker) = self.picker.as_mut() else { return Ok(None) };
        let mut picked = Vec::new();
        let octets = self.piece.split_to(self.piece.len().min(PICKED_AT_ONCE));
        picker.push(&octets, |octets| picked.extend_from_slice(octets));
        out.looked_at(octets.len() * self.names).await;
        if (octets.is_empty() || picker.is_behind_header())
            && let Some(picker) = self.picker.take()
        {
            picker.finish(|octets| picked.extend_from_slice(octets));
        }
        Ok(Some(picked))
    }
}
