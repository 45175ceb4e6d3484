//! Who the client is: SASL over the session's AUTH, with the directory's word (RFC 4954).

use super::{Done, SmtpConversation};
use crate::metrics;
use ::smtp::{Auth, Reply};
use directory::{SignIn, SignInError, SignInFrom, SignInStep};
use futures_util::FutureExt;
use model::Moment;
use sasl::{Failure, Mechanism};

impl SmtpConversation {
    /// AUTH: begins an exchange.
    pub(super) fn begin_sign_in(&mut self, mechanism: &str, initial: Option<&[u8]>, now: Moment) {
        let Ok(mechanism) = mechanism.parse::<Mechanism>() else {
            return self.session.refuse(Reply::new(504, (5, 5, 4), "this mechanism is not supported"), now);
        };
        let from = SignInFrom {
            peer: self.peer.address,
            binding: self.tls.as_ref().and_then(directory::channel_binding),
            plus_offered: matches!(&self.policy.session.auth, Auth::Offered { mechanisms, .. } if mechanisms.iter().any(|name| name.ends_with("-PLUS"))),
        };
        let step = SignIn::begin(self.post.directory.clone(), from, &*self.random, mechanism, initial);
        self.step(step, now);
    }

    /// The client's answer to a challenge.
    pub(super) fn go_on_signing_in(&mut self, response: &[u8], now: Moment) {
        match self.sign_in.take() {
            Some(sign_in) => self.step(sign_in.respond(response), now),
            None => self.refuse_sign_in(Failure::Malformed("out of order").into(), now),
        }
    }

    pub(super) fn step(&mut self, step: SignInStep, now: Moment) {
        match step {
            SignInStep::Challenge(sign_in, challenge) => {
                self.sign_in = Some(sign_in);
                self.session.challenge(&challenge, now);
            }
            SignInStep::Working(work) => self.work = Some(work.map(Done::SignIn).boxed()),
            SignInStep::Done { account, last } => {
                self.session.authenticated(account.address.to_string(), last, now);
                self.account = Some(account);
                metrics::login("submission", None);
                self.log_sign_in("accepted");
            }
            SignInStep::Refused { error, .. } => self.refuse_sign_in(error, now),
        }
    }

    fn refuse_sign_in(&mut self, error: SignInError, now: Moment) {
        metrics::login("submission", Some(&error));
        let (code, status) = match error {
            SignInError::Malformed(_) => (501, (5, 5, 2)),
            error if error.is_temporary() => (454, (4, 7, 0)),
            SignInError::Failed(_) | SignInError::Auth(_) => (535, (5, 7, 8)),
        };
        self.session.refuse(Reply::new(code, status, error.to_string()), now);
        self.log_sign_in("refused");
    }

    fn log_sign_in(&self, outcome: &'static str) {
        let account = self.account.as_ref().map_or_else(|| "-".to_owned(), |account| account.address.to_string());
        let address = self.peer.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
        tracing::info!(event = "login.tried", session_id = self.peer.session_id, %address, %account, outcome);
    }
}
