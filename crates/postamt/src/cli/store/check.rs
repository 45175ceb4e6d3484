//! `postamt store check`

use crate::admin::check::{CheckItem, DoneItem, FoundItem, StageName, all};
use crate::admin::client::{Client, ClientError};
use crate::admin::protocol::Request;
use crate::backups::source::Stopped;
use crate::cli::failure::Failure;
use crate::cli::place::Place;
use crate::cli::text::{accounts, count, harmless, messages, size};
use crate::import::progress::{Progress, Unit};
use crate::language::{Text, both, caller, of_error, say};
use clap::Args;
use serde::Serialize;
use std::path::Path;
use store_local::OpenError;

pub const EXAMPLES: &str = "Examples:
  postamt store check
  postamt store check --config /etc/postamt/postamt.toml --json

It reads everything once, as fast as the disk does. While the server runs it goes on serving; without one the engine's own files are looked at too.

Exit codes: 0 sound, 1 damage was found, 2 it could not be checked.";

#[derive(Args, Debug)]
pub struct Check {
    #[command(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Told {
    sound: bool,
    #[serde(flatten)]
    done: DoneItem,
    found: Vec<FoundItem>,
}

pub fn run(check: &Check) -> Result<(), Failure> {
    let data = check.place.data().map_err(|mistakes| Failure::Wrong(mistakes.within(caller()).to_string()))?;
    of(&data, &check.place)
}

/// Checks the store in `data`.
pub fn of(data: &Path, place: &Place) -> Result<(), Failure> {
    let (done, found) = looked(data, place.json).map_err(|error| Failure::Wrong(told(&error)))?;
    let sound = found.is_empty();
    place.tell(&Told { sound, done, found }, text)?;
    if sound { Ok(()) } else { Err(Failure::Failed(what_to_do())) }
}

/// Looks, with the server if one runs; each finding is told at once, unless `quiet`. An error says that it could not be checked,
/// which is not that damage was found.
fn looked(data: &Path, quiet: bool) -> anyhow::Result<(DoneItem, Vec<FoundItem>)> {
    let mut look =
        Look { progress: Progress::of(0, Unit::Rows), stage: StageName::Rows, quiet, found: Vec::new(), done: None };
    match Client::connect(data) {
        Ok(mut client) => client.ask(Request::StoreCheck {}, |item| look.take(item))?,
        Err(ClientError::NoServer(_)) => {
            Stopped::is_there(data)?;
            if let Err(error) = look.stopped(data) {
                // No row can be read then.
                let Some(OpenError::Damaged { file, .. }) = error.downcast_ref() else { return Err(error) };
                look.files(file, told(&error));
                look.done = Some(DoneItem { findings: look.found.len() as u64, ..DoneItem::default() });
            }
        }
        Err(error) => return Err(error.into()),
    }
    look.progress.end();
    let done = look.done.ok_or_else(|| anyhow::anyhow!(say!("the server broke off", "der Server hat abgebrochen")))?;
    Ok((done, look.found))
}

fn told(error: &anyhow::Error) -> String {
    of_error(error).within(caller()).to_owned()
}

struct Look {
    progress: Progress,
    stage: StageName,
    quiet: bool,
    found: Vec<FoundItem>,
    done: Option<DoneItem>,
}

impl Look {
    /// Looks at a store that no server has open.
    fn stopped(&mut self, data: &Path) -> anyhow::Result<()> {
        let store = data.join("store");
        if let Some(wrong) = store_local::integrity(&store)? {
            self.files(&store, wrong);
        }
        let stopped = Stopped::open(data)?;
        let before = self.found.len() as u64;
        let mut done = all(stopped.parts(), data, &mut |item| self.take(item))?;
        done.findings += before;
        self.take(CheckItem::Done(done));
        Ok(())
    }

    /// The engine's files are not as it wrote them.
    fn files(&mut self, file: &Path, wrong: String) {
        let finding = upkeep::Finding::new(upkeep::Kind::Files, file.display().to_string(), wrong);
        self.take(CheckItem::Found(finding.into()));
    }

    fn take(&mut self, item: CheckItem) -> bool {
        match item {
            CheckItem::At { stage, done, of } => {
                if stage != self.stage {
                    self.progress.end();
                    let unit = if stage == StageName::Accounts { Unit::Accounts } else { Unit::Objects };
                    (self.progress, self.stage) = (Progress::of(of, unit), stage);
                }
                let found = self.found.len();
                self.progress.at(done, || say!("{found} damaged", "{found} beschädigt"));
            }
            CheckItem::Found(item) => {
                if !self.quiet {
                    self.progress.say(&sentence(&item));
                }
                self.found.push(item);
            }
            CheckItem::Done(done) => self.done = Some(done),
        }
        true
    }
}

/// Whose mail it is, and what is wrong, for people; the program's words behind it.
pub fn sentence(item: &FoundItem) -> String {
    let FoundItem { address, account, mailbox, uid, subject, what, wrong, .. } = item;
    let who = match (address, account) {
        (Some(address), _) => address.clone(),
        (None, Some(id)) => say!("account {id}", "Konto {id}"),
        (None, None) => String::new(),
    };
    let detail = harmless(&format!("{what}: {wrong}"));
    harmless(&match item.kind.as_str() {
        "message" => {
            let mailbox = mailbox.clone().unwrap_or_else(|| "?".into());
            let place = match uid {
                Some(uid) => say!("{mailbox}, message {uid}", "{mailbox}, Nachricht {uid}"),
                None => say!("a message of no known mailbox", "eine Nachricht ohne bekannten Mailordner"),
            };
            let about = subject.as_ref().map(|subject| say!(" \"{subject}\"", " „{subject}“")).unwrap_or_default();
            say!("{who}: {place}{about}: damaged ({detail})", "{who}: {place}{about}: beschädigt ({detail})")
        }
        "account" => say!(
            "{who}: its list of mail is damaged ({detail})",
            "{who}: Das Mailverzeichnis ist beschädigt ({detail})"
        ),
        "queue" => {
            let to = address.as_ref().map(|to| say!(" to {to}", " an {to}")).unwrap_or_default();
            say!(
                "queue: message {what}{to}: damaged ({wrong})",
                "Warteschlange: Nachricht {what}{to}: beschädigt ({wrong})"
            )
        }
        "people" => say!(
            "accounts, domains and aliases: damaged ({detail})",
            "Konten, Domains und Aliasse: beschädigt ({detail})"
        ),
        "trace" => {
            say!("the story of a message: damaged ({detail})", "der Verlauf einer Nachricht: beschädigt ({detail})")
        }
        "files" => say!("the store's files: damaged ({detail})", "die Dateien des Speichers: beschädigt ({detail})"),
        _ => say!("something that is nobody's ({detail})", "etwas, das niemandem gehört ({detail})"),
    })
}

fn text(told: &Told) -> String {
    let Told { done, found, .. } = told;
    let rows = done.rows;
    let (accounts, octets) = (accounts(done.accounts as usize), size(done.blob_octets));
    let blobs = count(done.blobs as usize, ["large body", "large bodies"], ["großer Inhalt", "große Inhalte"]);
    let looked =
        say!("{rows} rows, {accounts}, {blobs} ({octets})", "{rows} Datensätze, {accounts}, {blobs} ({octets})");
    let mut text = match found.len() {
        0 => say!("sound: {looked}\n", "in Ordnung: {looked}\n"),
        n => {
            let n = count(n, ["finding", "findings"], ["Befund", "Befunde"]);
            say!("damaged: {n} in {looked}\n", "beschädigt: {n}; gelesen: {looked}\n")
        }
    };
    for id in &done.unowned {
        text += &format!("{}\n", unowned(*id).within(caller()));
    }
    let told = done.findings.saturating_sub(found.len() as u64);
    if told > 0 {
        text += &say!("and {told} more\n", "und {told} weitere\n");
    }
    let of_messages = found.iter().filter(|item| item.kind == "message").count();
    if of_messages > 0 {
        let n = messages(of_messages);
        text +=
            &say!("{n} concerned; all others are as they were\n", "{n} betroffen; alle anderen sind, wie sie waren\n");
    }
    text
}

/// What is to be done with an account of which nobody knows whose it was.
fn unowned(id: u32) -> Text {
    both!(
        "account {id} has mail and no address: whose it was is lost. To give it to somebody: postamt export --account {id} --maildir DIR, \
         then postamt import --account ADDRESS --maildir DIR",
        "Konto {id} hat Mail und keine Adresse: Wessen es war, ist verloren. So bekommt es jemand: postamt export --account {id} \
         --maildir ORDNER, dann postamt import --account ADRESSE --maildir ORDNER"
    )
}

fn what_to_do() -> String {
    say!(
        "damage was found; see \"Check and repair\" in docs/operations.md: check the disk first, then bring back what a backup still has \
         (postamt backup restore DIR --account ADDRESS), then stop the server and run: postamt store repair",
        "es gibt Schäden; siehe „Check and repair“ in docs/operations.md: zuerst die Platte prüfen, dann zurückholen, was ein Backup noch hat \
         (postamt backup restore ORDNER --account ADRESSE), dann den Server anhalten und: postamt store repair"
    )
}
