//! Who the client is: SASL over the session's AUTH, with the directory's word (RFC 4954).

use super::{Done, SmtpConversation};
use ::smtp::{Auth, Reply};
use directory::{AuthError, ScramTicket};
use futures_util::FutureExt;
use model::Moment;
use sasl::{Failure, Mechanism, ScramHash, Server, Step};

/// An exchange under way.
pub(super) struct SignIn {
    server: Server,
    /// Whose keys were given out.
    ticket: Option<ScramTicket>,
}

impl SmtpConversation {
    /// AUTH: begins an exchange.
    pub(super) fn begin_sign_in(&mut self, mechanism: &str, initial: Option<&[u8]>, now: Moment) {
        let Ok(mechanism) = mechanism.parse::<Mechanism>() else {
            return self.session.refuse(Reply::new(504, (5, 5, 4), "this mechanism is not supported"), now);
        };
        let binding = self.tls.as_ref().and_then(crate::transport::binding);
        let plus_offered = binding.is_some()
            && matches!(&self.policy.session.auth, Auth::Offered { mechanisms, .. } if mechanisms.iter().any(|name| name.ends_with("-PLUS")));
        let mut nonce = [0; sasl::NONCE_OCTETS];
        self.random.fill(&mut nonce);
        let mut server = Server::new(mechanism, binding, nonce, plus_offered);
        let step = server.start(initial);
        self.sign_in = Some(Box::new(SignIn { server, ticket: None }));
        self.step(step, now);
    }

    /// The client's answer to a challenge.
    pub(super) fn go_on_signing_in(&mut self, response: &[u8], now: Moment) {
        let step = match &mut self.sign_in {
            Some(sign_in) => sign_in.server.respond(response),
            None => Step::Failed(Failure::Malformed("out of order")),
        };
        self.step(step, now);
    }

    fn step(&mut self, step: Step, now: Moment) {
        let directory = self.post.directory.clone();
        let peer = self.peer.address;
        match step {
            Step::Challenge(challenge) => self.session.challenge(&challenge, now),
            Step::WantsKeys { login } => {
                let keys = async move {
                    let ticket = directory.scram_keys(&login, ScramHash::Sha256, peer).await;
                    Done::Keys(ticket.map(Box::new))
                };
                self.work = Some(keys.boxed());
            }
            Step::WantsPassword { login, password } => {
                let verify =
                    async move { Done::SignedIn(directory.authenticate(&login, password.expose(), peer).await, None) };
                self.work = Some(verify.boxed());
            }
            Step::Done { last, .. } => {
                let ticket = self.sign_in.take().and_then(|sign_in| sign_in.ticket);
                let account = ticket.map_or(Err(AuthError::Rejected), |ticket| directory.scram_finished(ticket, true));
                self.signed_in(account, last, now);
            }
            Step::Failed(failure) => {
                let ticket = self.sign_in.take().and_then(|sign_in| sign_in.ticket);
                if let Some(ticket) = ticket {
                    // It is rejected either way; what counts is that it is counted.
                    drop(directory.scram_finished(ticket, false));
                }
                self.session.refuse(failed(failure), now);
                self.log_sign_in("refused");
            }
        }
    }

    /// The directory has given keys, or says why not.
    pub(super) fn keys(&mut self, ticket: Result<Box<ScramTicket>, AuthError>, now: Moment) {
        match (ticket, &mut self.sign_in) {
            (Ok(ticket), Some(sign_in)) => {
                let step = sign_in.server.keys(ticket.keys().clone());
                sign_in.ticket = Some(*ticket);
                self.step(step, now);
            }
            (Ok(_), None) => self.session.refuse(Reply::local_error("the exchange is lost"), now),
            (Err(error), _) => self.signed_in(Err(error), None, now),
        }
    }

    /// The exchange is over.
    pub(super) fn signed_in(
        &mut self,
        account: Result<std::sync::Arc<directory::Account>, AuthError>,
        last: Option<Vec<u8>>,
        now: Moment,
    ) {
        self.sign_in = None;
        match account {
            Ok(account) => {
                self.session.authenticated(account.address.to_string(), last, now);
                self.account = Some(account);
                self.log_sign_in("accepted");
            }
            Err(error) => {
                self.session.refuse(refused(&error), now);
                self.log_sign_in("refused");
            }
        }
    }

    fn log_sign_in(&self, outcome: &'static str) {
        let account = self.account.as_ref().map_or_else(|| "-".to_owned(), |account| account.address.to_string());
        let address = self.peer.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
        tracing::info!(event = "login.tried", session_id = self.peer.session_id, %address, %account, outcome);
    }
}

fn failed(failure: Failure) -> Reply {
    match failure {
        failure if failure.is_malformed() => Reply::new(501, (5, 5, 2), failure.to_string()),
        failure => Reply::new(535, (5, 7, 8), failure.to_string()),
    }
}

fn refused(error: &AuthError) -> Reply {
    match error {
        AuthError::Rejected => Reply::new(535, (5, 7, 8), error.to_string()),
        AuthError::Throttled { .. } | AuthError::Busy => Reply::new(454, (4, 7, 0), error.to_string()),
    }
}
