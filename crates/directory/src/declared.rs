//! What the configuration file says about people: looked at once, and never edited here.

use crate::account::{Entry, folded};
use crate::{Account, AccountState, CatchAll, Credential, DirectoryError, DirectorySpec, Origin};
use model::{AccountId, Address, Domain};
use std::collections::HashSet;
use std::sync::Arc;

/// A [`DirectorySpec`] without contradictions, and its accounts with their numbers.
pub(crate) struct Declared {
    domains: Vec<Domain>,
    accounts: Vec<Arc<Entry>>,
    catch_all: CatchAll,
    postmaster: Option<Address>,
}

/// The folded addresses of the accounts, in their order.
pub(crate) fn keys(spec: &DirectorySpec) -> Result<Vec<String>, DirectoryError> {
    let domains: HashSet<&Domain> = spec.domains.iter().collect();
    let mut seen = HashSet::new();
    let mut keys = Vec::with_capacity(spec.accounts.len());
    for account in &spec.accounts {
        let key = folded(&account.address);
        if !domains.contains(&account.address.domain) {
            return Err(DirectoryError::Domain(account.address.clone()));
        }
        if !seen.insert(key.clone()) {
            return Err(DirectoryError::Duplicate(account.address.clone()));
        }
        keys.push(key);
    }
    let caught = match &spec.catch_all {
        CatchAll::Account(address) | CatchAll::Demo(address) => Some(address),
        CatchAll::Refuse => None,
    };
    let nobody = caught.into_iter().chain(&spec.postmaster).find(|address| !seen.contains(&folded(address)));
    nobody.map_or(Ok(keys), |nobody| Err(DirectoryError::Unknown(nobody.clone())))
}

impl Declared {
    /// `ids` are those of the spec's accounts, in their order.
    pub(crate) fn new(spec: DirectorySpec, ids: Vec<AccountId>) -> Declared {
        let entry = |(account, id): (crate::AccountSpec, AccountId)| {
            let (address, quota) = (account.address, account.quota);
            let account_of =
                |address| Account { id, address, quota, state: AccountState::Enabled, origin: Origin::Declared };
            let apop = match &account.credential {
                Credential::Clear(secret) if account.apop => Some(secret.clone()),
                _ => None,
            };
            Arc::new(Entry { account: Arc::new(account_of(address)), credential: account.credential, apop })
        };
        Declared {
            domains: spec.domains,
            accounts: spec.accounts.into_iter().zip(ids).map(entry).collect(),
            catch_all: spec.catch_all,
            postmaster: spec.postmaster,
        }
    }

    pub(crate) fn domains(&self) -> &[Domain] {
        &self.domains
    }

    pub(crate) fn accounts(&self) -> &[Arc<Entry>] {
        &self.accounts
    }

    pub(crate) fn catch_all(&self) -> &CatchAll {
        &self.catch_all
    }

    pub(crate) fn postmaster(&self) -> Option<&Address> {
        self.postmaster.as_ref()
    }
}
