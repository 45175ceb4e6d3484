//! The directory and its accounts.

use crate::authenticate::Gate;
use crate::ids::{self, IdError};
use crate::{CatchAll, Credential, DirectorySpec};
use env::{Clock, Random, Spawn};
use model::{AccountId, Address, Domain, Quota};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use store::Store;

/// Who owns mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Given once, never reused.
    pub id: AccountId,
    /// As it is written in the configuration.
    pub address: Address,
    /// What it may keep.
    pub quota: Quota,
}

/// Domains, accounts and credentials as they stand; immutable.
pub struct Directory {
    pub(crate) domains: HashSet<Domain>,
    pub(crate) accounts: Vec<Entry>,
    /// By folded address.
    by_address: HashMap<String, usize>,
    /// By folded local part; `None` where several accounts share it.
    by_local: HashMap<String, Option<usize>>,
    pub(crate) catch_all: CatchAll,
    pub(crate) postmaster: Option<usize>,
    pub(crate) gate: Gate,
}

pub(crate) struct Entry {
    pub(crate) account: Arc<Account>,
    pub(crate) credential: Credential,
}

/// Why there is no directory.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Two accounts have one address.
    #[error("the account {0} is there twice")]
    Duplicate(Address),
    /// An account lies in a domain that is not ours.
    #[error("the domain of {0} is not among the local domains")]
    Domain(Address),
    /// `catch_all` or `postmaster` names nobody.
    #[error("there is no account {0}")]
    Unknown(Address),
    /// The accounts' numbers could not be read or given.
    #[error("account numbers: {0}")]
    Ids(#[from] IdError),
}

impl Directory {
    /// Builds the directory; accounts seen for the first time get their durable number.
    pub async fn open(
        store: Arc<dyn Store>,
        spawn: Arc<dyn Spawn>,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
        spec: DirectorySpec,
    ) -> Result<Directory, DirectoryError> {
        let index = Index::of(&spec)?;
        let keys: Vec<String> = spec.accounts.iter().map(|a| folded(&a.address)).collect();
        let ids = ids::of_accounts(&*store, &keys).await?;
        let accounts = spec.accounts.into_iter().zip(ids).map(|(account, id)| Entry {
            account: Arc::new(Account { id, address: account.address, quota: account.quota }),
            credential: account.credential,
        });
        let accounts: Vec<Entry> = accounts.collect();
        let gate = Gate::new(spawn, clock, random, accounts.iter().map(|a| &a.credential));
        Ok(Directory {
            domains: spec.domains.into_iter().collect(),
            accounts,
            by_address: index.by_address,
            by_local: index.by_local,
            catch_all: spec.catch_all,
            postmaster: index.postmaster,
            gate,
        })
    }

    /// All accounts, in the order of the spec.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.accounts.iter().map(|entry| &entry.account)
    }

    /// The account with this very address, whatever catch-all and aliases say.
    pub fn account(&self, address: &Address) -> Option<&Arc<Account>> {
        self.by_address.get(&folded(address)).and_then(|&at| self.at(at))
    }

    pub(crate) fn at(&self, at: usize) -> Option<&Arc<Account>> {
        self.accounts.get(at).map(|entry| &entry.account)
    }

    /// Who logs in as `login`: a full address, or a local part that only one account has.
    pub(crate) fn by_login(&self, login: &str) -> Option<&Entry> {
        let at = match login.parse::<Address>() {
            Ok(address) => self.by_address.get(&folded(&address)).copied(),
            Err(_) => self.by_local.get(&login.to_lowercase()).copied().flatten(),
        };
        at.and_then(|at| self.accounts.get(at))
    }
}

/// Local parts are compared without regard to case: RFC 5321 §2.4 leaves that to the receiving host, and people do not
/// tell `Anna` from `anna`.
pub(crate) fn folded(address: &Address) -> String {
    format!("{}@{}", address.local.as_str().to_lowercase(), address.domain)
}

struct Index {
    by_address: HashMap<String, usize>,
    by_local: HashMap<String, Option<usize>>,
    postmaster: Option<usize>,
}

impl Index {
    fn of(spec: &DirectorySpec) -> Result<Index, DirectoryError> {
        let mut by_address = HashMap::new();
        let mut by_local = HashMap::new();
        for (at, account) in spec.accounts.iter().enumerate() {
            let address = &account.address;
            if !spec.domains.contains(&address.domain) {
                return Err(DirectoryError::Domain(address.clone()));
            }
            if by_address.insert(folded(address), at).is_some() {
                return Err(DirectoryError::Duplicate(address.clone()));
            }
            by_local.entry(address.local.as_str().to_lowercase()).and_modify(|other| *other = None).or_insert(Some(at));
        }
        let known = |address: &Address| {
            by_address.get(&folded(address)).copied().ok_or_else(|| DirectoryError::Unknown(address.clone()))
        };
        if let CatchAll::Account(address) | CatchAll::Demo(address) = &spec.catch_all {
            known(address)?;
        }
        let admin = || spec.accounts.iter().position(|a| a.address.local.as_str().eq_ignore_ascii_case("admin"));
        let first = (!spec.accounts.is_empty()).then_some(0);
        let postmaster = match &spec.postmaster {
            Some(address) => Some(known(address)?),
            None => admin().or(first),
        };
        Ok(Index { by_address, by_local, postmaster })
    }
}

#[cfg(test)]
mod tests;
