//! An account at a moment between two backups: the one before, and the changes that the one behind knows of.

use super::{Which, shown};
use crate::admin::when::When;
use crate::backups::mail::{self, Shown};
use crate::cli::failure::Failure;
use crate::language::{say, told};
use backup::{AccountEntry, Backup, Folder, Gaps};
use mailstore::{Past, PastError, Picture};
use model::{AccountId, Address, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::Store;
use store::block_on;

/// The account as it was at that moment; `None`: it was made later.
///
/// # Errors
/// When the folder's backups do not say.
pub fn at(which: &Which, account: &Address, at: Timestamp) -> Result<Option<Shown>, Failure> {
    let (before, later) = around(which, at)?;
    let mut refusal = None;
    for later in later {
        match between(which, (before.as_deref(), &later), account, at) {
            // One behind it may know the same, if this one is damaged.
            Err(failure @ Failure::Failed(_)) => refusal = refusal.or(Some(failure)),
            shown => return shown,
        }
    }
    Err(refusal.unwrap_or_else(|| nothing(which)))
}

fn between(
    which: &Which,
    (before, later): (Option<&str>, &str),
    account: &Address,
    at: Timestamp,
) -> Result<Option<Shown>, Failure> {
    let later = which.open(later, Gaps::Skipped)?;
    if later.manifest().taken == at {
        return now(later, account).map(Some);
    }
    let before = before.map(|id| which.open(id, Gaps::Skipped)).transpose()?;
    let (was, is) = (before.as_ref().and_then(|before| entry(before, account).ok()), entry(&later, account));
    let id = match (&is, &was) {
        (Ok(is), _) => is.id,
        (Err(_), Some(was)) => was.id,
        (Err(_), None) => return is.map(|_| None),
    };
    let (before, later) = (before.map(Arc::new), Arc::new(later));
    match by(id, (before.as_ref(), &later), at) {
        Ok(shown) => Ok(Some(shown)),
        Err(PastError::Unborn(_) | PastError::Erased) => match before.filter(|_| was.is_some()) {
            Some(before) => Err(erased(which, account, &before, at)),
            None => Ok(None),
        },
        Err(error) => Err(explained(error, before.as_deref(), &later, at)),
    }
}

/// What an account of `before` became by the moment, as `later` knows it.
///
/// # Errors
/// Why it is not known.
pub fn by(
    id: AccountId,
    (before, later): (Option<&Arc<Backup>>, &Arc<Backup>),
    at: Timestamp,
) -> Result<Shown, PastError> {
    let has = |before: &&Arc<Backup>| before.content().accounts.iter().any(|entry| entry.id == id);
    let had = before.filter(has).map(|before| &**before as &dyn Store);
    let Past { picture, lost, subscriptions } = block_on(Past::of(had, &**later, id, at))?;
    let lost = lost.iter().map(|(mailbox, uid, email)| {
        let name = picture.mailboxes.get(mailbox).and_then(|mailbox| mailbox.name.as_deref());
        mail::place(name, *uid, *email)
    });
    let lost = lost.collect();
    let backups = before.into_iter().chain([later]).cloned().collect();
    Ok(Shown { account: id, backups, picture, lost, subscriptions })
}

/// There was no such account at the moment.
pub fn unborn(account: &Address) -> Failure {
    Failure::Nothing(say!("{account} was made later", "{account} wurde später angelegt"))
}

/// The account was erased, and another one of this address may be there now.
fn erased(which: &Which, account: &Address, before: &Backup, at: Timestamp) -> Failure {
    let (at, id, dir) = (When(at).short(), &before.manifest().id, shown(&which.folder));
    Failure::Nothing(say!(
        "the account that {account} was at {at} was erased later, and with it what is known of its changes; what it had before \
         comes with: postamt backup restore {dir} --backup {id} --account {account}",
        "das Konto, das {account} am {at} war, wurde später gelöscht, und mit ihm, was von seinen Änderungen bekannt ist; was es davor \
         hatte, bringt: postamt backup restore {dir} --backup {id} --account {account}"
    ))
}

/// The account as a backup shows it.
///
/// # Errors
/// When it is not in it.
pub fn now(backup: Backup, account: &Address) -> Result<Shown, Failure> {
    let id = entry(&backup, account)?.id;
    let picture = block_on(Picture::read(&backup, id)).map_err(|error| Failure::Failed(told(&error)))?;
    let (backups, lost, subscriptions) = (vec![Arc::new(backup)], Vec::new(), BTreeMap::new());
    Ok(Shown { account: id, backups, picture, lost, subscriptions })
}

/// Who is in the backup; or in those around the moment, from which it is known.
///
/// # Errors
/// When there is no such backup.
pub fn accounts(which: &Which, wanted: &str, at: Option<Timestamp>) -> Result<Vec<Address>, Failure> {
    let backups = match at {
        None => vec![wanted.to_owned()],
        Some(at) => {
            let (before, later) = around(which, at)?;
            before.into_iter().chain(later.into_iter().next()).collect()
        }
    };
    let mut accounts = BTreeSet::new();
    for id in backups {
        let backup = which.open(&id, Gaps::Skipped)?;
        accounts.extend(backup.content().accounts.iter().filter_map(|entry| entry.address.clone()));
    }
    Ok(accounts.iter().filter_map(|address| address.parse().ok()).collect())
}

/// The newest backup made at or before the moment.
///
/// # Errors
/// When all are younger: which one is the oldest.
pub fn newest_by(which: &Which, at: Timestamp) -> Result<String, Failure> {
    let times = times(which)?;
    if let Some((id, _)) = times.iter().filter(|(_, taken)| *taken <= at).max_by_key(|(_, taken)| *taken) {
        return Ok(id.clone());
    }
    match times.iter().min_by_key(|(_, taken)| *taken) {
        Some((id, taken)) => {
            let (at, taken) = (When(at).short(), When(*taken).short());
            Err(Failure::Nothing(say!(
                "no backup was made by {at}; the oldest is {id}, of {taken}: take it with --backup {id}",
                "bis {at} wurde kein Backup gemacht; das älteste ist {id}, vom {taken}: Es ist mit --backup {id} zu haben"
            )))
        }
        None => Err(nothing(which)),
    }
}

/// When each backup was taken; one that does not say is named and left out.
fn times(which: &Which) -> Result<Vec<(String, Timestamp)>, Failure> {
    let folder = Folder::open(&which.folder)?;
    let mut times = Vec::new();
    for id in folder.ids()? {
        match folder.listed(&id).manifest {
            Ok(manifest) => times.push((id, manifest.taken)),
            Err(error) => eprintln!("{}", told(&error)),
        }
    }
    Ok(times)
}

fn nothing(which: &Which) -> Failure {
    backup::Error::NoBackup { wanted: String::new(), folder: which.folder.clone() }.into()
}

/// The last backup before the moment, and those behind it, the first one first.
///
/// # Errors
/// When none is behind it.
pub fn around(which: &Which, at: Timestamp) -> Result<(Option<String>, Vec<String>), Failure> {
    let mut times = times(which)?;
    times.sort_by_key(|(_, taken)| *taken);
    let behind = times.partition_point(|(_, taken)| *taken < at);
    let (before, later) = times.split_at(behind);
    match (before.last(), later.is_empty()) {
        (before, false) => Ok((before.map(|(id, _)| id.clone()), later.iter().map(|(id, _)| id.clone()).collect())),
        (Some((_, newest)), true) => {
            let (newest, folder) = (When(*newest).short(), shown(&which.folder));
            Err(Failure::Nothing(say!(
                "the newest backup is of {newest}; what was later is known to the next one: postamt backup create {folder}, \
                 then this again",
                "das neueste Backup ist vom {newest}; was später war, weiß erst das nächste: postamt backup create {folder}, \
                 danach dies noch einmal"
            )))
        }
        (None, true) => Err(nothing(which)),
    }
}

/// The account of this address.
///
/// # Errors
/// Which ones there are instead.
pub fn entry(backup: &Backup, account: &Address) -> Result<AccountEntry, Failure> {
    let wanted = account.to_string().to_lowercase();
    let accounts = &backup.content().accounts;
    let entry = accounts.iter().find(|entry| entry.address.as_deref() == Some(&wanted)).cloned();
    entry.ok_or_else(|| {
        let there: Vec<&str> = accounts.iter().filter_map(|entry| entry.address.as_deref()).collect();
        let id = &backup.manifest().id;
        let there = there.join(", ");
        Failure::Nothing(say!(
            "there is no account {account} in backup {id}; there are: {there}",
            "im Backup {id} gibt es kein Konto {account}; es gibt: {there}"
        ))
    })
}

/// Why it is not known; a `Failed` where another backup may know it.
pub fn explained(error: PastError, before: Option<&Backup>, later: &Backup, at: Timestamp) -> Failure {
    match later.damage().into_iter().next() {
        Some((_, why)) => Failure::Failed(say!(
            "the log of changes cannot be read to its end: {why}",
            "das Protokoll der Änderungen ist nicht bis zum Ende lesbar: {why}"
        )),
        None => unknown(error, before, at),
    }
}

fn unknown(error: PastError, before: Option<&Backup>, at: Timestamp) -> Failure {
    let PastError::Forgotten(first) = error else { return Failure::Failed(told(&error)) };
    let first = first.map_or_else(|| "?".to_owned(), |first| When(first).short());
    let at = When(at).short();
    Failure::Nothing(match before {
        Some(before) => {
            let before = When(before.manifest().taken).short();
            say!(
                "how it was at {at} is not known: the last backup before is of {before}, and of the changes behind it only those \
                 from {first} on are known; take backups more often than every 30 days",
                "wie es am {at} war, ist nicht bekannt: Das letzte Backup davor ist vom {before}, und von den Änderungen danach \
                 sind nur die ab {first} bekannt; sichere öfter als alle 30 Tage"
            )
        }
        None => say!(
            "how it was at {at} is not known: there is no backup from before, and changes are known only from {first} on",
            "wie es am {at} war, ist nicht bekannt: Es gibt kein Backup von davor, und Änderungen sind erst ab {first} bekannt"
        ),
    })
}
