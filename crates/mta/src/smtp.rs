//! SMTP and LMTP sessions over the stations: what each event of the protocol asks of them.

use crate::incoming::{Incoming, ReceiveError};
use crate::receive::{Origin, Post, refusal};
use crate::route::{Recipient, Route, route};
use crate::trace::Hop;
use ::smtp::server::{Event, Security, Session};
use ::smtp::{Flavour, MailParams, Policy, Reply};
use env::{Conversation, Next, Sleep, Tls};
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

/// A connection's SMTP or LMTP, with the stations behind it.
pub struct SmtpConversation {
    post: Arc<Post>,
    sleep: Arc<dyn Sleep>,
    policy: Arc<Policy>,
    peer: Peer,
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
    Recipient(Result<Recipient, Reply>),
    Spilled(Result<Box<Incoming>, ReceiveError>),
    Received(Vec<Reply>),
}

impl SmtpConversation {
    /// A new connection. `tls` when it was protected from the first octet.
    pub fn new(
        post: Arc<Post>,
        sleep: Arc<dyn Sleep>,
        policy: Arc<Policy>,
        (peer, tls): (Peer, Option<Tls>),
        now: Moment,
    ) -> SmtpConversation {
        let security = if tls.is_some() { Security::Tls } else { Security::Clear };
        let session = Session::new(policy.clone(), security, now);
        let (input_ended, start_tls) = (false, false);
        let (transaction, work) = (None, None);
        SmtpConversation { post, sleep, policy, peer, tls, session, input_ended, start_tls, transaction, work }
    }

    /// What the next event asks for; `false` when there is none.
    fn event(&mut self, now: Moment) -> bool {
        let Some(event) = self.session.poll() else { return false };
        match event {
            Event::Hello { .. } | Event::Reset | Event::BodyAborted | Event::Quit => self.transaction = None,
            Event::Mail { reverse_path, params } => {
                let (recipients, body) = (Vec::new(), Body::None);
                self.transaction = Some(Box::new(Transaction { reverse_path, params, recipients, body }));
                self.session.accept(now);
            }
            Event::Rcpt { forward_path, .. } => self.recipient(forward_path, now),
            // Todo(RFC 4954 §4): no listener offers AUTH yet.
            Event::Auth { .. } | Event::AuthResponse(_) => {
                self.session.refuse(Reply::new(454, (4, 7, 0), "nobody can be authenticated now"), now);
            }
            Event::AuthCancelled => {}
            Event::DataStart => self.data(now),
            Event::BodyChunk(octets) => match self.transaction.as_mut().map(|transaction| &mut transaction.body) {
                Some(Body::Coming(incoming)) => {
                    incoming.take(octets);
                    self.spill_if_full();
                }
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

    /// Routes a recipient, and looks whether its mailboxes have room (DESIGN §4).
    fn recipient(&mut self, path: ForwardPath, now: Moment) {
        let (pause, accounts) = match route(&self.post.directory, &path) {
            Route::Refuse(reply) => {
                tracing::info!(event = "recipient.refused", session_id = self.peer.session_id, to = %path, reply = reply.code());
                return self.session.refuse(reply, now);
            }
            Route::Local(accounts) => (None, accounts),
            Route::Slow(pause, accounts) => (Some(self.sleep.sleep_until(now + pause)), accounts),
        };
        let post = self.post.clone();
        let declared_octets = self.transaction.as_ref().and_then(|t| t.params.size_octets).unwrap_or(0);
        let check = async move {
            if let Some(pause) = pause {
                pause.await;
            }
            for account in &accounts {
                match post.mailstore.account(account.id).await {
                    Ok(mail) => {
                        let room = mail.usage().room_for(declared_octets.max(1), &account.quota);
                        room.map_err(|error| refusal(&error))?;
                    }
                    Err(error) => {
                        tracing::error!(event = "mailbox.unavailable", account = %account.id, cause = %error);
                        return Err(refusal(&error));
                    }
                }
            }
            Ok(Recipient { path, accounts })
        };
        self.work = Some(check.map(Done::Recipient).boxed());
    }

    fn data(&mut self, now: Moment) {
        let begun = Incoming::begin(self.post.mailstore.blobs(), &self.post.in_flight);
        match (begun, self.transaction.as_mut()) {
            (Ok(incoming), Some(transaction)) => {
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
        let Transaction { reverse_path, recipients, body, .. } = *transaction;
        let incoming = match body {
            Body::Coming(incoming) => incoming,
            Body::Refused(reply) => return self.session.answer(reply, now),
            Body::None => return self.session.answer(Reply::local_error("the body is lost"), now),
        };
        let (post, origin, answers) = (self.post.clone(), self.origin(), recipients.len());
        let receive = async move {
            match incoming.finish().await {
                Ok(received) => post.receive(origin, reverse_path, recipients, received).await,
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
            by: self.policy.host_name.clone(),
            session_id: self.peer.session_id,
        };
        match self.policy.flavour {
            Flavour::Smtp => Origin::Smtp(hop),
            Flavour::Lmtp => Origin::Lmtp(hop),
        }
    }

    /// What the session refused without asking: bad syntax, bare line ends, sizes, floods.
    fn log_refusal(&mut self) {
        if let Some(reply) = self.session.take_refusal() {
            let session_id = self.peer.session_id;
            tracing::info!(event = "command.refused", session_id, reply = reply.code(), reason = %reply);
        }
    }

    fn done(&mut self, done: Done, now: Moment) {
        match done {
            Done::Recipient(Ok(recipient)) => {
                if let Some(transaction) = self.transaction.as_mut() {
                    transaction.recipients.push(recipient);
                }
                self.session.accept(now);
            }
            Done::Recipient(Err(reply)) => self.session.refuse(reply, now),
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
                if self.policy.flavour == Flavour::Lmtp {
                    self.session.answer_each(replies, now);
                } else {
                    let reply = replies.pop().unwrap_or_else(|| Reply::local_error("no recipient is left"));
                    self.session.answer(reply, now);
                }
            }
        }
    }
}

fn not_taken(error: &ReceiveError) -> Reply {
    tracing::warn!(event = "body.refused", cause = %error);
    match error {
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
            transaction: None,
            work: None,
            ..*self
        })
    }

    fn rest(&mut self) {
        self.session.rest();
    }
}
