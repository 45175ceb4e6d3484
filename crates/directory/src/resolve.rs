//! To whom a forward path leads.

use crate::account::folded;
use crate::{Account, CatchAll, Directory};
use model::{Address, ForwardPath};
use std::sync::Arc;

/// Where mail to a forward path goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resolution {
    /// To these accounts, each once; never empty.
    Deliver(Vec<Arc<Account>>),
    /// The domain is ours, but nobody has the local part (RFC 3463 §3.2, X.1.1).
    UnknownUser,
    /// The domain is not ours.
    NotLocal,
    /// The demo's misbehaviour on purpose.
    Fault(DemoFault),
    /// The demo's `slow`: to these accounts, but not soon.
    Slow(Vec<Arc<Account>>),
}

/// How an address of the demo misbehaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DemoFault {
    /// `fail-4xx`: always later.
    Temporary,
    /// `fail-5xx`: never.
    Permanent,
}

impl Directory {
    /// Follows `path`.
    pub fn resolve(&self, path: &ForwardPath) -> Resolution {
        let ForwardPath::Address(address) = path else { return self.deliver(self.own_postmaster().into_iter()) };
        if matches!(self.catch_all, CatchAll::Demo(_)) {
            match folded(address).split('@').next() {
                Some("fail-4xx") => return Resolution::Fault(DemoFault::Temporary),
                Some("fail-5xx") => return Resolution::Fault(DemoFault::Permanent),
                Some("slow") => return Resolution::Slow(self.with_everything(Vec::new())),
                _ => {}
            }
        } else if !self.is_local(address) {
            return Resolution::NotLocal;
        }
        let named = self.account(address).or_else(|| self.role(address));
        let caught = || match &self.catch_all {
            CatchAll::Account(account) => self.account(account),
            CatchAll::Refuse | CatchAll::Demo(_) => None,
        };
        self.deliver(named.or_else(caught).into_iter())
    }

    /// Whether mail to the address's domain is ours.
    pub fn is_local(&self, address: &Address) -> bool {
        self.domains.contains(&address.domain)
    }

    fn deliver<'a>(&'a self, named: impl Iterator<Item = &'a Arc<Account>>) -> Resolution {
        let accounts = self.with_everything(named.cloned().collect());
        if accounts.is_empty() { Resolution::UnknownUser } else { Resolution::Deliver(accounts) }
    }

    /// In the demo one account gets a copy of everything.
    fn with_everything(&self, mut accounts: Vec<Arc<Account>>) -> Vec<Arc<Account>> {
        if let CatchAll::Demo(everything) = &self.catch_all
            && let Some(everything) = self.account(everything)
            && !accounts.contains(everything)
        {
            accounts.push(everything.clone());
        }
        accounts
    }

    /// `postmaster` must be there in every domain we serve (RFC 5321 §4.5.1), `abuse` should (RFC 2142 §4).
    fn role(&self, address: &Address) -> Option<&Arc<Account>> {
        let role = ["postmaster", "abuse"].iter().any(|role| address.local.as_str().eq_ignore_ascii_case(role));
        if role && self.is_local(address) { self.own_postmaster() } else { None }
    }

    fn own_postmaster(&self) -> Option<&Arc<Account>> {
        self.postmaster.and_then(|at| self.at(at))
    }
}

#[cfg(test)]
mod tests;
