//! A POP3 connection: [`Pop3Conversation`] drives it, the other files are what its commands mean.
//!
//! The maildrop is INBOX as it was at log-in: an immutable view, so numbers and sizes stay, nobody is locked out, and several
//! devices may fetch at once. What another client removes meanwhile is still listed and can no longer be retrieved; what
//! arrives meanwhile is seen at the next log-in. Messages go when QUIT's commit is durable, and not before.

mod conversation;
mod failure;
mod list;
mod maildrop;
mod policy;
mod retrieve;
mod running;
mod surrogate;
mod update;

pub use conversation::Pop3Conversation;
pub use policy::{Pop3Policy, Services};
