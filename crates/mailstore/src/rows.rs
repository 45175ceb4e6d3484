//! Where things lie in an account's cell: the keys, and the records without a file of their own.
//!
//! | key | row |
//! |---|---|
//! | `H` | [`Head`] |
//! | `K` | keyword table |
//! | `M` mailbox | mailbox record |
//! | `S` name | subscription |
//! | `U` mailbox uid | membership |
//! | `E` email | email, immutable |
//! | `P` email | its places: memberships, departures that are kept, and the blob's name |
//! | `T` hash | thread of a Message-ID and base subject |
//! | `L` modseq | change log |
//! | `D` delivery | a delivery of the queue that is done |
//! | `I` source | the email that was imported from it; stays when the email ends |
//! | `X` mailbox | a deleted mailbox that is still being emptied |
//! | `G` time mailbox uid | a membership that left and can be restored |
//! | `Z` time mailbox | a deleted mailbox that can be restored |
//! | `V` mailbox | which sealed view of it there is |
//! | `V` mailbox modseq number | a part of it: members, packed |
//!
//! Numbers in keys are big-endian, so that keys sort as the numbers do. Bodies of up to 32 KiB lie in `Space::Bodies`
//! under the email's id. Links to larger blobs lie in cells of their own, one for each blob.

#[cfg(test)]
mod tests;

use crate::Usage;
use model::{AccountId, Decoder, EmailId, Encoder, MailboxId, ModSeq, QueueId, RecordError, Timestamp, Uid};
use store::{BlobId, Bytes, Cell};

pub(crate) fn account_cell(account: AccountId) -> Cell {
    Cell::new([b"a".as_slice(), &account.0.to_be_bytes()].concat())
}

/// The cell that holds one row for each email whose body is this blob.
pub(crate) fn blob_cell(blob: BlobId) -> Cell {
    Cell::new([b"b".as_slice(), &blob.0].concat())
}

pub(crate) fn blob_link(account: AccountId, email: EmailId) -> Bytes {
    [account.0.to_be_bytes().as_slice(), &email.0.to_be_bytes()].concat().into()
}

pub(crate) const HEAD: Bytes = Bytes::from_static(b"H");
pub(crate) const KEYWORDS: Bytes = Bytes::from_static(b"K");
pub(crate) const MAILBOX: &[u8] = b"M";
pub(crate) const MEMBER: &[u8] = b"U";
pub(crate) const SUBSCRIPTION: &[u8] = b"S";
pub(crate) const EMPTYING: &[u8] = b"X";
pub(crate) const LOG: &[u8] = b"L";
pub(crate) const DELIVERY: &[u8] = b"D";
pub(crate) const GONE: &[u8] = b"G";
pub(crate) const DELETED_MAILBOX: &[u8] = b"Z";

fn key(kind: u8, parts: &[&[u8]]) -> Bytes {
    let mut key = vec![kind];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key.into()
}

pub(crate) fn mailbox(id: MailboxId) -> Bytes {
    key(b'M', &[&id.0.to_be_bytes()])
}

pub(crate) fn emptying(id: MailboxId) -> Bytes {
    key(b'X', &[&id.0.to_be_bytes()])
}

pub(crate) fn subscription(name: &str) -> Bytes {
    key(b'S', &[name.as_bytes()])
}

pub(crate) fn members(mailbox: MailboxId) -> Bytes {
    key(b'U', &[&mailbox.0.to_be_bytes()])
}

pub(crate) fn sealed(mailbox: MailboxId) -> Bytes {
    key(b'V', &[&mailbox.0.to_be_bytes()])
}

pub(crate) fn sealed_parts(mailbox: MailboxId, modseq: ModSeq) -> Bytes {
    key(b'V', &[&mailbox.0.to_be_bytes(), &modseq.0.to_be_bytes()])
}

pub(crate) fn sealed_part(mailbox: MailboxId, modseq: ModSeq, number: u32) -> Bytes {
    key(b'V', &[&mailbox.0.to_be_bytes(), &modseq.0.to_be_bytes(), &number.to_be_bytes()])
}

pub(crate) fn member(mailbox: MailboxId, uid: Uid) -> Bytes {
    key(b'U', &[&mailbox.0.to_be_bytes(), &uid.0.to_be_bytes()])
}

/// The UID at the end of a membership's key.
pub(crate) fn uid_of(key: &[u8]) -> Result<Uid, RecordError> {
    key.last_chunk().map(|uid| Uid(u32::from_be_bytes(*uid))).ok_or(RecordError::Short)
}

/// The mailbox in a membership's key.
pub(crate) fn mailbox_of_member(key: &[u8]) -> Result<MailboxId, RecordError> {
    let id = key.get(1..).and_then(|rest| rest.first_chunk()).filter(|_| key.len() == 9);
    id.map(|id| MailboxId(u32::from_be_bytes(*id))).ok_or(RecordError::Short)
}

/// The email at the end of an `E` or `P` key.
pub(crate) fn email_of(key: &[u8]) -> Result<EmailId, RecordError> {
    key.last_chunk().map(|id| EmailId(u64::from_be_bytes(*id))).ok_or(RecordError::Short)
}

/// Whose link to a blob this is.
pub(crate) fn linked_email(key: &[u8]) -> Option<(AccountId, EmailId)> {
    let (account, email) = key.split_first_chunk()?;
    let email = email.try_into().ok()?;
    Some((AccountId(u32::from_be_bytes(*account)), EmailId(u64::from_be_bytes(email))))
}

/// The mailbox at the end of an `X` key.
pub(crate) fn mailbox_of(key: &[u8]) -> Result<MailboxId, RecordError> {
    key.last_chunk().map(|id| MailboxId(u32::from_be_bytes(*id))).ok_or(RecordError::Short)
}

pub(crate) fn email(id: EmailId) -> Bytes {
    key(b'E', &[&id.0.to_be_bytes()])
}

pub(crate) fn places(id: EmailId) -> Bytes {
    key(b'P', &[&id.0.to_be_bytes()])
}

pub(crate) fn body(id: EmailId) -> Bytes {
    Bytes::copy_from_slice(&id.0.to_be_bytes())
}

pub(crate) fn thread(message_id: &[u8], base_subject: &[u8]) -> Bytes {
    let mut hash = blake3::Hasher::new();
    hash.update(message_id).update(b"\0").update(base_subject);
    key(b'T', &[hash.finalize().as_bytes().first_chunk::<8>().map_or(&[], |h| h.as_slice())])
}

pub(crate) fn log(modseq: ModSeq) -> Bytes {
    key(b'L', &[&modseq.0.to_be_bytes()])
}

pub(crate) fn delivery(id: DeliveryId) -> Bytes {
    key(b'D', &[&id.queue.0.to_be_bytes(), &id.ordinal.to_be_bytes()])
}

pub(crate) fn source(id: SourceId) -> Bytes {
    key(b'I', &[&id.0])
}

pub(crate) fn gone(departure: Departure) -> Bytes {
    let Departure { at, mailbox, uid } = departure;
    key(b'G', &[&sortable(at), &mailbox.0.to_be_bytes(), &uid.0.to_be_bytes()])
}

/// What a `G` key says.
pub(crate) fn departure_of(key: &[u8]) -> Result<Departure, RecordError> {
    let rest = key.strip_prefix(GONE).ok_or(RecordError::Value)?;
    let (at, rest) = rest.split_first_chunk().ok_or(RecordError::Short)?;
    let (mailbox, uid) = rest.split_first_chunk().ok_or(RecordError::Short)?;
    let uid = uid.try_into().map_err(|_| RecordError::Short)?;
    let (mailbox, uid) = (MailboxId(u32::from_be_bytes(*mailbox)), Uid(u32::from_be_bytes(uid)));
    Ok(Departure { at: time_of(*at)?, mailbox, uid })
}

pub(crate) fn deleted_mailbox(at: Timestamp, mailbox: MailboxId) -> Bytes {
    key(b'Z', &[&sortable(at), &mailbox.0.to_be_bytes()])
}

/// When the mailbox of a `Z` key was deleted.
pub(crate) fn deleted_at(key: &[u8]) -> Result<Timestamp, RecordError> {
    let at = key.get(1..).and_then(|rest| rest.first_chunk()).filter(|_| key.len() == 13);
    time_of(*at.ok_or(RecordError::Short)?)
}

/// No message was deleted before 1970.
fn sortable(at: Timestamp) -> [u8; 8] {
    u64::try_from(at.unix_ms()).unwrap_or(0).to_be_bytes()
}

fn time_of(octets: [u8; 8]) -> Result<Timestamp, RecordError> {
    i64::try_from(u64::from_be_bytes(octets)).map(Timestamp::from_unix_ms).map_err(|_| RecordError::Value)
}

/// What lies under a key, for people.
pub(crate) fn name_of(key: &[u8]) -> String {
    let number = |octets: usize| {
        let digits = key.get(1..).filter(|rest| rest.len() == octets)?;
        Some(digits.iter().fold(0u64, |number, digit| number << 8 | u64::from(*digit)))
    };
    let named = match key.first() {
        Some(b'H') => Some("head".to_owned()),
        Some(b'K') => Some("keywords".to_owned()),
        Some(b'M') => number(4).map(|id| format!("mailbox {id}")),
        Some(b'X') => number(4).map(|id| format!("deleted mailbox {id}")),
        Some(b'E') => number(8).map(|id| format!("email {id}")),
        Some(b'P') => number(8).map(|id| format!("places of email {id}")),
        Some(b'L') => number(8).map(|modseq| format!("change {modseq}")),
        Some(b'U') => {
            mailbox_of_member(key).and_then(|mailbox| Ok(format!("message {} of mailbox {mailbox}", uid_of(key)?))).ok()
        }
        Some(b'G') => {
            departure_of(key).map(|was| format!("message {} that left mailbox {}", was.uid, was.mailbox)).ok()
        }
        Some(b'S') => Some(format!("subscription {:?}", String::from_utf8_lossy(key.get(1..).unwrap_or_default()))),
        Some(b'T') => Some("a conversation".to_owned()),
        Some(b'D') => Some("a delivery that is done".to_owned()),
        Some(b'I') => Some("the source of an import".to_owned()),
        Some(b'Z') => Some("a deleted mailbox that is kept".to_owned()),
        _ => None,
    };
    named.unwrap_or_else(|| format!("row {}", key.escape_ascii()))
}

/// When a message left which place: no two memberships of an account ever have the same mailbox and UID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Departure {
    /// When.
    pub at: Timestamp,
    /// Whence.
    pub mailbox: MailboxId,
    /// What UID it had there.
    pub uid: Uid,
}

/// What a message was where it was imported from: a hash of whatever tells it from all others there. It is remembered as
/// long as the account, so that importing may be repeated at any time: 30 octets for each message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SourceId(pub [u8; 16]);

/// One recipient of one queued message: a delivery with this id happens once, however often it is tried.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DeliveryId {
    /// The message.
    pub queue: QueueId,
    /// The recipient's place in its envelope.
    pub ordinal: u32,
}

/// What the account as a whole counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    /// Counts batches: no two leave the same head behind, so each is applied only onto the one it was folded on.
    pub batches: u64,
    pub modseq: ModSeq,
    pub next_email: EmailId,
    pub next_mailbox: MailboxId,
    /// The last UIDVALIDITY given out; the next is greater.
    pub uid_validity: u32,
    pub used_octets: u64,
    pub used_emails: u64,
    /// Emails without a place that can be restored. `None` in rows of programs that kept none.
    pub kept: Option<Usage>,
}

impl Head {
    const FORMAT: u8 = 1;

    pub fn new() -> Head {
        let (next_email, next_mailbox) = (EmailId(1), MailboxId(1));
        Head {
            batches: 0,
            modseq: ModSeq(0),
            next_email,
            next_mailbox,
            uid_validity: 0,
            used_octets: 0,
            used_emails: 0,
            kept: Some(Usage::default()),
        }
    }

    pub fn used(&self) -> Usage {
        Usage { octets: self.used_octets, messages: self.used_emails }
    }

    pub fn set_used(&mut self, used: Usage) {
        (self.used_octets, self.used_emails) = (used.octets, used.messages);
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Self::FORMAT);
        e.u64(self.batches).u64(self.modseq.0).u64(self.next_email.0).u32(self.next_mailbox.0).u32(self.uid_validity);
        e.u64(self.used_octets).u64(self.used_emails);
        // Behind all that earlier programs read, so that they still read it.
        if let Some(Usage { octets, messages }) = self.kept {
            e.u64(octets).u64(messages);
        }
        e.finish()
    }

    pub fn decode(row: &[u8]) -> Result<Head, RecordError> {
        let mut d = Decoder::new(row, Self::FORMAT)?;
        Ok(Head {
            batches: d.u64()?,
            modseq: d.modseq()?,
            next_email: d.email()?,
            next_mailbox: d.mailbox()?,
            uid_validity: d.u32()?,
            used_octets: d.u64()?,
            used_emails: d.u64()?,
            kept: if d.is_empty() { None } else { Some(Usage { octets: d.u64()?, messages: d.u64()? }) },
        })
    }
}

/// Where an email is, and was; it ends with its last place and its last departure that is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Places {
    pub memberships: Vec<(MailboxId, Uid)>,
    /// The `G` rows that name it, the oldest first.
    pub departures: Vec<Departure>,
    /// The blob whose link row goes with the email.
    pub blob: Option<BlobId>,
    /// What it counts towards the quota.
    pub size_octets: u64,
}

impl Places {
    const FORMAT: u8 = 1;

    /// The row of `email`'s places; at its end stands whose they are.
    pub fn encode(&self, email: EmailId) -> Vec<u8> {
        let mut e = Encoder::new(Self::FORMAT);
        e.u64(self.size_octets).option(self.blob.as_ref().map(|blob| blob.0.as_slice()));
        e.usize(self.memberships.len());
        self.memberships.iter().for_each(|(mailbox, uid)| {
            e.u32(mailbox.0).u32(uid.0);
        });
        // Behind all that earlier programs read.
        e.usize(self.departures.len());
        self.departures.iter().for_each(|Departure { at, mailbox, uid }| {
            e.time(*at).u32(mailbox.0).u32(uid.0);
        });
        e.u64(email.0);
        e.finish()
    }

    pub fn decode(email: EmailId, row: &[u8]) -> Result<Places, RecordError> {
        let mut d = Decoder::new(row, Self::FORMAT)?;
        let size_octets = d.u64()?;
        let blob = d.option()?.map(|id| id.try_into().map(BlobId).map_err(|_| RecordError::Value)).transpose()?;
        let count = d.count()?;
        let memberships = (0..count).map(|_| Ok((d.mailbox()?, d.uid()?))).collect::<Result<_, RecordError>>()?;
        let count = if d.is_empty() { 0 } else { d.count()? };
        let mut departure = || Ok(Departure { at: d.time()?, mailbox: d.mailbox()?, uid: d.uid()? });
        let departures = (0..count).map(|_| departure()).collect::<Result<_, RecordError>>()?;
        if !d.is_empty() && d.email()? != email {
            return Err(RecordError::Elsewhere);
        }
        Ok(Places { memberships, departures, blob, size_octets })
    }
}
