//! Domains and accounts.

use super::Access;
use super::keys::ACCOUNT;
use super::reader::{Found, Section};
use super::units::Size;
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
                section.missing("address", "whose account is it?");
            }
            // Its other keys are looked at all the same.
            credential(section);
            quota(section);
            section.flag("apop");
            continue;
        };
        if !domains.contains(&address.value.domain) {
            let of = if listed { "" } else { ", which is the host name alone" };
            let text = format!("the domain {} is not in `domains`{of}", address.value.domain);
            section.mistake(address.span.clone(), "address", &text);
        }
        let folded = address.value.to_string().to_lowercase();
        if let Some(first) = seen.insert(folded, n + 1) {
            let text = format!("{} is the address of account[{first}] already", address.value);
            section.mistake(address.span.clone(), "address", &text);
        }
        if clear.is_none() && access == Access::Others {
            clear = section.text("password").map(|found| found.span);
        }
        let credential = credential(section).unwrap_or(Credential::Clear("".into()));
        let (quota, apop) = (quota(section), apop(section, &credential));
        specs.push(AccountSpec { address: address.value, credential, quota, apop });
    }
    if let Some(span) = clear {
        let text = format!("this file holds passwords and others may read it; run `chmod 600 {}`", path.display());
        root.mistake(span, "account", &text);
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
                root.mistake(domain.span, "domains", &format!("{} is there twice", domain.value));
            } else if domain.value.is_literal() {
                root.mistake(domain.span, "domains", &format!("{} is an address, not a name", domain.value));
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
        root.mistake(address.span, key, &format!("there is no account {}", address.value));
    }
    Some(address.value)
}

fn credential(section: &Section<'_>) -> Option<Credential> {
    let (clear, hash) = (section.text("password"), section.text("password_hash"));
    match (clear, hash) {
        (Some(_), Some(hash)) => {
            section.mistake(hash.span, "password_hash", "stands beside `password`; keep one of the two");
            None
        }
        (Some(clear), None) if clear.value.is_empty() => {
            section.mistake(clear.span, "password", "is empty");
            None
        }
        (Some(clear), None) => Some(Credential::Clear(clear.value.into())),
        (None, Some(hash)) => {
            let credential = Credential::from_text(hash.value);
            credential.map_err(|error| section.mistake(hash.span, "password_hash", &error.to_string())).ok()
        }
        (None, None) => {
            if !section.has("password") && !section.has("password_hash") {
                section.missing("password_hash", "nobody could log in; `postamt hash-password` prints one");
            }
            None
        }
    }
}

/// Needs the password itself (RFC 1939 §7).
fn apop(section: &Section<'_>, credential: &Credential) -> bool {
    let Some(flag) = section.flag("apop").filter(|flag| flag.value) else { return false };
    if matches!(credential, Credential::Hashed { .. }) {
        let text =
            "APOP cannot be checked with `password_hash`; use `password`, or add the account with the command line";
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
