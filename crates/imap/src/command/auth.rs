//! LOGIN, AUTHENTICATE and ID.

use crate::secret::Secret;

/// LOGIN (RFC 9051 §6.2.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// The user's name, UTF-8.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// AUTHENTICATE (RFC 9051 §6.2.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authenticate {
    /// SASL mechanism in upper case.
    pub mechanism: String,
    /// The decoded initial response, which may be empty (RFC 4959 §3).
    pub initial: Option<Secret>,
}

/// ID (RFC 2971 §3.1): what the client says about itself; empty for NIL.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Id {
    /// Field and value, as sent.
    pub fields: Vec<(String, Option<String>)>,
}
