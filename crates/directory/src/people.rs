//! The people as they stand at one moment: what is declared and what is stored, put together and indexed; immutable.

use crate::account::{Entry, fold};
use crate::alias::{Fault, List, ListName, Place, Step};
use crate::declared::Declared;
use crate::removed::{Removed, RemovedAccount};
use crate::rows::Stored;
use crate::{Account, Alias, CatchAll, DomainSettings, LocalDomain, Origin};
use model::{AccountId, Address, Domain};
use std::collections::HashMap;
use std::sync::Arc;

/// Everything a look-up needs.
pub(crate) struct People {
    domains: Vec<Names>,
    /// A domain that is another's name leads to that one.
    by_domain: HashMap<Domain, usize>,
    /// The declared ones in their order, then the stored ones as they came.
    accounts: Vec<Arc<Entry>>,
    /// By folded local part; `None` where several accounts share it.
    by_local: HashMap<Box<str>, Option<usize>>,
    lists: Vec<List>,
    /// Who reads mail to `postmaster` and `abuse` where nobody has these names.
    postmaster: Option<Name>,
    demo: Option<Demo>,
    faults: Vec<Fault>,
    apop: bool,
    by_id: HashMap<AccountId, usize>,
    removed: Vec<RemovedAccount>,
    erasing: Vec<(AccountId, Address)>,
}

/// The demo takes mail to any domain; who gets a copy of everything.
struct Demo(Option<usize>);

/// A domain and who is in it.
struct Names {
    domain: LocalDomain,
    /// By folded local part.
    names: HashMap<Box<str>, Name>,
    /// The list that is its catch-all.
    caught: Option<usize>,
}

/// What an address stands for; the list goes first, for an account may forward.
#[derive(Clone, Copy, Default)]
pub(crate) struct Name {
    pub(crate) account: Option<usize>,
    pub(crate) list: Option<usize>,
}

/// Where an address leads.
pub(crate) enum Lookup<'a> {
    /// To another server.
    Foreign,
    /// The domain is ours, nobody has the local part.
    Nowhere,
    /// To this name.
    Named(Name, Option<&'a str>),
    /// To the list that is the domain's catch-all.
    Caught(usize),
}

impl People {
    pub(crate) fn of(declared: &Declared, stored: &Stored) -> People {
        let mut people = People {
            domains: Vec::new(),
            by_domain: HashMap::new(),
            accounts: Vec::new(),
            by_local: HashMap::new(),
            lists: Vec::new(),
            postmaster: None,
            demo: None,
            faults: Vec::new(),
            apop: false,
            by_id: HashMap::new(),
            removed: Vec::new(),
            erasing: stored.erasing.iter().map(|(id, address)| (*id, address.clone())).collect(),
        };
        people.add_domains(declared, stored);
        people.add_accounts(declared, stored);
        people.add_lists(stored);
        people.by_id = people.accounts.iter().enumerate().map(|(at, entry)| (entry.account.id, at)).collect();
        people.removed = people.all_removed(stored);
        people.apop = people.accounts.iter().any(|entry| entry.apop.is_some() && entry.may_log_in());
        people.postmaster = people.find_postmaster(declared.postmaster());
        if let CatchAll::Demo(everything) = declared.catch_all() {
            people.demo = Some(Demo(people.name(everything).and_then(|name| name.account)));
        }
        for at in 0..people.lists.len() {
            people.place(at);
        }
        let faults = people.lists_faults();
        people.faults.extend(faults);
        people
    }

    fn add_domains(&mut self, declared: &Declared, stored: &Stored) {
        for domain in declared.domains() {
            let catch_all = match declared.catch_all() {
                CatchAll::Account(account) => vec![account.clone()],
                CatchAll::Refuse | CatchAll::Demo(_) => Vec::new(),
            };
            let settings = DomainSettings { catch_all, ..DomainSettings::default() };
            self.add_domain(LocalDomain { domain: domain.clone(), settings, origin: Origin::Declared });
        }
        for (domain, settings) in &stored.domains {
            let settings = settings.clone();
            self.add_domain(LocalDomain { domain: domain.clone(), settings, origin: Origin::Stored });
        }
        for (at, names) in self.domains.iter().enumerate() {
            let Some(other) = &names.domain.settings.same_as else { continue };
            // One step only: which is all that an edit lets in.
            match self.domains.iter().position(|names| names.domain.domain == *other) {
                Some(other) if other != at => drop(self.by_domain.insert(names.domain.domain.clone(), other)),
                _ => {
                    let (domain, same_as) = (names.domain.domain.clone(), other.clone());
                    self.faults.push(Fault::SameAs { domain, same_as });
                }
            }
        }
    }

    /// Unless it is there: what is declared comes first and wins.
    fn add_domain(&mut self, domain: LocalDomain) {
        if !self.by_domain.contains_key(&domain.domain) {
            self.by_domain.insert(domain.domain.clone(), self.domains.len());
            self.domains.push(Names { domain, names: HashMap::new(), caught: None });
        }
    }

    fn add_accounts(&mut self, declared: &Declared, stored: &Stored) {
        let mut by_age: Vec<&Arc<Entry>> = stored.accounts.values().collect();
        by_age.sort_unstable_by_key(|entry| entry.account.id);
        for entry in declared.accounts().iter().chain(by_age) {
            let (at, address) = (self.accounts.len(), &entry.account.address);
            let Some(names) = self.names_mut(&address.domain) else {
                self.faults.push(Fault::Stranded { address: address.clone() });
                continue;
            };
            let name = names.entry(fold(address.local.as_str()).into()).or_default();
            if name.account.is_some() {
                continue; // declared and stored: the declared one was first
            }
            name.account = Some(at);
            let local = fold(address.local.as_str()).into();
            self.by_local.entry(local).and_modify(|other| *other = None).or_insert(Some(at));
            self.accounts.push(entry.clone());
        }
    }

    fn add_lists(&mut self, stored: &Stored) {
        for alias in stored.aliases.values() {
            let (at, address) = (self.lists.len(), &alias.address);
            match self.names_mut(&address.domain) {
                Some(names) => names.entry(fold(address.local.as_str()).into()).or_default().list = Some(at),
                None => {
                    self.faults.push(Fault::Stranded { address: address.clone() });
                    continue;
                }
            }
            self.lists.push(List::new(ListName::Alias(address.clone()), &alias.targets));
        }
        for names in &mut self.domains {
            let LocalDomain { domain, settings, .. } = &names.domain;
            if !settings.catch_all.is_empty() {
                names.caught = Some(self.lists.len());
                self.lists.push(List::new(ListName::CatchAll(domain.clone()), &settings.catch_all));
            }
        }
    }

    fn names_mut(&mut self, domain: &Domain) -> Option<&mut HashMap<Box<str>, Name>> {
        let at = self.by_domain.get(domain)?;
        self.domains.get_mut(*at).map(|names| &mut names.names)
    }

    /// The declared one; else who is called so in one of our domains; else the account `admin`; else the first.
    fn find_postmaster(&self, declared: Option<&Address>) -> Option<Name> {
        if let Some(address) = declared {
            return self.name(address);
        }
        let called = self.domains.iter().find_map(|names| names.names.get("postmaster").copied());
        let is_admin = |entry: &Arc<Entry>| entry.account.address.local.as_str().eq_ignore_ascii_case("admin");
        let account = || self.accounts.iter().position(is_admin).or((!self.accounts.is_empty()).then_some(0));
        called.or_else(|| account().map(|at| Name { account: Some(at), list: None }))
    }

    /// Looks up the targets of a list, once for all the mail that goes through it.
    fn place(&mut self, at: usize) {
        let Some(list) = self.lists.get(at) else { return };
        let steps = list.steps.iter().map(|step| self.placed(at, step)).collect();
        if let Some(list) = self.lists.get_mut(at) {
            list.steps = steps;
        }
    }

    fn placed(&self, of: usize, step: &Step) -> Step {
        let (place, detail) = match self.find(&step.address) {
            Lookup::Foreign => (Place::Foreign, None),
            // Who forwards to themselves keeps a copy.
            Lookup::Named(Name { account: Some(account), list }, detail) if list.is_none_or(|list| list == of) => {
                (Place::Account(account), detail)
            }
            Lookup::Named(Name { list: Some(list), .. }, detail) => (Place::List(list), detail),
            Lookup::Caught(list) if list != of => (Place::List(list), None),
            Lookup::Named(..) | Lookup::Caught(_) | Lookup::Nowhere => (Place::Nowhere, None),
        };
        Step { address: step.address.clone(), place, detail: detail.map(str::to_owned) }
    }

    /// Where `address` leads: who has this very name, then the roles that must be there, then whose name it is without
    /// its detail, then the catch-all.
    pub(crate) fn find<'a>(&self, address: &'a Address) -> Lookup<'a> {
        let Some(names) = self.names(&address.domain) else { return Lookup::Foreign };
        let local = address.local.as_str();
        if let Some(name) = self.in_domain(names, local) {
            return Lookup::Named(name, None);
        }
        // The longest name wins: of `mary-ann-lists`, `mary-ann` rather than `mary`.
        for (at, separator) in local.char_indices().rev() {
            if at == 0 || !names.domain.settings.separators.contains(separator) {
                continue;
            }
            let parts = local.split_at_checked(at);
            let Some((base, detail)) = parts.and_then(|(base, rest)| Some((base, rest.strip_prefix(separator)?)))
            else {
                continue;
            };
            if let Some(name) = self.in_domain(names, base) {
                return Lookup::Named(name, Some(detail));
            }
        }
        names.caught.map_or(Lookup::Nowhere, Lookup::Caught)
    }

    fn in_domain(&self, names: &Names, local: &str) -> Option<Name> {
        names.names.get(&*fold(local)).copied().or_else(|| self.role(local))
    }

    /// `postmaster` must be there in every domain we serve (RFC 5321 §4.5.1), `abuse` should (RFC 2142 §4).
    fn role(&self, local: &str) -> Option<Name> {
        let role = ["postmaster", "abuse"].iter().any(|role| local.eq_ignore_ascii_case(role));
        if role { self.postmaster } else { None }
    }

    fn names(&self, domain: &Domain) -> Option<&Names> {
        self.by_domain.get(domain).and_then(|&at| self.domains.get(at))
    }

    /// Who has this very address.
    pub(crate) fn name(&self, address: &Address) -> Option<Name> {
        self.names(&address.domain)?.names.get(&*fold(address.local.as_str())).copied()
    }

    pub(crate) fn is_local(&self, domain: &Domain) -> bool {
        self.by_domain.contains_key(domain)
    }

    pub(crate) fn is_demo(&self) -> bool {
        self.demo.is_some()
    }

    /// In the demo: who gets a copy of everything.
    pub(crate) fn everything(&self) -> Option<&Arc<Account>> {
        self.demo.as_ref().and_then(|demo| demo.0).and_then(|at| self.at(at))
    }

    pub(crate) fn postmaster(&self) -> Option<Name> {
        self.postmaster
    }

    pub(crate) fn at(&self, at: usize) -> Option<&Arc<Account>> {
        self.accounts.get(at).map(|entry| &entry.account)
    }

    pub(crate) fn account(&self, address: &Address) -> Option<&Arc<Account>> {
        self.name(address).and_then(|name| name.account).and_then(|at| self.at(at))
    }

    /// Who has this login: a full address, or a local part that only one account has.
    pub(crate) fn by_login(&self, login: &str) -> Option<&Arc<Entry>> {
        let at = match login.parse::<Address>() {
            Ok(address) => self.name(&address).and_then(|name| name.account),
            Err(_) => self.by_local.get(&*fold(login)).copied().flatten(),
        };
        at.and_then(|at| self.accounts.get(at))
    }

    pub(crate) fn account_by_id(&self, id: AccountId) -> Option<&Arc<Account>> {
        self.by_id.get(&id).and_then(|at| self.at(*at))
    }

    /// Who was removed, and whether they are there all the same.
    fn all_removed(&self, stored: &Stored) -> Vec<RemovedAccount> {
        let account = |removed: &Arc<Removed>| RemovedAccount {
            at: removed.at,
            account: removed.entry.account.clone(),
            there: self.by_id.contains_key(&removed.entry.account.id),
        };
        stored.removed.values().map(account).collect()
    }

    pub(crate) fn removed(&self) -> &[RemovedAccount] {
        &self.removed
    }

    pub(crate) fn erasing(&self) -> &[(AccountId, Address)] {
        &self.erasing
    }

    pub(crate) fn entries(&self) -> &[Arc<Entry>] {
        &self.accounts
    }

    /// Whether anybody may log in by APOP.
    pub(crate) fn has_apop(&self) -> bool {
        self.apop
    }

    pub(crate) fn lists(&self) -> &[List] {
        &self.lists
    }

    pub(crate) fn domain(&self, domain: &Domain) -> Option<&LocalDomain> {
        self.domains.iter().map(|names| &names.domain).find(|local| local.domain == *domain)
    }

    pub(crate) fn domains(&self) -> impl Iterator<Item = &LocalDomain> {
        self.domains.iter().map(|names| &names.domain)
    }

    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub(crate) fn aliases(&self) -> impl Iterator<Item = Alias> {
        self.lists.iter().filter_map(|list| match &list.name {
            ListName::Alias(address) => {
                let targets = list.steps.iter().map(|step| step.address.clone()).collect();
                Some(Alias { address: address.clone(), targets, origin: Origin::Stored })
            }
            ListName::CatchAll(_) => None,
        })
    }
}
