//! `postamt deleted`: what was deleted, seen, brought back, ended for good.

use super::failure::Failure;
use super::place::{Place, columns, json, say};
use super::text::{harmless, messages, size, table};
use super::{confirm, password};
use crate::admin::client::Client;
use crate::admin::protocol::{Changed, Password, Request};
use crate::admin::undelete::{DeletedItem, ErasedItem, Filter, RestoredItem, large_left};
use crate::admin::when::When;
use crate::config::units::Span;
use crate::language::{caller, say};
use clap::{Args, Subcommand};
use model::{Address, Timestamp};
use std::io::IsTerminal;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  postamt deleted list anna@example.org --since 2d
  postamt deleted restore anna@example.org --mailbox Projects
  postamt deleted list anna@example.org --socket /run/postamt/people.sock";

const LIST_EXAMPLES: &str = "Examples:
  postamt deleted list anna@example.org
  postamt deleted list anna@example.org --mailbox INBOX --since 2d --subject invoice";

const RESTORE_EXAMPLES: &str = "Examples:
  postamt deleted restore anna@example.org 4711 4712
  postamt deleted restore anna@example.org --mailbox Projects
  postamt deleted restore anna@example.org --since 1h --into Found";

const ERASE_EXAMPLES: &str = "Examples:
  postamt deleted erase anna@example.org 4711
  postamt deleted erase anna@example.org --all --yes";

/// What is done with what was deleted.
#[derive(Subcommand, Debug)]
pub enum Deleted {
    /// Deleted mailboxes and messages that can be brought back, the newest first.
    #[command(after_help = LIST_EXAMPLES)]
    List {
        /// The account's address.
        address: Address,
        #[command(flatten)]
        filter: Which,
        /// Messages with this part in the subject.
        #[arg(long, value_name = "WORD")]
        subject: Option<String>,
        /// How many at most.
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        #[command(flatten)]
        at: At,
    },
    /// Brings messages and mailboxes back. A message comes back as it was, as new mail of its mailbox; a deleted mailbox is
    /// made again, under another name if its own is taken. Messages that are in some mailbox are passed over.
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore {
        /// The account's address.
        address: Address,
        /// Which messages, as `postamt deleted list` shows them.
        #[arg(value_name = "ID", required_unless_present_any = ["mailbox", "since", "all"])]
        ids: Vec<u64>,
        #[command(flatten)]
        filter: Which,
        /// Everything.
        #[arg(long, conflicts_with_all = ["ids", "mailbox", "since"])]
        all: bool,
        /// Puts the messages there instead of where they were; made if it is missing.
        #[arg(long, value_name = "MAILBOX")]
        into: Option<String>,
        /// Also beyond the account's quota; for administrators.
        #[arg(long, conflicts_with = "socket")]
        over_quota: bool,
        #[command(flatten)]
        at: At,
    },
    /// Ends deleted messages for good, before their time; it asks first.
    #[command(after_help = ERASE_EXAMPLES)]
    Erase {
        /// The account's address.
        address: Address,
        /// Which messages, as `postamt deleted list` shows them.
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<u64>,
        /// Everything that was deleted.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        at: At,
    },
}

/// Which messages; everything given must fit.
#[derive(Args, Debug)]
pub struct Which {
    /// Those from a mailbox of this name, which may be deleted itself.
    #[arg(long, value_name = "NAME")]
    mailbox: Option<String>,
    /// Those deleted within this time, as 90min, 3h or 2d, or since this day, as 2026-11-22.
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Timestamp>,
}

/// Which server, and as whom.
#[derive(Args, Debug)]
pub struct At {
    /// The server's socket for people: asks for the account's password, and needs no administrator.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["config", "data"])]
    socket: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub fn run(deleted: &Deleted) -> Result<(), Failure> {
    match deleted {
        Deleted::List { address, filter, subject, limit, at } => {
            let filter = Filter { subject: subject.clone(), ..of(&[], filter) };
            let ask = Request::DeletedList { address: address.to_string(), filter, limit: *limit };
            list(&mut at.connect(address)?, ask, *limit, at.place.json)
        }
        Deleted::Restore { address, ids, filter, into, over_quota, at, .. } => {
            let (address_, filter) = (address.to_string(), of(ids, filter));
            let (into, over_quota) = (into.clone(), *over_quota);
            let ask = Request::DeletedRestore { address: address_, filter, into, over_quota };
            let restored: RestoredItem = at.connect(address)?.one(ask)?;
            at.place.tell(&restored, told)
        }
        Deleted::Erase { address, ids, yes, at, .. } => {
            if !yes {
                let messages = messages(ids.len());
                sure(&match ids.is_empty() {
                    true => say!(
                        "Erase for good everything that {address} deleted? [y/N] ",
                        "Alles, was {address} gelöscht hat, endgültig löschen? [j/N] "
                    ),
                    false => say!(
                        "Erase {messages} of {address} for good? [y/N] ",
                        "{messages} von {address} endgültig löschen? [j/N] "
                    ),
                })?;
            }
            let filter = Filter { ids: ids.clone(), ..Filter::default() };
            let ask = Request::DeletedErase { address: address.to_string(), filter };
            let erased: ErasedItem = at.connect(address)?.one(ask)?;
            at.place.tell(&erased, |erased| {
                let (n, size) = (messages(erased.messages as usize), size(erased.octets));
                let told = say!("erased for good: {n}, {size}\n", "endgültig gelöscht: {n}, {size}\n");
                match large_left(erased.large_left) {
                    None => told,
                    Some(left) => told + left.within(caller()) + "\n",
                }
            })
        }
    }
}

impl At {
    fn connect(&self, address: &Address) -> Result<Client, Failure> {
        let Some(socket) = &self.socket else { return self.place.connect() };
        let mut client = Client::connect_to(socket)?;
        let password = Password(password::known(&say!("Password of {address}: ", "Passwort von {address}: "))?);
        let _: Changed = client.one(Request::LogIn { login: address.to_string(), password })?;
        Ok(client)
    }
}

fn of(ids: &[u64], which: &Which) -> Filter {
    let since = which.since.map(When);
    Filter { ids: ids.to_vec(), mailbox: which.mailbox.clone(), since, subject: None }
}

/// A span before now, or a day.
fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(Span(span)) = text.parse::<Span>() {
        let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        return Ok(Timestamp::from_unix_ms(super::now().unix_ms().saturating_sub(ms).max(0)));
    }
    let midnight: Result<When, _> = serde_json::from_value(format!("{text}T00:00:00.000Z").into());
    midnight.map(|When(at)| at).map_err(|_| {
        say!(
            "write a time, as 90min, 3h or 2d, or a day, as 2026-11-22",
            "eine Zeit wie 90min, 3h oder 2d, oder ein Tag wie 2026-11-22"
        )
    })
}

/// Goes on if somebody at the terminal says so.
pub fn sure(question: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Wrong(say!(
            "what is erased is gone; say --yes where nobody can be asked",
            "endgültig Gelöschtes ist verloren; wo niemand gefragt werden kann, ist --yes nötig"
        )));
    }
    match confirm::yes(question)? {
        true => Ok(()),
        false => Err(Failure::Failed(say!("nothing was erased", "nichts wurde gelöscht"))),
    }
}

fn heading() -> Vec<String> {
    vec![
        say!("DELETED", "GELÖSCHT"),
        ">ID".into(),
        say!("MAILBOX", "MAILORDNER"),
        say!("FROM", "VON"),
        say!("SUBJECT", "BETREFF"),
        say!(">SIZE", ">GRÖSSE"),
        say!("KEPT UNTIL", "BIS"),
    ]
}

fn list(client: &mut Client, ask: Request, limit: usize, as_json: bool) -> Result<(), Failure> {
    let mut items: Vec<DeletedItem> = Vec::new();
    client.ask(ask, |item| {
        items.push(item);
        true
    })?;
    if items.is_empty() {
        return Err(Failure::Nothing(say!(
            "nothing that was deleted fits, or its time is over",
            "nichts Gelöschtes passt, oder seine Zeit ist um"
        )));
    }
    if as_json {
        return items.iter().try_for_each(json);
    }
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    say(&table(&heading(), &rows, columns()))?;
    if items.len() == limit {
        say(&say!("There may be more; see --limit.\n", "Es gibt vielleicht mehr; siehe --limit.\n"))?;
    }
    Ok(())
}

/// Longest texts in a table that is no wider for them.
const TEXT_CHARS_MAX: usize = 40;

fn row(item: &DeletedItem) -> Vec<String> {
    let text = |text: &Option<String>| super::text::cut(text.as_deref().unwrap_or("-"), TEXT_CHARS_MAX);
    let mailbox = match (&item.mailbox, item.mailbox_deleted, item.in_mailbox) {
        (mailbox, _, true) => text(mailbox) + &say!(" (still in a mailbox)", " (noch in einem Mailordner)"),
        (mailbox, true, _) => text(mailbox) + &say!(" (deleted)", " (gelöscht)"),
        (mailbox, false, _) => text(mailbox),
    };
    let id = item.id.map_or_else(|| say!("mailbox", "Mailordner"), |id| id.to_string());
    let (deleted, until) = (item.deleted.short(), item.kept_until.short());
    vec![deleted, id, harmless(&mailbox), text(&item.from), text(&item.subject), size(item.size_octets), until]
}

fn told(restored: &RestoredItem) -> String {
    let n = messages(restored.messages as usize);
    let mut text = say!("brought back: {n}\n", "zurückgeholt: {n}\n");
    for made in &restored.mailboxes {
        let (was, is) = (harmless(&made.was), harmless(&made.is));
        text += &match was == is {
            true => say!("the mailbox {is} is there again\n", "der Mailordner {is} ist wieder da\n"),
            false => say!(
                "the mailbox {was} is there again as {is}, for its name is taken\n",
                "der Mailordner {was} ist wieder da, als {is}, denn sein Name ist vergeben\n"
            ),
        };
    }
    if restored.passed_over > 0 {
        let n = messages(restored.passed_over as usize);
        text +=
            &say!("passed over, for they are in a mailbox: {n}\n", "übergangen, weil noch in einem Mailordner: {n}\n");
    }
    if restored.more {
        text += &say!("there is more; do the same once more\n", "es gibt noch mehr; noch einmal dasselbe tun\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_span_or_a_day() {
        assert_eq!(since("2026-11-22").unwrap().to_string(), "2026-11-22T00:00:00.000Z");
        assert!(since("2d").unwrap() < since("1h").unwrap());
        for wrong in ["", "yesterday", "2026-13-01", "2"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
