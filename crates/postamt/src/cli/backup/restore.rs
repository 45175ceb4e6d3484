//! `postamt backup restore`

mod then;
mod whole;

use super::moment::moment;
use super::{Which, past};
use crate::admin::client::Client;
use crate::admin::protocol::Request;
use crate::admin::transfer::MemberItem;
use crate::backups::mail::{self, Chosen, Shown, There, Wanted, choose, send};
use crate::cli::export::{octets_of, together};
use crate::cli::failure::Failure;
use crate::cli::import::{mailboxes, report};
use crate::cli::place::Place;
use crate::import::progress::Progress;
use crate::import::uplink::Uplink;
use crate::language::say;
use backup::Gaps;
use clap::Args;
use mailstore::Picture;
use model::{Address, EmailId, Timestamp};
use std::collections::HashSet;
use std::path::PathBuf;
use store_local::Backend;

pub const EXAMPLES: &str = "Examples:
  postamt backup restore /backup --to /var/lib/postamt
  postamt backup restore /backup --as-of '2026-11-21 17:00' --to /var/lib/postamt
  postamt backup restore /backup --account anna@example.org
  postamt backup restore /backup --account anna@example.org --mailbox INBOX --into Old
  postamt backup restore /backup --account anna@example.org --message M4711
  postamt backup restore /backup --backup 20261121 --account anna@example.org
  postamt backup restore /backup --as-of '2026-11-21 17:00' --account anna@example.org --into Yesterday
  postamt backup restore /backup --as-of '2026-11-21 17:00' --all-accounts

With --account and --all-accounts the server runs; nothing that is there is removed or doubled: a message counts as there in whatever mailbox it lies.
It may be stopped and started again at any time. With --to the server of that folder does not run; with --as-of accounts are as they were then,
passwords, aliases and the queue as in the last backup by then.

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
    #[arg(long, value_name = "TIME", conflicts_with = "backup", value_parser = moment)]
    as_of: Option<Timestamp>,
    /// Everything, into this data folder, which is empty or not there.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["account", "all_accounts"],
        conflicts_with_all = ["account", "all_accounts"])]
    to: Option<PathBuf>,
    /// Which engine keeps the rows there: fjall or redb [default: fjall]; the server's configuration has to name the same.
    #[arg(long, value_name = "ENGINE", requires = "to", value_parser = backend)]
    backend: Option<Backend>,
    /// Whose mail in the backup.
    #[arg(long, value_name = "ADDRESS")]
    account: Option<Address>,
    /// The mail of each account that is in the backup, or was there at the moment.
    #[arg(long, conflicts_with = "account")]
    all_accounts: bool,
    /// Whose mail it becomes [default: the same account's].
    #[arg(long, value_name = "ADDRESS", requires = "account")]
    to_account: Option<Address>,
    /// Only this mailbox; may be named several times.
    #[arg(long, value_name = "NAME")]
    mailbox: Vec<String>,
    /// Only the message with this EMAILID, as IMAP shows it: M and a number.
    #[arg(long, value_name = "EMAILID", requires = "account", value_parser = email_id)]
    message: Option<EmailId>,
    /// Beside what is there: into this mailbox, or below it if there are several; also what is there already.
    #[arg(long, value_name = "MAILBOX")]
    into: Option<String>,
    #[command(flatten)]
    place: Place,
}

fn backend(name: &str) -> Result<Backend, String> {
    let unknown = || say!("an engine is fjall or redb", "eine Engine ist fjall oder redb");
    Backend::ALL.into_iter().find(|backend| backend.name() == name).ok_or_else(unknown)
}

/// Whether nothing of the account was unreadable already when the backup was taken.
pub fn all_read(picture: &Picture) -> Result<(), Failure> {
    match picture.unreadable {
        0 => Ok(()),
        rows => Err(Failure::Failed(say!(
            "{rows} rows of the account were damaged already when the backup was taken: messages, flags or names of mailboxes may be \
             missing; another backup may have them",
            "{rows} Datensätze des Kontos waren schon bei der Sicherung beschädigt: Nachrichten, Flags oder Namen von Mailordnern können \
             fehlen; ein anderes Backup kann sie haben"
        ))),
    }
}

/// Why a message that was there at the moment cannot be had.
fn gone_between() -> String {
    say!(
        "it came after one backup and was gone for good before the next",
        "sie kam nach dem einen Backup und war vor dem nächsten endgültig fort"
    )
}

/// The names of those that are given.
fn given(options: &[(&str, bool)]) -> Option<String> {
    let given: Vec<&str> = options.iter().filter_map(|(name, is_given)| is_given.then_some(*name)).collect();
    (!given.is_empty()).then(|| given.join(", "))
}

fn email_id(text: &str) -> Result<EmailId, String> {
    let number = text.strip_prefix('M').and_then(|number| number.parse().ok());
    let wrong = || say!("an EMAILID is M and a number, as M4711", "eine EMAILID ist M und eine Zahl, etwa M4711");
    number.map(EmailId).ok_or_else(wrong)
}

pub fn run(restore: &Restore) -> Result<(), Failure> {
    restore.fits()?;
    match (&restore.to, &restore.account) {
        (Some(to), _) => restore.everything(to),
        (None, Some(account)) => restore.account(account),
        (None, None) => restore.all_accounts(),
    }
}

impl Restore {
    /// Refuses what would have no effect. clap's `requires` lets it pass where `--account` is excluded.
    fn fits(&self) -> Result<(), Failure> {
        if self.to.is_some() {
            return self.fits_whole();
        }
        if self.backend.is_some() {
            return Err(Failure::Wrong(say!(
                "--backend goes with --to: the running server's engine is the one of its configuration",
                "--backend gehört zu --to: Der laufende Server hat die Engine seiner Konfiguration"
            )));
        }
        let of_one = [("--message", self.message.is_some()), ("--to-account", self.to_account.is_some())];
        match given(&of_one).filter(|_| self.all_accounts) {
            None => Ok(()),
            Some(given) => Err(Failure::Wrong(say!(
                "{given} is about one account: name --account ADDRESS instead of --all-accounts",
                "{given} betrifft ein Konto: --account ADRESSE nennen statt --all-accounts"
            ))),
        }
    }

    fn fits_whole(&self) -> Result<(), Failure> {
        let of_account = [
            ("--mailbox", !self.mailbox.is_empty()),
            ("--message", self.message.is_some()),
            ("--into", self.into.is_some()),
            ("--to-account", self.to_account.is_some()),
        ];
        if let Some(name) = self.place.named() {
            return Err(Failure::Wrong(say!(
                "{name} names a running server, which --to has nothing to do with: it makes a new data folder. Leave {name} out",
                "{name} nennt einen laufenden Server, mit dem --to nichts zu tun hat: Es legt einen neuen Datenordner an. {name} weglassen"
            )));
        }
        match given(&of_account) {
            None => Ok(()),
            Some(given) => Err(Failure::Wrong(say!(
                "--to restores everything, {given} a part of an account: with the server running, name --account ADDRESS instead of --to",
                "--to stellt alles wieder her, {given} einen Teil eines Kontos: bei laufendem Server --account ADRESSE nennen statt --to"
            ))),
        }
    }

    /// Each account by itself: what is wrong with one keeps the others from nothing.
    fn all_accounts(&self) -> Result<(), Failure> {
        let accounts = past::accounts(&self.which, &self.backup, self.as_of)?;
        drop(self.place.connect()?); // or each of them would say that no server runs
        let mut failed = 0;
        for account in &accounts {
            if !self.place.json {
                eprintln!("{account}:");
            }
            match self.account(account) {
                Ok(()) => {}
                Err(failure @ (Failure::Wrong(_) | Failure::WrongTold | Failure::ReaderGone)) => return Err(failure),
                Err(failure) => {
                    failed += 1;
                    eprintln!("{}", failure.text());
                }
            }
        }
        if failed == 0 {
            return Ok(());
        }
        let all = accounts.len();
        Err(Failure::Failed(say!(
            "{failed} of {all} accounts were not restored whole; why, stands above",
            "{failed} von {all} Konten wurden nicht ganz wiederhergestellt; warum, steht oben"
        )))
    }

    fn account(&self, account: &Address) -> Result<(), Failure> {
        let Some(shown) = self.shown(account)? else { return self.unborn(account) };
        let wanted = Wanted { mailboxes: self.mailbox.clone(), message: self.message, into: self.into.clone() };
        let (names, chosen) = choose(&shown.picture, &wanted).map_err(Failure::Nothing)?;
        let whose = self.to_account.as_ref().unwrap_or(account).to_string();
        let mut client = self.place.connect()?;
        let there = self.there(&mut client, &shown, &chosen, &whose);
        let mut there = there.map_err(|failure| missing(failure, &whose))?;
        let progress = Progress::new(chosen.len() as u64);
        let mut uplink = Uplink::begin(client, &whose, progress)?.again();
        let stopped = names.iter().try_for_each(|name| uplink.mailbox(name));
        let stopped = stopped.and_then(|()| send(&shown, &chosen, &mut there, &mut uplink)).err();
        shown.lost.iter().for_each(|place| uplink.trouble(place.clone(), gone_between()));
        let (tally, ended) = uplink.finish();
        let damage: Vec<String> = shown.backups.iter().flat_map(|backup| backup.damage()).map(|(_, why)| why).collect();
        damage.iter().for_each(|why| eprintln!("{why}"));
        report((&self.place, &whose), tally, ended.or(stopped), names.len())?;
        if damage.is_empty() {
            return all_read(&shown.picture);
        }
        let dir = super::shown(&self.which.folder);
        Err(Failure::Failed(say!(
            "a part of the backup is damaged; what it held is told by: postamt backup verify {dir}",
            "ein Teil des Backups ist beschädigt; was darin war, sagt: postamt backup verify {dir}"
        )))
    }

    /// The account as a backup shows it, or as it was at a moment.
    fn shown(&self, account: &Address) -> Result<Option<Shown>, Failure> {
        if let Some(at) = self.as_of {
            return past::at(&self.which, account, at);
        }
        past::now(self.which.open(&self.backup, Gaps::Skipped)?, account).map(Some)
    }

    /// There was no such account at the moment; among all of them that is no failure.
    fn unborn(&self, account: &Address) -> Result<(), Failure> {
        let unborn = past::unborn(account);
        if !self.all_accounts {
            return Err(unborn);
        }
        eprintln!("{}", unborn.text());
        Ok(())
    }

    /// What the account has; nothing where it does not matter.
    fn there(&self, client: &mut Client, shown: &Shown, chosen: &[Chosen], whose: &str) -> Result<There, Failure> {
        let mut there = There::default();
        let is_elsewhere = self.to_account.as_ref().zip(self.account.as_ref()).is_some_and(|(to, of)| to != of);
        if self.into.is_some() || is_elsewhere {
            return Ok(there);
        }
        let all = mailboxes(client, &whose)?;
        let is_another = all.first().is_some_and(|mailbox| mailbox.account != shown.account.0);
        let sizes: HashSet<u64> = chosen.iter().map(|chosen| chosen.member.size_octets).collect();
        let mut progress = Progress::new(mail::messages(&all));
        let mut seen = 0;
        for mailbox in &all {
            let ask = Request::MessageList { address: whose.to_owned(), mailbox: mailbox.name.clone(), read: true };
            let mut alike = Vec::new();
            client.ask(ask, |item: MemberItem| {
                match is_another {
                    _ if item.trouble.is_some() => {} // as if it were not there
                    true if sizes.contains(&item.size_octets) => alike.push((item.uid, item.size_octets)),
                    true => {}
                    false => there.note(&item),
                }
                seen += 1;
                progress.at(seen, || say!("looked at", "angesehen"));
                true
            })?;
            note_octets(client, (whose, &mailbox.name), &alike, &mut there)?;
        }
        progress.end();
        Ok(there)
    }
}

/// An account that is gone has to be there before its mail is.
fn missing(failure: Failure, whose: &str) -> Failure {
    match failure {
        Failure::Nothing(text) => Failure::Nothing(say!(
            "{text}. It has to be made first, by postamt account add {whose}, or, if it was removed, postamt account restore {whose}",
            "{text}. Zuerst muss es angelegt werden, mit postamt account add {whose}, oder, wenn es entfernt wurde, postamt account restore {whose}"
        )),
        failure => failure,
    }
}

/// Of an account that was made anew numbers say nothing: messages are compared by their octets.
fn note_octets(
    client: &mut Client,
    (whose, mailbox): (&str, &str),
    alike: &[(u32, u64)],
    there: &mut There,
) -> Result<(), Failure> {
    let mut rest = alike;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(together(rest));
        rest = later;
        let uids = now.iter().map(|(uid, _)| *uid).collect();
        let ask = Request::MessageRead { address: whose.to_owned(), mailbox: mailbox.to_owned(), uids };
        client.ask_with_octets(ask, octets_of, |_, octets| {
            there.note_octets(&octets);
            Ok::<(), Failure>(())
        })?;
    }
    Ok(())
}
