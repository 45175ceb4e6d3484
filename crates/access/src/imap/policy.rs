//! What a connection is given: services and the listener's rules.

use directory::Directory;
use imap::Limits;
use mailstore::Mailstore;
use mta::BodiesInFlight;
use std::sync::Arc;

pub use mta::Peer;

/// What commands work with.
pub struct Services {
    /// The mail.
    pub mailstore: Arc<Mailstore>,
    /// Who may log in.
    pub directory: Arc<Directory>,
    /// The process's share of memory for messages that come in.
    pub in_flight: Arc<BodiesInFlight>,
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
