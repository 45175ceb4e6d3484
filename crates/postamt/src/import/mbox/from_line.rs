//! The line before each message of an mbox: `From anna@example.org Tue Jan  2 03:04:05 2024`.

use crate::import::letter;
use model::Timestamp;
use model::time::{Civil, MONTHS};
use std::fmt;

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Who sent a message and when it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FromLine {
    pub sender: String,
    pub date: Timestamp,
}

impl FromLine {
    /// Reads a line as the many programs write it: with or without seconds, with a zone before the year or behind it, or none,
    /// which is UTC. Without a readable date it is none: texts have lines that begin with `From ` too.
    pub fn parse(line: &[u8]) -> Option<FromLine> {
        let text = std::str::from_utf8(line.strip_prefix(b"From ")?).ok()?;
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let at = words.iter().position(|word| WEEKDAYS.contains(word))?;
        let sender = words.get(..at)?.join(" ");
        let mut rest = words.get(at + 1..)?.iter();
        let month = MONTHS.iter().position(|month| rest.as_slice().first() == Some(month))? + 1;
        rest.next();
        let day = rest.next()?.parse().ok()?;
        let mut time = rest.next()?.split(':').map(str::parse::<u8>);
        let (hour, minute) = (time.next()?.ok()?, time.next()?.ok()?);
        let second = time.next().map_or(Some(0), Result::ok)?;
        let (mut year, mut offset) = (None, 0);
        for word in rest.take(3) {
            match word.strip_prefix(['+', '-']) {
                Some(zone) if zone.len() == 4 => {
                    let zone: i32 = zone.parse().ok()?;
                    offset = (zone / 100 * 60 + zone % 100) * if word.starts_with('-') { -1 } else { 1 };
                }
                _ if word.len() == 4 && year.is_none() => year = word.parse::<i64>().ok(),
                _ => {}
            }
        }
        let civil = Civil { year: year?, month: u8::try_from(month).ok()?, day, hour, minute, second };
        Some(FromLine { sender, date: Timestamp::from_civil(civil, offset)? })
    }
}

impl fmt::Display for FromLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.date.civil();
        let weekday = WEEKDAYS.get(self.date.unix_days().rem_euclid(7) as usize).copied().unwrap_or_default();
        let month = MONTHS.get(usize::from(c.month).saturating_sub(1)).copied().unwrap_or_default();
        let (day, year) = (c.day, c.year);
        write!(
            f,
            "From {} {weekday} {month} {day:2} {:02}:{:02}:{:02} {year:04}",
            self.sender, c.hour, c.minute, c.second
        )
    }
}

/// Whom to name before a message: its `Return-Path`, if that is one word.
pub fn sender_of(message: &[u8]) -> String {
    let path =
        letter::field(message, "return-path").and_then(|value| String::from_utf8(value).ok()).unwrap_or_default();
    let path = path.trim_start_matches('<').trim_end_matches('>');
    let fits = !path.is_empty() && path.len() <= 320 && path.bytes().all(|octet| octet.is_ascii_graphic());
    if fits { path.to_owned() } else { "MAILER-DAEMON".to_owned() }
}
