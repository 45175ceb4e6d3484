//! `postamt import`: mail from files into an account.

use super::failure::Failure;
use super::place::Place;
use super::text::count;
use crate::admin::client::Client;
use crate::admin::protocol::Request;
use crate::admin::transfer::MailboxItem;
use crate::export::manifest::Manifest;
use crate::import::letter::Letter;
use crate::import::maildir::Dates;
use crate::import::names::{self, Foreign, Naming};
use crate::import::progress::Progress;
use crate::import::uplink::{Tally, Uplink, tally};
use crate::import::{Copies, Folder, Reader, Stop, eml, maildir, mbox};
use crate::language::say;
use clap::Args;
use mailstore::SpecialUse;
use model::Address;
use serde::Serialize;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  postamt import --account anna@example.org --maildir ~anna/Maildir
  postamt import --account anna@example.org --mbox Inbox Sent.mbox
  postamt import --account anna@example.org --eml letters/ --into Old

It may be stopped and started again at any time: what is there already is not added a second time.
Exit codes: 0 all is there, 1 something is not and was named, 2 the command is wrong, 3 there is no such account.";

/// What is imported, and where it goes.
#[derive(Args, Debug)]
pub struct Import {
    /// Whose mail it becomes.
    #[arg(long, value_name = "ADDRESS")]
    account: Address,
    #[command(flatten)]
    from: From,
    /// The mailbox that the messages go into; that of folders below is made below it.
    #[arg(long, value_name = "MAILBOX")]
    into: Option<String>,
    /// Folders keep their names: "Spam" stays "Spam", and does not become the mailbox for junk.
    #[arg(long)]
    keep_names: bool,
    /// What a message's date of arrival is taken from [default: file; header for messages in files of their own].
    #[arg(long, value_name = "WHAT")]
    dates: Option<Dates>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct From {
    /// A Maildir with its folders, as of Dovecot, Courier or mbsync.
    #[arg(long, value_name = "DIR")]
    maildir: Option<PathBuf>,
    /// mbox files, or folders of them, as of Thunderbird or Google Takeout.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    mbox: Vec<PathBuf>,
    /// Messages in files of their own, or folders of them.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    eml: Vec<PathBuf>,
}

/// The mailboxes of an account, and the longest message.
pub fn mailboxes(client: &mut Client, account: &impl ToString) -> Result<Vec<MailboxItem>, Failure> {
    let mut mailboxes: Vec<MailboxItem> = Vec::new();
    client.ask(Request::MailboxList { address: account.to_string() }, |item| {
        mailboxes.push(item);
        true
    })?;
    Ok(mailboxes)
}

/// Those for a purpose.
pub fn special(mailboxes: &[MailboxItem]) -> Vec<(String, SpecialUse)> {
    let special = |item: &MailboxItem| {
        let known = SpecialUse::ALL.into_iter().find(|known| item.special_use.as_deref() == Some(known.attribute()));
        Some((item.name.clone(), known?))
    };
    mailboxes.iter().filter_map(special).collect()
}

pub fn run(import: &Import) -> Result<(), Failure> {
    let mut client = import.place.connect()?;
    let mailboxes = mailboxes(&mut client, &import.account)?;
    let octets_max = mailboxes.first().map_or(u64::MAX, |mailbox| mailbox.message_octets_max);
    let mut early = Early::default();
    let folders = import.folders(&mut early).map_err(Failure::Failed)?;
    let total = folders.iter().map(|folder| import.count(folder)).sum();
    let foreign: Vec<Foreign> =
        folders.iter().map(|folder| Foreign { name: folder.name.clone(), special_use: None }).collect();
    let naming = if import.keep_names { Naming::Kept } else { Naming::Mapped };
    let targets = names::plan(&foreign, &special(&mailboxes), naming, import.into.as_deref());
    let uplink = Uplink::begin(client, &import.account.to_string(), Progress::new(total))?;
    early.0.into_iter().for_each(|(place, cause)| uplink.trouble(place, cause));
    let mut sending = Sending { uplink, mailbox: String::new(), copies: Copies::default(), is_empty: true };
    let mut stopped = None;
    for (folder, mailbox) in folders.iter().zip(targets) {
        sending = Sending { mailbox, copies: Copies::default(), is_empty: true, ..sending };
        let read = import.read(folder, octets_max, &mut sending);
        if let Err(Stop(cause)) = read.and_then(|()| sending.end()) {
            stopped = Some(cause);
            break;
        }
    }
    let (tally, ended) = sending.uplink.finish();
    report((&import.place, &import.account.to_string()), tally, ended.or(stopped), folders.len())
}

impl Import {
    fn folders(&self, reader: &mut dyn Reader) -> Result<Vec<Folder>, String> {
        if let Some(root) = &self.from.maildir {
            return Manifest::named(root, maildir::folders(root, reader)?);
        }
        let (paths, mut folders) = match self.from.eml.is_empty() {
            false => (&self.from.eml, eml::folders(&self.from.eml, reader)?),
            true => (&self.from.mbox, mbox::folders(&self.from.mbox, self.account.local.as_str(), reader)?),
        };
        for root in paths.iter().filter(|path| path.is_dir()) {
            folders = Manifest::named(root, folders)?;
        }
        Ok(folders)
    }

    fn count(&self, folder: &Folder) -> u64 {
        match (&self.from.maildir, self.from.eml.is_empty()) {
            (Some(_), _) => maildir::count(folder),
            (None, false) => eml::count(folder),
            (None, true) => 0,
        }
    }

    fn read(&self, folder: &Folder, octets_max: u64, reader: &mut dyn Reader) -> Result<(), Stop> {
        match (&self.from.maildir, self.from.eml.is_empty()) {
            (Some(_), _) => maildir::read(folder, self.dates, octets_max, reader),
            (None, false) => eml::read(folder, self.dates, octets_max, reader),
            (None, true) => mbox::read(folder, self.dates, octets_max, reader),
        }
    }
}

/// What is found wrong before there is a stream.
#[derive(Default)]
struct Early(Vec<(String, String)>);

impl Reader for Early {
    fn letter(&mut self, _: Letter) -> Result<(), Stop> {
        Ok(())
    }

    fn trouble(&mut self, place: String, cause: String) {
        self.0.push((place, cause));
    }
}

/// Gives what is read to the stream.
struct Sending {
    uplink: Uplink,
    mailbox: String,
    copies: Copies,
    /// Neither a message nor trouble came yet.
    is_empty: bool,
}

impl Sending {
    /// A mailbox without messages is made too, but none for what is no mailbox.
    fn end(&mut self) -> Result<(), Stop> {
        if self.is_empty { self.uplink.mailbox(&self.mailbox).map_err(Stop) } else { Ok(()) }
    }
}

impl Reader for Sending {
    fn letter(&mut self, letter: Letter) -> Result<(), Stop> {
        self.is_empty = false;
        let source = self.copies.source(&self.mailbox, &letter.octets);
        self.uplink.send(&self.mailbox, source, letter).map(|_| ()).map_err(Stop)
    }

    fn trouble(&mut self, place: String, cause: String) {
        self.is_empty = false;
        self.uplink.trouble(place, cause);
    }
}

/// Tells what became of the messages for an account.
///
/// # Errors
/// When some are not there now.
pub fn report(
    (place, account): (&Place, &str),
    tally_of: Tally,
    stopped: Option<String>,
    folders: usize,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Told<'a> {
        account: &'a str,
        #[serde(flatten)]
        tally: Tally,
        folders: usize,
        stopped: Option<String>,
    }
    let told = Told { account, tally: tally_of, folders, stopped };
    place.tell(&told, |told| {
        let Tally { added, added_octets, known, failed, .. } = told.tally;
        let tally = tally(added, added_octets, known, failed);
        let from = count(told.folders, ["folder", "folders"], ["Ordner", "Ordnern"]);
        say!("{tally}, from {from}\n", "{tally}, aus {from}\n")
    })?;
    let failed = usize::try_from(told.tally.failed).unwrap_or(usize::MAX);
    match told.stopped {
        Some(cause) => Err(Failure::Failed(say!(
            "stopped: {cause}; start it again to go on where it ended",
            "abgebrochen: {cause}; ein neuer Start macht dort weiter"
        ))),
        None if failed > 0 => {
            let messages = count(failed, ["message was", "messages were"], ["Nachricht wurde", "Nachrichten wurden"]);
            Err(Failure::Failed(say!("{messages} not imported", "{messages} nicht importiert")))
        }
        None => Ok(()),
    }
}
