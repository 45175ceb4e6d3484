//! Moments on the command line.

use crate::admin::when::second;
use crate::config::units::Span;
use crate::language::say;
use model::Timestamp;

/// `2026-11-22 09:30`, with seconds if wanted, in UTC; or how long ago, as `2h`.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong = || {
        say!(
            "\"{text}\" is no time; write 2026-11-22 09:30 (in UTC), or how long ago, as 2h or 3d",
            "„{text}“ ist keine Zeit; schreib 2026-11-22 09:30 (in UTC) oder wie lange es her ist, etwa 2h oder 3d"
        )
    };
    if let Ok(Span(span)) = text.parse::<Span>() {
        let ms = i64::try_from(span.as_millis()).map_err(|_| wrong())?;
        return Ok(Timestamp::from_unix_ms(crate::cli::now().unix_ms().saturating_sub(ms)));
    }
    let text = text.trim_end_matches(['Z', 'z']);
    let (text, ms) = text.split_once('.').map_or((text, Some(0)), |(text, ms)| (text, milliseconds(ms)));
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
    let at = second(date, time).or_else(|| second(date, &format!("{time}:00")));
    at.zip(ms).map(|(at, ms)| Timestamp::from_unix_ms(at.unix_ms() + ms)).ok_or_else(wrong)
}

fn milliseconds(text: &str) -> Option<i64> {
    text.parse::<u16>().ok().filter(|_| text.len() == 3).map(i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        let want = Timestamp::from_unix_ms(1_795_339_800_000);
        for text in ["2026-11-22 09:30", "2026-11-22T09:30:00Z", "2026-11-22T09:30:00.000Z", "2026-11-22 09:30:00"] {
            assert_eq!(moment(text), Ok(want), "{text}");
        }
        assert_eq!(moment("2026-11-22"), Ok(Timestamp::from_unix_ms(1_795_305_600_000)));
        assert!(moment("2h").unwrap() < crate::cli::now());
        for text in
            ["", "yesterday", "2026-11-22 25:00", "2026-13-01", "2026-11-22 09:30:00:00", "2026-11-22 09:30:00.5"]
        {
            assert!(moment(text).unwrap_err().contains("is no time"), "{text}");
        }
    }
}
