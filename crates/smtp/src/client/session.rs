//! One connection: what was asked and not answered, and what goes between the caller and the wire.

use super::envelope::Unsendable;
use super::exchange::Exchange;
use super::extensions::Extensions;
use super::policy::Policy;
use super::reader::ReplyReader;
use super::{Event, Reason, Stage};
use model::Moment;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Octets of output that wait for the peer at most.
pub(super) const OUTPUT_OCTETS_MAX: usize = 64 << 10;

/// A connection's conversation, from the greeting to QUIT.
///
/// Drive it so: give octets to [`receive`](Self::receive), which takes one reply at a time; [`poll`](Self::poll) until
/// nothing comes, doing what the events want; write [`output`](Self::output), saying at once with [`sent`](Self::sent) what
/// was written; and again, until nothing moves. Then wait for the peer or the [`deadline`](Self::deadline). To give up at
/// any moment, close the connection: a message whose end was not written is not delivered.
pub struct Session {
    pub(super) policy: Arc<Policy>,
    pub(super) phase: Phase,
    pub(super) extensions: Extensions,
    pub(super) exchange: Option<Box<Exchange>>,
    pub(super) expected: VecDeque<Expected>,
    pub(super) events: VecDeque<Event>,
    reader: ReplyReader,
    /// The reply that is being read began before its command was sent.
    early: bool,
    pub(super) output: Vec<u8>,
    /// Octets written so far.
    sent: u64,
    /// When the peer last did what it had to, or we asked it.
    pub(super) since: Moment,
    /// The server remembers a transaction that is over: RSET comes before the next.
    pub(super) dirty: bool,
    pub(super) challenges: u32,
}

/// Whether something else than commands and replies is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Open,
    /// The caller answers a challenge.
    Challenged,
    /// TLS begins, with a session of its own.
    TlsAgreed,
    Closed,
}

/// A command that is not answered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) asked: Asked,
    /// Where it ends in all that is ever written.
    end: u64,
}

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Auth,
    Reset,
    Mail,
    Rcpt(usize),
    Data,
    /// The dot after a DATA that nobody wanted (RFC 2920 §3.1).
    Nothing,
    /// A BDAT that is not the last.
    Chunk,
    BodyEnd,
    Quit,
}

impl Asked {
    pub(super) fn stage(self) -> Stage {
        match self {
            Asked::Greeting => Stage::Greeting,
            Asked::Ehlo | Asked::Helo => Stage::Hello,
            Asked::StartTls => Stage::StartTls,
            Asked::Auth => Stage::Auth,
            Asked::Reset => Stage::Reset,
            Asked::Mail => Stage::Mail,
            Asked::Rcpt(_) => Stage::Rcpt,
            Asked::Data | Asked::Nothing => Stage::Data,
            Asked::Chunk => Stage::Body,
            Asked::BodyEnd => Stage::BodyEnd,
            Asked::Quit => Stage::Quit,
        }
    }
}

impl Session {
    /// A new connection, in the clear or under TLS from the first octet; the greeting is waited for.
    pub fn new(policy: Arc<Policy>, now: Moment) -> Session {
        let mut session = Session::silent(policy, now);
        session.expect(Asked::Greeting, now);
        session
    }

    /// The session under TLS after [`Event::StartTls`]: it remembers nothing and says EHLO again (RFC 3207 §4.2).
    pub fn secured(self, now: Moment) -> Session {
        let mut session = Session::silent(self.policy, now);
        session.hello(now);
        session
    }

    fn silent(policy: Arc<Policy>, now: Moment) -> Session {
        Session {
            policy,
            phase: Phase::Open,
            extensions: Extensions::default(),
            exchange: None,
            expected: VecDeque::new(),
            events: VecDeque::new(),
            reader: ReplyReader::default(),
            early: false,
            output: Vec::new(),
            sent: 0,
            since: now,
            dirty: false,
            challenges: 0,
        }
    }

    /// Takes input up to the end of one reply, and says how much that was: nothing while an event waits to be polled, and
    /// nothing more after [`Event::Closed`] or an agreed STARTTLS.
    pub fn receive(&mut self, input: &[u8], now: Moment) -> usize {
        if input.is_empty() || !self.events.is_empty() || matches!(self.phase, Phase::TlsAgreed | Phase::Closed) {
            return 0;
        }
        if self.reader.is_empty() {
            self.early = self.expected.front().is_none_or(|expected| expected.end > self.sent);
        }
        let mut rest = input;
        match self.reader.read(&mut rest) {
            Ok(None) => {}
            Ok(Some(heard)) => {
                self.since = now;
                self.hear(heard, self.early, now);
            }
            Err(garbage) => self.close(self.stage(), Reason::Broken(garbage.to_string())),
        }
        input.len() - rest.len()
    }

    /// The next event, if one waits.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What the peer shall get.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// The first `octets` of the output are written.
    pub fn sent(&mut self, octets: usize) {
        let octets = octets.min(self.output.len());
        self.output.drain(..octets);
        self.sent = self.sent.saturating_add(octets as u64);
    }

    /// When the peer has kept us waiting long enough; `None` while it is the caller's turn.
    pub fn deadline(&self) -> Option<Moment> {
        let waits = !self.expected.is_empty() || !self.output.is_empty();
        if self.phase != Phase::Open || !waits {
            return None;
        }
        let timeouts = &self.policy.timeouts;
        let patience = match self.stage() {
            Stage::Greeting => timeouts.greeting,
            Stage::Hello | Stage::StartTls | Stage::Auth | Stage::Idle | Stage::Reset => timeouts.command,
            Stage::Mail => timeouts.mail,
            Stage::Rcpt => timeouts.rcpt,
            Stage::Data => timeouts.data,
            Stage::Body => timeouts.block,
            Stage::BodyEnd => timeouts.body_end,
            Stage::Quit => timeouts.quit,
        };
        let stage_ends = self.since + patience;
        Some(self.exchange.as_ref().map_or(stage_ends, |exchange| stage_ends.min(exchange.until)))
    }

    /// The deadline is over: the connection is, too.
    pub fn expire(&mut self, now: Moment) {
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.close(self.stage(), Reason::TimedOut);
        }
    }

    /// The peer sends no more; call it when all it sent was taken.
    pub fn input_ended(&mut self) {
        let stage = self.stage();
        let reason = if stage == Stage::Quit { Reason::Quit } else { Reason::PeerClosed };
        self.close(stage, reason);
    }

    /// Whether nothing is open, so that a command may be said.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Open && self.expected.is_empty() && self.exchange.is_none()
    }

    /// Whether the connection is over.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// What the server offered last; nothing before [`Event::Ready`].
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// What the connection is busy with.
    pub fn stage(&self) -> Stage {
        match (self.expected.front(), &self.exchange, self.phase) {
            (Some(expected), ..) => expected.asked.stage(),
            (None, Some(_), _) => Stage::Body,
            (None, None, Phase::Challenged) => Stage::Auth,
            (None, None, Phase::TlsAgreed) => Stage::StartTls,
            (None, None, _) => Stage::Idle,
        }
    }

    /// Says a line and expects its answer.
    pub(super) fn ask(&mut self, asked: Asked, line: &str, now: Moment) {
        // The types and checks before this let no line end in; were one of them wrong, a message would be forged.
        assert!(!line.chars().any(char::is_control), "a control character in a command");
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
        self.expect(asked, now);
    }

    /// Expects an answer to all that is in the output.
    pub(super) fn expect(&mut self, asked: Asked, now: Moment) {
        if self.expected.is_empty() {
            self.since = now;
        }
        let end = self.sent.saturating_add(self.output.len() as u64);
        self.expected.push_back(Expected { asked, end });
    }

    pub(super) fn must_be_idle(&self) -> Result<(), Unsendable> {
        if self.is_idle() { Ok(()) } else { Err(Unsendable::Busy) }
    }

    /// Ends the connection, telling first what is known about a transaction.
    pub(super) fn close(&mut self, stage: Stage, reason: Reason) {
        if self.phase == Phase::Closed {
            return;
        }
        self.events.extend(self.exchange.take().and_then(|exchange| exchange.outcome()));
        self.events.push_back(Event::Closed { stage, reason });
        self.phase = Phase::Closed;
        self.expected = VecDeque::new();
        self.output = Vec::new();
        self.reader = ReplyReader::default();
    }
}

/// Without the octets in it: they may be a password.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("phase", &self.phase).field("stage", &self.stage()).finish_non_exhaustive()
    }
}
