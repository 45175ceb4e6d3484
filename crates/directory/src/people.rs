//! The people as they stand at one moment: what is declared and what is stored, put together and indexed; immutable.

use crate::account::{Entry, fold};
use crate::alias::{Fault, List, ListName, Place};
use crate::declared::Declared;
use crate::removed::{Removed, RemovedAccount};
use crate::roll::{Person, Roll, Tally};
use crate::rows::Stored;
use crate::{Account, Alias, CatchAll, DomainSettings, LocalDomain, Origin};
use model::{AccountId, Address, Domain};
use sasl::ScramHash;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

/// Everything a look-up needs.
pub(crate) struct People {
    domains: Vec<Names>,
    /// A domain that is another's name leads to that one.
    by_domain: HashMap<Domain, usize>,
    declared: Arc<Declared>,
    stored: Roll,
    /// Those among the stored who are not there for now: their domain is gone, or a declared account has their address.
    hidden: HashSet<AccountId>,
    /// Of those who are stored and there.
    tally: Tally,
    lists: Vec<List>,
    /// Who reads mail to `postmaster` and `abuse` where nobody has these names.
    postmaster: Option<Name>,
    demo: Option<Demo>,
    faults: Vec<Fault>,
    removed: Arc<BTreeMap<String, Removed>>,
    erasing: Arc<BTreeMap<AccountId, Address>>,
    /// See [`People::first_with_keys`].
    first_with_keys: OnceLock<Option<AccountId>>,
}

/// The demo takes mail to any domain; who gets a copy of everything.
struct Demo(Option<AccountId>);

/// Somebody who is declared, or who is stored.
pub(crate) enum Known<'a> {
    Declared(&'a Arc<Entry>),
    Stored(&'a Person),
}

/// Who logs in, and where the credential is.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) account: Arc<Account>,
    /// `None`: in the store.
    pub(crate) entry: Option<Arc<Entry>>,
    /// Of the credential as it was when these people were put together.
    pub(crate) stamp: u64,
}

/// A domain and who is in it.
struct Names {
    domain: LocalDomain,
    /// Lists by folded local part.
    lists: HashMap<Box<str>, usize>,
    /// The list that is its catch-all.
    caught: Option<usize>,
}

/// What an address stands for; the list goes first, for an account may forward.
#[derive(Clone, Copy, Default)]
pub(crate) struct Name {
    pub(crate) account: Option<AccountId>,
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
    pub(crate) fn of(declared: &Arc<Declared>, stored: &Stored) -> People {
        let mut people = People {
            domains: Vec::new(),
            by_domain: HashMap::new(),
            declared: declared.clone(),
            stored: stored.accounts.clone(),
            hidden: HashSet::new(),
            tally: stored.accounts.tally(),
            lists: Vec::new(),
            postmaster: None,
            demo: None,
            faults: Vec::new(),
            removed: stored.removed.clone(),
            erasing: stored.erasing.clone(),
            first_with_keys: OnceLock::new(),
        };
        people.add_domains(declared, stored);
        people.hide_accounts();
        people.add_lists(stored);
        people.postmaster = people.find_postmaster();
        if let CatchAll::Demo(everything) = declared.catch_all() {
            people.demo = Some(Demo(people.name(everything).and_then(|name| name.account)));
        }
        people.place_lists();
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
        for (domain, settings) in stored.domains.iter() {
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
            self.domains.push(Names { domain, lists: HashMap::new(), caught: None });
        }
    }

    /// What is declared wins over what is stored, and who is in a domain that is not ours waits for it.
    fn hide_accounts(&mut self) {
        let mut hidden = Vec::new();
        for Account { address, .. } in self.declared.accounts().iter().map(|entry| &*entry.account) {
            hidden.extend(self.stored.find(&address.domain, &fold(address.local.as_str())));
        }
        let gone: HashSet<&Domain> =
            self.stored.domains().filter(|(domain, _)| !self.is_own(domain)).map(|of| of.0).collect();
        if !gone.is_empty() {
            for person in self.stored.iter().filter(|person| gone.contains(self.stored.domain(person))) {
                self.faults.push(Fault::Stranded { address: self.stored.address(person) });
                hidden.push(person);
            }
        }
        for person in hidden {
            if self.hidden.insert(person.id()) {
                self.tally.take(person.tally());
            }
        }
    }

    /// Whether the domain is ours, and not only another's name.
    fn is_own(&self, domain: &Domain) -> bool {
        self.names(domain).is_some_and(|names| names.domain.domain == *domain)
    }

    fn add_lists(&mut self, stored: &Stored) {
        for alias in stored.aliases.values() {
            let (at, address) = (self.lists.len(), &alias.address);
            match self.by_domain.get(&address.domain).and_then(|at| self.domains.get_mut(*at)) {
                Some(names) => drop(names.lists.insert(fold(address.local.as_str()).into(), at)),
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

    /// The declared one; else who is called so in one of our domains; else the account `admin`; else the first.
    fn find_postmaster(&self) -> Option<Name> {
        if let Some(address) = self.declared.postmaster() {
            return self.name(address);
        }
        let called = self.domains.iter().find_map(|names| self.called(names, "postmaster"));
        let admin = || {
            let declared = self.declared.called("admin").map(|entry| entry.account.id).next();
            declared.or_else(|| self.visible(self.stored.called("admin")).map(Person::id).min())
        };
        let first = || {
            let declared = self.declared.accounts().first().map(|entry| entry.account.id);
            declared.or_else(|| self.visible(self.stored.iter()).map(Person::id).next())
        };
        let account = || admin().or_else(first).map(|id| Name { account: Some(id), list: None });
        called.or_else(account)
    }

    /// Looks up the targets of all lists, once for all the mail that goes through them.
    fn place_lists(&mut self) {
        let mut lists = std::mem::take(&mut self.lists);
        for (at, list) in lists.iter_mut().enumerate() {
            for step in &mut list.steps {
                let (place, detail) = self.placed(at, &step.address);
                (step.place, step.detail) = (place, detail.map(str::to_owned));
            }
        }
        self.lists = lists;
    }

    fn placed<'a>(&self, of: usize, target: &'a Address) -> (Place, Option<&'a str>) {
        match self.find(target) {
            Lookup::Foreign => (Place::Foreign, None),
            // Who forwards to themselves keeps a copy.
            Lookup::Named(Name { account: Some(account), list }, detail) if list.is_none_or(|list| list == of) => {
                (Place::Account(account), detail)
            }
            Lookup::Named(Name { list: Some(list), .. }, detail) => (Place::List(list), detail),
            Lookup::Caught(list) if list != of => (Place::List(list), None),
            Lookup::Named(..) | Lookup::Caught(_) | Lookup::Nowhere => (Place::Nowhere, None),
        }
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
        self.called(names, &fold(local)).or_else(|| self.role(local))
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
        self.called(self.names(&address.domain)?, &fold(address.local.as_str()))
    }

    fn called(&self, names: &Names, folded: &str) -> Option<Name> {
        let domain = &names.domain.domain;
        let account = match self.declared.find(domain, folded) {
            Some(entry) => Some(entry.account.id),
            None => self.visible(self.stored.find(domain, folded)).map(Person::id).next(),
        };
        let list = names.lists.get(folded).copied();
        (account.is_some() || list.is_some()).then_some(Name { account, list })
    }

    /// Those of them who are there.
    fn visible<'a>(&self, people: impl IntoIterator<Item = &'a Person>) -> impl Iterator<Item = &'a Person> {
        people.into_iter().filter(|person| !self.hidden.contains(&person.id()))
    }

    pub(crate) fn is_local(&self, domain: &Domain) -> bool {
        self.by_domain.contains_key(domain)
    }

    pub(crate) fn is_demo(&self) -> bool {
        self.demo.is_some()
    }

    /// In the demo: who gets a copy of everything.
    pub(crate) fn everything(&self) -> Option<Arc<Account>> {
        self.demo.as_ref().and_then(|demo| demo.0).and_then(|id| self.account_by_id(id))
    }

    pub(crate) fn postmaster(&self) -> Option<Name> {
        self.postmaster
    }

    pub(crate) fn known(&self, id: AccountId) -> Option<Known<'_>> {
        let stored = || self.visible(self.stored.get(id)).next().map(Known::Stored);
        self.declared.get(id).map(Known::Declared).or_else(stored)
    }

    pub(crate) fn account_by_id(&self, id: AccountId) -> Option<Arc<Account>> {
        Some(match self.known(id)? {
            Known::Declared(entry) => entry.account.clone(),
            Known::Stored(person) => Arc::new(self.stored.account(person)),
        })
    }

    pub(crate) fn account(&self, address: &Address) -> Option<Arc<Account>> {
        self.name(address).and_then(|name| name.account).and_then(|id| self.account_by_id(id))
    }

    /// The address as its account writes it; as it is where there is none.
    pub(crate) fn address_of(&self, address: &Address) -> Address {
        self.account(address).map_or_else(|| address.clone(), |account| account.address.clone())
    }

    /// Who has this login and may use it: a full address, or a local part that only one account has.
    pub(crate) fn by_login(&self, login: &str) -> Option<Login> {
        let id = match login.parse::<Address>() {
            Ok(address) => self.name(&address)?.account?,
            Err(_) => {
                let folded = fold(login);
                let declared = self.declared.called(&folded).map(|entry| entry.account.id);
                let mut called = declared.chain(self.visible(self.stored.called(&folded)).map(Person::id));
                let first = called.next()?;
                if called.next().is_some() {
                    return None;
                }
                first
            }
        };
        let (account, known) = (self.account_by_id(id)?, self.known(id)?);
        let (entry, stamp) = match known {
            Known::Declared(entry) => (Some(entry.clone()), entry.stamp()),
            Known::Stored(person) => (None, person.stamp()),
        };
        account.may_log_in().then_some(Login { account, entry, stamp })
    }

    /// Declared accounts.
    pub(crate) fn declared(&self) -> &[Arc<Entry>] {
        self.declared.accounts()
    }

    /// The address of somebody who is stored: who it is says `dice`.
    pub(crate) fn anybody(&self, dice: u32) -> Option<Address> {
        self.stored.anybody(dice).map(|person| self.stored.address(person))
    }

    /// The first account with keys for SCRAM-SHA-256.
    pub(crate) fn first_with_keys(&self) -> Option<Known<'_>> {
        let hash = ScramHash::Sha256;
        let has_keys = |entry: &&Arc<Entry>| entry.credential.scram(hash).is_some();
        if let Some(entry) = self.declared().iter().find(has_keys) {
            return Some(Known::Declared(entry));
        }
        let find = || self.visible(self.stored.iter()).find(|person| person.has_scram(hash)).map(Person::id);
        self.known((*self.first_with_keys.get_or_init(find))?)
    }

    /// Whether everybody can be verified by SCRAM with this hash.
    pub(crate) fn all_have_scram(&self, hash: ScramHash) -> bool {
        self.tally.lack(hash) == 0 && self.declared().iter().all(|entry| entry.credential.has_scram(hash))
    }

    /// Whether anybody may log in by APOP.
    pub(crate) fn has_apop(&self) -> bool {
        let may = |entry: &Arc<Entry>| entry.apop.is_some() && entry.account.may_log_in();
        self.tally.apop > 0 || self.declared().iter().any(may)
    }

    /// How many accounts there are.
    pub(crate) fn count(&self) -> usize {
        self.declared().len() + self.stored.len() - self.hidden.len()
    }

    /// Those who are stored, the oldest first; one after the other, for who holds no borrow.
    pub(crate) fn stored_after(&self, last: Option<AccountId>) -> Option<Arc<Account>> {
        let person = self.visible(self.stored.after(last)).next()?;
        Some(Arc::new(self.stored.account(person)))
    }

    /// The addresses of the accounts in a domain.
    pub(crate) fn accounts_in(&self, domain: &Domain) -> impl Iterator<Item = Address> {
        let declared = self.declared().iter().map(|entry| entry.account.address.clone());
        let stored = self.stored.iter().filter(move |person| self.stored.domain(person) == domain);
        let stored = self.visible(stored).map(|person| self.stored.address(person));
        declared.filter(move |address| address.domain == *domain).chain(stored)
    }

    pub(crate) fn address(&self, person: &Person) -> Address {
        self.stored.address(person)
    }

    /// Who was removed, and whether they are there all the same.
    pub(crate) fn removed(&self) -> impl Iterator<Item = RemovedAccount> {
        self.removed.values().map(|removed| RemovedAccount {
            at: removed.at,
            account: removed.account.clone(),
            there: self.known(removed.account.id).is_some(),
        })
    }

    pub(crate) fn erasing(&self) -> impl Iterator<Item = (AccountId, Address)> {
        self.erasing.iter().map(|(id, address)| (*id, address.clone()))
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

#[cfg(test)]
mod tests;
