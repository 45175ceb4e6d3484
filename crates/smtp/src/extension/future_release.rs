//! FUTURERELEASE (RFC 4865): a submitted message that waits here until its time has come.

use crate::command::CommandError;
use model::Timestamp;
use model::time::Civil;
use std::fmt;
use std::time::Duration;

/// In EHLO.
pub(crate) const KEYWORD: &str = "FUTURERELEASE";
/// Parameters of MAIL, one of which may be given.
pub(crate) const HOLD_FOR: &str = "HOLDFOR";
pub(crate) const HOLD_UNTIL: &str = "HOLDUNTIL";

/// The longest interval that nine digits can tell (RFC 4865 §4).
const INTERVAL_MAX_S: u64 = 999_999_999;

/// That a listener keeps messages for later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FutureRelease {
    /// For how long at most.
    pub interval_max: Duration,
}

/// How long a message waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    /// So many seconds, from when it was submitted.
    For(Duration),
    /// Until then. Fractions of a second are cut off.
    Until(Timestamp),
}

impl Hold {
    /// When the message may go on its way. A time that is over means now: the client's outbox was late, or its clock is off.
    pub fn release(self, now: Timestamp) -> Timestamp {
        match self {
            Hold::For(interval) => now + interval,
            Hold::Until(time) => time.max(now),
        }
    }

    pub(crate) fn parse_for(value: Option<&str>) -> Result<Hold, CommandError> {
        let digits = value.filter(|v| (1..=9).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_digit()));
        let seconds = digits.and_then(|digits| digits.parse().ok()).filter(|&seconds| seconds > 0);
        let seconds = seconds.ok_or(CommandError::Parameter("HOLDFOR= wants seconds, in up to 9 digits"))?;
        Ok(Hold::For(Duration::from_secs(seconds)))
    }

    pub(crate) fn parse_until(value: Option<&str>) -> Result<Hold, CommandError> {
        let time = value.and_then(date_time).ok_or(CommandError::Parameter("HOLDUNTIL= wants 2026-12-31T08:00:00Z"))?;
        Ok(Hold::Until(time))
    }
}

/// As behind `MAIL FROM:<…> `.
impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hold::For(interval) => write!(f, "{HOLD_FOR}={}", interval.as_secs()),
            Hold::Until(time) => write!(f, "{HOLD_UNTIL}={}", printed(*time)),
        }
    }
}

impl FutureRelease {
    /// The line of EHLO: the longest interval, and when it would end (RFC 4865 §4).
    pub(crate) fn offer(&self, now: Timestamp) -> String {
        let interval = self.interval_max();
        format!("{KEYWORD} {} {}", interval.as_secs(), printed(now + interval))
    }

    /// Whether a message may wait so long.
    pub(crate) fn allows(&self, hold: Hold, now: Timestamp) -> bool {
        hold.release(now) <= now + self.interval_max()
    }

    fn interval_max(&self) -> Duration {
        Duration::from_secs(self.interval_max.as_secs().min(INTERVAL_MAX_S))
    }
}

/// RFC 3339 §5.6, in UTC and whole seconds.
fn printed(time: Timestamp) -> String {
    let Civil { year, month, day, hour, minute, second } = time.civil();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// RFC 3339 §5.6 `date-time`, which is what RFC 4865 §4 means (erratum 2040).
fn date_time(text: &str) -> Option<Timestamp> {
    let mut rest = text;
    let year = number(&mut rest, 4, "-")?;
    let month = number(&mut rest, 2, "-")?;
    let day = number(&mut rest, 2, "Tt")?;
    let hour = number(&mut rest, 2, ":")?;
    let minute = number(&mut rest, 2, ":")?;
    let second = number(&mut rest, 2, "")?;
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < fraction.len()).then_some(())?;
    }
    let offset = offset_minutes(rest)?;
    let small = |n: u16| u8::try_from(n).ok();
    let civil = Civil {
        year: year.into(),
        month: small(month)?,
        day: small(day)?,
        hour: small(hour)?,
        minute: small(minute)?,
        second: small(second)?,
    };
    // What can be printed again: RFC 3339 has four digits for a year.
    Timestamp::from_civil(civil, offset).filter(|time| (0..=9999).contains(&time.civil().year))
}

/// `Z` or `+hh:mm`.
fn offset_minutes(text: &str) -> Option<i32> {
    if text.eq_ignore_ascii_case("Z") {
        return Some(0);
    }
    let (sign, mut rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = (number(&mut rest, 2, ":")?, number(&mut rest, 2, "")?);
    let fits = hours < 24 && minutes < 60 && rest.is_empty();
    fits.then(|| sign * (i32::from(hours) * 60 + i32::from(minutes)))
}

/// So many digits, and one of the characters behind them if there are any.
fn number(rest: &mut &str, digits: usize, behind: &str) -> Option<u16> {
    let (number, after) = rest.split_at_checked(digits)?;
    let number = number.parse().ok().filter(|_| number.bytes().all(|b| b.is_ascii_digit()))?;
    *rest = if behind.is_empty() { after } else { after.strip_prefix(|c| behind.contains(c))? };
    Some(number)
}
