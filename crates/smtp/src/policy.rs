//! What one listener offers and how much it bears.

use model::Domain;
use std::time::Duration;

/// Which of the two protocols is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavour {
    /// RFC 5321.
    Smtp,
    /// RFC 2033: LHLO, and one reply per recipient.
    Lmtp,
}

/// Whether TLS may be started in the session (RFC 3207).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartTls {
    /// EHLO tells of it, as long as the connection is in the clear.
    Offered,
    /// There is no certificate, or the path is private.
    NotOffered,
}

/// The limits and offers of a listener.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How the server calls itself.
    pub host_name: Domain,
    /// SMTP or LMTP.
    pub flavour: Flavour,
    /// Whether STARTTLS is there.
    pub start_tls: StartTls,
    /// Octets of a message, told by SIZE (RFC 1870). 50 MiB: what the large providers take, rounded up.
    pub size_max_octets: u64,
    /// Recipients of a message. RFC 5321 §4.5.3.1.8 wants at least 100; 1000 spares lists most of their repetitions.
    pub recipients_max: usize,
    /// Failed commands before the connection is closed: a person at a terminal errs less than 20 times, a scanner more.
    pub errors_max: u32,
    /// Recipients refused for good before the connection is closed: 50 bounds what guessing addresses brings, while a list
    /// with some dead addresses passes.
    pub refused_recipients_max: u32,
    /// Messages of a connection: 1000 lets a relay empty its queue and still moves it to a fresh process now and then.
    pub transactions_max: u32,
    /// Commands that bring no message forward (NOOP, RSET, EHLO, VRFY, a MAIL that leads nowhere) between two messages.
    pub idle_commands_max: u32,
    /// Wait for the next command; RFC 5321 §4.5.3.2.7 wants at least 5 minutes.
    pub command_timeout: Duration,
    /// Wait for the next octets of a message; as for commands, although §4.5.3.2.5 gives clients 3 minutes.
    pub data_timeout: Duration,
    /// Wait for a whole message, so that one who drips octets ends too: an hour, which is 15 kB/s for the largest message.
    pub message_timeout: Duration,
}

impl Policy {
    /// The defaults, for SMTP without TLS.
    pub fn new(host_name: Domain) -> Policy {
        Policy {
            host_name,
            flavour: Flavour::Smtp,
            start_tls: StartTls::NotOffered,
            size_max_octets: 50 << 20,
            recipients_max: 1000,
            errors_max: 20,
            refused_recipients_max: 50,
            transactions_max: 1000,
            idle_commands_max: 200,
            command_timeout: Duration::from_secs(300),
            data_timeout: Duration::from_secs(300),
            message_timeout: Duration::from_secs(3600),
        }
    }
}
