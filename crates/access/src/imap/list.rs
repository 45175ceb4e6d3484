//! LIST with its extensions (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154).

use super::client::{Client, Revision};
use super::out::Out;
use super::running::Outcome;
use super::status;
use env::yield_now;
use imap::command::{List, ListSelection, ListSyntax};
use imap::response::{self, ListAttribute, ListEntry};
use imap::{Answer, ListPattern, MailboxName, NameForm};
use mailstore::{Error, MailboxRecord, Mailboxes, SEPARATOR, SpecialUse};
use std::collections::BTreeMap;

/// Names looked at before others get their turn: matching costs up to name × pattern.
const NAMES_AT_ONCE: usize = 64;

/// A name of the hierarchy: a mailbox, a level above one, or only a subscription.
#[derive(Default)]
pub(crate) struct Node<'a> {
    pub name: &'a str,
    pub record: Option<&'a MailboxRecord>,
    pub has_children: bool,
    pub subscribed: bool,
    /// Whether a name below it is subscribed.
    pub child_subscribed: bool,
}

impl<'a> Node<'a> {
    /// The mailbox `name` as it is.
    pub fn of(mailboxes: &'a Mailboxes, name: &'a str) -> Node<'a> {
        let above = format!("{name}{SEPARATOR}");
        Node {
            name,
            record: mailboxes.named(name).map(|record| &**record),
            has_children: mailboxes.iter().any(|mailbox| mailbox.name.starts_with(&above)),
            ..Node::default()
        }
    }
}

/// The levels above a name, the highest first.
fn levels_above(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices(SEPARATOR).filter_map(|(end, _)| name.get(..end))
}

/// All names in order.
pub(crate) fn nodes(mailboxes: &Mailboxes) -> Vec<Node<'_>> {
    let mut nodes: BTreeMap<&str, Node<'_>> = BTreeMap::new();
    for record in mailboxes.iter() {
        nodes.entry(&record.name).or_default().record = Some(record);
        levels_above(&record.name).for_each(|level| nodes.entry(level).or_default().has_children = true);
    }
    for name in mailboxes.subscriptions() {
        nodes.entry(name).or_default().subscribed = true;
        levels_above(name).for_each(|level| nodes.entry(level).or_default().child_subscribed = true);
    }
    nodes.into_iter().map(|(name, node)| Node { name, ..node }).collect()
}

/// Patterns with their reference before them.
pub(crate) struct Patterns(Vec<ListPattern>);

/// How a pattern matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Match {
    No,
    /// Mailboxes.
    Yes,
    /// Also levels that are no mailboxes: the pattern ends with `%` (RFC 3501 §6.3.8), or is just the name, as that of a
    /// deleted mailbox with others below it (RFC 3501 §6.3.4).
    Levels,
}

impl Patterns {
    /// Patterns behind a reference, in the form in which names are kept.
    pub fn new(reference: &str, patterns: &[ListPattern]) -> Patterns {
        let under = |pattern: &ListPattern| {
            let pattern = pattern.under(reference).ok()?;
            // What is longer than any name is passed over silently (RFC 5258 §3).
            ListPattern::new(&mailstore::normalized(pattern.as_str())).ok()
        };
        Patterns(patterns.iter().filter_map(under).collect())
    }

    pub fn matches(&self, name: &str) -> Match {
        let matching = self.0.iter().filter(|pattern| pattern.matches(name, SEPARATOR));
        let levels = |pattern: &str| pattern.ends_with('%') || !pattern.contains(['*', '%']);
        matching.fold(Match::No, |matched, pattern| match levels(pattern.as_str()) {
            false if matched == Match::No => Match::Yes,
            false => matched,
            true => Match::Levels,
        })
    }
}

/// Lists names.
pub(crate) async fn list(client: &Client, command: List, out: &mut Out) -> Outcome {
    let form = client.name_form();
    let delimiter = command.syntax == ListSyntax::Basic && command.patterns.first().is_some_and(ListPattern::is_empty);
    if delimiter {
        let attributes = &[ListAttribute::NoSelect];
        response::list(out, &entry("", attributes, false), form);
        return Ok(Answer::ok("that is the hierarchy's separator"));
    }
    let mailboxes = client.account()?.mailboxes();
    let patterns = Patterns::new(&command.reference, &command.patterns);
    let nodes = nodes(&mailboxes);
    let mut matches = Vec::with_capacity(nodes.len());
    for (i, node) in nodes.iter().enumerate() {
        matches.push(patterns.matches(node.name));
        if (i + 1) % NAMES_AT_ONCE == 0 {
            yield_now().await;
        }
    }
    let selection = &command.selection;
    let chosen_below =
        if selection.recursive_match { chosen_below(&nodes, &matches, selection) } else { BTreeMap::new() };
    let missing = match (client.revision, command.syntax) {
        // Who speaks neither knows no other word for it (RFC 9051 §6.3.9.4).
        (Revision::Rev1, ListSyntax::Basic) => ListAttribute::NoSelect,
        _ => ListAttribute::NonExistent,
    };
    for (node, matched) in nodes.iter().zip(matches) {
        let selected = is_selected(node, matched, &command.selection);
        let below = chosen_below.get(node.name).filter(|_| matched != Match::No);
        if !selected && below != Some(&Below::Hidden) {
            continue;
        }
        let child_info = below.is_some();
        let subscribed = command.selection.subscribed || command.returns.subscribed;
        let attributes = attributes(node, subscribed, missing);
        response::list(out, &entry(node.name, &attributes, child_info), form);
        tell_status(client, node, &command, out).await?;
        out.room().await;
    }
    Ok(Answer::ok("listed"))
}

/// Whether a name that is chosen is listed itself, when one above it asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Below {
    /// All are.
    Listed,
    /// Some do not match the patterns.
    Hidden,
}

/// The names that have others below them which meet the selection (RFC 5258 §3.5).
fn chosen_below<'a>(nodes: &[Node<'a>], matches: &[Match], selection: &ListSelection) -> BTreeMap<&'a str, Below> {
    let mut above = BTreeMap::new();
    for (node, matched) in nodes.iter().zip(matches).filter(|(node, _)| is_selected(node, Match::Levels, selection)) {
        for level in levels_above(node.name) {
            let below = above.entry(level).or_insert(Below::Listed);
            if *matched == Match::No {
                *below = Below::Hidden;
            }
        }
    }
    above
}

fn is_selected(node: &Node<'_>, matched: Match, selection: &ListSelection) -> bool {
    if selection.special_use && node.record.is_none_or(|record| record.special_use.is_none()) {
        return false;
    }
    match matched {
        Match::No => false,
        _ if selection.subscribed => node.subscribed,
        Match::Yes => node.record.is_some(),
        Match::Levels => node.record.is_some() || node.has_children,
    }
}

fn attributes(node: &Node<'_>, subscribed: bool, missing: ListAttribute) -> Vec<ListAttribute> {
    let mut attributes = Vec::new();
    if node.record.is_none() {
        attributes.push(missing);
    }
    let children = if node.has_children { ListAttribute::HasChildren } else { ListAttribute::HasNoChildren };
    attributes.push(children);
    if subscribed && node.subscribed {
        attributes.push(ListAttribute::Subscribed);
    }
    attributes.extend(node.record.and_then(|record| record.special_use).map(|special_use| match special_use {
        SpecialUse::Archive => ListAttribute::Archive,
        SpecialUse::Drafts => ListAttribute::Drafts,
        SpecialUse::Junk => ListAttribute::Junk,
        SpecialUse::Sent => ListAttribute::Sent,
        SpecialUse::Trash => ListAttribute::Trash,
    }));
    attributes
}

async fn tell_status(client: &Client, node: &Node<'_>, command: &List, out: &mut Out) -> Result<(), Error> {
    if let (Some(record), false) = (node.record, command.returns.status.is_empty())
        && let Ok(name) = MailboxName::new(node.name)
    {
        match status::tell(client, (&name, record), &command.returns.status, out).await {
            // Deleted since the list was begun.
            Ok(()) | Err(Error::MailboxMissing) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// One LIST response for a mailbox that exists.
pub(crate) fn tell_node(out: &mut Out, node: &Node<'_>, form: NameForm) {
    let attributes = attributes(node, false, ListAttribute::NonExistent);
    response::list(out, &entry(node.name, &attributes, false), form);
}

/// The same with the name by which the client knows it, or asked for it (RFC 9051 §6.3.9.7).
pub(crate) fn tell_renamed(out: &mut Out, node: &Node<'_>, old_name: &str, form: NameForm) {
    let attributes = attributes(node, false, ListAttribute::NonExistent);
    response::list(out, &ListEntry { old_name: Some(old_name), ..entry(node.name, &attributes, false) }, form);
}

pub(crate) fn entry<'a>(name: &'a str, attributes: &'a [ListAttribute], child_subscribed: bool) -> ListEntry<'a> {
    ListEntry { attributes, delimiter: Some(SEPARATOR), name, child_subscribed, old_name: None }
}
