//! Events handed to the caller, and what its answers do.

use super::Event;
use super::body::Body;
use super::session::{Content, Held, Question, Reading, Session, Transaction, Turn};
use crate::extension::auth::Attempt;
use crate::policy::Flavour;
use crate::reply::Reply;
use model::Moment;
use std::collections::VecDeque;
use std::mem;

impl Session {
    /// The next event, if one waits. Body octets are borrowed until the next call of anything.
    pub fn poll(&mut self) -> Option<Event<'_>> {
        if self.body.as_ref().is_some_and(|body| body.is_waiting()) {
            return self.body.as_mut().map(|body| Event::BodyChunk(body.poll()));
        }
        self.end_with_input();
        match mem::replace(&mut self.turn, Turn::Peer) {
            Turn::Event(held) => self.hand_out(held),
            turn => {
                self.turn = turn;
                None
            }
        }
    }

    fn hand_out(&mut self, held: Held) -> Option<Event<'_>> {
        let (event, question) = match held {
            Held::Hello => {
                let (hello, name) = self.hello.as_ref()?;
                return Some(Event::Hello { name: name.as_str(), hello: *hello });
            }
            Held::AuthCancelled => return Some(Event::AuthCancelled),
            Held::BodyAborted => return Some(Event::BodyAborted),
            Held::Reset => return Some(Event::Reset),
            Held::StartTls => return Some(Event::StartTls),
            Held::Quit => return Some(Event::Quit),
            Held::Auth(Attempt { mechanism, initial }) => (Event::Auth { mechanism, initial }, Question::Auth),
            Held::AuthResponse(response) => (Event::AuthResponse(response), Question::Auth),
            Held::Mail(reverse_path, params) => {
                (Event::Mail { reverse_path, params: (*params).clone() }, Question::Mail(params))
            }
            Held::Rcpt(forward_path, params) => (Event::Rcpt { forward_path, params }, Question::Rcpt),
            Held::DataStart(content) => (Event::DataStart, Question::DataStart(content)),
            Held::BodyEnd => (Event::BodyEnd, Question::BodyEnd),
        };
        self.turn = Turn::Answer(question);
        Some(event)
    }

    /// Says yes to the event polled last.
    ///
    /// # Panics
    /// Without an event that wants this answer: a mistake of the caller's.
    pub fn accept(&mut self, now: Moment) {
        let question = self.take_question("accept");
        self.since = now;
        match question {
            Question::Mail(params) => {
                self.transaction = Some(Transaction { params, recipients: 0, tried: 0 });
                self.say(&Reply::new(250, (2, 1, 0), "sender ok"));
            }
            Question::Rcpt => {
                self.transaction.iter_mut().for_each(|t| t.recipients += 1);
                self.say(&Reply::new(250, (2, 1, 5), "recipient ok"));
            }
            Question::DataStart(content) => self.begin_body(content, now),
            Question::BodyEnd => panic!("a whole message wants answer() or answer_each()"),
            Question::Auth => panic!("an exchange wants challenge() or authenticated()"),
        }
        self.end_with_input();
    }

    /// Says no to the event polled last, or to a message of which chunks were polled. A 421 also ends the connection.
    ///
    /// # Panics
    /// Without an event that wants this answer, or with a positive reply: a mistake of the caller's.
    pub fn refuse(&mut self, reply: Reply, now: Moment) {
        assert!(!reply.is_positive(), "refused with {reply}");
        if let Some(body) = &mut self.body {
            body.refuse(reply.clone());
            if !matches!(self.turn, Turn::Event(Held::BodyEnd) | Turn::Answer(_)) {
                return;
            }
            self.turn = Turn::Answer(Question::BodyEnd);
        }
        let question = self.take_question("refuse");
        self.since = now;
        match question {
            Question::Auth => {
                let reply = self.tally.auth_failure(reply, &self.policy);
                self.fail(reply);
            }
            Question::Mail(_) => self.fail(reply),
            Question::Rcpt => {
                let reply = self.tally.refused_recipient(reply, &self.policy);
                self.say(&reply);
            }
            Question::DataStart(Content::Data) => self.end_transaction(&reply),
            Question::DataStart(Content::Bdat(octets, _)) => {
                self.transaction = None;
                self.discard(octets, reply);
            }
            Question::BodyEnd => self.conclude(reply),
        }
        self.end_with_input();
    }

    /// Says what became of the whole message; in LMTP, of all its recipients alike.
    ///
    /// # Panics
    /// When the event polled last is not [`Event::BodyEnd`]: a mistake of the caller's.
    pub fn answer(&mut self, reply: Reply, now: Moment) {
        let question = self.take_question("answer");
        assert!(matches!(question, Question::BodyEnd), "answered {question:?}");
        self.since = now;
        self.conclude(reply);
        self.end_with_input();
    }

    /// Says for each accepted recipient, in their order, what became of the message (RFC 2033 §4.2).
    ///
    /// # Panics
    /// As [`answer`](Self::answer); in SMTP; or with another number of replies than there are recipients.
    pub fn answer_each(&mut self, replies: Vec<Reply>, now: Moment) {
        let question = self.take_question("answer_each");
        assert!(matches!(question, Question::BodyEnd), "answered {question:?}");
        assert_eq!(self.policy.flavour, Flavour::Lmtp, "SMTP has one reply for all");
        assert_eq!(Some(replies.len()), self.transaction.as_ref().map(|t| t.recipients), "one reply for each");
        self.since = now;
        self.conclude_each(replies.into());
        self.end_with_input();
    }

    pub(super) fn take_question(&mut self, answer: &str) -> Question {
        match mem::replace(&mut self.turn, Turn::Peer) {
            Turn::Answer(question) => question,
            turn => panic!("{answer}() without a question, but {turn:?}"),
        }
    }

    fn begin_body(&mut self, content: Content, now: Moment) {
        let Some(transaction) = &self.transaction else { return };
        match content {
            Content::Data => {
                self.body = Some(Body::data(&self.policy, now).into());
                self.reading = Reading::Body;
                self.say(&Reply::plain(354, "send the message, ended by a line with a dot alone"));
            }
            Content::Bdat(octets, chunk) => {
                self.body = Some(Body::chunks(transaction.params.body, &self.policy, now).into());
                self.begin_chunk(octets, chunk);
            }
        }
    }

    pub(super) fn conclude(&mut self, reply: Reply) {
        let repetitions = match (self.policy.flavour, &self.transaction) {
            (Flavour::Lmtp, Some(transaction)) => transaction.recipients,
            _ => 1,
        };
        self.conclude_each(std::iter::repeat_n(reply, repetitions).collect());
    }

    fn conclude_each(&mut self, replies: VecDeque<Reply>) {
        if replies.iter().any(Reply::is_positive) {
            self.tally.message();
        }
        self.closing |= replies.iter().any(|reply| reply.code() == 421);
        self.transaction = None;
        self.body = None;
        self.owed = replies;
        self.pay();
    }

    pub(super) fn end_transaction(&mut self, reply: &Reply) {
        self.transaction = None;
        self.body = None;
        self.say(reply);
    }
}
