//! Everything, into a data folder.

use super::super::{past, shown};
use super::{Restore, then};
use crate::admin::when::When;
use crate::backups::scratch::{fill, finish};
use crate::cli::failure::Failure;
use crate::cli::text::{accounts, deliveries, messages};
use crate::import::progress::{Progress, Unit};
use crate::language::{caller, of_error, say, told};
use backup::verify::judge;
use backup::{Backup, Gaps, Restored};
use model::AccountId;
use mta::queue::{Accounts, hold_restored};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use store::block_on;

/// What was done.
#[derive(Serialize)]
struct Told<'a> {
    backup: &'a str,
    taken: When,
    /// The moment, where accounts were set to another than that of the backup.
    as_of: Option<When>,
    rows: u64,
    accounts: usize,
    messages: u64,
    /// Accounts that are as the backup shows them all the same.
    not_as_of: usize,
    /// Messages of then that are in no backup.
    lost: usize,
    held: usize,
    wrong: usize,
    /// Bodies that were not there when the backup was taken.
    missing_blobs: Vec<String>,
}

impl Restore {
    pub(super) fn everything(&self, to: &Path) -> Result<(), Failure> {
        let wanted = match self.as_of {
            Some(at) => past::newest_by(&self.which, at)?,
            None => self.backup.clone(),
        };
        let backup = Arc::new(self.which.open(&wanted, Gaps::Refused)?);
        let (content, mut progress) = (backup.content(), Progress::of(rows(&backup), Unit::Rows));
        let mut restored = |done: Restored| progress.at(done.rows, || say!("restored", "wiederhergestellt"));
        let filled = fill(&backup, to, self.backend, &mut restored);
        progress.end();
        let filled = filled.map_err(|error| self.not_filled(&error))?;
        let wrong = judge(&content.accounts, &*filled.store, &*filled.blobs)?;
        let mut wrong: BTreeSet<Option<AccountId>> = wrong.into_iter().map(|wrong| wrong.account).collect();
        for entry in &content.accounts {
            match block_on(mailstore::step_over(&*filled.store, entry.id, crate::cli::now())) {
                Ok(()) => {}
                // What is damaged in one account keeps the others from nothing.
                Err(error @ mailstore::Error::Row { .. }) => {
                    let id = entry.id;
                    let whose = entry.address.clone().unwrap_or_else(|| say!("account {id}", "Konto {id}"));
                    eprintln!("{whose}: {}", told(&error));
                    wrong.insert(Some(entry.id));
                }
                Err(error) => return Err(Failure::Failed(told(&error))),
            }
        }
        let between = self.as_of.filter(|at| *at != backup.manifest().taken);
        let rewound = between.map(|at| then::rewind(self, (&backup, &filled), at)).transpose()?.flatten();
        let known = if rewound.is_some() { Accounts::Later } else { Accounts::OfTheQueue };
        let held = block_on(hold_restored(&*filled.store, known));
        let held = held.map_err(|error| Failure::Failed(told(&error)))?;
        drop(filled);
        finish(to)?;
        let mut messages: BTreeMap<AccountId, u64> =
            content.accounts.iter().map(|account| (account.id, account.messages)).collect();
        let (failed, lost) = rewound.as_ref().map_or((0, 0), |rewound| (rewound.failed, rewound.lost));
        let as_of = rewound.as_ref().and(self.as_of).map(When);
        messages.extend(rewound.into_iter().flat_map(|rewound| rewound.accounts));
        let told = Told {
            backup: &backup.manifest().id,
            taken: When(backup.manifest().taken),
            rows: rows(&backup),
            as_of,
            accounts: messages.len(),
            messages: messages.values().sum(),
            not_as_of: failed,
            lost,
            held,
            wrong: wrong.len(),
            missing_blobs: content.missing.iter().map(ToString::to_string).collect(),
        };
        self.place.tell(&told, |told| self.text(told, to))?;
        match (told.wrong, told.missing_blobs.len()) {
            (0, 0) => told.is_as_of(),
            (0, missing) => Err(Failure::Failed(say!(
                "{missing} bodies of messages were missing or damaged when the backup was taken; which messages that are, says: postamt store check \
                 --data {to}; an older backup may have them",
                "{missing} Inhalte von Nachrichten fehlten bei der Sicherung oder waren beschädigt; welche Nachrichten das sind, sagt: \
                 postamt store check --data {to}; ein älteres Backup kann sie haben",
                to = to.display()
            ))),
            (wrong, _) => Err(Failure::Failed(say!(
                "{wrong} accounts were not sound when the backup was taken; see: postamt backup verify. Before the server is started: postamt store \
                 repair --data {to}",
                "{wrong} Konten waren schon bei der Sicherung nicht in Ordnung; siehe: postamt backup verify. Vor dem Start des Servers: \
                 postamt store repair --data {to}",
                to = to.display()
            ))),
        }
    }

    /// What to do about damage is said only where there is some.
    fn not_filled(&self, error: &anyhow::Error) -> Failure {
        let is_damage = error.downcast_ref().is_some_and(backup::Error::is_damage);
        let (dir, error) = (shown(&self.which.folder), of_error(error).within(caller()).to_owned());
        if !is_damage {
            return Failure::Failed(error);
        }
        Failure::Failed(say!(
            "{error}; what is damaged is told by: postamt backup verify {dir}; another backup may be good, and single accounts \
             can be restored of this one with --account",
            "{error}; was beschädigt ist, sagt: postamt backup verify {dir}; ein anderes Backup kann gut sein, und einzelne \
             Konten lassen sich auch aus diesem mit --account wiederherstellen"
        ))
    }

    fn text(&self, told: &Told<'_>, to: &Path) -> String {
        let accounts = accounts(told.accounts);
        let messages = messages(usize::try_from(told.messages).unwrap_or(usize::MAX));
        let (to, held) = (to.display(), deliveries(told.held));
        let at = told.as_of.unwrap_or(told.taken).short();
        let mut all = say!(
            "{accounts} with {messages} restored into {to}, as of {at}\n",
            "{accounts} mit {messages} in {to} wiederhergestellt, Stand {at}\n"
        );
        let (id, of) = (told.backup, told.taken.short());
        if told.as_of.is_some() {
            all += &say!(
                "passwords, aliases and the queue are those of the backup before, {id} of {of}\n",
                "Passwörter, Aliase und Warteschlange sind die des Backups davor, {id} vom {of}\n"
            );
        } else if self.as_of.is_some_and(|at| at != told.taken.0) {
            all += &say!(
                "that is backup {id}, the newest there is; what came after it is in none\n",
                "das ist das Backup {id}, das neueste, das es gibt; was danach kam, ist in keinem\n"
            );
        }
        if told.held > 0 {
            all += &say!(
                "{held} held, for they may have been made since; see: postamt queue list --held\n",
                "{held} angehalten, sie können inzwischen erfolgt sein; siehe: postamt queue list --held\n"
            );
        }
        all
    }
}

impl Told<'_> {
    /// Whether all accounts are as they were at the moment, if one was named.
    fn is_as_of(&self) -> Result<(), Failure> {
        let (failed, lost) = (self.not_as_of, self.lost);
        match (failed, lost) {
            (0, 0) => Ok(()),
            (0, lost) => Err(Failure::Failed(say!(
                "of then {messages} in no backup; which, stands above",
                "von damals {messages} in keinem Backup; welche, steht oben",
                messages = messages(lost)
            ))),
            (failed, _) => Err(Failure::Failed(say!(
                "{accounts} as the backup before shows them, for what they were then is not known; why, stands above",
                "{accounts} so, wie das Backup davor sie zeigt, denn wie sie damals waren, ist nicht bekannt; warum, steht oben",
                accounts = accounts(failed)
            ))),
        }
    }
}

fn rows(backup: &Backup) -> u64 {
    backup.content().chunks.iter().map(|chunk| chunk.rows).sum()
}
