//! What a connection is given: services, the listener's rules, who connected.

use directory::Directory;
use imap::Limits;
use mailstore::Mailstore;
use std::net::IpAddr;
use std::sync::Arc;

/// What commands work with.
pub struct Services {
    /// The mail.
    pub mailstore: Arc<Mailstore>,
    /// Who may log in.
    pub directory: Arc<Directory>,
}

/// What TLS a listener has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TlsOffer {
    /// None at all.
    None,
    /// STARTTLS (RFC 9051 §6.2.1).
    #[default]
    StartTls,
    /// From the first octet (RFC 8314 §3.2).
    Implicit,
}

/// Whether passwords may come in the clear.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PlaintextLogin {
    /// Only under TLS; before it LOGINDISABLED (RFC 9051 §6.2.3).
    #[default]
    Refused,
    /// Also without: for loopback (DESIGN §2.6).
    Allowed,
}

/// A listener's rules.
#[derive(Clone, Debug, Default)]
pub struct ImapPolicy {
    /// What TLS there is.
    pub tls: TlsOffer,
    /// Whether passwords may come in the clear.
    pub plaintext_login: PlaintextLogin,
    /// Sizes and times.
    pub limits: Limits,
}

/// Who connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Whose failed log-ins are counted together; `None` where there is no network between.
    pub ip: Option<IpAddr>,
    /// Names the connection in every event.
    pub session_id: u64,
}
