//! CHUNKING (RFC 3030): BDAT counts its octets instead of marking their end.

use crate::command::CommandError;

/// In EHLO.
pub(crate) const KEYWORD: &str = "CHUNKING";

/// Whether more chunks follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chunk {
    /// Another BDAT follows.
    More,
    /// The message ends with it.
    Last,
}

/// RFC 3030 §2: `chunk-size [SP "LAST"]`.
///
/// # Errors
/// A count that cannot be read: nobody can tell then where the chunk ends, so the connection cannot go on.
pub(crate) fn parse(arguments: &str) -> Result<(u64, Chunk), CommandError> {
    let mut words = arguments.split(' ').filter(|word| !word.is_empty());
    let octets = words.next().filter(|w| w.bytes().all(|b| b.is_ascii_digit())).and_then(|w| w.parse().ok());
    let chunk = match (words.next(), words.next()) {
        (None, _) => Some(Chunk::More),
        (Some(last), None) if last.eq_ignore_ascii_case("LAST") => Some(Chunk::Last),
        _ => None,
    };
    octets.zip(chunk).ok_or(CommandError::ChunkSize)
}
