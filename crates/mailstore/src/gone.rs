//! What was deleted and is kept for a while: memberships that left, mailboxes that were deleted, and how long they stay.
//!
//! An email lives on while a membership or a departure names it. Only memberships count towards the quota; what lives by
//! departures alone is summed apart, in the head.

#[cfg(test)]
mod tests;

use crate::Usage;
use crate::mailbox::MailboxRecord;
use crate::rows::{self, Departure, Places};
use crate::view::Member;
use crate::working::Working;
use model::{AccountId, Decoder, EmailId, Encoder, MailboxId, RecordError, Timestamp};
use std::time::Duration;

/// How long what was deleted is kept where nobody says otherwise: a holiday and some days to notice.
pub const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// Departures of one email that are kept: who copies and deletes a message again and again shall not fill rows with it.
pub const DEPARTURES_MAX: usize = 16;
/// What a kept email's rows count beside its size, so that a million empty messages are not nothing.
pub const KEPT_ROW_OCTETS: u64 = 1024;

/// How long, and how much, accounts keep of what was deleted.
pub trait Keeping: Send + Sync {
    /// How long; zero: nothing is kept.
    fn time(&self) -> Duration;

    /// How many octets of an account are kept, each message counted with [`KEPT_ROW_OCTETS`] more than its size; beyond
    /// it the oldest go. `None`: as many as the disk takes.
    fn octets_max(&self, account: AccountId) -> Option<u64>;
}

/// For a time, and as much as the disk takes.
#[derive(Clone, Copy, Debug)]
pub struct KeptFor(pub Duration);

impl Keeping for KeptFor {
    fn time(&self) -> Duration {
        self.0
    }

    fn octets_max(&self, _: AccountId) -> Option<u64> {
        None
    }
}

/// What `kept` counts against [`Keeping::octets_max`].
pub(crate) fn weight(kept: Usage) -> u64 {
    kept.octets.saturating_add(kept.messages.saturating_mul(KEPT_ROW_OCTETS))
}

const FORMAT: u8 = 1;

/// The row of a membership that left, as it was.
pub(crate) fn encode(member: &Member) -> Vec<u8> {
    let mut e = Encoder::new(FORMAT);
    member.encode_into(&mut e);
    e.finish()
}

/// The membership as it was.
pub(crate) fn decode(departure: Departure, row: &[u8]) -> Result<Member, RecordError> {
    Member::decode_from(departure.uid, &mut Decoder::new(row, FORMAT)?)
}

/// The row of a deleted mailbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Deleted {
    pub record: MailboxRecord,
    /// What its messages came back into.
    pub restored: Option<MailboxId>,
}

impl Deleted {
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(FORMAT);
        e.bytes(&self.record.encode()).u32(self.restored.map_or(0, |id| id.0));
        e.finish()
    }

    pub fn decode(row: &[u8]) -> Result<Deleted, RecordError> {
        let mut d = Decoder::new(row, FORMAT)?;
        let record = MailboxRecord::decode(d.bytes()?)?;
        let restored = Some(d.mailbox()?).filter(|id| id.0 > 0);
        Ok(Deleted { record, restored })
    }
}

/// Keeps what a membership was. `places` are its email's, which it has left already.
pub(crate) fn depart(w: &mut Working, member: &Member, mailbox: MailboxId, places: &mut Places) {
    let at = w.now.max(Timestamp::from_unix_ms(0));
    let departure = Departure { at, mailbox, uid: member.uid };
    w.set_readable(rows::gone(departure), Some(encode(member)));
    places.departures.push(departure);
    if places.departures.len() > DEPARTURES_MAX {
        let oldest = places.departures.remove(0);
        w.set_readable(rows::gone(oldest), None);
    }
}

/// An email's places as they are when all that was folded is durable; `read` is what was read of them before.
pub(crate) fn current(w: &Working, email: EmailId, read: Option<Places>) -> Option<Places> {
    match w.folded_row(&rows::places(email)) {
        Some(newer) => newer,
        None => read,
    }
}

/// Whether an email has a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Was {
    There,
    Kept,
}

/// Writes what an email's places have become; one with neither membership nor departure ends.
pub(crate) fn settle(w: &mut Working, email: EmailId, was: Was, places: &Places) {
    let is_there = !places.memberships.is_empty();
    let (is_kept, was_there) = (!is_there && !places.departures.is_empty(), was == Was::There);
    let size = Usage { octets: places.size_octets, messages: 1 };
    let used = w.head.used();
    w.head.set_used(used.change(size, was_there, is_there));
    let kept = w.head.kept.unwrap_or_default();
    w.head.kept = Some(kept.change(size, !was_there, is_kept));
    let key = rows::places(email);
    if is_there || is_kept {
        return w.set_readable(key, Some(places.encode(email)));
    }
    w.set_readable(key, None);
    w.delete(rows::email(email));
    match places.blob {
        Some(blob) => w.delete_elsewhere(rows::blob_cell(blob), rows::blob_link(w.account, email)),
        None => w.delete_body(rows::body(email)),
    }
}

impl Usage {
    /// This sum when something of `size` was in it and is in it.
    fn change(self, size: Usage, was: bool, is: bool) -> Usage {
        match (was, is) {
            (false, true) => self.plus(size),
            (true, false) => self.less(size),
            _ => self,
        }
    }

    /// A damaged row may say anything.
    pub(crate) fn plus(self, other: Usage) -> Usage {
        let octets = self.octets.saturating_add(other.octets);
        Usage { octets, messages: self.messages.saturating_add(other.messages) }
    }

    pub(crate) fn less(self, other: Usage) -> Usage {
        let octets = self.octets.saturating_sub(other.octets);
        Usage { octets, messages: self.messages.saturating_sub(other.messages) }
    }
}
