//! What a connection is given: services and the listener's rules.

use directory::Directory;
use env::Random;
use imap::Limits;
use mailstore::Mailstore;
use mta::BodiesInFlight;
use sasl::Mechanism;
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
    /// For nonces.
    pub random: Arc<dyn Random>,
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
    /// What AUTHENTICATE takes, the best first; those that bind to TLS only where there is something to bind to. LOGIN is
    /// IMAP's own command, and no mechanism here.
    pub mechanisms: Vec<Mechanism>,
    /// Sizes and times.
    pub limits: Limits,
}
