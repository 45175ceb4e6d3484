//! The accounts that are stored, packed, without what they prove themselves by: that is read from the store when somebody
//! signs in (docs/decisions/0018-people-in-memory.md).

use crate::account::fold;
use crate::chunks::{Chunks, Keyed};
use crate::{Account, AccountState, Origin};
use model::{AccountId, Address, Domain, LocalPart, Quota};
use sasl::ScramHash;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// All of them, by number and by name. A copy shares nearly everything with what it was made of.
#[derive(Clone, Default)]
pub(crate) struct Roll {
    people: Chunks<Person>,
    names: Chunks<Place>,
    domains: Arc<Domains>,
    /// How many are in each domain, by its number.
    in_domains: Arc<Vec<u32>>,
    tally: Tally,
}

/// What is known of a credential without having it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seal {
    /// Another one for another credential.
    pub(crate) stamp: u64,
    pub(crate) apop: bool,
    pub(crate) scram_sha_256: bool,
    pub(crate) scram_sha_1: bool,
}

/// Some 60 octets, and the local part.
#[derive(Clone)]
pub(crate) struct Person {
    id: AccountId,
    name: u32,
    domain: u32,
    traits: u8,
    stamp: u64,
    octets: u64,
    messages: u64,
    local: LocalPart,
}

/// Where somebody is in the order of names. The hash of the folded local part leads, so one index serves those who give
/// their whole address and those who give a local part.
#[derive(Clone, Copy)]
struct Place {
    name: u32,
    domain: u32,
    id: AccountId,
}

/// Every domain that somebody stored was ever in, with a number of this process.
#[derive(Clone, Default)]
struct Domains {
    all: Vec<Domain>,
    numbers: HashMap<Domain, u32>,
}

/// How many accounts have or lack something.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Tally {
    pub(crate) lack_sha_256: usize,
    pub(crate) lack_sha_1: usize,
    /// Those who may log in by APOP now.
    pub(crate) apop: usize,
}

const ENABLED: u8 = 1;
const APOP: u8 = 1 << 1;
const SCRAM_SHA_256: u8 = 1 << 2;
const SCRAM_SHA_1: u8 = 1 << 3;
const LIMITED_OCTETS: u8 = 1 << 4;
const LIMITED_MESSAGES: u8 = 1 << 5;

impl Keyed for Person {
    type Key = (AccountId, u32, u32);

    fn key(&self) -> Self::Key {
        (self.id, self.name, self.domain)
    }
}

impl Keyed for Place {
    type Key = (u32, u32, AccountId);

    fn key(&self) -> Self::Key {
        (self.name, self.domain, self.id)
    }
}

impl Person {
    fn new(account: &Account, seal: Seal, domain: u32) -> Person {
        let traits = [
            (ENABLED, account.state == AccountState::Enabled),
            (APOP, seal.apop),
            (SCRAM_SHA_256, seal.scram_sha_256),
            (SCRAM_SHA_1, seal.scram_sha_1),
            (LIMITED_OCTETS, account.quota.octets.is_some()),
            (LIMITED_MESSAGES, account.quota.messages.is_some()),
        ];
        Person {
            id: account.id,
            name: hashed(&fold(account.address.local.as_str())),
            domain,
            traits: traits.into_iter().filter(|(_, has)| *has).fold(0, |all, (one, _)| all | one),
            stamp: seal.stamp,
            octets: account.quota.octets.unwrap_or_default(),
            messages: account.quota.messages.unwrap_or_default(),
            local: account.address.local.clone(),
        }
    }

    fn has(&self, one: u8) -> bool {
        self.traits & one != 0
    }

    pub(crate) fn id(&self) -> AccountId {
        self.id
    }

    pub(crate) fn has_apop(&self) -> bool {
        self.has(APOP)
    }

    /// Whether there are keys for this hash.
    pub(crate) fn has_scram(&self, hash: ScramHash) -> bool {
        self.has(match hash {
            ScramHash::Sha256 => SCRAM_SHA_256,
            ScramHash::Sha1 => SCRAM_SHA_1,
        })
    }

    pub(crate) fn stamp(&self) -> u64 {
        self.stamp
    }

    fn is_called(&self, folded: &str) -> bool {
        fold(self.local.as_str()) == folded
    }

    fn place(&self) -> Place {
        Place { name: self.name, domain: self.domain, id: self.id }
    }

    fn quota(&self) -> Quota {
        let limit = |one, limit| self.has(one).then_some(limit);
        Quota { octets: limit(LIMITED_OCTETS, self.octets), messages: limit(LIMITED_MESSAGES, self.messages) }
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally {
            lack_sha_256: usize::from(!self.has(SCRAM_SHA_256)),
            lack_sha_1: usize::from(!self.has(SCRAM_SHA_1)),
            apop: usize::from(self.has(APOP) && self.has(ENABLED)),
        }
    }
}

impl Tally {
    pub(crate) fn lack(&self, hash: ScramHash) -> usize {
        match hash {
            ScramHash::Sha256 => self.lack_sha_256,
            ScramHash::Sha1 => self.lack_sha_1,
        }
    }

    pub(crate) fn add(&mut self, other: Tally) {
        self.lack_sha_256 += other.lack_sha_256;
        self.lack_sha_1 += other.lack_sha_1;
        self.apop += other.apop;
    }

    /// `other` was added once.
    pub(crate) fn take(&mut self, other: Tally) {
        self.lack_sha_256 -= other.lack_sha_256;
        self.lack_sha_1 -= other.lack_sha_1;
        self.apop -= other.apop;
    }
}

impl Roll {
    pub(crate) fn len(&self) -> usize {
        self.people.len()
    }

    /// Puts an account in the place of who has its address.
    pub(crate) fn put(&mut self, account: &Account, seal: Seal) {
        self.remove(&account.address);
        self.add(account, seal);
    }

    /// An account whose address nobody has.
    pub(crate) fn add(&mut self, account: &Account, seal: Seal) {
        let domain = self.number(&account.address.domain);
        let person = Person::new(account, seal, domain);
        self.tally.add(person.tally());
        if let Some(count) = Arc::make_mut(&mut self.in_domains).get_mut(domain as usize) {
            *count += 1;
        }
        self.names.put(person.place());
        self.people.put(person);
    }

    pub(crate) fn remove(&mut self, address: &Address) {
        let Some(person) = self.find(&address.domain, &fold(address.local.as_str())) else { return };
        let (key, place) = (person.key(), person.place().key());
        self.names.remove(&place);
        let Some(person) = self.people.remove(&key) else { return };
        self.tally.take(person.tally());
        if let Some(count) = Arc::make_mut(&mut self.in_domains).get_mut(person.domain as usize) {
            *count -= 1;
        }
    }

    /// Takes no more memory than it needs: for when many were put in.
    pub(crate) fn pack(&mut self) {
        self.people.pack();
        self.names.pack();
    }

    fn number(&mut self, domain: &Domain) -> u32 {
        if let Some(number) = self.domains.numbers.get(domain) {
            return *number;
        }
        let domains = Arc::make_mut(&mut self.domains);
        let number = u32::try_from(domains.all.len()).expect("a process sees no four thousand million domains");
        domains.all.push(domain.clone());
        domains.numbers.insert(domain.clone(), number);
        Arc::make_mut(&mut self.in_domains).push(0);
        number
    }

    /// Who has this very address.
    pub(crate) fn find(&self, domain: &Domain, folded: &str) -> Option<&Person> {
        let domain = *self.domains.numbers.get(domain)?;
        let name = hashed(folded);
        let places = self.names.range_from(&(name, domain, AccountId(0)));
        let places = places.take_while(|place| (place.name, place.domain) == (name, domain));
        places.filter_map(|place| self.at(place)).find(|person| person.is_called(folded))
    }

    /// All who have this local part, domain by domain.
    pub(crate) fn called(&self, folded: &str) -> impl Iterator<Item = &Person> {
        let name = hashed(folded);
        let places = self.names.range_from(&(name, 0, AccountId(0))).take_while(move |place| place.name == name);
        places.filter_map(|place| self.at(place)).filter(move |person| person.is_called(folded))
    }

    /// Somebody, the same one for the same `dice` as long as nobody comes or goes near by.
    pub(crate) fn anybody(&self, dice: u32) -> Option<&Person> {
        let first = (0, 0, AccountId(0));
        let mut places = self.names.range_from(&(dice, 0, AccountId(0)));
        let place = places.next().or_else(|| self.names.range_from(&first).next())?;
        self.at(place)
    }

    fn at(&self, place: &Place) -> Option<&Person> {
        self.people.get(&(place.id, place.name, place.domain))
    }

    pub(crate) fn get(&self, id: AccountId) -> Option<&Person> {
        self.people.range_from(&(id, 0, 0)).next().filter(|person| person.id == id)
    }

    /// The oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Person> {
        self.people.iter()
    }

    /// Those who came after the account `last`, the oldest first.
    pub(crate) fn after(&self, last: Option<AccountId>) -> impl Iterator<Item = &Person> {
        let from = (last.unwrap_or(AccountId(0)), 0, 0);
        self.people.range_from(&from).skip_while(move |person| last == Some(person.id))
    }

    /// Domains with somebody in them, and how many these are.
    pub(crate) fn domains(&self) -> impl Iterator<Item = (&Domain, usize)> {
        let counted = self.domains.all.iter().zip(self.in_domains.iter());
        counted.filter(|(_, count)| **count > 0).map(|(domain, count)| (domain, *count as usize))
    }

    pub(crate) fn count_in(&self, domain: &Domain) -> usize {
        let number = self.domains.numbers.get(domain);
        number.and_then(|number| self.in_domains.get(*number as usize)).map_or(0, |count| *count as usize)
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    pub(crate) fn domain(&self, person: &Person) -> &Domain {
        self.domains.all.get(person.domain as usize).expect("a number is given with its domain, which stays")
    }

    pub(crate) fn address(&self, person: &Person) -> Address {
        Address { local: person.local.clone(), domain: self.domain(person).clone() }
    }

    pub(crate) fn account(&self, person: &Person) -> Account {
        let state = if person.has(ENABLED) { AccountState::Enabled } else { AccountState::Disabled };
        let (id, address, quota) = (person.id, self.address(person), person.quota());
        Account { id, address, quota, state, origin: Origin::Stored }
    }
}

/// Numbers of domains differ from one reading to the next.
impl PartialEq for Roll {
    fn eq(&self, other: &Roll) -> bool {
        let is_same = |(one, two): (&Person, &Person)| {
            (one.stamp, one.traits) == (two.stamp, two.traits) && self.account(one) == other.account(two)
        };
        self.len() == other.len() && self.iter().zip(other.iter()).all(is_same)
    }
}

fn hashed(folded: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    folded.hash(&mut hasher);
    hasher.finish() as u32
}

#[cfg(test)]
mod tests;
