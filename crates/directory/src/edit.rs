//! Changes to what is stored about people, and why they are refused.

mod accounts;
mod aliases;
mod domains;
mod nearest;
mod removed;

use crate::account::folded;
use crate::alias::{Fault, TARGETS_MAX};
use crate::people::People;
use crate::rows::{Head, RowChange, RowError, Stored};
use crate::{AccountState, Credential, DomainSettings, Secret, ids, rows};
use model::{AccountId, Address, Domain, Quota, Timestamp};
use store::Bytes;

/// A change to one thing.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Its mail is ours from now on.
    AddDomain {
        /// Its name.
        domain: Domain,
        /// How it treats local parts.
        settings: DomainSettings,
    },
    /// All its settings anew.
    SetDomain {
        /// Its name.
        domain: Domain,
        /// How it treats local parts.
        settings: DomainSettings,
    },
    /// Its mail is no longer ours; it must be empty.
    RemoveDomain {
        /// Its name.
        domain: Domain,
    },
    /// Somebody new, or somebody who comes back to their mail.
    AddAccount {
        /// Its address, which is also its login.
        address: Address,
        /// By what it is known; not by a clear password.
        credential: Credential,
        /// What it may keep.
        quota: Quota,
    },
    /// What is `None` stays.
    SetAccount {
        /// Whose.
        address: Address,
        /// By what it is known from now on.
        credential: Option<Credential>,
        /// What it may keep from now on.
        quota: Option<Quota>,
        /// Whether it may log in from now on.
        state: Option<AccountState>,
    },
    /// Lets an account log in by POP3's APOP, or no longer.
    SetApop {
        /// Whose.
        address: Address,
        /// What it is known by there, stored as it is: APOP can be checked in no other way. `None`: off.
        secret: Option<Secret>,
    },
    /// Nobody has the address any more; mail, number, password and quota are kept, so that it can come back.
    RemoveAccount {
        /// Whose.
        address: Address,
        /// When.
        at: Timestamp,
    },
    /// Brings back who was removed.
    RestoreAccount {
        /// Whose.
        address: Address,
    },
    /// Gives up who was removed, or declared once: its mail is to be ended, and whoever gets the address is somebody new.
    EraseAccount {
        /// Whose.
        address: Address,
    },
    /// The mail of one who was given up is ended.
    AccountErased {
        /// Whose it was.
        id: AccountId,
    },
    /// Adds targets to an alias, which is made where there is none.
    AddAlias {
        /// Its address. An account of this address keeps a copy if it is among the targets.
        address: Address,
        /// Where its mail goes as well.
        targets: Vec<Address>,
    },
    /// Takes targets from an alias, which ends with the last one.
    RemoveAlias {
        /// Its address.
        address: Address,
        /// Where its mail goes no longer; none means all.
        targets: Vec<Address>,
    },
}

/// What an edit did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edited {
    /// What it says.
    Done,
    /// Nothing: it was so already.
    Unchanged,
    /// There is a new account.
    Added(AccountId),
    /// There is an account again which was removed: it finds its mail.
    Returned(AccountId),
    /// There is an account less; its mail is still there.
    Removed(AccountId),
    /// A number is nobody's any more, and its mail is to be ended.
    Erasing(AccountId),
}

/// Why an edit is refused. The text says what to do instead.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EditError {
    /// It is not ours to edit.
    #[error("{0} is declared in the configuration file; change it there")]
    Declared(String),
    /// The domain is not local.
    #[error("the domain {domain} is not local; add it first: postamt domain add {domain}{}", or(nearest))]
    UnknownDomain {
        /// Asked for.
        domain: Domain,
        /// Perhaps meant.
        nearest: Option<Domain>,
    },
    /// There is one.
    #[error("the domain {0} is there already; change it with: postamt domain set {0}")]
    DomainExists(Domain),
    /// It has people.
    #[error("{domain} still has {accounts} accounts, {aliases} aliases and {domains} other names; remove them first")]
    DomainInUse {
        /// Which.
        domain: Domain,
        /// In it.
        accounts: usize,
        /// In it.
        aliases: usize,
        /// Domains that are the same as it.
        domains: usize,
    },
    /// It has no people of its own.
    #[error("{domain} is the same as {same_as}; do it there")]
    OtherName {
        /// Asked for.
        domain: Domain,
        /// What has the people.
        same_as: Domain,
    },
    /// Its other settings would mean nothing.
    #[error("a domain that is the same as another has no catch-all and separators of its own; leave them out")]
    OtherNameSettings,
    /// There is one.
    #[error("the account {0} is there already; change it with: postamt account password {0}")]
    AccountExists(Address),
    /// Whether it is the same person, only people know.
    #[error(
        "the account {0} was removed and is kept for a while; bring it back with: postamt account restore {0}; or give it up \
         with its mail, for somebody new: postamt account erase {0}"
    )]
    AccountKept(Address),
    /// It is there.
    #[error("the account {0} is there; remove it first: postamt account remove {0}")]
    AccountStays(Address),
    /// It is not kept.
    #[error("no account {0} was removed, or its time is over; see: postamt account removed")]
    NotRemoved(Address),
    /// There is none.
    #[error("there is no account {address}; add it first: postamt account add {address}{}", or(nearest))]
    UnknownAccount {
        /// Asked for.
        address: Address,
        /// Perhaps meant.
        nearest: Option<Address>,
    },
    /// Its mail would go past the new account.
    #[error("there is an alias {0}, which would take the account's mail; remove it first: postamt alias remove {0}")]
    AliasExists(Address),
    /// There is none.
    #[error("there is no alias {address}; add it first: postamt alias add {address} TARGET{}", or(nearest))]
    UnknownAlias {
        /// Asked for.
        address: Address,
        /// Perhaps meant.
        nearest: Option<Address>,
    },
    /// The alias does not lead there.
    #[error("the alias {address} does not lead to {target}; see: postamt alias list")]
    UnknownTarget {
        /// Which.
        address: Address,
        /// Asked for.
        target: Address,
    },
    /// It leads nowhere.
    #[error("an alias leads somewhere; name at least one target")]
    NoTargets,
    /// More than [`TARGETS_MAX`].
    #[error("{0} targets are too many, at most {TARGETS_MAX}; use a mailing list")]
    TargetsMany(usize),
    /// Somebody could read it from the disk.
    #[error("passwords are stored as hashes only; make one with: postamt hash-password")]
    ClearPassword,
    /// It could not be told from nothing, or is too long.
    #[error("a secret for APOP has 1 to {} octets", crate::credential::PASSWORD_OCTETS_MAX)]
    ApopSecret,
    /// Mail would go in circles, to too many, or to nobody.
    #[error("{fault}; change the alias or catch-all first{}", or(nearest))]
    Fault {
        /// What would be wrong.
        fault: Fault,
        /// Perhaps meant.
        nearest: Option<Address>,
    },
    /// The store did not give or take the rows.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The process ends.
    #[error("the server is being stopped; it is not known whether the change was made")]
    Stopped,
}

fn or<T: std::fmt::Display>(nearest: &Option<T>) -> String {
    nearest.as_ref().map(|near| format!(" (or did you mean {near}?)")).unwrap_or_default()
}

/// What is to be written, and how everything is then.
pub(crate) struct Plan {
    pub(crate) stored: Stored,
    pub(crate) rows: Vec<RowChange>,
    pub(crate) edited: Edited,
}

impl Edit {
    /// For the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Edit::AddDomain { .. } => "domain.add",
            Edit::SetDomain { .. } => "domain.set",
            Edit::RemoveDomain { .. } => "domain.remove",
            Edit::AddAccount { .. } => "account.add",
            Edit::SetAccount { .. } => "account.set",
            Edit::SetApop { .. } => "account.apop",
            Edit::RemoveAccount { .. } => "account.remove",
            Edit::RestoreAccount { .. } => "account.restore",
            Edit::EraseAccount { .. } => "account.erase",
            Edit::AccountErased { .. } => "account.erased",
            Edit::AddAlias { .. } => "alias.add",
            Edit::RemoveAlias { .. } => "alias.remove",
        }
    }

    /// For the log: what it is about.
    pub(crate) fn of(&self) -> String {
        match self {
            Edit::AddDomain { domain, .. } | Edit::SetDomain { domain, .. } | Edit::RemoveDomain { domain } => {
                domain.to_string()
            }
            Edit::AddAccount { address, .. }
            | Edit::SetAccount { address, .. }
            | Edit::SetApop { address, .. }
            | Edit::RemoveAccount { address, .. }
            | Edit::RestoreAccount { address }
            | Edit::EraseAccount { address }
            | Edit::AddAlias { address, .. }
            | Edit::RemoveAlias { address, .. } => address.to_string(),
            Edit::AccountErased { id } => id.to_string(),
        }
    }

    /// The one row, beside the head, that has to be read: the number of the account that it adds or gives up, or the account
    /// that it changes, whose credential is nowhere else.
    pub(crate) fn row_key(&self, people: &People) -> Option<String> {
        match self {
            Edit::AddAccount { address, .. } | Edit::EraseAccount { address } => Some(ids::key(&folded(address))),
            Edit::SetAccount { address, .. } | Edit::SetApop { address, .. } | Edit::RemoveAccount { address, .. } => {
                Some(rows::principal_key(&people.address_of(address)))
            }
            Edit::RestoreAccount { address } => Some(crate::removed::key(address)),
            Edit::AddDomain { .. }
            | Edit::SetDomain { .. }
            | Edit::RemoveDomain { .. }
            | Edit::AccountErased { .. }
            | Edit::AddAlias { .. }
            | Edit::RemoveAlias { .. } => None,
        }
    }
}

/// What `edit` makes of `stored`; `None` where it changes nothing. `row` is what stands at its [`Edit::row_key`].
pub(crate) fn plan(
    edit: &Edit,
    people: &People,
    stored: &Stored,
    row: Option<Bytes>,
    head: &mut Head,
) -> Result<Option<Plan>, EditError> {
    let mut draft = Draft { people, new: stored.clone(), row, rows: Vec::new() };
    let edited = match edit {
        Edit::AddDomain { domain, settings } => draft.add_domain(domain, settings)?,
        Edit::SetDomain { domain, settings } => draft.set_domain(domain, settings)?,
        Edit::RemoveDomain { domain } => draft.remove_domain(domain)?,
        Edit::AddAccount { address, credential, quota } => {
            let number = draft.number(address)?;
            let id = number.map_or_else(|| head.take_number(), Ok)?;
            draft.add_account(address, credential, *quota, id)?;
            if number.is_some() {
                Edited::Returned(id)
            } else {
                draft.rows.push((ids::key(&folded(address)), Some(ids::row(id))));
                Edited::Added(id)
            }
        }
        Edit::SetAccount { address, credential, quota, state } => {
            draft.set_account(address, credential.as_ref(), *quota, *state)?
        }
        Edit::SetApop { address, secret } => draft.set_apop(address, secret.as_ref())?,
        Edit::RemoveAccount { address, at } => draft.remove_account(address, *at)?,
        Edit::RestoreAccount { address } => draft.restore_account(address)?,
        Edit::EraseAccount { address } => {
            let number = draft.number(address)?;
            draft.erase_account(address, number)?
        }
        Edit::AccountErased { id } => draft.account_erased(*id),
        Edit::AddAlias { address, targets } => draft.add_alias(address, targets)?,
        Edit::RemoveAlias { address, targets } => draft.remove_alias(address, targets)?,
    };
    Ok((edited != Edited::Unchanged).then_some(Plan { stored: draft.new, rows: draft.rows, edited }))
}

/// Refuses what makes something wrong that was not wrong before.
pub(crate) fn check_faults(before: &People, after: &People) -> Result<(), EditError> {
    let is_new = |fault: &&Fault| !before.faults().iter().any(|old| old.is_like(fault));
    let Some(fault) = after.faults().iter().find(is_new) else { return Ok(()) };
    let nearest = match fault {
        Fault::Nowhere { target, .. } if before.name(target).is_none() => nearest::address(target, after),
        _ => None,
    };
    Err(EditError::Fault { fault: fault.clone(), nearest })
}

/// The stored rows on their way to what they shall be.
struct Draft<'a> {
    people: &'a People,
    new: Stored,
    /// What was asked for.
    row: Option<Bytes>,
    rows: Vec<RowChange>,
}

impl Draft<'_> {
    /// The number that the address has or had.
    fn number(&self, address: &Address) -> Result<Option<AccountId>, RowError> {
        self.row.as_ref().map(|row| ids::number(&folded(address), row)).transpose()
    }
}

#[cfg(test)]
mod tests;
