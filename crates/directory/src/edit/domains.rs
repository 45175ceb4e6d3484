//! Edits of domains.

use super::{Draft, EditError, Edited, nearest};
use crate::alias::TARGETS_MAX;
use crate::{DomainSettings, Origin, Separators, rows};
use model::Domain;
use std::sync::Arc;

impl Draft<'_> {
    pub(super) fn add_domain(&mut self, domain: &Domain, settings: &DomainSettings) -> Result<Edited, EditError> {
        match self.people.domain(domain).map(|local| local.origin) {
            Some(Origin::Declared) => return Err(EditError::Declared(domain.to_string())),
            Some(Origin::Stored) => return Err(EditError::DomainExists(domain.clone())),
            None => {}
        }
        self.put_domain(domain, settings)
    }

    pub(super) fn set_domain(&mut self, domain: &Domain, settings: &DomainSettings) -> Result<Edited, EditError> {
        let old = self.stored_domain(domain)?;
        if old == *settings {
            return Ok(Edited::Unchanged);
        }
        self.put_domain(domain, settings)
    }

    pub(super) fn remove_domain(&mut self, domain: &Domain) -> Result<Edited, EditError> {
        self.stored_domain(domain)?;
        self.check_empty(domain)?;
        Arc::make_mut(&mut self.new.domains).remove(domain);
        self.rows.push(rows::domain_change(domain, None));
        Ok(Edited::Done)
    }

    /// The domain, if it has people of its own.
    pub(super) fn check_local(&self, domain: &Domain) -> Result<(), EditError> {
        match self.people.domain(domain) {
            None => Err(self.unknown_domain(domain)),
            Some(local) => match &local.settings.same_as {
                Some(same_as) => Err(EditError::OtherName { domain: domain.clone(), same_as: same_as.clone() }),
                None => Ok(()),
            },
        }
    }

    fn put_domain(&mut self, domain: &Domain, settings: &DomainSettings) -> Result<Edited, EditError> {
        if settings.catch_all.len() > TARGETS_MAX {
            return Err(EditError::TargetsMany(settings.catch_all.len()));
        }
        if let Some(same_as) = &settings.same_as {
            if same_as == domain {
                return Err(EditError::OtherName { domain: domain.clone(), same_as: same_as.clone() });
            }
            self.check_local(same_as)?;
            self.check_empty(domain)?;
            if !settings.catch_all.is_empty() || settings.separators != Separators::default() {
                return Err(EditError::OtherNameSettings);
            }
        }
        Arc::make_mut(&mut self.new.domains).insert(domain.clone(), settings.clone());
        self.rows.push(rows::domain_change(domain, Some(settings)));
        Ok(Edited::Done)
    }

    fn stored_domain(&self, domain: &Domain) -> Result<DomainSettings, EditError> {
        match self.people.domain(domain) {
            Some(local) if local.origin == Origin::Declared => Err(EditError::Declared(domain.to_string())),
            Some(local) => Ok(local.settings.clone()),
            None => Err(self.unknown_domain(domain)),
        }
    }

    fn check_empty(&self, domain: &Domain) -> Result<(), EditError> {
        let accounts = self.new.accounts.count_in(domain);
        let aliases = self.new.aliases.values().filter(|alias| alias.address.domain == *domain).count();
        let domains = self.new.domains.values().filter(|other| other.same_as.as_ref() == Some(domain)).count();
        if accounts + aliases + domains == 0 {
            return Ok(());
        }
        Err(EditError::DomainInUse { domain: domain.clone(), accounts, aliases, domains })
    }

    fn unknown_domain(&self, domain: &Domain) -> EditError {
        EditError::UnknownDomain { domain: domain.clone(), nearest: nearest::domain(domain, self.people) }
    }
}
