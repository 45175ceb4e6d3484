//! `postamt export`: an account's mail into files.

use super::failure::Failure;
use super::import::mailboxes;
use super::place::Place;
use super::text::{count, harmless};
use crate::admin::client::Client;
use crate::admin::protocol::Request;
use crate::admin::transfer::{MailboxItem, MemberItem};
use crate::export::folder::MessageFolder;
use crate::export::manifest::Manifest;
use crate::export::mbox::MboxFile;
use crate::export::{Format, Target, path};
use crate::import::progress::Progress;
use crate::import::uplink::{Failed, Tally, tally};
use crate::language::{say, told as told_error};
use anyhow::Context;
use clap::Args;
use model::{Address, AddressError};
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  postamt export --account anna@example.org --maildir /backup/anna
  postamt export --account anna@example.org --mbox /backup/anna --mailbox INBOX --mailbox Sent

A second run adds what is new, and takes nothing away.
Exit codes: 0 all is there, 1 something is not and was named, 2 the command is wrong, 3 there is no such account or mailbox.";

/// Messages asked for at once, and their octets.
const MESSAGES_AT_ONCE: usize = 256;
const OCTETS_AT_ONCE: u64 = 16 << 20;

/// What is exported, and into what.
#[derive(Args, Debug)]
pub struct Export {
    /// Whose mail; an account's number stands for one whose address was lost.
    #[arg(long, value_name = "ADDRESS", value_parser = whose)]
    account: String,
    #[command(flatten)]
    into: Into,
    /// Only this mailbox; may be named several times.
    #[arg(long, value_name = "NAME")]
    mailbox: Vec<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Into {
    /// A Maildir++, as Dovecot and mutt read it.
    #[arg(long, value_name = "DIR")]
    maildir: Option<PathBuf>,
    /// A folder with an mbox file (mboxrd) for each mailbox.
    #[arg(long, value_name = "DIR")]
    mbox: Option<PathBuf>,
    /// Folders with a file for each message.
    #[arg(long, value_name = "DIR")]
    eml: Option<PathBuf>,
}

impl Into {
    fn place(&self) -> Option<(&Path, Format)> {
        let all = [(&self.maildir, Format::Maildir), (&self.mbox, Format::Mbox), (&self.eml, Format::Eml)];
        all.into_iter().find_map(|(dir, format)| Some((dir.as_deref()?, format)))
    }
}

/// An address, or a number as `store check` tells it.
fn whose(text: &str) -> Result<String, AddressError> {
    let number = text.parse().ok().map(|number: u32| number.to_string());
    number.map_or_else(|| text.parse().map(|address: Address| address.to_string()), Ok)
}

pub fn run(export: &Export) -> Result<(), Failure> {
    let Some((root, format)) = export.into.place() else {
        return Err(Failure::Wrong(say!("name a folder", "es fehlt ein Ordner")));
    };
    let mut client = export.place.connect()?;
    let chosen = chosen(mailboxes(&mut client, &export.account)?, &export.mailbox)?;
    let name = root.display();
    fs::create_dir_all(root).with_context(|| say!("cannot make {name}", "{name} lässt sich nicht anlegen"))?;
    let lock = File::open(root).with_context(|| say!("cannot open {name}", "{name} lässt sich nicht öffnen"))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| say!("another export into {name} is running", "nach {name} läuft schon ein anderer Export"))
        .map_err(Failure::Failed)?;
    let mut manifest = manifest(root, &export.account, format)?;
    let paths: Vec<PathBuf> = chosen.iter().map(|mailbox| place_of(mailbox, format, &mut manifest)).collect();
    manifest.write(root).with_context(|| say!("cannot write into {name}", "in {name} lässt sich nicht schreiben"))?;
    let progress = Progress::new(chosen.iter().map(|mailbox| u64::from(mailbox.messages)).sum());
    let mut run = Run { client, account: export.account.clone(), tally: Tally::default(), progress, flags_lost: 0 };
    for (mailbox, path) in chosen.iter().zip(paths) {
        run.mailbox(mailbox, &root.join(path), format)?;
    }
    run.progress.end();
    told(&export.place, run.tally, chosen.len(), run.flags_lost)
}

/// The mailboxes that are named, or all.
fn chosen(all: Vec<MailboxItem>, names: &[String]) -> Result<Vec<MailboxItem>, Failure> {
    let is = |mailbox: &MailboxItem, name: &String| match name.eq_ignore_ascii_case(mailstore::INBOX) {
        true => mailbox.name == mailstore::INBOX,
        false => mailbox.name == *name,
    };
    if let Some(missing) = names.iter().find(|name| !all.iter().any(|mailbox| is(mailbox, name))) {
        let there: Vec<&str> = all.iter().map(|mailbox| mailbox.name.as_str()).collect();
        let there = there.join(", ");
        return Err(Failure::Nothing(say!(
            "there is no mailbox \"{missing}\"; there are: {there}",
            "es gibt keinen Ordner \"{missing}\"; vorhanden sind: {there}"
        )));
    }
    Ok(all.into_iter().filter(|mailbox| names.is_empty() || names.iter().any(|name| is(mailbox, name))).collect())
}

/// What lies in the folder already has to be of the same kind, of the same account.
fn manifest(root: &Path, account: &str, format: Format) -> Result<Manifest, Failure> {
    match Manifest::read(root).map_err(Failure::Failed)? {
        Some(manifest) if manifest.account == account && manifest.format == format => Ok(manifest),
        Some(Manifest { account: theirs, format: other, .. }) => Err(Failure::Failed(say!(
            "{name} holds an export of {theirs} as {other:?}; choose another folder",
            "in {name} liegt schon ein Export von {theirs} als {other:?}; einen anderen Ordner wählen",
            name = root.display()
        ))),
        None => Ok(Manifest::new(account, format)),
    }
}

fn place_of(mailbox: &MailboxItem, format: Format, manifest: &mut Manifest) -> PathBuf {
    let (path, plain) = path::of(&mailbox.name, format);
    if !plain && let Some(path) = path.to_str() {
        manifest.names.insert(path.to_owned(), mailbox.name.clone());
    }
    path
}

struct Run {
    client: Client,
    account: String,
    tally: Tally,
    progress: Progress,
    flags_lost: usize,
}

impl Run {
    fn mailbox(&mut self, mailbox: &MailboxItem, place: &Path, format: Format) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::Failed(format!("{}: {}", place.display(), told_error(&error)));
        let mut target: Box<dyn Target> = match format {
            Format::Mbox => Box::new(MboxFile::open(place).map_err(failed)?),
            _ => {
                let below = mailbox.name != mailstore::INBOX;
                Box::new(MessageFolder::open(place, format, below).map_err(failed)?)
            }
        };
        let mut new: Vec<(u32, u64)> = Vec::new();
        let (address, mailbox_name) = (self.account.clone(), mailbox.name.clone());
        let ask = Request::MessageList { address, mailbox: mailbox_name, read: false };
        self.client.ask(ask, |member: MemberItem| {
            match target.there().contains(&(mailbox.uid_validity, member.uid)) {
                true => self.tally.known += 1,
                false => new.push((member.uid, member.size_octets)),
            }
            true
        })?;
        let mut rest = new.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(together(rest));
            rest = later;
            self.messages(mailbox, now.iter().map(|(uid, _)| *uid).collect(), &mut *target, place)?;
        }
        self.flags_lost += target.finish().map_err(failed)?;
        Ok(())
    }

    fn messages(
        &mut self,
        mailbox: &MailboxItem,
        uids: Vec<u32>,
        target: &mut dyn Target,
        place: &Path,
    ) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::Failed(format!("{}: {}", place.display(), told_error(&error)));
        let ask = Request::MessageRead { address: self.account.clone(), mailbox: mailbox.name.clone(), uids };
        let (tally_of, progress) = (&mut self.tally, &mut self.progress);
        self.client.ask_with_octets(
            ask,
            |member: &MemberItem| octets_of(member),
            |member, octets| {
                if let Some(cause) = &member.trouble {
                    let place = format!("{}, UID {}", mailbox.name, member.uid);
                    progress
                        .say(&harmless(&say!("not exported: {place}: {cause}", "nicht exportiert: {place}: {cause}")));
                    tally_of.failed += 1;
                    tally_of.failures.push(Failed { place, cause: cause.clone() });
                    return Ok(());
                }
                let added = target.add(mailbox.uid_validity, &member, &octets);
                added.map_err(failed)?;
                tally_of.added += 1;
                tally_of.added_octets += octets.len() as u64;
                let Tally { added, added_octets, known, failed, .. } = *tally_of;
                progress.at(added + known + failed, || tally(added, added_octets, known, failed));
                Ok::<(), Failure>(())
            },
        )?;
        target.settle().map_err(failed)
    }
}

pub fn octets_of(member: &MemberItem) -> u64 {
    if member.trouble.is_some() { 0 } else { member.size_octets }
}

/// How many of these messages, by UID and size, are asked for together.
pub fn together(messages: &[(u32, u64)]) -> usize {
    let mut octets = 0;
    let fits = messages.iter().take(MESSAGES_AT_ONCE).take_while(|(_, size)| {
        octets += size;
        octets <= OCTETS_AT_ONCE
    });
    fits.count().max(1)
}

fn told(place: &Place, tally_of: Tally, mailboxes: usize, flags_lost: usize) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Told {
        #[serde(flatten)]
        tally: Tally,
        mailboxes: usize,
        /// Flags that had no letter: a Maildir folder has 26 for keywords.
        flags_lost: usize,
    }
    let told = Told { tally: tally_of, mailboxes, flags_lost };
    place.tell(&told, |told| {
        let Tally { added, added_octets, known, failed, .. } = told.tally;
        let text = tally(added, added_octets, known, failed);
        let from = count(told.mailboxes, ["mailbox", "mailboxes"], ["Ordner", "Ordnern"]);
        say!("{text}, from {from}\n", "{text}, aus {from}\n")
    })?;
    if told.flags_lost > 0 {
        let flags = count(flags_lost, ["flag", "flags"], ["Markierung", "Markierungen"]);
        let text = say!(
            "{flags} left out: a folder of files has letters for 26 keywords",
            "{flags} weggelassen: ein Ordner mit Dateien hat Buchstaben für 26 Schlagwörter"
        );
        eprintln!("{text}");
    }
    match usize::try_from(told.tally.failed).unwrap_or(usize::MAX) {
        0 => Ok(()),
        failed => {
            let messages = count(failed, ["message was", "messages were"], ["Nachricht wurde", "Nachrichten wurden"]);
            Err(Failure::Failed(say!("{messages} not exported", "{messages} nicht exportiert")))
        }
    }
}
