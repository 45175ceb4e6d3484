//! POP3 (RFC 1939, RFC 2449) without sockets: octets in, events and octets out.
//!
//! It knows syntax, states, limits, time-outs and the form of answers, in two languages. It knows no maildrop, no account, no
//! socket and no clock: what a command means is decided by the `access` crate, which gets [`Event`]s and answers them.
//!
//! | module | nouns |
//! |---|---|
//! | [`session`] | [`Session`], [`Event`], [`State`]: one connection's conversation |
//! | [`command`] | [`Command`], parsed |
//! | [`answer`] | [`Answer`], [`Code`]: the status line |
//! | [`text`] | [`Text`], [`Language`]: what people read in it |
//! | [`capability`] | [`Capabilities`]: what CAPA lists |
//! | [`content`] | [`Stuffer`], [`Top`]: messages as they cross the line |
//! | [`limits`] | [`Limits`] and every bound with its reason |
//!
//! ```
//! use model::Moment;
//! use pop3::{Answer, Command, Event, Limits, Session, State, Text};
//! let mut session = Session::new(Limits::default(), "mail.example.test ready", Moment::default());
//! session.set_state(State::Transaction);
//! session.receive(b"NOOP\r\n", Moment::default());
//! assert!(matches!(session.poll(), Some(Event::Command(Command::Noop))));
//! session.finish(&Answer::ok(Text::Nothing));
//! assert!(session.output().ends_with(b"+OK\r\n"));
//! ```

pub mod answer;
pub mod capability;
pub mod command;
pub mod content;
pub mod limits;
pub mod session;
pub mod text;

pub use answer::{Answer, Code, Status};
pub use capability::Capabilities;
pub use command::{Command, CommandError};
pub use content::{Stuffer, Top};
pub use limits::Limits;
pub use model::Secret;
pub use session::{Event, Session, State};
pub use text::{Language, Text};
