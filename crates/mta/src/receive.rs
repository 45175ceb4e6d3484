//! The one door: every message that comes into a mailbox comes through here (DESIGN §2).

use crate::incoming::{BodiesInFlight, Received};
use crate::queue::{Queue, Queued, QueuedRecipient};
use crate::route::Recipient;
use crate::trace::{self, Hop};
use ::smtp::Reply;
use directory::Directory;
use env::{Clock, Random};
use futures_util::future::join_all;
use mailstore::{Account, Append, Appended, Error, INBOX_ID, Mailstore, NewEmail, Outcome};
use model::{Flag, MailboxId, QueueId, Quota, ReversePath, Timestamp};
use std::sync::Arc;
use store::Bytes;

/// `Received` fields after which a message is taken to run in circles: RFC 5321 §6.3 says at least 100.
const HOPS_MAX: u32 = 100;

/// Where a message comes from, and what it passes on its way in.
#[derive(Clone, Debug)]
pub enum Origin {
    /// From another server: loop detection, trace fields; one answer for all recipients.
    Smtp(Hop),
    /// From our own side: the same, with one answer for each recipient.
    Lmtp(Hop),
}

/// What became of one recipient's copy.
pub type Delivery = Reply;

/// What the stations need.
pub struct Post {
    /// Whose mailboxes.
    pub mailstore: Arc<Mailstore>,
    /// Who is who.
    pub directory: Arc<Directory>,
    /// What waits for several recipients.
    pub queue: Arc<Queue>,
    /// What may come in at once.
    pub in_flight: Arc<BodiesInFlight>,
    /// Dates.
    pub clock: Arc<dyn Clock>,
    /// Queue ids.
    pub random: Arc<dyn Random>,
}

impl Post {
    /// Takes in a message for its recipients and says what became of it: one reply for each recipient of LMTP, otherwise
    /// one for all. A positive reply means that the message is durable.
    pub async fn receive(
        &self,
        origin: Origin,
        reverse_path: ReversePath,
        recipients: Vec<Recipient>,
        received: Received,
    ) -> Vec<Delivery> {
        let id = self.queue_id();
        let (hop, each) = match &origin {
            Origin::Smtp(hop) => (hop, false),
            Origin::Lmtp(hop) => (hop, true),
        };
        let answers = if each { recipients.len() } else { 1 };
        if received.scanned.received_count > HOPS_MAX {
            let text = format!("the message runs in circles: it has passed {} hops", received.scanned.received_count);
            tracing::warn!(event = "message.looping", queue_id = %trace::queue_name(id), hops = received.scanned.received_count);
            return vec![Reply::new(554, (5, 4, 6), text); answers];
        }
        let only = match recipients.as_slice() {
            [only] => Some(&only.path),
            _ => None,
        };
        let trace = hop.received(id, only, self.clock.wall());
        let message = Inbound { id, reverse_path, trace, received };
        let replies = if each {
            join_all(recipients.iter().map(|recipient| self.deliver_now(&message, recipient))).await
        } else {
            let reply = match recipients.as_slice() {
                [only] if only.accounts.len() == 1 => self.deliver_now(&message, only).await,
                _ => self.enqueue(&message, &recipients).await,
            };
            vec![reply]
        };
        for reply in &replies {
            tracing::info!(
                event = "message.received",
                session_id = hop.session_id,
                queue_id = %trace::queue_name(id),
                from = %message.reverse_path,
                recipients = recipients.len(),
                size_octets = message.received.body.size_octets(),
                reply = reply.code(),
            );
        }
        replies
    }

    /// One commit into each account's cell, then the answer.
    async fn deliver_now(&self, message: &Inbound, recipient: &Recipient) -> Delivery {
        let deliveries = recipient.accounts.iter().map(|account| self.deliver_to(message, account));
        let mut outcomes = join_all(deliveries).await.into_iter();
        match outcomes.find_map(Result::err) {
            Some(error) => {
                tracing::warn!(event = "delivery.refused", queue_id = %trace::queue_name(message.id), to = %recipient.path, cause = %error);
                refusal(&error)
            }
            None => Reply::new(250, (2, 1, 5), format!("delivered, {}", trace::queue_name(message.id))),
        }
    }

    async fn deliver_to(&self, message: &Inbound, account: &directory::Account) -> Result<(), Error> {
        let prefix = trace::delivery_prefix(&message.reverse_path, &account.address, &message.trace);
        let email = NewEmail {
            prefix: prefix.into(),
            body: message.received.body.clone(),
            scanned: message.received.scanned.clone(),
        };
        let mailbox = self.mailstore.account(account.id).await?;
        mailbox.append(inbox(email, account.quota, None)).await.map(|_| ())
    }

    /// One commit into the queue with all deliveries, then the answer; each account gets its copy afterwards.
    async fn enqueue(&self, message: &Inbound, recipients: &[Recipient]) -> Delivery {
        let mut to: Vec<QueuedRecipient> = Vec::new();
        for account in recipients.iter().flat_map(|recipient| &recipient.accounts) {
            if to.iter().all(|known| known.account != account.id) {
                to.push(QueuedRecipient::new(account));
            }
        }
        let queued = Queued {
            id: message.id,
            reverse_path: message.reverse_path.to_string(),
            trace: message.trace.clone(),
            arrived: self.clock.wall(),
            recipients: to,
            body: message.received.body.clone(),
        };
        match self.queue.accept(queued, message.received.scanned.clone()).await {
            Ok(()) => Reply::new(250, (2, 0, 0), format!("accepted, {}", trace::queue_name(message.id))),
            Err(error) => {
                tracing::warn!(event = "message.refused", queue_id = %trace::queue_name(message.id), cause = %error);
                Reply::new(452, (4, 3, 1), format!("try again later: {error}"))
            }
        }
    }

    /// Ids grow with time, so that the queue is walked in the order of arrival; the low bits keep nodes apart.
    fn queue_id(&self) -> QueueId {
        let mut random = [0; 4];
        self.random.fill(&mut random);
        let low = u64::from(u32::from_le_bytes(random)) & 0xf_ffff;
        QueueId(((self.clock.wall().unix_ms() as u64) << 20) | low)
    }
}

/// A message on its way to its recipients.
struct Inbound {
    id: QueueId,
    reverse_path: ReversePath,
    trace: String,
    received: Received,
}

pub(crate) fn inbox(email: NewEmail, quota: Quota, delivery: Option<mailstore::DeliveryId>) -> Append {
    Append { mailbox: INBOX_ID, email, flags: Vec::new(), internal_date: None, quota, delivery }
}

/// What a giver is told when its message could not be stored. Whatever may heal is temporary: doubt never bounces.
pub(crate) fn refusal(error: &Error) -> Reply {
    match error {
        Error::OverQuota { .. } => Reply::new(452, (4, 2, 2), "the mailbox is full"),
        Error::Commit(store::CommitError::NoSpace(_)) => {
            Reply::new(452, (4, 3, 1), "the server's disk is full; try again later")
        }
        Error::Busy => Reply::new(451, (4, 3, 2), "the mailbox is busy; try again later"),
        _ => Reply::new(451, (4, 3, 0), "the message could not be stored; try again later"),
    }
}

/// Where APPEND puts a message (RFC 9051 §6.3.12).
#[derive(Clone, Debug)]
pub struct AppendTo {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Flags it gets.
    pub flags: Vec<Flag>,
    /// `None`: now.
    pub internal_date: Option<Timestamp>,
    /// Of the account.
    pub quota: Quota,
}

/// The door for messages that a client puts into a mailbox itself: they pass no station and get no trace.
pub async fn append(account: &Arc<Account>, to: AppendTo, received: Received) -> Result<Appended, Error> {
    let AppendTo { mailbox, flags, internal_date, quota } = to;
    let email = NewEmail { prefix: Bytes::new(), body: received.body, scanned: received.scanned };
    match account.append(Append { mailbox, email, flags, internal_date, quota, delivery: None }).await? {
        Outcome::Appended(appended) => Ok(appended),
        Outcome::AlreadyDelivered => unreachable!("an append without a delivery id has no mark to meet"),
    }
}
