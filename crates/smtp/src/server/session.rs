//! One connection: what is read next, whose turn it is, and what is said.

use super::Security;
use super::auth::Exchange;
use super::body::Body;
use super::line::LineReader;
use super::tally::Tally;
use crate::command::{Hello, HelloName};
use crate::extension::auth::Attempt;
use crate::extension::chunking::Chunk;
use crate::extension::{MailParams, RcptParams};
use crate::policy::{Flavour, Policy};
use crate::reply::Reply;
use model::Secret;
use model::{ForwardPath, Moment, ReversePath, Timestamp};
use std::collections::VecDeque;
use std::sync::Arc;

/// Octets of output that wait for the peer at most; the longest reply fits many times.
const OUTPUT_OCTETS_MAX: usize = 16 << 10;

/// Octets of the longest reply: its text, and the codes on each of its lines.
pub(super) const REPLY_OCTETS_MAX: usize = Reply::TEXT_OCTETS_MAX + 2 * Reply::LINES_MAX * 20;

/// A connection's conversation, from the greeting to the last reply.
///
/// Drive it so: give octets to [`receive`](Self::receive); [`poll`](Self::poll) until nothing comes, answering events;
/// write [`output`](Self::output); and again. Stop once [`is_closing`](Self::is_closing) and the output is written.
#[derive(Debug)]
pub struct Session {
    pub(super) policy: Arc<Policy>,
    pub(super) security: Security,
    pub(super) hello: Option<(Hello, HelloName)>,
    pub(super) authenticated: Option<Box<str>>,
    pub(super) exchange: Exchange,
    pub(super) transaction: Option<Transaction>,
    pub(super) body: Option<Box<Body>>,
    pub(super) tally: Tally,
    pub(super) turn: Turn,
    pub(super) reading: Reading,
    pub(super) closing: bool,
    pub(super) lines: LineReader,
    output: Vec<u8>,
    /// Replies for recipients (RFC 2033 §4.2) that find no room in the output yet.
    pub(super) owed: VecDeque<Reply>,
    input_ended: bool,
    refusal: Option<Reply>,
    /// When the peer was last given its turn.
    pub(super) since: Moment,
    /// The wall clock at some moment.
    pub(super) epoch: Option<(Moment, Timestamp)>,
}

/// The envelope as far as the session must know it.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) params: Box<MailParams>,
    /// Accepted.
    pub(super) recipients: usize,
    /// Accepted or not.
    pub(super) tried: usize,
}

/// Who has to do something next.
#[derive(Debug)]
pub(super) enum Turn {
    Peer,
    Event(Held),
    Answer(Question),
}

/// An event that was not polled yet.
#[derive(Debug)]
pub(super) enum Held {
    Hello,
    Auth(Attempt),
    AuthResponse(Secret),
    AuthCancelled,
    Mail(ReversePath, Box<MailParams>),
    Rcpt(ForwardPath, RcptParams),
    DataStart(Content),
    BodyEnd,
    BodyAborted,
    Reset,
    StartTls,
    Quit,
}

/// What the caller was asked.
#[derive(Clone, Debug)]
pub(super) enum Question {
    Auth,
    Mail(Box<MailParams>),
    Rcpt,
    DataStart(Content),
    BodyEnd,
}

/// How a message begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    Data,
    Bdat(u64, Chunk),
}

/// What the next octet from the peer belongs to.
#[derive(Debug)]
pub(super) enum Reading {
    Commands,
    Body,
    /// A chunk nobody wants, and what is said behind it (RFC 3030 §2).
    Discard(u64, Reply),
    /// TLS, which begins with a session of its own.
    Nothing,
}

impl Session {
    /// A new connection; the greeting is in the output already.
    pub fn new(policy: Arc<Policy>, security: Security, now: Moment) -> Session {
        let protocol = match policy.flavour {
            Flavour::Smtp => "ESMTP",
            Flavour::Lmtp => "LMTP",
        };
        let greeting = Reply::plain(220, format!("{} {protocol} ready", policy.host_name));
        let mut session = Session::silent(policy, security, now);
        session.say(&greeting);
        session
    }

    /// A connection that is told why it is not wanted now, and closed (RFC 5321 §3.1, §3.8); `reply` is 421 or 554.
    pub fn turned_away(policy: Arc<Policy>, reply: Reply, now: Moment) -> Session {
        let mut session = Session::silent(policy, Security::Clear, now);
        session.say(&reply);
        session.closing = true;
        session
    }

    /// The session under TLS after [`Event::StartTls`](super::Event::StartTls): it remembers nothing and greets no more (RFC 3207 §4.2).
    pub fn secured(self, now: Moment) -> Session {
        Session { epoch: self.epoch, ..Session::silent(self.policy, Security::Tls, now) }
    }

    fn silent(policy: Arc<Policy>, security: Security, now: Moment) -> Session {
        Session {
            policy,
            security,
            hello: None,
            authenticated: None,
            exchange: Exchange::None,
            transaction: None,
            body: None,
            tally: Tally::default(),
            turn: Turn::Peer,
            reading: Reading::Commands,
            closing: false,
            lines: LineReader::default(),
            output: Vec::new(),
            owed: VecDeque::new(),
            input_ended: false,
            refusal: None,
            since: now,
            epoch: None,
        }
    }

    /// Says what failed, or that it failed once too often.
    pub(super) fn fail(&mut self, reply: Reply) {
        let reply = self.tally.error(reply, &self.policy);
        self.say(&reply);
        self.refusal = Some(reply);
    }

    /// The message is refused by what its body found: the caller is told.
    pub(super) fn tell_refusal(&mut self) {
        self.refusal = self.body.as_ref().and_then(|body| body.refusal()).cloned();
        self.turn = Turn::Event(Held::BodyAborted);
    }

    /// A reply goes to the output; 421 is the last one (RFC 5321 §3.8).
    pub(super) fn say(&mut self, reply: &Reply) {
        self.closing |= reply.code() == 421;
        self.print(reply);
    }

    /// 421 tells who says it (RFC 5321 §4.2.2).
    fn print(&mut self, reply: &Reply) {
        if reply.code() == 421 {
            return reply.said_by(&self.policy.host_name).print(&mut self.output);
        }
        reply.print(&mut self.output);
    }

    /// Octets that are no reply go to the output.
    pub(super) fn put(&mut self, octets: &[u8]) {
        self.output.extend_from_slice(octets);
    }

    /// Says a last reply.
    pub(super) fn hang_up(&mut self, reply: &Reply) {
        self.say(reply);
        self.closing = true;
        self.refusal = Some(reply.clone()).filter(|reply| !reply.is_positive());
    }

    pub(super) fn pay(&mut self) {
        while self.room() >= REPLY_OCTETS_MAX
            && let Some(reply) = self.owed.pop_front()
        {
            self.print(&reply);
        }
    }

    /// What the peer shall get.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// Octets that still fit into the output.
    pub fn room(&self) -> usize {
        OUTPUT_OCTETS_MAX.saturating_sub(self.output.len())
    }

    /// The first `octets` of the output are written.
    pub fn sent(&mut self, octets: usize) {
        self.output.drain(..octets.min(self.output.len()));
        self.pay();
    }

    /// When the peer has waited long enough; `None` while the caller has to answer.
    pub fn deadline(&self) -> Option<Moment> {
        if !matches!(self.turn, Turn::Peer) {
            return None;
        }
        let policy = &self.policy;
        Some(match (&self.reading, &self.body) {
            (Reading::Body, Some(body)) => {
                (self.since + policy.data_timeout).min(body.started + policy.message_timeout)
            }
            _ => self.since + policy.command_timeout,
        })
    }

    /// The deadline is over: says so and closes, or only closes if the peer does not even read (RFC 5321 §4.5.3.2).
    pub fn expire(&mut self, now: Moment) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        self.since = now;
        self.abort_body();
        self.owed.clear();
        if self.output.is_empty() && !self.closing {
            self.hang_up(&Reply::new(421, (4, 4, 2), "waited too long"));
        } else {
            self.output.clear();
        }
        self.closing = true;
    }

    /// The peer sends no more; call it when all it sent was taken. Questions that are open can still be answered.
    pub fn input_ended(&mut self, now: Moment) {
        self.since = now;
        self.input_ended = true;
        self.end_with_input();
    }

    pub(super) fn end_with_input(&mut self) {
        let waiting = self.body.as_ref().is_some_and(|body| body.is_waiting());
        if self.input_ended && matches!(self.turn, Turn::Peer) && !waiting {
            self.abort_body();
            self.closing = true;
        }
    }

    /// The service stops: says 421 with the reason and closes, unless a question is open; call again after its answer
    /// (RFC 5321 §3.8).
    pub fn shut_down(&mut self, reason: &str) {
        if matches!(self.turn, Turn::Peer) && !self.closing {
            self.abort_body();
            self.hang_up(&Reply::new(421, (4, 3, 2), reason.to_owned()));
        }
    }

    fn abort_body(&mut self) {
        self.transaction = None;
        if self.body.take().is_some_and(|body| body.refusal().is_none()) {
            self.turn = Turn::Event(Held::BodyAborted);
        }
    }

    /// Whether the connection ends once the output is written.
    pub fn is_closing(&self) -> bool {
        self.closing && self.owed.is_empty() && matches!(self.turn, Turn::Peer)
    }

    /// What the session refused last without asking, once, for the log: a command, or the message behind
    /// [`Event::BodyAborted`](super::Event::BodyAborted).
    pub fn take_refusal(&mut self) -> Option<Reply> {
        self.refusal.take()
    }

    /// What the client called itself last.
    pub fn helo_name(&self) -> Option<&str> {
        self.hello.as_ref().map(|(_, name)| name.as_str())
    }

    /// Whether TLS protects this connection.
    pub fn security(&self) -> Security {
        self.security
    }

    /// The `with` of a `Received` field (RFC 3848 §1, RFC 6531 §4.3) for the transaction that is open.
    pub fn protocol_name(&self) -> &'static str {
        let utf8 = self.transaction.as_ref().is_some_and(|t| t.params.smtputf8);
        let hello = self.hello.as_ref().map_or(Hello::Helo, |(hello, _)| *hello);
        let authenticated = self.authenticated.is_some();
        match (hello, utf8, self.security, authenticated) {
            (Hello::Helo, ..) => "SMTP",
            (Hello::Ehlo, false, Security::Clear, false) => "ESMTP",
            (Hello::Ehlo, false, Security::Clear, true) => "ESMTPA",
            (Hello::Ehlo, false, Security::Tls, false) => "ESMTPS",
            (Hello::Ehlo, false, Security::Tls, true) => "ESMTPSA",
            (Hello::Ehlo, true, Security::Clear, false) => "UTF8SMTP",
            (Hello::Ehlo, true, Security::Clear, true) => "UTF8SMTPA",
            (Hello::Ehlo, true, Security::Tls, false) => "UTF8SMTPS",
            (Hello::Ehlo, true, Security::Tls, true) => "UTF8SMTPSA",
            (Hello::Lhlo, false, Security::Clear, false) => "LMTP",
            (Hello::Lhlo, false, Security::Clear, true) => "LMTPA",
            (Hello::Lhlo, false, Security::Tls, false) => "LMTPS",
            (Hello::Lhlo, false, Security::Tls, true) => "LMTPSA",
            (Hello::Lhlo, true, Security::Clear, false) => "UTF8LMTP",
            (Hello::Lhlo, true, Security::Clear, true) => "UTF8LMTPA",
            (Hello::Lhlo, true, Security::Tls, false) => "UTF8LMTPS",
            (Hello::Lhlo, true, Security::Tls, true) => "UTF8LMTPSA",
        }
    }

    /// Gives back memory that a quiet connection does not need.
    pub fn rest(&mut self) {
        self.lines.rest();
        self.output.shrink_to_fit();
    }
}
