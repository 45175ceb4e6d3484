//! Local domains.

use super::accounts::{address, changed, edit};
use super::protocol::{DomainItem, DomainPatch, Done, Trouble};
use super::server::{Exchange, Fault, Office};
use crate::language::{Tell, both};
use directory::{DomainSettings, Edit, Origin};
use model::{AddressError, Domain};

pub async fn list(office: &Office, to: &mut Exchange) -> Result<(), Fault> {
    let mut accounts = std::collections::HashMap::<Domain, usize>::new();
    for account in office.post.directory.accounts() {
        *accounts.entry(account.address.domain.clone()).or_default() += 1;
    }
    for local in office.post.directory.domains() {
        let item = DomainItem {
            declared: local.origin == Origin::Declared,
            catch_all: local.settings.catch_all.iter().map(ToString::to_string).collect(),
            separators: local.settings.separators.to_string(),
            same_as: local.settings.same_as.as_ref().map(ToString::to_string),
            accounts: accounts.get(&local.domain).copied().unwrap_or(0),
            domain: local.domain.to_string(),
        };
        to.item(&item).await?;
    }
    Ok(())
}

pub async fn add(office: &Office, name: &str, patch: DomainPatch) -> Result<Done, Fault> {
    let settings = patched(DomainSettings::default(), patch)?;
    Ok(changed(edit(office, Edit::AddDomain { domain: domain(name)?, settings }).await?))
}

pub async fn set(office: &Office, name: &str, patch: DomainPatch) -> Result<Done, Fault> {
    let domain = domain(name)?;
    let old = office.post.directory.domains().into_iter().find(|local| local.domain == domain);
    // Where there is none, the edit says what to do.
    let settings = patched(old.map(|local| local.settings).unwrap_or_default(), patch)?;
    Ok(changed(edit(office, Edit::SetDomain { domain, settings }).await?))
}

pub async fn remove(office: &Office, name: &str) -> Result<Done, Fault> {
    Ok(changed(edit(office, Edit::RemoveDomain { domain: domain(name)? }).await?))
}

fn patched(mut settings: DomainSettings, patch: DomainPatch) -> Result<DomainSettings, Trouble> {
    if let Some(catch_all) = patch.catch_all {
        settings.catch_all = catch_all.iter().map(|text| address(text)).collect::<Result<_, _>>()?;
    }
    if let Some(separators) = patch.separators {
        settings.separators = separators.parse().map_err(Trouble::wrong)?;
    }
    match patch.same_as.as_deref() {
        None => {}
        Some("") => settings.same_as = None,
        Some(name) => settings.same_as = Some(domain(name)?),
    }
    Ok(settings)
}

fn domain(text: &str) -> Result<Domain, Trouble> {
    let wrong = |error: AddressError| both!("\"{text}\": {cause}", "\"{text}\": {cause}", cause = error.tell());
    text.parse().map_err(|error| Trouble::wrong(wrong(error)))
}
