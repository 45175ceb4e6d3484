//! ORDEREDSUBJECT: messages with the same base subject are one conversation (RFC 5256 §3).

use super::Message;
use super::forest::{Forest, Root};
use mailstore::TextId;
use std::collections::HashMap;

/// The conversations: the first message of each, the others below it; no others are below those.
pub(super) fn ordered_subject(messages: &[Message<'_>], by_date: &[u32]) -> Forest {
    let mut firsts: HashMap<TextId, u32> = HashMap::new();
    let mut parents = vec![None; messages.len()];
    let mut roots = Vec::new();
    for &place in by_date {
        let Some(message) = messages.get(place as usize) else { continue };
        let first = *firsts.entry(message.subject).or_insert(place);
        if first == place {
            roots.push(Root::Message(place));
        } else if let Some(slot) = parents.get_mut(place as usize) {
            *slot = Some(first);
        }
    }
    Forest::new(roots, &parents, by_date)
}
