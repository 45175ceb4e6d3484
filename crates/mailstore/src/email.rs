//! A stored message: its immutable row, and what it takes to store one.

#[cfg(test)]
pub(crate) mod tests;

use crate::error::Error;
use message::{Envelope, IdKey, Scanned, SentAt, SortFields, Structure};
use model::{Decoder, EmailId, Encoder, RecordError, ThreadId};
use std::ops::Range;
use std::sync::Arc;
use store::{BlobHold, BlobId, Bytes};

/// Largest body that lies in a row of the account; larger ones are blobs (DESIGN §4).
pub const BODY_ROW_OCTETS_MAX: usize = 32 * 1024;

/// A message's octets as they were received, without the trace prefix.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// Small: a row of the account.
    Row(Bytes),
    /// Large: a durable blob.
    Blob {
        /// Its name.
        id: BlobId,
        /// Its size.
        size_octets: u64,
        /// Keeps it until a row names it.
        hold: BlobHold,
    },
}

impl Body {
    /// Without the prefix.
    pub fn size_octets(&self) -> u64 {
        match self {
            Body::Row(octets) => octets.len() as u64,
            Body::Blob { size_octets, .. } => *size_octets,
        }
    }
}

/// A message about to be stored.
#[derive(Clone, Debug)]
pub struct NewEmail {
    /// Trace fields that delivery puts before the message: whole header lines with CRLF (RFC 5321 §4.4), or nothing.
    pub prefix: Bytes,
    /// The message.
    pub body: Body,
    /// What the scanner read in `body`.
    pub scanned: Arc<Scanned>,
}

impl NewEmail {
    /// What IMAP calls RFC822.SIZE.
    pub fn size_octets(&self) -> u64 {
        self.prefix.len() as u64 + self.body.size_octets()
    }

    /// Octets that it takes in memory and in a batch, more or less.
    pub fn held_octets(&self) -> usize {
        let body = match &self.body {
            Body::Row(octets) => octets.len(),
            Body::Blob { .. } => 0,
        };
        self.encode(EmailId(0), ThreadId(0)).len() + body
    }

    const FORMAT: u8 = 1;

    /// The email's row. At its end stands whose it is, and the sum of a small body, so that neither is taken for another one's.
    pub(crate) fn encode(&self, id: EmailId, thread: ThreadId) -> Vec<u8> {
        let scanned = &self.scanned;
        let mut e = Encoder::new(Self::FORMAT);
        e.u64(thread.0).bytes(&self.prefix);
        match &self.body {
            Body::Row(octets) => e.u64(0).usize(octets.len()),
            Body::Blob { id, size_octets, hold: _ } => e.u64(1).u64(*size_octets).bytes(&id.0),
        };
        match scanned.sent_at {
            None => e.u64(0),
            Some(sent) => e.u64(1).time(sent.at).i64(sent.civil_day),
        };
        e.u32(u32::from(scanned.has_nul)).str(&scanned.preview);
        let section = |write: &dyn Fn(&mut Encoder)| {
            let mut section = Encoder::default();
            write(&mut section);
            section.into_fields()
        };
        e.bytes(&section(&|e| scanned.envelope.encode(e)));
        e.bytes(&section(&|e| scanned.structure.encode(e)));
        // Behind all that earlier programs read, so that they still read it.
        e.bytes(&scanned.ancestors.iter().flat_map(|id| id.0.to_le_bytes()).collect::<Vec<u8>>());
        e.u64(id.0);
        if let Body::Row(octets) = &self.body {
            e.u32(crc32fast::hash(octets));
        }
        e.finish()
    }
}

/// Where a stored message's octets are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stored {
    Row,
    Blob(BlobId),
}

/// A stored message, immutable. Envelope and structure are read when asked for.
#[derive(Clone, Debug)]
pub struct Email {
    /// Of the account.
    pub id: EmailId,
    /// Chosen at delivery.
    pub thread: ThreadId,
    /// The Date field, if it can be read.
    pub sent_at: Option<SentAt>,
    /// Whether a NUL is in it (RFC 9051 §4.3.1).
    pub has_nul: bool,
    preview: Range<usize>,
    prefix: Range<usize>,
    pub(crate) stored: Stored,
    body_octets: u64,
    envelope: Range<usize>,
    structure: Range<usize>,
    /// `None` in rows of programs that did not write it.
    ancestors: Option<Range<usize>>,
    /// Of a small body; `None` likewise.
    body_sum: Option<u32>,
    row: Bytes,
}

impl Email {
    pub(crate) fn decode(id: EmailId, row: Bytes) -> Result<Email, Error> {
        Self::read(id, row).map_err(|cause| Error::Row { row: format!("email {id}"), cause })
    }

    fn read(id: EmailId, row: Bytes) -> Result<Email, RecordError> {
        let start = row.as_ptr() as usize;
        let place = |part: &[u8]| {
            let from = part.as_ptr() as usize - start;
            from..from + part.len()
        };
        let mut d = Decoder::new(&row, NewEmail::FORMAT)?;
        let thread = ThreadId(d.u64()?);
        let prefix = place(d.bytes()?);
        let (stored, body_octets) = match d.u64()? {
            0 => (Stored::Row, d.u64()?),
            1 => {
                let size = d.u64()?;
                (Stored::Blob(BlobId(d.bytes()?.try_into().map_err(|_| RecordError::Value)?)), size)
            }
            _ => return Err(RecordError::Value),
        };
        // RFC 9051 §9 `number64`; the prefix is added to it.
        if body_octets > i64::MAX as u64 {
            return Err(RecordError::Value);
        }
        let sent_at = match d.u64()? {
            0 => None,
            _ => Some(SentAt { at: d.time()?, civil_day: d.i64()? }),
        };
        // Whether the preview is UTF-8 is looked at by who wants it.
        let (has_nul, preview) = (d.u32()? == 1, place(d.bytes()?));
        let (envelope, structure) = (place(d.bytes()?), place(d.bytes()?));
        let ancestors = if d.is_empty() { None } else { Some(place(d.bytes()?)) };
        if !d.is_empty() && d.email()? != id {
            return Err(RecordError::Elsewhere);
        }
        let body_sum = if d.is_empty() { None } else { Some(d.u32()?) };
        Ok(Email {
            id,
            thread,
            sent_at,
            has_nul,
            preview,
            prefix,
            stored,
            body_octets,
            envelope,
            structure,
            ancestors,
            body_sum,
            row,
        })
    }

    /// What IMAP calls RFC822.SIZE: prefix and body.
    pub fn size_octets(&self) -> u64 {
        self.prefix.len() as u64 + self.body_octets
    }

    /// Octets of its row, of which envelope and structure are read.
    pub fn row_octets(&self) -> usize {
        self.row.len()
    }

    /// Whether these are the octets of its small body; why not.
    pub(crate) fn check_body(&self, octets: &[u8]) -> Result<(), String> {
        if octets.len() as u64 != self.body_octets {
            return Err(format!("{} octets instead of {}", octets.len(), self.body_octets));
        }
        match self.body_sum {
            Some(sum) if crc32fast::hash(octets) != sum => Err("its checksum does not match".into()),
            _ => Ok(()),
        }
    }

    /// As it lies in the store.
    pub(crate) fn row(&self) -> Bytes {
        self.row.clone()
    }

    /// The trace fields before the message as it was received.
    pub fn prefix(&self) -> &[u8] {
        self.row.get(self.prefix.clone()).unwrap_or_default()
    }

    /// A part of them, not copied.
    pub(crate) fn prefix_part(&self, part: Range<usize>) -> Bytes {
        let whole = self.row.slice(self.prefix.clone());
        let end = part.end.min(whole.len());
        whole.slice(part.start.min(end)..end)
    }

    /// The first words of the text (RFC 8970 §3).
    pub fn preview(&self) -> &str {
        self.row.get(self.preview.clone()).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }

    /// The envelope (RFC 9051 §7.5.2).
    pub fn envelope(&self) -> Result<Envelope, Error> {
        self.section(&self.envelope, Envelope::decode)
    }

    /// What of the envelope messages are sorted by.
    pub(crate) fn sort_fields(&self) -> Result<SortFields<'_>, Error> {
        self.section(&self.envelope, SortFields::decode)
    }

    /// The structure; its ranges count from the start of the body, see [`Email::seen`].
    pub fn structure(&self) -> Result<Structure, Error> {
        self.section(&self.structure, Structure::decode)
    }

    /// What `References` names, the oldest first; `None` if the row was written before rows said so.
    pub fn ancestors(&self) -> Option<Vec<IdKey>> {
        let (ids, _) = self.row.get(self.ancestors.clone()?)?.as_chunks();
        Some(ids.iter().map(|id| IdKey(u64::from_le_bytes(*id))).collect())
    }

    /// A range of the body as a range of the message as seen, where the prefix stands before it. What starts with the
    /// message (its header, or all of it) starts with the prefix.
    pub fn seen(&self, range: Range<u64>) -> Range<u64> {
        let shift = self.prefix.len() as u64;
        let start = if range.start == 0 { 0 } else { range.start + shift };
        start..range.end + shift
    }

    fn section<'a, T>(
        &'a self,
        range: &Range<usize>,
        decode: impl FnOnce(&mut Decoder<'a>) -> Result<T, RecordError>,
    ) -> Result<T, Error> {
        let octets = self.row.get(range.clone()).unwrap_or_default();
        let mut d = Decoder::fields(octets, NewEmail::FORMAT);
        decode(&mut d).map_err(|cause| Error::Row { row: format!("email {}", self.id), cause })
    }
}
