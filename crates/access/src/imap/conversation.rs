//! [`ImapConversation`]: session, command and client put together.

use super::append::Appending;
use super::auth::Desk;
use super::capability::Situation;
use super::client::Client;
use super::id;
use super::layer::Layer;
use super::life::Life;
use super::out::STEPS_AT_ONCE;
use super::policy::{ImapPolicy, Services};
use super::running::{Done, End, Running};
use directory::{SignIn, SignInFrom, SignInStep};
use env::{Conversation, Next, Tls};
use futures_util::FutureExt;
use imap::command::{Authenticate, Command, Tagged};
use imap::deflate::Damaged;
use imap::response::Status;
use imap::{Answer, Code, Event, Session, response};
use mailstore::EventListener;
use model::Moment;
use mta::Peer;
use sasl::{ChannelBinding, Failure, Mechanism};
use std::sync::Arc;
use std::task::{Context, Poll};

/// One connection's IMAP with the services behind it, without its socket.
pub struct ImapConversation {
    services: Arc<Services>,
    policy: Arc<ImapPolicy>,
    session: Session,
    /// What compresses, if anything does or did.
    layer: Option<Box<Layer>>,
    work: Work,
    sign_in: Option<SignIn>,
    life: Life,
    encrypted: bool,
    /// What SASL can bind to.
    binding: Option<Box<ChannelBinding>>,
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
        let life = Life::new(peer);
        let session = Session::after_tls(policy.limits, now);
        let mut conversation = ImapConversation::over(services, policy, (session, life), tls.as_ref());
        let capabilities = conversation.situation().before_login();
        conversation.session = Session::new(conversation.policy.limits, &capabilities, now);
        conversation
    }

    fn over(
        services: Arc<Services>,
        policy: Arc<ImapPolicy>,
        (session, life): (Session, Life),
        tls: Option<&Tls>,
    ) -> ImapConversation {
        let client = Client::new(policy.limits.append_octets_max);
        ImapConversation {
            services,
            policy,
            session,
            layer: None,
            work: Work::Rest(client.into()),
            sign_in: None,
            life,
            encrypted: tls.is_some(),
            binding: tls.and_then(directory::channel_binding).map(Box::new),
            input_ended: false,
        }
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            policy: &self.policy,
            encrypted: self.encrypted,
            bindable: self.binding.is_some(),
            compressed: self.layer.as_ref().is_some_and(|layer| layer.is_active()),
        }
    }

    /// What the session refused without asking: bad syntax, lines and literals beyond their bounds.
    fn log_refusal(&mut self) {
        if let Some(reason) = self.session.take_refusal() {
            let session_id = self.life.peer.session_id;
            mta::metrics::COMMANDS_REFUSED.add(1, &["imap"]);
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
        let has_more = self.layer.as_ref().is_some_and(|layer| layer.has_more());
        if self.input_ended && !has_more && self.session.room() > 0 {
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
            Some(Event::AuthResponse(response)) => {
                let step = match self.sign_in.take() {
                    Some(sign_in) => sign_in.respond(response.expose()),
                    None => SignInStep::Refused { error: Failure::Malformed("out of order").into(), login: None },
                };
                Some(Work::Run(Running::sign_in(self.desk(), client, step)))
            }
            Some(Event::AuthCancelled) => {
                self.sign_in = None;
                Some(Work::Rest(client))
            }
            // What else there is belongs to an append or to IDLE that was given up, and has been answered.
            Some(_) => Some(Work::Rest(client)),
        }
    }

    /// Commands that change the session itself are answered here, the others run.
    fn command(&mut self, client: Box<Client>, tagged: Tagged) -> Work {
        match tagged.command {
            Command::Capability => {
                let names = match client.user {
                    Some(_) => self.situation().logged_in(),
                    None => self.situation().before_login(),
                };
                response::capability(self.session.out(), &names);
                self.finish(client, &Answer::ok("those are the capabilities"))
            }
            Command::Logout => {
                self.life.reason = "logout";
                self.session.bye(None, "good bye");
                self.finish(client, &Answer::ok("logged out"))
            }
            Command::StartTls if self.situation().may_start_tls() => {
                self.session.start_tls();
                Work::Over
            }
            Command::StartTls => self.finish(client, &Answer::bad("STARTTLS is not offered here")),
            Command::Login(_) | Command::Authenticate(_) if !self.situation().may_log_in() => {
                let refusal = Answer::no("no passwords without TLS").code(Code::PrivacyRequired);
                self.finish(client, &refusal)
            }
            Command::Login(login) => Work::Run(Running::log_in(self.desk(), client, login.user, login.password)),
            Command::Authenticate(command) => self.authenticate(client, command),
            Command::Unauthenticate => self.unauthenticate(client),
            Command::Compress => self.compress(client),
            Command::Idle => {
                self.session.idle();
                idling(client)
            }
            command => {
                if let Command::Id(said) = &command {
                    id::log(self.life.peer.session_id, said);
                }
                Work::Run(Running::command(client, Tagged { tag: tagged.tag, command }))
            }
        }
    }

    fn authenticate(&mut self, client: Box<Client>, command: Authenticate) -> Work {
        let wanted = command.mechanism.parse().ok();
        let situation = self.situation();
        let Some(mechanism) = situation.mechanisms().find(|mechanism| Some(*mechanism) == wanted) else {
            let refusal = Answer::no("that mechanism is not offered").code(Code::Cannot);
            return self.finish(client, &refusal);
        };
        let from = SignInFrom {
            peer: self.life.peer.address,
            binding: self.binding.as_deref().cloned(),
            plus_offered: situation.mechanisms().any(Mechanism::wants_binding),
        };
        let Services { directory, random, .. } = &*self.services;
        let initial = command.initial.as_ref().map(|initial| initial.expose());
        let step = SignIn::begin(directory.clone(), from, &**random, mechanism, initial);
        Work::Run(Running::sign_in(self.desk(), client, step))
    }

    fn desk(&self) -> Desk {
        Desk {
            services: self.services.clone(),
            address: self.life.peer.address,
            session_id: self.life.peer.session_id,
            capabilities: self.situation().logged_in(),
        }
    }

    /// RFC 8437 §3: nothing is left of who was there, but for TLS. RFC 8437 §4.1: compression ends, too.
    fn unauthenticate(&mut self, mut client: Box<Client>) -> Work {
        *client = Client::new(client.append_octets_max);
        self.life.log_out();
        self.session.unauthenticated();
        self.session.finish(&Answer::ok("as if you had just connected"));
        if let Some(layer) = &mut self.layer {
            layer.end(&self.session);
        }
        Work::Rest(client)
    }

    /// RFC 4978 §3. Unlike behind STARTTLS, what came with the command counts, as compressed data.
    fn compress(&mut self, client: Box<Client>) -> Work {
        if self.situation().compressed {
            let refusal = Answer::no("DEFLATE is active by COMPRESS").code(Code::CompressionActive);
            return self.finish(client, &refusal);
        }
        self.session.finish(&Answer::ok("DEFLATE from here on"));
        self.layer.get_or_insert_default().begin(&mut self.session);
        Work::Rest(client)
    }

    fn finish(&mut self, client: Box<Client>, answer: &Answer<'_>) -> Work {
        let outcome = match answer.status {
            Status::Ok => "ok",
            Status::No => "no",
            Status::Bad => "bad",
        };
        mta::metrics::COMMANDS.add(1, &["imap", outcome]);
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
            End::Challenge(sign_in, challenge) => {
                self.sign_in = Some(sign_in);
                self.session.challenge(&challenge);
                Work::Rest(client)
            }
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
            // The first message was accepted before, a further one is now.
            Poll::Ready(Ok(())) => self.session.accept_literal(),
        }
        match self.session.poll() {
            None => self.wait_for_client(Work::Append(appending)),
            Some(Event::AppendChunk(octets)) => {
                appending.take(octets);
                Some(Work::Append(appending))
            }
            Some(Event::AppendNext(next)) => match appending.next(next) {
                Ok(()) => Some(Work::Append(appending)),
                Err(answer) => {
                    self.session.refuse_literal(&answer);
                    Some(Work::Rest(appending.give_up()))
                }
            },
            Some(Event::AppendEnd) => {
                let (client, work) = appending.finish();
                Some(Work::Run(Running::append(client, work)))
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

impl ImapConversation {
    /// Gives the session what is inflated already; whether there was anything.
    fn pump(&mut self, now: Moment) -> bool {
        let Some(layer) = &mut self.layer else { return false };
        let pumped = layer.pump(&mut self.session, now);
        pumped.unwrap_or_else(|damaged| self.damaged(damaged))
    }

    /// What cannot be inflated cannot be understood, nor can what follows.
    fn damaged(&mut self, damaged: Damaged) -> bool {
        self.session.bye(None, &damaged.to_string());
        self.life.reason = "damaged compressed data";
        self.work = Work::Over;
        true
    }

    /// Takes away what compresses no more.
    fn settle(&mut self) {
        if let Some(layer) = &mut self.layer {
            layer.deflate(&self.session);
            if layer.is_over() {
                self.layer = None;
            }
        }
    }
}

impl Conversation for ImapConversation {
    fn receive(&mut self, input: &[u8], now: Moment) -> usize {
        let Some(layer) = &mut self.layer else { return self.session.receive(input, now) };
        match layer.receive(&mut self.session, input, now) {
            Ok(taken) => taken,
            Err(damaged) => {
                self.damaged(damaged);
                input.len()
            }
        }
    }

    fn input_ended(&mut self, _: Moment) {
        self.input_ended = true;
    }

    fn advance(&mut self, cx: &mut Context<'_>, now: Moment) {
        for left in (0..STEPS_AT_ONCE).rev() {
            let work = std::mem::replace(&mut self.work, Work::Over);
            if self.session.is_closing() {
                break;
            }
            let next = self.step(work, cx);
            self.log_refusal();
            match next {
                Some(work) => self.work = work,
                None if self.pump(now) => {}
                None => break,
            }
            if left == 0 {
                cx.waker().wake_by_ref();
            }
        }
        self.settle();
    }

    fn output(&self) -> &[u8] {
        match &self.layer {
            Some(layer) => layer.output(&self.session),
            None => self.session.output(),
        }
    }

    fn sent(&mut self, octets: usize) {
        match &mut self.layer {
            Some(layer) => layer.sent(&mut self.session, octets),
            None => self.session.sent(octets),
        }
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

    fn secured(mut self: Box<Self>, tls: Tls, now: Moment) -> Box<dyn Conversation> {
        self.life.handed_over = true;
        let (services, policy) = (self.services.clone(), self.policy.clone());
        let (session, life) = (Session::after_tls(policy.limits, now), Life::new(self.life.peer.clone()));
        Box::new(ImapConversation::over(services, policy, (session, life), Some(&tls)))
    }

    fn rest(&mut self) {
        if let Some(layer) = &mut self.layer {
            layer.rest();
        }
    }
}
