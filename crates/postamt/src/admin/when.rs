//! Points of time as they are written in JSON: RFC 3339 §5.6, in UTC.

use model::Timestamp;
use model::time::Civil;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point of time; its text is as `2026-11-22T04:10:46.123Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct When(pub Timestamp);

impl When {
    /// As people read it: `2026-11-22 04:10:46Z`.
    pub fn short(self) -> String {
        let c = self.0.civil();
        format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<When, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(When).ok_or_else(|| serde::de::Error::custom(format!("\"{text}\" is no time")))
    }
}

/// Just what [`Timestamp`] prints.
fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, ms) = time.split_once('.')?;
    let ms = ms.parse::<u16>().ok().filter(|ms| *ms < 1000)?;
    Some(Timestamp::from_unix_ms(second(date, time)?.unix_ms() + i64::from(ms)))
}

/// The beginning of a second in UTC: a date as `2026-11-22`, a time as `04:10:46`.
pub fn second(date: &str, time: &str) -> Option<Timestamp> {
    let (mut date, mut time) = (date.split('-'), time.split(':'));
    let civil = Civil {
        year: date.next()?.parse().ok()?,
        month: date.next()?.parse().ok()?,
        day: date.next()?.parse().ok()?,
        hour: time.next()?.parse().ok()?,
        minute: time.next()?.parse().ok()?,
        second: time.next()?.parse().ok()?,
    };
    let whole = date.next().is_none() && time.next().is_none();
    Timestamp::from_civil(civil, 0).filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_printed() {
        for ms in [0, 1, 999, 1_795_320_646_123, 4_102_444_800_000] {
            let when = When(Timestamp::from_unix_ms(ms));
            let json = serde_json::to_string(&when).unwrap();
            assert_eq!(serde_json::from_str::<When>(&json).unwrap(), when);
        }
        assert_eq!(When(Timestamp::from_unix_ms(0)).short(), "1970-01-01 00:00:00Z");
        for text in ["", "x", "2026-11-22", "2026-11-22T04:10:46Z", "2026-13-22T04:10:46.000Z"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
