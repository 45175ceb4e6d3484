//! THREAD (RFC 5256 §3): what is found, put into conversations.

mod forest;
mod gather;
mod link;
mod subject;
#[cfg(test)]
mod tests;

use super::client::Client;
use super::out::Out;
use super::running::{Outcome, Refusal};
use super::search::{Asked, find};
use super::selected::{Selected, Told};
use super::sort::{keys_of, members, sent_s, sorted};
use env::yield_now;
use forest::Forest;
use gather::Gathering;
use imap::Answer;
use imap::command::{Numbering, Thread, ThreadAlgorithm};
use imap::response;
use link::Links;
use mailstore::{Keys, Member, TextId, WantedKeys};
use model::SeqNum;

/// Messages that are linked before others get their turn: each may name many, and take some hundred steps in search of loops.
const LINKED_AT_ONCE: usize = 512;

/// A message as the algorithms see it.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    /// The number of its Message-ID.
    id: Option<u32>,
    /// The numbers of those it answers, the oldest first.
    ancestors: &'a [u32],
    /// Base subject.
    subject: TextId,
    is_reply: bool,
    /// Sent date.
    sent_s: i64,
}

/// Finds messages and tells their conversations.
pub(crate) async fn thread(client: &mut Client, command: Thread, out: &mut Out) -> Outcome {
    let selected = client.selected()?;
    selected.tell(Told::AllButExpunged, out).await?;
    let asked = Asked::new(&command.key, selected)?;
    let found = find(selected, asked, Numbering::SeqNum, out).await?.numbers;
    let members = members(&found, &selected.known.clone()).await;
    let forest = conversations(selected, &members, command.algorithm).await?;
    let number = |place: u32| match (command.numbering, members.get(place as usize)) {
        (_, None) => 0,
        (Numbering::SeqNum, Some((seq, _))) => seq.0,
        (Numbering::Uid, Some((_, member))) => member.uid.0,
    };
    response::thread_begin(out);
    forest.tell(number, out).await;
    response::search_end(out);
    Ok(Answer::ok("threaded"))
}

async fn conversations(
    selected: &Selected,
    members: &[(SeqNum, Member)],
    algorithm: ThreadAlgorithm,
) -> Result<Forest, Refusal> {
    let conversations = algorithm == ThreadAlgorithm::References;
    let keys = keys_of(selected, members, WantedKeys { subject: true, conversations, ..WantedKeys::default() }).await?;
    let messages: Vec<Message<'_>> = members.iter().map(|(_, member)| message(member, &keys)).collect();
    let by_date = by_date(&messages).await;
    Ok(match algorithm {
        ThreadAlgorithm::OrderedSubject => subject::ordered_subject(&messages, &by_date),
        ThreadAlgorithm::References => references(&messages, &by_date, keys.ids_count()).await,
    })
}

fn message<'a>(member: &Member, keys: &'a Keys) -> Message<'a> {
    let keys = keys.get(member.email);
    Message {
        id: keys.and_then(|keys| keys.message_id),
        ancestors: keys.map(|keys| keys.ancestors).unwrap_or_default(),
        subject: keys.map_or(TextId::EMPTY, |keys| keys.subject),
        is_reply: keys.is_some_and(|keys| keys.is_reply),
        sent_s: sent_s(member, keys.as_ref()),
    }
}

/// The places of `messages` by their sent dates, equal ones in mailbox order (RFC 5256 §2.2).
async fn by_date(messages: &[Message<'_>]) -> Vec<u32> {
    let key = |place: u32| (messages.get(place as usize).map(|message| message.sent_s), place);
    sorted((0..messages.len() as u32).collect(), |a, b| key(*a).cmp(&key(*b))).await
}

/// REFERENCES: steps 1 to 6 of RFC 5256 §3; `ids_count` is greater than any number of a Message-ID.
async fn references(messages: &[Message<'_>], by_date: &[u32], ids_count: usize) -> Forest {
    let mut links = Links::new(ids_count);
    for block in messages.chunks(LINKED_AT_ONCE) {
        block.iter().for_each(|message| links.link(message));
        yield_now().await;
    }
    let pruned = links.prune();
    yield_now().await;
    let mut gathering = Gathering::new(messages, by_date, pruned);
    gathering.gather();
    yield_now().await;
    gathering.into_forest(by_date)
}
