//! How mailboxes, messages and conversations are called for ever (RFC 8474).
//!
//! A letter before the number keeps the kinds apart, which §5.2 demands, and the identifiers from looking like numbers (§8.1).

use model::{EmailId, MailboxId, ThreadId};

/// MAILBOXID
pub(crate) fn mailbox(id: MailboxId) -> String {
    format!("F{id}")
}

/// EMAILID
pub(crate) fn email(id: EmailId) -> String {
    format!("M{id}")
}

/// THREADID
pub(crate) fn thread(id: ThreadId) -> String {
    format!("T{id}")
}

/// The message that an EMAILID names; `None` for text we never gave out.
pub(crate) fn parse_email(text: &str) -> Option<EmailId> {
    number(text, 'M').map(EmailId).filter(|id| email(*id) == text)
}

/// The conversation that a THREADID names.
pub(crate) fn parse_thread(text: &str) -> Option<ThreadId> {
    number(text, 'T').map(ThreadId).filter(|id| thread(*id) == text)
}

fn number(text: &str, kind: char) -> Option<u64> {
    text.strip_prefix(kind)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_gave_out_is_known() {
        for (text, want) in [("M7", Some(7)), ("M07", None), ("M+7", None), ("m7", None), ("T7", None), ("M", None)] {
            assert_eq!(parse_email(text), want.map(EmailId), "{text}");
        }
        assert_eq!(parse_thread("T18446744073709551615"), Some(ThreadId(u64::MAX)));
        assert_eq!(parse_thread("T18446744073709551616"), None);
    }
}
