//! What the caller wants said.

use super::Reason;
use super::envelope::{Transaction, Unsendable};
use super::exchange::Exchange;
use super::extensions::is_mechanism;
use super::session::{Asked, OUTPUT_OCTETS_MAX, Phase, Session};
use crate::policy::Flavour;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Moment;

/// Commands that wait for an answer at most: a server that answers slowly has no more of them in its buffers.
const OUTSTANDING_MAX: usize = 100;

/// Octets of the longest line of an envelope: RCPT with ORCPT= (500), an address in quotes (some 400), and words between.
const LINE_OCTETS_MAX: usize = 1024;

/// RFC 4954 §4: octets of a response in base64.
const RESPONSE_OCTETS_MAX: usize = 12288;

impl Session {
    /// Says EHLO or LHLO.
    pub(super) fn hello(&mut self, now: Moment) {
        let verb = if self.policy.flavour == Flavour::Lmtp { "LHLO" } else { "EHLO" };
        let line = format!("{verb} {}", self.policy.host_name);
        self.ask(Asked::Ehlo, &line, now);
    }

    /// Asks for TLS (RFC 3207); [`Event::StartTls`](super::Event::StartTls) tells the answer.
    ///
    /// # Errors
    /// `Busy`.
    pub fn start_tls(&mut self, now: Moment) -> Result<(), Unsendable> {
        self.must_be_idle()?;
        self.ask(Asked::StartTls, "STARTTLS", now);
        Ok(())
    }

    /// Begins to authenticate (RFC 4954), with the mechanism's initial response if it has one.
    ///
    /// # Errors
    /// `Busy`; `Value` for a mechanism's name that is none, or a response too long.
    pub fn auth(&mut self, mechanism: &str, initial: Option<&[u8]>, now: Moment) -> Result<(), Unsendable> {
        self.must_be_idle()?;
        if !is_mechanism(mechanism) {
            return Err(Unsendable::Value("AUTH"));
        }
        let line = match initial {
            None => format!("AUTH {mechanism}"),
            Some([]) => format!("AUTH {mechanism} ="),
            Some(octets) => format!("AUTH {mechanism} {}", encode(octets)?),
        };
        self.challenges = 0;
        self.ask(Asked::Auth, &line, now);
        Ok(())
    }

    /// Answers a challenge; `None` gives up, which the server confirms.
    ///
    /// # Errors
    /// `Busy` without a challenge; `Value` for a response too long.
    pub fn respond(&mut self, response: Option<&[u8]>, now: Moment) -> Result<(), Unsendable> {
        if self.phase != Phase::Challenged {
            return Err(Unsendable::Busy);
        }
        let line = response.map_or(Ok("*".to_owned()), encode)?;
        self.phase = Phase::Open;
        self.ask(Asked::Auth, &line, now);
        Ok(())
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// Any of [`Unsendable`]; then nothing was said.
    pub fn begin(&mut self, transaction: Transaction, now: Moment) -> Result<(), Unsendable> {
        self.must_be_idle()?;
        transaction.check(&self.extensions)?;
        if self.dirty {
            self.reset(now)?;
        }
        let until = now + self.policy.timeouts.transaction;
        self.exchange = Some(Box::new(Exchange::new(transaction, until)));
        self.go_on(now);
        Ok(())
    }

    /// Lets the server forget a transaction that failed. [`begin`](Self::begin) does it by itself where it is needed.
    ///
    /// # Errors
    /// `Busy`.
    pub fn reset(&mut self, now: Moment) -> Result<(), Unsendable> {
        self.must_be_idle()?;
        self.dirty = false;
        self.ask(Asked::Reset, "RSET", now);
        Ok(())
    }

    /// Says QUIT; in the middle of something only closes, since what comes after that cannot be told any more.
    pub fn quit(&mut self, now: Moment) {
        if self.is_idle() {
            self.ask(Asked::Quit, "QUIT", now);
        } else {
            self.close(self.stage(), Reason::Quit);
        }
    }

    /// Says as much of the envelope as may be said before more is answered (RFC 2920 §3.1), and ends a transaction that
    /// failed once all is answered.
    pub(super) fn go_on(&mut self, now: Moment) {
        let outstanding_max = if self.extensions.pipelining { OUTSTANDING_MAX } else { 1 };
        while let Some(exchange) = &mut self.exchange
            && self.expected.len() < outstanding_max
            && self.output.len() + LINE_OCTETS_MAX <= OUTPUT_OCTETS_MAX
            && let Some((asked, line)) = exchange.next_line(&self.extensions)
        {
            self.ask(asked, &line, now);
        }
        if self.expected.is_empty() {
            let failed = self.exchange.take_if(|exchange| exchange.failure.is_some());
            self.events.extend(failed.and_then(|exchange| exchange.outcome()));
        }
    }
}

fn encode(octets: &[u8]) -> Result<String, Unsendable> {
    let text = STANDARD.encode(octets);
    if text.len() <= RESPONSE_OCTETS_MAX { Ok(text) } else { Err(Unsendable::Value("AUTH")) }
}
