use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::NameForm;

#[test]
fn star_is_the_largest_in_use() {
    let check = |text: &str, max, resolved: &str| {
        let set = SequenceSet::parse(&mut Cursor::new(text.as_bytes(), NameForm::default())).unwrap();
        assert_eq!(set.to_string(), text);
        assert_eq!(set.resolve(max).unwrap().to_string(), resolved, "{text} of {max}");
    };
    check("2,4:7,9,12:*", 15, "2,4:7,9,12:15");
    check("*:4,5:7", 10, "4:10");
    check("3291:*", 7, "7:3291");
    check("*", 0, "");
    check("1:*", 0, "1");
    check("5,3,4", 9, "3:5");
    check("1:4294967295", 9, "1:4294967295");
}

proptest! {
    #[test]
    fn a_set_holds_what_was_pushed(numbers in prop::collection::vec(1..40u32, 0..30)) {
        let set: NumberSet = numbers.iter().copied().collect();
        let expected: BTreeSet<u32> = numbers.into_iter().collect();
        prop_assert_eq!(set.iter().collect::<Vec<_>>(), expected.iter().copied().collect::<Vec<_>>());
        prop_assert_eq!(set.count(), expected.len() as u64);
        prop_assert_eq!((set.min(), set.max()), (expected.first().copied(), expected.last().copied()));
        for (from, to) in [(0, 0), (0, 3), (2, 9), (5, 99), (99, 100)] {
            let places = expected.iter().copied().skip(from).take(to - from).collect::<Vec<_>>();
            prop_assert_eq!(set.at(from as u64..to as u64).iter().collect::<Vec<_>>(), places);
        }
        for number in 0..41 {
            prop_assert_eq!(set.contains(number), expected.contains(&number));
        }
    }
}
