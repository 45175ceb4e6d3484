//! One wrong octet found again by the sum of 128 bits over it: memory and controllers turn over a bit more often than a disk loses a
//! sector. All that it could have been are tried; that another one has the same sum does not happen by chance. Sums of 32 bits
//! are too weak for it.

use std::cell::Cell;

/// Octets that are summed up at most in looking for wrong ones: some seconds.
pub(super) const EFFORT_OCTETS: u64 = 32 << 30;

/// Looks for the octet that has to be another one until `is_right`, which sums up `summed` octets each time; left is what `effort`
/// allows. Whether it was found; else `octets` are as they were.
pub(super) fn mend(octets: &mut [u8], summed: usize, effort: &Cell<u64>, is_right: impl Fn(&[u8]) -> bool) -> bool {
    let one_bit = (0..8).map(|bit| 1u8 << bit);
    let others = (1..=u8::MAX).filter(|change| !change.is_power_of_two());
    for changes in [one_bit.collect::<Vec<_>>(), others.collect()] {
        let tries = (octets.len() * changes.len() * summed) as u64;
        let Some(left) = effort.get().checked_sub(tries) else { return false };
        effort.set(left);
        for at in 0..octets.len() {
            if change(octets, at, &changes, &is_right) {
                return true;
            }
        }
    }
    false
}

fn change(octets: &mut [u8], at: usize, changes: &[u8], is_right: impl Fn(&[u8]) -> bool) -> bool {
    let Some(was) = octets.get(at).copied() else { return false };
    let mut put = |octet| {
        if let Some(place) = octets.get_mut(at) {
            *place = octet;
        }
        is_right(octets)
    };
    let found = changes.iter().any(|change| put(was ^ change));
    if !found {
        put(was);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_128;

    #[test]
    fn one_octet_is_found_and_two_are_not() {
        let whole: Vec<u8> = (0..1000u32).map(|n| (n * n) as u8).collect();
        let sum = xxh3_128(&whole);
        let tried = |changes: &[(usize, u8)], effort: u64| {
            let (mut octets, effort) = (whole.clone(), Cell::new(effort));
            changes.iter().for_each(|(at, change)| octets[*at] ^= change);
            let damaged = octets.clone();
            let found = mend(&mut octets, damaged.len(), &effort, |octets| xxh3_128(octets) == sum);
            assert!(octets == if found { &whole } else { &damaged }[..]);
            found
        };
        assert!(tried(&[(0, 0x80)], EFFORT_OCTETS) && tried(&[(999, 0xff)], EFFORT_OCTETS));
        assert!(!tried(&[(0, 1), (999, 1)], EFFORT_OCTETS));
        assert!(tried(&[(0, 0x80)], 8_000_000) && !tried(&[(0, 3)], 8_000_000), "one bit is looked for first");
    }
}
