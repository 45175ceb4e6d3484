//! `postamt account`, `postamt domain`, `postamt alias`.

use super::failure::Failure;
use super::password;
use super::place::{Place, columns, json, say};
use super::text::{harmless, size, table};
use crate::admin::protocol::{AccountItem, AliasItem, Changed, DomainItem, DomainPatch, Password, QuotaSet, Request};
use crate::config::units::Size;
use clap::{Args, Subcommand};
use model::{Address, Domain};
use serde::Serialize;
use serde::de::DeserializeOwned;

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
    /// Removes an account; its mail stays, and is there again when the account is added again.
    #[command(after_help = "Example:\n  postamt account remove carla@example.org")]
    Remove {
        /// Whose.
        address: Address,
        #[command(flatten)]
        place: Place,
    },
    /// Changes a password, which comes from standard input.
    #[command(after_help = "Examples:\n  postamt account password carla@example.org\n  \
                            postamt account password carla@example.org --generate")]
    Password {
        /// Whose.
        address: Address,
        /// Makes a password and prints it.
        #[arg(long)]
        generate: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Lets an account log in again.
    #[command(after_help = "Example:\n  postamt account enable carla@example.org")]
    Enable {
        /// Whose.
        address: Address,
        #[command(flatten)]
        place: Place,
    },
    /// Lets an account log in no longer; it still gets mail.
    #[command(after_help = "Example:\n  postamt account disable carla@example.org")]
    Disable {
        /// Whose.
        address: Address,
        #[command(flatten)]
        place: Place,
    },
    /// Sets what an account may keep; what is not named has no limit.
    #[command(after_help = "Examples:\n  postamt account quota carla@example.org --quota '5 GiB'\n  \
                            postamt account quota carla@example.org --unlimited")]
    Quota {
        /// Whose.
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

/// What is done with domains.
#[derive(Subcommand, Debug)]
pub enum DomainDo {
    /// All local domains.
    #[command(after_help = "Example:\n  postamt domain list")]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Takes mail for a domain from now on.
    #[command(after_help = "Examples:\n  postamt domain add example.org --catch-all postmaster@example.org\n  \
                            postamt domain add example.net --same-as example.org")]
    Add {
        /// Its name.
        domain: Domain,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        place: Place,
    },
    /// Changes what is named of a domain's settings.
    #[command(after_help = "Example:\n  postamt domain set example.org --no-catch-all --separators '+-'")]
    Set {
        /// Its name.
        domain: Domain,
        #[command(flatten)]
        settings: Settings,
        /// Mail to addresses that nobody has is refused.
        #[arg(long, conflicts_with = "catch_all")]
        no_catch_all: bool,
        /// It stands for itself again.
        #[arg(long, conflicts_with = "same_as")]
        not_same: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Takes no mail for a domain any more; it must have no accounts and aliases.
    #[command(after_help = "Example:\n  postamt domain remove example.net")]
    Remove {
        /// Its name.
        domain: Domain,
        #[command(flatten)]
        place: Place,
    },
}

/// How a domain treats local parts.
#[derive(Args, Debug)]
pub struct Settings {
    /// Who gets mail to addresses that nobody has; may be named several times.
    #[arg(long, value_name = "ADDRESS")]
    catch_all: Vec<Address>,
    /// What stands between a name and its detail, as in anna+lists@…; "" for nothing [default: +].
    #[arg(long, value_name = "CHARS")]
    separators: Option<String>,
    /// It is only another name of this domain.
    #[arg(long, value_name = "DOMAIN")]
    same_as: Option<Domain>,
}

/// What is done with aliases.
#[derive(Subcommand, Debug)]
pub enum Alias {
    /// All aliases.
    #[command(after_help = "Example:\n  postamt alias list")]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Adds targets to an alias, which is made where there is none.
    #[command(after_help = "Example:\n  postamt alias add sales@example.org anna@example.org ben@example.net")]
    Add {
        /// Its address.
        address: Address,
        /// Where its mail goes, here or elsewhere.
        #[arg(required = true)]
        targets: Vec<Address>,
        #[command(flatten)]
        place: Place,
    },
    /// Takes targets from an alias, or all of them.
    #[command(after_help = "Example:\n  postamt alias remove sales@example.org ben@example.net")]
    Remove {
        /// Its address.
        address: Address,
        /// Where its mail goes no longer; none: there is no alias any more.
        targets: Vec<Address>,
        #[command(flatten)]
        place: Place,
    },
}

pub fn account(account: &Account) -> Result<(), Failure> {
    match account {
        Account::List { place } => list(place, Request::AccountList {}, ACCOUNTS, account_row),
        Account::Add { address, quota, generate, place } => {
            let (password, told) = new_password(*generate)?;
            let ask = Request::AccountAdd {
                address: address.to_string(),
                password,
                quota_octets: quota.quota.map(|size| size.0),
                quota_messages: quota.quota_messages,
            };
            change(place, ask, &format!("{address} is added"), told)
        }
        Account::Remove { address, place } => {
            let ask = Request::AccountRemove { address: address.to_string() };
            change(place, ask, &format!("{address} is removed"), None)
        }
        Account::Password { address, generate, place } => {
            let (password, told) = new_password(*generate)?;
            let ask = set(address, Some(password), None, None);
            change(place, ask, &format!("{address} has a new password"), told)
        }
        Account::Enable { address, place } => {
            change(place, set(address, None, Some(true), None), &format!("{address} may log in"), None)
        }
        Account::Disable { address, place } => {
            let done = format!("{address} may not log in any more; it still gets mail");
            change(place, set(address, None, Some(false), None), &done, None)
        }
        Account::Quota { address, quota, unlimited, place } => {
            let set_to = QuotaSet { octets: quota.quota.map(|size| size.0), messages: quota.quota_messages };
            if !unlimited && set_to == (QuotaSet { octets: None, messages: None }) {
                let text = "what may it keep? Name --quota, --quota-messages or both; or --unlimited";
                return Err(Failure::Wrong(text.into()));
            }
            change(place, set(address, None, None, Some(set_to)), &format!("{address} has a new quota"), None)
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

pub fn domain(domain: &DomainDo) -> Result<(), Failure> {
    match domain {
        DomainDo::List { place } => list(place, Request::DomainList {}, DOMAINS, domain_row),
        DomainDo::Add { domain, settings, place } => {
            let ask = Request::DomainAdd { domain: domain.to_string(), settings: settings.patch() };
            change(place, ask, &format!("{domain} is added; mail to it is taken from now on"), None)
        }
        DomainDo::Set { domain, settings, no_catch_all, not_same, place } => {
            let mut patch = settings.patch();
            if *no_catch_all {
                patch.catch_all = Some(Vec::new());
            }
            if *not_same {
                patch.same_as = Some(String::new());
            }
            if patch == DomainPatch::default() {
                let text = "what is different? Name --catch-all, --no-catch-all, --separators, --same-as or --not-same";
                return Err(Failure::Wrong(text.into()));
            }
            let ask = Request::DomainSet { domain: domain.to_string(), settings: patch };
            change(place, ask, &format!("{domain} is changed"), None)
        }
        DomainDo::Remove { domain, place } => {
            let ask = Request::DomainRemove { domain: domain.to_string() };
            change(place, ask, &format!("{domain} is removed; mail to it is refused from now on"), None)
        }
    }
}

impl Settings {
    fn patch(&self) -> DomainPatch {
        let catch_all: Vec<String> = self.catch_all.iter().map(ToString::to_string).collect();
        DomainPatch {
            catch_all: (!catch_all.is_empty()).then_some(catch_all),
            separators: self.separators.clone(),
            same_as: self.same_as.as_ref().map(ToString::to_string),
        }
    }
}

pub fn alias(alias: &Alias) -> Result<(), Failure> {
    let texts = |targets: &[Address]| targets.iter().map(ToString::to_string).collect();
    match alias {
        Alias::List { place } => list(place, Request::AliasList {}, ALIASES, alias_row),
        Alias::Add { address, targets, place } => {
            let ask = Request::AliasAdd { address: address.to_string(), targets: texts(targets) };
            change(place, ask, &format!("mail to {address} goes there from now on"), None)
        }
        Alias::Remove { address, targets, place } => {
            let ask = Request::AliasRemove { address: address.to_string(), targets: texts(targets) };
            change(place, ask, &format!("mail to {address} goes there no longer"), None)
        }
    }
}

/// Makes one change and tells what came of it; `password` is one that was made.
fn change(place: &Place, ask: Request, done: &str, password: Option<String>) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Told {
        #[serde(flatten)]
        changed: Changed,
        #[serde(skip_serializing_if = "Option::is_none")]
        password: Option<String>,
    }
    let changed: Changed = place.connect()?.one(ask)?;
    place.tell(&Told { changed, password }, |told| {
        let mut text = match (&told.changed.note, told.changed.changed) {
            (Some(note), 0) => format!("nothing changed: {note}\n"),
            (Some(note), _) => format!("{done}; {note}\n"),
            (None, _) => format!("{done}\n"),
        };
        if let Some(password) = &told.password {
            text += &format!("its password is {password}\n");
        }
        text
    })
}

/// Prints all of a kind; none is no failure.
fn list<T: Serialize + DeserializeOwned>(
    place: &Place,
    ask: Request,
    heading: &[&str],
    row: fn(&T) -> Vec<String>,
) -> Result<(), Failure> {
    let mut items: Vec<T> = Vec::new();
    place.connect()?.ask(ask, |item| {
        items.push(item);
        true
    })?;
    if place.json {
        return items.iter().try_for_each(json);
    }
    if items.is_empty() {
        return Err(Failure::Nothing("there is none yet".into()));
    }
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    say(&table(heading, &rows, columns()))
}

const ACCOUNTS: &[&str] = &["ADDRESS", ">MESSAGES", ">SIZE", ">QUOTA", "STATE"];

fn account_row(item: &AccountItem) -> Vec<String> {
    let quota = match (item.quota_octets, item.quota_messages) {
        (None, None) => "-".into(),
        (Some(octets), None) => size(octets),
        (None, Some(messages)) => format!("{messages} messages"),
        (Some(octets), Some(messages)) => format!("{}, {messages} messages", size(octets)),
    };
    let state = if item.enabled { "enabled" } else { "disabled" };
    let state = format!("{state}{}", declared(item.declared));
    vec![harmless(&item.address), item.messages.to_string(), size(item.used_octets), quota, state]
}

const DOMAINS: &[&str] = &["DOMAIN", ">ACCOUNTS", "SETTINGS"];

fn domain_row(item: &DomainItem) -> Vec<String> {
    let mut settings = Vec::new();
    if let Some(same_as) = &item.same_as {
        settings.push(format!("the same as {same_as}"));
    }
    if !item.catch_all.is_empty() {
        settings.push(format!("all other mail to {}", item.catch_all.join(", ")));
    }
    match item.separators.as_str() {
        "+" => {}
        "" => settings.push("no separators".into()),
        separators => settings.push(format!("separators {separators}")),
    }
    let settings = format!("{}{}", settings.join("; "), declared(item.declared));
    vec![item.domain.clone(), item.accounts.to_string(), harmless(settings.trim_start())]
}

const ALIASES: &[&str] = &["ALIAS", "TARGETS"];

fn alias_row(item: &AliasItem) -> Vec<String> {
    vec![harmless(&item.address), harmless(&format!("{}{}", item.targets.join(", "), declared(item.declared)))]
}

fn declared(declared: bool) -> &'static str {
    if declared { " (in the configuration)" } else { "" }
}
