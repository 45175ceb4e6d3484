//! An IMAP connection: [`ImapConversation`] drives it, the other files are its commands.
//!
//! While a command runs it owns the [`client::Client`] (who is logged in, what is selected) and writes to an [`out::Out`],
//! which makes it wait when the peer reads slowly. Between commands a connection holds no buffer and no future.

mod append;
mod auth;
mod capability;
mod client;
mod conversation;
mod copy;
mod enable;
mod expunge;
mod failure;
mod fetch;
mod flag_names;
mod id;
mod layer;
pub(crate) mod life;
mod list;
mod lsub;
mod mailbox;
mod modseq;
mod namespace;
mod numbers;
mod object_id;
pub(crate) mod out;
mod policy;
mod quota;
mod recent;
mod resync;
mod running;
mod search;
mod select;
mod selected;
mod sort;
mod status;
mod store;
mod thread;
mod vanished;

pub use conversation::ImapConversation;
pub use policy::{ImapPolicy, Peer, PlaintextLogin, Services, TlsOffer};
