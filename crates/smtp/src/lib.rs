//! SMTP (RFC 5321) and LMTP (RFC 2033) without sockets: octets in, events and octets out.
//!
//! It knows order, syntax, limits, pipelining and time-outs. It does not know which addresses exist, where messages go,
//! what a message means, or what time it is: those are answers to its events, and arguments.
//!
//! | module | nouns |
//! |---|---|
//! | [`reply`] | `Reply`: what the server says, never with a stray line end |
//! | [`command`] | `Command`: parsed and printed |
//! | `path` | the grammar of `<local-part@domain>` |
//! | [`extension`] | what EHLO offers, and the parameters it brings to MAIL and RCPT |
//! | [`policy`] | `Policy`: one listener's limits and offers |
//! | [`server`] | `Session`, `Event`: one connection's conversation |
//! | [`client`] | the same from the other side: `Session`, `Event`, `Transaction`, `Answer` |
//!
//! ```
//! use model::{Domain, Moment};
//! use smtp::{Policy, Reply, server::{Event, Security, Session}};
//! let policy = Policy::new(Domain::new("mx.example.test").unwrap());
//! let now = Moment::default();
//! let mut session = Session::new(policy.into(), Security::Clear, now);
//! session.receive(b"EHLO client.test\r\n", now);
//! assert!(matches!(session.poll(), Some(Event::Hello { name: "client.test", .. })));
//! session.receive(b"MAIL FROM:<a@b.test>\r\n", now);
//! assert!(matches!(session.poll(), Some(Event::Mail { .. })));
//! session.refuse(Reply::new(451, (4, 3, 0), "not now"), now);
//! assert!(session.output().ends_with(b"451 4.3.0 not now\r\n"));
//! ```

pub mod client;
pub mod command;
pub mod extension;
mod path;
pub mod policy;
pub mod reply;
pub mod server;

pub use command::{Command, CommandError};
pub use extension::auth::Attempt;
pub use extension::body::BodyType;
pub use extension::dsn::{Notify, OriginalRecipient, Ret};
pub use extension::future_release::{FutureRelease, Hold};
pub use extension::{MailParams, RcptParams};
pub use path::PathError;
pub use policy::{Auth, Authentication, Flavour, Policy, StartTls};
pub use reply::Reply;
