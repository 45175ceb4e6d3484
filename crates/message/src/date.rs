//! The `Date` field (RFC 5322 §3.3 and §4.3), read forgivingly.

use model::Timestamp;
use model::time::{Civil, MONTHS};

use crate::cursor::{Cursor, is_wsp};

/// When a message says it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentAt {
    /// The moment.
    pub at: Timestamp,
    /// The date as written, in days since 1970-01-01: SENTBEFORE, SENTON and SENTSINCE disregard time and zone
    /// (RFC 9051 §6.4.4).
    pub civil_day: i64,
}

impl SentAt {
    /// Reads the field's value. A missing time is midnight, a missing or unknown zone is UTC (RFC 5322 §4.3).
    pub fn parse(value: &[u8]) -> Option<SentAt> {
        let mut cursor = Cursor::new(value);
        let mut word = || {
            cursor.skip_cfws();
            let word = cursor.take_while(|octet| !is_wsp(octet) && !matches!(octet, b'(' | b','));
            if word.is_empty() && cursor.eat(b',') {
                return Some(word);
            }
            cursor.eat(b',');
            (!word.is_empty()).then_some(word)
        };
        let mut first = word()?;
        if !first.first()?.is_ascii_digit() {
            first = word()?;
        }
        let (day, month, year) = match first.iter().filter(|&&octet| octet == b'-').count() {
            2 => {
                let mut fields = first.split(|&octet| octet == b'-');
                (fields.next()?, fields.next()?, fields.next()?)
            }
            _ => (first, word()?, word()?),
        };
        let (hour, minute, second) = word().and_then(time).unwrap_or_default();
        let offset_minutes = word().map_or(0, zone);
        let civil = Civil { year: year_of(year)?, month: month_of(month)?, day: small(day)?, hour, minute, second };
        let here = Timestamp::from_civil(civil, 0)?;
        Some(SentAt { at: Timestamp::from_civil(civil, offset_minutes)?, civil_day: here.unix_days() })
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok()
}

fn small(digits: &[u8]) -> Option<u8> {
    number(digits)?.try_into().ok()
}

/// Two digits are 1950 to 2049, three count from 1900 (RFC 5322 §4.3).
fn year_of(digits: &[u8]) -> Option<i64> {
    let year = i64::from(number(digits)?);
    Some(match digits.len() {
        2 if year < 50 => year + 2000,
        2 | 3 => year + 1900,
        _ => year,
    })
}

fn month_of(name: &[u8]) -> Option<u8> {
    let start = name.get(..3)?;
    let at = MONTHS.iter().position(|month| month.as_bytes().eq_ignore_ascii_case(start))?;
    u8::try_from(at + 1).ok()
}

fn time(word: &[u8]) -> Option<(u8, u8, u8)> {
    let mut fields = word.split(|&octet| octet == b':' || octet == b'.');
    let (hour, minute) = (small(fields.next()?)?, small(fields.next()?)?);
    Some((hour, minute, fields.next().and_then(small).unwrap_or(0)))
}

/// Minutes east of UTC.
fn zone(word: &[u8]) -> i32 {
    let american = |hours: i32| -hours * 60;
    match word.to_ascii_uppercase().as_slice() {
        [sign @ (b'+' | b'-'), digits @ ..] => {
            let digits: Vec<u8> = digits.iter().copied().filter(|&octet| octet != b':').collect();
            let value = number(&digits).filter(|_| digits.len() == 4).and_then(|value| i32::try_from(value).ok());
            let minutes = value.map_or(0, |value| value / 100 * 60 + value % 100);
            if *sign == b'-' { -minutes } else { minutes }
        }
        b"EDT" => american(4),
        b"EST" | b"CDT" => american(5),
        b"CST" | b"MDT" => american(6),
        b"MST" | b"PDT" => american(7),
        b"PST" => american(8),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_they_are_sent() {
        let check = |value: &str, want: &str| {
            let got = SentAt::parse(value.as_bytes());
            let shown = got.map(|sent| format!("{} {}", sent.at.rfc5322(), sent.civil_day - sent.at.unix_days()));
            assert_eq!(shown.as_deref().unwrap_or("none"), want, "{value}");
        };
        check("Fri, 21 Nov 1997 09:55:06 -0600", "Fri, 21 Nov 1997 15:55:06 +0000 0");
        check("1 Jan 2025 00:30:00 +0100 (CET)", "Tue, 31 Dec 2024 23:30:00 +0000 1");
        check("Thu,\t13 Feb\t1969 23:32 -0330 (Newfoundland)", "Fri, 14 Feb 1969 03:02:00 +0000 -1");
        check("21 Nov 97 09:55:06 GMT", "Fri, 21 Nov 1997 09:55:06 +0000 0");
        check("Fri, 21 Nov 1997 09(comment): 55 : 06 -0600", "Fri, 21 Nov 1997 00:00:00 +0000 0");
        check("Sat, 29 Feb 2020 12:00:00 PST", "Sat, 29 Feb 2020 20:00:00 +0000 0");
        check("Fri 21-Nov-1997 9.55", "Fri, 21 Nov 1997 09:55:00 +0000 0");
        check("21 November 103", "Fri, 21 Nov 2003 00:00:00 +0000 0");
        check("Mon, 30 Feb 2020 12:00:00 +0000", "none");
        check("yesterday", "none");
        check("Fri,", "none");
        check("", "none");
        check("1 Jan 99999999999999999999 0:0 +0000", "none");
    }
}
