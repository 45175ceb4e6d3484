//! `postamt fetch`: mail from another server into an account.

use super::failure::Failure;
use super::import::{mailboxes, report, special};
use super::password;
use super::place::Place;
use crate::fetch::imap::Choice;
use crate::fetch::link::{Link, Trust};
use crate::fetch::remote::{Protocol, Remote};
use crate::fetch::{Afterwards, Errand, imap, pop3};
use crate::import::names::Naming;
use crate::import::progress::Progress;
use crate::import::uplink::Uplink;
use crate::language::say;
use anyhow::Context;
use clap::Args;
use model::Address;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  postamt fetch --account anna@example.org imaps://anna@mail.example.com
  postamt fetch --account anna@example.org imaps://anna@mail.example.com --mailbox INBOX --mailbox Sent
  postamt fetch --account anna@example.org pop3s://anna@pop.example.com --password-file pop.txt --delete

It may be stopped and started again at any time; what came once does not come again. imap:// and pop3:// begin TLS by
command, and go no further without it.
Exit codes: 0 all is there, 1 something is not and was named, 2 the command is wrong, 3 there is no such account.";

/// What is fetched, and where it goes.
#[derive(Args, Debug)]
pub struct Fetch {
    /// The other server and who you are there: imaps://USER@HOST, imap://, pop3s:// or pop3://; :PORT may follow.
    #[arg(value_name = "URL")]
    from: Remote,
    /// Whose mail it becomes.
    #[arg(long, value_name = "ADDRESS")]
    account: Address,
    /// A file whose first line is the password there; else it is asked for, or read from standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Only this mailbox; may be named several times.
    #[arg(long, value_name = "NAME")]
    mailbox: Vec<String>,
    /// The mailbox that the messages go into; that of folders below is made below it.
    #[arg(long, value_name = "MAILBOX")]
    into: Option<String>,
    /// Folders keep their names: "Spam" stays "Spam", and does not become the mailbox for junk.
    #[arg(long)]
    keep_names: bool,
    /// Messages stay at the other server, which is usual.
    #[arg(long, conflicts_with = "delete")]
    keep: bool,
    /// Messages are deleted at the other server once they are stored here.
    #[arg(long)]
    delete: bool,
    /// Takes only the certificate with this hash, whoever signed it: hexadecimal digits, colons between them or not.
    #[arg(long, value_name = "HASH")]
    tls_fingerprint: Option<String>,
    /// A file with certificates of authorities, in PEM form, that are believed beside the system's.
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// Takes any certificate; of a server on this machine only.
    #[arg(long)]
    tls_any: bool,
    /// Without TLS; to a server on this machine only.
    #[arg(long)]
    insecure: bool,
    #[command(flatten)]
    place: Place,
}

pub fn run(fetch: &Fetch) -> Result<(), Failure> {
    let trust = fetch.trust()?;
    if fetch.from.protocol == Protocol::Pop3 && !fetch.mailbox.is_empty() {
        let text =
            say!("POP3 has one mailbox only; leave --mailbox out", "POP3 kennt nur einen Ordner; --mailbox weglassen");
        return Err(Failure::Wrong(text));
    }
    let mut known = fetch.place.connect()?;
    let ours = mailboxes(&mut known, &fetch.account)?;
    let octets_max = ours.first().map_or(u64::MAX, |mailbox| mailbox.message_octets_max);
    let password = match &fetch.password_file {
        Some(file) => password::of_file(file)?,
        None => {
            let Remote { user, host, .. } = &fetch.from;
            password::known(&say!("Password of {user} at {host}: ", "Passwort von {user} bei {host}: "))?
        }
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().with_context(crate::server::no_threads)?;
    let account = fetch.account.to_string();
    let afterwards = if fetch.delete { Afterwards::Delete } else { Afterwards::Keep };
    let naming = if fetch.keep_names { Naming::Kept } else { Naming::Mapped };
    let special = special(&ours);
    let (done, tally) = runtime.block_on(async {
        let link = Link::open(&fetch.from, &trust).await.map_err(Failure::Failed)?;
        let uplink = Uplink::begin(fetch.place.connect()?, &account, Progress::new(0))?;
        let mut errand = Errand { remote: &fetch.from, account, afterwards, octets_max, known, uplink };
        let into = fetch.into.as_deref();
        let done = match fetch.from.protocol {
            Protocol::Imap => {
                let choice = Choice { mailboxes: &fetch.mailbox, ours: &special, naming, into };
                imap::fetch(&mut errand, link, &password, &choice).await
            }
            Protocol::Pop3 => pop3::fetch(&mut errand, link, &password, into.unwrap_or(mailstore::INBOX)).await,
        };
        Ok::<_, Failure>((done, errand.uplink.finish()))
    })?;
    let (tally, ended) = tally;
    let begun = tally.added + tally.known + tally.failed > 0;
    let (folders, stopped) = match done {
        Err(cause) if !begun => return Err(Failure::Failed(cause)),
        Ok(folders) => (folders, ended),
        Err(cause) => (0, Some(cause)),
    };
    report((&fetch.place, &fetch.account.to_string()), tally, stopped, folders)
}

impl Fetch {
    fn trust(&self) -> Result<Trust, Failure> {
        let fingerprint = match &self.tls_fingerprint {
            None => None,
            Some(text) => {
                let digits: String = text.chars().filter(|c| *c != ':').map(|c| c.to_ascii_lowercase()).collect();
                if digits.len() < 64 || !digits.bytes().all(|octet| octet.is_ascii_hexdigit()) {
                    let text = say!(
                        "a fingerprint has at least 64 hexadecimal digits; see: openssl x509 -fingerprint -sha256",
                        "ein Fingerabdruck hat mindestens 64 Hexadezimalziffern; siehe: openssl x509 -fingerprint -sha256"
                    );
                    return Err(Failure::Wrong(text));
                }
                Some(digits)
            }
        };
        let authority = self.authority.clone();
        Ok(Trust { authority, fingerprint, any: self.tls_any, insecure: self.insecure })
    }
}
