//! One connection: what is read next, whose turn it is, and what is said.

use super::body::{Body, Progress, bare_line_end};
use super::line::{LineReader, Read};
use super::tally::Tally;
use super::{Event, Security};
use crate::command::{Hello, HelloName};
use crate::extension::MailParams;
use crate::extension::chunking::Chunk;
use crate::policy::{Flavour, Policy};
use crate::reply::Reply;
use model::{ForwardPath, Moment, ReversePath};
use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

/// Octets of output that wait for the peer at most; the longest reply fits many times.
const OUTPUT_OCTETS_MAX: usize = 16 << 10;

/// Octets of the longest reply: its text, and the codes on each of its lines.
const REPLY_OCTETS_MAX: usize = Reply::TEXT_OCTETS_MAX + 2 * Reply::LINES_MAX * 20;

/// A connection's conversation, from the greeting to the last reply.
///
/// Drive it so: give octets to [`receive`](Self::receive); [`poll`](Self::poll) until nothing comes, answering events;
/// write [`output`](Self::output); and again. Stop once [`is_closing`](Self::is_closing) and the output is written.
#[derive(Debug)]
pub struct Session {
    pub(super) policy: Arc<Policy>,
    pub(super) security: Security,
    pub(super) hello: Option<(Hello, HelloName)>,
    pub(super) transaction: Option<Transaction>,
    pub(super) body: Option<Box<Body>>,
    pub(super) tally: Tally,
    pub(super) turn: Turn,
    pub(super) reading: Reading,
    pub(super) closing: bool,
    lines: LineReader,
    output: Vec<u8>,
    /// Replies for recipients (RFC 2033 §4.2) that find no room in the output yet.
    owed: VecDeque<Reply>,
    input_ended: bool,
    /// When the peer was last given its turn.
    since: Moment,
}

/// The envelope as far as the session must know it.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) params: MailParams,
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
    Mail(ReversePath, MailParams),
    Rcpt(ForwardPath),
    DataStart(Content),
    BodyEnd,
    BodyAborted,
    Reset,
    StartTls,
    Quit,
}

/// What the caller was asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    Mail(MailParams),
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

    /// The session under TLS after [`Event::StartTls`]: it remembers nothing and greets no more (RFC 3207 §4.2).
    pub fn secured(self, now: Moment) -> Session {
        Session::silent(self.policy, Security::Tls, now)
    }

    fn silent(policy: Arc<Policy>, security: Security, now: Moment) -> Session {
        Session {
            policy,
            security,
            hello: None,
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
            since: now,
        }
    }

    /// Takes octets from the peer and returns how many; fewer than given while an event waits, the output is full, or TLS
    /// has to begin.
    pub fn receive(&mut self, input: &[u8], now: Moment) -> usize {
        let mut rest = input;
        while !rest.is_empty() && !self.closing && self.may_read() {
            let before = rest.len();
            match &mut self.reading {
                Reading::Commands => self.read_line(&mut rest, now),
                Reading::Body => self.read_body(&mut rest, now),
                Reading::Discard(..) => self.read_discarded(&mut rest, now),
                Reading::Nothing => break,
            }
            if rest.len() == before {
                break;
            }
        }
        if self.closing { input.len() } else { input.len() - rest.len() }
    }

    fn may_read(&self) -> bool {
        let waiting = self.body.as_ref().is_some_and(|body| body.is_waiting());
        matches!(self.turn, Turn::Peer)
            && self.owed.is_empty()
            && self.room() >= REPLY_OCTETS_MAX
            && (matches!(self.reading, Reading::Body) || !waiting)
    }

    fn read_line(&mut self, input: &mut &[u8], now: Moment) {
        let read = self.lines.read(input);
        if read == Read::More {
            return;
        }
        let line = self.lines.take();
        self.since = now;
        match read {
            Read::More => {}
            Read::Line => self.execute(&line),
            Read::BareLf => self.fail(Reply::new(500, (5, 5, 2), "a command ends with CR LF, not with LF alone")),
            Read::TooLong => self.too_long(&line),
            Read::Endless => self.hang_up(&Reply::new(421, (4, 7, 0), "line without end")),
            Read::Tls => {
                self.hang_up(&Reply::new(500, (5, 5, 1), "this port begins in the clear, TLS comes by STARTTLS"))
            }
        }
        self.lines.reuse(line);
    }

    fn read_body(&mut self, input: &mut &[u8], now: Moment) {
        let Some(body) = &mut self.body else { return };
        let (good, before) = (body.refusal().is_none(), input.len());
        let progress = body.read(input);
        if good && body.refusal().is_some() {
            self.turn = Turn::Event(Held::BodyAborted);
        }
        if input.len() != before {
            self.since = now;
        }
        match progress {
            Progress::More => {}
            Progress::Endless => self.end_body_early(),
            Progress::ChunkEnd => self.chunk_ended(),
            Progress::End => self.body_ended(),
        }
    }

    /// The whole message is read.
    fn body_ended(&mut self) {
        self.reading = Reading::Commands;
        match self.body.as_ref().and_then(|body| body.refusal()).cloned() {
            Some(reply) => self.conclude(reply),
            None => self.turn = Turn::Event(Held::BodyEnd),
        }
    }

    /// A chunk of BDAT is read; only with the last one the message ends.
    pub(super) fn chunk_ended(&mut self) {
        let Some(body) = &mut self.body else { return };
        let last = body.chunk_ended() == Some(Chunk::Last);
        if last && body.refusal().is_none() && body.ends_amid_a_line_end() {
            body.refuse(bare_line_end());
            self.turn = Turn::Event(Held::BodyAborted);
        }
        if last {
            return self.body_ended();
        }
        self.reading = Reading::Commands;
        let octets = body.octets();
        match body.refusal().cloned() {
            // One reply, whatever the flavour: the others belong to LAST.
            Some(reply) => self.end_transaction(&reply),
            None => self.say(&Reply::new(250, (2, 0, 0), format!("{octets} octets so far"))),
        }
    }

    fn end_body_early(&mut self) {
        let reply = self.body.as_ref().and_then(|body| body.refusal()).cloned();
        self.hang_up(&reply.unwrap_or_else(|| Reply::new(421, (4, 3, 0), "message without end")));
        self.transaction = None;
        self.body = None;
    }

    fn read_discarded(&mut self, input: &mut &[u8], now: Moment) {
        let Reading::Discard(left, _) = &mut self.reading else { return };
        let most = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
        *left -= input.split_off(..most).unwrap_or_default().len() as u64;
        self.since = now;
        self.discard_ended();
    }

    /// Says what is owed once nothing is left to discard.
    pub(super) fn discard_ended(&mut self) {
        match mem::replace(&mut self.reading, Reading::Commands) {
            Reading::Discard(0, reply) => self.fail(reply),
            reading => self.reading = reading,
        }
    }

    /// The next event, if one waits. Body octets are borrowed until the next call of anything.
    pub fn poll(&mut self) -> Option<Event<'_>> {
        if self.body.as_ref().is_some_and(|body| body.is_waiting()) {
            return self.body.as_mut().map(|body| Event::BodyChunk(body.poll()));
        }
        self.end_with_input();
        match mem::replace(&mut self.turn, Turn::Peer) {
            Turn::Event(held) => self.hand_out(held),
            turn => {
                self.turn = turn;
                None
            }
        }
    }

    fn hand_out(&mut self, held: Held) -> Option<Event<'_>> {
        let (event, question) = match held {
            Held::Hello => {
                let (hello, name) = self.hello.as_ref()?;
                return Some(Event::Hello { name: name.as_str(), hello: *hello });
            }
            Held::BodyAborted => return Some(Event::BodyAborted),
            Held::Reset => return Some(Event::Reset),
            Held::StartTls => return Some(Event::StartTls),
            Held::Quit => return Some(Event::Quit),
            Held::Mail(reverse_path, params) => (Event::Mail { reverse_path, params }, Question::Mail(params)),
            Held::Rcpt(forward_path) => (Event::Rcpt { forward_path }, Question::Rcpt),
            Held::DataStart(content) => (Event::DataStart, Question::DataStart(content)),
            Held::BodyEnd => (Event::BodyEnd, Question::BodyEnd),
        };
        self.turn = Turn::Answer(question);
        Some(event)
    }

    /// Says yes to the event polled last.
    ///
    /// # Panics
    /// Without an event that wants this answer: a mistake of the caller's.
    pub fn accept(&mut self, now: Moment) {
        let question = self.take_question("accept");
        self.since = now;
        match question {
            Question::Mail(params) => {
                self.transaction = Some(Transaction { params, recipients: 0, tried: 0 });
                self.say(&Reply::new(250, (2, 1, 0), "sender ok"));
            }
            Question::Rcpt => {
                self.transaction.iter_mut().for_each(|t| t.recipients += 1);
                self.say(&Reply::new(250, (2, 1, 5), "recipient ok"));
            }
            Question::DataStart(content) => self.begin_body(content, now),
            Question::BodyEnd => panic!("a whole message wants answer() or answer_each()"),
        }
        self.end_with_input();
    }

    /// Says no to the event polled last, or to a message of which chunks were polled. A 421 also ends the connection.
    ///
    /// # Panics
    /// Without an event that wants this answer, or with a positive reply: a mistake of the caller's.
    pub fn refuse(&mut self, reply: Reply, now: Moment) {
        assert!(!reply.is_positive(), "refused with {reply}");
        if let Some(body) = &mut self.body {
            body.refuse(reply.clone());
            if !matches!(self.turn, Turn::Event(Held::BodyEnd) | Turn::Answer(_)) {
                return;
            }
            self.turn = Turn::Answer(Question::BodyEnd);
        }
        let question = self.take_question("refuse");
        self.since = now;
        match question {
            Question::Mail(_) => self.fail(reply),
            Question::Rcpt => {
                let reply = self.tally.refused_recipient(reply, &self.policy);
                self.say(&reply);
            }
            Question::DataStart(Content::Data) => self.end_transaction(&reply),
            Question::DataStart(Content::Bdat(octets, _)) => {
                self.transaction = None;
                self.discard(octets, reply);
            }
            Question::BodyEnd => self.conclude(reply),
        }
        self.end_with_input();
    }

    /// Says what became of the whole message; in LMTP, of all its recipients alike.
    ///
    /// # Panics
    /// When the event polled last is not [`Event::BodyEnd`]: a mistake of the caller's.
    pub fn answer(&mut self, reply: Reply, now: Moment) {
        let question = self.take_question("answer");
        assert!(matches!(question, Question::BodyEnd), "answered {question:?}");
        self.since = now;
        self.conclude(reply);
        self.end_with_input();
    }

    /// Says for each accepted recipient, in their order, what became of the message (RFC 2033 §4.2).
    ///
    /// # Panics
    /// As [`answer`](Self::answer); in SMTP; or with another number of replies than there are recipients.
    pub fn answer_each(&mut self, replies: Vec<Reply>, now: Moment) {
        let question = self.take_question("answer_each");
        assert!(matches!(question, Question::BodyEnd), "answered {question:?}");
        assert_eq!(self.policy.flavour, Flavour::Lmtp, "SMTP has one reply for all");
        assert_eq!(Some(replies.len()), self.transaction.as_ref().map(|t| t.recipients), "one reply for each");
        self.since = now;
        self.conclude_each(replies.into());
        self.end_with_input();
    }

    fn take_question(&mut self, answer: &str) -> Question {
        match mem::replace(&mut self.turn, Turn::Peer) {
            Turn::Answer(question) => question,
            turn => panic!("{answer}() without a question, but {turn:?}"),
        }
    }

    fn begin_body(&mut self, content: Content, now: Moment) {
        let Some(transaction) = &self.transaction else { return };
        match content {
            Content::Data => {
                self.body = Some(Body::data(&self.policy, now).into());
                self.reading = Reading::Body;
                self.say(&Reply::plain(354, "send the message, ended by a line with a dot alone"));
            }
            Content::Bdat(octets, chunk) => {
                self.body = Some(Body::chunks(transaction.params.body, &self.policy, now).into());
                self.begin_chunk(octets, chunk);
            }
        }
    }

    /// Reads a chunk of BDAT into the message.
    pub(super) fn begin_chunk(&mut self, octets: u64, chunk: Chunk) {
        let Some(body) = &mut self.body else { return };
        if body.begin_chunk(octets, chunk) {
            self.turn = Turn::Event(Held::BodyAborted);
        }
        let unreadable = octets > self.policy.size_max_octets.saturating_mul(2);
        self.reading = Reading::Body;
        if unreadable {
            self.end_body_early();
        } else if octets == 0 {
            self.chunk_ended();
        }
    }

    /// Reads over a chunk of BDAT, then says `reply`; a chunk that is too long for that ends the connection.
    pub(super) fn discard(&mut self, octets: u64, reply: Reply) {
        if octets > self.policy.size_max_octets.saturating_mul(2) {
            return self.hang_up(&reply);
        }
        self.reading = Reading::Discard(octets, reply);
        self.discard_ended();
    }

    fn conclude(&mut self, reply: Reply) {
        let repetitions = match (self.policy.flavour, &self.transaction) {
            (Flavour::Lmtp, Some(transaction)) => transaction.recipients,
            _ => 1,
        };
        self.conclude_each(std::iter::repeat_n(reply, repetitions).collect());
    }

    fn conclude_each(&mut self, replies: VecDeque<Reply>) {
        if replies.iter().any(Reply::is_positive) {
            self.tally.message();
        }
        self.closing |= replies.iter().any(|reply| reply.code() == 421);
        self.transaction = None;
        self.body = None;
        self.owed = replies;
        self.pay();
    }

    fn end_transaction(&mut self, reply: &Reply) {
        self.transaction = None;
        self.body = None;
        self.say(reply);
    }

    /// Says what failed, or that it failed once too often.
    pub(super) fn fail(&mut self, reply: Reply) {
        let reply = self.tally.error(reply, &self.policy);
        self.say(&reply);
    }

    /// A reply goes to the output; 421 is the last one (RFC 5321 §3.8).
    pub(super) fn say(&mut self, reply: &Reply) {
        self.closing |= reply.code() == 421;
        reply.print(&mut self.output);
    }

    /// Says a last reply.
    pub(super) fn hang_up(&mut self, reply: &Reply) {
        self.say(reply);
        self.closing = true;
    }

    fn pay(&mut self) {
        while self.room() >= REPLY_OCTETS_MAX
            && let Some(reply) = self.owed.pop_front()
        {
            reply.print(&mut self.output);
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
            self.say(&Reply::new(421, (4, 4, 2), "waited too long"));
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

    fn end_with_input(&mut self) {
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
        match (hello, utf8, self.security) {
            (Hello::Helo, ..) => "SMTP",
            (Hello::Ehlo, false, Security::Clear) => "ESMTP",
            (Hello::Ehlo, false, Security::Tls) => "ESMTPS",
            (Hello::Ehlo, true, Security::Clear) => "UTF8SMTP",
            (Hello::Ehlo, true, Security::Tls) => "UTF8SMTPS",
            (Hello::Lhlo, false, Security::Clear) => "LMTP",
            (Hello::Lhlo, false, Security::Tls) => "LMTPS",
            (Hello::Lhlo, true, Security::Clear) => "UTF8LMTP",
            (Hello::Lhlo, true, Security::Tls) => "UTF8LMTPS",
        }
    }

    /// Gives back memory that a quiet connection does not need.
    pub fn rest(&mut self) {
        self.lines.rest();
        self.output.shrink_to_fit();
    }
}
