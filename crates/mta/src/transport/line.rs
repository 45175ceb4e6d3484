//! A connection to a next hop: the client's session on a wire.

use super::exchangers::Candidate;
use super::hop::TlsDemand;
use super::{Transport, Trouble, deferred, failed};
use crate::queue::{Outcome, OutcomeKind};
use env::{Clock, Sleep, Tls, Verify, Wire};
use futures_util::FutureExt;
use model::{Domain, Moment};
use smtp::client::{Answer, Event, Policy, Reason, Session, Stage};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Octets read at once.
const READ_OCTETS: usize = 4096;

/// A session on a wire. Dropping it hangs up.
pub(super) struct Line {
    wire: Box<dyn Wire>,
    session: Session,
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    /// What was read and not taken yet.
    input: Vec<u8>,
    tls: Option<Tls>,
    tls_failed: bool,
    flavour: smtp::Flavour,
    timer: Option<(Moment, env::BoxFuture<'static, ()>)>,
    /// Polled while the message was sent, at most a few.
    events: VecDeque<Event>,
    /// As `mx.example.org [192.0.2.1]:25`.
    pub peer: String,
    /// Messages sent.
    pub messages: u32,
}

impl Line {
    pub fn new(transport: &Transport, candidate: &Candidate, wire: Box<dyn Wire>) -> Line {
        let mut policy = Policy::new(transport.policy.host_name.clone());
        policy.flavour = candidate.flavour;
        policy.timeouts = transport.policy.timeouts;
        Line {
            session: Session::new(policy.into(), transport.now()),
            wire,
            clock: transport.clock.clone(),
            sleep: transport.sleep.clone(),
            input: Vec::new(),
            tls: None,
            tls_failed: false,
            flavour: candidate.flavour,
            timer: None,
            events: VecDeque::new(),
            peer: candidate.peer_name(),
            messages: 0,
        }
    }

    /// The same connection under TLS.
    pub async fn secure(self, name: &Domain, verify: Verify) -> Result<Line, String> {
        let (wire, tls) = self.wire.start_tls(name, verify).await.map_err(|error| format!("TLS: {error}"))?;
        Ok(Line { wire, tls: Some(tls), input: Vec::new(), ..self })
    }

    /// It was opened again because TLS did not work.
    pub fn without_tls(self) -> Line {
        Line { tls_failed: true, ..self }
    }

    pub fn now(&self) -> Moment {
        self.clock.monotonic()
    }

    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Whether each recipient gets an answer of its own to the message (RFC 2033 §4.2).
    pub fn answers_each(&self) -> bool {
        self.flavour == smtp::Flavour::Lmtp
    }

    /// As it stands in the trace.
    pub fn protocol(&self) -> String {
        let name = match self.flavour {
            smtp::Flavour::Smtp => "SMTP",
            smtp::Flavour::Lmtp => "LMTP",
        };
        match &self.tls {
            Some(tls) => format!("{name}, {} with {}", tls.version, tls.cipher),
            None if self.tls_failed => format!("{name} in the clear, as TLS failed"),
            None => format!("{name} in the clear"),
        }
    }

    /// An outcome with what the other side said.
    pub fn answered(&self, kind: OutcomeKind, answer: &Answer) -> Outcome {
        Outcome {
            kind,
            answer: answer.to_string().replace('\n', " "),
            status: answer.enhanced,
            peer: Some(self.peer.clone()),
            protocol: Some(self.protocol()),
        }
    }

    /// A temporary outcome in our own words.
    pub fn deferred(&self, status: (u8, u16, u16), text: impl Into<String>) -> Outcome {
        Outcome { peer: Some(self.peer.clone()), protocol: Some(self.protocol()), ..deferred(status, text) }
    }

    /// A final outcome in our own words.
    pub fn failed(&self, status: (u8, u16, u16), text: impl Into<String>) -> Outcome {
        Outcome { peer: Some(self.peer.clone()), protocol: Some(self.protocol()), ..failed(status, text) }
    }

    /// What is said of a connection that ended too early. Whatever was said then is temporary: it is about the connection, and
    /// another time or another host may do.
    pub fn lost(&self, stage: Stage, reason: &Reason) -> Outcome {
        match reason {
            Reason::Refused(answer) => {
                let text = format!("{} (in answer to {stage})", self.answered(OutcomeKind::Deferred, answer).answer);
                Outcome { answer: text, ..self.answered(OutcomeKind::Deferred, answer) }
            }
            reason => self.deferred((4, 4, 2), format!("{reason} (at {stage})")),
        }
    }

    /// Waits for the greeting and the extensions.
    pub async fn greet(&mut self) -> Result<(), Outcome> {
        loop {
            match self.event().await {
                Event::Ready => return Ok(()),
                Event::Closed { stage, reason } => return Err(self.lost(stage, &reason)),
                _ => {}
            }
        }
    }

    /// Begins TLS where it is offered and wanted.
    pub async fn start_tls(mut self, candidate: &Candidate, demand: TlsDemand) -> Result<Line, Trouble> {
        if self.tls.is_some() || demand == TlsDemand::Never {
            return Ok(self);
        }
        if !self.session.extensions().starttls {
            return match demand {
                TlsDemand::Welcome => Ok(self),
                _ => Err(Trouble::Other(self.deferred((4, 7, 10), "TLS is wanted here and not offered there"))),
            };
        }
        let now = self.now();
        if let Err(error) = self.session.start_tls(now) {
            return Err(Trouble::Other(self.deferred((4, 3, 0), error.to_string())));
        }
        match self.event().await {
            Event::StartTls(Ok(())) => {}
            Event::StartTls(Err(_)) if demand == TlsDemand::Welcome => return Ok(Line { tls_failed: true, ..self }),
            Event::StartTls(Err(answer)) => {
                let refused = self.answered(OutcomeKind::Deferred, &answer);
                let text = format!("TLS is wanted here and refused there: {}", refused.answer);
                return Err(Trouble::Other(Outcome { answer: text, ..refused }));
            }
            Event::Closed { stage, reason } => return Err(Trouble::Tls(self.lost(stage, &reason))),
            _ => return Err(Trouble::Other(self.deferred((4, 3, 0), "an answer to nothing we asked"))),
        }
        let verify = if demand == TlsDemand::Verified { Verify::Name } else { Verify::Nobody };
        let (fault, now) = (self.deferred((4, 7, 5), ""), self.now());
        let session = self.session;
        let secured = self.wire.start_tls(&candidate.host, verify).await;
        let (wire, tls) =
            secured.map_err(|error| Trouble::Tls(Outcome { answer: format!("TLS: {error}"), ..fault }))?;
        let mut line =
            Line { wire, tls: Some(tls), session: session.secured(now), input: Vec::new(), timer: None, ..self };
        line.greet().await.map_err(Trouble::Tls)?;
        Ok(line)
    }

    /// Signs in where the route has a login.
    pub async fn log_in(&mut self, candidate: &Candidate, transport: &Transport) -> Result<(), Outcome> {
        let Some(login) = &candidate.login else { return Ok(()) };
        let offered = self.session.extensions().auth.clone();
        let offered: Vec<&str> = offered.iter().map(String::as_str).collect();
        let protected = self.tls.is_some() || candidate.address.ip().is_loopback();
        let binding = self.tls.as_ref().and_then(directory::channel_binding);
        let Some(mechanism) = sasl::choose(&offered, protected, binding.as_ref()) else {
            let text = format!("no way to sign in that we know and may use: offered were {}", offered.join(" "));
            return Err(self.deferred((4, 7, 0), text));
        };
        let mut nonce = [0; sasl::NONCE_OCTETS];
        transport.random.fill(&mut nonce);
        let password = login.password.expose().as_bytes();
        let wrong = |error: sasl::ClientError| deferred((4, 7, 8), format!("signing in: {error}"));
        let mut client = sasl::Client::new(mechanism, &login.user, password, binding, nonce).map_err(wrong)?;
        let (initial, now) = (client.initial(), self.now());
        let say =
            |said: Result<(), smtp::client::Unsendable>| said.map_err(|error| deferred((4, 7, 8), error.to_string()));
        say(self.session.auth(mechanism.name(), initial.as_deref(), now))?;
        loop {
            match self.event().await {
                Event::Challenge(challenge) => {
                    let response = client.respond(&challenge).map_err(wrong)?;
                    let now = self.now();
                    say(self.session.respond(Some(&response), now))?;
                }
                Event::AuthDone(Ok(())) if client.succeeded() => return Ok(()),
                Event::AuthDone(Ok(())) => {
                    return Err(self.deferred((4, 7, 8), "the next hop did not prove that it knows our password"));
                }
                Event::AuthDone(Err(answer)) => {
                    let refused = self.answered(OutcomeKind::Deferred, &answer);
                    let text = format!("signing in as {}: {}", login.user, refused.answer);
                    return Err(Outcome { answer: text, ..refused });
                }
                Event::Closed { stage, reason } => return Err(self.lost(stage, &reason)),
                _ => return Err(self.deferred((4, 3, 0), "an answer to nothing we asked")),
            }
        }
    }

    /// Whether another message may be sent.
    pub fn may_go_on(&self) -> bool {
        let max = self.session.extensions().mail_max.unwrap_or(u64::MAX);
        self.session.is_idle() && self.input.is_empty() && u64::from(self.messages) < max
    }

    /// Says QUIT and hangs up, within the session's own time-out.
    pub async fn goodbye(mut self) {
        if !self.session.is_idle() {
            return;
        }
        let now = self.now();
        self.session.quit(now);
        while !matches!(self.event().await, Event::Closed { .. }) {}
    }

    /// The next event.
    pub async fn event(&mut self) -> Event {
        match self.events.pop_front() {
            Some(event) => event,
            None => std::future::poll_fn(|cx| self.poll_event(cx)).await,
        }
    }

    /// Waits until there is room for more of the message, or something happened that [`event`](Self::event) will tell.
    pub async fn make_room(&mut self) {
        let event = std::future::poll_fn(|cx| match self.poll_event(cx) {
            Poll::Ready(event) => Poll::Ready(Some(event)),
            Poll::Pending if self.session.room() > 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let event = event.await;
        self.events.extend(event);
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            if let Some(event) = self.session.poll() {
                return Poll::Ready(event);
            }
            let now = self.now();
            // What is there already answers nothing that is still to be written.
            let mut progress = self.read(cx, now);
            progress |= self.write(cx);
            if !progress {
                match self.session.deadline() {
                    Some(deadline) if self.poll_timer(cx, deadline) => self.session.expire(now),
                    _ => return Poll::Pending,
                }
                // The timer may be a moment ahead of the clock that was read before it.
                let now = self.now();
                self.session.expire(now);
            }
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        if self.session.output().is_empty() || self.session.is_closed() {
            return false;
        }
        match self.wire.poll_write(cx, self.session.output()) {
            Poll::Ready(Ok(octets)) if octets > 0 => {
                self.session.sent(octets);
                true
            }
            Poll::Ready(_) => {
                self.session.input_ended();
                true
            }
            Poll::Pending => false,
        }
    }

    fn read(&mut self, cx: &mut Context<'_>, now: Moment) -> bool {
        if !self.input.is_empty() {
            let taken = self.session.receive(&self.input, now);
            self.input.drain(..taken);
            if taken > 0 {
                return true;
            }
        }
        if !self.input.is_empty() || self.session.is_closed() {
            return false;
        }
        let mut buffer = [0; READ_OCTETS];
        match self.wire.poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(octets)) if octets > 0 => {
                self.input.extend_from_slice(buffer.get(..octets).unwrap_or_default());
                true
            }
            Poll::Ready(_) => {
                self.session.input_ended();
                true
            }
            Poll::Pending => false,
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Moment) -> bool {
        if self.timer.as_ref().is_none_or(|(at, _)| *at != deadline) {
            self.timer = Some((deadline, self.sleep.sleep_until(deadline)));
        }
        let due = self.timer.as_mut().is_some_and(|(_, sleep)| sleep.poll_unpin(cx).is_ready());
        if due {
            self.timer = None;
        }
        due
    }
}
