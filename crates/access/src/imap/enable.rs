//! ENABLE (RFC 9051 §6.3.1, RFC 5161, RFC 7162 §3.2.3).

use super::client::{Client, Revision};
use super::modseq::Awareness;
use super::out::Out;
use super::running::Outcome;
use imap::{Answer, response};

/// Turns on what we know of what is asked, and tells what was not on before (RFC 5161 §3.2); the rest is passed over.
pub(crate) fn enable(client: &mut Client, names: &[String], out: &mut Out) -> Outcome {
    let asked = |name: &str| names.iter().any(|asked| asked.eq_ignore_ascii_case(name));
    let mut enabled = Vec::new();
    // RFC 7162 §3.2.3: with QRESYNC comes CONDSTORE.
    let before = client.aware;
    if asked("CONDSTORE") && before < Awareness::Condstore {
        client.becomes(Awareness::Condstore, out);
        enabled.push("CONDSTORE");
    }
    if asked("IMAP4rev2") && client.revision != Revision::Rev2 {
        client.revision = Revision::Rev2;
        enabled.push("IMAP4rev2");
    }
    if asked("UTF8=ACCEPT") && !client.accepts_utf8 {
        client.accepts_utf8 = true;
        enabled.push("UTF8=ACCEPT");
    }
    if asked("QRESYNC") && before < Awareness::Qresync {
        client.becomes(Awareness::Qresync, out);
        enabled.push("QRESYNC");
    }
    response::enabled(out, &enabled);
    Ok(Answer::ok("enabled what is known"))
}
