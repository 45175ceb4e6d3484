//! How any connection is driven: octets in, octets out, one deadline, and work in between.

use model::Moment;
use std::fmt;
use std::task::Context;

/// What the driver does once the output is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Goes on.
    Continue,
    /// Negotiates TLS and goes on with [`Conversation::secured`]; input that is still waiting is thrown away, so that
    /// nothing sent in the clear is read as if it were protected (RFC 3207 §4.2, CVE-2011-0411).
    StartTls,
    /// Closes the connection.
    Close,
}

/// What TLS was agreed on.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// As `TLSv1.3`.
    pub version: String,
    /// As `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// Channel binding `tls-exporter` (RFC 9266 §2), which both ends of this very connection know and nobody else.
    /// `None` where nothing excludes that another connection has the same.
    pub exporter: Option<[u8; 32]>,
    /// Channel binding `tls-server-end-point` (RFC 5929 §4): the hash of the server's certificate. `None` where it is not
    /// defined for the certificate's signature.
    pub server_end_point: Option<Vec<u8>>,
}

/// Without the channel bindings: they are as good as a secret where they serve as one.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("version", &self.version).field("cipher", &self.cipher).finish_non_exhaustive()
    }
}

/// One connection's protocol and service together, without its socket.
///
/// The driver calls [`advance`](Self::advance) after every other call and whenever the waker fires; then it writes
/// [`output`](Self::output), reads what [`receive`](Self::receive) takes, and sleeps until [`deadline`](Self::deadline).
/// Dropping a conversation is a hang-up: what was accepted stays accepted, the rest is forgotten.
pub trait Conversation: Send {
    /// Takes octets from the peer; returns how many. Fewer than given means: not before something changed.
    fn receive(&mut self, input: &[u8], now: Moment) -> usize;

    /// The peer sends no more (it may still read: RFC 9293 §3.6). What it sent is worked on and answered first.
    fn input_ended(&mut self, now: Moment);

    /// Works on what was received as far as input, room in the output and the services below allow; otherwise leaves
    /// the waker where it will be woken.
    fn advance(&mut self, cx: &mut Context<'_>, now: Moment);

    /// What the peer shall get; bounded.
    fn output(&self) -> &[u8];

    /// The first `octets` of the output are written.
    fn sent(&mut self, octets: usize);

    /// When [`expire`](Self::expire) is due. `None` only while a command runs that has its own end.
    fn deadline(&self) -> Option<Moment>;

    /// The deadline is over.
    fn expire(&mut self, now: Moment);

    /// The server stops: says so and closes, unless a command is at work. Called again and again until
    /// [`next`](Self::next) is [`Next::Close`], or the driver's patience ends.
    fn stop(&mut self, now: Moment);

    /// What comes once the output is written.
    fn next(&self) -> Next;

    /// The conversation under TLS: a fresh one that remembers nothing said before (RFC 3207 §4.2, RFC 9051 §6.2.1).
    fn secured(self: Box<Self>, tls: Tls, now: Moment) -> Box<dyn Conversation>;

    /// Gives back memory that a connection which has been quiet for a while does not need.
    fn rest(&mut self) {}
}
