//! What the peer's octets belong to: commands, a message, or nothing anybody wants.

use super::auth;
use super::body::{Progress, bare_line_end};
use super::line::{Read, is_auth};
use super::session::{Held, REPLY_OCTETS_MAX, Reading, Session, Turn};
use crate::extension::chunking::Chunk;
use crate::reply::Reply;
use model::Moment;
use std::mem;

impl Session {
    /// Takes octets from the peer and returns how many; fewer than given while an event waits, the output is full, or TLS
    /// has to begin.
    pub fn receive(&mut self, input: &[u8], now: Moment) -> usize {
        let mut rest = input;
        while !rest.is_empty() && !self.closing && self.may_read() {
            let before = rest.len();
            match &mut self.reading {
                Reading::Commands => self.read_line(&mut rest, now),
                Reading::Body => self.read_body(&mut rest, now),
                Reading::Discard(..) => self.read_discarded(&mut rest),
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
        let read = self.lines.read(input, self.long());
        if read == Read::More {
            return;
        }
        let line = self.lines.take();
        self.since = now;
        match read {
            Read::More => {}
            Read::Line if self.is_exchanging() => self.response(&line),
            Read::Line => self.execute(&line),
            Read::BareLf => self.bad_line(Reply::new(500, (5, 5, 2), "a line ends with CR LF, not with LF alone")),
            Read::TooLong if self.is_exchanging() || is_auth(&line) => self.bad_line(auth::too_long()),
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
            self.tell_refusal();
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
        let (last, octets) = (body.chunk_ended() == Some(Chunk::Last), body.octets());
        if last && body.refusal().is_none() && body.ends_amid_a_line_end() {
            body.refuse(bare_line_end());
            self.tell_refusal();
        }
        if last {
            return self.body_ended();
        }
        self.reading = Reading::Commands;
        match self.body.as_ref().and_then(|body| body.refusal()).cloned() {
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

    /// What nobody wants renews no deadline, so that it cannot drip in for ever.
    fn read_discarded(&mut self, input: &mut &[u8]) {
        let Reading::Discard(left, _) = &mut self.reading else { return };
        let most = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
        *left -= input.split_off(..most).unwrap_or_default().len() as u64;
        self.discard_ended();
    }

    /// Says what is owed once nothing is left to discard.
    pub(super) fn discard_ended(&mut self) {
        match mem::replace(&mut self.reading, Reading::Commands) {
            Reading::Discard(0, reply) => self.fail(reply),
            reading => self.reading = reading,
        }
    }

    /// Reads a chunk of BDAT into the message.
    pub(super) fn begin_chunk(&mut self, octets: u64, chunk: Chunk) {
        let Some(body) = &mut self.body else { return };
        if body.begin_chunk(octets, chunk) {
            self.tell_refusal();
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
}
