//! SMTP and LMTP sessions over the stations: what each event of the protocol asks of them.

mod auth;
pub(crate) mod submission;

use crate::fields::Hop;
use crate::incoming::{Incoming, ReceiveError};
use crate::metrics;
use crate::receive::{Envelope, Origin, Post, refusal, straight_to};
use crate::route::{Recipient, Relaying, Route, route};
use ::smtp::extension::{MailParams, RcptParams};
use ::smtp::server::{Event, Security, Session};
use ::smtp::{Flavour, Policy, Reply};
use directory::{Account, SignIn, SignInStep};
use env::{Conversation, Next, Random, Sleep, Tls};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mailstore::Error;
use model::{ForwardPath, Moment, ReversePath};
use std::sync::Arc;
use std::task::{Context, Poll};

/// The other end of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its address; `None` on a Unix socket.
    pub address: Option<std::net::IpAddr>,
    /// The connection's number, for the log.
    pub session_id: u64,
}

/// Who is at the other end, and what that means.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The other end.
    pub peer: Peer,
    /// What was agreed on before the first octet, where TLS comes with the connection.
    pub tls: Option<Tls>,
    /// Whether it may send mail to other servers without signing in.
    pub relaying: Relaying,
}

/// What a listener does with messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It takes mail for our own addresses, and from those who may relay for others.
    Exchanger,
    /// It takes mail of those who sign in (RFC 6409).
    Submission,
}

/// What the conversations of a listener share.
#[derive(Clone, Debug)]
pub struct SmtpPolicy {
    /// The protocol's.
    pub session: Arc<Policy>,
    /// What becomes of the messages.
    pub role: Role,
}

/// The world's means that a conversation uses.
#[derive(Clone)]
pub struct Means {
    /// For the demo's slow address.
    pub sleep: Arc<dyn Sleep>,
    /// For nonces.
    pub random: Arc<dyn Random>,
}

/// A connection's SMTP or LMTP, with the stations behind it.
pub struct SmtpConversation {
    post: Arc<Post>,
    sleep: Arc<dyn Sleep>,
    random: Arc<dyn Random>,
    policy: Arc<SmtpPolicy>,
    peer: Peer,
    relaying: Relaying,
    account: Option<Arc<Account>>,
    sign_in: Option<SignIn>,
    tls: Option<Tls>,
    session: Session,
    input_ended: bool,
    start_tls: bool,
    transaction: Option<Box<Transaction>>,
    work: Option<BoxFuture<'static, Done>>,
}

/// An open envelope and the body that comes in for it.
struct Transaction {
    reverse_path: ReversePath,
    params: MailParams,
    recipients: Vec<Recipient>,
    body: Body,
}

/// What there is of the message.
enum Body {
    /// Nothing, or what there was is at work.
    None,
    /// It comes in.
    Coming(Box<Incoming>),
    /// It could not be taken: the rest is thrown away, and this is said where the session asks again. The peer may have
    /// gone on meanwhile, so it is never said unasked.
    Refused(Reply),
}

/// What the work under way came to.
enum Done {
    SignIn(SignInStep),
    Recipient(Result<Recipient, Reply>),
    Spilled(Result<Box<Incoming>, ReceiveError>),
    Received(Vec<Reply>),
}

impl SmtpConversation {
    /// A new connection.
    pub fn new(
        post: Arc<Post>,
        means: Means,
        policy: Arc<SmtpPolicy>,
        Caller { peer, tls, relaying }: Caller,
        now: Moment,
    ) -> SmtpConversation {
        let security = if tls.is_some() { Security::Tls } else { Security::Clear };
        let session = Session::new(policy.session.clone(), security, now).at(post.clock.wall(), now);
        let Means { sleep, random } = means;
        SmtpConversation {
            post,
            sleep,
            random,
            policy,
            peer,
            relaying,
            account: None,
            sign_in: None,
            tls,
            session,
            input_ended: false,
            start_tls: false,
            transaction: None,
            work: None,
        }
    }

    /// What the next event asks for; `false` when there is none.
    fn event(&mut self, now: Moment) -> bool {
        let Some(event) = self.session.poll() else { return false };
        match event {
            Event::Hello { .. } | Event::Reset | Event::BodyAborted | Event::Quit => self.transaction = None,
            Event::Auth { mechanism, initial } => {
                self.begin_sign_in(&mechanism, initial.as_ref().map(|initial| initial.expose()), now);
            }
            Event::AuthResponse(response) => self.go_on_signing_in(response.expose(), now),
            Event::AuthCancelled => self.sign_in = None,
            Event::Mail { reverse_path, params } => self.mail(reverse_path, params, now),
            Event::Rcpt { forward_path, params } => self.recipient(forward_path, params, now),
            Event::DataStart => self.data(now),
            Event::BodyChunk(octets) => match self.transaction.as_mut().map(|transaction| &mut transaction.body) {
                Some(Body::Coming(incoming)) => match incoming.take(octets) {
                    Ok(()) => self.spill_if_full(),
                    Err(reply) => {
                        self.transaction = None;
                        self.session.refuse(reply, now);
                    }
                },
                Some(Body::Refused(reply)) => {
                    let reply = reply.clone();
                    self.transaction = None;
                    self.session.refuse(reply, now);
                }
                Some(Body::None) | None => self.session.refuse(Reply::local_error("the envelope is lost"), now),
            },
            Event::BodyEnd => self.body_end(now),
            Event::StartTls => self.start_tls = true,
        }
        true
    }

    fn mail(&mut self, reverse_path: ReversePath, params: MailParams, now: Moment) {
        if self.policy.role == Role::Submission
            && let Some(account) = &self.account
            && let Err(reply) = submission::check_sender(&self.post, account, &reverse_path)
        {
            tracing::info!(event = "sender.refused", session_id = self.peer.session_id, from = %reverse_path, account = %account.address);
            return self.session.refuse(reply, now);
        }
        let (recipients, body) = (Vec::new(), Body::None);
        self.transaction = Some(Box::new(Transaction { reverse_path, params, recipients, body }));
        self.session.accept(now);
    }

    /// Routes a recipient, and looks whether its mailboxes have room (DESIGN §4).
    fn recipient(&mut self, path: ForwardPath, params: RcptParams, now: Moment) {
        let relaying = if self.account.is_some() { Relaying::Allowed } else { self.relaying };
        let (pause, targets) = match route(&self.post.directory, &path, relaying, &self.policy.session.host_name) {
            Route::Refuse(reply) => {
                tracing::info!(event = "recipient.refused", session_id = self.peer.session_id, to = %path, reply = reply.code());
                metrics::recipient(Some(&reply));
                return self.session.refuse(reply, now);
            }
            Route::Accept(targets) => (None, targets),
            Route::Slow(pause, targets) => (Some(self.sleep.sleep_until(now + pause)), targets),
        };
        let post = self.post.clone();
        let declared_octets = self.transaction.as_ref().and_then(|t| t.params.size_octets).unwrap_or(0);
        let check = async move {
            if let Some(pause) = pause {
                pause.await;
            }
            let room = post.room_for_any(targets.iter(), declared_octets.max(1)).await;
            room.map(|()| Recipient { path, params, targets }).map_err(|error| refusal(&error))
        };
        self.work = Some(check.map(Done::Recipient).boxed());
    }

    fn data(&mut self, now: Moment) {
        let begun = Incoming::begin(self.post.mailstore.blobs(), &self.post.in_flight);
        match (begun, self.transaction.as_mut()) {
            (Ok(incoming), Some(transaction)) => {
                let incoming = match (self.policy.role, &self.account) {
                    (Role::Submission, Some(account)) => {
                        let (id, host) = (self.post.queue.next_id(), &self.policy.session.host_name);
                        incoming.mended(submission::mend(&self.post, account, host, id, self.post.clock.wall()))
                    }
                    _ => incoming,
                };
                // With LMTP each recipient gets a message of their own.
                let straight = |recipients| straight_to(recipients, &transaction.params).is_some();
                let is_lmtp = self.policy.session.flavour == Flavour::Lmtp;
                let incoming = match is_lmtp || straight(&transaction.recipients) {
                    true => incoming,
                    false => incoming.for_queue(),
                };
                transaction.body = Body::Coming(Box::new(incoming));
                self.session.accept(now);
            }
            (Err(error), _) => self.session.refuse(not_taken(&error), now),
            (Ok(_), None) => self.session.refuse(Reply::new(503, (5, 5, 1), "MAIL first"), now),
        }
    }

    fn spill_if_full(&mut self) {
        let Some(body) = self.transaction.as_mut().map(|transaction| &mut transaction.body) else { return };
        match std::mem::replace(body, Body::None) {
            Body::Coming(mut incoming) if incoming.is_full() => {
                let spill = async move { incoming.spill().await.map(|()| incoming) };
                self.work = Some(spill.map(Done::Spilled).boxed());
            }
            other => *body = other,
        }
    }

    fn body_end(&mut self, now: Moment) {
        let Some(transaction) = self.transaction.take() else {
            return self.session.answer(Reply::local_error("the envelope is lost"), now);
        };
        let Transaction { reverse_path, params, recipients, body } = *transaction;
        let incoming = match body {
            Body::Coming(incoming) => incoming,
            Body::Refused(reply) => return self.session.answer(reply, now),
            Body::None => return self.session.answer(Reply::local_error("the body is lost"), now),
        };
        let (post, origin, answers) = (self.post.clone(), self.origin(), recipients.len());
        let receive = async move {
            match incoming.finish().await {
                Ok(received) => post.receive(origin, Envelope { reverse_path, params, recipients }, received).await,
                Err(error) => vec![not_taken(&error); answers],
            }
        };
        self.work = Some(receive.map(Done::Received).boxed());
    }

    fn origin(&self) -> Origin {
        let hop = Hop {
            helo: self.session.helo_name().map(str::to_owned),
            address: self.peer.address.map(|address| match address {
                std::net::IpAddr::V4(v4) => format!("[{v4}]"),
                std::net::IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
            }),
            protocol: self.session.protocol_name(),
            tls: self.tls.as_ref().map(|tls| format!("{} with cipher {}", tls.version, tls.cipher)),
            by: self.policy.session.host_name.clone(),
            session_id: self.peer.session_id,
        };
        match (self.policy.session.flavour, self.policy.role, &self.account) {
            (Flavour::Lmtp, ..) => Origin::Lmtp(hop),
            (Flavour::Smtp, Role::Submission, Some(account)) => {
                Origin::Submission(Hop { helo: None, address: None, ..hop }, account.clone())
            }
            (Flavour::Smtp, ..) => Origin::Smtp(hop),
        }
    }

    /// What the session refused without asking: bad syntax, bare line ends, sizes, floods.
    fn log_refusal(&mut self) {
        if let Some(reply) = self.session.take_refusal() {
            let session_id = self.peer.session_id;
            metrics::COMMANDS_REFUSED.add(1, &["smtp"]);
            tracing::info!(event = "command.refused", session_id, reply = reply.code(), reason = %reply);
        }
    }

    fn done(&mut self, done: Done, now: Moment) {
        match done {
            Done::SignIn(step) => self.step(step, now),
            Done::Recipient(Ok(recipient)) => {
                metrics::recipient(None);
                if let Some(transaction) = self.transaction.as_mut() {
                    transaction.recipients.push(recipient);
                }
                self.session.accept(now);
            }
            Done::Recipient(Err(reply)) => {
                metrics::recipient(Some(&reply));
                self.session.refuse(reply, now);
            }
            // The transaction may have been given up meanwhile: then its event is the next.
            Done::Spilled(spilled) => {
                let body = match spilled {
                    Ok(incoming) => Body::Coming(incoming),
                    Err(error) => Body::Refused(not_taken(&error)),
                };
                if let Some(transaction) = self.transaction.as_mut() {
                    transaction.body = body;
                }
            }
            Done::Received(mut replies) => {
                if self.policy.session.flavour == Flavour::Lmtp {
                    self.session.answer_each(replies, now);
                } else {
                    let reply = replies.pop().unwrap_or_else(|| Reply::local_error("no recipient is left"));
                    self.session.answer(reply, now);
                }
            }
        }
    }
}

pub(crate) fn not_taken(error: &ReceiveError) -> Reply {
    tracing::warn!(event = "body.refused", cause = %error);
    match error {
        ReceiveError::Header(reply) => reply.clone(),
        ReceiveError::Busy => Reply::new(452, (4, 3, 1), "too many messages are coming in; try again later"),
        ReceiveError::Blob(error) => refusal(&Error::Commit(error.clone())),
    }
}

impl Conversation for SmtpConversation {
    fn receive(&mut self, input: &[u8], now: Moment) -> usize {
        self.session.receive(input, now)
    }

    fn input_ended(&mut self, now: Moment) {
        self.input_ended = true;
        self.session.input_ended(now);
    }

    fn advance(&mut self, cx: &mut Context<'_>, now: Moment) {
        loop {
            if let Some(work) = &mut self.work {
                let Poll::Ready(done) = work.poll_unpin(cx) else { return };
                self.work = None;
                self.done(done, now);
            }
            if !self.event(now) && self.work.is_none() {
                return self.log_refusal();
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
    }

    fn stop(&mut self, _: Moment) {
        if self.work.is_none() {
            self.session.shut_down("the server is stopping, try again later");
        }
    }

    fn next(&self) -> Next {
        if self.start_tls {
            Next::StartTls
        } else if self.session.is_closing() {
            Next::Close
        } else {
            Next::Continue
        }
    }

    fn secured(self: Box<Self>, tls: Tls, now: Moment) -> Box<dyn Conversation> {
        Box::new(SmtpConversation {
            session: self.session.secured(now),
            tls: Some(tls),
            start_tls: false,
            input_ended: false,
            account: None,
            sign_in: None,
            transaction: None,
            work: None,
            ..*self
        })
    }

    fn rest(&mut self) {
        self.session.rest();
    }
}
