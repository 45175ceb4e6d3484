//! What a connection is given: services and the listener's rules.

use crate::imap::{PlaintextLogin, TlsOffer};
use directory::Directory;
use env::{Clock, Random, Tls};
use mailstore::Mailstore;
use model::Domain;
use pop3::{Capabilities, Limits};
use sasl::Mechanism;
use std::sync::Arc;

/// What commands work with.
pub struct Services {
    /// The mail.
    pub mailstore: Arc<Mailstore>,
    /// Who may log in.
    pub directory: Arc<Directory>,
    /// For timestamps of APOP.
    pub clock: Arc<dyn Clock>,
    /// For timestamps of APOP, and nonces.
    pub random: Arc<dyn Random>,
}

/// A listener's rules.
#[derive(Clone, Debug)]
pub struct Pop3Policy {
    /// How the server names itself.
    pub host_name: Domain,
    /// What TLS there is: STLS (RFC 2595 §4), or from the first octet (RFC 8314 §3.3).
    pub tls: TlsOffer,
    /// Whether passwords may come in the clear.
    pub plaintext_login: PlaintextLogin,
    /// SASL mechanisms, the strongest first.
    pub mechanisms: Vec<Mechanism>,
    /// Times.
    pub limits: Limits,
}

impl Pop3Policy {
    /// The mechanisms that may be used on a connection: none in the clear unless passwords may, and those that are bound to TLS
    /// only where the connection can be.
    pub(crate) fn mechanisms(&self, tls: Option<&Tls>) -> impl Iterator<Item = Mechanism> + '_ {
        let (may, bound) = (self.may_log_in(tls), tls.is_some_and(|tls| directory::channel_binding(tls).is_some()));
        self.mechanisms.iter().copied().filter(move |mechanism| may && (bound || !mechanism.wants_binding()))
    }

    /// Whether passwords are taken.
    pub(crate) fn may_log_in(&self, tls: Option<&Tls>) -> bool {
        tls.is_some() || self.plaintext_login == PlaintextLogin::Allowed
    }

    /// Whether STLS is possible.
    pub(crate) fn may_start_tls(&self, tls: Option<&Tls>) -> bool {
        tls.is_none() && self.tls == TlsOffer::StartTls
    }

    /// What CAPA says. STLS goes with the log-in, for it is listed where it is permitted (RFC 2595 §4); what the server is, it
    /// tells those only whom it knows.
    pub(crate) fn capabilities(&self, tls: Option<&Tls>, logged_in: bool) -> Capabilities {
        Capabilities {
            stls: !logged_in && self.may_start_tls(tls),
            user: self.may_log_in(tls),
            sasl: self.mechanisms(tls).map(Mechanism::name).collect(),
            implementation: logged_in.then_some("postamt"),
        }
    }
}
