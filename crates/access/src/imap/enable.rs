//! ENABLE (RFC 9051 §6.3.1, RFC 5161).

use super::client::{Client, Revision};
use super::out::Out;
use super::running::Outcome;
use imap::{Answer, response};

/// Turns on what we know of what is asked; the rest is passed over.
pub(crate) fn enable(client: &mut Client, names: &[String], out: &mut Out) -> Outcome {
    let rev2 = names.iter().any(|name| name.eq_ignore_ascii_case("IMAP4rev2"));
    if rev2 {
        client.revision = Revision::Rev2;
    }
    response::enabled(out, if rev2 { &["IMAP4rev2"] } else { &[] });
    Ok(Answer::ok("enabled what is known"))
}
