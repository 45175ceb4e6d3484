//! What one listener offers and how much it bears.

use crate::extension::future_release::FutureRelease;
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

/// Whether clients may prove who they are (RFC 4954).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Auth {
    /// Nobody has to; mail comes from anywhere.
    NotOffered,
    /// EHLO names the mechanisms wherever one can be used.
    Offered {
        /// SASL mechanisms in upper case, the best first; those that end in `-PLUS` are offered with TLS only.
        mechanisms: Vec<&'static str>,
        /// Also without TLS. Passwords can be read along then, so this is for loopback listeners.
        clear: bool,
    },
}

/// Whether a message is taken from somebody unknown (RFC 6409 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Authentication {
    /// MAIL is refused until AUTH succeeded.
    Required,
    /// Whoever likes may authenticate.
    Optional,
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
    /// Whether AUTH is there.
    pub auth: Auth,
    /// Whether it has to be used.
    pub authentication: Authentication,
    /// Whether reports are sent as the client wishes (RFC 3461): to be offered only where they are.
    pub dsn: bool,
    /// Whether messages are kept for later, which is for submission alone (RFC 4865 §2).
    pub future_release: Option<FutureRelease>,
    /// Octets of a message, told by SIZE (RFC 1870). 50 MiB: what the large providers take, rounded up.
    pub size_max_octets: u64,
    /// Recipients of a message. RFC 5321 §4.5.3.1.8 wants at least 100; 1000 spares lists most of their repetitions.
    pub recipients_max: usize,
    /// Failed commands before the connection is closed: a person at a terminal errs less than 20 times, a scanner more.
    pub errors_max: u32,
    /// Failed proofs of who the client is before the connection is closed: 5 mistyped passwords are as many as a person
    /// bears, and one who guesses has to connect again, where it is noticed.
    pub auth_failures_max: u32,
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
            auth: Auth::NotOffered,
            authentication: Authentication::Optional,
            dsn: false,
            future_release: None,
            size_max_octets: 50 << 20,
            recipients_max: 1000,
            errors_max: 20,
            auth_failures_max: 5,
            refused_recipients_max: 50,
            transactions_max: 1000,
            idle_commands_max: 200,
            command_timeout: Duration::from_secs(300),
            data_timeout: Duration::from_secs(300),
            message_timeout: Duration::from_secs(3600),
        }
    }

    /// The defaults of submission (RFC 6409) with these mechanisms: nobody sends without authentication, which needs TLS, and
    /// a message may wait for 60 days.
    pub fn submission(host_name: Domain, mechanisms: Vec<&'static str>) -> Policy {
        Policy {
            start_tls: StartTls::Offered,
            auth: Auth::Offered { mechanisms, clear: false },
            authentication: Authentication::Required,
            future_release: Some(FutureRelease { interval_max: Duration::from_hours(60 * 24) }),
            ..Policy::new(host_name)
        }
    }
}
