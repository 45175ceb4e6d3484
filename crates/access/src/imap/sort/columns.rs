//! Messages as rows of numbers that sort as their texts, dates and sizes do.

use super::sorted;
use env::yield_now;
use imap::command::{SortCriterion, SortKey, SortOrder};
use mailstore::{Keys, Member, SortKeys, TextId, WantedKeys};
use model::SeqNum;

/// A text that is not among those that are sorted.
const UNRANKED: u32 = u32::MAX;

/// Rows that are filled before others get their turn.
const ROWS_AT_ONCE: usize = 2_048;

/// What has to be read for criteria.
pub(super) fn wanted(criteria: &[SortCriterion]) -> WantedKeys {
    let mut wanted = WantedKeys::default();
    for criterion in criteria {
        match criterion.key {
            SortKey::Subject => wanted.subject = true,
            SortKey::From | SortKey::To | SortKey::Cc | SortKey::DisplayFrom | SortKey::DisplayTo => {
                wanted.addresses = true;
            }
            SortKey::Arrival | SortKey::Date | SortKey::Size => {}
        }
    }
    wanted
}

/// The places of `members`, sorted; equal ones stay in mailbox order (RFC 5256 §3).
pub(super) async fn order(members: &[(SeqNum, Member)], keys: Option<&Keys>, criteria: &[SortCriterion]) -> Vec<u32> {
    let ranks = match keys {
        Some(keys) => ranks(members, keys, criteria).await,
        None => Vec::new(),
    };
    let mut cells = Vec::with_capacity(members.len() * criteria.len());
    for (i, (_, member)) in members.iter().enumerate() {
        if i % ROWS_AT_ONCE == ROWS_AT_ONCE - 1 {
            yield_now().await;
        }
        let keys = keys.and_then(|keys| keys.get(member.email));
        for criterion in criteria {
            let cell = cell(criterion.key, member, keys.as_ref(), &ranks);
            cells.push(if criterion.order == SortOrder::Descending { !cell } else { cell });
        }
    }
    let rows: Vec<&[u64]> = cells.chunks(criteria.len().max(1)).collect();
    let row = |place: u32| rows.get(place as usize).copied().unwrap_or_default();
    sorted((0..members.len() as u32).collect(), |a, b| row(*a).cmp(row(*b)).then(a.cmp(b))).await
}

/// What a criterion says of a message, as a number.
fn cell(key: SortKey, member: &Member, keys: Option<&SortKeys<'_>>, ranks: &[u32]) -> u64 {
    match key {
        SortKey::Size => member.size_octets,
        SortKey::Arrival => moment(member.internal_date.unix_s()),
        SortKey::Date => moment(sent_s(member, keys)),
        text => {
            let id = keys.map_or(TextId::EMPTY, |keys| text_of(text, keys));
            ranks.get(id.index()).copied().unwrap_or_default().into()
        }
    }
}

/// The sent date in seconds, or the internal date (RFC 5256 §2.2).
pub(crate) fn sent_s(member: &Member, keys: Option<&SortKeys<'_>>) -> i64 {
    keys.and_then(|keys| keys.sent_at).unwrap_or(member.internal_date).unix_s()
}

/// So that earlier is smaller, also before 1970.
fn moment(unix_s: i64) -> u64 {
    unix_s.cast_unsigned() ^ 1 << 63
}

/// The text of a criterion that compares one; the empty one for the others.
fn text_of(key: SortKey, keys: &SortKeys<'_>) -> TextId {
    match key {
        SortKey::Subject => keys.subject,
        SortKey::From => keys.from,
        SortKey::To => keys.to,
        SortKey::Cc => keys.cc,
        SortKey::DisplayFrom => keys.display_from,
        SortKey::DisplayTo => keys.display_to,
        SortKey::Arrival | SortKey::Date | SortKey::Size => TextId::EMPTY,
    }
}

/// The places that texts have among those of `members`, by their numbers. Each text is compared once, however many messages
/// have it.
async fn ranks(members: &[(SeqNum, Member)], keys: &Keys, criteria: &[SortCriterion]) -> Vec<u32> {
    let mut ranks = vec![UNRANKED; keys.texts_count()];
    let mut texts = Vec::new();
    for keys in members.iter().filter_map(|(_, member)| keys.get(member.email)) {
        for id in criteria.iter().map(|criterion| text_of(criterion.key, &keys)) {
            if let Some(rank) = ranks.get_mut(id.index()).filter(|rank| **rank == UNRANKED) {
                *rank = 0;
                texts.push(id);
            }
        }
    }
    let texts = sorted(texts, |a, b| keys.text(*a).cmp(keys.text(*b))).await;
    for (place, id) in (1..).zip(texts) {
        if let Some(rank) = ranks.get_mut(id.index()) {
            // RFC 5256 §3: the empty text is the first, also for a message without keys.
            *rank = if id == TextId::EMPTY { 0 } else { place };
        }
    }
    ranks
}
