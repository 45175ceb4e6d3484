//! One station of a message's way.

use super::TraceSearch;
use model::{Decoder, Encoder, QueueId, RecordError, Timestamp};

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceEvent {
    /// It was accepted.
    Received,
    /// It is in a mailbox.
    Delivered,
    /// A next hop took it.
    Relayed,
    /// An attempt came to nothing; there will be another one.
    Deferred,
    /// It will not be delivered.
    Failed,
    /// The sender was told that it is late.
    DelayTold,
    /// The sender was told that it was delivered, as asked for.
    SuccessTold,
    /// The sender was told that it failed.
    FailureTold,
    /// Somebody holds it back.
    Held,
    /// Somebody lets it go on.
    Released,
    /// Somebody wants it tried now.
    Retried,
    /// Somebody took it out of the queue.
    Cancelled,
    /// Somebody sends it another way.
    Rerouted,
    /// An earlier process ended while it was due: an attempt may have been cut off, and the next hop may have it twice.
    Resumed,
}

impl TraceEvent {
    /// All of them, with their names.
    pub const ALL: [(TraceEvent, &str); 14] = [
        (TraceEvent::Received, "received"),
        (TraceEvent::Delivered, "delivered"),
        (TraceEvent::Relayed, "relayed"),
        (TraceEvent::Deferred, "deferred"),
        (TraceEvent::Failed, "failed"),
        (TraceEvent::DelayTold, "delay-told"),
        (TraceEvent::SuccessTold, "success-told"),
        (TraceEvent::FailureTold, "failure-told"),
        (TraceEvent::Held, "held"),
        (TraceEvent::Released, "released"),
        (TraceEvent::Retried, "retried"),
        (TraceEvent::Cancelled, "cancelled"),
        (TraceEvent::Rerouted, "rerouted"),
        (TraceEvent::Resumed, "resumed"),
    ];

    /// As people and programs read it.
    pub fn name(self) -> &'static str {
        TraceEvent::ALL.iter().find(|(event, _)| *event == self).map_or("", |(_, name)| name)
    }

    fn number(self) -> usize {
        TraceEvent::ALL.iter().position(|(event, _)| *event == self).unwrap_or(0)
    }
}

/// One station. Which of the optional fields are there depends on the event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceRecord {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: TraceEvent,
    /// Whose copy; of a received message, all.
    pub recipients: Vec<String>,
    /// The reverse path of a received message; empty for `<>`.
    pub from: Option<String>,
    /// The other side: `mx.example.org [192.0.2.1]:25`, or who submitted the message.
    pub peer: Option<String>,
    /// What was spoken, and under which TLS, as `ESMTPS, TLSv1.3 with TLS13_AES_256_GCM_SHA384`.
    pub protocol: Option<String>,
    /// What the other side said, or why it came to nothing; where a delivered message lies.
    pub answer: Option<String>,
    /// Of a received message.
    pub size_octets: Option<u64>,
    /// The next attempt.
    pub next: Option<Timestamp>,
    /// The report that was sent, or the message that this one reports on.
    pub related: Option<QueueId>,
    /// Of a received message.
    pub message_id: Option<String>,
}

const FORMAT: u8 = 1;
/// Recipients that a record names: 1,000 are the most of a message.
const RECIPIENTS_MAX: usize = 1000;

impl TraceRecord {
    /// A record without details.
    pub fn new(at: Timestamp, event: TraceEvent, recipients: Vec<String>) -> TraceRecord {
        TraceRecord {
            at,
            event,
            recipients,
            from: None,
            peer: None,
            protocol: None,
            answer: None,
            size_octets: None,
            next: None,
            related: None,
            message_id: None,
        }
    }

    pub(super) fn matches(&self, search: &TraceSearch) -> bool {
        let has = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        let to = search.to.as_ref().is_none_or(|part| self.recipients.iter().any(|to| has(to, part)));
        let from = search.from.as_ref().is_none_or(|part| self.from.as_ref().is_some_and(|from| has(from, part)));
        to && from
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(FORMAT);
        e.time(self.at).usize(self.event.number());
        e.usize(self.recipients.len().min(RECIPIENTS_MAX));
        for recipient in self.recipients.iter().take(RECIPIENTS_MAX) {
            e.str(recipient);
        }
        for text in [&self.from, &self.peer, &self.protocol, &self.answer, &self.message_id] {
            e.option(text.as_ref().map(String::as_bytes));
        }
        for number in [self.size_octets, self.related.map(|id| id.0)] {
            e.u32(u32::from(number.is_some())).u64(number.unwrap_or(0));
        }
        e.u32(u32::from(self.next.is_some())).time(self.next.unwrap_or(self.at));
        e.finish()
    }

    pub(super) fn decode(row: &[u8]) -> Result<TraceRecord, RecordError> {
        let mut d = Decoder::new(row, FORMAT)?;
        let at = d.time()?;
        let event = TraceEvent::ALL.get(d.usize()?).map(|(event, _)| *event).ok_or(RecordError::Value)?;
        let count = d.count()?;
        let recipients = (0..count).map(|_| d.str().map(str::to_owned)).collect::<Result<_, _>>()?;
        let mut text = || Ok(d.option()?.map(|octets| String::from_utf8_lossy(octets).into_owned()));
        let (from, peer, protocol, answer, message_id) = (text()?, text()?, text()?, text()?, text()?);
        let mut number = || Ok(if d.u32()? == 1 { Some(d.u64()?) } else { d.u64().map(|_| None)? });
        let (size_octets, related) = (number()?, number()?.map(QueueId));
        let (is_next, next) = (d.u32()? == 1, d.time()?);
        let next = is_next.then_some(next);
        Ok(TraceRecord { at, event, recipients, from, peer, protocol, answer, size_octets, next, related, message_id })
    }
}

/// The record of a row; a damaged one is told and left out, since the others still tell most of the story.
pub(super) fn readable(key: &[u8], row: &[u8]) -> Option<TraceRecord> {
    let record = TraceRecord::decode(row);
    record.inspect_err(|cause| tracing::error!(event = "trace.unreadable", ?key, %cause)).ok()
}
