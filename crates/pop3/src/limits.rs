//! Every bound on what a client may send, with its reason.

use std::time::Duration;

/// A command without its line end. RFC 2449 §4 asks for 253; we allow more, because passwords may be long and in UTF-8.
pub const COMMAND_OCTETS_MAX: usize = 512;
/// A line of a SASL exchange, in base64 (RFC 5034 §4): 12,288 octets of the largest message.
pub const AUTH_OCTETS_MAX: usize = 16 * 1024;
/// A line longer than this ends the connection; up to it, it is passed over and refused.
pub const LINE_OCTETS_FATAL: usize = 64 * 1024;
/// Input held while a command runs, so that a client may pipeline (RFC 2449 §6.6): some thousand commands.
pub const INPUT_OCTETS_MAX: usize = 32 * 1024;
/// Output above which the session asks its caller to wait; one line may go beyond it.
pub const OUTPUT_OCTETS_SOFT: usize = 64 * 1024;
/// Refused commands in a row until the connection ends: a client that speaks POP3 needs none.
pub const BAD_COMMANDS_MAX: u32 = 20;
/// Failed log-ins until the connection ends, as for SMTP: one who guesses has to connect again, where it is noticed.
pub const LOGINS_FAILED_MAX: u32 = 5;

/// What differs from house to house.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Time without input after which a logged-in client is hung up on; at least ten minutes (RFC 1939 §3).
    pub idle_timeout: Duration,
    /// Time to log in. RFC 1939 §3 has ten minutes in mind for it as well: we allow less, because no maildrop is open yet and
    /// strangers could hold connections.
    pub login_timeout: Duration,
}

impl Default for Limits {
    /// Ten minutes; one minute.
    fn default() -> Limits {
        Limits { idle_timeout: Duration::from_secs(10 * 60), login_timeout: Duration::from_secs(60) }
    }
}
