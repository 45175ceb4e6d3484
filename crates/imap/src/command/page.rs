//! `PARTIAL a:b` of SEARCH and FETCH (RFC 9394 §3).

use std::fmt;
use std::ops::Range;

use crate::cursor::{Cursor, Parsed};

/// A stretch of an ordered result, counted from 1; both ends belong to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// Where counting begins.
    pub from: PageFrom,
    /// The end written first; never zero.
    pub first: u32,
    /// The end written last; may be the smaller one.
    pub last: u32,
}

/// Which end of the result is number 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageFrom {
    /// `1:100`: the first.
    Start,
    /// `-1:-100`: the last.
    End,
}

impl Page {
    /// Behind `PARTIAL` and its space. Both ends count from the same side, and `*` is not allowed (RFC 9394 §4).
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Parsed<Page> {
        const WHAT: &str = "a range as 1:100 or -1:-100";
        let from = if cursor.take(b'-') { PageFrom::End } else { PageFrom::Start };
        let first = cursor.nz_number(WHAT)?;
        cursor.need(b':', WHAT)?;
        if from == PageFrom::End {
            cursor.need(b'-', WHAT)?;
        }
        Ok(Page { from, first, last: cursor.nz_number(WHAT)? })
    }

    /// The places, from 0, that the page has in a result of `count`: may be empty.
    pub fn places(&self, count: u64) -> Range<u64> {
        let (low, high) = (u64::from(self.first.min(self.last)) - 1, u64::from(self.first.max(self.last)));
        match self.from {
            PageFrom::Start => low.min(count)..high.min(count),
            PageFrom::End => count.saturating_sub(high)..count.saturating_sub(low),
        }
    }
}

/// As the client wrote it.
impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            PageFrom::Start => write!(f, "{}:{}", self.first, self.last),
            PageFrom::End => write!(f, "-{}:-{}", self.first, self.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_a_result() {
        use PageFrom::{End, Start};
        let check = |from, first, last, count, want: Range<u64>| {
            assert_eq!(Page { from, first, last }.places(count), want, "{first}:{last} of {count}");
        };
        check(Start, 1, 3, 10, 0..3);
        check(Start, 3, 1, 10, 0..3);
        check(Start, 9, 12, 10, 8..10);
        check(Start, 11, 12, 10, 10..10);
        check(End, 1, 3, 10, 7..10);
        check(End, 3, 1, 10, 7..10);
        check(End, 9, 12, 10, 0..2);
        check(End, 11, 12, 10, 0..0);
        check(End, 1, u32::MAX, 0, 0..0);
    }
}
