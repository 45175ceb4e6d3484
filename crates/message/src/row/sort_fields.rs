//! What messages are sorted by, read from an envelope's row without a copy.

use model::{Decoder, RecordError};

/// Those fields of an [`Envelope`](crate::Envelope) that SORT and THREAD compare, as they stand in its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SortFields<'a> {
    /// `Subject`.
    pub subject: Option<&'a [u8]>,
    /// `In-Reply-To`.
    pub in_reply_to: Option<&'a [u8]>,
    /// `Message-ID`.
    pub message_id: Option<&'a [u8]>,
    /// The first of `From`.
    pub from: Option<FirstAddress<'a>>,
    /// The first of `To`.
    pub to: Option<FirstAddress<'a>>,
    /// The first of `Cc`.
    pub cc: Option<FirstAddress<'a>>,
}

/// An [`EnvelopeAddress`](crate::EnvelopeAddress), or the mark of a group's begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstAddress<'a> {
    /// Display name.
    pub name: Option<&'a [u8]>,
    /// Local part, or the group's name.
    pub mailbox: Option<&'a [u8]>,
    /// Domain; `None` marks a group.
    pub host: Option<&'a [u8]>,
}

impl<'a> SortFields<'a> {
    /// Reads what [`Envelope::encode`](crate::Envelope::encode) wrote, up to `Cc`.
    ///
    /// # Errors
    /// If the row is damaged.
    pub fn decode(d: &mut Decoder<'a>) -> Result<SortFields<'a>, RecordError> {
        let _date = d.option()?;
        let (subject, in_reply_to, message_id) = (d.option()?, d.option()?, d.option()?);
        let from = first(d)?;
        let (_sender, _reply_to) = (first(d)?, first(d)?);
        let (to, cc) = (first(d)?, first(d)?);
        Ok(SortFields { subject, in_reply_to, message_id, from, to, cc })
    }
}

/// The first of a list, which is read to its end.
fn first<'a>(d: &mut Decoder<'a>) -> Result<Option<FirstAddress<'a>>, RecordError> {
    let mut first = None;
    for _ in 0..d.count()? {
        let address = FirstAddress::decode(d)?;
        first.get_or_insert(address);
    }
    Ok(first)
}

impl<'a> FirstAddress<'a> {
    pub(super) fn decode(d: &mut Decoder<'a>) -> Result<FirstAddress<'a>, RecordError> {
        let given = d.u64()?;
        if given > 0b111 {
            return Err(RecordError::Value);
        }
        let mut value = |bit: u32| (given >> bit & 1 == 1).then(|| d.bytes()).transpose();
        Ok(FirstAddress { name: value(0)?, mailbox: value(1)?, host: value(2)? })
    }
}
