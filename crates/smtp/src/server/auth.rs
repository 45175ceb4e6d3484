//! AUTH (RFC 4954 §4): the exchange of challenges and responses. The caller knows the mechanisms; here are order, base64
//! and patience.

use super::session::{Held, Question, Session, Turn};
use super::{Security, line::Long};
use crate::extension::auth::{self, Attempt};
use crate::extension::{self, Situation};
use crate::policy::Auth;
use crate::reply::Reply;
use model::{Moment, Timestamp};
use std::mem;

/// Octets of a challenge before base64: mechanisms need some hundred, and it has to find room in the output.
const CHALLENGE_OCTETS_MAX: usize = 1536;

/// How far an exchange is.
#[derive(Debug, Default)]
pub(super) enum Exchange {
    /// There is none.
    #[default]
    None,
    /// The next line answers a challenge.
    Response,
    /// The next line is empty and confirms the mechanism's last words; then the client is who is named here.
    Confirmation(String),
}

impl Session {
    /// Tells the wall clock, without which FUTURERELEASE is not offered.
    #[must_use]
    pub fn at(mut self, wall: Timestamp, now: Moment) -> Session {
        self.epoch = Some((now, wall));
        self
    }

    /// Who the client has proved to be.
    pub fn authenticated_as(&self) -> Option<&str> {
        self.authenticated.as_deref()
    }

    /// Asks for one more response in answer to [`Event::Auth`](super::Event::Auth) or
    /// [`Event::AuthResponse`](super::Event::AuthResponse). A challenge of more than 1,536 octets, which only a client that
    /// sends endless names can bring about, ends the exchange instead.
    ///
    /// # Panics
    /// Without such an event: a mistake of the caller's.
    pub fn challenge(&mut self, octets: &[u8], now: Moment) {
        self.take_auth("challenge");
        self.since = now;
        self.put_challenge(octets, Exchange::Response);
        self.end_with_input();
    }

    /// The client is `name`, in answer to [`Event::Auth`](super::Event::Auth) or
    /// [`Event::AuthResponse`](super::Event::AuthResponse). What the mechanism says `last` goes out as a challenge, since SMTP
    /// has no other place for it, and the client confirms it (RFC 4954 §4); it is authenticated only then.
    ///
    /// # Panics
    /// Without such an event: a mistake of the caller's.
    pub fn authenticated(&mut self, name: String, last: Option<Vec<u8>>, now: Moment) {
        self.take_auth("authenticated");
        self.since = now;
        match last {
            Some(octets) => self.put_challenge(&octets, Exchange::Confirmation(name)),
            None => self.welcome(name),
        }
        self.end_with_input();
    }

    fn take_auth(&mut self, answer: &str) {
        let question = self.take_question(answer);
        assert!(matches!(question, Question::Auth), "{answer}() to {question:?}");
    }

    fn put_challenge(&mut self, octets: &[u8], exchange: Exchange) {
        if octets.len() > CHALLENGE_OCTETS_MAX {
            return self.cancel(too_long());
        }
        self.put(auth::challenge(octets).as_bytes());
        self.exchange = exchange;
    }

    fn welcome(&mut self, name: String) {
        self.authenticated = Some(name.into());
        self.say(&Reply::new(235, (2, 7, 0), "authenticated"));
    }

    /// Begins an exchange, if this is the time for one.
    pub(super) fn auth(&mut self, attempt: Attempt) {
        let order = |text| Reply::new(503, (5, 5, 1), text);
        let refusal = if self.policy.auth == Auth::NotOffered {
            Some(Reply::new(502, (5, 5, 1), "no authentication on this port; mail clients submit on port 465 or 587"))
        } else if self.authenticated.is_some() {
            Some(order("authenticated already"))
        } else if !extension::authenticates(&self.policy, &self.situation()) && self.security == Security::Clear {
            Some(Reply::new(538, (5, 7, 11), "encryption required, begin TLS first"))
        } else if self.hello.as_ref().is_none_or(|(hello, _)| *hello == crate::command::Hello::Helo) {
            Some(order("first tell your name with EHLO"))
        } else if self.transaction.is_some() {
            Some(order("not amid a message"))
        } else if !auth::mechanisms(&self.policy.auth, self.security).any(|name| name == attempt.mechanism) {
            Some(Reply::new(504, (5, 5, 4), "mechanism not offered here"))
        } else {
            None
        };
        match refusal {
            Some(reply) => self.fail(reply),
            None => self.turn = Turn::Event(Held::Auth(attempt)),
        }
    }

    /// A line of the exchange.
    pub(super) fn response(&mut self, line: &[u8]) {
        let exchange = mem::take(&mut self.exchange);
        if line == b"*" {
            return self.cancel(Reply::new(501, (5, 0, 0), "authentication cancelled"));
        }
        match (auth::decode(line), exchange) {
            (None, _) => self.cancel(Reply::new(501, (5, 5, 2), "a response is one line of base64")),
            (Some(response), Exchange::Confirmation(name)) if response.expose().is_empty() => self.welcome(name),
            (Some(_), Exchange::Confirmation(_)) => {
                self.cancel(Reply::new(501, (5, 5, 2), "an empty line was awaited"))
            }
            (Some(response), _) => self.turn = Turn::Event(Held::AuthResponse(response)),
        }
    }

    /// Ends the exchange, if there is one, for another reason than its result.
    fn cancel(&mut self, reply: Reply) {
        self.exchange = Exchange::None;
        self.turn = Turn::Event(Held::AuthCancelled);
        self.fail(reply);
    }

    /// A line that is none fails, and with it the exchange that awaited it.
    pub(super) fn bad_line(&mut self, reply: Reply) {
        if self.is_exchanging() { self.cancel(reply) } else { self.fail(reply) }
    }

    pub(super) fn is_exchanging(&self) -> bool {
        !matches!(self.exchange, Exchange::None)
    }

    /// Which lines may be long.
    pub(super) fn long(&self) -> Long {
        if self.is_exchanging() {
            Long::Always
        } else if extension::authenticates(&self.policy, &self.situation()) {
            Long::Auth
        } else {
            Long::Never
        }
    }

    pub(super) fn situation(&self) -> Situation {
        let wall = self.epoch.map(|(then, wall)| wall + (self.since - then));
        Situation { security: self.security, authenticated: self.authenticated.is_some(), wall }
    }
}

/// RFC 4954 §6.
pub(super) fn too_long() -> Reply {
    Reply::new(500, (5, 5, 6), "authentication exchange line is too long")
}
