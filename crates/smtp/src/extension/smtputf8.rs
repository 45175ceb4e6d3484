//! SMTPUTF8 (RFC 6531): addresses and header fields in UTF-8.

use crate::command::CommandError;

/// In EHLO and as parameter.
pub(crate) const KEYWORD: &str = "SMTPUTF8";

/// RFC 6531 §3.4: the parameter has no value.
pub(crate) fn parse(value: Option<&str>) -> Result<bool, CommandError> {
    if value.is_none() { Ok(true) } else { Err(CommandError::Parameter("SMTPUTF8 has no value")) }
}
