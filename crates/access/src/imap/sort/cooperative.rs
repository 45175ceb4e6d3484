//! Sorting with turns for others: a million texts take longer than anybody should wait.

use env::yield_now;
use std::cmp::Ordering;

/// Items that are sorted or merged before others get their turn: some milliseconds.
const ITEMS_AT_ONCE: usize = 4_096;

/// `items` in order. `compare` tells all apart, for equal ones may change places.
pub(crate) async fn sorted<T: Copy + Send>(
    mut items: Vec<T>,
    compare: impl Fn(&T, &T) -> Ordering + Send + Sync,
) -> Vec<T> {
    for run in items.chunks_mut(ITEMS_AT_ONCE) {
        run.sort_unstable_by(&compare);
        yield_now().await;
    }
    let mut width = ITEMS_AT_ONCE;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        for pair in items.chunks(2 * width) {
            merge(pair.split_at(width.min(pair.len())), &compare, &mut merged).await;
        }
        items = merged;
        width *= 2;
    }
    items
}

async fn merge<T: Copy + Send>(
    (mut left, mut right): (&[T], &[T]),
    compare: &(impl Fn(&T, &T) -> Ordering + Send + Sync),
    merged: &mut Vec<T>,
) {
    while let (Some((a, behind_a)), Some((b, behind_b))) = (left.split_first(), right.split_first()) {
        if compare(a, b) == Ordering::Greater {
            merged.push(*b);
            right = behind_b;
        } else {
            merged.push(*a);
            left = behind_a;
        }
        if merged.len().is_multiple_of(ITEMS_AT_ONCE) {
            yield_now().await;
        }
    }
    merged.extend_from_slice(left);
    merged.extend_from_slice(right);
}

#[cfg(test)]
mod tests {
    use super::*;
    use env::virtual_world::World;

    #[test]
    fn many_are_sorted() {
        for count in [0, 1, 2, 4_095, 4_096, 4_097, 8_193, 20_000, 65_536] {
            // A step that meets every place once.
            let items: Vec<usize> = (0..count).map(|n| n * 7_919 % count).collect();
            let sorted = World::new(1).block_on(sorted(items.clone(), Ord::cmp));
            let mut want = items;
            want.sort_unstable();
            assert_eq!(sorted, want, "{count}");
        }
    }
}
