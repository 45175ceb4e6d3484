//! Signing in by SASL: what every protocol that has an AUTH or AUTHENTICATE asks of the directory.

use crate::{Account, AuthError, Directory, ScramTicket};
use env::{BoxFuture, Random, Tls};
use sasl::{ChannelBinding, Failure, Mechanism, Server, Step};
use std::net::IpAddr;
use std::sync::Arc;

/// One SASL exchange with the directory's word. Dropping it is the client's cancelling, and counts as nothing.
pub struct SignIn(State);

enum State {
    /// Who it is has to be shown.
    Open(Box<Exchange>),
    /// It is shown, and the client is to acknowledge our own proof.
    Proved(Arc<Account>),
}

struct Exchange {
    directory: Arc<Directory>,
    peer: Option<IpAddr>,
    server: Server,
    /// Who it claims to be, once that is known.
    login: Option<String>,
    /// Whose keys were given out.
    ticket: Option<ScramTicket>,
}

/// Whence somebody signs in.
#[derive(Clone, Debug, Default)]
pub struct SignInFrom {
    /// Whose failures are counted, as with [`Directory::authenticate`].
    pub peer: Option<IpAddr>,
    /// What the connection can be known by: see [`channel_binding`].
    pub binding: Option<ChannelBinding>,
    /// Whether the listener offers mechanisms that use it, where there is one (RFC 5802 §6).
    pub plus_offered: bool,
}

/// What comes next.
pub enum SignInStep {
    /// Send it, then give the answer to [`SignIn::respond`].
    Challenge(SignIn, Vec<u8>),
    /// Poll it: it gives the next step, and may be dropped.
    Working(BoxFuture<'static, SignInStep>),
    /// The client is who it says.
    Done {
        /// Who.
        account: Arc<Account>,
        /// The proof that we know the account, too. It goes out with the success, or before it: see
        /// [`SignInStep::last_as_challenge`].
        last: Option<Vec<u8>>,
    },
    /// Signed in is nobody.
    Refused {
        /// Why; it may be told to the peer.
        error: SignInError,
        /// Who it claimed to be, for the log.
        login: Option<String>,
    },
}

/// Why nobody is signed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignInError {
    /// No message of the mechanism.
    #[error("{0}")]
    Malformed(Failure),
    /// The mechanism failed.
    #[error("{0}")]
    Failed(Failure),
    /// The directory says no.
    #[error("{0}")]
    Auth(#[from] AuthError),
}

impl SignInError {
    /// Whether the same may succeed later (RFC 4954 §6 says 454, RFC 5530 §3 UNAVAILABLE).
    pub fn is_temporary(&self) -> bool {
        matches!(self, SignInError::Auth(AuthError::Throttled { .. } | AuthError::Busy | AuthError::Unavailable))
    }
}

impl From<Failure> for SignInError {
    fn from(failure: Failure) -> SignInError {
        if failure.is_malformed() { SignInError::Malformed(failure) } else { SignInError::Failed(failure) }
    }
}

impl SignIn {
    /// Begins by `mechanism`, with the response that came with the command, if one did.
    pub fn begin(
        directory: Arc<Directory>,
        from: SignInFrom,
        random: &dyn Random,
        mechanism: Mechanism,
        initial: Option<&[u8]>,
    ) -> SignInStep {
        let SignInFrom { peer, binding, plus_offered } = from;
        let plus_offered = plus_offered && binding.is_some();
        let mut nonce = [0; sasl::NONCE_OCTETS];
        random.fill(&mut nonce);
        let mut server = Server::new(mechanism, binding, nonce, plus_offered);
        let step = server.start(initial);
        Box::new(Exchange { directory, peer, server, login: None, ticket: None }).next(step)
    }

    /// The client's answer to the challenge.
    pub fn respond(self, response: &[u8]) -> SignInStep {
        match self.0 {
            State::Open(mut exchange) => {
                let step = exchange.server.respond(response);
                exchange.next(step)
            }
            State::Proved(account) if response.is_empty() => SignInStep::Done { account, last: None },
            State::Proved(account) => SignInStep::Refused {
                error: Failure::Malformed("the last response is empty").into(),
                login: Some(account.address.to_string()),
            },
        }
    }
}

impl SignInStep {
    /// For protocols whose success carries no data (IMAP, POP3): our own proof goes out as one more challenge, which the
    /// client answers with an empty response (RFC 4422 §4). To be applied to every step, also to what `Working` gives.
    #[must_use]
    pub fn last_as_challenge(self) -> SignInStep {
        match self {
            SignInStep::Done { account, last: Some(last) } => {
                SignInStep::Challenge(SignIn(State::Proved(account)), last)
            }
            other => other,
        }
    }
}

impl Exchange {
    fn next(mut self: Box<Self>, step: Step) -> SignInStep {
        match step {
            Step::Challenge(challenge) => SignInStep::Challenge(SignIn(State::Open(self)), challenge),
            Step::WantsKeys { login } => SignInStep::Working(Box::pin(self.give_keys(login))),
            Step::WantsPassword { login, password } => {
                let Exchange { directory, peer, .. } = *self;
                SignInStep::Working(Box::pin(async move {
                    match directory.authenticate(&login, password.expose(), peer).await {
                        Ok(account) => SignInStep::Done { account, last: None },
                        Err(error) => SignInStep::Refused { error: error.into(), login: Some(login) },
                    }
                }))
            }
            Step::Done { last, .. } => match self.finished(true) {
                Ok(account) => SignInStep::Done { account, last },
                Err(error) => self.refused(error),
            },
            Step::Failed(failure) => {
                // It is rejected either way; what counts is that it is counted.
                drop(self.finished(false));
                self.refused(failure)
            }
        }
    }

    /// Ends the log-in by SCRAM, if there is one.
    fn finished(&mut self, right: bool) -> Result<Arc<Account>, AuthError> {
        let ticket = self.ticket.take().ok_or(AuthError::Rejected)?;
        self.directory.scram_finished(ticket, right)
    }

    async fn give_keys(mut self: Box<Self>, login: String) -> SignInStep {
        let Some(hash) = self.server.mechanism().scram() else { return self.refused(AuthError::Rejected) };
        let ticket = self.directory.scram_keys(&login, hash, self.peer).await;
        self.login = Some(login);
        match ticket {
            Ok(ticket) => {
                let step = self.server.keys(ticket.keys().clone());
                self.ticket = Some(ticket);
                self.next(step)
            }
            Err(error) => self.refused(error),
        }
    }

    fn refused(self, error: impl Into<SignInError>) -> SignInStep {
        SignInStep::Refused { error: error.into(), login: self.login }
    }
}

/// What an exchange on this connection can be bound to.
pub fn channel_binding(tls: &Tls) -> Option<ChannelBinding> {
    let exporter = tls.exporter.map(|octets| octets.to_vec());
    let binding = ChannelBinding { exporter, server_end_point: tls.server_end_point.clone() };
    (!binding.is_empty()).then_some(binding)
}

impl Directory {
    /// The mechanisms that may be offered to everybody, the strongest first.
    ///
    /// SCRAM only where every account can: a client takes the best mechanism, and one that its account lacks would lock it
    /// out. Those that `bind` to the TLS connection only where it is wished: mutt and neomutt (GNU SASL) choose them, cannot
    /// bind to TLS 1.3, and try no other.
    pub fn mechanisms(&self, bind: bool) -> Vec<Mechanism> {
        let possible = |mechanism: &Mechanism| {
            mechanism.scram().is_none_or(|hash| self.all_have_scram(hash)) && (bind || !mechanism.wants_binding())
        };
        Mechanism::ALL.into_iter().filter(possible).collect()
    }
}

#[cfg(test)]
mod tests;
