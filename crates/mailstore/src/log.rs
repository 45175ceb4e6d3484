//! The change log: one row for each modification, with what it left behind. The only feed of changes (DESIGN §4).

#[cfg(test)]
mod tests;

use crate::flags::FlagBits;
use crate::mailbox::MailboxRecord;
use crate::view::Member;
use model::{Decoder, EmailId, Encoder, MailboxId, RecordError, Timestamp, Uid};

/// What happened at one MODSEQ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Messages came into a mailbox, by delivery, APPEND, COPY or MOVE.
    Appended {
        /// Where.
        mailbox: MailboxId,
        /// Which, with their flags.
        members: Vec<(Uid, EmailId, FlagBits)>,
    },
    /// Flags changed to these.
    Flags {
        /// Where.
        mailbox: MailboxId,
        /// Which, with all the flags they have now.
        members: Vec<(Uid, FlagBits)>,
    },
    /// Messages left a mailbox.
    Expunged {
        /// Where.
        mailbox: MailboxId,
        /// Which.
        members: Vec<(Uid, EmailId)>,
    },
    /// A mailbox was made or renamed: its record now.
    Mailbox(Box<MailboxRecord>),
    /// A mailbox was deleted; its messages leave by `Expunged` entries that follow.
    MailboxDeleted(MailboxId),
    /// A name was subscribed, or no longer is. Those of the mailboxes that an account begins with are subscribed from the
    /// beginning, which is no change.
    Subscription {
        /// The mailbox name.
        name: String,
        /// Whether it is now.
        subscribed: bool,
    },
}

/// A row of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub change: Change,
}

const FORMAT: u8 = 1;

impl Entry {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(FORMAT);
        e.time(self.at);
        match &self.change {
            Change::Appended { mailbox, members } => {
                e.u32(1).u32(mailbox.0).usize(members.len());
                for (uid, email, flags) in members {
                    e.u32(uid.0).u64(email.0);
                    flags.encode(&mut e);
                }
            }
            Change::Flags { mailbox, members } => {
                e.u32(2).u32(mailbox.0).usize(members.len());
                for (uid, flags) in members {
                    e.u32(uid.0);
                    flags.encode(&mut e);
                }
            }
            Change::Expunged { mailbox, members } => {
                e.u32(3).u32(mailbox.0).usize(members.len());
                for (uid, email) in members {
                    e.u32(uid.0).u64(email.0);
                }
            }
            Change::Mailbox(record) => {
                e.u32(4).bytes(&record.encode());
            }
            Change::MailboxDeleted(id) => {
                e.u32(5).u32(id.0);
            }
            Change::Subscription { name, subscribed } => {
                e.u32(6).str(name).u32(u32::from(*subscribed));
            }
        }
        e.finish()
    }

    pub(crate) fn decode(row: &[u8]) -> Result<Entry, RecordError> {
        let mut d = Decoder::new(row, FORMAT)?;
        let at = d.time()?;
        let change = match d.u32()? {
            1 => Change::Appended {
                mailbox: d.mailbox()?,
                members: list(&mut d, |d| Ok((d.uid()?, d.email()?, FlagBits::decode(d)?)))?,
            },
            2 => Change::Flags {
                mailbox: d.mailbox()?,
                members: list(&mut d, |d| Ok((d.uid()?, FlagBits::decode(d)?)))?,
            },
            3 => Change::Expunged { mailbox: d.mailbox()?, members: list(&mut d, |d| Ok((d.uid()?, d.email()?)))? },
            4 => Change::Mailbox(Box::new(MailboxRecord::decode(d.bytes()?)?)),
            5 => Change::MailboxDeleted(d.mailbox()?),
            6 => Change::Subscription { name: d.str()?.to_owned(), subscribed: d.u32()? == 1 },
            _ => return Err(RecordError::Value),
        };
        Ok(Entry { at, change })
    }
}

fn list<'a, T>(
    d: &mut Decoder<'a>,
    item: impl Fn(&mut Decoder<'a>) -> Result<T, RecordError>,
) -> Result<Vec<T>, RecordError> {
    let count = d.count()?;
    (0..count).map(|_| item(d)).collect()
}

/// The entry for members that came.
pub(crate) fn appended(mailbox: MailboxId, members: &[Member]) -> Change {
    Change::Appended { mailbox, members: members.iter().map(|m| (m.uid, m.email, m.flags)).collect() }
}

/// The entry for members that left.
pub(crate) fn expunged(mailbox: MailboxId, members: &[Member]) -> Change {
    Change::Expunged { mailbox, members: members.iter().map(|m| (m.uid, m.email)).collect() }
}
