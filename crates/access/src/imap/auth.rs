//! LOGIN (RFC 9051 §6.2.3) and AUTHENTICATE (RFC 9051 §6.2.2) by SASL.

use super::client::{Client, User};
use super::failure;
use super::policy::Services;
use super::running::End;
use directory::{Account, AuthError, SignInError, SignInStep};
use imap::{Answer, Code, Secret};
use sasl::Failure;
use std::net::IpAddr;
use std::sync::Arc;

/// Where a log-in happens.
pub(crate) struct Desk {
    pub services: Arc<Services>,
    pub address: Option<IpAddr>,
    pub session_id: u64,
    /// What is told to who is in.
    pub capabilities: String,
}

impl Desk {
    /// LOGIN. Failures are slowed down by the directory.
    pub async fn log_in(self, client: &mut Client, login: String, password: Secret) -> End {
        match self.services.directory.authenticate(&login, password.expose(), self.address).await {
            Ok(account) => self.enter(client, account).await,
            Err(error) => self.refuse(error.into(), Some(&login)),
        }
    }

    /// Goes on with AUTHENTICATE until the client has to say something, or it is over.
    pub async fn sign_in(self, client: &mut Client, mut step: SignInStep) -> End {
        loop {
            step = match step.last_as_challenge() {
                SignInStep::Working(work) => work.await,
                SignInStep::Challenge(sign_in, challenge) => return End::Challenge(sign_in, challenge),
                SignInStep::Done { account, .. } => return self.enter(client, account).await,
                SignInStep::Refused { error, login } => return self.refuse(error, login.as_deref()),
            };
        }
    }

    async fn enter(self, client: &mut Client, login: Arc<Account>) -> End {
        End::Finish(match self.services.mailstore.account(login.id).await {
            Ok(account) => {
                client.user = Some(User { login, account });
                mta::metrics::login("imap", None);
                Answer::ok("logged in").code(Code::Capability(self.capabilities.into()))
            }
            Err(error) => failure::no(&error),
        })
    }

    fn refuse(&self, error: SignInError, login: Option<&str>) -> End {
        mta::metrics::login("imap", Some(&error));
        let address = self.address.map(|ip| ip.to_string());
        tracing::info!(
            event = "login.failed",
            protocol = "imap",
            session_id = self.session_id,
            ip = address.as_deref(),
            login,
            reason = %error,
        );
        End::Finish(refused(error))
    }
}

fn refused(error: SignInError) -> Answer<'static> {
    let code = match error {
        SignInError::Malformed(failure) => return Answer::bad(format!("AUTHENTICATE: {failure}")),
        SignInError::Failed(Failure::OtherIdentity) => Code::AuthorizationFailed,
        SignInError::Failed(_) | SignInError::Auth(AuthError::Rejected) => Code::AuthenticationFailed,
        SignInError::Auth(AuthError::Throttled { .. } | AuthError::Busy | AuthError::Unavailable) => Code::Unavailable,
    };
    Answer::no(error.to_string()).code(code)
}
