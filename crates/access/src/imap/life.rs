//! One event for each connection, when it ends.

use mta::Peer;
use std::sync::Arc;

/// Who is there, and why it ended; logs when dropped.
pub(crate) struct Life {
    pub protocol: &'static str,
    pub peer: Peer,
    pub login: Option<Arc<directory::Account>>,
    /// Why the connection ends; a hang-up, when nobody said otherwise.
    pub reason: &'static str,
    /// Whether another conversation goes on with the connection, and with its story.
    pub handed_over: bool,
}

impl Life {
    pub fn new(peer: Peer) -> Life {
        Life::speaking("imap", peer)
    }

    /// Of another protocol.
    pub fn speaking(protocol: &'static str, peer: Peer) -> Life {
        Life { protocol, peer, login: None, reason: "connection lost", handed_over: false }
    }
}

impl Life {
    /// Somebody else may come now.
    pub fn log_out(&mut self) {
        if let Some(login) = self.login.take() {
            let session_id = self.peer.session_id;
            tracing::info!(event = "login.ended", protocol = "imap", session_id, user = %login.address);
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if self.handed_over {
            return;
        }
        let user = self.login.as_ref().map(|login| login.address.to_string());
        let ip = self.peer.address.map(|ip| ip.to_string());
        tracing::info!(
            event = "session.ended",
            protocol = self.protocol,
            session_id = self.peer.session_id,
            ip = ip.as_deref(),
            user = user.as_deref(),
            reason = self.reason,
        );
    }
}
