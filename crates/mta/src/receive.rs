//! The one door: every message that comes into a mailbox or the queue comes through here (DESIGN §2).

use crate::fields::{self, Hop, queue_name};
use crate::incoming::{BodiesInFlight, Received};
use crate::metrics;
use crate::queue::{Content, Delivery, DeliveryKey, Queue, QueueError, QueuedMessage};
use crate::route::{Recipient, queued};
use crate::trace::{TraceEvent, TraceRecord};
use ::smtp::extension::MailParams;
use ::smtp::extension::dsn::Notify;
use ::smtp::{BodyType, Reply};
use directory::Directory;
use env::Clock;
use futures_util::future::join_all;
use mailstore::{
    Account, AllAppended, Append, AppendAll, Appended, Error, INBOX_ID, Mailstore, NewEmail, NewMessage, Outcome,
};
use model::{Flag, MailboxId, QueueId, Quota, ReversePath, Timestamp};
use std::sync::Arc;
use store::{Bytes, CommitError};

/// `Received` fields after which a message is taken to run in circles: RFC 5321 §6.3 says at least 100.
const HOPS_MAX: u32 = 100;

/// Where a message comes from, and what it passes on its way in.
#[derive(Clone, Debug)]
pub enum Origin {
    /// From another server: loop detection, trace fields; one answer for all recipients.
    Smtp(Hop),
    /// From our own side: the same, with one answer for each recipient.
    Lmtp(Hop),
    /// From somebody who signed in (RFC 6409): the same as from another server, without a trace of where they are. Their
    /// header was mended on the way in.
    Submission(Hop, Arc<directory::Account>),
}

impl Origin {
    /// For figures.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Origin::Smtp(_) => "smtp",
            Origin::Lmtp(_) => "lmtp",
            Origin::Submission(..) => "submission",
        }
    }

    fn hop(&self) -> &Hop {
        match self {
            Origin::Smtp(hop) | Origin::Lmtp(hop) | Origin::Submission(hop, _) => hop,
        }
    }
}

/// From whom, to whom, and how.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Where failures go.
    pub reverse_path: ReversePath,
    /// What was said of the message.
    pub params: MailParams,
    /// At least one.
    pub recipients: Vec<Recipient>,
}

/// What the stations need.
pub struct Post {
    /// Whose mailboxes.
    pub mailstore: Arc<Mailstore>,
    /// Who is who.
    pub directory: Arc<Directory>,
    /// What is on its way.
    pub queue: Arc<Queue>,
    /// What may come in at once.
    pub in_flight: Arc<BodiesInFlight>,
    /// Dates.
    pub clock: Arc<dyn Clock>,
}

impl Post {
    /// Takes in a message for its recipients and says what became of it: one reply for each recipient of LMTP, otherwise
    /// one for all. A positive reply means that the message is durable.
    pub async fn receive(&self, origin: Origin, envelope: Envelope, received: Received) -> Vec<Reply> {
        self.receive_as(self.queue.next_id(), origin, envelope, received).await
    }

    /// As [`receive`](Self::receive), with an id that was given before.
    pub(crate) async fn receive_as(
        &self,
        id: QueueId,
        origin: Origin,
        envelope: Envelope,
        received: Received,
    ) -> Vec<Reply> {
        let each = matches!(origin, Origin::Lmtp(_));
        let answers = if each { envelope.recipients.len() } else { 1 };
        if received.scanned.received_count > HOPS_MAX {
            let text = format!("the message runs in circles: it has passed {} hops", received.scanned.received_count);
            tracing::warn!(event = "message.looping", queue_id = %queue_name(id), hops = received.scanned.received_count);
            let refusal = Reply::new(554, (5, 4, 6), text);
            (0..answers).for_each(|_| metrics::received(&origin, &refusal, 0));
            return vec![refusal; answers];
        }
        let only = match envelope.recipients.as_slice() {
            [only] => Some(&only.path),
            _ => None,
        };
        let trace = origin.hop().received(id, only, self.clock.wall());
        let session_id = origin.hop().session_id;
        let message = Inbound { origin, envelope, trace, received };
        let recipients = &message.envelope.recipients;
        let replies = if each {
            let mut replies = Vec::with_capacity(recipients.len());
            for (copy, recipient) in (0..).zip(recipients) {
                // Each recipient's copy is a message of its own: one may fail while others do not (RFC 2033 §4.2).
                let id = if copy == 0 { id } else { self.queue.next_id() };
                replies.push((id, std::slice::from_ref(recipient)));
            }
            join_all(replies.into_iter().map(|(id, recipients)| self.take(&message, id, recipients))).await
        } else {
            vec![self.take(&message, id, recipients).await]
        };
        for reply in &replies {
            metrics::received(&message.origin, reply, message.received.body.size_octets());
            tracing::info!(
                event = "message.received",
                session_id,
                queue_id = %queue_name(id),
                from = %message.envelope.reverse_path,
                recipients = recipients.len(),
                size_octets = message.received.body.size_octets(),
                reply = reply.code(),
            );
        }
        replies
    }

    /// One commit into the account's cell where that is all there is to do, else one into the queue.
    async fn take(&self, message: &Inbound, id: QueueId, recipients: &[Recipient]) -> Reply {
        if let Some((only, account)) = straight_to(recipients, &message.envelope.params)
            && message.received.for_mailbox
        {
            let begun = self.clock.monotonic();
            return match self.deliver_to(message, id, only, account).await {
                Ok(()) => {
                    metrics::delivered_at_once(self.clock.monotonic() - begun);
                    Reply::new(250, (2, 1, 5), format!("delivered, {}", queue_name(id)))
                }
                Err(error) => {
                    tracing::warn!(event = "delivery.refused", queue_id = %queue_name(id), to = %only.path, cause = %error);
                    refusal(&error)
                }
            };
        }
        match self.check_room(message, recipients).await {
            Err(error) => refusal(&error),
            Ok(()) => self.enqueue(message, id, recipients).await,
        }
    }

    async fn deliver_to(
        &self,
        message: &Inbound,
        id: QueueId,
        recipient: &Recipient,
        account: &directory::Account,
    ) -> Result<(), Error> {
        let prefix = fields::delivery_prefix(&message.envelope.reverse_path, &account.address, &message.trace);
        let email = NewEmail {
            prefix: prefix.into(),
            body: message.received.body.clone(),
            scanned: message.received.scanned.clone(),
        };
        let record = TraceRecord {
            event: TraceEvent::Delivered,
            answer: Some(format!("INBOX of {}", account.address)),
            ..message.record(vec![recipient.path.to_string()], self.clock.wall())
        };
        let beside = vec![self.queue.trace.write(id, &record)];
        let mailbox = self.mailstore.account(account.id).await?;
        mailbox.append(inbox(email, account.quota, None, beside)).await.map(|_| ())
    }

    /// Whether anybody has room for the message: a refusal now is better than a report later, yet a full mailbox keeps nothing
    /// from others. Their own delivery waits for room.
    async fn check_room(&self, message: &Inbound, recipients: &[Recipient]) -> Result<(), Error> {
        let size_octets = message.received.body.size_octets() + message.trace.len() as u64;
        self.room_for_any(recipients.iter().flat_map(|recipient| &recipient.targets), size_octets).await
    }

    /// Whether one of the targets takes so many octets; those elsewhere do.
    pub(crate) async fn room_for_any<'a>(
        &self,
        targets: impl Iterator<Item = &'a directory::Target>,
        octets: u64,
    ) -> Result<(), Error> {
        let mut refused = Ok(());
        for target in targets {
            let directory::Target::Account { account, .. } = target else { return Ok(()) };
            let usage = self.mailstore.usage(account.id).await.inspect_err(|error| {
                tracing::error!(event = "mailbox.unavailable", account = %account.id, cause = %error);
            })?;
            match usage.room_for(octets, &account.quota) {
                Ok(()) => return Ok(()),
                Err(error) => refused = Err(error),
            }
        }
        refused
    }

    /// One commit into the queue with all deliveries, then the answer; they go on their own afterwards.
    async fn enqueue(&self, message: &Inbound, id: QueueId, recipients: &[Recipient]) -> Reply {
        let now = self.clock.wall();
        let params = &message.envelope.params;
        let reverse_path = match &message.envelope.reverse_path {
            ReversePath::Null => String::new(),
            ReversePath::Address(address) => address.to_string(),
        };
        let mut record = message.record(recipients.iter().map(|recipient| recipient.path.to_string()).collect(), now);
        record.next = params.hold.map(|hold| hold.release(now));
        let queued = QueuedMessage {
            id,
            reverse_path,
            trace: message.trace.clone(),
            arrived: now,
            envid: params.envid.clone(),
            ret: params.ret,
            content: content(message),
            smtputf8: params.smtputf8,
            submitter: match &message.origin {
                Origin::Submission(_, account) => Some(account.id),
                _ => None,
            },
            body: message.received.body.clone(),
        };
        let deliveries = self.deliveries(&queued, recipients, params);
        match self.queue.accept(&queued, &deliveries, &[record]).await {
            Ok(()) => Reply::new(250, (2, 0, 0), format!("accepted, {}", queue_name(id))),
            Err(error) => {
                tracing::warn!(event = "message.refused", queue_id = %queue_name(id), cause = %error);
                match error {
                    QueueError::Full(_) => Reply::new(452, (4, 3, 1), format!("try again later: {error}")),
                    QueueError::Commit(error) => refusal(&Error::Commit(error)),
                    QueueError::Read(_) => {
                        Reply::new(451, (4, 3, 0), "the message could not be stored; try again later")
                    }
                }
            }
        }
    }

    /// One delivery for each target, each once.
    fn deliveries(&self, message: &QueuedMessage, recipients: &[Recipient], params: &MailParams) -> Vec<Delivery> {
        let (id, now) = (message.id, message.arrived);
        let due = params.hold.map_or(now, |hold| hold.release(now));
        let policy = self.queue.policy();
        let mut deliveries: Vec<Delivery> = Vec::new();
        for recipient in recipients {
            let mut first = true;
            for target in &recipient.targets {
                let address = match target {
                    directory::Target::Account { .. } => recipient.path.to_string(),
                    directory::Target::Foreign(address) => address.to_string(),
                };
                let target = queued(target.clone(), &message.reverse_path, &*self.queue.relay());
                let known = |known: &Delivery| match (&known.target, &target) {
                    (
                        crate::queue::Target::Account { account: a, .. },
                        crate::queue::Target::Account { account: b, .. },
                    ) => a == b,
                    (a, b) => a == b && known.recipient == address,
                };
                if deliveries.iter().any(known) {
                    continue;
                }
                // RFC 3461 §5.2.7.3 b: of the addresses behind an alias, one tells of success.
                let notify =
                    recipient.params.notify.map(|notify| Notify { success: notify.success && first, ..notify });
                first = false;
                deliveries.push(Delivery {
                    key: DeliveryKey { id, ordinal: deliveries.len() as u32 },
                    recipient: address,
                    target,
                    notify,
                    original: recipient.params.original.clone(),
                    attempts: 0,
                    due,
                    late_from: due + policy.delay_notice_after,
                    expires: due + policy.lifetime,
                    held: false,
                    delay_told: false,
                    last: None,
                });
            }
        }
        deliveries
    }
}

/// The one mailbox into which the message goes with the commit that its giver waits for, if there is one; else it goes to the queue.
pub(crate) fn straight_to<'a>(
    recipients: &'a [Recipient],
    params: &MailParams,
) -> Option<(&'a Recipient, &'a directory::Account)> {
    let [only] = recipients else { return None };
    let [directory::Target::Account { account, .. }] = only.targets.as_slice() else { return None };
    let waits = params.hold.is_some() || only.params.notify.is_some_and(|notify| notify.success);
    (!waits).then_some((only, account))
}

/// What the message needs of a next hop.
fn content(message: &Inbound) -> Content {
    let scanned = &message.received.scanned;
    let binary = message.envelope.params.body == Some(BodyType::BinaryMime);
    if binary && (scanned.has_nul || scanned.has_bare_line_end || scanned.has_long_line) {
        Content::Binary
    } else if scanned.eight_bit {
        Content::EightBit
    } else {
        Content::SevenBit
    }
}

/// A message on its way to its recipients.
struct Inbound {
    origin: Origin,
    envelope: Envelope,
    trace: String,
    received: Received,
}

impl Inbound {
    fn record(&self, recipients: Vec<String>, now: Timestamp) -> TraceRecord {
        let hop = self.origin.hop();
        let tls = hop.tls.as_ref().map_or_else(String::new, |tls| format!(", {tls}"));
        let message_id = self.received.scanned.threading.message_id.as_ref();
        TraceRecord {
            from: Some(match &self.envelope.reverse_path {
                ReversePath::Null => String::new(),
                ReversePath::Address(address) => address.to_string(),
            }),
            peer: Some(match &self.origin {
                Origin::Submission(_, account) => account.address.to_string(),
                _ => format!("{} {}", hop.helo.as_deref().unwrap_or("unknown"), hop.address.as_deref().unwrap_or("")),
            }),
            protocol: Some(format!("{}{tls}", hop.protocol)),
            size_octets: Some(self.received.body.size_octets() + self.trace.len() as u64),
            message_id: message_id.map(|id| String::from_utf8_lossy(id.as_ref()).into_owned()),
            ..TraceRecord::new(now, TraceEvent::Received, recipients)
        }
    }
}

pub(crate) fn inbox(
    email: NewEmail,
    quota: Quota,
    delivery: Option<mailstore::DeliveryId>,
    beside: Vec<store::Write>,
) -> Append {
    Append { mailbox: INBOX_ID, email, flags: Vec::new(), internal_date: None, quota, delivery, beside }
}

/// What a giver is told when its message could not be stored. Whatever may heal is temporary: doubt never bounces.
pub(crate) fn refusal(error: &Error) -> Reply {
    match error {
        Error::OverQuota { .. } => Reply::new(452, (4, 2, 2), "the mailbox is full"),
        error if error.is_disk_full() => Reply::new(452, (4, 3, 1), "the server's disk is full; try again later"),
        Error::Busy => Reply::new(451, (4, 3, 2), "the mailbox is busy; try again later"),
        Error::Commit(CommitError::ReadOnly(_)) => {
            Reply::new(451, (4, 3, 2), "the server takes no mail at the moment; try again later")
        }
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
    let append = Append { mailbox, email, flags, internal_date, quota, delivery: None, beside: Vec::new() };
    match account.append(append).await? {
        Outcome::Appended(appended) => Ok(appended),
        Outcome::AlreadyDelivered => unreachable!("an append without a delivery id has no mark to meet"),
    }
}

impl Received {
    /// The message as a client puts it into a mailbox: without a trace prefix.
    pub fn into_message(self, flags: Vec<Flag>, internal_date: Option<Timestamp>) -> NewMessage {
        let email = NewEmail { prefix: Bytes::new(), body: self.body, scanned: self.scanned };
        NewMessage { email, flags, internal_date }
    }
}

/// As [`append`], for messages that come together, or take the place of another: all or none.
pub async fn append_all(account: &Arc<Account>, append: AppendAll) -> Result<AllAppended, Error> {
    account.append_all(append).await
}
