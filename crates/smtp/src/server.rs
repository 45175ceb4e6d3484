//! The server's side of a connection: [`Session`] and the [`Event`]s it asks its caller about.

mod answer;
mod auth;
mod body;
mod command;
mod dots;
mod line;
mod receive;
mod session;
mod tally;

pub use session::Session;

use crate::command::Hello;
use crate::extension::{MailParams, RcptParams};
use model::Secret;
use model::{ForwardPath, ReversePath};

/// Whether anybody on the path can read along.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// No TLS.
    Clear,
    /// TLS, from the first octet or after STARTTLS.
    Tls,
}

/// What the client wants, or what became of it. Until an event is polled, and answered where it wants an answer, the
/// session takes no further input.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// HELO, EHLO or LHLO, already answered. A transaction that was open is forgotten (RFC 5321 §4.1.4).
    Hello {
        /// What the client calls itself.
        name: &'a str,
        /// Which of the three.
        hello: Hello,
    },
    /// The client wants to prove who it is. Answer with [`Session::challenge`], [`Session::authenticated`] or
    /// [`Session::refuse`].
    Auth {
        /// One of the policy's SASL mechanisms.
        mechanism: String,
        /// What the client says at once, decoded; it may be empty.
        initial: Option<Secret>,
    },
    /// The decoded response to the last challenge. Answer as [`Event::Auth`].
    AuthResponse(Secret),
    /// The exchange was given up by the client or had no form, and is answered: throw away its state. No answer.
    AuthCancelled,
    /// A transaction begins. Answer with [`Session::accept`] or [`Session::refuse`].
    Mail {
        /// Where failures go.
        reverse_path: ReversePath,
        /// Size, kind of content, UTF-8, reports, waiting.
        params: MailParams,
    },
    /// One more recipient. Answer with [`Session::accept`] or [`Session::refuse`].
    Rcpt {
        /// The recipient; a source route before it is gone.
        forward_path: ForwardPath,
        /// Reports.
        params: RcptParams,
    },
    /// DATA, or the first BDAT, with at least one recipient. Answer with [`Session::accept`] or [`Session::refuse`];
    /// either way the envelope is complete.
    DataStart,
    /// Octets of the message as sent, without the dots of transparency. Not polling holds the client back;
    /// [`Session::refuse`] is allowed after it: the rest is then read and thrown away, and the reply said at its end.
    BodyChunk(&'a [u8]),
    /// The message is whole. Answer with [`Session::answer`] or [`Session::answer_each`]; the transaction is over then.
    BodyEnd,
    /// The message will never be whole, or is refused by the session: throw away what there is of it and its envelope.
    BodyAborted,
    /// RSET: throw away the envelope. No answer.
    Reset,
    /// The client was told to begin TLS. Once the output is written, go on with [`Session::secured`]; input behind the
    /// command must be thrown away unread (RFC 3207 §4.2). No answer.
    StartTls,
    /// QUIT, already answered: throw away what was begun. No answer.
    Quit,
}

#[cfg(test)]
mod tests;
