//! `postamt domain`: whose mail is taken here.

use super::failure::Failure;
use super::people::{change, declared, list};
use super::place::Place;
use super::text::harmless;
use crate::admin::protocol::{DomainItem, DomainPatch, Request};
use crate::language::say;
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
    /// Changes those settings of a domain that are named.
    #[command(after_help = "Example:\n  postamt domain set example.org --no-catch-all --separators '+-'")]
    Set {
        /// Its name.
        domain: Domain,
        #[command(flatten)]
        settings: Settings,
        /// Mail to addresses that nobody has is refused.
        #[arg(long, conflicts_with = "catch_all")]
        no_catch_all: bool,
        /// It is a domain of its own again, no longer another name.
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
        DomainCommand::List { place } => list(place, Request::DomainList {}, none, heading, row),
        DomainCommand::Add { domain, settings, place } => {
            let ask = Request::DomainAdd { domain: domain.to_string(), settings: settings.patch() };
            let done = say!(
                "{domain} is added; mail to it is taken from now on",
                "{domain} ist angelegt; Mail dorthin wird ab jetzt angenommen"
            );
            change(place, ask, &done, None)
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
                let text = say!(
                    "what shall be different? Name --catch-all, --no-catch-all, --separators, --same-as or --not-same",
                    "was soll anders werden? Nötig ist --catch-all, --no-catch-all, --separators, --same-as oder --not-same"
                );
                return Err(Failure::Wrong(text));
            }
            let ask = Request::DomainSet { domain: domain.to_string(), settings: patch };
            change(place, ask, &say!("{domain} is changed", "{domain} ist geändert"), None)
        }
        DomainCommand::Remove { domain, place } => {
            let ask = Request::DomainRemove { domain: domain.to_string() };
            let done = say!(
                "{domain} is removed; mail to it is refused from now on",
                "{domain} ist entfernt; Mail dorthin wird ab jetzt abgelehnt"
            );
            change(place, ask, &done, None)
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

fn none() -> String {
    say!(
        "there is no domain yet; see: postamt domain add --help",
        "es gibt noch keine Domain; siehe: postamt domain add --help"
    )
}

fn heading() -> Vec<String> {
    vec!["DOMAIN".into(), say!(">ACCOUNTS", ">KONTEN"), say!("SETTINGS", "EINSTELLUNGEN")]
}

fn row(item: &DomainItem) -> Vec<String> {
    let mut settings = Vec::new();
    if let Some(same_as) = &item.same_as {
        settings.push(say!("the same as {same_as}", "anderer Name von {same_as}"));
    }
    if !item.catch_all.is_empty() {
        settings.push(say!("all other mail to {to}", "alle übrige Mail an {to}", to = item.catch_all.join(", ")));
    }
    match item.separators.as_str() {
        "+" => {}
        "" => settings.push(say!("no separators", "keine Trennzeichen")),
        separators => settings.push(say!("separators {separators}", "Trennzeichen {separators}")),
    }
    let settings = format!("{}{}", settings.join("; "), declared(item.declared));
    vec![item.domain.clone(), item.accounts.to_string(), harmless(settings.trim_start())]
}
