//! Whether a backup is what it says: every object is read, unpacked and compared with its name; what was restored from it is
//! judged by the mail store's own check.

use crate::Error;
use crate::manifest::AccountEntry;
use crate::object::{Kind, flaw};
use crate::view::Backup;
use mailstore::{Picture, Violation, check, check_links, read_message};
use model::{AccountId, EmailId, Uid};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use store::block_on;
use store::{BlobId, Blobs, ReadError, RowPlace, Space, Store};

/// An object that is not as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// Its file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
    /// What was in it.
    pub held: Held,
}

/// What an object held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Held {
    /// Rows: how many, from the first place to before that of the next object.
    Rows {
        /// How many.
        rows: u64,
        /// The first.
        first: RowPlace,
        /// Of the next object.
        next: Option<RowPlace>,
    },
    /// A blob.
    Blob(BlobId),
    /// Nothing is lost: [`Folder::mend`](crate::Folder::mend) writes the file anew.
    Mended,
}

impl Held {
    /// Whether rows of the account may be among it.
    pub fn concerns(&self, account: AccountId) -> bool {
        let Held::Rows { first, next, .. } = self else { return false };
        // The cell's last row of a space is not known: its key would be longer than any.
        [Space::Rows, Space::Bodies].into_iter().any(|space| {
            let cell = |place: &RowPlace| (place.space, place.cell.as_bytes().len(), place.cell.clone());
            let own = mailstore::cell_of(account);
            let own = (space, own.as_bytes().len(), own);
            cell(first) <= own && next.as_ref().is_none_or(|next| cell(next) >= own)
        })
    }
}

/// Reads all objects of a backup; what is damaged. `progress` is told how many of how many are read.
///
/// # Errors
/// When the disk fails otherwise, or the key is wrong.
pub fn objects(backup: &Backup, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Damage>, Error> {
    let content = backup.content();
    let (chunks, all) = (content.chunks.len(), backup.manifest().objects.len() as u64);
    let mut damage = Vec::new();
    for (at, entry) in content.chunks.iter().enumerate() {
        let path = path(backup, at);
        if let Some(why) = damaged(backup.chunk(at))? {
            let next = content.chunks.get(at + 1).map(|next| next.first.clone());
            let held = Held::Rows { rows: entry.rows, first: entry.first.clone(), next };
            damage.push(Damage { path, why, held });
        } else {
            damage.extend(mended(Kind::Object, path)?);
        }
        progress(at as u64 + 1, all);
    }
    for (at, id) in content.blobs.iter().enumerate() {
        let path = path(backup, chunks + at);
        if let Some(why) = damaged(backup.check_blob(*id))? {
            damage.push(Damage { path, why, held: Held::Blob(*id) });
        } else {
            damage.extend(mended(Kind::Object, path)?);
        }
        progress((chunks + at) as u64 + 1, all);
    }
    Ok(damage)
}

/// What is wrong with the files of a backup's list, of which there are two, and one that can be read.
///
/// # Errors
/// When the disk fails otherwise.
pub fn lists(backup: &Backup) -> Result<Vec<Damage>, Error> {
    let mut damage = Vec::new();
    for path in backup.folder().lists(&backup.manifest().id) {
        match mended(Kind::Manifest, path.clone()) {
            Err(error) if error.is_damage() => damage.push(Damage { path, why: error.to_string(), held: Held::Mended }),
            found => damage.extend(found?),
        }
    }
    Ok(damage)
}

fn mended(kind: Kind, path: PathBuf) -> Result<Option<Damage>, Error> {
    let why = flaw(kind, &path)?.map(|why| Error::damaged(&path, why).to_string());
    Ok(why.map(|why| Damage { path, why, held: Held::Mended }))
}

fn path(backup: &Backup, at: usize) -> PathBuf {
    backup.manifest().objects.get(at).map(|name| backup.folder().object(*name)).unwrap_or_default()
}

fn damaged<T>(read: Result<T, Error>) -> Result<Option<String>, Error> {
    match read {
        Ok(_) => Ok(None),
        Err(error) if error.is_damage() => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

/// What is wrong with an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// Whose; `None`: links of blobs.
    pub account: Option<AccountId>,
    /// What.
    pub violations: Vec<Violation>,
    /// That it could not even be judged, and why.
    pub unjudged: Option<String>,
}

/// Judges what was restored: all accounts, and the links of blobs. None is a sound store.
///
/// # Errors
/// When it cannot be read.
pub fn judge(accounts: &[AccountEntry], store: &dyn Store, blobs: &dyn Blobs) -> Result<Vec<Wrong>, Error> {
    let mut wrong = Vec::new();
    for entry in accounts {
        let (violations, unjudged): (Vec<_>, _) = match block_on(check(store, entry.id)) {
            Ok(violations) => (violations.into_iter().filter(|violation| !violation.is_harmless()).collect(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        if !violations.is_empty() || unjudged.is_some() {
            wrong.push(Wrong { account: Some(entry.id), violations, unjudged });
        }
    }
    let links = block_on(check_links(store, blobs)).map_err(|error| ReadError::Unavailable(error.to_string()))?;
    if !links.is_empty() {
        wrong.push(Wrong { account: None, violations: links, unjudged: None });
    }
    Ok(wrong)
}

/// What of an account can still be read of a damaged backup.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Survey {
    /// By mailbox, with its name if that is known: its messages by UID, and whether each is whole.
    pub mailboxes: BTreeMap<String, BTreeMap<Uid, (EmailId, bool)>>,
    /// The account's messages, each once, that are whole.
    pub whole: u64,
}

/// Looks at every message of an account in a backup that skips its gaps.
///
/// # Errors
/// When the disk fails otherwise.
pub fn survey(backup: &Backup, account: AccountId) -> Result<Survey, Error> {
    let unreadable = |error: mailstore::Error| ReadError::Unavailable(error.to_string());
    let picture = block_on(Picture::read(backup, account)).map_err(unreadable)?;
    let (mut survey, mut whole) = (Survey::default(), BTreeMap::new());
    for (id, mailbox) in &picture.mailboxes {
        let read = |email| block_on(read_message((backup, backup), account, email)).is_ok();
        let mut is_whole = |email| *whole.entry(email).or_insert_with(|| read(email));
        let messages = mailbox.members.iter().map(|(uid, member)| (*uid, (member.email, is_whole(member.email))));
        let messages = messages.collect();
        let name = mailbox.name.as_deref().map_or_else(|| format!("mailbox {id}, whose name is lost"), str::to_owned);
        survey.mailboxes.insert(name, messages);
    }
    survey.whole = whole.values().filter(|whole| **whole).count() as u64;
    Ok(survey)
}

/// The accounts that damage is about.
pub fn concerned(accounts: &[AccountEntry], damage: &[Damage]) -> BTreeSet<AccountId> {
    let any_blob = damage.iter().any(|damage| matches!(damage.held, Held::Blob(_)));
    let concerned = |id: AccountId| any_blob || damage.iter().any(|damage| damage.held.concerns(id));
    accounts.iter().map(|entry| entry.id).filter(|id| concerned(*id)).collect()
}
