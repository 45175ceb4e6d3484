//! How rows lie on disk: a version octet, fields as varints and counted octets, a CRC-32 at the end.
//!
//! A reader that meets a newer version or a wrong checksum gets an error for that one row, never a guess.

use crate::{EmailId, MailboxId, ModSeq, Timestamp, Uid};

/// Why a row could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The checksum does not fit the octets.
    #[error("checksum does not match")]
    Checksum,
    /// Written by a newer postamt.
    #[error("row has format {found}, this postamt reads up to {known}")]
    Version {
        /// In the row.
        found: u8,
        /// The newest this program reads.
        known: u8,
    },
    /// Shorter than its own fields say.
    #[error("row is cut short")]
    Short,
    /// A field holds what it cannot hold.
    #[error("row holds an impossible value")]
    Value,
    /// Others that come with it are there.
    #[error("row is missing")]
    Missing,
    /// It lies where another one belongs.
    #[error("row belongs to another key")]
    Elsewhere,
}

const CHECKSUM_OCTETS: usize = 4;

/// Writes a row field by field.
#[derive(Debug, Default, Clone)]
pub struct Encoder(Vec<u8>);

impl Encoder {
    /// Starts a row of format `version`.
    pub fn new(version: u8) -> Encoder {
        Encoder(vec![version])
    }

    /// A number of up to 64 bits, 7 bits an octet.
    pub fn u64(&mut self, mut value: u64) -> &mut Self {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    /// A number of up to 32 bits.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.u64(value.into())
    }

    /// A length or offset.
    pub fn usize(&mut self, value: usize) -> &mut Self {
        self.u64(value as u64)
    }

    /// A set of 128 bits, of which mostly the low ones are set.
    pub fn u128(&mut self, value: u128) -> &mut Self {
        self.u64(value as u64).u64((value >> 64) as u64)
    }

    /// A signed number, as zigzag so that small negative ones stay short.
    pub fn i64(&mut self, value: i64) -> &mut Self {
        self.u64(((value << 1) ^ (value >> 63)) as u64)
    }

    /// A time.
    pub fn time(&mut self, value: Timestamp) -> &mut Self {
        self.i64(value.unix_ms())
    }

    /// Counted octets.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.usize(value.len());
        self.0.extend_from_slice(value);
        self
    }

    /// Counted UTF-8.
    pub fn str(&mut self, value: &str) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    /// Counted octets that may be absent.
    pub fn option(&mut self, value: Option<&[u8]>) -> &mut Self {
        match value {
            None => self.u64(0),
            Some(value) => self.u64(1).bytes(value),
        }
    }

    /// The fields alone, to be counted octets within another row. Start it with `Encoder::default()`.
    pub fn into_fields(self) -> Vec<u8> {
        self.0
    }

    /// The finished row: version, fields, checksum.
    pub fn finish(mut self) -> Vec<u8> {
        let sum = crc32fast::hash(&self.0);
        self.0.extend_from_slice(&sum.to_le_bytes());
        self.0
    }
}

/// Reads a row field by field.
#[derive(Debug, Clone)]
pub struct Decoder<'a> {
    rest: &'a [u8],
    version: u8,
}

impl<'a> Decoder<'a> {
    /// Checks the checksum and that the version is at most `known`.
    pub fn new(row: &'a [u8], known: u8) -> Result<Decoder<'a>, RecordError> {
        let (body, sum) = row.split_last_chunk::<CHECKSUM_OCTETS>().ok_or(RecordError::Short)?;
        if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
            return Err(RecordError::Checksum);
        }
        let (&version, rest) = body.split_first().ok_or(RecordError::Short)?;
        if version > known {
            return Err(RecordError::Version { found: version, known });
        }
        Ok(Decoder { rest, version })
    }

    /// Reads fields that [`Encoder::into_fields`] wrote, within a row of `version`.
    pub fn fields(octets: &'a [u8], version: u8) -> Decoder<'a> {
        Decoder { rest: octets, version }
    }

    /// The row's format version.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Whether all fields are read: later versions may append fields.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// See [`Encoder::u64`].
    pub fn u64(&mut self) -> Result<u64, RecordError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&octet, rest) = self.rest.split_first().ok_or(RecordError::Short)?;
            self.rest = rest;
            let bits = u64::from(octet & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(RecordError::Value);
            }
            value |= bits << shift;
            if octet < 0x80 {
                return Ok(value);
            }
        }
        Err(RecordError::Value)
    }

    /// See [`Encoder::u32`].
    pub fn u32(&mut self) -> Result<u32, RecordError> {
        self.u64()?.try_into().map_err(|_| RecordError::Value)
    }

    /// See [`Encoder::usize`].
    pub fn usize(&mut self) -> Result<usize, RecordError> {
        self.u64()?.try_into().map_err(|_| RecordError::Value)
    }

    /// A count of things that follow, each at least one octet long: bounds what a damaged row may allocate.
    pub fn count(&mut self) -> Result<usize, RecordError> {
        let count = self.usize()?;
        if count > self.rest.len() { Err(RecordError::Short) } else { Ok(count) }
    }

    /// See [`Encoder::u128`].
    pub fn u128(&mut self) -> Result<u128, RecordError> {
        Ok(u128::from(self.u64()?) | u128::from(self.u64()?) << 64)
    }

    /// See [`Encoder::i64`].
    pub fn i64(&mut self) -> Result<i64, RecordError> {
        let value = self.u64()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// See [`Encoder::time`].
    pub fn time(&mut self) -> Result<Timestamp, RecordError> {
        self.i64().map(Timestamp::from_unix_ms)
    }

    /// See [`Encoder::bytes`].
    pub fn bytes(&mut self) -> Result<&'a [u8], RecordError> {
        let n = self.usize()?;
        let (bytes, rest) = self.rest.split_at_checked(n).ok_or(RecordError::Short)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// See [`Encoder::str`].
    pub fn str(&mut self) -> Result<&'a str, RecordError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| RecordError::Value)
    }

    /// See [`Encoder::option`].
    pub fn option(&mut self) -> Result<Option<&'a [u8]>, RecordError> {
        match self.u64()? {
            0 => Ok(None),
            1 => self.bytes().map(Some),
            _ => Err(RecordError::Value),
        }
    }

    /// A UID.
    pub fn uid(&mut self) -> Result<Uid, RecordError> {
        self.u32().map(Uid)
    }

    /// A modification sequence.
    pub fn modseq(&mut self) -> Result<ModSeq, RecordError> {
        self.u64().map(ModSeq)
    }

    /// An email's id.
    pub fn email(&mut self) -> Result<EmailId, RecordError> {
        self.u64().map(EmailId)
    }

    /// A mailbox's id.
    pub fn mailbox(&mut self) -> Result<MailboxId, RecordError> {
        self.u32().map(MailboxId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(a: u64, b: u32, bits: u128, ms: i64, bytes: Vec<u8>, text: String, absent: bool) {
            let mut e = Encoder::new(3);
            let option = (!absent).then_some(bytes.as_slice());
            e.u64(a).u32(b).u128(bits).time(Timestamp::from_unix_ms(ms)).bytes(&bytes).str(&text).option(option);
            let row = e.finish();
            let mut d = Decoder::new(&row, 3).unwrap();
            prop_assert_eq!(d.u64().unwrap(), a);
            prop_assert_eq!(d.u32().unwrap(), b);
            prop_assert_eq!(d.u128().unwrap(), bits);
            prop_assert_eq!(d.time().unwrap().unix_ms(), ms);
            prop_assert_eq!(d.bytes().unwrap(), &bytes[..]);
            prop_assert_eq!(d.str().unwrap(), &text);
            prop_assert_eq!(d.option().unwrap(), option);
            prop_assert!(d.is_empty());
        }

        #[test]
        fn any_flipped_bit_is_seen(bytes: Vec<u8>, at: usize, bit in 0u8..8) {
            let mut e = Encoder::new(1);
            e.bytes(&bytes);
            let mut row = e.finish();
            let at = at % row.len();
            row[at] ^= 1 << bit;
            prop_assert!(Decoder::new(&row, 1).is_err());
        }
    }

    #[test]
    fn a_newer_row_is_refused_by_name() {
        let row = Encoder::new(9).finish();
        assert_eq!(Decoder::new(&row, 2).err(), Some(RecordError::Version { found: 9, known: 2 }));
    }
}
