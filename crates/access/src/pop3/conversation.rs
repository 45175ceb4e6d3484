//! [`Pop3Conversation`]: session, log-in and maildrop put together.

mod sign_in;

use super::list::{self, Listing};
use super::maildrop::Maildrop;
use super::policy::{Pop3Policy, Services};
use super::retrieve::{Extent, Form};
use super::running::{Done, End, Running, Task};
use crate::imap::Peer;
use crate::imap::life::Life;
use crate::imap::out::STEPS_AT_ONCE;
use directory::{SignIn, SignInStep};
use env::{BoxFuture, Conversation, Next, Tls};
use futures_util::FutureExt;
use model::Moment;
use pop3::{Answer, Code, Command, Event, Language, Session, State, Status, Text};
use sign_in::timestamp;
use std::sync::Arc;
use std::task::{Context, Poll};

/// One connection's POP3 with the services behind it, without its socket.
pub struct Pop3Conversation {
    services: Arc<Services>,
    policy: Arc<Pop3Policy>,
    session: Session,
    work: Work,
    life: Life,
    tls: Option<Tls>,
    /// The greeting's, for APOP; `None` where nobody may log in so.
    timestamp: Option<String>,
    /// What USER said, until PASS.
    name: Option<String>,
    /// A SASL exchange that waits for the client.
    exchange: Option<SignIn>,
    logins_failed: u32,
    /// Whether UTF8 was sent (RFC 6856 §2.1).
    utf8: bool,
    input_ended: bool,
}

/// What the connection does.
enum Work {
    /// Waits for a command, or for the answer to a challenge.
    Rest(Option<Box<Maildrop>>),
    /// Finds out who it is.
    SignIn(BoxFuture<'static, SignInStep>),
    /// Carries a command out.
    Run(Running),
    /// Nothing any more.
    Over,
}

impl Pop3Conversation {
    /// A new connection, which is greeted. `tls` is there with [`TlsOffer::Implicit`](crate::imap::TlsOffer::Implicit).
    pub fn new(
        services: Arc<Services>,
        policy: Arc<Pop3Policy>,
        (peer, tls): (Peer, Option<Tls>),
        now: Moment,
    ) -> Pop3Conversation {
        let timestamp = services.directory.has_apop().then(|| timestamp(&services, &policy));
        let mut greeting = format!("{} POP3 ready", policy.host_name);
        if let Some(timestamp) = &timestamp {
            greeting = format!("{greeting} {timestamp}");
        }
        let session = Session::new(policy.limits, &greeting, now);
        let life = Life::speaking("pop3", peer);
        let work = Work::Rest(None);
        Pop3Conversation {
            services,
            policy,
            session,
            work,
            life,
            tls,
            timestamp,
            name: None,
            exchange: None,
            logins_failed: 0,
            utf8: false,
            input_ended: false,
        }
    }

    /// What the session refused without asking: bad syntax, wrong states, lines beyond their bounds.
    fn log_refusal(&mut self) {
        if let Some(reason) = self.session.take_refusal() {
            let (session_id, reason) = (self.life.peer.session_id, reason.say(Language::English));
            mta::metrics::COMMANDS_REFUSED.add(1, &["pop3"]);
            tracing::info!(event = "command.refused", protocol = "pop3", session_id, %reason);
        }
    }

    /// Goes one step on with `work`; `None` when it has to wait, in the state that was left in `self.work`.
    fn step(&mut self, work: Work, cx: &mut Context<'_>) -> Option<Work> {
        match work {
            Work::Over => None,
            Work::Rest(maildrop) => self.rest(maildrop),
            Work::SignIn(mut future) => match future.poll_unpin(cx) {
                Poll::Ready(step) => Some(self.sign_in(step)),
                Poll::Pending => self.wait(Work::SignIn(future)),
            },
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

    fn rest(&mut self, maildrop: Option<Box<Maildrop>>) -> Option<Work> {
        match self.session.poll() {
            None if self.input_ended && self.session.room() > 0 => {
                self.life.reason = "client closed";
                None
            }
            None => self.wait(Work::Rest(maildrop)),
            Some(Event::Command(command)) => Some(match maildrop {
                Some(maildrop) => self.transaction(maildrop, command),
                None => self.authorization(command),
            }),
            Some(Event::AuthResponse(response)) => Some(match self.exchange.take() {
                Some(exchange) => self.sign_in(exchange.respond(response.expose())),
                None => self.finish(None, &Answer::err(Text::AuthCancelled)),
            }),
            Some(Event::AuthCancelled) => {
                self.exchange = None;
                Some(Work::Rest(maildrop))
            }
        }
    }

    /// Commands before log-in (RFC 1939 §4).
    fn authorization(&mut self, command: Command) -> Work {
        let name = self.name.take();
        let tls = self.tls.as_ref();
        let answer = match command {
            Command::User(_) | Command::Pass(_) if !self.policy.may_log_in(tls) => Answer::err(Text::TlsFirst),
            Command::User(name) => {
                self.name = Some(name);
                Answer::ok(Text::NameTaken)
            }
            Command::Pass(password) => return self.by_password(name.unwrap_or_default(), password),
            Command::Apop { login, digest } => match self.timestamp.clone() {
                Some(timestamp) => return self.by_apop(login, timestamp, digest),
                None => Answer::err(Text::NoApop),
            },
            Command::Auth { mechanism, initial } => return self.by_sasl(mechanism, initial),
            Command::Stls if !self.policy.may_start_tls(tls) => Answer::err(Text::NoStls),
            Command::Stls if self.utf8 => Answer::err(Text::NoStlsAfterUtf8),
            Command::Stls => {
                self.session.start_tls();
                return Work::Over;
            }
            Command::Utf8 => {
                self.utf8 = true;
                Answer::ok(Text::Utf8On)
            }
            Command::Quit => {
                self.life.reason = "quit";
                self.session.close(&Answer::ok(Text::Bye));
                return Work::Over;
            }
            other => return self.anywhere(None, other),
        };
        self.finish(None, &answer)
    }

    /// Commands on an open maildrop (RFC 1939 §5).
    fn transaction(&mut self, mut maildrop: Box<Maildrop>, command: Command) -> Work {
        let answer = match command {
            Command::Stat => Answer::ok(maildrop.stat()),
            Command::List(Some(number)) => list::one(&maildrop, Listing::Sizes, number),
            Command::Uidl(Some(number)) => list::one(&maildrop, Listing::Uids, number),
            Command::Dele(number) => maildrop.delete(number),
            Command::Noop => Answer::ok(Text::Nothing),
            Command::Rset => maildrop.reset(),
            Command::List(None) => return self.run(maildrop, Task::List(Listing::Sizes)),
            Command::Uidl(None) => return self.run(maildrop, Task::List(Listing::Uids)),
            Command::Retr(number) => return self.run(maildrop, Task::Retrieve(number, Extent::Whole)),
            Command::Top { message, lines } => {
                return self.run(maildrop, Task::Retrieve(message, Extent::Top(lines)));
            }
            Command::Quit => return self.run(maildrop, Task::Quit),
            other => return self.anywhere(Some(maildrop), other),
        };
        self.finish(Some(maildrop), &answer)
    }

    /// Commands of both states.
    fn anywhere(&mut self, maildrop: Option<Box<Maildrop>>, command: Command) -> Work {
        let language = self.session.language();
        match command {
            Command::Capa => {
                let capabilities = self.policy.capabilities(self.tls.as_ref(), maildrop.is_some());
                Answer::ok(Text::Capabilities).print(language, self.session.out());
                capabilities.print(self.session.out());
                self.session.finished();
                Work::Rest(maildrop)
            }
            Command::Lang(None) => {
                let out = self.session.out();
                Answer::ok(Text::LanguagesFollow).print(language, out);
                for language in Language::ALL {
                    out.extend_from_slice(format!("{} {}\r\n", language.tag(), language.name()).as_bytes());
                }
                out.extend_from_slice(b".\r\n");
                self.session.finished();
                Work::Rest(maildrop)
            }
            Command::Lang(Some(range)) => {
                let answer = match Language::of_range(&range) {
                    Some(language) => {
                        self.session.set_language(language);
                        Answer::ok(Text::LanguageSet(language))
                    }
                    None => Answer::err(Text::LanguageUnknown),
                };
                self.finish(maildrop, &answer)
            }
            // The session lets nothing else through.
            _ => self.finish(maildrop, &Answer::err(Text::UnknownCommand)),
        }
    }

    fn run(&mut self, maildrop: Box<Maildrop>, task: Task) -> Work {
        let form = Form { language: self.session.language(), utf8: self.utf8 };
        Work::Run(Running::task(maildrop, task, form))
    }

    fn finish(&mut self, maildrop: Option<Box<Maildrop>>, answer: &Answer) -> Work {
        let outcome = if answer.status == Status::Ok { "ok" } else { "no" };
        mta::metrics::COMMANDS.add(1, &["pop3", outcome]);
        self.session.finish(answer);
        Work::Rest(maildrop)
    }

    /// A command ended.
    fn done(&mut self, Done { maildrop, end }: Done) -> Work {
        match &maildrop {
            Some(_) => self.session.set_state(State::Transaction),
            None => self.life.login = None,
        }
        match end {
            End::Finish(answer) => self.finish(maildrop, &answer),
            End::Finished => {
                self.session.finished();
                Work::Rest(maildrop)
            }
            End::Close(answer) => {
                self.life.reason = "quit";
                self.session.close(&answer);
                Work::Over
            }
            End::Broken => {
                self.life.reason = "a message could not be read to its end";
                Work::Over
            }
        }
    }
}

impl Conversation for Pop3Conversation {
    fn receive(&mut self, input: &[u8], now: Moment) -> usize {
        self.session.receive(input, now)
    }

    fn input_ended(&mut self, _: Moment) {
        self.input_ended = true;
    }

    fn advance(&mut self, cx: &mut Context<'_>, _: Moment) {
        for _ in 0..STEPS_AT_ONCE {
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
        cx.waker().wake_by_ref();
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
        if matches!(self.work, Work::Rest(_)) {
            self.session.close(&Answer::err(Text::Stopping).code(Code::SysTemp));
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

    /// The greeting's timestamp goes on to count: there is no other (RFC 2595 §4).
    fn secured(mut self: Box<Self>, tls: Tls, now: Moment) -> Box<dyn Conversation> {
        self.life.handed_over = true;
        let session = Session::after_tls(self.policy.limits, now);
        let life = Life::speaking("pop3", self.life.peer.clone());
        Box::new(Pop3Conversation {
            services: self.services.clone(),
            policy: self.policy.clone(),
            session,
            work: Work::Rest(None),
            life,
            tls: Some(tls),
            timestamp: self.timestamp.take(),
            name: None,
            exchange: None,
            logins_failed: self.logins_failed,
            utf8: false,
            input_ended: false,
        })
    }
}
