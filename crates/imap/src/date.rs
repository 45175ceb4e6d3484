//! Dates of SEARCH and date-times of APPEND and INTERNALDATE.

use std::fmt;

use model::Timestamp;
use model::time::{Civil, MONTHS};

use crate::cursor::{Cursor, Parsed};

/// A day, as SEARCH compares it without time and zone (RFC 9051 §6.4.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// `None` for days that do not exist.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        Timestamp::from_civil(midnight(year, month, day), 0).map(|_| Date { year, month, day })
    }

    /// Days since 1970-01-01, to be compared with [`Timestamp::unix_days`].
    pub fn unix_days(self) -> i64 {
        Timestamp::from_civil(midnight(self.year, self.month, self.day), 0).map_or(0, Timestamp::unix_days)
    }
}

fn midnight(year: u16, month: u8, day: u8) -> Civil {
    Civil { year: year.into(), month, day, hour: 0, minute: 0, second: 0 }
}

/// A moment with the zone it was written in (RFC 9051 §9 `date-time`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DateTime {
    /// The moment.
    pub timestamp: Timestamp,
    /// Minutes east of Greenwich.
    pub zone_minutes: i16,
}

impl DateTime {
    /// `" 7-Feb-1994 21:52:25 -0800"`
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Parsed<DateTime> {
        let before = cursor.clone();
        match date_time(cursor) {
            Some(date) => Ok(date),
            None => before.expected("a date and time as \" 7-Feb-1994 21:52:25 -0800\""),
        }
    }
}

fn date_time(cursor: &mut Cursor<'_>) -> Option<DateTime> {
    let quote = |c: &mut Cursor<'_>| c.take(b'"').then_some(());
    quote(cursor)?;
    cursor.take(b' ');
    let (day, month, year) = day_month_year(cursor)?;
    cursor.take(b' ').then_some(())?;
    let hour = digits(cursor, 2)?;
    cursor.take(b':').then_some(())?;
    let minute = digits(cursor, 2)?;
    cursor.take(b':').then_some(())?;
    let second = digits(cursor, 2)?;
    cursor.take(b' ').then_some(())?;
    let west = cursor.take(b'-');
    (west || cursor.take(b'+')).then_some(())?;
    let zone = i16::try_from(digits(cursor, 2)? * 60 + digits(cursor, 2).filter(|&m| m < 60)?).ok()?;
    quote(cursor)?;
    let zone_minutes = if west { -zone } else { zone };
    let small = |n: u32| u8::try_from(n).ok();
    let (hour, minute, second) = (small(hour)?, small(minute)?, small(second)?);
    let civil = Civil { year: year.into(), month, day, hour, minute, second };
    let timestamp = Timestamp::from_civil(civil, zone_minutes.into())?;
    Some(DateTime { timestamp, zone_minutes })
}

impl Date {
    /// `1-Feb-1994`, with or without quotes.
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Parsed<Date> {
        let before = cursor.clone();
        let quoted = cursor.take(b'"');
        let date = day_month_year(cursor).and_then(|(day, month, year)| Date::new(year, month, day));
        match date.filter(|_| !quoted || cursor.take(b'"')) {
            Some(date) => Ok(date),
            None => before.expected("a date as 1-Feb-1994"),
        }
    }
}

/// `1-Feb-1994` or `01-Feb-1994`
fn day_month_year(cursor: &mut Cursor<'_>) -> Option<(u8, u8, u16)> {
    let day = digits(&mut cursor.clone(), 2).map_or(1, |_| 2);
    let day = digits(cursor, day)?;
    cursor.take(b'-').then_some(())?;
    let month = MONTHS.iter().position(|name| cursor.take_word(name))? + 1;
    cursor.take(b'-').then_some(())?;
    let year = digits(cursor, 4)?;
    Some((u8::try_from(day).ok()?, u8::try_from(month).ok()?, u16::try_from(year).ok()?))
}

/// Exactly `count` digits.
fn digits(cursor: &mut Cursor<'_>, count: usize) -> Option<u32> {
    let mut value = 0;
    for _ in 0..count {
        let digit = cursor.peek().filter(u8::is_ascii_digit)?;
        cursor.take(digit);
        value = value * 10 + u32::from(digit - b'0');
    }
    Some(value)
}

/// `1-Feb-1994`
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let month = MONTHS.get(usize::from(self.month) - 1).copied().unwrap_or_default();
        write!(f, "{}-{month}-{:04}", self.day, self.year)
    }
}

/// ` 7-Feb-1994 21:52:25 -0800`, in the zone it was written in.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = Timestamp::from_unix_ms(self.timestamp.unix_ms() + i64::from(self.zone_minutes) * 60_000);
        let c = local.civil();
        let month = MONTHS.get(usize::from(c.month) - 1).copied().unwrap_or_default();
        write!(f, "{:2}-{month}-{:04} {:02}:{:02}:{:02} ", c.day, c.year, c.hour, c.minute, c.second)?;
        let sign = if self.zone_minutes < 0 { '-' } else { '+' };
        let zone = self.zone_minutes.unsigned_abs();
        write!(f, "{sign}{:02}{:02}", zone / 60, zone % 60)
    }
}
