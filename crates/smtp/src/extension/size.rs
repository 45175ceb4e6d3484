//! SIZE (RFC 1870): the limit is told, and the client tells before it sends.

use crate::command::CommandError;

/// In EHLO and as parameter.
pub(crate) const KEYWORD: &str = "SIZE";

/// RFC 1870 §6.1: one to twenty digits. Twenty digits may be more than 64 bits hold: such a message is too large anywhere.
pub(crate) fn parse(value: Option<&str>) -> Result<u64, CommandError> {
    let digits = value.filter(|v| (1..=20).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_digit()));
    let digits = digits.ok_or(CommandError::Parameter("SIZE= wants up to 20 digits"))?;
    Ok(digits.parse().unwrap_or(u64::MAX))
}
