//! `postamt domain`: whose mail is taken here.

use super::failure::Failure;
use super::people::{change, declared, list};
use super::place::Place;
use super::text::harmless;
use crate::admin::protocol::{DomainItem, DomainPatch, Request};
use clap::{Args, Subcommand};
use model::{Address, Domain};

/// What is done with domains.
#[derive(Subcommand, Debug)]
pub enum DomainCommand {
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

pub fn run(domain: &DomainCommand) -> Result<(), Failure> {
    match domain {
        DomainCommand::List { place } => list(place, Request::DomainList {}, ("domain", HEADING), row),
        DomainCommand::Add { domain, settings, place } => {
            let ask = Request::DomainAdd { domain: domain.to_string(), settings: settings.patch() };
            change(place, ask, &format!("{domain} is added; mail to it is taken from now on"), None)
        }
        DomainCommand::Set { domain, settings, no_catch_all, not_same, place } => {
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
        DomainCommand::Remove { domain, place } => {
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

const HEADING: &[&str] = &["DOMAIN", ">ACCOUNTS", "SETTINGS"];

fn row(item: &DomainItem) -> Vec<String> {
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
