//! Domains and accounts.

use super::Access;
use super::keys::ACCOUNT;
use super::reader::{Found, Section};
use super::units::Size;
use crate::language::{Tell, both};
use directory::{AccountSpec, CatchAll, Credential, DirectorySpec, Quota};
use model::{Address, Domain};
use std::collections::HashMap;
use std::path::Path;

pub(super) fn read(root: &Section<'_>, hostname: &Domain, path: &Path, access: Access) -> DirectorySpec {
    let domains = root.list::<Domain>("domains");
    let listed = domains.is_some();
    let domains: Vec<Domain> = domains.map_or_else(|| vec![hostname.clone()], distinct(root));
    let accounts = root.sections("account", &ACCOUNT).unwrap_or_default();
    let mut seen = HashMap::new();
    let mut specs = Vec::new();
    let mut clear = None;
    for (n, section) in accounts.iter().enumerate() {
        let Some(address) = section.parsed::<Address>("address") else {
            if !section.has("address") {
                section.missing("address", both!("whose account is it?", "wessen Konto ist es?"));
            }
            // Its other keys are looked at all the same.
            credential(section);
            quota(section);
            section.flag("apop");
            continue;
        };
        if !domains.contains(&address.value.domain) {
            let domain = &address.value.domain;
            let text = match listed {
                true => {
                    both!("the domain {domain} is not in `domains`", "die Domain {domain} steht nicht in `domains`")
                }
                false => both!(
                    "the domain {domain} is not in `domains`, which is the host name alone",
                    "die Domain {domain} steht nicht in `domains`; ohne Angabe ist das nur der Hostname"
                ),
            };
            section.mistake(address.span.clone(), "address", text);
        }
        let folded = address.value.to_string().to_lowercase();
        if let Some(first) = seen.insert(folded, n + 1) {
            let text = both!(
                "{address} is the address of account[{first}] already",
                "{address} ist schon die Adresse von account[{first}]",
                address = address.value
            );
            section.mistake(address.span.clone(), "address", text);
        }
        if clear.is_none() && access == Access::Others {
            clear = section.text("password").map(|found| found.span);
        }
        let credential = credential(section).unwrap_or(Credential::Clear("".into()));
        let (quota, apop) = (quota(section), apop(section, &credential));
        specs.push(AccountSpec { address: address.value, credential, quota, apop });
    }
    if let Some(span) = clear {
        let text = both!(
            "this file holds passwords and others may read it; run `chmod 600 {path}`",
            "diese Datei enthält Passwörter und ist für andere lesbar; Abhilfe: `chmod 600 {path}`",
            path = path.display()
        );
        root.mistake(span, "account", text);
    }
    let account = |key| account_named(root, key, &specs);
    let catch_all = account("catch_all").map_or(CatchAll::Refuse, CatchAll::Account);
    let postmaster = account("postmaster");
    DirectorySpec { domains, accounts: specs, catch_all, postmaster }
}

fn distinct<'a>(root: &'a Section<'_>) -> impl FnOnce(Vec<Found<Domain>>) -> Vec<Domain> + 'a {
    |found| {
        let mut domains = Vec::new();
        for domain in found {
            if domains.contains(&domain.value) {
                let text = both!("{name} is there twice", "{name} steht doppelt da", name = domain.value);
                root.mistake(domain.span, "domains", text);
            } else if domain.value.is_literal() {
                let text = both!(
                    "{name} is an address, not a name",
                    "{name} ist eine Adresse, kein Name",
                    name = domain.value
                );
                root.mistake(domain.span, "domains", text);
            } else {
                domains.push(domain.value);
            }
        }
        domains
    }
}

/// An address that has to be one of the accounts'.
fn account_named(root: &Section<'_>, key: &str, accounts: &[AccountSpec]) -> Option<Address> {
    let address = root.parsed::<Address>(key)?;
    let folded = |address: &Address| address.to_string().to_lowercase();
    if !accounts.iter().any(|account| folded(&account.address) == folded(&address.value)) {
        let text = both!("there is no account {address}", "es gibt kein Konto {address}", address = address.value);
        root.mistake(address.span, key, text);
    }
    Some(address.value)
}

fn credential(section: &Section<'_>) -> Option<Credential> {
    let (clear, hash) = (section.text("password"), section.text("password_hash"));
    match (clear, hash) {
        (Some(_), Some(hash)) => {
            let text = both!(
                "stands beside `password`; keep one of the two",
                "steht neben `password`; nur eines von beiden behalten"
            );
            section.mistake(hash.span, "password_hash", text);
            None
        }
        (Some(clear), None) if clear.value.is_empty() => {
            section.mistake(clear.span, "password", both!("is empty", "ist leer"));
            None
        }
        (Some(clear), None) => Some(Credential::Clear(clear.value.into())),
        (None, Some(hash)) => {
            let credential = Credential::from_text(hash.value);
            credential.map_err(|error| section.mistake(hash.span, "password_hash", error.tell())).ok()
        }
        (None, None) => {
            if !section.has("password") && !section.has("password_hash") {
                let why = both!(
                    "nobody could log in; `postamt hash-password` prints one",
                    "niemand könnte sich anmelden; `postamt hash-password` gibt einen aus"
                );
                section.missing("password_hash", why);
            }
            None
        }
    }
}

/// Needs the password itself (RFC 1939 §7).
fn apop(section: &Section<'_>, credential: &Credential) -> bool {
    let Some(flag) = section.flag("apop").filter(|flag| flag.value) else { return false };
    if matches!(credential, Credential::Hashed { .. }) {
        let text = both!(
            "APOP cannot be checked with `password_hash`; use `password`, or add the account with: postamt account add",
            "APOP lässt sich mit `password_hash` nicht prüfen; `password` verwenden oder das Konto so anlegen: postamt account add"
        );
        section.mistake(flag.span, "apop", text);
    }
    true
}

fn quota(section: &Section<'_>) -> Quota {
    Quota {
        octets: section.parsed::<Size>("quota").map(|size| size.value.0),
        messages: section.number("quota_messages", 1..=u64::from(u32::MAX)).map(|number| number.value),
    }
}
