//! `postamt store repair`

use super::{check, salvage};
use crate::admin::client::{Client, ClientError};
use crate::backups::source::Stopped;
use crate::cli::failure::Failure;
use crate::cli::place::{self, Place};
use crate::cli::text::{count, harmless};
use crate::language::{Text, both, caller, of_error, say};
use clap::Args;
use mailstore::{Deed, Gap};
use model::{AccountId, EmailId};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use store::{BlobId, RowPlace};
use store_local::Salvaged;
use upkeep::{Aside, Repaired, Witness};

pub const EXAMPLES: &str = "Examples:
  postamt store repair --dry-run
  postamt store repair --config /etc/postamt/postamt.toml

The server has to be stopped, and a copy of the data folder is worth its room. No mail is deleted: what is taken out lies in store/aside afterwards, messages as .eml files. Where the store does not open, a new one is made of all that is whole; the old files lie in store/aside then. At the end everything is checked again.

Exit codes: 0 the store is sound, 1 damage is left, 2 it could not be repaired.";

#[derive(Args, Debug)]
pub struct Repair {
    /// Tells what would be done, and changes no row; opening ends what a crash left, as a start does.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Told {
    dry_run: bool,
    done: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aside: Option<PathBuf>,
    /// Of which a new store was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_files: Option<PathBuf>,
}

pub fn run(repair: &Repair) -> Result<(), Failure> {
    let data = repair.place.data().map_err(|mistakes| Failure::Wrong(mistakes.within(caller()).to_string()))?;
    match Client::connect(&data) {
        Err(ClientError::NoServer(_)) => {}
        Err(error) => return Err(Failure::Wrong(Failure::from(error).text())),
        Ok(_) => {
            let data = data.display();
            return Err(Failure::Wrong(say!(
                "a server is running on {data}; stop it first",
                "auf {data} läuft ein Server; halte ihn zuerst an"
            )));
        }
    }
    Stopped::is_there(&data).map_err(|error| Failure::Wrong(of_error(&error).within(caller()).to_owned()))?;
    let mut keeper = Keeper::new(&data, repair.dry_run, repair.place.json);
    let salvaged = repaired(&data, repair.dry_run, &mut keeper).map_err(unrepaired)?;
    let aside = keeper.end().map_err(unrepaired)?;
    if !repair.dry_run {
        store_local::Aside::all_seen(&data.join("store")).map_err(unrepaired)?;
    }
    let told =
        Told { dry_run: repair.dry_run, done: keeper.done, aside, old_files: salvaged.and_then(|done| done.aside) };
    repair.place.tell(&told, text)?;
    if repair.dry_run { Ok(()) } else { check::of(&data, &repair.place) }
}

/// Repairs it; what became of its files, if a new store had to be made. What is to be done in that cannot be told before.
fn repaired(data: &Path, dry: bool, keeper: &mut Keeper) -> anyhow::Result<Option<Salvaged>> {
    let store = data.join("store");
    if let Some(mended) = salvage::format(&store, dry)? {
        keeper.say(&mended);
        if dry {
            return Ok(None);
        }
    }
    let needed = match salvage::needed(&store)? {
        Some(why) => why,
        // Opening would set them aside.
        None if dry && told_of_journals(&store, keeper)? => return Ok(None),
        None => match mended(data, dry, keeper) {
            Ok(()) => return Ok(None),
            Err(error) => salvage::needed_after(&error).ok_or(error)?,
        },
    };
    let salvaged = salvage::run(&store, &needed, dry, &mut |text| keeper.say(text))?;
    if !dry {
        mended(data, dry, keeper)?;
    }
    Ok(Some(salvaged))
}

/// Whether there are journals with damage, each of which is told.
fn told_of_journals(store: &Path, keeper: &mut Keeper) -> anyhow::Result<bool> {
    let damaged = store_local::damaged_journals(store)?;
    for file in &damaged {
        let file = file.display();
        keeper.say(&both!(
            "{file}: changes in it are damaged, and lost; numbers that may have been given out are passed over",
            "{file}: Änderungen darin sind beschädigt und verloren; Nummern, die vergeben sein können, werden übersprungen"
        ));
    }
    Ok(!damaged.is_empty())
}

/// Makes rows true that can all be read.
fn mended(data: &Path, dry: bool, keeper: &mut Keeper) -> anyhow::Result<()> {
    let store = data.join("store");
    // Before it is opened, which cuts journals to what is whole of them.
    let lost = told_of_journals(&store, keeper)? || store_local::loss(&store)?;
    let gap = if lost { Gap::Possible } else { Gap::None };
    let stopped = Stopped::open_to_repair(data)?;
    Ok(upkeep::repair(stopped.parts(), (crate::cli::now(), gap), dry, keeper)?)
}

fn unrepaired(error: impl Into<anyhow::Error>) -> Failure {
    let why = of_error(&error.into()).within(caller()).to_owned();
    Failure::Wrong(say!(
        "{why}; where rows cannot be read at all, a backup brings them back: postamt backup restore DIR --to NEW_FOLDER",
        "{why}; wo Einträge gar nicht lesbar sind, bringt ein Backup sie zurück: postamt backup restore ORDNER --to NEUER_ORDNER"
    ))
}

fn text(told: &Told) -> String {
    let n = told.done.len();
    let steps = count(n, ["step", "steps"], ["Schritt", "Schritte"]);
    let mut text = match (n, told.dry_run) {
        (0, _) => say!("there is nothing to repair\n", "es gibt nichts zu reparieren\n"),
        (_, true) => {
            say!("{steps} would be taken; nothing was changed\n", "{steps} wären nötig; nichts wurde geändert\n")
        }
        (_, false) => say!("repaired in {steps}\n", "repariert: {steps}\n"),
    };
    if let Some(old) = &told.old_files {
        let old = old.display();
        text += &say!("the old files are in {old}\n", "die alten Dateien liegen in {old}\n");
    }
    if let Some(aside) = &told.aside {
        let aside = aside.display();
        text += &say!("what was taken out is in {aside}\n", "was herausgenommen wurde, liegt in {aside}\n");
    }
    text
}

/// Writes down what is taken out, and says what is done.
struct Keeper {
    folder: PathBuf,
    store: PathBuf,
    blobs: PathBuf,
    dry: bool,
    quiet: bool,
    kept: u64,
    /// Accounts whose numbers go on behind a gap.
    raised: usize,
    done: Vec<String>,
}

impl Keeper {
    fn new(data: &Path, dry: bool, quiet: bool) -> Keeper {
        let ms = crate::cli::now().unix_ms();
        let folder = data.join(format!("store/aside/repair-{ms}"));
        let (store, blobs) = (data.join("store"), data.join("blobs"));
        Keeper { folder, store, blobs, dry, quiet, kept: 0, raised: 0, done: Vec::new() }
    }

    fn say(&mut self, text: &Text) {
        let text = harmless(text.within(caller()));
        if !self.quiet && place::say(&format!("{text}\n")).is_err() {
            self.quiet = true;
        }
        self.done.push(text);
    }

    /// The folder, if there is anything in it.
    fn end(&mut self) -> io::Result<Option<PathBuf>> {
        if self.raised > 0 {
            self.say(&of_gap(self.raised));
        }
        if self.dry || self.kept == 0 {
            return Ok(None);
        }
        File::open(&self.folder)?.sync_all()?;
        Ok(Some(self.folder.clone()))
    }

    /// As it is, if it is there.
    fn keep_blob(&mut self, name: &str, prefix: &[u8], blob: BlobId) -> io::Result<()> {
        let mut damaged = match File::open(store_local::blob_file(&self.blobs, blob)) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(()),
            damaged => damaged?,
        };
        let mut file = self.file(name)?;
        file.write_all(prefix)?;
        io::copy(&mut damaged, &mut file)?;
        file.sync_all()
    }

    fn file(&mut self, name: &str) -> io::Result<File> {
        fs::create_dir_all(&self.folder)?;
        self.kept += 1;
        File::create(self.folder.join(format!("{:05}-{name}", self.kept)))
    }
}

impl Witness for Keeper {
    fn keep(&mut self, aside: Aside<'_>) -> io::Result<()> {
        let mut file;
        match aside {
            Aside::Message(account, email, octets) => {
                file = self.file(&message_name(account, email))?;
                file.write_all(octets)?;
            }
            Aside::Blob(account, email, prefix, blob) => {
                return self.keep_blob(&message_name(account, email), prefix, blob);
            }
            Aside::Queued(message, prefix, blob) => {
                return self.keep_blob(&format!("queued-{message}.eml"), prefix, blob);
            }
            Aside::Small(message, prefix, octets) => {
                file = self.file(&format!("queued-{message}.eml"))?;
                file.write_all(prefix)?;
                file.write_all(octets)?;
            }
            Aside::Row(RowPlace { space, cell, key }, row) => {
                file = self.file("row.txt")?;
                let (cell, key) = (cell.as_bytes().escape_ascii(), key.escape_ascii());
                write!(file, "{space:?} {cell}\n{key}\n{}\n", row.escape_ascii())?;
            }
        }
        file.sync_all()
    }

    fn doubt(&mut self) -> io::Result<()> {
        let story = "a repair found rows that do not fit together, and has not ended: until it has, numbers could be given out twice. \
                     Stop the server and run `postamt store repair`";
        store_local::doubt(&self.store, story)
    }

    fn tell(&mut self, repaired: Repaired) {
        match &repaired {
            Repaired::Account { deed: Deed::Raised, .. } => self.raised += 1,
            _ => self.say(&sentence(&repaired)),
        }
    }
}

fn message_name(account: AccountId, email: EmailId) -> String {
    format!("account-{account}-message-{email}.eml")
}

fn of_gap(accounts: usize) -> Text {
    both!(
        "newer rows may be lost: numbers of messages and changes go on far behind the last known ones, and mail programs look at \
         everything anew (accounts: {accounts})",
        "neuere Datensätze können verloren sein: Nummern von Nachrichten und Änderungen gehen weit hinter den bekannten weiter, und \
         Mailprogramme sehen alles neu durch (Konten: {accounts})"
    )
}

fn sentence(repaired: &Repaired) -> Text {
    match repaired {
        Repaired::Account { account, address, deed } => {
            let who = address.as_ref().map_or_else(|| both!("account {account}", "Konto {account}"), Text::same);
            of_deed(who, deed)
        }
        Repaired::Queued { message, why, recipients } => {
            let to = recipients.join(", ");
            both!(
                "queue: message {message} to {to} cannot be delivered and was taken out: {why}",
                "Warteschlange: Nachricht {message} an {to} ist nicht zustellbar und wurde herausgenommen: {why}"
            )
        }
        Repaired::Other(kind, row, what) => {
            let (kind, german) = (kind.name(), german_of(what));
            both!("{kind}: {row}: {what}", "{kind}: {row}: {german}")
        }
    }
}

/// What is done to rows; anything else is in the words of the program.
fn german_of(what: &str) -> &str {
    match what {
        "made anew from the account" => "neu angelegt nach dem Konto",
        "made anew from the accounts" => "neu angelegt nach den Konten",
        "numbers of accounts are passed over" => "Nummern von Konten werden übersprungen",
        "taken out; set it anew" => "herausgenommen; neu setzen",
        "nothing needs it" => "wird nicht gebraucht",
        "of a message that is lost; kept aside" => "von einer verlorenen Nachricht; beiseitegelegt",
        "nobody knows such a row" => "niemand kennt so einen Datensatz",
        what => what,
    }
}

fn of_deed(who: Text, deed: &Deed) -> Text {
    match deed {
        Deed::Dropped { row, why } => {
            both!("{who}: {row}: taken out: {why}", "{who}: {row}: herausgenommen: {why}", who = who)
        }
        Deed::Rebuilt { row } => both!("{who}: {row}: made anew", "{who}: {row}: neu angelegt", who = who),
        Deed::Lost { email, places, why } => {
            let places: Vec<String> = places.iter().map(|(mailbox, uid)| format!("{mailbox}/{uid}")).collect();
            let places = places.join(", ");
            both!(
                "{who}: message {email} (mailbox/UID {places}): its content is lost, what is left was taken out: {why}",
                "{who}: Nachricht {email} (Mailordner/UID {places}): Inhalt verloren, der Rest wurde herausgenommen: {why}",
                who = who
            )
        }
        Deed::Raised => of_gap(1),
        Deed::Recovered { email } => {
            let mailbox = mailstore::RECOVERED;
            both!(
                "{who}: message {email}: no mailbox had it; it is in {mailbox} now",
                "{who}: Nachricht {email}: lag in keinem Mailordner mehr; jetzt in {mailbox}",
                who = who
            )
        }
    }
}
