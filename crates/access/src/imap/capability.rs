//! CAPABILITY (RFC 9051 §6.1.1): what works and is tested, nothing else.

use super::policy::{ImapPolicy, PlaintextLogin, TlsOffer};

macro_rules! with_extensions {
    ($first:literal) => {
        concat!(
            $first,
            " BINARY",
            " CHILDREN",
            " ENABLE",
            " ESEARCH",
            " ESORT",
            " I18NLEVEL=1",
            " ID",
            " IDLE",
            " LIST-EXTENDED",
            " LIST-STATUS",
            " LITERAL+",
            " MOVE",
            " NAMESPACE",
            " OBJECTID",
            " PARTIAL",
            " PREVIEW",
            " SASL-IR",
            " SAVEDATE",
            " SEARCHRES",
            " SORT",
            " SORT=DISPLAY",
            " SPECIAL-USE",
            " STATUS=SIZE",
            " THREAD=ORDEREDSUBJECT",
            " THREAD=REFERENCES",
            " UIDPLUS",
            " UNSELECT",
            " WITHIN",
        )
    };
}

/// After login.
pub(crate) const LOGGED_IN: &str = with_extensions!("IMAP4rev1 IMAP4rev2");

/// Whether passwords are taken on a connection as it is now.
pub(crate) fn may_log_in(policy: &ImapPolicy, encrypted: bool) -> bool {
    encrypted || policy.plaintext_login == PlaintextLogin::Allowed
}

/// Whether STARTTLS makes sense on a connection as it is now.
pub(crate) fn may_start_tls(policy: &ImapPolicy, encrypted: bool) -> bool {
    !encrypted && policy.tls == TlsOffer::StartTls
}

/// Before login.
pub(crate) fn before_login(policy: &ImapPolicy, encrypted: bool) -> &'static str {
    match (may_start_tls(policy, encrypted), may_log_in(policy, encrypted)) {
        (false, true) => with_extensions!("IMAP4rev1 IMAP4rev2 AUTH=PLAIN"),
        (true, true) => with_extensions!("IMAP4rev1 IMAP4rev2 STARTTLS AUTH=PLAIN"),
        (true, false) => with_extensions!("IMAP4rev1 IMAP4rev2 STARTTLS LOGINDISABLED"),
        (false, false) => with_extensions!("IMAP4rev1 IMAP4rev2 LOGINDISABLED"),
    }
}
