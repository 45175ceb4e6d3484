//! What waits, and what is done to it.

use super::protocol::{Done, MessageItem, QueueChange, QueueFilter, QueueItem, Trouble};
use super::server::{Exchange, Fault, Office};
use super::when::When;
use crate::language::{Text, both};
use model::QueueId;
use mta::queue::{Filter, QueuedDelivery, Target};
use mta::queue_name;
use mta::transport::NextHop;

/// Deliveries read at once.
const PAGE: usize = 500;
/// Longest message shown: most are smaller, and it is held in memory.
const MESSAGE_OCTETS_MAX: usize = 10 << 20;

pub async fn list(office: &Office, wanted: &QueueFilter, limit: usize, to: &mut Exchange) -> Result<(), Fault> {
    let (filter, mut left, mut after) = (filter(wanted)?, limit, None);
    while left > 0 {
        let max = left.min(PAGE);
        let page = office.post.queue.list(&filter, after, max).await.map_err(Trouble::failed)?;
        for found in &page {
            to.item(&item(found)).await?;
        }
        left -= page.len();
        match page.last() {
            Some(last) if page.len() == max => after = Some(last.delivery.key),
            _ => break,
        }
    }
    Ok(())
}

pub async fn message(office: &Office, name: &str, limit: usize, to: &mut Exchange) -> Result<(), Fault> {
    let octets = office.post.queue.octets(id(name)?, limit.min(MESSAGE_OCTETS_MAX)).await.map_err(Trouble::failed)?;
    let octets = octets.ok_or_else(|| {
        Trouble::not_found(both!(
            "there is no message {name} in the queue",
            "in der Warteschlange ist keine Nachricht {name}"
        ))
    })?;
    to.item(&MessageItem { octets: octets.len() }).await?;
    to.octets(&octets).await
}

pub async fn change(office: &Office, wanted: &QueueFilter, change: &QueueChange) -> Result<Done, Fault> {
    let (queue, filter) = (&office.post.queue, filter(wanted)?);
    let changed = match change {
        QueueChange::Retry => queue.retry(&filter).await,
        QueueChange::Hold => queue.hold(&filter).await,
        QueueChange::Release => queue.release(&filter).await,
        QueueChange::Cancel => queue.cancel(&filter).await,
        QueueChange::Reroute(next_hop) => {
            let next_hop: NextHop = next_hop.parse().map_err(Trouble::wrong)?;
            queue.reroute(&filter, &next_hop.to_string()).await
        }
    };
    let changed = changed.map_err(Trouble::failed)?;
    Ok(Done { changed, note: if changed == 0 { why_nothing(office, &filter, change).await? } else { None } })
}

/// What stands in the way where nothing was changed; `None`: nothing matches.
async fn why_nothing(office: &Office, filter: &Filter, change: &QueueChange) -> Result<Option<Text>, Fault> {
    let found = office.post.queue.list(filter, None, PAGE).await.map_err(Trouble::failed)?;
    let Some(first) = found.first() else { return Ok(None) };
    let why = if found.iter().any(|found| found.under_way) {
        both!(
            "what matches is being tried right now; try again in a moment",
            "was passt, wird gerade zugestellt; gleich noch einmal versuchen"
        )
    } else {
        match change {
            QueueChange::Hold if first.delivery.held => {
                both!("what matches is held already", "was passt, wird schon zurückgehalten")
            }
            QueueChange::Release => both!("what matches is not held", "was passt, wird nicht zurückgehalten"),
            QueueChange::Reroute(_) => {
                both!("what matches goes into mailboxes of this server", "was passt, geht in Postfächer dieses Servers")
            }
            _ => both!("what matches has just been done", "was passt, ist gerade erledigt worden"),
        }
    };
    Ok(Some(why))
}

/// The id that people and logs write so.
pub fn id(text: &str) -> Result<QueueId, Trouble> {
    let wrong = || {
        Trouble::wrong(both!(
            "\"{text}\" is no queue id; one is 16 digits 0-9 and a-f",
            "\"{text}\" ist keine Queue-ID; sie besteht aus 16 Zeichen 0-9 und a-f"
        ))
    };
    if text.len() != 16 {
        return Err(wrong());
    }
    u64::from_str_radix(text, 16).map(QueueId).map_err(|_| wrong())
}

fn filter(wanted: &QueueFilter) -> Result<Filter, Trouble> {
    Ok(Filter {
        id: wanted.id.as_deref().map(id).transpose()?,
        to: wanted.to.clone(),
        from: wanted.from.clone(),
        next_hop: wanted.next_hop.clone(),
        held: wanted.held,
    })
}

fn item(found: &QueuedDelivery) -> QueueItem {
    let QueuedDelivery { message, size_octets, delivery, under_way, closed } = found;
    QueueItem {
        queue_id: queue_name(message.id),
        arrived: When(message.arrived),
        size_octets: *size_octets,
        from: message.reverse_path.clone(),
        to: delivery.recipient.clone(),
        original_to: delivery.original.as_ref().map(|original| original.address.clone()),
        next_hop: match &delivery.target {
            Target::Account { .. } => "local".into(),
            Target::Remote { next_hop } => next_hop.clone(),
        },
        attempts: delivery.attempts,
        next_attempt: When(delivery.due),
        expires: When(delivery.expires),
        held: delivery.held,
        under_way: *under_way,
        delay_told: delivery.delay_told,
        last_answer: delivery.last.clone(),
        closed_until: closed.as_ref().map(|closed| When(closed.until)),
        closed_cause: closed.as_ref().map(|closed| closed.cause.to_string()),
    }
}
