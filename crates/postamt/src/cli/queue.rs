//! `postamt queue`: what waits, and what is done to it.

use super::confirm;
use super::failure::Failure;
use super::place::{Place, columns, json, say};
use super::text::{self, count, cut, deliveries, harmless, size, span, wrap};
use super::trace::sender;
use crate::admin::client::Client;
use crate::admin::protocol::{Changed, QueueChange, QueueFilter, QueueItem, Request};
use crate::language::{say, told};
use clap::{Args, Subcommand};
use model::Timestamp;
use mta::transport::NextHop;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

/// Deliveries shown unless more are asked for.
const LIST_MAX: usize = 1000;
/// Octets of a message shown.
const MESSAGE_OCTETS_MAX: usize = 10 << 20;

/// What is done with the queue.
#[derive(Subcommand, Debug)]
pub enum Queue {
    /// What waits, in the order of arrival.
    #[command(after_help = "Examples:\n  postamt queue list\n  postamt queue list --to @example.org --json")]
    List {
        #[command(flatten)]
        which: Which,
        /// How many deliveries at most.
        #[arg(long, value_name = "N", default_value_t = LIST_MAX)]
        limit: usize,
        #[command(flatten)]
        place: Place,
    },
    /// Everything about one message.
    #[command(after_help = "Examples:\n  postamt queue show 06559b0f9ac00001\n  \
                            postamt queue show 06559b0f9ac00001 --message > message.eml")]
    Show {
        /// The message's queue id.
        id: String,
        /// Prints the message itself as it will be sent, at most 10 MiB of it.
        #[arg(long)]
        message: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Tries deliveries now, also held ones.
    #[command(after_help = "Examples:\n  postamt queue retry 06559b0f9ac00001\n  \
                            postamt queue retry --next-hop example.org\n  postamt queue retry --all")]
    Retry(Change),
    /// Holds deliveries back until they are released.
    #[command(after_help = "Example:\n  postamt queue hold --from newsletter@demo.test")]
    Hold(Change),
    /// Lets held deliveries go on; the time they were held is not taken from them.
    #[command(after_help = "Example:\n  postamt queue release --all")]
    Release(Change),
    /// Takes deliveries out of the queue for good; nobody is told.
    #[command(after_help = "Examples:\n  postamt queue cancel 06559b0f9ac00001 --to ben@example.org\n  \
                            postamt queue cancel --to @spam.test --yes")]
    Cancel {
        #[command(flatten)]
        change: Change,
        /// Does not ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Sends deliveries to another next hop, and tries them now.
    #[command(
        allow_missing_positional = true,
        after_help = "Examples:\n  postamt queue reroute 06559b0f9ac00001 smtp://192.0.2.7:25\n  \
                      postamt queue reroute --next-hop example.org route:smarthost"
    )]
    Reroute {
        #[command(flatten)]
        change: Change,
        /// A domain, route:NAME, smtp://HOST:PORT, smtps://HOST:PORT or lmtp://HOST:PORT.
        #[arg(value_name = "NEXT_HOP", value_parser = next_hop, required = true)]
        hop: Option<String>,
    },
}

/// Which deliveries; everything given must fit.
#[derive(Args, Debug)]
pub struct Which {
    /// Only those of the message with this queue id.
    id: Option<String>,
    /// Only those to recipients whose address has this part.
    #[arg(long, value_name = "PART")]
    to: Option<String>,
    /// Only those from senders whose address has this part; "" for reports, which have no sender.
    #[arg(long, value_name = "PART")]
    from: Option<String>,
    /// Only those by this next hop; `local` for mailboxes of this server.
    #[arg(long, value_name = "NAME")]
    next_hop: Option<String>,
    /// Only those that are held.
    #[arg(long)]
    held: bool,
}

/// Which deliveries are changed.
#[derive(Args, Debug)]
pub struct Change {
    #[command(flatten)]
    which: Which,
    /// All that wait; needed where nothing else says which.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: Place,
}

fn next_hop(text: &str) -> Result<String, String> {
    text.parse::<NextHop>().map(|hop| hop.to_string()).map_err(|error| told(&error))
}

pub fn run(queue: &Queue) -> Result<(), Failure> {
    match queue {
        Queue::List { which, limit, place } => list(which, *limit, place),
        Queue::Show { id, message: false, place } => show(id, place),
        Queue::Show { id, message: true, place } => message(id, place),
        Queue::Retry(change) => change.make(QueueChange::Retry, &say!("tried now", "werden jetzt versucht")),
        Queue::Hold(change) => change.make(QueueChange::Hold, &say!("held", "zurückgehalten")),
        Queue::Release(change) => change.make(QueueChange::Release, &say!("released", "freigegeben")),
        Queue::Cancel { change, yes } => {
            if !yes {
                change.confirm()?;
            }
            change.make(QueueChange::Cancel, &say!("cancelled", "gestrichen"))
        }
        Queue::Reroute { change, hop } => {
            let hop = hop.clone().unwrap_or_default();
            let done = say!("rerouted to {hop}", "umgeleitet an {hop}");
            change.make(QueueChange::Reroute(hop), &done)
        }
    }
}

impl Which {
    fn filter(&self) -> QueueFilter {
        QueueFilter {
            id: self.id.clone(),
            to: self.to.clone(),
            from: self.from.clone(),
            next_hop: self.next_hop.clone(),
            held: self.held.then_some(true),
        }
    }
}

impl Change {
    /// The filter, once it is sure that all are meant where nothing is said.
    fn filter(&self) -> Result<QueueFilter, Failure> {
        let filter = self.which.filter();
        if filter == QueueFilter::default() && !self.all {
            return Err(Failure::Wrong(say!(
                "which deliveries? Name a queue id, --to, --from, --next-hop or --held; or --all",
                "welche Zustellungen? Nötig ist eine Queue-ID, --to, --from, --next-hop oder --held; oder --all"
            )));
        }
        if filter != QueueFilter::default() && self.all {
            return Err(Failure::Wrong(say!(
                "--all means all that wait; leave it out, or everything else",
                "--all meint alle, die warten; entweder das weglassen oder alles andere"
            )));
        }
        Ok(filter)
    }

    fn make(&self, change: QueueChange, done: &str) -> Result<(), Failure> {
        let ask = Request::QueueChange { filter: self.filter()?, change };
        let changed: Changed = self.place.connect()?.one(ask)?;
        if changed.changed == 0 {
            return Err(Failure::Nothing(changed.note.unwrap_or_else(no_match)));
        }
        self.place.tell(&changed, |changed| format!("{} {done}\n", deliveries(changed.changed)))
    }

    /// Asks the person whether it is meant so.
    fn confirm(&self) -> Result<(), Failure> {
        let filter = self.filter()?;
        if !std::io::stdin().is_terminal() {
            return Err(Failure::Wrong(say!(
                "cancelled mail is gone; say --yes where nobody can be asked",
                "gestrichene Mail ist verloren; wo niemand gefragt werden kann, ist --yes nötig"
            )));
        }
        let mut number = 0;
        self.place.connect()?.ask(Request::QueueList { filter, limit: usize::MAX }, |_: QueueItem| {
            number += 1;
            true
        })?;
        if number == 0 {
            return Err(Failure::Nothing(no_match()));
        }
        let deliveries = deliveries(number);
        let question = say!(
            "Cancel {deliveries} for good, without telling anybody? [y/N] ",
            "{deliveries} endgültig streichen, ohne dass jemand davon erfährt? [j/N] "
        );
        match confirm::yes(&question)? {
            true => Ok(()),
            false => Err(Failure::Failed(say!("nothing was cancelled", "nichts wurde gestrichen"))),
        }
    }
}

fn no_match() -> String {
    say!("no delivery in the queue matches", "keine Zustellung in der Warteschlange passt")
}

fn list(which: &Which, limit: usize, place: &Place) -> Result<(), Failure> {
    let now = super::now();
    let (mut shown, mut held, mut octets, mut messages) = (0, 0, 0, 0);
    let mut last_id = String::new();
    let mut printed = Ok(());
    // One more than is shown tells whether there is more.
    let ask = Request::QueueList { filter: which.filter(), limit: limit.saturating_add(1) };
    let mut more = false;
    place.connect()?.ask(ask, |item: QueueItem| {
        if shown == limit {
            more = true;
            return false;
        }
        if shown == 0 && !place.json {
            printed = say(&heading());
        }
        if printed.is_ok() {
            printed = place.tell(&item, |item| row(item, now, columns().unwrap_or(COLUMNS)));
        }
        shown += 1;
        held += usize::from(item.held);
        if item.queue_id != last_id {
            messages += 1;
            octets += item.size_octets;
            last_id = item.queue_id;
        }
        printed.is_ok()
    })?;
    printed?;
    if shown == 0 {
        return Err(Failure::Nothing(match which.filter() == QueueFilter::default() {
            true => say!("the queue is empty", "die Warteschlange ist leer"),
            false => no_match(),
        }));
    }
    if place.json {
        return Ok(());
    }
    let limit = limit.saturating_mul(10);
    let more = if more {
        say!("; there are more: --limit {limit}", "; es gibt weitere: --limit {limit}")
    } else {
        String::new()
    };
    let (deliveries, messages, size) = (deliveries(shown), text::messages(messages), size(octets));
    say(&say!(
        "{deliveries} of {messages}, {size}, {held} held{more}\n",
        "{deliveries} von {messages}, {size}, {held} zurückgehalten{more}\n"
    ))
}

/// What a list takes where there is no terminal.
const COLUMNS: usize = 100;
/// Where the addresses begin.
const BEFORE: usize = 54;

fn heading() -> String {
    say!(
        "ID                AGE      SIZE      TRIES  NEXT      FROM → TO\n",
        "ID                ALTER    GRÖSSE    VERS.  NÄCHSTER  VON → AN\n"
    )
}

fn row(item: &QueueItem, now: Timestamp, columns: usize) -> String {
    let at = item.closed_until.map_or(item.next_attempt, |closed| closed.max(item.next_attempt));
    let next = match item {
        _ if item.under_way => say!("now", "jetzt"),
        _ if item.held => say!("held", "gehalten"),
        _ if at.0 <= now => say!("due", "fällig"),
        _ => span(at.0.unix_ms() - now.unix_ms()),
    };
    let age = span(now.unix_ms() - item.arrived.0.unix_ms());
    let room = columns.saturating_sub(BEFORE).max(20);
    let way = format!("{} → {}", sender(&item.from), item.to);
    let mut out = format!(
        "{:<16}  {age:<7}  {:<8}  {:>5}  {next:<8}  {}\n",
        item.queue_id,
        size(item.size_octets),
        item.attempts,
        cut(&way, room)
    );
    let domain = item.to.rsplit('@').next().unwrap_or_default();
    let by = if item.next_hop.eq_ignore_ascii_case(domain) {
        None
    } else {
        Some(say!("by {hop}", "über {hop}", hop = item.next_hop))
    };
    let why = item.closed_cause.as_ref().or(item.last_answer.as_ref());
    let below = match (by, why) {
        (None, None) => return out,
        (None, Some(why)) => why.clone(),
        (Some(by), None) => by,
        (Some(by), Some(why)) => format!("{by}: {why}"),
    };
    let _ = writeln!(out, "{:18}{}", "", cut(&below, columns.saturating_sub(18)));
    out
}

fn show(id: &str, place: &Place) -> Result<(), Failure> {
    let items = of_message(&mut place.connect()?, id)?;
    let Some(first) = items.first() else {
        return Err(Failure::Nothing(say!(
            "there is no message {id} in the queue; see: postamt trace {id}",
            "in der Warteschlange ist keine Nachricht {id}; siehe: postamt trace {id}"
        )));
    };
    if place.json {
        return items.iter().try_for_each(json);
    }
    let now = super::now();
    let age = span(now.unix_ms() - first.arrived.0.unix_ms());
    let (from, arrived, size) = (harmless(sender(&first.from)), first.arrived.short(), size(first.size_octets));
    let mut out = format!("{}\n", first.queue_id);
    out += &say!("  from     {from}\n", "  von      {from}\n");
    out += &say!("  arrived  {arrived}, {age} ago\n", "  Eingang  {arrived}, vor {age}\n");
    out += &say!("  size     {size}\n", "  Größe    {size}\n");
    for item in &items {
        out.push_str(&details(item, now, columns()));
    }
    say(&out)
}

fn details(item: &QueueItem, now: Timestamp, columns: Option<usize>) -> String {
    let mut out = say!("\n  to       {to}\n", "\n  an       {to}\n", to = harmless(&item.to));
    let mut line = |name: String, text: String| {
        out.push_str(&wrap(&format!("    {name:<9}{}", harmless(&text)), columns, 13));
    };
    if let Some(original) = item.original_to.as_ref().filter(|original| **original != item.to) {
        line(say!("meant", "gemeint"), original.clone());
    }
    line(say!("by", "über"), item.next_hop.clone());
    line(say!("state", "Zustand"), state(item, now));
    if let Some(cause) = &item.closed_cause {
        let until = item.closed_until.map(|until| until.short()).unwrap_or_default();
        let text = say!("nothing is sent there until {until}: {cause}", "bis {until} geht nichts dorthin: {cause}");
        line(say!("waits", "wartet"), text);
    }
    if let Some(answer) = &item.last_answer {
        line(say!("last", "zuletzt"), answer.clone());
    }
    let until = item.expires.short();
    let mut text = say!("{until}, then the sender is told", "{until}, danach bekommt der Absender einen Bericht");
    if item.delay_told {
        text += &say!("; the sender knows that it is late", "; von der Verzögerung weiß er");
    }
    line(say!("until", "bis"), text);
    out
}

/// How often it was tried, and when it is tried next.
pub fn state(item: &QueueItem, now: Timestamp) -> String {
    let tries = count(item.attempts as usize, ["try", "tries"], ["Versuch", "Versuche"]);
    let next = item.closed_until.map_or(item.next_attempt, |closed| closed.max(item.next_attempt));
    match item {
        _ if item.under_way => say!("{tries}; being tried now", "{tries}; gerade unterwegs"),
        _ if item.held => say!("{tries}; held", "{tries}; zurückgehalten"),
        _ if next.0 <= now => say!("{tries}; due", "{tries}; fällig"),
        _ => {
            let (wait, at) = (span(next.0.unix_ms() - now.unix_ms()), next.short());
            say!("{tries}; the next in {wait}, {at}", "{tries}; der nächste in {wait}, {at}")
        }
    }
}

/// The deliveries of a message that are not done.
pub fn of_message(client: &mut Client, id: &str) -> Result<Vec<QueueItem>, Failure> {
    let filter = QueueFilter { id: Some(id.to_owned()), ..QueueFilter::default() };
    let mut items = Vec::new();
    client.ask(Request::QueueList { filter, limit: usize::MAX }, |item| {
        items.push(item);
        true
    })?;
    Ok(items)
}

fn message(id: &str, place: &Place) -> Result<(), Failure> {
    if place.json {
        return Err(Failure::Wrong(say!(
            "a message is not JSON; leave --json or --message out",
            "eine Nachricht ist kein JSON; --json oder --message weglassen"
        )));
    }
    let octets = place.connect()?.message(id, MESSAGE_OCTETS_MAX)?;
    std::io::stdout().write_all(&octets).map_err(|_| Failure::ReaderGone)
}

#[cfg(test)]
mod tests;
