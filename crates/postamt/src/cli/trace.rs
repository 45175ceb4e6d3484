//! `postamt trace`: what happened to messages.

use super::failure::Failure;
use super::place::{Place, columns, json, say};
use super::text::{harmless, size, wrap};
use crate::admin::client::Client;
use crate::admin::protocol::{QueueItem, Request, TraceAsk, TraceItem};
use crate::admin::when::When;
use crate::config::units::Span;
use crate::language::{Language, caller, say};
use clap::Args;
use model::Timestamp;
use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

/// Between two looks with `--follow`: quick enough to watch, and one small read each.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Recipients named in a line; `--json` has all of them.
const NAMED_MAX: usize = 3;

/// Whose story.
#[derive(Args, Debug)]
pub struct Trace {
    /// The message's queue id, as in its `Received` field, the log, and what `postamt send` prints.
    id: Option<String>,
    /// Only messages with a recipient whose address has this part.
    #[arg(long, value_name = "PART", conflicts_with = "id")]
    to: Option<String>,
    /// Only messages with a sender whose address has this part.
    #[arg(long, value_name = "PART", conflicts_with = "id")]
    from: Option<String>,
    /// Only messages accepted in the last TIME, as 90min, 3h or 2d.
    #[arg(long, value_name = "TIME", conflicts_with = "id")]
    since: Option<Span>,
    /// How many messages at most, the newest first.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Goes on with what happens from now on, until Ctrl-C.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    place: Place,
}

pub fn run(trace: &Trace) -> Result<(), Failure> {
    let mut client = trace.place.connect()?;
    if trace.follow {
        return follow(trace, &mut client);
    }
    let items = ask(trace, &mut client)?;
    if items.is_empty() {
        return Err(Failure::Nothing(match &trace.id {
            Some(id) => say!(
                "nothing is known of {id}; records are kept for 30 days",
                "über {id} ist nichts bekannt; Aufzeichnungen bleiben 30 Tage"
            ),
            None => say!(
                "no message matches; records are kept for 30 days",
                "keine Nachricht passt; Aufzeichnungen bleiben 30 Tage"
            ),
        }));
    }
    if trace.place.json {
        return items.iter().try_for_each(json);
    }
    let stories = items.chunk_by(|a, b| a.queue_id == b.queue_id);
    let stories: Vec<String> = stories.map(|story| self::story(story, columns())).collect();
    say(&stories.join("\n"))?;
    let Some(id) = &trace.id else { return Ok(()) };
    let now = super::now();
    let waiting = super::queue::of_message(&mut client, id)?;
    waiting.iter().try_for_each(|item| say(&self::waiting(item, now, columns())))
}

/// What happens next to a delivery that is still in the queue.
fn waiting(item: &QueueItem, now: Timestamp, columns: Option<usize>) -> String {
    let (at, queued, width) = (say!("now", "jetzt"), say!("in the queue", "wartet"), event_width());
    let mut text = format!("  {at:<20}  {queued:<width$} {}, {}", item.to, super::queue::state(item, now));
    if let Some(cause) = &item.closed_cause {
        let hop = &item.next_hop;
        text += &say!("; nothing is sent to {hop} until then: {cause}", "; bis dahin geht nichts an {hop}: {cause}");
    }
    wrap(&harmless(&text), columns, 25 + width)
}

fn ask(trace: &Trace, client: &mut Client) -> Result<Vec<TraceItem>, Failure> {
    let ask = TraceAsk {
        id: trace.id.clone(),
        to: trace.to.clone(),
        from: trace.from.clone(),
        since: trace.since.map(|Span(span)| When(now_less(span))),
        limit: trace.limit,
    };
    let mut items = Vec::new();
    client.ask(Request::Trace(ask), |item| {
        items.push(item);
        true
    })?;
    Ok(items)
}

/// The records of a message only become more, so that those seen of each are a number.
fn follow(trace: &Trace, client: &mut Client) -> Result<(), Failure> {
    let mut seen = HashMap::<String, usize>::new();
    loop {
        let items = ask(trace, client)?;
        let mut new: Vec<&TraceItem> = Vec::new();
        let mut now = HashMap::<String, usize>::new();
        for item in &items {
            let n = now.entry(item.queue_id.clone()).or_default();
            *n += 1;
            if *n > seen.get(&item.queue_id).copied().unwrap_or(0) {
                new.push(item);
            }
        }
        new.sort_by_key(|item| item.at);
        for item in new {
            trace.place.tell(item, |item| line(item, Shown::Apart, columns()))?;
        }
        seen = now;
        std::thread::sleep(LOOK_EVERY);
    }
}

fn now_less(span: Duration) -> Timestamp {
    let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_ms(super::now().unix_ms().saturating_sub(ms).max(0))
}

/// Whether a line stands below its message's heading or says itself whose it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Below,
    Apart,
}

/// A message's records under a heading.
fn story(items: &[TraceItem], columns: Option<usize>) -> String {
    let mut out = String::new();
    let Some(first) = items.first() else { return out };
    let _ = write!(out, "{}", first.queue_id);
    if let Some(from) = &first.from {
        let _ = write!(out, "  {} → {}", sender(from), named(&first.recipients));
    }
    if let Some(octets) = first.size_octets {
        let _ = write!(out, "  {}", size(octets));
    }
    let mut out = wrap(&harmless(&out), columns, 18);
    if let Some(id) = &first.message_id {
        let _ = writeln!(out, "  Message-ID <{}>", harmless(id.trim_matches(['<', '>'])));
    }
    for item in items {
        out.push_str(&line(item, Shown::Below, columns));
    }
    out
}

fn line(item: &TraceItem, shown: Shown, columns: Option<usize>) -> String {
    let (event, width) = (event(&item.event), event_width());
    let mut text = match shown {
        Shown::Below => format!("  {}  {event:<width$}", item.at.short()),
        Shown::Apart => format!("{}  {}  {event:<width$}", item.at.short(), item.queue_id),
    };
    let indent = text.chars().count() + 1;
    let is_first = item.from.is_some();
    if let Some(from) = item.from.as_ref().filter(|_| shown == Shown::Apart) {
        let _ = write!(text, " {} → {}", sender(from), named(&item.recipients));
    } else if !is_first {
        let _ = write!(text, " {}", named(&item.recipients));
    }
    text.push_str(&detail(item));
    wrap(harmless(&text).trim_end(), columns, indent)
}

/// Columns of the longest event that is usual.
fn event_width() -> usize {
    if caller() == Language::German { 15 } else { 12 }
}

/// What happened, in a word or two.
fn event(name: &str) -> &str {
    if caller() == Language::English {
        return name;
    }
    match name {
        "received" => "empfangen",
        "delivered" => "zugestellt",
        "relayed" => "weitergegeben",
        "deferred" => "aufgeschoben",
        "failed" => "gescheitert",
        "delay-told" => "Verzug gemeldet",
        "success-told" => "Erfolg gemeldet",
        "failure-told" => "Fehler gemeldet",
        "held" => "zurückgehalten",
        "released" => "freigegeben",
        "retried" => "neu versucht",
        "cancelled" => "gestrichen",
        "rerouted" => "umgeleitet",
        "resumed" => "fortgesetzt",
        other => other,
    }
}

/// What the other side was, and what it said.
fn detail(item: &TraceItem) -> String {
    let mut text = String::new();
    if let Some(peer) = &item.peer {
        let how = if item.from.is_some() { say!("from", "von") } else { say!("at", "bei") };
        let _ = write!(text, " {how} {}", peer.trim());
    }
    if let Some(protocol) = &item.protocol {
        let _ = write!(text, " ({protocol})");
    }
    if let Some(answer) = &item.answer {
        let _ = write!(text, ": {answer}");
    }
    if let Some(next) = item.next_attempt {
        text += &say!("; next try {next}", "; nächster Versuch {next}", next = next.short());
    }
    if let Some(related) = &item.related {
        text += &match item.event == "received" {
            true => say!("; it reports on {related}", "; Bericht über {related}"),
            false => say!("; the report is {related}", "; der Bericht ist {related}"),
        };
    }
    text
}

pub fn sender(from: &str) -> &str {
    if from.is_empty() { "<>" } else { from }
}

fn named(recipients: &[String]) -> String {
    let mut text = recipients.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    if recipients.len() > NAMED_MAX {
        text += &say!(" and {n} more", " und {n} weitere", n = recipients.len() - NAMED_MAX);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::tests::in_german;

    fn item(at_s: i64, event: &str) -> TraceItem {
        TraceItem {
            queue_id: "06559b0f9ac00001".into(),
            at: When(Timestamp::from_unix_ms(at_s * 1000)),
            event: event.into(),
            recipients: vec!["ben@example.org".into()],
            from: None,
            peer: None,
            protocol: None,
            answer: None,
            size_octets: None,
            next_attempt: None,
            related: None,
            message_id: None,
        }
    }

    fn items() -> [TraceItem; 3] {
        let received = TraceItem {
            from: Some("anna@demo.test".into()),
            peer: Some("anna@demo.test".into()),
            protocol: Some("ESMTPSA".into()),
            size_octets: Some(1500),
            message_id: Some("1@demo.test".into()),
            ..item(0, "received")
        };
        let deferred = TraceItem {
            peer: Some("mx.example.org [192.0.2.1]:25".into()),
            protocol: Some("ESMTP".into()),
            answer: Some("451 4.7.1 come\r\nback later".into()),
            next_attempt: Some(When(Timestamp::from_unix_ms(60_000))),
            ..item(1, "deferred")
        };
        let told = TraceItem { related: Some("06559b0f9ac00002".into()), ..item(2, "failure-told") };
        [received, deferred, told]
    }

    #[test]
    fn a_story_is_told_in_lines() {
        let expected = "\
06559b0f9ac00001  anna@demo.test → ben@example.org  1.5 KiB
  Message-ID <1@demo.test>
  1970-01-01 00:00:00Z  received     from anna@demo.test (ESMTPSA)
  1970-01-01 00:00:01Z  deferred     ben@example.org at mx.example.org [192.0.2.1]:25 (ESMTP): 451 4.7.1 come  back later; next try 1970-01-01 00:01:00Z
  1970-01-01 00:00:02Z  failure-told ben@example.org; the report is 06559b0f9ac00002
";
        assert_eq!(story(&items(), None), expected);
        let narrow = story(&items(), Some(100));
        assert!(narrow.lines().all(|line| line.chars().count() <= 100), "{narrow}");
    }

    #[test]
    fn a_story_is_told_in_german() {
        let expected = "\
06559b0f9ac00001  anna@demo.test → ben@example.org  1,5 KiB
  Message-ID <1@demo.test>
  1970-01-01 00:00:00Z  empfangen       von anna@demo.test (ESMTPSA)
  1970-01-01 00:00:01Z  aufgeschoben    ben@example.org bei mx.example.org [192.0.2.1]:25 (ESMTP): 451 4.7.1 come  back later; nächster Versuch 1970-01-01 00:01:00Z
  1970-01-01 00:00:02Z  Fehler gemeldet ben@example.org; der Bericht ist 06559b0f9ac00002
";
        assert_eq!(in_german(|| story(&items(), None)), expected);
        for (_, name) in mta::trace::TraceEvent::ALL {
            let german = in_german(|| event(name).to_owned());
            assert!(german != name && german.chars().count() <= 15, "{name}: {german}");
        }
    }

    #[test]
    fn a_line_that_is_followed_says_whose_it_is() {
        let line = line(&items()[0], Shown::Apart, None);
        let expected = "1970-01-01 00:00:00Z  06559b0f9ac00001  received     anna@demo.test → ben@example.org from \
                        anna@demo.test (ESMTPSA)\n";
        assert_eq!(line, expected);
        assert_eq!(named(&["a", "b", "c", "d"].map(String::from)), "a, b, c and 1 more");
    }
}
