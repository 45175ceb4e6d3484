use super::*;
use proptest::prelude::*;

fn flag() -> impl Strategy<Value = Flag> {
    let names = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Junk", "$junk", "a", "b", "Work"];
    proptest::sample::select(names.to_vec()).prop_map(|name| Flag::parse(name).unwrap())
}

proptest! {
    #[test]
    fn names_come_back(flags in proptest::collection::vec(flag(), 0..12), before in proptest::collection::vec(flag(), 0..6)) {
        let mut table = KeywordTable::default();
        table.name(&before);
        let (bits, new) = table.name(&flags);
        prop_assert_eq!(table.name(&flags), (bits, false), "known the second time");
        prop_assert_eq!(new, flags.iter().any(|flag| matches!(flag, Flag::Keyword(_)) && !before.contains(flag)));
        let named: Vec<Flag> = table.names(bits).map(|name| Flag::parse(name).unwrap()).collect();
        prop_assert!(flags.iter().all(|flag| named.contains(flag)) && named.iter().all(|flag| flags.contains(flag)));
        prop_assert_eq!(KeywordTable::decode(&table.encode()), Ok(table.clone()));
        prop_assert!(table.all().contains(bits.keywords()));
        let mut e = Encoder::default();
        bits.encode(&mut e);
        let octets = e.into_fields();
        prop_assert_eq!(FlagBits::decode(&mut Decoder::fields(&octets, 1)), Ok(bits));
    }
}

#[test]
fn sets_are_sets() {
    let both = FlagBits::SEEN.or(FlagBits::DELETED);
    assert!(both.contains(FlagBits::SEEN) && both.contains(FlagBits::NONE) && !FlagBits::SEEN.contains(both));
    assert_eq!((both.without(FlagBits::SEEN), both.and(FlagBits::SEEN)), (FlagBits::DELETED, FlagBits::SEEN));
    assert_eq!(both.keywords(), FlagBits::NONE);
}

#[test]
fn a_full_table_still_knows_its_names() {
    let keyword = |n: usize| Flag::parse(&format!("k{n}")).unwrap();
    let mut table = KeywordTable::default();
    table.name(&(0..KEYWORDS_MAX).map(keyword).collect::<Vec<_>>());
    assert_eq!(table.fits(&[keyword(127), Flag::Seen]), Ok(()));
    assert_eq!(table.fits(&[keyword(128)]), Err(Error::KeywordsFull));
    let last = table.bit(&keyword(127)).unwrap();
    assert_eq!(table.names(last).collect::<Vec<_>>(), ["k127"]);
    assert_eq!(table.bit(&keyword(128)), None);
}

/// Found by fuzzing: the 129th name shifted its bit out of the set.
#[test]
fn a_row_names_no_more_keywords_than_there_are_bits() {
    let mut e = Encoder::new(1);
    e.usize(KEYWORDS_MAX + 1);
    (0..=KEYWORDS_MAX).for_each(|n| {
        e.str(&format!("k{n}"));
    });
    assert_eq!(KeywordTable::decode(&e.finish()), Err(RecordError::Value));
}
