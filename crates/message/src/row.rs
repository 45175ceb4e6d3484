//! How structure, envelope and threading keys lie in a row. The row's owner gives version and checksum.

mod sort_fields;
mod structure;

pub use sort_fields::{FirstAddress, SortFields};

use model::{Decoder, Encoder, RecordError};

use crate::Octets;
use crate::date::SentAt;
use crate::envelope::{Envelope, EnvelopeAddress};
use crate::threading::Threading;

/// Words that most mail holds are written by their place here. New ones go to the end: the order is on disk.
const WORDS: [&str; 30] = [
    "text",
    "plain",
    "charset",
    "utf-8",
    "us-ascii",
    "html",
    "multipart",
    "alternative",
    "boundary",
    "mixed",
    "related",
    "quoted-printable",
    "base64",
    "7bit",
    "8bit",
    "binary",
    "attachment",
    "inline",
    "filename",
    "name",
    "image",
    "jpeg",
    "png",
    "application",
    "pdf",
    "octet-stream",
    "message",
    "rfc822",
    "signed",
    "format",
];

fn word(e: &mut Encoder, word: &[u8]) {
    match WORDS.iter().position(|known| known.as_bytes() == word) {
        Some(place) => e.usize(place + 1),
        None => e.u64(0).bytes(word),
    };
}

fn read_word<'a>(d: &mut Decoder<'a>) -> Result<&'a [u8], RecordError> {
    match d.usize()?.checked_sub(1) {
        None => d.bytes(),
        Some(place) => WORDS.get(place).map(|word| word.as_bytes()).ok_or(RecordError::Value),
    }
}

fn read_text(d: &mut Decoder<'_>) -> Result<Box<str>, RecordError> {
    std::str::from_utf8(read_word(d)?).map(Into::into).map_err(|_| RecordError::Value)
}

fn option(e: &mut Encoder, value: &Option<Octets>) {
    e.option(value.as_deref());
}

fn read_option(d: &mut Decoder<'_>) -> Result<Option<Octets>, RecordError> {
    Ok(d.option()?.map(Into::into))
}

/// A counted list. Memory grows with what was read, not with what the count promises.
fn list<T>(
    d: &mut Decoder<'_>,
    mut item: impl FnMut(&mut Decoder<'_>) -> Result<T, RecordError>,
) -> Result<Vec<T>, RecordError> {
    let mut items = Vec::new();
    for _ in 0..d.count()? {
        items.push(item(d)?);
    }
    Ok(items)
}

impl Envelope {
    /// Appends it to a row.
    pub fn encode(&self, e: &mut Encoder) {
        for value in [&self.date, &self.subject, &self.in_reply_to, &self.message_id] {
            option(e, value);
        }
        for addresses in [&self.from, &self.sender, &self.reply_to, &self.to, &self.cc, &self.bcc] {
            e.usize(addresses.len());
            addresses.iter().for_each(|address| address.encode(e));
        }
    }

    /// Reads what [`Envelope::encode`] wrote.
    ///
    /// # Errors
    /// If the row is damaged.
    pub fn decode(d: &mut Decoder<'_>) -> Result<Envelope, RecordError> {
        let date = read_option(d)?;
        let subject = read_option(d)?;
        let in_reply_to = read_option(d)?;
        let message_id = read_option(d)?;
        let mut addresses = || list(d, EnvelopeAddress::decode);
        let (from, sender, reply_to) = (addresses()?, addresses()?, addresses()?);
        let (to, cc, bcc) = (addresses()?, addresses()?, addresses()?);
        Ok(Envelope { date, subject, from, sender, reply_to, to, cc, bcc, in_reply_to, message_id })
    }
}

impl EnvelopeAddress {
    fn encode(&self, e: &mut Encoder) {
        let given = [&self.name, &self.mailbox, &self.host];
        e.u64(given.iter().rev().fold(0, |bits, value| bits << 1 | u64::from(value.is_some())));
        for value in given.into_iter().flatten() {
            e.bytes(value);
        }
    }

    fn decode(d: &mut Decoder<'_>) -> Result<EnvelopeAddress, RecordError> {
        let FirstAddress { name, mailbox, host } = FirstAddress::decode(d)?;
        let owned = |value: Option<&[u8]>| value.map(Octets::from);
        Ok(EnvelopeAddress { name: owned(name), mailbox: owned(mailbox), host: owned(host) })
    }
}

impl Threading {
    /// Appends it to a row.
    pub fn encode(&self, e: &mut Encoder) {
        option(e, &self.message_id);
        e.usize(self.references.len());
        self.references.iter().for_each(|id| {
            e.bytes(id);
        });
        e.str(&self.base_subject).u64(self.is_reply_or_forward.into());
    }

    /// Reads what [`Threading::encode`] wrote.
    ///
    /// # Errors
    /// If the row is damaged.
    pub fn decode(d: &mut Decoder<'_>) -> Result<Threading, RecordError> {
        Ok(Threading {
            message_id: read_option(d)?,
            references: list(d, |d| d.bytes().map(Into::into))?,
            base_subject: d.str()?.to_owned(),
            is_reply_or_forward: read_flag(d)?,
        })
    }
}

fn read_flag(d: &mut Decoder<'_>) -> Result<bool, RecordError> {
    match d.u64()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(RecordError::Value),
    }
}

impl SentAt {
    /// Appends it to a row.
    pub fn encode(&self, e: &mut Encoder) {
        // The zone is less than a day, so this stays one octet.
        let days = self.civil_day - self.at.unix_days();
        e.time(self.at).u64((days << 1 ^ days >> 63) as u64);
    }

    /// Reads what [`SentAt::encode`] wrote.
    ///
    /// # Errors
    /// If the row is damaged.
    pub fn decode(d: &mut Decoder<'_>) -> Result<SentAt, RecordError> {
        let (at, days) = (d.time()?, d.u64()?);
        let civil_day = at.unix_days().checked_add((days >> 1) as i64 ^ -((days & 1) as i64));
        Ok(SentAt { at, civil_day: civil_day.ok_or(RecordError::Value)? })
    }
}

#[cfg(test)]
mod tests;
