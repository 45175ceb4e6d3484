//! [`ImapConversation`]: session, command and client put together.

use super::append::Appending;
use super::auth::{self, Attempt};
use super::capability::{self, may_log_in, may_start_tls};
use super::client::Client;
use super::life::Life;
use super::policy::{ImapPolicy, Services};
use super::running::{Done, End, Running};
use env::{Conversation, Next, Tls};
use futures_util::FutureExt;
use imap::command::{Authenticate, Command, Tagged};
use imap::{Answer, Code, Event, Session, response};
use mailstore::EventListener;
use model::Moment;
use mta::Peer;
use std::sync::Arc;
use std::task::{Context, Poll};

/// One connection's IMAP with the services behind it, without its socket.
pub struct ImapConversation {
    services: Arc<Services>,
    policy: Arc<ImapPolicy>,
    session: Session,
    work: Work,
    life: Life,
    encrypted: bool,
    input_ended: bool,
}

/// What the connection does.
enum Work {
    /// Waits for a command, or for the answer to a challenge.
    Rest(Box<Client>),
    /// Tells changes as they happen (RFC 2177 §3). Without an account's listener there is nothing to tell.
    Idle(Box<Client>, Option<EventListener>),
    /// Carries a command out.
    Run(Running),
    /// Takes a message in.
    Append(Box<Appending>),
    /// Nothing any more.
    Over,
}

impl ImapConversation {
    /// A new connection, which is greeted. `tls` is there with [`TlsOffer::Implicit`](super::TlsOffer::Implicit).
    pub fn new(
        services: Arc<Services>,
        policy: Arc<ImapPolicy>,
        (peer, tls): (Peer, Option<Tls>),
        now: Moment,
    ) -> ImapConversation {
        let encrypted = tls.is_some();
        let session = Session::new(policy.limits, capability::before_login(&policy, encrypted), now);
        let (work, life) = (Work::Rest(Box::default()), Life::new(peer));
        ImapConversation { services, policy, session, work, life, encrypted, input_ended: false }
    }

    /// What the session refused without asking: bad syntax, lines and literals beyond their bounds.
    fn log_refusal(&mut self) {
        if let Some(reason) = self.session.take_refusal() {
            let session_id = self.life.peer.session_id;
            tracing::info!(event = "command.refused", protocol = "imap", session_id, %reason);
        }
    }

    /// Goes one step on with `work`; `None` when it has to wait, in the state that was left in `self.work`.
    fn step(&mut self, work: Work, cx: &mut Context<'_>) -> Option<Work> {
        match work {
            Work::Over => None,
            Work::Rest(client) => self.rest(client),
            Work::Idle(client, listener) => self.idle(client, listener, cx),
            Work::Append(appending) => self.append(appending, cx),
            Work::Run(mut running) => match running.advance(&mut self.session, cx) {
                Poll::Ready(done) => Some(self.done(done)),
                Poll::Pending => self.wait(Work::Run(running)),
            },
        }
    }

    fn wait(&mut self, work: Work) -> Option<Work> {
        self.work = work;
        None
    }

    /// Waits for the client, who may have gone.
    fn wait_for_client(&mut self, work: Work) -> Option<Work> {
        if self.input_ended && self.session.room() > 0 {
            self.life.reason = "client closed";
            return None;
        }
        self.wait(work)
    }

    fn rest(&mut self, client: Box<Client>) -> Option<Work> {
        match self.session.poll() {
            None => self.wait_for_client(Work::Rest(client)),
            Some(Event::Command(tagged)) => Some(self.command(client, tagged)),
            Some(Event::AppendStart(start)) => match Appending::begin(&self.services, client, start) {
                Ok(appending) => {
                    self.session.accept_literal();
                    Some(Work::Append(Box::new(appending)))
                }
                Err((client, answer)) => {
                    self.session.refuse_literal(&answer);
                    Some(Work::Rest(client))
                }
            },
            Some(Event::AuthResponse(response)) => Some(match auth::plain(&response) {
                Ok(attempt) => self.log_in(client, attempt),
                Err(answer) => self.finish(client, &answer),
            }),
            // What else there is belongs to an append or to IDLE that was given up, and has been answered.
            Some(_) => Some(Work::Rest(client)),
        }
    }

    /// Commands that change the session itself are answered here, the others run.
    fn command(&mut self, client: Box<Client>, tagged: Tagged) -> Work {
        match tagged.command {
            Command::Capability => {
                let names = match client.user {
                    Some(_) => capability::LOGGED_IN,
                    None => capability::before_login(&self.policy, self.encrypted),
                };
                response::capability(self.session.out(), names);
                self.finish(client, &Answer::ok("those are the capabilities"))
            }
            Command::Logout => {
                self.life.reason = "logout";
                self.session.bye(None, "good bye");
                self.finish(client, &Answer::ok("logged out"))
            }
            Command::StartTls if may_start_tls(&self.policy, self.encrypted) => {
                self.session.start_tls();
                Work::Over
            }
            Command::StartTls => self.finish(client, &Answer::bad("STARTTLS is not offered here")),
            Command::Login(_) | Command::Authenticate(_) if !may_log_in(&self.policy, self.encrypted) => {
                let refusal = Answer::no("no passwords without TLS").code(Code::PrivacyRequired);
                self.finish(client, &refusal)
            }
            Command::Login(login) => self.log_in(client, Attempt::new(login.user, login.password)),
            Command::Authenticate(command) => self.authenticate(client, command),
            Command::Idle => {
                self.session.idle();
                idling(client)
            }
            _ => Work::Run(Running::command(client, tagged)),
        }
    }

    fn authenticate(&mut self, client: Box<Client>, command: Authenticate) -> Work {
        if command.mechanism != "PLAIN" {
            return self.finish(client, &Answer::no("that mechanism is not offered, PLAIN is").code(Code::Cannot));
        }
        match command.initial.map(|initial| auth::plain(&initial)) {
            Some(Ok(attempt)) => self.log_in(client, attempt),
            Some(Err(answer)) => self.finish(client, &answer),
            None => {
                self.session.challenge(b"");
                Work::Rest(client)
            }
        }
    }

    fn log_in(&mut self, client: Box<Client>, attempt: Attempt) -> Work {
        let from = auth::Origin { address: self.life.peer.address, session_id: self.life.peer.session_id };
        Work::Run(Running::log_in(self.services.clone(), client, attempt, from))
    }

    fn finish(&mut self, client: Box<Client>, answer: &Answer<'_>) -> Work {
        self.session.finish(answer);
        Work::Rest(client)
    }

    /// A command ended: the session learns what changed, the client its answer.
    fn done(&mut self, Done { client, end, bye }: Done) -> Work {
        self.session.set_state(client.state());
        self.session.set_name_form(client.name_form());
        if self.life.login.is_none() {
            self.life.login = client.user.as_ref().map(|user| user.login.clone());
        }
        let work = match end {
            End::Finish(answer) => self.finish(client, &answer),
            End::Idle => idling(client),
            End::Broken => {
                self.life.reason = "a message could not be read to its end";
                return Work::Over;
            }
        };
        match bye {
            None => work,
            Some(text) => {
                self.life.reason = text;
                self.session.bye(None, text);
                Work::Over
            }
        }
    }

    /// Listens first and looks then, so that no change falls between.
    fn idle(&mut self, client: Box<Client>, mut listener: Option<EventListener>, cx: &mut Context<'_>) -> Option<Work> {
        if let (Some(waiting), Some(user)) = (&mut listener, &client.user) {
            while waiting.poll_unpin(cx).is_ready() {
                *waiting = user.account.listen();
            }
        }
        if client.selected.as_ref().is_some_and(|selected| selected.is_behind()) {
            return Some(Work::Run(Running::tell(client, End::Idle)));
        }
        match self.session.poll() {
            None => self.wait_for_client(Work::Idle(client, listener)),
            Some(Event::IdleDone) => Some(Work::Run(Running::tell(client, End::Finish(Answer::ok("idled"))))),
            Some(_) => Some(Work::Rest(client)),
        }
    }

    fn append(&mut self, mut appending: Box<Appending>, cx: &mut Context<'_>) -> Option<Work> {
        match appending.advance(cx) {
            Poll::Pending => return self.wait(Work::Append(appending)),
            Poll::Ready(Err(answer)) => return Some(self.finish(appending.give_up(), &answer)),
            Poll::Ready(Ok(())) => {}
        }
        match self.session.poll() {
            None => self.wait_for_client(Work::Append(appending)),
            Some(Event::AppendChunk(octets)) => {
                appending.take(octets);
                Some(Work::Append(appending))
            }
            Some(Event::AppendEnd) => {
                let (client, work) = appending.finish();
                Some(Work::Run(Running::answer(client, work)))
            }
            Some(_) => Some(Work::Rest(appending.give_up())),
        }
    }
}

/// Registers before anything is compared.
fn idling(client: Box<Client>) -> Work {
    let listener = client.user.as_ref().filter(|_| client.selected.is_some()).map(|user| user.account.listen());
    Work::Idle(client, listener)
}

impl Conversation for ImapConversation {
    fn receive(&mut self, input: &[u8], now: Moment) -> usize {
        self.session.receive(input, now)
    }

    fn input_ended(&mut self, _: Moment) {
        self.input_ended = true;
    }

    fn advance(&mut self, cx: &mut Context<'_>, _: Moment) {
        loop {
            let work = std::mem::replace(&mut self.work, Work::Over);
            if self.session.is_closing() {
                return;
            }
            let next = self.step(work, cx);
            self.log_refusal();
            match next {
                Some(work) => self.work = work,
                None => return,
            }
        }
    }

    fn output(&self) -> &[u8] {
        self.session.output()
    }

    fn sent(&mut self, octets: usize) {
        self.session.sent(octets);
    }

    fn deadline(&self) -> Option<Moment> {
        self.session.deadline()
    }

    fn expire(&mut self, now: Moment) {
        self.session.expire(now);
        if self.session.is_closing() {
            self.life.reason = "timeout";
        }
    }

    fn stop(&mut self, _: Moment) {
        if matches!(self.work, Work::Rest(_) | Work::Idle(..)) {
            self.session.bye(Some(&Code::Unavailable), "the server is stopping, try again later");
            self.life.reason = "server stopped";
            self.work = Work::Over;
        }
    }

    fn next(&self) -> Next {
        match self.work {
            _ if self.session.is_starting_tls() => Next::StartTls,
            Work::Over => Next::Close,
            _ => Next::Continue,
        }
    }

    fn secured(mut self: Box<Self>, _: Tls, now: Moment) -> Box<dyn Conversation> {
        self.life.handed_over = true;
        let (services, policy) = (self.services.clone(), self.policy.clone());
        let session = Session::after_tls(policy.limits, now);
        let (work, life) = (Work::Rest(Box::default()), Life::new(self.life.peer.clone()));
        Box::new(ImapConversation { services, policy, session, work, life, encrypted: true, input_ended: false })
    }
}
