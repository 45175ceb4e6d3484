//! A message on its way out, by DATA or BDAT.

use super::Event;
use super::line_ends::{Dots, LineEnds};
use super::session::{Asked, OUTPUT_OCTETS_MAX, Session};
use crate::policy::Flavour;
use model::Moment;

/// Octets of a BDAT chunk at least, unless it is the last: a command and an answer cost nothing against them.
const CHUNK_OCTETS_MIN: usize = 16 << 10;

/// Chunks that wait for an answer at most (RFC 3030 §4.2 shows them pipelined).
const CHUNKS_MAX: usize = 8;

/// Octets of output kept free for the commands around chunks, a dot, and the end of a line.
const RESERVE_OCTETS: usize = 256;

/// What the caller gave of a message, between it and the wire.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// `None` leaves the octets alone (RFC 3030 §3).
    line_ends: Option<LineEnds>,
    /// BDAT: what is in no chunk yet. DATA: `None`.
    pending: Option<Vec<u8>>,
    ended: bool,
}

impl Outgoing {
    fn new(binary: bool, chunked: bool) -> Outgoing {
        let line_ends = (!binary).then(LineEnds::default);
        Outgoing { line_ends, pending: chunked.then(Vec::new), ended: false }
    }

    fn write(&mut self, content: &[u8], output: &mut Vec<u8>) {
        let dots = if self.pending.is_some() { Dots::Kept } else { Dots::Doubled };
        let out = self.pending.as_mut().unwrap_or(output);
        match &mut self.line_ends {
            Some(line_ends) => line_ends.write(content, dots, out),
            None => out.extend_from_slice(content),
        }
    }

    /// Ends the last line and, with DATA, the message (RFC 5321 §4.1.1.4).
    fn end(&mut self, output: &mut Vec<u8>) {
        self.ended = true;
        let out = self.pending.as_mut().unwrap_or(output);
        if let Some(line_ends) = &mut self.line_ends {
            line_ends.finish(out);
        }
        if self.pending.is_none() {
            output.extend_from_slice(b".\r\n");
        }
    }

    fn pending_octets(&self) -> usize {
        self.pending.as_ref().map_or(0, Vec::len)
    }

    /// The next chunk, and whether it is the last.
    fn chunk(&mut self) -> Option<(Vec<u8>, bool)> {
        let pending = self.pending.as_mut()?;
        if pending.len() < CHUNK_OCTETS_MIN && !self.ended {
            return None;
        }
        let chunk = std::mem::take(pending);
        if self.ended {
            self.pending = None;
        }
        Some((chunk, self.ended))
    }
}

impl Session {
    /// The message may be sent.
    pub(super) fn open_body(&mut self, now: Moment) {
        if let Some(exchange) = &mut self.exchange {
            let transaction = &exchange.transaction;
            exchange.body = Some(Outgoing::new(transaction.is_binary(), transaction.is_chunked()));
            self.since = now;
            self.events.push_back(Event::WantsBody);
        }
    }

    /// Octets of the message that [`body`](Self::body) would take now; zero when no message is wanted.
    pub fn room(&self) -> usize {
        let Some(body) = self.exchange.as_ref().and_then(|exchange| exchange.body.as_ref()) else { return 0 };
        if body.ended {
            return 0;
        }
        let used = self.output.len() + body.pending_octets() + RESERVE_OCTETS + LineEnds::EXTRA;
        OUTPUT_OCTETS_MAX.saturating_sub(used) / LineEnds::GROWTH
    }

    /// Takes octets of the message as far as there is [`room`](Self::room), and says how many. Lines should end in CRLF;
    /// a CR or LF that stands alone is made one, except in BINARYMIME, and dots are doubled where DATA wants it.
    ///
    /// When no message is wanted, as after a refused chunk, all is taken and thrown away: an event tells why.
    pub fn body(&mut self, content: &[u8], now: Moment) -> usize {
        let room = self.room();
        let Some(body) = self.exchange.as_mut().and_then(|exchange| exchange.body.as_mut()).filter(|b| !b.ended) else {
            return content.len();
        };
        let taken = content.get(..room).unwrap_or(content);
        if !taken.is_empty() {
            body.write(taken, &mut self.output);
            self.since = now;
            self.send_chunks(now);
        }
        taken.len()
    }

    /// The message is whole.
    pub fn end_body(&mut self, now: Moment) {
        let Some(exchange) = &mut self.exchange else { return };
        let Some(body) = exchange.body.as_mut().filter(|body| !body.ended) else { return };
        body.end(&mut self.output);
        let chunked = body.pending.is_some();
        exchange.until = exchange.until.max(now + self.policy.timeouts.body_end);
        self.since = now;
        if chunked {
            self.send_chunks(now);
        } else {
            self.expect_end(now);
        }
    }

    /// Says BDAT with what is there, as far as answers are not outstanding. In LMTP one chunk at a time: how many answers
    /// the last one gets after a refused one is not told by RFC 2033 §4.3.
    pub(super) fn send_chunks(&mut self, now: Moment) {
        let pipelining = self.extensions.pipelining && self.policy.flavour == Flavour::Smtp;
        let outstanding_max = if pipelining { CHUNKS_MAX } else { 1 };
        while self.expected.len() < outstanding_max
            && let Some(body) = self.exchange.as_mut().and_then(|exchange| exchange.body.as_mut())
            && let Some((chunk, last)) = body.chunk()
        {
            let head = format!("BDAT {}{}\r\n", chunk.len(), if last { " LAST" } else { "" });
            self.output.extend_from_slice(head.as_bytes());
            self.output.extend_from_slice(&chunk);
            if last {
                self.expect_end(now);
            } else {
                self.expect(Asked::Chunk, now);
            }
        }
    }

    fn expect_end(&mut self, now: Moment) {
        let answers = self.exchange.as_ref().map_or(0, |exchange| exchange.answers_wanted(self.policy.flavour));
        (0..answers).for_each(|_| self.expect(Asked::BodyEnd, now));
    }
}
