//! The message's path: receive, route, queue, deliver.
//!
//! It decides what becomes of a message and is the only one to append messages to mailboxes. It knows no socket: SMTP and
//! LMTP reach it as octets ([`SmtpConversation`]), IMAP's APPEND as an [`Incoming`] body.
//!
//! | module | station |
//! |---|---|
//! | [`incoming`](Incoming) | a body as it comes in: scanned, held or spilled to a blob |
//! | [`import`] | messages from another mail system, each once |
//! | [`receive`](Post) | the one door: what becomes of a message, and what its giver is told |
//! | [`route`] | to whom a forward path leads |
//! | [`queue`] | messages until each delivery is done, and who is told |
//! | `fields` | `Return-Path`, `Delivered-To`, `Received` |
//! | [`transport`] | next hops: MX, connections, what they answer |
//! | [`trace`] | what happened to each message |
//! | [`housekeeping`] | what is done now and then |
//! | [`metrics`] | what is counted |
//! | [`submit`](Submitting) | messages handed in on this machine, for an account |
//! | [`smtp`](SmtpConversation) | SMTP and LMTP sessions over the above |

mod fields;
pub mod housekeeping;
mod import;
mod incoming;
pub mod metrics;
pub mod queue;
mod receive;
mod route;
mod smtp;
mod submit;
pub mod trace;
pub mod transport;

pub use fields::{Hop, queue_name};
pub use import::import;
pub use incoming::{BodiesInFlight, InFlight, Incoming, ReceiveError, Received};
pub use queue::{Queue, QueueError, QueuePolicy};
pub use receive::{AppendTo, Envelope, Origin, Post, append, append_all};
pub use route::{Recipient, Relaying, Route, route};
pub use smtp::{Caller, Means, Peer, Role, SmtpConversation, SmtpPolicy};
pub use submit::Submitting;
pub use trace::Trace;
pub use transport::{Transport, TransportPolicy};
