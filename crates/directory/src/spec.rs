//! What a directory is built from.

use crate::Credential;
use model::{Address, Domain, Quota};

/// What a configuration or a demo declares about people. It is not edited, and wins over what is stored.
#[derive(Clone, Debug)]
pub struct DirectorySpec {
    /// The domains whose mail is ours.
    pub domains: Vec<Domain>,
    /// Who owns mail; each address once, in one of the domains.
    pub accounts: Vec<AccountSpec>,
    /// What becomes of mail to local parts that nobody has.
    pub catch_all: CatchAll,
    /// Who reads mail to `postmaster` and `abuse` of any domain (RFC 5321 §4.5.1, RFC 2142 §4); else who is called
    /// `postmaster`, else the account `admin`, else the first.
    pub postmaster: Option<Address>,
}

impl DirectorySpec {
    /// Domains without accounts.
    pub fn new(domains: Vec<Domain>) -> DirectorySpec {
        DirectorySpec { domains, accounts: Vec::new(), catch_all: CatchAll::Refuse, postmaster: None }
    }
}

/// One account.
#[derive(Clone, Debug)]
pub struct AccountSpec {
    /// Its address, which is also its login.
    pub address: Address,
    /// By what it is known.
    pub credential: Credential,
    /// What it may keep.
    pub quota: Quota,
    /// Whether it may log in by APOP; only with a password in the clear.
    pub apop: bool,
}

impl AccountSpec {
    /// An account without quota and APOP.
    pub fn new(address: Address, credential: Credential) -> AccountSpec {
        AccountSpec { address, credential, quota: Quota::default(), apop: false }
    }
}

/// What becomes of mail to addresses that nobody has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CatchAll {
    /// It is refused.
    Refuse,
    /// Mail to any local part of a declared domain goes to this account.
    Account(Address),
    /// The demo: mail to any address of any domain goes to this account, and everybody else's mail to it as well;
    /// `fail-4xx`, `fail-5xx` and `slow` misbehave.
    Demo(Address),
}
