//! What a service may ask of the network: names and connections that it opens itself.

use crate::{BoxFuture, Tls};
use model::Domain;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

/// A mail exchanger of a domain (RFC 5321 §5.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mx {
    /// Lower is tried first.
    pub preference: u16,
    /// `None` is the root name of a null MX (RFC 7505 §3).
    pub host: Option<Domain>,
}

/// Why a name gave no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ResolveError {
    /// The name does not exist, says a server that must know (RFC 8020).
    #[error("the name does not exist")]
    NoSuchName,
    /// No server answered in time, or with an error; heals perhaps.
    #[error("no answer from DNS: {0}")]
    Temporary(String),
}

/// DNS, with its cache, deadlines and limits behind it: every call ends.
pub trait Resolver: Send + Sync {
    /// The MX records of `domain`, in no order; none when the name exists without them.
    fn mx(&self, domain: &Domain) -> BoxFuture<'static, Result<Vec<Mx>, ResolveError>>;
    /// The A and AAAA records of `host`, in no order; none when the name exists without them.
    fn addresses(&self, host: &Domain) -> BoxFuture<'static, Result<Vec<IpAddr>, ResolveError>>;
}

/// Why a connection could not be opened, secured or used. All of them may heal.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct WireError(pub String);

/// Opens connections.
pub trait Dialer: Send + Sync {
    /// A connection to `to`; from the local address `from` where one is given.
    fn dial(&self, to: SocketAddr, from: Option<IpAddr>) -> BoxFuture<'static, Result<Box<dyn Wire>, WireError>>;
}

/// Whose certificate is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verify {
    /// Any: encryption against those who only listen (RFC 7435).
    Nobody,
    /// One that a known authority signed for this very name.
    Name,
}

/// What TLS gives that was begun on a connection.
pub type Secured = Result<(Box<dyn Wire>, Tls), WireError>;

/// A connection that was opened by us.
pub trait Wire: Send {
    /// Reads into `buffer`; 0 octets are the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize, WireError>>;
    /// Writes some of `octets`; they are on their way when this returns.
    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<Result<usize, WireError>>;
    /// Begins TLS as the client of `name`. The wire is gone when it fails.
    fn start_tls(self: Box<Self>, name: &Domain, verify: Verify) -> BoxFuture<'static, Secured>;
    /// The peer's address.
    fn peer(&self) -> SocketAddr;
}
