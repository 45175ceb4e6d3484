//! `postamt backup verify`

use super::{Which, shown};
use crate::admin::when::When;
use crate::backups::scratch::{Scratch, fill};
use crate::cli::failure::Failure;
use crate::cli::place;
use crate::cli::text::{count, size};
use crate::import::progress::Progress;
use backup::verify::{Damage, Held, Survey, Wrong, concerned, judge, objects, survey};
use backup::{AccountEntry, Backup, Folder, Gaps};
use clap::Args;
use model::AccountId;
use serde::Serialize;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  postamt backup verify /backup                      the newest
  postamt backup verify /backup 20261122-093012
  postamt backup verify /backup --all --in-place     all of them, without a test restore
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
    objects: usize,
    rows: u64,
    accounts: usize,
    messages: u64,
    /// Whether all of it was restored for a test.
    restored: bool,
    damage: Vec<DamageItem>,
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
}

pub fn run(verify: &Verify) -> Result<(), Failure> {
    let mut bad = Vec::new();
    for wanted in verify.wanted()? {
        let told = match verify.one(&wanted) {
            Ok(told) => told,
            Err(Failure::Failed(text)) if verify.all => {
                eprintln!("{text}");
                bad.push(wanted);
                continue;
            }
            Err(failure) => return Err(failure),
        };
        if verify.json {
            place::json(&told)?;
        } else {
            place::say(&text(&told))?;
        }
        if !told.good {
            bad.push(told.backup);
        }
    }
    if bad.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "{}: not good; what is still in the server's store is written anew by: postamt backup create {} --recheck",
        bad.join(" "),
        shown(&verify.which.folder)
    )))
}

impl Verify {
    fn wanted(&self) -> Result<Vec<String>, Failure> {
        let folder = Folder::open(&self.which.folder)?;
        if let Some(damage) = folder.mark_damage() {
            eprintln!("{damage}");
        }
        if !self.all {
            return Ok(vec![self.backup.clone()]);
        }
        Ok(folder.ids()?)
    }

    fn one(&self, wanted: &str) -> Result<Told, Failure> {
        let backup = self.which.open(wanted, Gaps::Skipped)?;
        let (manifest, content) = (backup.manifest(), backup.content());
        let mut progress = Progress::of(manifest.objects.len() as u64, "objects");
        let damage = objects(&backup, &mut |read, _| progress.at(read, || "read".into()));
        progress.end();
        let mut damage = damage?;
        let copy = backup.folder().listed(&manifest.id).copy_damaged;
        let restorable = damage.is_empty();
        let (restored, wrong) = match (restorable, self.in_place) {
            (false, _) => (false, Vec::new()),
            (true, true) => (false, judge(&content.accounts, &backup, &backup)?),
            (true, false) => (true, self.restored(&backup)?),
        };
        let mut readable: Vec<ReadableItem> = Vec::new();
        for account in concerned(&content.accounts, &damage) {
            readable.push(item(&content.accounts, account, survey(&backup, account)?));
        }
        let good = restorable && copy.is_none() && wrong.is_empty() && content.missing.is_empty();
        let mut damage: Vec<DamageItem> = damage.drain(..).map(|damage| described(damage, &content.accounts)).collect();
        damage.extend(copy.map(|error| DamageItem {
            file: manifest.id.clone().into(),
            why: error.to_string(),
            held: "one of two copies of the backup's list; the other one is good".into(),
        }));
        Ok(Told {
            backup: manifest.id.clone(),
            taken: When(manifest.taken),
            good,
            objects: manifest.objects.len(),
            rows: content.chunks.iter().map(|chunk| chunk.rows).sum(),
            accounts: content.accounts.len(),
            messages: content.accounts.iter().map(|account| account.messages).sum(),
            restored,
            damage,
            wrong: wrong.iter().flat_map(|wrong| sentences(wrong, &content.accounts)).collect(),
            missing_blobs: content.missing.iter().map(ToString::to_string).collect(),
            readable,
        })
    }

    fn restored(&self, backup: &Backup) -> Result<Vec<Wrong>, Failure> {
        let parent = self.scratch.clone().unwrap_or_else(std::env::temp_dir);
        room(backup, &parent)?;
        let scratch = Scratch::new(&parent)?;
        let rows = backup.content().chunks.iter().map(|chunk| chunk.rows).sum();
        let mut progress = Progress::of(rows, "rows");
        let filled =
            fill(backup, &scratch.path().join("data"), &mut |done| progress.at(done.rows, || "restored".into()));
        progress.end();
        let filled = filled?;
        Ok(judge(&backup.content().accounts, &filled.store, &filled.blobs)?)
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
    let disk = rustix::fs::statvfs(parent).map_err(|error| Failure::Wrong(format!("{}: {error}", parent.display())))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= needed {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "the test restore needs {}, and {} has {} free; name another folder with --scratch, or give --in-place",
        size(needed),
        parent.display(),
        size(free)
    )))
}

fn address(accounts: &[AccountEntry], id: AccountId) -> String {
    let entry = accounts.iter().find(|entry| entry.id == id);
    entry.and_then(|entry| entry.address.clone()).unwrap_or_else(|| format!("account {id}, which has no address"))
}

fn described(damage: Damage, accounts: &[AccountEntry]) -> DamageItem {
    let held = match &damage.held {
        Held::Blob(id) => format!("the body {id}"),
        Held::Rows { rows, .. } => {
            let whose: Vec<String> = accounts
                .iter()
                .filter(|entry| damage.held.concerns(entry.id))
                .map(|entry| address(accounts, entry.id))
                .collect();
            let whose = if whose.is_empty() { "people, queue or trace".into() } else { whose.join(", ") };
            format!("{} of {whose}", count(usize::try_from(*rows).unwrap_or(usize::MAX), "row", "rows"))
        }
    };
    DamageItem { file: damage.path, why: damage.why, held }
}

fn sentences(wrong: &Wrong, accounts: &[AccountEntry]) -> Vec<String> {
    let whose = wrong.account.map_or_else(|| "links of bodies".to_owned(), |id| address(accounts, id));
    let violations = wrong.violations.iter().map(ToString::to_string);
    violations.chain(wrong.unjudged.clone()).map(|wrong| format!("{whose}: {wrong}")).collect()
}

fn item(accounts: &[AccountEntry], id: AccountId, survey: Survey) -> ReadableItem {
    let messages = accounts.iter().find(|entry| entry.id == id).map_or(0, |entry| entry.messages);
    let mailbox = |(name, (whole, damaged))| MailboxItem { name, whole, damaged };
    let mailboxes = survey.mailboxes.into_iter().map(mailbox).collect();
    ReadableItem { account: address(accounts, id), messages, whole: survey.whole, mailboxes }
}

/// Violations that are told in text; `--json` tells all.
const TOLD_MAX: usize = 20;

fn text(told: &Told) -> String {
    let mut out = format!(
        "backup {} of {}: {}; {} objects, {} rows, {} of {}{}\n",
        told.backup,
        told.taken.short(),
        if told.good { "good" } else { "NOT GOOD" },
        told.objects,
        told.rows,
        count(usize::try_from(told.messages).unwrap_or(usize::MAX), "message", "messages"),
        count(told.accounts, "account", "accounts"),
        if told.restored { ", restored for a test" } else { "" }
    );
    for DamageItem { why, held, .. } in &told.damage {
        out += &format!("  damaged: {why}; it held {held}\n");
    }
    for wrong in told.wrong.iter().take(TOLD_MAX) {
        out += &format!("  wrong: {wrong}\n");
    }
    if told.wrong.len() > TOLD_MAX {
        out += &format!("  and {} more\n", told.wrong.len() - TOLD_MAX);
    }
    for missing in &told.missing_blobs {
        out += &format!("  missing since it was taken: the body {missing}\n");
    }
    for ReadableItem { account, messages, whole, mailboxes } in &told.readable {
        out += &format!("  {account}: {whole} of {messages} messages are whole\n");
        for MailboxItem { name, whole, damaged } in mailboxes {
            out += &format!("    {name}: {whole} whole, {damaged} damaged\n");
        }
    }
    out
}
