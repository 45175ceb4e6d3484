//! The running server is administered over a Unix socket in its data folder: whoever may read the folder may do everything.
//!
//! A request is one JSON object on a line; it is answered by lines of [`Answer`](protocol::Answer), the last of which ends
//! it. See [`protocol`].
//!
//! | module | what |
//! |---|---|
//! | [`protocol`] | requests and answers |
//! | [`undelete`] | what is asked and answered about what was deleted |
//! | [`people`] | a second socket, over which people ask about their own deleted mail |
//! | [`transfer`] | what is asked and answered when mail moves in or out |
//! | `import`, `export` | mail that moves in or out |
//! | [`backup`], [`check`] | everything, for a backup; everything, looked at |
//! | [`when`] | points of time in JSON |
//! | [`path`] | where the socket lies, also in deep folders |
//! | [`server`] | the socket, connections, and who answers what |
//! | [`client`] | the other end, for the command line |
//! | [`reload`] | the configuration, taken anew |
//! | `trace`, `queue`, `accounts`, `deleted`, `domains`, `aliases`, `send`, `status` | the answers, one noun each |

mod accounts;
mod aliases;
pub mod backup;
pub mod check;
pub mod client;
mod deleted;
mod domains;
mod export;
pub mod import;
pub mod path;
pub mod people;
pub mod protocol;
mod queue;
pub mod reload;
mod send;
pub mod server;
pub mod status;
mod trace;
pub mod transfer;
pub mod undelete;
pub mod when;
