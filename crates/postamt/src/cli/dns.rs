//! `postamt dns`: what a domain's zone should hold.

use super::failure::Failure;
use super::place::{json, say};
use crate::admin::client::{Client, ClientError};
use crate::admin::protocol::{DomainItem, Request};
use crate::config;
use crate::language::{caller, say};
use crate::plan::{Bound, ServePlan};
use crate::zone::Zone;
use clap::{Args, Subcommand};
use model::Domain;
use std::path::{Path, PathBuf};

/// What is done about DNS.
#[derive(Subcommand, Debug)]
pub enum Dns {
    /// The records of a mail domain, as a zone file has them; from the configuration, whether or not the server runs.
    #[command(after_help = "Examples:\n  postamt dns show example.org\n  \
                            postamt dns show example.org --config /etc/postamt.toml --json")]
    Show(Show),
}

/// `postamt dns show`
#[derive(Args, Debug)]
pub struct Show {
    /// A domain whose mail is taken here.
    domain: Domain,
    /// The server's configuration.
    #[arg(long, value_name = "FILE", default_value = "postamt.toml")]
    config: PathBuf,
    /// One JSON object instead of a zone file.
    #[arg(long)]
    json: bool,
}

pub fn run(Dns::Show(show): &Dns) -> Result<(), Failure> {
    let plan = config::load(&show.config).map_err(|mistakes| Failure::Wrong(mistakes.within(caller()).to_string()))?;
    if !is_local(&plan, &show.domain)? {
        let (domain, config) = (&show.domain, show.config.display());
        let text = say!(
            "{domain} is no mail domain of {config}; see `domains` there, and: postamt domain add --help",
            "{domain} ist keine Maildomain von {config}; siehe `domains` dort und: postamt domain add --help"
        );
        return Err(Failure::Nothing(text));
    }
    let bound = |plan: &crate::plan::ListenerPlan| Bound { plan: plan.clone(), address: plan.address.clone() };
    let listeners: Vec<Bound> = plan.listeners.iter().map(bound).collect();
    let zone = Zone::of(&show.domain, &plan.hostname, &listeners);
    if show.json { json(&zone) } else { say(&zone.text()) }
}

/// Whether the configuration or, if it runs, the server knows the domain.
fn is_local(plan: &ServePlan, domain: &Domain) -> Result<bool, Failure> {
    if plan.directory.domains.contains(domain) {
        return Ok(true);
    }
    match added(&plan.data, domain) {
        Err(ClientError::NoServer(_)) => Ok(false),
        other => Ok(other?),
    }
}

fn added(data: &Path, domain: &Domain) -> Result<bool, ClientError> {
    let mut found = false;
    Client::connect(data)?.ask(Request::DomainList {}, |item: DomainItem| {
        found = item.domain == domain.as_str();
        !found
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(domain: &str, text: &str) -> Result<(), Failure> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("postamt.toml");
        std::fs::write(&config, text).unwrap();
        run(&Dns::Show(Show { domain: domain.parse().unwrap(), config, json: true }))
    }

    #[test]
    fn only_what_is_ours_is_shown() {
        let text = "hostname = \"mail.example.org\"\ndomains = [\"example.org\"]";
        assert!(show("Example.org", text).is_ok());
        assert!(matches!(show("example.net", text), Err(Failure::Nothing(_))));
        assert!(matches!(show("example.org", "hostnam = 5"), Err(Failure::Wrong(_))));
    }
}
