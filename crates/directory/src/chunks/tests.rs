use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Debug)]
struct Item(u16, u8);

impl Keyed for Item {
    type Key = u16;

    fn key(&self) -> u16 {
        self.0
    }
}

fn all(chunks: &Chunks<Item>) -> Vec<Item> {
    chunks.iter().cloned().collect()
}

#[track_caller]
fn check(chunks: &Chunks<Item>, expected: &BTreeMap<u16, u8>) {
    let expected: Vec<Item> = expected.iter().map(|(key, value)| Item(*key, *value)).collect();
    assert_eq!(all(chunks), expected);
    assert_eq!(chunks.len(), expected.len());
    assert!(chunks.chunks.iter().all(|chunk| (1..=CHUNK_MAX).contains(&chunk.len())));
}

/// Done to ours and to the standard library's.
#[derive(Clone, Debug)]
enum Step {
    Put(u16, u8),
    Remove(u16),
    /// As many as this, in order.
    Run(u16),
    Pack,
}

fn any_step() -> impl Strategy<Value = Step> {
    let key = || 0..2000_u16;
    prop_oneof![
        6 => (key(), any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
        6 => key().prop_map(Step::Remove),
        2 => key().prop_map(Step::Run),
        1 => Just(Step::Pack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_is_a_sorted_set_and_copies_do_not_change(
        steps in proptest::collection::vec(any_step(), 1..40), asked in 0..2000_u16
    ) {
        let (mut chunks, mut model) = (Chunks::default(), BTreeMap::new());
        for step in steps {
            let (before, was) = (chunks.clone(), all(&chunks));
            match step {
                Step::Put(key, value) => {
                    prop_assert_eq!(chunks.put(Item(key, value)).map(|old| old.1), model.insert(key, value));
                }
                Step::Remove(key) => {
                    prop_assert_eq!(chunks.remove(&key).map(|old| old.1), model.remove(&key));
                }
                Step::Run(many) => for key in 0..many {
                    chunks.put(Item(key, 0));
                    model.insert(key, 0);
                },
                Step::Pack => chunks.pack(),
            }
            check(&chunks, &model);
            prop_assert_eq!(all(&before), was);
        }
        prop_assert_eq!(chunks.get(&asked).map(|item| item.1), model.get(&asked).copied());
        let from: Vec<u16> = chunks.range_from(&asked).map(|item| item.0).collect();
        prop_assert_eq!(from, model.range(asked..).map(|(key, _)| *key).collect::<Vec<_>>());
    }
}

#[test]
fn a_change_copies_one_chunk_and_room_is_used() {
    let mut chunks = Chunks::default();
    for key in 0..10_000 {
        chunks.put(Item(key, 0));
    }
    assert_eq!(chunks.chunks.len(), 10_000_usize.div_ceil(CHUNK_MAX), "what comes in order fills chunks");
    let mut changed = chunks.clone();
    changed.put(Item(5000, 1));
    let shared = chunks.chunks.iter().zip(&changed.chunks).filter(|(old, new)| Arc::ptr_eq(old, new)).count();
    assert_eq!(shared, chunks.chunks.len() - 1);
    for key in (0..10_000).filter(|key| key % 100 != 0) {
        chunks.remove(&key);
    }
    assert!(chunks.chunks.len() <= 4, "few lie together: {}", chunks.chunks.len());
}
