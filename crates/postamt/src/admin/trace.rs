//! The stories of messages.

use super::protocol::{TraceAsk, TraceItem, Trouble};
use super::queue::id;
use super::server::{Exchange, Fault, Office};
use super::when::When;
use model::QueueId;
use mta::queue_name;
use mta::trace::{TraceRecord, TraceSearch};

/// Messages shown at most: each may have a hundred records, and whoever wants more names an address.
const MESSAGES_MAX: usize = 10_000;

pub async fn answer(office: &Office, ask: TraceAsk, to: &mut Exchange) -> Result<(), Fault> {
    let trace = &office.post.queue.trace;
    let ids = match &ask.id {
        Some(text) => vec![id(text)?],
        None => {
            let messages_max = ask.limit.clamp(1, MESSAGES_MAX);
            let since = ask.since.map(|since| since.0);
            let search = TraceSearch { to: ask.to, from: ask.from, since, messages_max };
            trace.search(&search).await.map_err(Trouble::failed)?
        }
    };
    for id in ids {
        for record in trace.of(id).await.map_err(Trouble::failed)? {
            to.item(&item(id, record)).await?;
        }
    }
    Ok(())
}

fn item(id: QueueId, record: TraceRecord) -> TraceItem {
    TraceItem {
        queue_id: queue_name(id),
        at: When(record.at),
        event: record.event.name().into(),
        recipients: record.recipients,
        from: record.from,
        peer: record.peer,
        protocol: record.protocol,
        answer: record.answer,
        size_octets: record.size_octets,
        next_attempt: record.next.map(When),
        related: record.related.map(queue_name),
        message_id: record.message_id,
    }
}
