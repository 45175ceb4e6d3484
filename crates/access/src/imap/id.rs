//! ID (RFC 2971 §3.1): what we are called. What the client says of itself is not used.

use super::out::Out;
use super::running::Outcome;
use imap::{Answer, response};

/// Name and nothing that helps an attacker.
pub(crate) fn id(out: &mut Out) -> Outcome {
    response::id(out, &[("name", "postamt")]);
    Ok(Answer::ok("that is us"))
}
