//! Everything as it was between two backups: the one before is restored, and its accounts become what they were then.

use super::super::past;
use super::{Restore, all_read, gone_between};
use crate::backups::rewind::Rewinding;
use crate::backups::scratch::Filled;
use crate::cli::failure::Failure;
use crate::import::progress::{Progress, Unit};
use crate::language::{say, told};
use crate::server::no_threads;
use anyhow::Context;
use backup::{Backup, Folder, Gaps};
use mailstore::PastError;
use model::{AccountId, Timestamp};
use net::runtime::TokioEnv;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::block_on;
use tokio::runtime::Runtime;

/// What became of the accounts.
#[derive(Default)]
pub struct Rewound {
    /// How many messages each has that is as it was then.
    pub accounts: BTreeMap<AccountId, u64>,
    /// Those that are as the backup before shows them.
    pub failed: usize,
    /// Messages that could not be had.
    pub lost: usize,
}

/// Of whom nothing is decided yet, with their addresses.
type Open = BTreeMap<AccountId, Option<String>>;

struct Then<'a> {
    before: &'a Arc<Backup>,
    filled: &'a Filled,
    at: Timestamp,
    runtime: Runtime,
    rewinding: Rewinding,
    done: Rewound,
}

/// Makes of what was restored of `before` what there was at the moment. `None`: no backup is of later.
///
/// # Errors
/// When a folder cannot be read or written.
pub fn rewind(
    restore: &Restore,
    (before, filled): (&Arc<Backup>, &Filled),
    at: Timestamp,
) -> Result<Option<Rewound>, Failure> {
    let later = match past::around(&restore.which, at) {
        Ok((_, later)) => later,
        Err(Failure::Nothing(_)) if !is_later_lost(restore, before)? => return Ok(None),
        Err(Failure::Nothing(_)) => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().with_context(no_threads)?;
    let env = {
        let _inside = runtime.enter();
        TokioEnv::new().with_context(no_threads)?.env()
    };
    let rewinding = Rewinding::of(filled, env.spawn, env.clock);
    let mut then = Then { before, filled, at, runtime, rewinding, done: Rewound::default() };
    let mut open = addresses(before);
    let (mut is_first, mut progress) = (true, Progress::of(open.len() as u64, Unit::Accounts));
    for id in later {
        let later = match restore.which.open(&id, Gaps::Skipped) {
            Ok(later) => Arc::new(later),
            Err(failure) => {
                eprintln!("{}", failure.text());
                continue;
            }
        };
        if std::mem::take(&mut is_first) {
            let known = open.clone();
            open.extend(addresses(&later).into_iter().filter(|(id, _)| !known.contains_key(id)));
        }
        open = then.by(&later, open, &mut progress)?;
        if open.is_empty() {
            break;
        }
    }
    progress.end();
    for (id, address) in open {
        let why = say!(
            "no later backup can be read to the end of its log",
            "kein späteres Backup ist bis zum Ende des Protokolls lesbar"
        );
        then.fail(id, address.as_deref(), &why);
    }
    Ok(Some(then.done))
}

/// Whether there is a later backup of which the list cannot be read: it is told as the times are.
fn is_later_lost(restore: &Restore, before: &Backup) -> Result<bool, Failure> {
    let folder = Folder::open(&restore.which.folder)?;
    Ok(folder.ids()?.iter().any(|id| *id > before.manifest().id && folder.listed(id).manifest.is_err()))
}

fn addresses(backup: &Backup) -> Open {
    backup.content().accounts.iter().map(|entry| (entry.id, entry.address.clone())).collect()
}

impl Then<'_> {
    /// Takes what one backup knows; returns of whom another one behind it may know more.
    fn by(&mut self, later: &Arc<Backup>, open: Open, progress: &mut Progress) -> Result<Open, Failure> {
        let was = addresses(self.before);
        let mut left = Open::new();
        for (id, address) in open {
            progress.at(self.done.accounts.len() as u64, || say!("accounts set", "Konten gesetzt"));
            let is_new = !was.contains_key(&id);
            let shown = match past::by(id, (Some(self.before), later), self.at) {
                Ok(shown) => shown,
                Err(PastError::Unborn(_) | PastError::Erased) if is_new => continue,
                Err(_) if !later.damage().is_empty() => {
                    left.insert(id, address);
                    continue;
                }
                Err(error) => {
                    self.fail(id, address.as_deref(), &told(&error));
                    continue;
                }
            };
            if !self.adopt(later, (id, address.as_deref()))? && is_new {
                continue;
            }
            if let Err(failure) = all_read(&shown.picture) {
                eprintln!("{}: {}", whose(id, address.as_deref()), failure.text());
                self.done.lost += 1;
            }
            let (messages, troubles) = match self.runtime.block_on(self.rewinding.account(id, &shown)) {
                Ok(done) => done,
                Err(why) => {
                    self.fail(id, address.as_deref(), &why);
                    continue;
                }
            };
            let lost = shown.lost.iter().map(|place| (place.clone(), gone_between()));
            let lost: Vec<_> = troubles.into_iter().chain(lost).collect();
            for (place, why) in &lost {
                eprintln!("{}: {place}: {why}", whose(id, address.as_deref()));
            }
            self.done.lost += lost.len();
            self.done.accounts.insert(id, messages);
        }
        Ok(left)
    }

    /// Takes over somebody who came after the backup, or came back. Not who has no address any more.
    fn adopt(&self, later: &Backup, (id, address): (AccountId, Option<&str>)) -> Result<bool, Failure> {
        let Some(address) = address.and_then(|address| address.parse().ok()) else { return Ok(false) };
        let adopted = block_on(directory::adopt(later, &*self.filled.store, (&address, id), self.at));
        adopted.map_err(|error| Failure::Failed(told(&error)))
    }

    fn fail(&mut self, id: AccountId, address: Option<&str>, why: &str) {
        eprintln!("{}: {why}", whose(id, address));
        self.done.failed += 1;
    }
}

fn whose(id: AccountId, address: Option<&str>) -> String {
    address.map_or_else(|| say!("account {id}", "Konto {id}"), str::to_owned)
}
