//! Why an exchange ended without success.

/// Why the server refuses. The text may be told to the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// Not a message of the mechanism.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Longer than [`MESSAGE_OCTETS_MAX`](crate::MESSAGE_OCTETS_MAX) or [`LOGIN_OCTETS_MAX`](crate::LOGIN_OCTETS_MAX).
    #[error("message too long")]
    TooLong,
    /// No such account, or not its password; which, is nobody's business.
    #[error("login or password is wrong")]
    Rejected,
    /// The client asked to act for somebody else than it signs in as.
    #[error("may not act for another login")]
    OtherIdentity,
    /// The client wants a kind of channel binding that this connection does not have.
    #[error("channel binding of this kind is not supported")]
    BindingUnsupported,
    /// The client is bound to another connection than ours: somebody sits between.
    #[error("channel binding does not match")]
    BindingMismatch,
    /// The client believes that we offer no channel binding, but we do: somebody changed our offer (RFC 5802 §6).
    #[error("channel binding was offered, yet did not reach the client")]
    Downgrade,
}

impl Failure {
    /// Whether the message was none (SMTP 501, IMAP BAD), rather than refused (535, NO).
    pub fn is_malformed(self) -> bool {
        matches!(self, Failure::Malformed(_) | Failure::TooLong)
    }
}

/// Why the client does not believe that it is signed in. `Display` says it to the operator.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClientError {
    /// A login or password that this mechanism cannot carry.
    #[error("the login or the password is empty, too long, or holds NUL")]
    Credentials,
    /// The mechanism binds to the TLS connection, and there is none.
    #[error("no channel binding on this connection")]
    BindingMissing,
    /// Not a message of the mechanism.
    #[error("the server's message is malformed: {0}")]
    Malformed(&'static str),
    /// The server asks for fewer iterations than are safe, or more than we do.
    #[error("the server asks for {0} iterations")]
    Iterations(u64),
    /// The server does not continue the conversation that we began.
    #[error("the server's nonce does not continue ours")]
    Nonce,
    /// The server does not know the password, so it is not the one that we wanted to talk to.
    #[error("the server could not prove that it knows the password")]
    ServerUnproven,
    /// The server says why not (RFC 5802 §5.1, `e=`).
    #[error("the server refused: {0}")]
    Refused(String),
    /// A message after the end.
    #[error("the server went on after the end of the exchange")]
    Unexpected,
}
