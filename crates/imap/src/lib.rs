//! IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051): the server's session, the commands' grammar, the responses' form.
//!
//! It knows syntax, states, limits and timeouts. It knows no mailbox, no account, no socket and no clock: what a command
//! means is decided by the `access` crate, which gets [`Event`]s and writes with [`response`] and [`FetchWriter`].
//!
//! | module | nouns |
//! |---|---|
//! | [`session`] | [`Session`], [`Event`], [`State`]: bytes in, events and bytes out |
//! | [`command`] | [`Command`] and one file per family of commands: type, `parse`, `encode` |
//! | [`response`] | [`Answer`], [`Code`], the untagged responses, [`FetchWriter`] |
//! | [`sequence`] | [`SequenceSet`] as written, [`NumberSet`] as resolved |
//! | [`mailbox`] | [`MailboxName`], [`ListPattern`], modified UTF-7 |
//! | [`client`] | a server's responses, read by a client |
//! | [`date`] | [`Date`], [`DateTime`] |
//! | [`deflate`] | [`Inflater`](deflate::Inflater), [`Deflater`](deflate::Deflater): COMPRESS=DEFLATE |
//! | [`limits`] | [`Limits`] and every bound with its reason |
//!
//! ```
//! use imap::{Answer, Command, Event, Limits, Session};
//! use model::Moment;
//! let mut session = Session::new(Limits::default(), "IMAP4rev1 IMAP4rev2", Moment::default());
//! session.receive(b"a1 NOOP\r\n", Moment::default());
//! let Some(Event::Command(noop)) = session.poll() else { panic!() };
//! assert_eq!(noop.command, Command::Noop);
//! session.finish(&Answer::ok("NOOP done"));
//! assert!(session.output().ends_with(b"a1 OK NOOP done\r\n"));
//! ```

pub mod client;
pub mod command;
mod cursor;
pub mod date;
pub mod deflate;
pub mod limits;
pub mod mailbox;
pub mod response;
pub mod sequence;
pub mod session;

pub use command::{Command, Numbering, Tag, Tagged};
pub use cursor::ParseError;
pub use date::{Date, DateTime};
pub use limits::Limits;
pub use mailbox::{ListPattern, MailboxName, NameForm};
pub use model::Secret;
pub use response::{Answer, Code, FetchWriter, Status};
pub use sequence::{NumberSet, SequenceSet};
pub use session::{Event, Session, State};
