//! USER and PASS, APOP, AUTH: all of them end in one step, who it is or why not.

use super::super::failure;
use super::super::policy::{Pop3Policy, Services};
use super::super::running::Running;
use super::{Pop3Conversation, Work};
use crate::imap::life::Life;
use directory::{Account, AuthError, SignIn, SignInError, SignInFrom, SignInStep, channel_binding};
use futures_util::FutureExt;
use pop3::limits::LOGINS_FAILED_MAX;
use pop3::{Answer, Code, Secret, Text};
use sasl::Mechanism;
use std::sync::Arc;

impl Pop3Conversation {
    pub(super) fn by_password(&mut self, login: String, password: Secret) -> Work {
        let (directory, peer) = (self.services.directory.clone(), self.life.peer.address);
        Work::SignIn(
            async move { signed_in(directory.authenticate(&login, password.expose(), peer).await, &login) }.boxed(),
        )
    }

    pub(super) fn by_apop(&mut self, login: String, timestamp: String, digest: directory::ApopDigest) -> Work {
        let (directory, peer) = (self.services.directory.clone(), self.life.peer.address);
        Work::SignIn(async move { signed_in(directory.apop(&login, &timestamp, digest, peer).await, &login) }.boxed())
    }

    /// AUTH (RFC 5034 §4); alone it lists the mechanisms, as it did for clients that are older than CAPA.
    pub(super) fn by_sasl(&mut self, mechanism: Option<String>, initial: Option<Secret>) -> Work {
        let offered: Vec<_> = self.policy.mechanisms(self.tls.as_ref()).collect();
        let Some(mechanism) = mechanism else {
            let names: String = offered.iter().map(|mechanism| format!("{mechanism}\r\n")).collect();
            Answer::ok(Text::MechanismsFollow).print(self.session.language(), self.session.out());
            self.session.out().extend_from_slice(names.as_bytes());
            self.session.out().extend_from_slice(b".\r\n");
            self.session.finished();
            return Work::Rest(None);
        };
        let known = mechanism.parse::<Mechanism>().ok();
        let Some(mechanism) = known.filter(|wanted| offered.contains(wanted)) else {
            let may = self.policy.may_log_in(self.tls.as_ref());
            let text = if may || known.is_none() { Text::MechanismUnknown } else { Text::TlsFirst };
            return self.finish(None, &Answer::err(text));
        };
        let from = SignInFrom {
            peer: self.life.peer.address,
            binding: self.tls.as_ref().and_then(channel_binding),
            plus_offered: self.policy.mechanisms.iter().any(|mechanism| mechanism.wants_binding()),
        };
        let initial = initial.as_ref().map(Secret::expose);
        let directory = self.services.directory.clone();
        let step = SignIn::begin(directory, from, &*self.services.random, mechanism, initial);
        self.sign_in(step)
    }

    pub(super) fn sign_in(&mut self, step: SignInStep) -> Work {
        match step.last_as_challenge() {
            SignInStep::Challenge(exchange, challenge) => {
                self.exchange = Some(exchange);
                self.session.challenge(&challenge);
                Work::Rest(None)
            }
            SignInStep::Working(future) => Work::SignIn(future),
            SignInStep::Done { account, .. } => {
                self.life.login = Some(account.clone());
                mta::metrics::login("pop3", None);
                Work::Run(Running::open(self.services.clone(), account))
            }
            SignInStep::Refused { error, login } => self.refuse(&error, login.as_deref()),
        }
    }

    fn refuse(&mut self, error: &SignInError, login: Option<&str>) -> Work {
        mta::metrics::login("pop3", Some(error));
        let Life { peer, .. } = &self.life;
        let ip = peer.address.map(|ip| ip.to_string());
        tracing::info!(
            event = "login.failed",
            protocol = "pop3",
            session_id = peer.session_id,
            ip = ip.as_deref(),
            login,
            reason = %error,
        );
        let answer = failure::sign_in(error);
        self.logins_failed += 1;
        if self.logins_failed < LOGINS_FAILED_MAX {
            return self.finish(None, &answer);
        }
        self.life.reason = "too many failed log-ins";
        let text = if answer.code == Some(Code::Auth) { Text::TooManyLogins } else { answer.text.clone() };
        self.session.close(&Answer { text, ..answer });
        Work::Over
    }
}

fn signed_in(result: Result<Arc<Account>, AuthError>, login: &str) -> SignInStep {
    match result {
        Ok(account) => SignInStep::Done { account, last: None },
        Err(error) => SignInStep::Refused { error: error.into(), login: Some(login.to_owned()) },
    }
}

/// The greeting's timestamp: different for each connection, and not to be foreseen (RFC 1939 §7); in the form of a message's identifier.
pub(super) fn timestamp(services: &Services, policy: &Pop3Policy) -> String {
    let mut random = [0; 8];
    services.random.fill(&mut random);
    format!("<{:x}.{}@{}>", u64::from_be_bytes(random), services.clock.wall().unix_ms(), policy.host_name)
}
