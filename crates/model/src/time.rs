//! Times: the wall clock's, which may jump, and the monotonic one, by which deadlines are kept.

use std::fmt;
use std::time::Duration;

/// A moment of the monotonic clock: the time since an arbitrary start. Deadlines are moments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Moment(pub Duration);

impl std::ops::Add<Duration> for Moment {
    type Output = Moment;
    fn add(self, later: Duration) -> Moment {
        Moment(self.0.saturating_add(later))
    }
}

impl std::ops::Sub<Duration> for Moment {
    type Output = Moment;
    fn sub(self, earlier: Duration) -> Moment {
        Moment(self.0.saturating_sub(earlier))
    }
}

impl std::ops::Sub<Moment> for Moment {
    type Output = Duration;
    fn sub(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// A moment of the wall clock: milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

/// A day of the Gregorian calendar with a time of day; all fields as people write them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Civil {
    /// Year, as 2026.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

/// English month names, as every protocol here writes them.
pub const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const DAY_S: i64 = 86_400;

impl Timestamp {
    /// From milliseconds since 1970-01-01 UTC.
    pub const fn from_unix_ms(ms: i64) -> Timestamp {
        Timestamp(ms)
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01 UTC.
    pub const fn unix_s(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// From calendar fields read at `offset_minutes` east of UTC. `None` for days that do not exist.
    pub fn from_civil(civil: Civil, offset_minutes: i32) -> Option<Timestamp> {
        let Civil { year, month, day, hour, minute, second } = civil;
        let fits = (1..=12).contains(&month) && day >= 1 && hour < 24 && minute < 60 && second <= 60;
        if !fits || !(0..=9999).contains(&year) || day > days_in(year, month) {
            return None;
        }
        let seconds = days_from_civil(year, month, day) * DAY_S
            + i64::from(hour) * 3600
            + i64::from(minute) * 60
            + i64::from(second.min(59));
        Some(Timestamp((seconds - i64::from(offset_minutes) * 60) * 1000))
    }

    /// The calendar fields in UTC.
    pub fn civil(self) -> Civil {
        let (days, rest) = (self.unix_s().div_euclid(DAY_S), self.unix_s().rem_euclid(DAY_S));
        let (year, month, day) = civil_from_days(days);
        let small = |n: i64| n as u8;
        Civil { year, month, day, hour: small(rest / 3600), minute: small(rest / 60 % 60), second: small(rest % 60) }
    }

    /// Days since 1970-01-01, as SEARCH compares dates without their time of day.
    pub const fn unix_days(self) -> i64 {
        self.unix_s().div_euclid(DAY_S)
    }

    /// `Thu, 1 Jan 1970 00:00:00 +0000` (RFC 5322 §3.3).
    pub fn rfc5322(self) -> String {
        let c = self.civil();
        let weekday = WEEKDAYS.get(self.unix_days().rem_euclid(7) as usize).copied().unwrap_or_default();
        format!(
            "{weekday}, {} {} {} {:02}:{:02}:{:02} +0000",
            c.day,
            month_name(c.month),
            c.year,
            c.hour,
            c.minute,
            c.second
        )
    }

    /// ` 1-Jan-1970 00:00:00 +0000`, the inside of IMAP's date-time (RFC 9051 §9 `date-time`).
    pub fn imap(self) -> String {
        let c = self.civil();
        format!("{:2}-{}-{:04} {:02}:{:02}:{:02} +0000", c.day, month_name(c.month), c.year, c.hour, c.minute, c.second)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, later: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339, in UTC, for logs.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            c.year,
            c.month,
            c.day,
            c.hour,
            c.minute,
            c.second,
            self.0.rem_euclid(1000)
        )
    }
}

fn month_name(month: u8) -> &'static str {
    MONTHS.get(usize::from(month).wrapping_sub(1)).copied().unwrap_or("???")
}

fn days_in(year: i64, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01; the year is counted from March, so that the leap day is its last.
fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let month = i64::from(month);
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month + 2) / 5 + 1) as u8;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u8, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days() {
        let check = |ms, text: &str| assert_eq!(Timestamp(ms).rfc5322(), text);
        check(0, "Thu, 1 Jan 1970 00:00:00 +0000");
        check(951_782_400_000, "Tue, 29 Feb 2000 00:00:00 +0000");
        check(1_764_547_199_000, "Sun, 30 Nov 2025 23:59:59 +0000");
        check(-1000, "Wed, 31 Dec 1969 23:59:59 +0000");
        assert_eq!(Timestamp(0).imap(), " 1-Jan-1970 00:00:00 +0000");
    }

    #[test]
    fn days_that_do_not_exist() {
        let day = |year, month, day| Civil { year, month, day, hour: 0, minute: 0, second: 0 };
        assert_eq!(Timestamp::from_civil(day(2025, 2, 29), 0), None);
        assert_eq!(Timestamp::from_civil(day(2025, 13, 1), 0), None);
        assert_eq!(Timestamp::from_civil(day(2025, 4, 31), 0), None);
    }

    proptest! {
        #[test]
        fn civil_round_trip(s in -62_000_000_000i64..253_000_000_000, offset in -720i32..720) {
            let civil = Timestamp(s * 1000).civil();
            prop_assume!((0..=9999).contains(&civil.year));
            let there = Timestamp::from_civil(civil, offset).unwrap();
            prop_assert_eq!(there.unix_s(), s - i64::from(offset) * 60);
        }
    }
}
