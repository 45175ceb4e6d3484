//! 8BITMIME (RFC 6152) and BINARYMIME (RFC 3030): what kind of content comes.

use crate::command::CommandError;

/// EHLO keyword of RFC 6152.
pub(crate) const EIGHT_BIT_MIME: &str = "8BITMIME";
/// EHLO keyword of RFC 3030 §3.
pub(crate) const BINARY_MIME: &str = "BINARYMIME";
/// Parameter of MAIL.
pub(crate) const PARAMETER: &str = "BODY";

/// The kind of content announced with `BODY=`.
///
/// Octets above 127 are taken without it as well: clients have long sent them so, and refusing helps nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyType {
    /// Lines of ASCII.
    SevenBit,
    /// Lines of any octets.
    EightBitMime,
    /// Any octets, with CR and LF meaning nothing; by BDAT only.
    BinaryMime,
}

impl BodyType {
    pub(crate) fn parse(value: Option<&str>) -> Result<BodyType, CommandError> {
        let all = [BodyType::SevenBit, BodyType::EightBitMime, BodyType::BinaryMime];
        let named = |body: &BodyType| value.is_some_and(|v| v.eq_ignore_ascii_case(body.keyword()));
        all.into_iter().find(named).ok_or(CommandError::Parameter("BODY= wants 7BIT, 8BITMIME or BINARYMIME"))
    }

    /// As in `BODY=`.
    pub fn keyword(self) -> &'static str {
        match self {
            BodyType::SevenBit => "7BIT",
            BodyType::EightBitMime => EIGHT_BIT_MIME,
            BodyType::BinaryMime => BINARY_MIME,
        }
    }
}
