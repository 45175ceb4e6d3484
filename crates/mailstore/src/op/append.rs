//! A message comes in (RFC 9051 §6.3.12; delivery).

use crate::email::{Body, NewEmail};
use crate::error::Error;
use crate::lane::Operation;
use crate::log;
use crate::mailbox::MailboxRecord;
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
        w.usage().room_for(self.email.size_octets(), &self.quota)?;
        w.keywords().fits(&self.flags)?;
        let uid = Working::next_uid(&mut mailbox)?;
        let threads = Threads::read(w, &self.email).await?;

        // From here on nothing fails.
        let modseq = ModSeq(w.head.modseq.0 + 1);
        let coming = Coming { email: &self.email, flags: &self.flags, internal_date: self.internal_date };
        let member = coming.arrive(w, &mut mailbox, (uid, modseq), threads);
        w.log(|_| log::appended(mailbox.id, &[member]));
        if let Some(delivery) = self.delivery {
            let mut row = Encoder::new(DELIVERY_FORMAT);
            row.time(w.now);
            w.set_readable(rows::delivery(delivery), Some(row.finish()));
        }
        w.put_beside(&self.beside);
        mailbox.highest_modseq = modseq;
        let uid_validity = mailbox.uid_validity;
        w.put_mailbox(mailbox);
        Ok(Outcome::Appended(Appended { uid_validity, uid, email: member.email, modseq }))
    }
}

pub(crate) const DELIVERY_FORMAT: u8 = 1;

/// A message that comes into a mailbox.
pub(super) struct Coming<'a> {
    pub email: &'a NewEmail,
    pub flags: &'a [Flag],
    pub internal_date: Option<Timestamp>,
}

impl Coming<'_> {
    /// Writes all its rows but the log's and the mailbox's; nothing of that fails.
    pub fn arrive(
        &self,
        w: &mut Working,
        mailbox: &mut MailboxRecord,
        (uid, modseq): (Uid, ModSeq),
        threads: Threads,
    ) -> Member {
        let size_octets = self.email.size_octets();
        let id = w.head.next_email;
        w.head.next_email.0 += 1;
        w.head.used_emails += 1;
        w.head.used_octets += size_octets;
        let thread = threads.join(w, id);
        let flags = w.keyword_bits(self.flags);
        let (internal_date, save_date) = (self.internal_date.unwrap_or(w.now), w.now);
        let member = Member { uid, email: id, thread, flags, modseq, internal_date, save_date, size_octets };
        let blob = self.put_body(w, id);
        w.put(rows::email(id), self.email.encode(id, thread));
        let places = Places { memberships: vec![(mailbox.id, uid)], departures: Vec::new(), blob, size_octets };
        w.set_readable(rows::places(id), Some(places.encode(id)));
        w.put_member(mailbox.id, &member);
        Working::count(mailbox, &member, Sign::Came);
        w.change_view(mailbox.id, |view| view.push(member));
        member
    }

    fn put_body(&self, w: &mut Working, id: EmailId) -> Option<store::BlobId> {
        match &self.email.body {
            Body::Row(octets) => {
                w.put_body(rows::body(id), octets.clone());
                None
            }
            Body::Blob { id: blob, hold, .. } => {
                w.hold(hold);
                w.put_elsewhere(rows::blob_cell(*blob), rows::blob_link(w.account, id));
                Some(*blob)
            }
        }
    }
}

const THREAD_FORMAT: u8 = 1;

/// The keys under which messages of one conversation find each other, and the threads that stand there.
pub(super) struct Threads(Vec<(store::Bytes, Option<ThreadId>)>);

impl Threads {
    /// Looks for messages of the same base subject with one of the message's Message-IDs.
    pub async fn read(w: &Working, email: &NewEmail) -> Result<Threads, Error> {
        let threading = &email.scanned.threading;
        let ids = threading.message_id.iter().chain(&threading.references);
        let keys: Vec<_> = ids.map(|id| rows::thread(id.as_ref(), threading.base_subject.as_bytes())).collect();
        let rows = w.rows(&keys).await?;
        let mut threads = Vec::with_capacity(keys.len());
        for (key, row) in keys.into_iter().zip(rows) {
            // One that is damaged is as good as none, and is written anew: it is no reason to refuse mail.
            let thread = row.and_then(|row| {
                let damaged = |cause: &_| tracing::error!(event = "thread.damaged", account = %w.account, %cause);
                decode_thread(&row).inspect_err(damaged).ok()
            });
            threads.push((key, thread));
        }
        Ok(Threads(threads))
    }

    /// The thread that the message joins, or starts, and the rows by which later ones find it. A message joins at most one
    /// thread and never changes it (RFC 8474 §5.2, RFC 8621 §3).
    fn join(self, w: &mut Working, id: EmailId) -> ThreadId {
        // One that came in the same operation, after these were read, counts as well.
        let newer = |key: &store::Bytes| w.folded(key).flatten().and_then(|row| decode_thread(&row).ok());
        let known: Vec<_> = self.0.into_iter().map(|(key, thread)| (thread.or_else(|| newer(&key)), key)).collect();
        let thread = known.iter().find_map(|(thread, _)| *thread).unwrap_or(ThreadId(id.0));
        for (_, key) in known.into_iter().filter(|(thread, _)| thread.is_none()) {
            let mut row = Encoder::new(THREAD_FORMAT);
            row.u64(thread.0);
            w.set_readable(key, Some(row.finish()));
        }
        thread
    }
}

fn decode_thread(row: &[u8]) -> Result<ThreadId, model::RecordError> {
    model::Decoder::new(row, THREAD_FORMAT).and_then(|mut d| d.u64()).map(ThreadId)
}
