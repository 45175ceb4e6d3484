//! Old backups go, and with them what no other one consists of.

use crate::Error;
use crate::folder::Folder;
use model::Timestamp;
use std::collections::{BTreeSet, HashSet};

/// Which backups stay; all that any of the rules wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Keep {
    /// The newest.
    pub last: usize,
    /// The last one of each of so many days that have any.
    pub daily: usize,
    /// Of each of so many weeks.
    pub weekly: usize,
    /// Of each of so many months.
    pub monthly: usize,
    /// Of each of so many years.
    pub yearly: usize,
}

/// What went.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Forgotten {
    /// Backups that are no longer there.
    pub backups: Vec<String>,
    /// Backups that stay.
    pub kept: Vec<String>,
    /// Objects that no backup names.
    pub objects: u64,
    /// Their octets.
    pub octets: u64,
}

impl Keep {
    /// Whether it keeps nothing.
    pub fn is_nothing(&self) -> bool {
        *self == Keep::default()
    }

    /// Those of `backups` (the oldest first) that stay.
    pub fn of<'a>(&self, backups: &'a [(String, Timestamp)]) -> BTreeSet<&'a str> {
        let mut kept: BTreeSet<&str> = backups.iter().rev().take(self.last).map(|(id, _)| id.as_str()).collect();
        let day = |at: Timestamp| at.unix_days();
        let month = |at: Timestamp| at.civil().year * 12 + i64::from(at.civil().month);
        // Weeks begin on Mondays; 1970 began on a Thursday.
        let week = |at: Timestamp| (day(at) + 3).div_euclid(7);
        let rules: [(usize, &dyn Fn(Timestamp) -> i64); 4] =
            [(self.daily, &day), (self.weekly, &week), (self.monthly, &month), (self.yearly, &|at| at.civil().year)];
        for (count, period) in rules {
            let mut periods: Vec<i64> = Vec::new();
            for (id, at) in backups.iter().rev() {
                let period = period(*at);
                if periods.last() != Some(&period) {
                    if periods.len() == count {
                        break;
                    }
                    periods.push(period);
                    kept.insert(id);
                }
            }
        }
        kept
    }
}

/// Removes the backups with these ids, or with `Keep` those that it does not want, and then all objects that no backup
/// names: also those that interrupted runs left.
///
/// # Errors
/// When a manifest cannot be read: what it names must not go. Those of the disk.
pub fn forget<E: From<Error>>(
    folder: &mut Folder,
    goes: impl FnOnce(&[(String, Timestamp)]) -> Result<BTreeSet<String>, E>,
) -> Result<Forgotten, E> {
    let mut backups = Vec::new();
    for id in folder.ids()? {
        let manifest = folder.listed(&id).manifest;
        // One that cannot be read goes only if it is named.
        backups.push((id, manifest));
    }
    let times: Vec<(String, Timestamp)> =
        backups.iter().filter_map(|(id, manifest)| Some((id.clone(), manifest.as_ref().ok()?.taken))).collect();
    let goes = goes(&times)?;
    let (mut forgotten, mut named) = (Forgotten::default(), HashSet::new());
    let mut going = Vec::new();
    for (id, manifest) in backups {
        if goes.contains(&id) {
            going.push(id);
            continue;
        }
        let unlisted =
            |source| Error::Unlisted { id: id.clone(), folder: folder.path().to_owned(), source: Box::new(source) };
        named.extend(manifest.map_err(unlisted)?.objects);
        forgotten.kept.push(id);
    }
    for id in going {
        folder.remove_manifest(&id)?;
        tracing::info!(event = "backup.forgotten", backup = id);
        forgotten.backups.push(id);
    }
    for (name, octets) in folder.objects()? {
        if !named.contains(&name) {
            folder.remove_object(name)?;
            forgotten.objects += 1;
            forgotten.octets += octets;
        }
    }
    Ok(forgotten)
}
