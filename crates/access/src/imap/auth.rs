//! LOGIN (RFC 9051 §6.2.3) and AUTHENTICATE PLAIN (RFC 9051 §6.2.2, RFC 4616).

use super::capability;
use super::client::{Client, User};
use super::failure;
use super::policy::Services;
use directory::AuthError;
use imap::{Answer, Code, Secret};
use std::net::IpAddr;

/// Who wants to log in.
pub(crate) struct Attempt {
    login: String,
    password: Secret,
}

/// Whence.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub address: Option<IpAddr>,
    pub session_id: u64,
}

impl Attempt {
    pub fn new(login: String, password: Secret) -> Attempt {
        Attempt { login, password }
    }
}

/// Reads `authzid NUL authcid NUL passwd` (RFC 4616 §2). Nobody may act as somebody else.
pub(crate) fn plain(message: &Secret) -> Result<Attempt, Answer<'static>> {
    let mut fields = message.expose().split(|&octet| octet == 0);
    let text = |field: Option<&[u8]>| field.and_then(|field| String::from_utf8(field.to_vec()).ok());
    let (authzid, authcid, password) = (text(fields.next()), text(fields.next()), fields.next());
    let (Some(authzid), Some(login), Some(password), None) = (authzid, authcid, password, fields.next()) else {
        return Err(Answer::bad("AUTHENTICATE PLAIN: expected authzid NUL authcid NUL password"));
    };
    if !authzid.is_empty() && authzid != login {
        return Err(Answer::no("you may only log in as yourself").code(Code::AuthorizationFailed));
    }
    Ok(Attempt::new(login, Secret::new(password.to_vec())))
}

/// Checks the password and opens the account. Failures are slowed down by the directory.
pub(crate) async fn log_in(
    services: &Services,
    client: &mut Client,
    attempt: Attempt,
    from: Origin,
) -> Answer<'static> {
    let Attempt { login, password } = attempt;
    let found = services.directory.authenticate(&login, password.expose(), from.address).await;
    let user = match found {
        Ok(user) => user,
        Err(error) => {
            let address = from.address.map(|ip| ip.to_string());
            tracing::info!(
                event = "login.failed",
                protocol = "imap",
                session_id = from.session_id,
                ip = address.as_deref(),
                login,
                reason = %error,
            );
            return refused(error);
        }
    };
    match services.mailstore.account(user.id).await {
        Ok(account) => {
            client.user = Some(User { login: user, account });
            Answer::ok("logged in").code(Code::Capability(capability::LOGGED_IN))
        }
        Err(error) => failure::no(&error),
    }
}

fn refused(error: AuthError) -> Answer<'static> {
    let code = match error {
        AuthError::Rejected => Code::AuthenticationFailed,
        AuthError::Throttled { .. } | AuthError::Busy => Code::Unavailable,
    };
    Answer::no(error.to_string()).code(code)
}
