//! The client's side of a connection: [`Session`] says what its caller wants sent, and tells with [`Event`]s what came of it.
//!
//! It knows order, pipelining, transparency and time-outs. It does not know where to connect, when to try again, or what
//! a failure means for a message; it splits no lines, so lines beyond 998 octets go out as they are (RFC 5321 §4.5.3.1.6).
//!
//! ```
//! use model::{Domain, Moment, ReversePath};
//! use smtp::client::{Event, Policy, Recipient, Session, Transaction};
//! let now = Moment::default();
//! let mut session = Session::new(Policy::new(Domain::new("a.test").unwrap()).into(), now);
//! session.receive(b"220 b.test\r\n", now);
//! assert_eq!(session.poll(), Some(Event::Greeted));
//! assert_eq!(session.output(), b"EHLO a.test\r\n");
//! session.sent(13);
//! session.receive(b"250 b.test\r\n", now);
//! assert_eq!(session.poll(), Some(Event::Ready));
//! let anna = model::ForwardPath::Address("anna@b.test".parse().unwrap());
//! session.begin(Transaction::new(ReversePath::Null, vec![Recipient::new(anna)]), now).unwrap();
//! assert_eq!(session.output(), b"MAIL FROM:<>\r\n");
//! ```

mod answer;
mod body;
mod envelope;
mod exchange;
mod extensions;
mod hear;
mod line_ends;
mod policy;
mod reader;
mod session;
mod speak;

pub use answer::Answer;
pub use envelope::{Framing, MailOptions, Recipient, Ret, Transaction, Unsendable};
pub use extensions::Extensions;
pub use policy::{ClientTimeouts, Policy};
pub use session::Session;

use std::fmt;

/// What came of something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The server greeted; it is being asked for its extensions.
    Greeted,
    /// [`Session::extensions`] are known: a transaction can begin, or TLS, or authentication.
    Ready,
    /// STARTTLS was agreed to: throw away input that is left, do the handshake, go on with [`Session::secured`].
    /// Or it was refused, and the session goes on in the clear if the caller wants.
    StartTls(Result<(), Answer>),
    /// The mechanism's next challenge: [`Session::respond`].
    Challenge(Vec<u8>),
    /// Authentication is over.
    AuthDone(Result<(), Answer>),
    /// One recipient was accepted or refused.
    Recipient {
        /// Its place in the transaction, from 0.
        ordinal: usize,
        /// What was said to RCPT.
        answer: Answer,
    },
    /// At least one recipient was accepted: give the message to [`Session::body`] and call [`Session::end_body`].
    WantsBody,
    /// What became of the whole message, which may be no good; the transaction is over.
    Done {
        /// One for all in SMTP; in LMTP one for each accepted recipient in their order (RFC 2033 §4.2), and fewer if the
        /// connection ended before all were said: [`Event::Closed`] follows then.
        answers: Vec<Answer>,
    },
    /// The message was not taken for any recipient; the transaction is over.
    TransactionFailed {
        /// Where: [`Stage::Mail`], [`Stage::Rcpt`] if all were refused, [`Stage::Data`] or [`Stage::Body`].
        stage: Stage,
        /// Why; of several recipients the last one's.
        answer: Answer,
    },
    /// The connection is over: write what output there is if that is easy, and hang up. The last event.
    Closed {
        /// What was going on.
        stage: Stage,
        /// Why.
        reason: Reason,
    },
}

/// Why a connection is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The server does not want to talk: any 421, a refused greeting or EHLO, an error in the middle of a body.
    Refused(Answer),
    /// It hung up without a word.
    PeerClosed,
    /// It kept us waiting.
    TimedOut,
    /// What it said is no reply, or answers nothing we asked.
    Broken(String),
    /// [`Session::quit`].
    Quit,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Refused(answer) => write!(f, "the peer said {answer}"),
            Reason::PeerClosed => f.write_str("the peer hung up"),
            Reason::TimedOut => f.write_str("the peer took too long"),
            Reason::Broken(how) => f.write_str(how),
            Reason::Quit => f.write_str("we hung up"),
        }
    }
}

/// What a connection is busy with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Waiting for 220.
    Greeting,
    /// EHLO, HELO or LHLO.
    Hello,
    /// STARTTLS and its handshake.
    StartTls,
    /// AUTH.
    Auth,
    /// Between transactions.
    Idle,
    /// RSET.
    Reset,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, until 354.
    Data,
    /// The message is being sent.
    Body,
    /// The message is sent, its answer has not come: nobody knows who has it now.
    BodyEnd,
    /// QUIT.
    Quit,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Greeting => "greeting",
            Stage::Hello => "EHLO",
            Stage::StartTls => "STARTTLS",
            Stage::Auth => "AUTH",
            Stage::Idle => "idle",
            Stage::Reset => "RSET",
            Stage::Mail => "MAIL",
            Stage::Rcpt => "RCPT",
            Stage::Data => "DATA",
            Stage::Body => "message",
            Stage::BodyEnd => "end of message",
            Stage::Quit => "QUIT",
        })
    }
}

#[cfg(test)]
mod tests;
