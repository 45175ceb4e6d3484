//! Signing in at another server: the strongest mechanism that it offers.

use crate::language::{say, told};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sasl::{Client, choose};
use std::io::Read;

/// An exchange under way.
pub struct Login {
    client: Client,
    pub mechanism: &'static str,
}

impl Login {
    /// Begins with one of the mechanisms that are `offered`; `None` when none of them is understood, or safe to use.
    ///
    /// # Errors
    /// When user and password cannot be used with it.
    pub fn begin(offered: &[&str], user: &str, password: &str, secure: bool) -> Result<Option<Login>, String> {
        let Some(mechanism) = choose(offered, secure, None) else { return Ok(None) };
        let mut nonce = [0; sasl::NONCE_OCTETS];
        let mut urandom =
            std::fs::File::open("/dev/urandom").map_err(|error| format!("/dev/urandom: {}", told(&error)))?;
        urandom.read_exact(&mut nonce).map_err(|error| format!("/dev/urandom: {}", told(&error)))?;
        let client = Client::new(mechanism, user, password.as_bytes(), None, nonce).map_err(|error| told(&error))?;
        Ok(Some(Login { client, mechanism: mechanism.name() }))
    }

    /// What may be sent with the command; `None` waits to be asked.
    pub fn initial(&mut self) -> Option<String> {
        self.client.initial().map(|octets| if octets.is_empty() { "=".into() } else { STANDARD.encode(octets) })
    }

    /// The answer to a challenge.
    ///
    /// # Errors
    /// When the exchange must not go on.
    pub fn respond(&mut self, challenge: &str) -> Result<String, String> {
        let challenge = STANDARD
            .decode(challenge.trim())
            .map_err(|_| say!("the server's challenge cannot be read", "die Challenge des Servers ist nicht lesbar"))?;
        self.client.respond(&challenge).map(|answer| STANDARD.encode(answer)).map_err(|error| told(&error))
    }

    /// Whether the server may be believed when it says that all is well.
    pub fn succeeded(&self) -> bool {
        self.client.succeeded()
    }
}
