//! A server that says `250` as soon as it has the last octet.

use env::{Conversation, Next, Tls};
use model::Moment;
use std::task::Context;

const END: &[u8] = b"\r\n.\r\n";
const REPLY: &[u8] = b"250 2.0.0 accepted, surely\r\n";

/// Says yes at the end of each message; what is really said to it is swallowed.
pub fn hasty(inner: Box<dyn Conversation>) -> Box<dyn Conversation> {
    Box::new(Hasty { inner, last: Vec::new(), owed: 0, swallowing: false })
}

struct Hasty {
    inner: Box<dyn Conversation>,
    /// The last octets that came in.
    last: Vec<u8>,
    /// How much of the reply is still to be said.
    owed: usize,
    swallowing: bool,
}

impl Conversation for Hasty {
    fn receive(&mut self, input: &[u8], now: Moment) -> usize {
        let taken = self.inner.receive(input, now);
        self.last.extend_from_slice(&input[..taken]);
        if self.last.ends_with(END) {
            (self.owed, self.swallowing) = (REPLY.len(), true);
        }
        let keep = self.last.len().saturating_sub(END.len());
        self.last.drain(..keep);
        taken
    }

    fn input_ended(&mut self, now: Moment) {
        self.inner.input_ended(now);
    }

    fn advance(&mut self, cx: &mut Context<'_>, now: Moment) {
        self.inner.advance(cx, now);
        let end = self.inner.output().iter().position(|octet| *octet == b'\n').filter(|_| self.swallowing);
        if let Some(end) = end {
            self.inner.sent(end + 1);
            self.swallowing = false;
        }
    }

    fn output(&self) -> &[u8] {
        match self.owed {
            0 if self.swallowing => &[],
            0 => self.inner.output(),
            owed => &REPLY[REPLY.len() - owed..],
        }
    }

    fn sent(&mut self, octets: usize) {
        match self.owed {
            0 => self.inner.sent(octets),
            _ => self.owed -= octets,
        }
    }

    fn deadline(&self) -> Option<Moment> {
        self.inner.deadline()
    }

    fn expire(&mut self, now: Moment) {
        self.inner.expire(now);
    }

    fn stop(&mut self, now: Moment) {
        self.inner.stop(now);
    }

    fn next(&self) -> Next {
        self.inner.next()
    }

    fn secured(self: Box<Self>, tls: Tls, now: Moment) -> Box<dyn Conversation> {
        hasty(self.inner.secured(tls, now))
    }
}
