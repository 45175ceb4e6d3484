//! To whom a forward path leads, and as whom an account may send.

use crate::account::fold;
use crate::people::{Lookup, Name, People};
use crate::{Account, Directory};
use model::{Address, ForwardPath};
use std::sync::Arc;

/// Where mail to a forward path goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resolution {
    /// To these, each once; never empty.
    Deliver(Vec<Target>),
    /// The domain is ours, but nobody has the local part (RFC 3463 §3.2, X.1.1).
    UnknownUser,
    /// The domain is not ours.
    NotLocal,
    /// The demo's misbehaviour on purpose.
    Fault(DemoFault),
    /// The demo's `slow`: to these accounts, but not soon.
    Slow(Vec<Arc<Account>>),
}

/// One of those whom mail goes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// Somebody here; a disabled account gets its mail like others.
    Account {
        /// Who.
        account: Arc<Account>,
        /// What the address said behind its separator (RFC 5233 §4): `lists` of `anna+lists@…`.
        detail: Option<String>,
    },
    /// Somebody on another server, to whom an alias forwards.
    Foreign(Address),
}

/// How an address of the demo misbehaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DemoFault {
    /// `fail-4xx`: always later.
    Temporary,
    /// `fail-5xx`: never.
    Permanent,
}

impl Target {
    pub(crate) fn account(account: Arc<Account>, detail: Option<&str>) -> Target {
        Target::Account { account, detail: detail.map(str::to_owned) }
    }
}

impl Directory {
    /// Follows `path`.
    pub fn resolve(&self, path: &ForwardPath) -> Resolution {
        self.people().resolve(path)
    }

    /// Whether mail to the address's domain is ours.
    pub fn is_local(&self, address: &Address) -> bool {
        self.people().is_local(&address.domain)
    }

    /// Whether `account` may write `address` as its own: its address, those of them with a detail, and every address
    /// whose mail it gets, be it by alias, as postmaster, or by a catch-all for what nobody has. Nobody may once their
    /// account is disabled or gone.
    pub fn may_send_as(&self, account: &Account, address: &Address) -> bool {
        let people = self.people();
        if !people.account(&account.address).is_some_and(|now| now.id == account.id && now.may_log_in()) {
            return false;
        }
        match people.find(address) {
            Lookup::Foreign | Lookup::Nowhere => false,
            Lookup::Named(name, _) => {
                name.account == Some(account.id) || name.list.is_some_and(|list| people.leads_to(list, account))
            }
            Lookup::Caught(list) => people.leads_to(list, account),
        }
    }
}

impl People {
    fn resolve(&self, path: &ForwardPath) -> Resolution {
        let ForwardPath::Address(address) = path else {
            return self.deliver(self.postmaster().map(|name| self.named(name, None)).unwrap_or_default());
        };
        if self.is_demo()
            && let Some(resolution) = self.misbehave(address)
        {
            return resolution;
        }
        match self.find(address) {
            Lookup::Foreign if !self.is_demo() => Resolution::NotLocal,
            Lookup::Foreign | Lookup::Nowhere => self.deliver(Vec::new()),
            Lookup::Named(name, detail) => self.deliver(self.named(name, detail)),
            Lookup::Caught(list) => self.deliver(self.targets(list, None)),
        }
    }

    /// An alias that leads nowhere does not hide the account of its name.
    fn named(&self, name: Name, detail: Option<&str>) -> Vec<Target> {
        let mut targets = name.list.map(|list| self.targets(list, detail)).unwrap_or_default();
        if targets.is_empty() {
            let account = name.account.and_then(|id| self.account_by_id(id));
            targets.extend(account.map(|account| Target::account(account, detail)));
        }
        targets
    }

    /// In the demo one account gets a copy of everything.
    fn deliver(&self, mut targets: Vec<Target>) -> Resolution {
        if let Some(everything) = self.everything() {
            let is_it = |target: &Target| matches!(target, Target::Account { account, .. } if *account == everything);
            if !targets.iter().any(is_it) {
                targets.push(Target::account(everything, None));
            }
        }
        if targets.is_empty() { Resolution::UnknownUser } else { Resolution::Deliver(targets) }
    }

    fn misbehave(&self, address: &Address) -> Option<Resolution> {
        match &*fold(address.local.as_str()) {
            "fail-4xx" => Some(Resolution::Fault(DemoFault::Temporary)),
            "fail-5xx" => Some(Resolution::Fault(DemoFault::Permanent)),
            "slow" => Some(Resolution::Slow(self.everything().into_iter().collect())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
