//! The queue's rows: a message, and the fate of each recipient.
//!
//! | key | row |
//! |---|---|
//! | `M` id | the message; immutable |
//! | `R` id ordinal | one delivery that is not done; rewritten after each attempt |
//! | `L` | the lease of the partition: who works on it |
//!
//! The body lies under `M` id among the bodies, or is a blob with a link row.

use ::smtp::extension::dsn::{Notify, OriginalRecipient, Ret};
use mailstore::Body;
use model::{AccountId, Decoder, Encoder, QueueId, Quota, RecordError, Timestamp};
use store::{BlobHold, BlobId, Bytes, Cell};

use super::Fault;
use super::schedule::{DeliveryKey, Destination};

/// What a message's content needs of a next hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Lines of ASCII.
    SevenBit,
    /// Octets above 127, in lines.
    EightBit,
    /// BINARYMIME: CR, LF and NUL mean nothing (RFC 3030 §3).
    Binary,
}

/// A message in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMessage {
    /// Its id, also in its `Received` field.
    pub id: QueueId,
    /// Without angle brackets; empty for `<>`.
    pub reverse_path: String,
    /// What we put before it: `Received`, and fields that a submitted message lacked.
    pub trace: String,
    /// When it was accepted.
    pub arrived: Timestamp,
    /// RFC 3461 §4.4.
    pub envid: Option<String>,
    /// RFC 3461 §4.3.
    pub ret: Option<Ret>,
    /// What it needs.
    pub content: Content,
    /// Whether addresses or header may hold UTF-8 (RFC 6531).
    pub smtputf8: bool,
    /// Who submitted it.
    pub submitter: Option<AccountId>,
    /// A small body is empty when the row was read: its octets lie beside the row.
    pub body: Body,
}

/// Where a delivery goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Into a mailbox of ours.
    Account {
        /// Whose.
        account: AccountId,
        /// As it stands in `Delivered-To`.
        address: String,
        /// What it may hold.
        quota: Quota,
    },
    /// To a next hop.
    Remote {
        /// The domain, or the name of the route that was chosen by hand.
        next_hop: String,
    },
}

impl Target {
    /// The lane it waits in.
    pub fn destination(&self) -> Destination {
        match self {
            Target::Account { .. } => Destination::Local,
            Target::Remote { next_hop } => Destination::Remote(next_hop.as_str().into()),
        }
    }
}

/// One recipient's delivery, until it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which.
    pub key: DeliveryKey,
    /// The forward path, without angle brackets.
    pub recipient: String,
    /// Where it goes.
    pub target: Target,
    /// Of whom the sender wants to hear (RFC 3461 §4.1).
    pub notify: Option<Notify>,
    /// What the sender called the recipient (RFC 3461 §4.2).
    pub original: Option<OriginalRecipient>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub due: Timestamp,
    /// From when on it is late.
    pub late_from: Timestamp,
    /// From when on it fails instead of being tried again.
    pub expires: Timestamp,
    /// Not before somebody releases it.
    pub held: bool,
    /// Whether the sender was told that it is late.
    pub delay_told: bool,
    /// What came of the last attempt.
    pub last: Option<String>,
}

const MESSAGE: u8 = b'M';
const RECIPIENT: u8 = b'R';
const MESSAGE_FORMAT: u8 = 1;
const DELIVERY_FORMAT: u8 = 1;

/// The partition's cell.
pub(super) fn cell() -> Cell {
    Cell::new(Bytes::from_static(b"q/0"))
}

/// Whether it is a row of the queue.
pub fn is_ours(place: &store::RowPlace) -> bool {
    place.cell == cell()
}

/// What `postamt queue` calls the message with this id, as keys have it.
pub fn name_of(id: &[u8]) -> String {
    let id = id.first_chunk().map_or(0, |id| u64::from_be_bytes(*id));
    crate::fields::queue_name(QueueId(id))
}

/// The key of a message's row, and of its body.
pub(super) fn message_key(id: QueueId) -> Bytes {
    [&[MESSAGE][..], &id.0.to_be_bytes()].concat().into()
}

pub(super) fn delivery_key(key: DeliveryKey) -> Bytes {
    [&[RECIPIENT][..], &key.id.0.to_be_bytes(), &key.ordinal.to_be_bytes()].concat().into()
}

/// The delivery that a row's key is of.
pub(super) fn delivery_of(key: &[u8]) -> Option<DeliveryKey> {
    let (id, ordinal) = key.strip_prefix(&[RECIPIENT])?.split_first_chunk()?;
    let ordinal = u32::from_be_bytes(ordinal.try_into().ok()?);
    Some(DeliveryKey { id: QueueId(u64::from_be_bytes(*id)), ordinal })
}

/// What the keys of all deliveries, or of one message's, begin with.
pub(super) fn deliveries(of: Option<QueueId>) -> Vec<u8> {
    let mut prefix = vec![RECIPIENT];
    prefix.extend(of.into_iter().flat_map(|id| id.0.to_be_bytes()));
    prefix
}

impl QueuedMessage {
    /// Octets of the message as it is sent.
    pub fn size_octets(&self) -> u64 {
        self.trace.len() as u64 + self.body.size_octets()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(MESSAGE_FORMAT);
        e.str(&self.reverse_path).str(&self.trace).time(self.arrived);
        e.option(self.envid.as_ref().map(String::as_bytes));
        e.u32(match self.ret {
            None => 0,
            Some(Ret::Full) => 1,
            Some(Ret::Hdrs) => 2,
        });
        e.u32(self.content as u32).u32(u32::from(self.smtputf8));
        e.u32(u32::from(self.submitter.is_some())).u32(self.submitter.map_or(0, |account| account.0));
        match &self.body {
            // The length tells an empty body from one that lies beside.
            Body::Row(octets) => e.u64(0).usize(octets.len()),
            Body::Blob { id, size_octets, hold: _ } => e.u64(1).u64(*size_octets).bytes(&id.0),
        };
        // Behind all that earlier programs read: whose it is, and the sum of the body that lies beside.
        e.u64(self.id.0);
        if let Body::Row(octets) = &self.body {
            e.u32(crc32fast::hash(octets));
        }
        e.finish()
    }

    /// Reads a row with what lies beside it, if that is the body which belongs to it.
    pub(super) fn decode_whole(id: QueueId, row: &[u8], beside: Option<Bytes>) -> Result<QueuedMessage, Fault> {
        let (mut message, size_octets, sum) = QueuedMessage::read(id, row)?;
        if let Body::Row(body) = &mut message.body {
            *body = beside.ok_or(Fault::MessageMissing)?;
            let whole = size_octets == (message.trace.len() + body.len()) as u64;
            if !whole || sum.is_some_and(|sum| sum != crc32fast::hash(body)) {
                return Err(Fault::BodyDamaged);
            }
        }
        Ok(message)
    }

    /// Reads a row; a small body's octets are still to be read.
    pub(super) fn decode(id: QueueId, row: &[u8]) -> Result<QueuedMessage, RecordError> {
        QueuedMessage::decode_sized(id, row).map(|(message, _)| message)
    }

    /// As [`decode`](Self::decode), with the octets of the message as it is sent.
    pub(super) fn decode_sized(id: QueueId, row: &[u8]) -> Result<(QueuedMessage, u64), RecordError> {
        QueuedMessage::read(id, row).map(|(message, size_octets, _)| (message, size_octets))
    }

    fn read(id: QueueId, row: &[u8]) -> Result<(QueuedMessage, u64, Option<u32>), RecordError> {
        let mut d = Decoder::new(row, MESSAGE_FORMAT)?;
        let (reverse_path, trace) = (d.str()?.to_owned(), d.str()?.to_owned());
        let arrived = d.time()?;
        let envid = optional_text(&mut d)?;
        let ret = match d.u32()? {
            0 => None,
            1 => Some(Ret::Full),
            _ => Some(Ret::Hdrs),
        };
        let content = match d.u32()? {
            0 => Content::SevenBit,
            1 => Content::EightBit,
            _ => Content::Binary,
        };
        let smtputf8 = d.u32()? == 1;
        let (submitted, account) = (d.u32()? == 1, AccountId(d.u32()?));
        let submitter = submitted.then_some(account);
        let (body, size_octets) = match d.u64()? {
            0 => (Body::Row(Bytes::new()), d.u64()?),
            _ => {
                let size_octets = d.u64()?;
                let id = BlobId(d.bytes()?.try_into().map_err(|_| RecordError::Value)?);
                (Body::Blob { id, size_octets, hold: BlobHold::default() }, size_octets)
            }
        };
        if !d.is_empty() && d.u64()? != id.0 {
            return Err(RecordError::Elsewhere);
        }
        let sum = if d.is_empty() { None } else { Some(d.u32()?) };
        let size_octets = size_octets.saturating_add(trace.len() as u64);
        let message =
            QueuedMessage { id, reverse_path, trace, arrived, envid, ret, content, smtputf8, submitter, body };
        Ok((message, size_octets, sum))
    }
}

fn optional_text(d: &mut Decoder<'_>) -> Result<Option<String>, RecordError> {
    let octets = d.option()?;
    octets.map(|octets| String::from_utf8(octets.to_vec()).map_err(|_| RecordError::Value)).transpose()
}

impl Delivery {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(DELIVERY_FORMAT);
        e.str(&self.recipient);
        match &self.target {
            Target::Account { account, address, quota } => {
                e.u32(0).u32(account.0).str(address);
                for limit in [quota.octets, quota.messages] {
                    e.u32(u32::from(limit.is_some())).u64(limit.unwrap_or(0));
                }
            }
            Target::Remote { next_hop } => {
                e.u32(1).str(next_hop);
            }
        }
        e.u32(self.notify.map_or(0, bits));
        e.option(self.original.as_ref().map(|original| original.kind.as_bytes()));
        e.option(self.original.as_ref().map(|original| original.address.as_bytes()));
        e.u32(self.attempts).time(self.due).time(self.late_from).time(self.expires);
        e.u32(u32::from(self.held)).u32(u32::from(self.delay_told));
        e.option(self.last.as_ref().map(String::as_bytes));
        // As above.
        e.u64(self.key.id.0).u32(self.key.ordinal);
        e.finish()
    }

    pub(super) fn decode(key: &[u8], row: &[u8]) -> Result<Delivery, RecordError> {
        let mut d = Decoder::new(row, DELIVERY_FORMAT)?;
        let recipient = d.str()?.to_owned();
        let target = match d.u32()? {
            0 => {
                let (account, address) = (AccountId(d.u32()?), d.str()?.to_owned());
                let mut limit = || Ok(if d.u32()? == 1 { Some(d.u64()?) } else { d.u64().map(|_| None)? });
                Target::Account { account, address, quota: Quota { octets: limit()?, messages: limit()? } }
            }
            _ => Target::Remote { next_hop: d.str()?.to_owned() },
        };
        let notify = notify(d.u32()?);
        let (kind, address) = (optional_text(&mut d)?, optional_text(&mut d)?);
        let original = kind.zip(address).map(|(kind, address)| OriginalRecipient { kind, address });
        let (attempts, due) = (d.u32()?, d.time()?);
        let (late_from, expires) = (d.time()?, d.time()?);
        let (held, delay_told) = (d.u32()? == 1, d.u32()? == 1);
        let last = optional_text(&mut d)?;
        let key = parse_key(key).ok_or(RecordError::Short)?;
        if !d.is_empty() && (d.u64()?, d.u32()?) != (key.id.0, key.ordinal) {
            return Err(RecordError::Elsewhere);
        }
        Ok(Delivery {
            key,
            recipient,
            target,
            notify,
            original,
            attempts,
            due,
            late_from,
            expires,
            held,
            delay_told,
            last,
        })
    }
}

/// 0 is for nothing said, which is not the same as `NEVER`.
fn bits(notify: Notify) -> u32 {
    8 | u32::from(notify.success) | u32::from(notify.failure) << 1 | u32::from(notify.delay) << 2
}

fn notify(bits: u32) -> Option<Notify> {
    let bit = |n: u32| bits & n != 0;
    bit(8).then(|| Notify { success: bit(1), failure: bit(2), delay: bit(4) })
}

fn parse_key(key: &[u8]) -> Option<DeliveryKey> {
    let (id, ordinal) = key.get(1..)?.split_first_chunk::<8>()?;
    let ordinal = ordinal.try_into().ok()?;
    Some(DeliveryKey { id: QueueId(u64::from_be_bytes(*id)), ordinal: u32::from_be_bytes(ordinal) })
}
