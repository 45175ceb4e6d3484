use super::*;
use crate::world::address;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn seal(stamp: u64) -> Seal {
    Seal {
        stamp,
        apop: stamp.is_multiple_of(2),
        scram_sha_256: stamp.is_multiple_of(3),
        scram_sha_1: stamp.is_multiple_of(5),
    }
}

/// Few names in few domains, in any case; few numbers, so that some would share one.
fn any_account() -> impl Strategy<Value = Account> {
    let limit = || proptest::option::of(prop_oneof![Just(0), Just(u64::MAX), any::<u64>()]);
    let state = prop_oneof![Just(AccountState::Enabled), Just(AccountState::Disabled)];
    ("[a-dA-D]|ä|Ä", 0..3, 0..40_u32, limit(), limit(), state).prop_map(
        |(local, domain, id, octets, messages, state)| {
            let address = address(&format!("{local}@d{domain}.test"));
            let quota = Quota { octets, messages };
            Account { id: AccountId(id), address, quota, state, origin: Origin::Stored }
        },
    )
}

/// By domain and folded local part, as the store has them.
type Book = BTreeMap<(String, String), (Account, u64)>;

fn key(address: &Address) -> (String, String) {
    (address.domain.to_string(), fold(address.local.as_str()).into_owned())
}

fn check(roll: &Roll, book: &Book) {
    assert_eq!((roll.len(), roll.names.len()), (book.len(), book.len()));
    let mut tally = Tally::default();
    for ((domain, local), (account, stamp)) in book {
        let person = roll.find(&domain.parse().unwrap(), local).unwrap();
        assert_eq!((&roll.account(person), person.stamp()), (account, *stamp));
        assert_eq!(
            (person.has_apop(), person.has_scram(ScramHash::Sha256)),
            (stamp.is_multiple_of(2), stamp.is_multiple_of(3))
        );
        assert!(roll.get(account.id).is_some_and(|person| person.id() == account.id));
        let called = book.keys().filter(|(_, other)| other == local).count();
        assert_eq!(roll.called(local).count(), called);
        let others = book.keys().filter(|(other, _)| other == domain).count();
        assert_eq!(roll.count_in(&domain.parse().unwrap()), others);
        tally.add(person.tally());
    }
    assert_eq!(roll.tally(), tally);
    assert!(roll.find(&"d0.test".parse().unwrap(), "nobody").is_none());
    assert_eq!(roll.domains().map(|(_, count)| count).sum::<usize>(), book.len());
    assert!(roll.iter().is_sorted_by_key(Keyed::key));
    assert_eq!(roll.anybody(7).is_none(), book.is_empty());
}

proptest! {
    #[test]
    fn it_is_what_the_rows_say(
        steps in proptest::collection::vec((any_account(), any::<u64>(), 0..3), 0..60)
    ) {
        let (mut roll, mut book) = (Roll::default(), Book::new());
        for (account, stamp, what) in steps {
            if what == 0 {
                roll.remove(&account.address);
                book.remove(&key(&account.address));
            } else {
                roll.put(&account, seal(stamp));
                book.insert(key(&account.address), (account, stamp));
            }
            check(&roll, &book);
        }
        let mut again = Roll::default();
        for (account, stamp) in book.values().rev() {
            again.put(account, seal(*stamp));
        }
        again.pack();
        check(&again, &book);
        let by_number = |roll: &Roll| {
            let mut all: Vec<_> = roll.iter().map(|person| roll.account(person)).collect();
            all.sort_by_key(|account| (account.id, account.address.clone()));
            all
        };
        prop_assert_eq!(by_number(&again), by_number(&roll));
    }
}

#[test]
fn those_who_come_later_are_found_one_after_the_other() {
    let mut roll = Roll::default();
    for id in [5, 3, 9] {
        let (address, quota, state) = (address(&format!("n{id}@d.test")), Quota::default(), AccountState::Enabled);
        roll.put(&Account { id: AccountId(id), address, quota, state, origin: Origin::Stored }, seal(1));
    }
    let next = |last: Option<u32>| roll.after(last.map(AccountId)).next().map(|person| person.id().0);
    assert_eq!([next(None), next(Some(3)), next(Some(5)), next(Some(9))], [Some(3), Some(5), Some(9), None]);
    let same = roll.clone();
    assert!(same == roll);
    roll.remove(&address("N5@D.test"));
    assert!(same != roll);
}

#[test]
fn a_person_is_small() {
    assert_eq!(size_of::<Person>(), 56);
    assert_eq!(size_of::<Place>(), 12);
}
