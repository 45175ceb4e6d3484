//! What there is to tell about the server.

use std::time::Duration;

/// Knows how the server is. Asked for each page: it answers from what it knows, without waiting.
pub trait StatusSource: Send + Sync {
    /// How the server is now.
    fn status(&self) -> Status;
}

/// How the server is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// The program's name, as `postamt`.
    pub program: String,
    /// Its version, as `0.1.0`.
    pub version: String,
    /// The host name that mail programs connect to.
    pub host: String,
    /// The time since the start.
    pub uptime: Duration,
    /// Whether mail is taken and given out.
    pub health: Health,
    /// Where it listens.
    pub listeners: Vec<Listening>,
    /// How many accounts there are.
    pub accounts: u64,
    /// How many messages they have.
    pub messages: u64,
    /// A line that helps to sign in, as the demo's user names; nothing secret, for anyone may read the page.
    pub hint: Option<String>,
}

/// Whether the server does its work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Health {
    /// It does.
    Well,
    /// It does not, or not all of it, for this reason.
    Ill(String),
}

/// One place where the server listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listening {
    /// As `IMAP`.
    pub service: String,
    /// As `127.0.0.1:1143`.
    pub address: String,
    /// How connections are protected.
    pub security: Security,
}

/// How connections are protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// Not at all.
    None,
    /// When the client asks.
    StartTls,
    /// From the first octet.
    Tls,
}
