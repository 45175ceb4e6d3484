//! The server's side of an exchange.

mod scram;

use crate::mechanism::Mechanism;
use crate::{ChannelBinding, Failure, LOGIN_OCTETS_MAX, ScramKeys, Secret, prepare};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use scram::Exchange;

/// RFC 4954 §4: a decoded message of that length still fits the longest line.
pub const MESSAGE_OCTETS_MAX: usize = 12_288;
/// In base64 24 characters; RFC 5802 §5.1 wants it different for each exchange.
pub const NONCE_OCTETS: usize = 18;

/// One exchange. It is over once a step says `WantsPassword`, `Done` or `Failed`.
///
/// That the client may cancel with `*`, and base64, are the protocol's business.
pub struct Server {
    mechanism: Mechanism,
    state: State,
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// Send this and give the answer to [`Server::respond`].
    Challenge(Vec<u8>),
    /// Look up the keys and give them to [`Server::keys`]; for an unknown login, made-up ones.
    WantsKeys {
        /// Who it claims to be.
        login: String,
    },
    /// Verify them; that is all.
    WantsPassword {
        /// Who it claims to be.
        login: String,
        /// How it wants to prove that.
        password: Secret,
    },
    /// The client has proved to know the password.
    Done {
        /// Who it is.
        login: String,
        /// The proof that we know it too, for the client to see. Where a protocol's success carries no data (SMTP, IMAP, POP3),
        /// it goes out as one more challenge, which the client answers with an empty message (RFC 4422 §4).
        last: Option<Vec<u8>>,
    },
    /// Signed in is nobody.
    Failed(Failure),
}

enum State {
    /// Nothing came yet.
    Fresh(Option<Box<Exchange>>),
    /// LOGIN asked for the password.
    Password {
        login: String,
    },
    /// SCRAM goes on.
    Scram(Box<Exchange>),
    Ended,
}

impl Server {
    /// An exchange by `mechanism`, on a connection that can be bound by `binding`. `plus_offered` says whether this client was
    /// offered channel binding. `nonce` is random.
    pub fn new(
        mechanism: Mechanism,
        binding: Option<ChannelBinding>,
        nonce: [u8; NONCE_OCTETS],
        plus_offered: bool,
    ) -> Server {
        Server::with_nonce(mechanism, binding, STANDARD.encode(nonce), plus_offered)
    }

    pub(crate) fn with_nonce(
        mechanism: Mechanism,
        binding: Option<ChannelBinding>,
        nonce: String,
        plus_offered: bool,
    ) -> Server {
        let exchange =
            mechanism.scram().map(|hash| Box::new(Exchange::new(mechanism, hash, binding, nonce, plus_offered)));
        Server { mechanism, state: State::Fresh(exchange) }
    }

    /// By which it goes.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Begins, with the response that came with the command, if one did.
    pub fn start(&mut self, initial: Option<&[u8]>) -> Step {
        match (initial, self.mechanism) {
            (Some(message), _) => self.respond(message),
            (None, Mechanism::Login) => Step::Challenge(b"Username:".to_vec()),
            // RFC 4422 §5: where the client speaks first, the first challenge is empty.
            (None, _) => Step::Challenge(Vec::new()),
        }
    }

    /// The client's next message.
    pub fn respond(&mut self, message: &[u8]) -> Step {
        self.next(message).unwrap_or_else(|failure| self.fail(failure))
    }

    /// The keys that `WantsKeys` asked for.
    pub fn keys(&mut self, keys: ScramKeys) -> Step {
        let challenge = match &mut self.state {
            State::Scram(exchange) => exchange.challenge(keys),
            _ => Err(Failure::Malformed("out of order")),
        };
        challenge.map_or_else(|failure| self.fail(failure), Step::Challenge)
    }

    fn fail(&mut self, failure: Failure) -> Step {
        self.state = State::Ended;
        Step::Failed(failure)
    }

    fn next(&mut self, message: &[u8]) -> Result<Step, Failure> {
        if message.len() > MESSAGE_OCTETS_MAX {
            return Err(Failure::TooLong);
        }
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Fresh(Some(mut exchange)) => {
                let login = exchange.begin(message)?;
                self.state = State::Scram(exchange);
                Ok(Step::WantsKeys { login })
            }
            State::Fresh(None) if self.mechanism == Mechanism::Login => {
                let login = prepare::login(utf8(message)?)?;
                self.state = State::Password { login };
                Ok(Step::Challenge(b"Password:".to_vec()))
            }
            State::Fresh(None) => plain(message),
            State::Password { login } => wants_password(login, message),
            State::Scram(exchange) => {
                let (login, last) = exchange.finish(message)?;
                Ok(Step::Done { login, last: Some(last) })
            }
            State::Ended => Err(Failure::Malformed("out of order")),
        }
    }
}

/// RFC 4616 §2.
fn plain(message: &[u8]) -> Result<Step, Failure> {
    let mut parts = message.split(|&octet| octet == 0);
    let (Some(authzid), Some(login), Some(password), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Failure::Malformed("PLAIN has two NULs"));
    };
    let login = prepare::login(utf8(login)?)?;
    own_identity(utf8(authzid)?, &login)?;
    wants_password(login, password)
}

fn wants_password(login: String, password: &[u8]) -> Result<Step, Failure> {
    // RFC 4616 §2: an empty password is never right, whatever the directory has.
    if password.is_empty() {
        return Err(Failure::Rejected);
    }
    Ok(Step::WantsPassword { login, password: Secret::new(password.to_vec()) })
}

/// Nobody acts for others yet.
fn own_identity(authzid: &str, login: &str) -> Result<(), Failure> {
    if authzid.is_empty() || prepare::login(authzid)? == login { Ok(()) } else { Err(Failure::OtherIdentity) }
}

fn utf8(octets: &[u8]) -> Result<&str, Failure> {
    if octets.len() > LOGIN_OCTETS_MAX {
        return Err(Failure::TooLong);
    }
    std::str::from_utf8(octets).map_err(|_| Failure::Malformed("not UTF-8"))
}

#[cfg(test)]
mod tests;
