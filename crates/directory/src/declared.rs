//! What the configuration file says about people: looked at once, and never edited here.

use crate::account::{Entry, fold, folded};
use crate::{Account, AccountState, CatchAll, Credential, DirectoryError, DirectorySpec, Origin};
use model::{AccountId, Address, Domain};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A [`DirectorySpec`] without contradictions, and its accounts with their numbers.
pub(crate) struct Declared {
    domains: Vec<Domain>,
    accounts: Vec<Arc<Entry>>,
    catch_all: CatchAll,
    postmaster: Option<Address>,
    /// By domain and folded local part.
    by_address: HashMap<Domain, HashMap<Box<str>, usize>>,
    /// By folded local part.
    by_local: HashMap<Box<str>, Vec<usize>>,
    by_id: HashMap<AccountId, usize>,
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
        let mut declared = Declared {
            domains: spec.domains,
            accounts: spec.accounts.into_iter().zip(ids).map(entry).collect(),
            catch_all: spec.catch_all,
            postmaster: spec.postmaster,
            by_address: HashMap::new(),
            by_local: HashMap::new(),
            by_id: HashMap::new(),
        };
        for (at, entry) in declared.accounts.iter().enumerate() {
            let Account { address, id, .. } = &*entry.account;
            let local: Box<str> = fold(address.local.as_str()).into();
            declared.by_local.entry(local.clone()).or_default().push(at);
            declared.by_address.entry(address.domain.clone()).or_default().insert(local, at);
            declared.by_id.insert(*id, at);
        }
        declared
    }

    /// Who has this very address.
    pub(crate) fn find(&self, domain: &Domain, folded: &str) -> Option<&Arc<Entry>> {
        let at = self.by_address.get(domain)?.get(folded)?;
        self.accounts.get(*at)
    }

    /// All who have this local part.
    pub(crate) fn called(&self, folded: &str) -> impl Iterator<Item = &Arc<Entry>> {
        self.by_local.get(folded).into_iter().flatten().filter_map(|at| self.accounts.get(*at))
    }

    pub(crate) fn get(&self, id: AccountId) -> Option<&Arc<Entry>> {
        self.by_id.get(&id).and_then(|at| self.accounts.get(*at))
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
