//! Sets of message numbers: as a client writes them, and as they are once `*` is known.

use std::fmt;

use crate::cursor::{Cursor, ParseError, Parsed};
use crate::limits::SEQUENCE_ITEMS_MAX;

/// One end of a range: a number, or `*` for the largest in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SeqBound {
    /// A number, never zero.
    Number(u32),
    /// `*`
    Star,
}

/// A number (both bounds equal) or a range, its ends in either order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeqRange {
    /// The end written first.
    pub first: SeqBound,
    /// The end written last.
    pub last: SeqBound,
}

/// `sequence-set` as written (RFC 9051 §9): sequence numbers or UIDs, depending on the command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SequenceSet {
    /// `$`: the result of the last SEARCH with SAVE (RFC 5182 §2.1).
    Saved,
    /// At least one range.
    Ranges(Vec<SeqRange>),
}

impl SequenceSet {
    /// The set for one number.
    pub fn one(number: u32) -> SequenceSet {
        let bound = SeqBound::Number(number);
        SequenceSet::Ranges(vec![SeqRange { first: bound, last: bound }])
    }

    /// The numbers meant, with `*` standing for `max`, the largest in use; `None` for `$`, which only the caller knows.
    ///
    /// `max` zero means that nothing is in use: what is answered then holds nothing that exists.
    pub fn resolve(&self, max: u32) -> Option<NumberSet> {
        let SequenceSet::Ranges(ranges) = self else { return None };
        let value = |bound| match bound {
            SeqBound::Number(n) => n,
            SeqBound::Star => max,
        };
        let mut sorted: Vec<(u32, u32)> = ranges
            .iter()
            .map(|r| (value(r.first), value(r.last)))
            .map(|(a, b)| (a.min(b).max(1), a.max(b)))
            .filter(|(first, last)| first <= last)
            .collect();
        sorted.sort_unstable();
        let mut set = NumberSet::new();
        for (first, last) in sorted {
            set.append(first, last);
        }
        Some(set)
    }
}

/// Numbers in ascending order, kept and printed as ranges: what COPYUID, ESEARCH and membership need.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NumberSet(Vec<(u32, u32)>);

impl NumberSet {
    /// The empty set.
    pub fn new() -> NumberSet {
        NumberSet::default()
    }

    /// Adds a number; cheap when it is larger than all before.
    pub fn push(&mut self, number: u32) {
        match self.0.last() {
            Some(&(first, _)) if number < first => {
                self.0.push((number, number));
                let mut ranges = std::mem::take(&mut self.0);
                ranges.sort_unstable();
                ranges.into_iter().for_each(|(first, last)| self.append(first, last));
            }
            _ => self.append(number, number),
        }
    }

    /// Adds `first..=last`, which lies behind all that is there or goes on with it.
    pub fn push_range(&mut self, first: u32, last: u32) {
        debug_assert!(self.0.last().is_none_or(|&(start, _)| start <= first), "ranges come in order");
        self.append(first, last);
    }

    /// Adds `first..=last`, where `first` is at least the start of the last range.
    fn append(&mut self, first: u32, last: u32) {
        match self.0.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => self.0.push((first, last)),
        }
    }

    /// Whether `number` is in the set; logarithmic in the number of ranges.
    pub fn contains(&self, number: u32) -> bool {
        let after = self.0.partition_point(|&(first, _)| first <= number);
        after.checked_sub(1).and_then(|i| self.0.get(i)).is_some_and(|&(_, last)| number <= last)
    }

    /// The disjoint ranges, first and last inclusive, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.0.iter().copied()
    }

    /// All numbers, ascending. A set as `1:4294967295` is as long as it says: walk what exists and ask [`Self::contains`] instead.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|&(first, last)| first..=last)
    }

    /// How many numbers it holds.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|&(first, last)| u64::from(last - first) + 1).sum()
    }

    /// The numbers at these places, counted from 0 in ascending order.
    pub fn at(&self, places: std::ops::Range<u64>) -> NumberSet {
        let (mut set, mut before) = (NumberSet::new(), 0);
        for (first, last) in self.ranges() {
            let count = u64::from(last - first) + 1;
            let (from, to) = (places.start.max(before) - before, places.end.min(before + count).max(before) - before);
            if from < to {
                set.append(first + from as u32, first + (to - 1) as u32);
            }
            before += count;
        }
        set
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest number.
    pub fn min(&self) -> Option<u32> {
        self.0.first().map(|&(first, _)| first)
    }

    /// The largest number.
    pub fn max(&self) -> Option<u32> {
        self.0.last().map(|&(_, last)| last)
    }
}

impl FromIterator<u32> for NumberSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> NumberSet {
        let mut set = NumberSet::new();
        numbers.into_iter().for_each(|n| set.push(n));
        set
    }
}

/// `1:3,7`
impl fmt::Display for NumberSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (first, last)) in self.ranges().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}:{last}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for SeqBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SeqBound::Number(n) => write!(f, "{n}"),
            SeqBound::Star => f.write_str("*"),
        }
    }
}

/// As a client writes it.
impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SequenceSet::Ranges(ranges) = self else { return f.write_str("$") };
        for (i, range) in ranges.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            if range.first == range.last {
                write!(f, "{comma}{}", range.first)?;
            } else {
                write!(f, "{comma}{}:{}", range.first, range.last)?;
            }
        }
        Ok(())
    }
}

impl SequenceSet {
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Parsed<SequenceSet> {
        if cursor.take(b'$') {
            return Ok(SequenceSet::Saved);
        }
        let mut ranges = Vec::new();
        loop {
            if ranges.len() == SEQUENCE_ITEMS_MAX {
                return Err(ParseError::bad(format!("more than {SEQUENCE_ITEMS_MAX} items in a sequence set")));
            }
            let first = SeqBound::parse(cursor)?;
            let last = if cursor.take(b':') { SeqBound::parse(cursor)? } else { first };
            ranges.push(SeqRange { first, last });
            if !cursor.take(b',') {
                return Ok(SequenceSet::Ranges(ranges));
            }
        }
    }
}

impl SequenceSet {
    /// A set of numbers alone, without `*` and `$`: `known-uids` and the like (RFC 7162 §7).
    pub(crate) fn parse_numbers(cursor: &mut Cursor<'_>) -> Parsed<SequenceSet> {
        let before = cursor.clone();
        let set = SequenceSet::parse(cursor)?;
        let plain = |range: &SeqRange| range.first != SeqBound::Star && range.last != SeqBound::Star;
        match &set {
            SequenceSet::Ranges(ranges) if ranges.iter().all(plain) => Ok(set),
            _ => before.expected("a set of numbers without * and $"),
        }
    }
}

impl SeqBound {
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Parsed<SeqBound> {
        if cursor.take(b'*') { Ok(SeqBound::Star) } else { cursor.nz_number("a sequence set").map(SeqBound::Number) }
    }
}

#[cfg(test)]
mod tests;
