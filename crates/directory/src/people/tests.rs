use super::*;
use crate::roll::Seal;
use crate::world::{address, cheap_hash};
use crate::{AccountSpec, AccountState, DirectorySpec};
use model::Quota;
use proptest::prelude::*;

const LOCALS: [&str; 6] = ["a", "B", "b", "Ä", "postmaster", "admin"];
const DOMAINS: usize = 4;

fn domain(n: usize) -> Domain {
    format!("d{n}.test").parse().unwrap()
}

/// Local part and domain by number, whether enabled, with APOP, with keys.
type Some = (usize, usize, bool, bool, bool);

fn any_people(domains: usize) -> impl Strategy<Value = Vec<Some>> {
    let one =
        (0..LOCALS.len(), 0..domains, any::<bool>(), proptest::bool::weighted(0.1), proptest::bool::weighted(0.9));
    proptest::collection::vec(one, 0..12)
}

fn address_of((local, at, ..): &Some) -> Address {
    address(&format!("{}@{}", LOCALS[*local], domain(*at)))
}

/// The first two domains are declared, with these people; all of the same address but the first are left out.
fn declared(people: &[Some]) -> Arc<Declared> {
    let mut spec = DirectorySpec::new(vec![domain(0), domain(1)]);
    let mut seen = HashSet::new();
    for one in people.iter().filter(|one| seen.insert(crate::account::folded(&address_of(one)))) {
        spec.accounts.push(AccountSpec::new(address_of(one), cheap_hash(b"x")));
    }
    let ids = (0..spec.accounts.len() as u32).map(|n| AccountId(100 + n)).collect();
    Arc::new(Declared::new(spec, ids))
}

/// The third domain is there or not, or another's name; the fourth never is.
fn stored(people: &[Some], third: Option<Option<usize>>) -> Stored {
    let mut stored = Stored::default();
    if let Some(same_as) = third {
        let settings = DomainSettings { same_as: same_as.map(domain), ..DomainSettings::default() };
        Arc::make_mut(&mut stored.domains).insert(domain(2), settings);
    }
    for (n, one) in people.iter().enumerate() {
        let &(.., enabled, apop, keys) = one;
        let (id, address, quota) = (AccountId(people.len() as u32 - n as u32), address_of(one), Quota::default());
        let state = if enabled { AccountState::Enabled } else { AccountState::Disabled };
        let seal = Seal { stamp: n as u64, apop, scram_sha_256: keys, scram_sha_1: true };
        stored.accounts.put(&Account { id, address, quota, state, origin: Origin::Stored }, seal);
    }
    stored
}

proptest! {
    /// By the book: one list of all who are there, looked through from the front.
    #[test]
    fn everybody_is_found_and_nobody_else(
        ours in any_people(2), theirs in any_people(DOMAINS),
        third in proptest::option::of(proptest::option::of(0..2_usize)),
    ) {
        let (declared, stored) = (declared(&ours), stored(&theirs, third));
        let people = People::of(&declared, &stored);
        let is_own = |domain_of: &Domain| (0..2).any(|n| *domain_of == domain(n))
            || *domain_of == domain(2) && third == Some(None);
        let mut all: Vec<Account> = declared.accounts().iter().map(|entry| Account::clone(&entry.account)).collect();
        let (mut lack, mut apop) = (!all.is_empty(), false);
        for person in stored.accounts.iter() {
            let account = stored.accounts.account(person);
            let is_same = |other: &Account| {
                fold(other.address.local.as_str()) == fold(account.address.local.as_str())
                    && other.address.domain == account.address.domain
            };
            if is_own(&account.address.domain) && !all.iter().any(is_same) {
                lack |= !person.has_scram(ScramHash::Sha256);
                apop |= person.has_apop() && account.may_log_in();
                all.push(account);
            }
        }
        prop_assert_eq!(people.count(), all.len());
        prop_assert_eq!((people.all_have_scram(ScramHash::Sha256), people.has_apop()), (!lack, apop));
        let first = people.stored_after(None);
        let listed: Vec<_> = std::iter::successors(first, |last| people.stored_after(Some(last.id))).collect();
        prop_assert!(listed.iter().map(|account| &**account).eq(all.iter().skip(declared.accounts().len())));
        for account in &all {
            prop_assert!(people.account_by_id(account.id).is_some_and(|found| *found == *account));
        }
        for local in LOCALS {
            let called = || all.iter().filter(|account| fold(account.address.local.as_str()) == fold(local));
            let only = called().next().filter(|_| called().count() == 1);
            let may = only.filter(|account| account.may_log_in());
            prop_assert_eq!(people.by_login(local).map(|login| login.account.id), may.map(|account| account.id));
            for at in 0..DOMAINS {
                let real = if at == 2 { third.flatten().unwrap_or(2) } else { at };
                let expected = called().find(|account| account.address.domain == domain(real));
                let found = people.account(&address(&format!("{local}@{}", domain(at))));
                prop_assert_eq!(found.as_deref(), expected);
            }
        }
    }
}
