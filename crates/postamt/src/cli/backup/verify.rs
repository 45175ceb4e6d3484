//! `postamt backup verify`

use super::{Which, shown};
use crate::admin::when::When;
use crate::backups::scratch::{Scratch, fill};
use crate::cli::failure::Failure;
use crate::cli::place;
use crate::cli::text::{accounts, messages, size};
use crate::import::progress::{Progress, Unit};
use crate::language::{say, told};
use backup::verify::{Damage, Held, Survey, Wrong, concerned, judge, lists, objects, survey};
use backup::{AccountEntry, Backup, Folder, Gaps};
use clap::Args;
use model::{AccountId, EmailId, Uid};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  postamt backup verify /backup
  postamt backup verify /backup 20261122-093012
  postamt backup verify /backup --all --in-place
  postamt backup verify /backup --all --mend
  postamt backup verify /backup --scratch /var/tmp --json

It needs the room of a whole data folder for the test restore; with --in-place it needs none, and checks the same rows where they lie.

Exit codes: 0 good, 1 damaged, 2 the command is wrong, 3 there is no such backup.";

#[derive(Args, Debug)]
pub struct Verify {
    #[command(flatten)]
    which: Which,
    /// Which of its backups [default: the newest]; the beginning of its name is enough.
    #[arg(value_name = "BACKUP", default_value = "", hide_default_value = true)]
    backup: String,
    /// All of them.
    #[arg(long, conflicts_with = "backup")]
    all: bool,
    /// Where the test restore goes [default: the system's folder for temporary files].
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Writes files anew of which the disk lost a part that is had again by their parity.
    #[arg(long)]
    mend: bool,
    /// Without a test restore.
    #[arg(long, conflicts_with = "scratch")]
    in_place: bool,
    /// One JSON object for each backup instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Told {
    backup: String,
    taken: When,
    good: bool,
    /// Whether all of it can be restored.
    whole: bool,
    objects: usize,
    rows: u64,
    accounts: usize,
    messages: u64,
    /// Whether all of it was restored for a test.
    restored: bool,
    damage: Vec<DamageItem>,
    /// Files that were written anew.
    mended: Vec<PathBuf>,
    wrong: Vec<String>,
    missing_blobs: Vec<String>,
    /// Of the accounts that something is wrong with, what can still be restored.
    readable: Vec<ReadableItem>,
}

#[derive(Serialize)]
struct DamageItem {
    file: PathBuf,
    why: String,
    held: String,
}

#[derive(Serialize)]
struct ReadableItem {
    account: String,
    /// Messages, each once; as the backup says, and that are whole.
    messages: u64,
    whole: u64,
    mailboxes: Vec<MailboxItem>,
}

#[derive(Serialize)]
struct MailboxItem {
    name: String,
    whole: u64,
    damaged: u64,
    /// UIDs of the whole ones, as IMAP writes a set of them.
    whole_uids: String,
    damaged_messages: Vec<MessageItem>,
}

#[derive(Serialize)]
struct MessageItem {
    uid: u32,
    email_id: String,
}

pub fn run(verify: &Verify) -> Result<(), Failure> {
    let (mut bad, mut lost) = (Vec::new(), false);
    let (mut unlisted, mut sealed) = (Vec::new(), Vec::new());
    for wanted in verify.wanted()? {
        let verdict = match verify.one(&wanted) {
            Ok(verdict) => verdict,
            Err(failure @ (Failure::Failed(_) | Failure::Wrong(_))) if verify.all => {
                if matches!(failure, Failure::Wrong(_)) { &mut sealed } else { &mut unlisted }.push(wanted);
                eprintln!("{}", failure.text());
                continue;
            }
            Err(failure) => return Err(failure),
        };
        if verify.json {
            place::json(&verdict)?;
        } else {
            place::say(&text(&verdict))?;
        }
        if !verdict.good {
            lost |= !verdict.whole;
            bad.push(verdict.backup);
        }
    }
    let dir = shown(&verify.which.folder);
    let mut told = Vec::new();
    if !bad.is_empty() {
        told.push(advice(&bad.join(" "), &dir, lost));
    }
    if !unlisted.is_empty() {
        let unlisted = unlisted.join(" ");
        told.push(say!(
            "{unlisted}: what is in it cannot be read; to give it up: postamt backup forget {dir} {unlisted}",
            "{unlisted}: was darin ist, ist nicht lesbar; aufgegeben wird es mit: postamt backup forget {dir} {unlisted}"
        ));
    }
    if !sealed.is_empty() {
        let sealed = sealed.join(" ");
        told.push(say!(
            "{sealed}: not looked at; name the files of all keys, each with --identity FILE",
            "{sealed}: nicht angesehen; nenne die Dateien aller Schlüssel, jede mit --identity DATEI"
        ));
    }
    match told.is_empty() {
        true => Ok(()),
        false if bad.is_empty() && unlisted.is_empty() => Err(Failure::Wrong(told.join("\n"))),
        false => Err(Failure::Failed(told.join("\n"))),
    }
}

fn advice(bad: &str, dir: &str, lost: bool) -> String {
    match lost {
        true => say!(
            "{bad}: not good; take a new backup at once: postamt backup create {dir} --recheck. It writes anew what the server's store \
             still has in the same form, which may mend older ones as well; what verify calls not good after that stays so",
            "{bad}: nicht gut; mach sofort ein neues Backup: postamt backup create {dir} --recheck. Es schreibt neu, was der Speicher des \
             Servers noch in derselben Form hat, und kann so auch ältere heilen; was verify danach nicht gut nennt, bleibt so"
        ),
        false => say!(
            "{bad}: all is there, and the disk is losing it; the files are written anew by: postamt backup verify {dir} --all --mend",
            "{bad}: alles ist da, aber die Platte verliert es; die Dateien schreibt neu: postamt backup verify {dir} --all --mend"
        ),
    }
}

impl Verify {
    fn wanted(&self) -> Result<Vec<String>, Failure> {
        let folder = Folder::open(&self.which.folder)?;
        if let Some(damage) = folder.mark_damage() {
            eprintln!("{}", told(&damage));
        }
        if !self.all {
            return Ok(vec![self.backup.clone()]);
        }
        Ok(folder.ids()?)
    }

    fn one(&self, wanted: &str) -> Result<Told, Failure> {
        let backup = self.which.open(wanted, Gaps::Skipped)?;
        let (manifest, content) = (backup.manifest().clone(), backup.content().clone());
        let mut progress = Progress::of(manifest.objects.len() as u64, Unit::Objects);
        let damage = objects(&backup, &mut |read, _| progress.at(read, || say!("read", "gelesen")));
        progress.end();
        let damage = [damage?, lists(&backup)?].concat();
        let restorable = damage.iter().all(|damage| damage.held == Held::Mended);
        let (restored, wrong) = match (restorable, self.in_place) {
            (false, _) => (false, Vec::new()),
            (true, true) => (false, judge(&content.accounts, &backup, &backup)?),
            (true, false) => (true, self.restored(&backup)?),
        };
        let mut readable: Vec<ReadableItem> = Vec::new();
        for account in concerned(&content.accounts, &damage) {
            readable.push(item(&content.accounts, account, survey(&backup, account)?));
        }
        drop(backup); // nobody can write while it is read
        let mended = self.mended(&damage)?;
        let whole = restorable && wrong.is_empty() && content.missing.is_empty();
        let good = whole && damage.len() == mended.len();
        let damage = damage.into_iter().map(|damage| described(damage, &content.accounts)).collect();
        Ok(Told {
            backup: manifest.id.clone(),
            taken: When(manifest.taken),
            good,
            whole,
            objects: manifest.objects.len(),
            rows: content.chunks.iter().map(|chunk| chunk.rows).sum(),
            accounts: content.accounts.len(),
            messages: content.accounts.iter().map(|account| account.messages).sum(),
            restored,
            damage,
            mended,
            wrong: wrong.iter().flat_map(|wrong| sentences(wrong, &content.accounts)).collect(),
            missing_blobs: content.missing.iter().map(ToString::to_string).collect(),
            readable,
        })
    }

    /// Writes what can be mended anew, if that is wanted.
    fn mended(&self, damage: &[Damage]) -> Result<Vec<PathBuf>, Failure> {
        let files: Vec<PathBuf> =
            damage.iter().filter(|damage| damage.held == Held::Mended).map(|damage| damage.path.clone()).collect();
        if !self.mend || files.is_empty() {
            return Ok(Vec::new());
        }
        let mut folder = Folder::open_to_change(&self.which.folder)?;
        for file in &files {
            folder.mend(file)?;
        }
        Ok(files)
    }

    fn restored(&self, backup: &Backup) -> Result<Vec<Wrong>, Failure> {
        let parent = self.scratch.clone().unwrap_or_else(std::env::temp_dir);
        room(backup, &parent)?;
        let scratch = Scratch::new(&parent)?;
        let rows = backup.content().chunks.iter().map(|chunk| chunk.rows).sum();
        let mut progress = Progress::of(rows, Unit::Rows);
        let filled = fill(backup, &scratch.path().join("data"), None, &mut |done| {
            progress.at(done.rows, || say!("restored", "wiederhergestellt"))
        });
        progress.end();
        let filled = filled?;
        Ok(judge(&backup.content().accounts, &*filled.store, &*filled.blobs)?)
    }
}

/// Rows lie in a journal first and in sorted files later.
const WRITTEN_TIMES: u64 = 2;
/// What the store wants to have free beside.
const RESERVE_OCTETS: u64 = 256 << 20;

/// Whether a test restore has room; blobs are counted as they are packed.
fn room(backup: &Backup, parent: &Path) -> Result<(), Failure> {
    let rows: u64 = backup.content().chunks.iter().map(|chunk| chunk.octets).sum();
    let blobs = backup.manifest().blob_names(backup.content());
    let blobs: u64 =
        blobs.iter().filter_map(|name| backup.folder().object(*name).metadata().ok()).map(|file| file.len()).sum();
    let needed = rows * WRITTEN_TIMES + blobs + RESERVE_OCTETS;
    let disk = rustix::fs::statvfs(parent)
        .map_err(|error| Failure::Wrong(format!("{}: {}", parent.display(), told(&std::io::Error::from(error)))))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= needed {
        return Ok(());
    }
    let (needed, free, parent) = (size(needed), size(free), parent.display());
    Err(Failure::Failed(say!(
        "the test restore needs {needed}, and {parent} has {free} free; name another folder with --scratch, or give --in-place",
        "die Probe braucht {needed}, und in {parent} sind {free} frei; nenne mit --scratch einen anderen Ordner oder nimm --in-place"
    )))
}

fn address(accounts: &[AccountEntry], id: AccountId) -> String {
    let entry = accounts.iter().find(|entry| entry.id == id);
    entry
        .and_then(|entry| entry.address.clone())
        .unwrap_or_else(|| say!("account {id}, which has no address", "Konto {id} ohne Adresse"))
}

fn described(damage: Damage, accounts: &[AccountEntry]) -> DamageItem {
    let held = match &damage.held {
        Held::Mended => say!("what can be restored all the same", "was sich trotzdem wiederherstellen lässt"),
        Held::Blob(id) => say!("the body {id}", "den Inhalt {id}"),
        Held::Rows { rows, .. } => {
            let whose: Vec<String> = accounts
                .iter()
                .filter(|entry| damage.held.concerns(entry.id))
                .map(|entry| address(accounts, entry.id))
                .collect();
            let other = || say!("people, queue or trace", "Personen, Warteschlange oder Verlauf");
            let whose = if whose.is_empty() { other() } else { whose.join(", ") };
            say!("{rows} rows of {whose}", "{rows} Datensätze von {whose}")
        }
    };
    DamageItem { file: damage.path, why: damage.why, held }
}

fn sentences(wrong: &Wrong, accounts: &[AccountEntry]) -> Vec<String> {
    let whose =
        wrong.account.map_or_else(|| say!("links of bodies", "Verweise auf Inhalte"), |id| address(accounts, id));
    let violations = wrong.violations.iter().map(ToString::to_string);
    violations.chain(wrong.unjudged.clone()).map(|wrong| format!("{whose}: {wrong}")).collect()
}

fn item(accounts: &[AccountEntry], id: AccountId, survey: Survey) -> ReadableItem {
    let messages = accounts.iter().find(|entry| entry.id == id).map_or(0, |entry| entry.messages);
    let mailbox = |(name, messages): (String, BTreeMap<Uid, (EmailId, bool)>)| {
        let whole: Vec<u32> = messages.iter().filter(|(_, (_, whole))| *whole).map(|(uid, _)| uid.0).collect();
        let damaged = messages.iter().filter(|(_, (_, whole))| !whole);
        let damaged_messages: Vec<MessageItem> =
            damaged.map(|(uid, (email, _))| MessageItem { uid: uid.0, email_id: format!("M{}", email.0) }).collect();
        let (whole_uids, damaged) = (set(&whole), damaged_messages.len() as u64);
        MailboxItem { name, whole: whole.len() as u64, damaged, whole_uids, damaged_messages }
    };
    let mailboxes = survey.mailboxes.into_iter().map(mailbox).collect();
    ReadableItem { account: address(accounts, id), messages, whole: survey.whole, mailboxes }
}

fn of_mailbox(mailbox: &MailboxItem) -> String {
    let MailboxItem { name, whole, damaged, whole_uids, damaged_messages } = mailbox;
    let mut text = say!("    {name}: {whole} whole", "    {name}: {whole} ganz");
    if *whole > 0 {
        text += &format!(" (UID {whole_uids})");
    }
    text += &say!(", {damaged} damaged", ", {damaged} beschädigt");
    let mut named: Vec<String> =
        damaged_messages.iter().take(TOLD_MAX).map(|it| format!("UID {} {}", it.uid, it.email_id)).collect();
    if damaged_messages.len() > TOLD_MAX {
        named.push("…".into());
    }
    if !named.is_empty() {
        text += &format!(" ({})", named.join(", "));
    }
    text + "\n"
}

/// Numbers in their order as IMAP writes a set of them (RFC 9051 §9).
fn set(numbers: &[u32]) -> String {
    let ranges = numbers.chunk_by(|one, next| one + 1 == *next);
    let ranges: Vec<String> = ranges
        .filter_map(|range| match range {
            [] => None,
            [one] => Some(one.to_string()),
            [first, .., last] => Some(format!("{first}:{last}")),
        })
        .collect();
    ranges.join(",")
}

/// Violations and damaged messages of a mailbox that are told in text; `--json` tells all.
const TOLD_MAX: usize = 20;

fn text(told: &Told) -> String {
    let Told { backup, objects, rows, .. } = told;
    let taken = told.taken.short();
    let verdict = if told.good { say!("good", "gut") } else { say!("NOT GOOD", "NICHT GUT") };
    let messages = messages(usize::try_from(told.messages).unwrap_or(usize::MAX));
    let accounts = accounts(told.accounts);
    let mut out = say!(
        "backup {backup} of {taken}: {verdict}; {objects} objects, {rows} rows, {messages} of {accounts}",
        "Backup {backup} vom {taken}: {verdict}; {objects} Objekte, {rows} Datensätze, {messages} von {accounts}"
    );
    if told.restored {
        out += &say!(", restored for a test", ", zur Probe wiederhergestellt");
    }
    out.push('\n');
    for DamageItem { why, held, .. } in &told.damage {
        out += &say!("  damaged: {why}; it held {held}\n", "  beschädigt: {why}; darin war {held}\n");
    }
    for file in &told.mended {
        let file = file.display();
        out += &say!("  written anew: {file}\n", "  neu geschrieben: {file}\n");
    }
    for wrong in told.wrong.iter().take(TOLD_MAX) {
        out += &say!("  wrong: {wrong}\n", "  falsch: {wrong}\n");
    }
    if let Some(more) = told.wrong.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        out += &say!("  and {more} more\n", "  und {more} weitere\n");
    }
    for missing in &told.missing_blobs {
        out += &say!(
            "  missing since it was taken: the body {missing}\n",
            "  fehlt seit der Sicherung: der Inhalt {missing}\n"
        );
    }
    for ReadableItem { account, messages, whole, mailboxes } in &told.readable {
        out += &say!(
            "  {account}: {whole} of {messages} messages are whole\n",
            "  {account}: {whole} von {messages} Nachrichten sind ganz\n"
        );
        mailboxes.iter().for_each(|mailbox| out += &of_mailbox(mailbox));
    }
    out
}
