//! Mail from another server, by IMAP or POP3.
//!
//! The command line does it: it has the password, and its owner sees how it goes; the running server only stores. A message is
//! known by what its server calls it (UIDVALIDITY and UID, or UIDL), which ours keeps with the message in one commit: what came
//! once is not even asked for again. Nothing changes there unless `--delete` says so.
//!
//! | module | what |
//! |---|---|
//! | [`remote`] | `imaps://anna@mail.example.org` |
//! | [`link`] | a connection, with TLS |
//! | [`login`] | signing in |
//! | [`imap`], [`pop3`] | the protocols |

pub mod imap;
pub mod link;
pub mod login;
pub mod pop3;
pub mod remote;

use crate::admin::client::{Client, ClientError};
use crate::admin::protocol::Request;
use crate::admin::transfer::{KnownItem, Source};
use crate::import::uplink::Uplink;
use crate::language::{say, told};
use remote::Remote;

/// Sources asked about at once: a third of a request.
const SOURCES_AT_ONCE: usize = 5000;

fn unproven() -> String {
    say!(
        "the server has not shown that it knows the password",
        "der Server hat nicht nachgewiesen, dass er das Passwort kennt"
    )
}

/// Why a message is not even asked for.
fn too_large(octets: u64, octets_max: u64) -> String {
    say!(
        "it has {octets} octets; our server takes at most {octets_max}",
        "sie hat {octets} Byte; unser Server nimmt höchstens {octets_max} an"
    )
}

/// What is done with messages at the other server once they are here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Afterwards {
    /// They stay.
    Keep,
    /// They are deleted.
    Delete,
}

/// Where messages come from and go to.
pub struct Errand<'a> {
    pub remote: &'a Remote,
    pub account: String,
    pub afterwards: Afterwards,
    /// The longest message that our server takes.
    pub octets_max: u64,
    /// Answers which sources are known.
    pub known: Client,
    pub uplink: Uplink,
}

impl Errand<'_> {
    /// Which sources messages came from before.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn known(&mut self, sources: &[Source]) -> Result<Vec<bool>, String> {
        let mut known = Vec::with_capacity(sources.len());
        for sources in sources.chunks(SOURCES_AT_ONCE) {
            let ask = Request::SourcesKnown { address: self.account.clone(), sources: sources.to_vec() };
            let item: Result<KnownItem, ClientError> = self.known.one(ask);
            known.extend(item.map_err(|error| told(&error))?.known);
        }
        Ok(known)
    }
}
