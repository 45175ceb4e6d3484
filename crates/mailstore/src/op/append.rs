//! A message comes in (RFC 9051 §6.3.12; delivery).

use crate::account::Usage;
use crate::email::{Body, NewEmail};
use crate::error::Error;
use crate::lane::Operation;
use crate::log;
use crate::rows::{self, DeliveryId, Places};
use crate::view::Member;
use crate::working::{Sign, Working};
use model::{EmailId, Encoder, Flag, MailboxId, ModSeq, Quota, ThreadId, Timestamp, Uid, UidValidity};

/// A message to be added to a mailbox.
#[derive(Clone, Debug)]
pub struct Append {
    /// Where.
    pub mailbox: MailboxId,
    /// The message.
    pub email: NewEmail,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// `None`: now.
    pub internal_date: Option<Timestamp>,
    /// What the account may hold.
    pub quota: Quota,
    /// Of a delivery from the queue, which must not happen twice.
    pub delivery: Option<DeliveryId>,
    /// Uniquely keyed rows of other cells that come with it, as of the trace.
    pub beside: Vec<store::Write>,
}

/// Where an appended message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// Of the mailbox.
    pub uid_validity: UidValidity,
    /// In the mailbox.
    pub uid: Uid,
    /// In the account.
    pub email: EmailId,
    /// Of the change.
    pub modseq: ModSeq,
}

/// What became of an append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is there.
    Appended(Appended),
    /// This delivery was done before.
    AlreadyDelivered,
}

impl Operation for Append {
    type Done = Outcome;

    fn octets(&self) -> usize {
        let body = match &self.email.body {
            Body::Row(octets) => octets.len(),
            Body::Blob { .. } => 0,
        };
        self.email.prefix.len() + body + 1024
    }

    async fn fold(&self, w: &mut Working) -> Result<Outcome, Error> {
        let mut mailbox = (*w.mailbox(self.mailbox)?).clone();
        if let Some(delivery) = self.delivery
            && w.row(rows::delivery(delivery)).await?.is_some()
        {
            return Ok(Outcome::AlreadyDelivered);
        }
        let size_octets = self.email.size_octets();
        let usage = Usage { octets: w.head.used_octets, messages: w.head.used_emails };
        usage.room_for(size_octets, &self.quota)?;
        w.keywords().fits(&self.flags)?;
        let uid = Working::next_uid(&mut mailbox)?;
        let (thread, thread_keys) = thread_of(w, &self.email).await?;

        // From here on nothing fails.
        let id = w.head.next_email;
        w.head.next_email.0 += 1;
        w.head.used_emails += 1;
        w.head.used_octets += size_octets;
        let thread = thread.unwrap_or(ThreadId(id.0));
        let flags = w.keyword_bits(&self.flags);
        let internal_date = self.internal_date.unwrap_or(w.now);
        let (modseq, save_date) = (ModSeq(w.head.modseq.0 + 1), w.now);
        let member = Member { uid, email: id, thread, flags, modseq, internal_date, save_date, size_octets };
        w.log(|_| log::appended(mailbox.id, &[member]));

        let blob = self.put_body(w, id);
        w.put(rows::email(id), self.email.encode(thread));
        let places = Places { memberships: vec![(mailbox.id, uid)], blob, size_octets };
        w.set_readable(rows::places(id), Some(places.encode()));
        for key in thread_keys {
            w.set_readable(key, Some(encode_thread(thread)));
        }
        if let Some(delivery) = self.delivery {
            let mut row = Encoder::new(DELIVERY_FORMAT);
            row.time(w.now);
            w.set_readable(rows::delivery(delivery), Some(row.finish()));
        }
        w.put_beside(&self.beside);
        w.put_member(mailbox.id, &member);
        mailbox.highest_modseq = modseq;
        Working::count(&mut mailbox, &member, Sign::Came);
        w.change_view(mailbox.id, |view| view.push(member));
        let uid_validity = mailbox.uid_validity;
        w.put_mailbox(mailbox);
        Ok(Outcome::Appended(Appended { uid_validity, uid, email: id, modseq }))
    }
}

pub(crate) const DELIVERY_FORMAT: u8 = 1;

impl Append {
    fn put_body(&self, w: &mut Working, id: EmailId) -> Option<store::BlobId> {
        match &self.email.body {
            Body::Row(octets) => {
                w.put_body(rows::body(id), octets.clone());
                None
            }
            Body::Blob { id: blob, .. } => {
                w.put_elsewhere(rows::blob_cell(*blob), rows::blob_link(w.account, id));
                Some(*blob)
            }
        }
    }
}

const THREAD_FORMAT: u8 = 1;

fn encode_thread(thread: ThreadId) -> Vec<u8> {
    let mut row = Encoder::new(THREAD_FORMAT);
    row.u64(thread.0);
    row.finish()
}

/// The thread that a message of the same base subject with one of its Message-IDs belongs to, and the keys under which
/// later messages will find this one. A message joins at most one thread and never changes it (RFC 8474 §5.2, RFC 8621 §3).
async fn thread_of(w: &Working, email: &NewEmail) -> Result<(Option<ThreadId>, Vec<store::Bytes>), Error> {
    let threading = &email.scanned.threading;
    let ids = threading.message_id.iter().chain(&threading.references);
    let keys: Vec<_> = ids.map(|id| rows::thread(id.as_ref(), threading.base_subject.as_bytes())).collect();
    let rows = w.rows(&keys).await?;
    let mut found = None;
    for row in rows.iter().flatten() {
        let thread = model::Decoder::new(row, THREAD_FORMAT).and_then(|mut d| d.u64());
        found = found.or(Some(ThreadId(thread.map_err(crate::working::row_error("thread"))?)));
    }
    let unknown = keys.into_iter().zip(rows).filter(|(_, row)| row.is_none()).map(|(key, _)| key);
    Ok((found, unknown.collect()))
}
