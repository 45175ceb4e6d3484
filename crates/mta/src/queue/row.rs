//! A queued message's row.

use mailstore::Body;
use model::{AccountId, Decoder, Encoder, QueueId, Quota, RecordError, Timestamp};
use store::{BlobId, Bytes};

/// A message in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queued {
    pub id: QueueId,
    /// With its angle brackets.
    pub reverse_path: String,
    /// Its `Received` field.
    pub trace: String,
    pub arrived: Timestamp,
    pub recipients: Vec<QueuedRecipient>,
    /// A small body is empty when the row was read: its octets lie beside the row.
    pub body: Body,
}

/// One recipient's fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueuedRecipient {
    pub account: AccountId,
    pub address: String,
    pub quota: Quota,
    pub done: bool,
}

impl QueuedRecipient {
    pub fn new(account: &directory::Account) -> QueuedRecipient {
        QueuedRecipient { account: account.id, address: account.address.to_string(), quota: account.quota, done: false }
    }
}

/// What the keys of messages begin with.
pub(super) const MESSAGE: &[u8] = b"Q";

/// The key of a message's row, and of its body.
pub(super) fn key(id: QueueId) -> Bytes {
    [MESSAGE, &id.0.to_be_bytes()].concat().into()
}

const FORMAT: u8 = 1;

pub(super) fn encode(queued: &Queued) -> Vec<u8> {
    let mut e = Encoder::new(FORMAT);
    e.str(&queued.reverse_path).str(&queued.trace).time(queued.arrived);
    match &queued.body {
        Body::Row(_) => e.u64(0),
        Body::Blob { id, size_octets } => e.u64(1).u64(*size_octets).bytes(&id.0),
    };
    e.usize(queued.recipients.len());
    for recipient in &queued.recipients {
        e.u32(recipient.account.0).str(&recipient.address).u32(u32::from(recipient.done));
        for limit in [recipient.quota.octets, recipient.quota.messages] {
            e.u32(u32::from(limit.is_some())).u64(limit.unwrap_or(0));
        }
    }
    e.finish()
}

pub(super) fn decode(key: &[u8], row: &[u8]) -> Result<Queued, RecordError> {
    let id = key.last_chunk().map(|id| QueueId(u64::from_be_bytes(*id))).ok_or(RecordError::Short)?;
    let mut d = Decoder::new(row, FORMAT)?;
    let (reverse_path, trace, arrived) = (d.str()?.to_owned(), d.str()?.to_owned(), d.time()?);
    let body = match d.u64()? {
        0 => Body::Row(Bytes::new()),
        _ => {
            let size_octets = d.u64()?;
            Body::Blob { id: BlobId(d.bytes()?.try_into().map_err(|_| RecordError::Value)?), size_octets }
        }
    };
    let count = d.count()?;
    let recipients = (0..count).map(|_| recipient(&mut d)).collect::<Result<_, _>>()?;
    Ok(Queued { id, reverse_path, trace, arrived, recipients, body })
}

fn recipient(d: &mut Decoder<'_>) -> Result<QueuedRecipient, RecordError> {
    let (account, address, done) = (AccountId(d.u32()?), d.str()?.to_owned(), d.u32()? == 1);
    let mut limit = || Ok(if d.u32()? == 1 { Some(d.u64()?) } else { d.u64().map(|_| None)? });
    let quota = Quota { octets: limit()?, messages: limit()? };
    Ok(QueuedRecipient { account, address, quota, done })
}
