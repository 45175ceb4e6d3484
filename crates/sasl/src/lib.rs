//! SASL (RFC 4422) without sockets: the messages of PLAIN, LOGIN and SCRAM, from both sides.
//!
//! It does not know accounts, base64 of the protocols around it, or where randomness comes from: keys and verdicts are answers
//! to a [`Step`], and the nonce is an argument. No password prints, and none stays in memory that was given to it.
//!
//! | module | nouns |
//! |---|---|
//! | `mechanism` | `Mechanism`, `ScramHash` |
//! | `server` | `Server`, `Step`: who is this? |
//! | `client` | `Client`, `choose`: this is who we are |
//! | `keys` | `ScramKeys`: what is stored of a password |
//! | `binding` | `ChannelBinding`: what ties an exchange to its TLS connection |
//! | `failure` | `Failure`, `ClientError` |
//! | `prepare`, `scram` | SASLprep, SCRAM's messages |
//!
//! ```
//! use sasl::{Client, Mechanism, ScramHash, ScramKeys, Server, Step};
//! let keys = ScramKeys::derive(ScramHash::Sha256, b"pencil", b"a random salt", 4096).unwrap();
//! let mut client = Client::new(Mechanism::ScramSha256, "anna", b"pencil", None, [1; 18]).unwrap();
//! let mut server = Server::new(Mechanism::ScramSha256, None, [2; 18], false);
//! assert!(matches!(server.start(client.initial().as_deref()), Step::WantsKeys { login } if login == "anna"));
//! let Step::Challenge(challenge) = server.keys(keys) else { panic!() };
//! let Step::Done { last: Some(last), .. } = server.respond(&client.respond(&challenge).unwrap()) else { panic!() };
//! client.respond(&last).unwrap();
//! assert!(client.succeeded());
//! ```

mod binding;
mod client;
mod failure;
mod keys;
mod mechanism;
mod prepare;
mod scram;
mod server;

pub use binding::ChannelBinding;
pub use client::{Client, choose};
pub use failure::{ClientError, Failure};
pub use keys::{ITERATIONS_MAX, ITERATIONS_MIN, KeysError, SALT_OCTETS_MAX, ScramKeys};
pub use mechanism::{Mechanism, ScramHash, UnknownMechanism};
pub use model::Secret;
pub use prepare::{LOGIN_OCTETS_MAX, prepare_password};
pub use server::{MESSAGE_OCTETS_MAX, NONCE_OCTETS, Server, Step};

#[cfg(test)]
mod tests;
