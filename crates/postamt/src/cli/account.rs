//! `postamt account`: who has mail here.

use super::failure::Failure;
use super::password;
use super::people::{change, declared, list};
use super::place::Place;
use super::removed;
use super::text::{self, harmless, size};
use crate::admin::protocol::{AccountItem, Password, QuotaSet, Request};
use crate::config::units::Size;
use crate::language::say;
use clap::{Args, Subcommand};
use model::Address;

/// What is done with accounts.
#[derive(Subcommand, Debug)]
pub enum Account {
    /// All accounts, and what their mail takes.
    #[command(after_help = "Example:\n  postamt account list --json")]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Adds an account, with mailboxes for drafts, sent mail, junk and so on. The password comes from standard input.
    #[command(after_help = "Examples:\n  postamt account add carla@example.org\n  \
                            postamt account add carla@example.org --generate --quota '5 GiB'")]
    Add {
        /// Its address, which is also its login.
        address: Address,
        #[command(flatten)]
        quota: Limits,
        /// Makes a password and prints it.
        #[arg(long)]
        generate: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Removes an account. For a while it can be brought back with its mail: `postamt account restore`.
    #[command(after_help = "Example:\n  postamt account remove carla@example.org")]
    Remove {
        /// The account's address.
        address: Address,
        #[command(flatten)]
        place: Place,
    },
    #[command(flatten)]
    Former(removed::Former),
    /// Changes a password, which comes from standard input.
    #[command(after_help = "Examples:\n  postamt account password carla@example.org\n  \
                            postamt account password carla@example.org --generate")]
    Password {
        /// The account's address.
        address: Address,
        /// Makes a password and prints it.
        #[arg(long)]
        generate: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Lets an account log in by POP3's APOP, with a secret of its own, or forbids it.
    #[command(
        long_about = "Lets an account log in by POP3's APOP, with a secret of its own, or forbids it.\n\n\
                      APOP can be checked only by a server that has the secret itself: it is STORED READABLE in the data folder and its \
                      backups, unlike passwords, which are stored as hashes. So it is a secret beside the password, and opens \
                      nothing but POP3 by APOP. A new password switches APOP off. Any program of the last twenty years does \
                      better with TLS and a password. The secret comes from standard input.",
        after_help = "Examples:\n  postamt account apop carla@example.org --on --generate\n  \
                      postamt account apop carla@example.org --off"
    )]
    Apop {
        /// The account's address.
        address: Address,
        /// Switches it on, with a new secret.
        #[arg(long, required_unless_present = "off")]
        on: bool,
        /// Switches it off, and forgets the secret.
        #[arg(long, conflicts_with_all = ["on", "generate"])]
        off: bool,
        /// Makes a secret and prints it.
        #[arg(long)]
        generate: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Lets an account log in again.
    #[command(after_help = "Example:\n  postamt account enable carla@example.org")]
    Enable {
        /// The account's address.
        address: Address,
        #[command(flatten)]
        place: Place,
    },
    /// Forbids an account to log in; it still gets mail.
    #[command(after_help = "Example:\n  postamt account disable carla@example.org")]
    Disable {
        /// The account's address.
        address: Address,
        #[command(flatten)]
        place: Place,
    },
    /// Sets what an account may keep; what is not named has no limit.
    #[command(after_help = "Examples:\n  postamt account quota carla@example.org --quota '5 GiB'\n  \
                            postamt account quota carla@example.org --unlimited")]
    Quota {
        /// The account's address.
        address: Address,
        #[command(flatten)]
        quota: Limits,
        /// No limit at all.
        #[arg(long, conflicts_with_all = ["quota", "quota_messages"])]
        unlimited: bool,
        #[command(flatten)]
        place: Place,
    },
}

/// What an account may keep.
#[derive(Args, Debug)]
pub struct Limits {
    /// What its mail may take, each message counted once.
    #[arg(long, value_name = "SIZE")]
    quota: Option<Size>,
    /// How many messages it may have.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    quota_messages: Option<u64>,
}

pub fn run(account: &Account) -> Result<(), Failure> {
    match account {
        Account::List { place } => list(place, Request::AccountList {}, none, heading, row),
        Account::Add { address, quota, generate, place } => {
            let (password, told) = new_password(*generate)?;
            let ask = Request::AccountAdd {
                address: address.to_string(),
                password,
                quota_octets: quota.quota.map(|size| size.0),
                quota_messages: quota.quota_messages,
            };
            change(place, ask, &say!("{address} is added", "{address} ist angelegt"), told)
        }
        Account::Remove { address, place } => {
            let ask = Request::AccountRemove { address: address.to_string() };
            change(place, ask, &say!("{address} is removed", "{address} ist entfernt"), None)
        }
        Account::Former(former) => removed::run(former),
        Account::Password { address, generate, place } => {
            let (password, told) = new_password(*generate)?;
            let ask = set(address, Some(password), None, None);
            change(place, ask, &say!("{address} has a new password", "{address} hat ein neues Passwort"), told)
        }
        Account::Apop { address, off: true, place, .. } => {
            let ask = Request::AccountApop { address: address.to_string(), secret: None };
            let done = say!(
                "{address} may not log in by APOP any more; its secret is forgotten",
                "{address} darf sich nicht mehr per APOP anmelden; das Geheimnis ist gelöscht"
            );
            change(place, ask, &done, None)
        }
        Account::Apop { address, generate, place, .. } => {
            let (secret, told) = new_password(*generate)?;
            let ask = Request::AccountApop { address: address.to_string(), secret: Some(secret) };
            let done = say!(
                "{address} may log in by APOP; its secret for that is stored readable",
                "{address} darf sich per APOP anmelden; das Geheimnis dafür ist lesbar gespeichert"
            );
            change(place, ask, &done, told)
        }
        Account::Enable { address, place } => {
            let done = say!("{address} may log in", "{address} darf sich anmelden");
            change(place, set(address, None, Some(true), None), &done, None)
        }
        Account::Disable { address, place } => {
            let done = say!(
                "{address} may not log in any more; it still gets mail",
                "{address} darf sich nicht mehr anmelden, bekommt aber weiter Mail"
            );
            change(place, set(address, None, Some(false), None), &done, None)
        }
        Account::Quota { address, quota, unlimited, place } => {
            let set_to = QuotaSet { octets: quota.quota.map(|size| size.0), messages: quota.quota_messages };
            if !unlimited && set_to == (QuotaSet { octets: None, messages: None }) {
                let text = say!(
                    "what may it keep? Name --quota, --quota-messages or both; or --unlimited",
                    "wie viel darf es behalten? Nötig ist --quota, --quota-messages oder beides; oder --unlimited"
                );
                return Err(Failure::Wrong(text));
            }
            let done = say!("{address} has a new quota", "{address} hat eine neue Quota");
            change(place, set(address, None, None, Some(set_to)), &done, None)
        }
    }
}

fn set(address: &Address, password: Option<Password>, enabled: Option<bool>, quota: Option<QuotaSet>) -> Request {
    Request::AccountSet { address: address.to_string(), password, enabled, quota }
}

/// The password, and what there is to tell of it.
fn new_password(generate: bool) -> Result<(Password, Option<String>), Failure> {
    if generate {
        let made = password::generated()?;
        return Ok((Password(made.clone()), Some(made)));
    }
    Ok((Password(password::read()?), None))
}

fn none() -> String {
    say!(
        "there is no account yet; see: postamt account add --help",
        "es gibt noch kein Konto; siehe: postamt account add --help"
    )
}

fn heading() -> Vec<String> {
    let text = say!("ADDRESS >MESSAGES >SIZE >QUOTA STATE", "ADRESSE >NACHRICHTEN >GRÖSSE >QUOTA ZUSTAND");
    text.split(' ').map(str::to_owned).collect()
}

fn row(item: &AccountItem) -> Vec<String> {
    let messages = item.quota_messages.map(|n| text::messages(usize::try_from(n).unwrap_or(usize::MAX)));
    let quota: Vec<String> = item.quota_octets.map(size).into_iter().chain(messages).collect();
    let quota = if quota.is_empty() { "-".into() } else { quota.join(", ") };
    let state = if item.enabled { say!("enabled", "aktiv") } else { say!("disabled", "gesperrt") };
    let apop = if item.apop { ", APOP" } else { "" };
    let state = format!("{state}{apop}{}", declared(item.declared));
    vec![harmless(&item.address), item.messages.to_string(), size(item.used_octets), quota, state]
}
