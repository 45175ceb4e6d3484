//! `postamt backup forget`

use crate::cli::failure::Failure;
use crate::cli::place;
use crate::cli::text::{count, size};
use crate::language::say;
use backup::{Folder, Keep, forget};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  postamt backup forget /backup --keep-last 3 --keep-daily 7 --keep-weekly 5 --keep-monthly 12
  postamt backup forget /backup 20261122-093012
  postamt backup forget /backup --keep-daily 7 --dry-run

What any of the rules keeps, stays. Each counts days, weeks … that have a backup, and keeps the last one of each.

Exit codes: 0 done, 1 failed, 2 the command is wrong, 3 there is no such backup.";

#[derive(Args, Debug)]
pub struct Forget {
    /// The folder of backups.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// These go.
    #[arg(value_name = "BACKUP", conflicts_with_all = ["keep_last", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly"])]
    backups: Vec<String>,
    /// Keeps so many of the newest.
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_last: usize,
    /// Keeps one of each of so many days.
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_daily: usize,
    /// Keeps one of each of so many weeks.
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_weekly: usize,
    /// Keeps one of each of so many months.
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_monthly: usize,
    /// Keeps one of each of so many years.
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_yearly: usize,
    /// Only tells what would go.
    #[arg(long)]
    dry_run: bool,
    /// One JSON object instead of a line.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Told {
    forgotten: Vec<String>,
    kept: Vec<String>,
    objects: u64,
    octets: u64,
}

pub fn run(forget_: &Forget) -> Result<(), Failure> {
    let keep = Keep {
        last: forget_.keep_last,
        daily: forget_.keep_daily,
        weekly: forget_.keep_weekly,
        monthly: forget_.keep_monthly,
        yearly: forget_.keep_yearly,
    };
    if forget_.backups.is_empty() && keep.is_nothing() {
        return Err(Failure::Wrong(say!(
            "say what stays (as --keep-daily 7), or name backups that go",
            "sag, was bleibt (etwa --keep-daily 7), oder nenne Backups, die weg sollen"
        )));
    }
    let told = if forget_.dry_run { dry(forget_, keep)? } else { wet(forget_, keep)? };
    if forget_.json {
        return place::json(&told);
    }
    let backups = count(told.forgotten.len(), ["backup", "backups"], ["Backup", "Backups"]);
    let (which, kept, objects, octets) = (told.forgotten.join(" "), told.kept.len(), told.objects, size(told.octets));
    place::say(&match forget_.dry_run {
        true => say!("{backups} would go ({which}), {kept} kept\n", "{backups} ginge weg ({which}), {kept} blieben\n"),
        false => say!(
            "{backups} gone ({which}), {kept} kept; {objects} objects, {octets}\n",
            "{backups} weg ({which}), {kept} behalten; {objects} Objekte, {octets}\n"
        ),
    })
}

fn dry(forget: &Forget, keep: Keep) -> Result<Told, Failure> {
    let folder = Folder::open(&forget.folder)?;
    let ids = folder.ids()?;
    let times: Vec<_> =
        ids.iter().filter_map(|id| Some((id.clone(), folder.listed(id).manifest.ok()?.taken))).collect();
    let goes = goes(forget, keep, &ids, &times)?;
    let (forgotten, kept) = ids.into_iter().partition(|id| goes.contains(id));
    Ok(Told { forgotten, kept, objects: 0, octets: 0 })
}

fn wet(forget_: &Forget, keep: Keep) -> Result<Told, Failure> {
    let mut folder = Folder::open_to_change(&forget_.folder)?;
    let ids = folder.ids()?;
    let done = forget(&mut folder, |times| goes(forget_, keep, &ids, times))?;
    Ok(Told { forgotten: done.backups, kept: done.kept, objects: done.objects, octets: done.octets })
}

fn goes(
    forget: &Forget,
    keep: Keep,
    ids: &[String],
    times: &[(String, model::Timestamp)],
) -> Result<BTreeSet<String>, Failure> {
    if forget.backups.is_empty() {
        let kept = keep.of(times);
        return Ok(times.iter().map(|(id, _)| id).filter(|id| !kept.contains(id.as_str())).cloned().collect());
    }
    if let Some(missing) = forget.backups.iter().find(|id| !ids.contains(id)) {
        return Err(backup::Error::NoBackup { wanted: missing.clone(), folder: forget.folder.clone() }.into());
    }
    Ok(forget.backups.iter().cloned().collect())
}
