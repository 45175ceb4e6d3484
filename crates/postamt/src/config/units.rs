//! Quantities with their unit, as `"50 MiB"`.

use std::str::FromStr;
use std::time::Duration;

/// Octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size(pub u64);

const SIZES: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Why a text is no size.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SizeError {
    /// No number, or a fraction.
    #[error("a size is a whole number and a unit, as \"50 MiB\"")]
    Number,
    /// Bare number.
    #[error("the unit is missing; write \"{0} MiB\" or another of KiB, MiB, GiB, TiB, kB, MB, GB, TB")]
    Missing(u64),
    /// Not a unit of size.
    #[error("`{0}` is no unit of size; known are KiB, MiB, GiB, TiB, kB, MB, GB, TB")]
    Unit(String),
    /// Beyond 2^63.
    #[error("is larger than any disk")]
    Huge,
}

impl FromStr for Size {
    type Err = SizeError;
    fn from_str(text: &str) -> Result<Size, SizeError> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        if number.is_empty() || unit.starts_with(['.', ',', '_']) {
            return Err(SizeError::Number);
        }
        let number: u64 = number.parse().map_err(|_| SizeError::Huge)?;
        let unit = unit.trim();
        if unit.is_empty() {
            return Err(SizeError::Missing(number));
        }
        let known = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let (_, octets) = known.ok_or_else(|| SizeError::Unit(unit.to_owned()))?;
        number.checked_mul(*octets).filter(|&octets| octets < 1 << 63).map(Size).ok_or(SizeError::Huge)
    }
}
/// A span of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span(pub Duration);

const SPANS: [(&str, u64); 4] = [("s", 1), ("min", 60), ("h", 3600), ("d", 24 * 3600)];

/// Why a text is no span of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a time is a whole number and a unit, as \"5 d\"; known are s, min, h, d")]
pub struct SpanError;

impl FromStr for Span {
    type Err = SpanError;
    fn from_str(text: &str) -> Result<Span, SpanError> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = SPANS.iter().find(|(name, _)| *name == unit.trim());
        let seconds = number.parse::<u64>().ok().zip(unit).and_then(|(number, (_, each))| number.checked_mul(*each));
        seconds.map(|seconds| Span(Duration::from_secs(seconds))).ok_or(SpanError)
    }
}
