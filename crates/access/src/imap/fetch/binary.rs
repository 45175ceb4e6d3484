//! `BINARY[…]` and `BINARY.SIZE[…]`: parts decoded from their transfer encoding (RFC 9051 §6.4.5, RFC 3516 §4.2).

use super::octets::{Piece, Reading, cut};
use crate::imap::out::Out;
use crate::imap::running::Refusal;
use imap::FetchWriter;
use imap::command::Partial;
use message::transfer::Decoder;
use message::{Structure, TransferEncoding};
use std::ops::Range;

/// A part's octets and how they are encoded.
struct Encoded {
    range: Range<u64>,
    decoder: Decoder,
    /// Whether decoded is what is there.
    identity: bool,
}

/// Writes the decoded octets: as a first pass counts them, the second may send them piece by piece.
pub(super) async fn tell(
    reading: &mut Reading<'_>,
    structure: Option<&Structure>,
    (part, partial): (&[u32], Option<Partial>),
    fetch: &mut FetchWriter,
    out: &mut Out,
) -> Result<(), Refusal> {
    let offset = partial.map(|partial| partial.offset);
    let encoded = match find(reading, structure, part) {
        Found::Part(encoded) => encoded,
        Found::Unknown => return Ok(()),
        Found::Nothing => {
            fetch.binary_nil(out, part, offset);
            return Ok(());
        }
    };
    if encoded.identity {
        let wanted = cut(encoded.range.end - encoded.range.start, partial);
        let range = encoded.range.start + wanted.start..encoded.range.start + wanted.end;
        match reading.first(&range).await? {
            None => fetch.binary_nil(out, part, offset),
            Some(first) => {
                fetch.binary(out, part, offset, range.end - range.start);
                send_identity(reading, first, range, out).await?;
            }
        }
        return Ok(());
    }
    let Some(octets) = decoded_octets(reading, &encoded, out).await? else {
        fetch.binary_nil(out, part, offset);
        return Ok(());
    };
    let wanted = cut(octets, partial);
    fetch.binary(out, part, offset, wanted.end - wanted.start);
    send_decoded(reading, encoded, wanted, out).await
}

/// Writes how many octets the part has when decoded.
pub(super) async fn tell_size(
    reading: &mut Reading<'_>,
    structure: Option<&Structure>,
    part: &[u32],
    fetch: &mut FetchWriter,
    out: &mut Out,
) -> Result<(), Refusal> {
    let octets = match find(reading, structure, part) {
        Found::Unknown => return Ok(()),
        Found::Nothing => Some(0),
        Found::Part(encoded) if encoded.identity => Some(encoded.range.end - encoded.range.start),
        Found::Part(encoded) => decoded_octets(reading, &encoded, out).await?,
    };
    if let Some(octets) = octets {
        fetch.binary_size(out, part, octets);
    }
    Ok(())
}

enum Found {
    Part(Encoded),
    /// Its encoding is not known, and that is noted.
    Unknown,
    Nothing,
}

/// Whether a part, if there is one, can be decoded.
pub(super) fn is_told(structure: &Structure, part: &[u32]) -> bool {
    let encoding = structure.find(part).map(|found| &found.encoding);
    part.is_empty() || encoding.is_none_or(|encoding| Decoder::new(encoding).is_ok())
}

/// The whole message, or a part of it.
fn find(reading: &mut Reading<'_>, structure: Option<&Structure>, part: &[u32]) -> Found {
    let (range, encoding) = if part.is_empty() {
        (0..reading.email.size_octets(), TransferEncoding::Binary)
    } else {
        let Some(found) = structure.and_then(|structure| structure.find(part)) else { return Found::Nothing };
        (reading.shifted(found.body()), found.encoding.clone())
    };
    match Decoder::new(&encoding) {
        Ok(decoder) => {
            let identity = !matches!(encoding, TransferEncoding::Base64 | TransferEncoding::QuotedPrintable);
            Found::Part(Encoded { range, decoder, identity })
        }
        Err(_) => {
            reading.trouble.unknown_encoding = true;
            Found::Unknown
        }
    }
}

/// A literal8 may hold NUL, so octets go as they are.
async fn send_identity(
    reading: &Reading<'_>,
    first: Piece,
    mut range: Range<u64>,
    out: &mut Out,
) -> Result<(), Refusal> {
    let mut piece = first;
    loop {
        piece.parts().for_each(|part| out.extend_from_slice(part));
        out.looked_at(piece.len()).await;
        range.start += piece.len() as u64;
        if range.is_empty() {
            return Ok(());
        }
        out.room().await;
        piece = reading.piece(&range).await.ok().filter(|piece| !piece.is_empty()).ok_or(Refusal::Broken)?;
    }
}

/// `None`, and noted, when the octets are gone.
async fn decoded_octets(reading: &mut Reading<'_>, encoded: &Encoded, out: &mut Out) -> Result<Option<u64>, Refusal> {
    let (mut range, mut decoder) = (encoded.range.clone(), encoded.decoder.clone());
    let (mut octets, mut decoded) = (0, Vec::new());
    let Some(mut piece) = reading.first(&range).await? else { return Ok(None) };
    while !range.is_empty() && !piece.is_empty() {
        piece.parts().for_each(|part| decoder.push(part, &mut decoded));
        octets += decoded.len() as u64;
        decoded.clear();
        out.looked_at(piece.len()).await;
        range.start += piece.len() as u64;
        piece = reading.piece(&range).await?;
    }
    decoder.finish(&mut decoded);
    Ok(Some(octets + decoded.len() as u64))
}

/// Sends `wanted` of the decoded octets.
async fn send_decoded(
    reading: &Reading<'_>,
    encoded: Encoded,
    wanted: Range<u64>,
    out: &mut Out,
) -> Result<(), Refusal> {
    let Encoded { mut range, mut decoder, .. } = encoded;
    let (mut at, mut decoded) = (0, Vec::new());
    let mut send = |decoded: &mut Vec<u8>, out: &mut Out| {
        let end = at + decoded.len() as u64;
        let within = |n: u64| n.clamp(at, end).saturating_sub(at) as usize;
        out.extend_from_slice(decoded.get(within(wanted.start)..within(wanted.end)).unwrap_or_default());
        at = end;
        decoded.clear();
        at >= wanted.end
    };
    while !range.is_empty() {
        let piece = reading.piece(&range).await.ok().filter(|piece| !piece.is_empty()).ok_or(Refusal::Broken)?;
        piece.parts().for_each(|part| decoder.push(part, &mut decoded));
        out.looked_at(piece.len()).await;
        range.start += piece.len() as u64;
        if send(&mut decoded, out) {
            return Ok(());
        }
        out.room().await;
    }
    decoder.finish(&mut decoded);
    if send(&mut decoded, out) { Ok(()) } else { Err(Refusal::Broken) }
}
