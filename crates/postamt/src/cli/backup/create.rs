//! `postamt backup create`

use crate::admin::client::{Client, ClientError};
use crate::admin::when::When;
use crate::backups::source::{Running, Stopped};
use crate::cli::failure::Failure;
use crate::cli::place::Place;
use crate::cli::text::{count, size};
use crate::import::progress::{Progress, Unit};
use crate::language::say;
use backup::age::Recipient;
use backup::{Folder, Plan, Report, Source};
use clap::Args;
use model::Timestamp;
use serde::Serialize;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  postamt backup create /backup
  postamt backup create /backup --config /etc/postamt/postamt.toml --json
  postamt backup create /backup --to age1…

It shows one moment, however long it takes, and may be stopped and started again at any time: what is written is found.

Exit codes: 0 done, 1 failed, or a body is missing that was named, 2 the command is wrong.";

#[derive(Args, Debug)]
pub struct Create {
    /// The folder of backups, made if it is not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Encrypts to this public key; may be given several times, each of their keys opens it.
    #[arg(long, value_name = "RECIPIENT")]
    to: Vec<Recipient>,
    /// Encrypts nothing, though the folder's last backup is encrypted.
    #[arg(long, conflicts_with = "to")]
    unencrypted: bool,
    /// Reads what is there already, and writes anew what is damaged.
    #[arg(long)]
    recheck: bool,
    #[command(flatten)]
    place: Place,
}

pub fn run(create: &Create) -> Result<(), Failure> {
    // Before anything is read: it may be in use, or something else.
    let mut folder = Folder::open_or_make(&create.folder)?;
    create.is_like_the_last(&folder)?;
    let data = create.place.data().map_err(|mistakes| Failure::Wrong(mistakes.to_string()))?;
    match Client::connect(&data) {
        Ok(client) => {
            let mut running = Running::begin(client)?;
            let names = running.names().ok_or_else(|| {
                Failure::Failed(say!("the server's answer cannot be read", "die Antwort des Servers ist unlesbar"))
            })?;
            let done = create.take(&mut folder, (running.begin.taken, names), &mut running);
            running.end();
            done
        }
        Err(ClientError::NoServer(_)) => {
            let stopped = Stopped::open(&data)?;
            create.take(&mut folder, (When(crate::cli::now()), stopped.names()?), &mut stopped.source()?)
        }
        Err(error) => Err(error.into()),
    }
}

impl Create {
    /// Whoever encrypts their backups has not decided against it by leaving something out.
    fn is_like_the_last(&self, folder: &Folder) -> Result<(), Failure> {
        let last = folder.ids()?.pop().map(|id| folder.listed(&id));
        let is_encrypted = last.and_then(|last| last.manifest.ok()).is_some_and(|manifest| manifest.sealed);
        if !is_encrypted || self.unencrypted || !self.to.is_empty() {
            return Ok(());
        }
        let dir = super::shown(&self.folder);
        Err(Failure::Wrong(say!(
            "the last backup in {dir} is encrypted, and this one would not be: name the public key with --to, or say --unencrypted",
            "das letzte Backup in {dir} ist verschlüsselt, und dieses wäre es nicht: nenne mit --to den öffentlichen Schlüssel, oder sag \
             --unencrypted"
        )))
    }

    fn take(
        &self,
        folder: &mut Folder,
        (taken, naming): (When, [u8; 32]),
        source: &mut dyn Source,
    ) -> Result<(), Failure> {
        let plan = Plan {
            taken: taken.0,
            program: concat!("postamt ", env!("CARGO_PKG_VERSION")).into(),
            recipients: self.to.clone(),
            naming,
            recheck: self.recheck,
        };
        let mut progress = Progress::of(0, Unit::Rows);
        let told = |report: &Report| {
            let (read, written) = (size(report.octets), size(report.written_octets));
            say!("{read} read, {written} written", "{read} gelesen, {written} geschrieben")
        };
        let report = backup::create(folder, source, &plan, &mut |report| progress.at(report.rows, || told(report)));
        progress.end();
        let report = report?;
        self.tell(taken, &report)?;
        self.is_the_newest(folder, taken.0)
    }

    /// A clock that went ahead leaves a backup that counts as newer than all that follow.
    fn is_the_newest(&self, folder: &Folder, taken: Timestamp) -> Result<(), Failure> {
        let is_ahead = |id: &String| folder.listed(id).manifest.is_ok_and(|manifest| manifest.taken > taken);
        let ahead: Vec<String> = folder.ids()?.into_iter().rev().take_while(is_ahead).collect();
        if ahead.is_empty() {
            return Ok(());
        }
        let (ahead, dir) = (ahead.join(" "), super::shown(&self.folder));
        Err(Failure::Failed(say!(
            "the backup is made, but {ahead} is of a later time and counts as the newest: verify and restore take that one, and forget removes \
             this one before it. If the clock was wrong then: postamt backup forget {dir} {ahead}",
            "das Backup ist gemacht, aber {ahead} ist von später und gilt als das neueste: verify und restore nehmen jenes, und forget entfernt \
             dieses zuerst. Wenn damals die Uhr falsch ging: postamt backup forget {dir} {ahead}"
        )))
    }

    fn tell(&self, taken: When, report: &Report) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Told<'a> {
            backup: &'a str,
            taken: When,
            encrypted: bool,
            rows: u64,
            objects: u64,
            objects_new: u64,
            read_octets: u64,
            written_octets: u64,
            missing_blobs: Vec<String>,
        }
        let told = Told {
            backup: &report.id,
            taken,
            encrypted: !self.to.is_empty(),
            rows: report.rows,
            objects: report.chunks + report.blobs,
            objects_new: report.chunks_new + report.blobs_new,
            read_octets: report.octets,
            written_octets: report.written_octets,
            missing_blobs: report.missing.iter().map(ToString::to_string).collect(),
        };
        self.place.tell(&told, |told| {
            let Told { backup, rows, objects, objects_new, .. } = told;
            let written = size(told.written_octets);
            say!(
                "backup {backup}: {rows} rows in {objects} objects, {objects_new} of them new, {written} written\n",
                "Backup {backup}: {rows} Datensätze in {objects} Objekten, davon {objects_new} neu, {written} geschrieben\n"
            )
        })?;
        match told.missing_blobs.len() {
            0 => Ok(()),
            missing => {
                let bodies = count(missing, ["body is", "bodies are"], ["Inhalt fehlt", "Inhalte fehlen"]);
                let which = told.missing_blobs.join(" ");
                Err(Failure::Failed(say!(
                    "{bodies} not there or damaged in the server's store; everything else is in the backup: {which}",
                    "{bodies} im Speicher des Servers oder ist beschädigt; alles andere ist im Backup: {which}"
                )))
            }
        }
    }
}
