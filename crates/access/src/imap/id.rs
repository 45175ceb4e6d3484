//! ID (RFC 2971 §3.1): what we are called, and what the client says of itself, which goes to the log and changes nothing.

use super::out::Out;
use super::running::Outcome;
use imap::command::Id;
use imap::{Answer, response};

/// Characters of a value that are logged: names and versions are shorter.
const LOGGED_CHARS_MAX: usize = 64;

/// What we are, and nothing of where or on what we run.
// Todo(RFC 2971 §3.3): support-url, once the project has an address to ask at.
pub(crate) fn id(out: &mut Out) -> Outcome {
    response::id(out, &[("name", "postamt"), ("version", env!("CARGO_PKG_VERSION")), ("vendor", "postamt")]);
    Ok(Answer::ok("that is us"))
}

/// Notes what helps to find a client's fault.
pub(crate) fn log(session_id: u64, said: &Id) {
    if said.fields.is_empty() {
        return;
    }
    let value = |name: &str| {
        let field = said.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        field.and_then(|(_, value)| value.as_deref()).map(shortened)
    };
    tracing::info!(
        event = "client.named",
        protocol = "imap",
        session_id,
        name = value("name"),
        version = value("version"),
        vendor = value("vendor"),
        os = value("os"),
        os_version = value("os-version"),
    );
}

/// So that no client fills the log or writes lines of its own.
fn shortened(value: &str) -> String {
    value.chars().take(LOGGED_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_is_short_and_one_line() {
        assert_eq!(shortened("Mail\r\nevent=x\u{1b}[2J"), "Mail  event=x [2J");
        assert_eq!(shortened(&"ä".repeat(1000)).chars().count(), LOGGED_CHARS_MAX);
    }
}
