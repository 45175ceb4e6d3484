//! What an administrator sees of the queue, and does to it.

use super::attempt::Fault;
use super::row::{self, Delivery, QueuedMessage, Target};
use super::schedule::{Closed, DeliveryKey, Destination};
use super::{Queue, forget};
use crate::trace::{TraceEvent, TraceRecord};
use model::{QueueId, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use store::{Batch, Bytes, Query, Space};

/// Deliveries looked at in one page.
const PAGE_ROWS: usize = 500;

/// Which deliveries are meant. Everything that is given must fit; nothing given means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this message.
    pub id: Option<QueueId>,
    /// A part of the recipient's address, in any case.
    pub to: Option<String>,
    /// A part of the sender's address, in any case; empty for `<>`.
    pub from: Option<String>,
    /// The next hop, in any case.
    pub next_hop: Option<String>,
    /// Only those that are held, or only those that are not.
    pub held: Option<bool>,
}

/// A delivery with its message and what the schedule knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedDelivery {
    /// The message, without its body.
    pub message: Arc<QueuedMessage>,
    /// The message's octets as it is sent.
    pub size_octets: u64,
    /// The delivery.
    pub delivery: Delivery,
    /// Whether it is being tried now.
    pub under_way: bool,
    /// Why nothing is tried at its next hop now.
    pub closed: Option<Closed>,
}

/// Why a change was not made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AdminError {
    /// The rows could not be read or written.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What is done to a delivery.
enum Change {
    Hold,
    Release,
    Retry,
    Cancel,
    Reroute(String),
}

impl Change {
    /// Changes the delivery; `None` when there is nothing to change.
    fn apply(&self, delivery: &mut Delivery, now: Timestamp) -> Option<TraceEvent> {
        match self {
            Change::Hold if delivery.held => return None,
            Change::Hold => {
                delivery.held = true;
                return Some(TraceEvent::Held);
            }
            Change::Release => {
                // Time that somebody else took from it is given back.
                let lost_ms = u64::try_from(now.unix_ms() - delivery.due.unix_ms()).unwrap_or(0);
                let lost = Duration::from_millis(lost_ms);
                (delivery.late_from, delivery.expires) = (delivery.late_from + lost, delivery.expires + lost);
            }
            Change::Cancel => return Some(TraceEvent::Cancelled),
            Change::Reroute(next_hop) => match &mut delivery.target {
                Target::Remote { next_hop: old } => old.clone_from(next_hop),
                Target::Account { .. } => return None,
            },
            Change::Retry => {}
        }
        (delivery.held, delivery.due) = (false, now);
        Some(match self {
            Change::Release => TraceEvent::Released,
            Change::Reroute(_) => TraceEvent::Rerouted,
            _ => TraceEvent::Retried,
        })
    }
}

impl Queue {
    /// The deliveries that match, at most `max`, behind `after`; in the order of their messages' arrival.
    pub async fn list(
        &self,
        filter: &Filter,
        mut after: Option<DeliveryKey>,
        max: usize,
    ) -> Result<Vec<QueuedDelivery>, AdminError> {
        let mut found = Vec::new();
        let mut message: Option<(Arc<QueuedMessage>, u64)> = None;
        loop {
            let prefix = row::deliveries(filter.id);
            let query = Query::prefix(&row::cell(), &prefix, after.map(row::delivery_key), PAGE_ROWS);
            let page = self.store.read(vec![query]).await.map_err(Fault::from)?.into_page();
            for (key, octets) in &page.rows {
                let delivery = Delivery::decode(key, octets).map_err(Fault::from)?;
                after = Some(delivery.key);
                let id = delivery.key.id;
                if message.as_ref().is_none_or(|(message, _)| message.id != id) {
                    message = self.message(id).await?.map(|(message, size_octets)| (Arc::new(message), size_octets));
                }
                let Some((message, size_octets)) = &message else { continue };
                if filter.fits(message, &delivery) {
                    found.push(self.seen((message.clone(), *size_octets), delivery));
                }
                if found.len() >= max {
                    return Ok(found);
                }
            }
            if !page.more {
                return Ok(found);
            }
        }
    }

    fn seen(&self, (message, size_octets): (Arc<QueuedMessage>, u64), delivery: Delivery) -> QueuedDelivery {
        let schedule = self.schedule();
        let under_way = !delivery.held && schedule.due(delivery.key).is_none();
        let closed = schedule.closed(&delivery.target.destination()).cloned();
        drop(schedule);
        QueuedDelivery { message, size_octets, delivery, under_way, closed }
    }

    /// A message without its body, and its size.
    async fn message(&self, id: QueueId) -> Result<Option<(QueuedMessage, u64)>, Fault> {
        let query = Query::row(&row::cell(), row::message_key(id));
        let found = self.store.read(vec![query]).await?.into_row();
        Ok(found.map(|row| QueuedMessage::decode_sized(id, &row)).transpose()?)
    }

    /// The octets of a queued message as they will be sent, up to `max`.
    pub async fn octets(&self, id: QueueId, max: usize) -> Result<Option<Vec<u8>>, AdminError> {
        let key = row::message_key(id);
        let body = store::Get { space: Space::Bodies, cell: row::cell(), key: key.clone() };
        let queries = vec![Query::row(&row::cell(), key), Query::Get(body)];
        let mut rows = self.store.read(queries).await.map_err(Fault::from)?.0.into_iter().map(|found| match found {
            store::Found::Row(row) => row,
            store::Found::Page(_) => None,
        });
        let Some(message) = rows.next().flatten() else { return Ok(None) };
        let message = QueuedMessage::decode_whole(id, &message, rows.next().flatten())?;
        let mut out = message.trace.clone().into_bytes();
        let mut body = super::attempt::BodyReader::new(&message.body, self.mailstore.blobs());
        while out.len() < max
            && let Some(piece) = body.next().await?
        {
            out.extend_from_slice(&piece);
        }
        out.truncate(max);
        Ok(Some(out))
    }

    /// Destinations with the deliveries that wait, those under way, and why nothing is tried there.
    pub fn destinations(&self) -> Vec<(Destination, usize, usize, Option<Closed>)> {
        let schedule = self.schedule();
        let all = schedule.destinations();
        let mut all: Vec<_> =
            all.map(|(name, waiting, busy, closed)| (name.clone(), waiting, busy, closed.cloned())).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all
    }

    /// Holds deliveries back until they are released; returns how many.
    pub async fn hold(&self, filter: &Filter) -> Result<usize, AdminError> {
        self.change(filter, &Change::Hold).await
    }

    /// Lets held deliveries go on; returns how many.
    pub async fn release(&self, filter: &Filter) -> Result<usize, AdminError> {
        self.change(&Filter { held: Some(true), ..filter.clone() }, &Change::Release).await
    }

    /// Tries deliveries now; returns how many.
    pub async fn retry(&self, filter: &Filter) -> Result<usize, AdminError> {
        self.change(filter, &Change::Retry).await
    }

    /// Takes deliveries out; nobody is told. Returns how many.
    pub async fn cancel(&self, filter: &Filter) -> Result<usize, AdminError> {
        self.change(filter, &Change::Cancel).await
    }

    /// Sends deliveries to another next hop, and tries them now; those into our own mailboxes stay. Returns how many.
    pub async fn reroute(&self, filter: &Filter, next_hop: &str) -> Result<usize, AdminError> {
        self.change(filter, &Change::Reroute(next_hop.to_owned())).await
    }

    async fn change(&self, filter: &Filter, change: &Change) -> Result<usize, AdminError> {
        let (mut changed, mut after) = (0, None);
        loop {
            let page = self.list(filter, after, PAGE_ROWS).await?;
            for found in &page {
                changed += usize::from(self.change_one(found, change).await?);
            }
            match page.last() {
                Some(last) if page.len() == PAGE_ROWS => after = Some(last.delivery.key),
                _ => return Ok(changed),
            }
        }
    }

    /// `false` when there was nothing to change, or the delivery is under way.
    async fn change_one(&self, found: &QueuedDelivery, change: &Change) -> Result<bool, AdminError> {
        let key = found.delivery.key;
        if !self.schedule().take(key) {
            return Ok(false);
        }
        // What was found may have been tried since.
        let current = match self.load(&[key]).await {
            Ok(loaded) => loaded.and_then(|(_, deliveries)| deliveries.into_iter().next()),
            Err(fault) => {
                self.put(&found.delivery);
                return Err(fault.into());
            }
        };
        let Some(current) = current else { return Ok(false) };
        let (mut delivery, now) = (current.clone(), self.clock.wall());
        let Some(event) = change.apply(&mut delivery, now) else {
            self.put(&current);
            return Ok(false);
        };
        let cancelled = matches!(change, Change::Cancel);
        let mut record = TraceRecord::new(now, event, vec![delivery.recipient.clone()]);
        if let Change::Reroute(next_hop) = change {
            record.peer = Some(next_hop.clone());
        }
        let done = self.commit_change(&found.message, &delivery, cancelled, &record).await;
        match done {
            Ok(forgotten) if cancelled => self.settle(&found.message, &[key], &[], forgotten).await,
            Ok(_) => {
                if matches!(change, Change::Retry | Change::Reroute(_)) {
                    self.schedule().reopen(&delivery.target.destination());
                }
                self.put(&delivery);
            }
            Err(error) => {
                self.put(&current);
                return Err(error.into());
            }
        }
        tracing::info!(event = "delivery.changed", queue_id = %crate::fields::queue_name(key.id), to = %delivery.recipient, change = event.name());
        Ok(true)
    }

    async fn commit_change(
        &self,
        message: &QueuedMessage,
        delivery: &Delivery,
        cancelled: bool,
        record: &TraceRecord,
    ) -> Result<bool, Fault> {
        let mut batch: Batch = self.batch();
        batch.makes_room = true;
        let key: Bytes = row::delivery_key(delivery.key);
        let mut forgotten = false;
        if cancelled {
            batch.delete(Space::Rows, key);
            forgotten = self.schedule().open(message.id) == 1;
            if forgotten {
                forget(&mut batch, message);
            }
        } else {
            batch.put(Space::Rows, key, delivery.encode());
        }
        self.trace.add(&mut batch, message.id, record);
        self.store.commit(batch).await?;
        Ok(forgotten)
    }
}

impl Filter {
    fn fits(&self, message: &QueuedMessage, delivery: &Delivery) -> bool {
        let has = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        let from = |part: &String| {
            if part.is_empty() { message.reverse_path.is_empty() } else { has(&message.reverse_path, part) }
        };
        let hop = |name: &String| match &delivery.target {
            Target::Remote { next_hop } => next_hop.eq_ignore_ascii_case(name),
            Target::Account { .. } => name.eq_ignore_ascii_case("local"),
        };
        self.to.as_ref().is_none_or(|part| has(&delivery.recipient, part))
            && self.from.as_ref().is_none_or(from)
            && self.next_hop.as_ref().is_none_or(hop)
            && self.held.is_none_or(|held| held == delivery.held)
    }
}
