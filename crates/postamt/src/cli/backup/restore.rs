//! `postamt backup restore`

use super::moment::moment;
use super::{Which, past};
use crate::admin::client::Client;
use crate::admin::protocol::Request;
use crate::admin::transfer::MemberItem;
use crate::admin::when::When;
use crate::backups::mail::{self, Shown, There, Wanted, choose, send};
use crate::backups::scratch::{fill, finish};
use crate::cli::failure::Failure;
use crate::cli::import::{mailboxes, report};
use crate::cli::place::Place;
use crate::cli::text::{accounts, deliveries, messages};
use crate::import::progress::{Progress, Unit};
use crate::import::uplink::Uplink;
use crate::language::{caller, of_error, say, told};
use backup::verify::judge;
use backup::{Backup, Gaps, Restored};
use clap::Args;
use model::{Address, EmailId, Timestamp};
use serde::Serialize;
use std::path::PathBuf;
use store::block_on;
use store_local::Backend;

pub const EXAMPLES: &str = "Examples:
  postamt backup restore /backup --to /var/lib/postamt
  postamt backup restore /backup --account anna@example.org
  postamt backup restore /backup --account anna@example.org --mailbox INBOX --into Old
  postamt backup restore /backup --account anna@example.org --message M4711
  postamt backup restore /backup --backup 20261121 --account anna@example.org
  postamt backup restore /backup --as-of '2026-11-21 17:00' --account anna@example.org --into Yesterday

With --account the server runs; nothing that is there is removed or doubled: a message counts as there in whatever mailbox it lies.
It may be stopped and started again at any time. With --to the server of that folder does not run.

Exit codes: 0 all is there, 1 something is not and was named, 2 the command is wrong, 3 there is no such thing.";

/// What is restored, and where it goes.
#[derive(Args, Debug)]
pub struct Restore {
    #[command(flatten)]
    which: Which,
    /// Which of its backups [default: the newest]; the beginning of its name is enough.
    #[arg(long, value_name = "BACKUP", default_value = "", hide_default_value = true)]
    backup: String,
    /// As it was at this moment, also between two backups: as 2026-11-22 09:30 (in UTC), or how long ago, as 2h.
    #[arg(long, value_name = "TIME", requires = "account", conflicts_with = "backup", value_parser = moment)]
    as_of: Option<Timestamp>,
    /// Everything, into this data folder, which is empty or not there.
    #[arg(long, value_name = "DIR", required_unless_present = "account", conflicts_with = "account")]
    to: Option<PathBuf>,
    /// Which engine keeps the rows there: fjall or redb [default: fjall]; the server's configuration has to name the same.
    #[arg(long, value_name = "ENGINE", requires = "to", value_parser = backend)]
    backend: Option<Backend>,
    /// Whose mail in the backup.
    #[arg(long, value_name = "ADDRESS")]
    account: Option<Address>,
    /// Whose mail it becomes [default: the same account's].
    #[arg(long, value_name = "ADDRESS", requires = "account")]
    to_account: Option<Address>,
    /// Only this mailbox; may be named several times.
    #[arg(long, value_name = "NAME", requires = "account")]
    mailbox: Vec<String>,
    /// Only the message with this EMAILID, as IMAP shows it: M and a number.
    #[arg(long, value_name = "EMAILID", requires = "account", value_parser = email_id)]
    message: Option<EmailId>,
    /// Beside what is there: into this mailbox, or below it if there are several; also what is there already.
    #[arg(long, value_name = "MAILBOX", requires = "account")]
    into: Option<String>,
    #[command(flatten)]
    place: Place,
}

fn backend(name: &str) -> Result<Backend, String> {
    let unknown = || say!("an engine is fjall or redb", "eine Engine ist fjall oder redb");
    Backend::ALL.into_iter().find(|backend| backend.name() == name).ok_or_else(unknown)
}

fn email_id(text: &str) -> Result<EmailId, String> {
    let number = text.strip_prefix('M').and_then(|number| number.parse().ok());
    let wrong = || say!("an EMAILID is M and a number, as M4711", "eine EMAILID ist M und eine Zahl, etwa M4711");
    number.map(EmailId).ok_or_else(wrong)
}

pub fn run(restore: &Restore) -> Result<(), Failure> {
    match (&restore.to, &restore.account) {
        (Some(to), _) => restore.everything(to),
        (None, Some(account)) => restore.account(account),
        (None, None) => Err(Failure::Wrong(say!("name --to or --account", "nenne --to oder --account"))),
    }
}

impl Restore {
    fn everything(&self, to: &std::path::Path) -> Result<(), Failure> {
        let backup = self.which.open(&self.backup, Gaps::Refused)?;
        let (content, mut progress) = (backup.content(), Progress::of(rows(&backup), Unit::Rows));
        let mut restored = |done: Restored| progress.at(done.rows, || say!("restored", "wiederhergestellt"));
        let filled = fill(&backup, to, self.backend, &mut restored);
        progress.end();
        let filled = filled.map_err(|error| {
            let (dir, error) = (super::shown(&self.which.folder), of_error(&error).within(caller()).to_owned());
            Failure::Failed(say!(
                "{error}; what is damaged is told by: postamt backup verify {dir}; another backup may be good, and single accounts \
                 can be restored of this one with --account",
                "{error}; was beschädigt ist, sagt: postamt backup verify {dir}; ein anderes Backup kann gut sein, und einzelne \
                 Konten lassen sich auch aus diesem mit --account wiederherstellen"
            ))
        })?;
        let wrong = judge(&content.accounts, &filled.store, &filled.blobs)?;
        for entry in &content.accounts {
            let stepped = block_on(mailstore::step_over(&filled.store, entry.id, crate::cli::now()));
            stepped.map_err(|error| Failure::Failed(told(&error)))?;
        }
        let held = block_on(mta::queue::hold_restored(&filled.store));
        let held = held.map_err(|error| Failure::Failed(told(&error)))?;
        drop(filled);
        finish(to)?;
        #[derive(Serialize)]
        struct Told<'a> {
            backup: &'a str,
            taken: When,
            rows: u64,
            accounts: usize,
            messages: u64,
            held: usize,
            wrong: usize,
        }
        let told = Told {
            backup: &backup.manifest().id,
            taken: When(backup.manifest().taken),
            rows: rows(&backup),
            accounts: content.accounts.len(),
            messages: content.accounts.iter().map(|account| account.messages).sum(),
            held,
            wrong: wrong.len(),
        };
        self.place.tell(&told, |told| {
            let accounts = accounts(told.accounts);
            let messages = messages(usize::try_from(told.messages).unwrap_or(usize::MAX));
            let (to, taken, held) = (to.display(), told.taken.short(), deliveries(told.held));
            let all = say!(
                "{accounts} with {messages} restored into {to}, as of {taken}\n",
                "{accounts} mit {messages} in {to} wiederhergestellt, Stand {taken}\n"
            );
            let queue = say!(
                "{held} to other servers held, for they may have been made since; see: postamt queue list --held\n",
                "{held} an andere Server angehalten, sie können inzwischen erfolgt sein; siehe: postamt queue list --held\n"
            );
            if told.held > 0 { all + &queue } else { all }
        })?;
        match told.wrong {
            0 => Ok(()),
            wrong => Err(Failure::Failed(say!(
                "{wrong} accounts were not sound when the backup was taken; see: postamt backup verify",
                "{wrong} Konten waren schon bei der Sicherung nicht in Ordnung; siehe: postamt backup verify"
            ))),
        }
    }

    fn account(&self, account: &Address) -> Result<(), Failure> {
        let shown = self.shown(account)?;
        let wanted = Wanted { mailboxes: self.mailbox.clone(), message: self.message, into: self.into.clone() };
        let (names, chosen) = choose(&shown.picture, &wanted).map_err(Failure::Nothing)?;
        let whose = self.to_account.as_ref().unwrap_or(account).to_string();
        let mut client = self.place.connect()?;
        let there = self.there(&mut client, account, &whose)?;
        let progress = Progress::new(chosen.len() as u64);
        let mut uplink = Uplink::begin(client, &whose, progress)?.again();
        let stopped = names.iter().try_for_each(|name| uplink.mailbox(name));
        let stopped = stopped.and_then(|()| send(&shown, &chosen, &there, &mut uplink)).err();
        let lost = || {
            say!(
                "it came after one backup and was gone for good before the next",
                "sie kam nach dem einen Backup und war vor dem nächsten endgültig fort"
            )
        };
        shown.lost.iter().for_each(|place| uplink.trouble(place.clone(), lost()));
        let (tally, ended) = uplink.finish();
        let damage: Vec<String> = shown.backups.iter().flat_map(Backup::damage).map(|(_, why)| why).collect();
        damage.iter().for_each(|why| eprintln!("{why}"));
        report(&self.place, tally, ended.or(stopped), names.len())?;
        if damage.is_empty() {
            return Ok(());
        }
        let dir = super::shown(&self.which.folder);
        Err(Failure::Failed(say!(
            "a part of the backup is damaged; what it held is told by: postamt backup verify {dir}",
            "ein Teil des Backups ist beschädigt; was darin war, sagt: postamt backup verify {dir}"
        )))
    }

    /// The account as a backup shows it, or as it was at a moment.
    fn shown(&self, account: &Address) -> Result<Shown, Failure> {
        if let Some(at) = self.as_of {
            return past::at(&self.which, account, at);
        }
        past::now(self.which.open(&self.backup, Gaps::Skipped)?, account)
    }

    /// What the account has; nothing where it does not matter.
    fn there(&self, client: &mut Client, account: &Address, whose: &str) -> Result<There, Failure> {
        let mut there = There::default();
        if self.into.is_some() || self.to_account.as_ref().is_some_and(|to| to != account) {
            return Ok(there);
        }
        let all = mailboxes(client, account)?;
        let mut progress = Progress::new(mail::messages(&all));
        let mut seen = 0;
        for mailbox in all {
            let ask = Request::MessageList { address: whose.to_owned(), mailbox: mailbox.name };
            client.ask(ask, |item: MemberItem| {
                there.note(&item);
                seen += 1;
                progress.at(seen, || say!("looked at", "angesehen"));
                true
            })?;
        }
        progress.end();
        Ok(there)
    }
}

fn rows(backup: &Backup) -> u64 {
    backup.content().chunks.iter().map(|chunk| chunk.rows).sum()
}
