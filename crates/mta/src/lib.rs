//! The message's path: receive, route, queue, deliver.
//!
//! It decides what becomes of a message and is the only one to append messages to mailboxes. It knows no socket: SMTP and
//! LMTP reach it as octets ([`SmtpConversation`]), IMAP's APPEND as an [`Incoming`] body.
//!
//! | module | station |
//! |---|---|
//! | [`incoming`](Incoming) | a body as it comes in: scanned, held or spilled to a blob |
//! | [`receive`](Post) | the one door: what becomes of a message, and what its giver is told |
//! | [`route`] | to whom a forward path leads |
//! | `queue` | messages accepted for several recipients, until each has its copy |
//! | `trace` | `Return-Path`, `Delivered-To`, `Received` |
//! | [`smtp`](SmtpConversation) | SMTP and LMTP sessions over the above |

mod incoming;
mod queue;
mod receive;
mod route;
mod smtp;
mod trace;

pub use incoming::{BodiesInFlight, Incoming, ReceiveError, Received};
pub use queue::{Queue, QueueError};
pub use receive::{AppendTo, Delivery, Origin, Post, append};
pub use route::{Recipient, Route, route};
pub use smtp::{Peer, SmtpConversation};
pub use trace::Hop;
