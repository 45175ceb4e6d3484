//! What a client is told when something was not done.

use directory::{AuthError, SignInError};
use mailstore::Error;
use pop3::{Answer, Code, Text};
use sasl::Failure;

/// The mail store did not do it (RFC 3206 §4). What an operator must know goes to the log, not to the client.
pub(crate) fn store(error: &Error) -> Answer {
    match error {
        error if error.is_disk_full() => {
            tracing::warn!(event = "command.failed", cause = %error);
            Answer::err(Text::DiskFull).code(Code::SysTemp)
        }
        error if is_damage(error) => {
            tracing::error!(event = "mail.damaged", cause = %error);
            Answer::err(Text::StoreAway).code(Code::SysPerm)
        }
        error => {
            tracing::warn!(event = "command.failed", cause = %error);
            Answer::err(Text::StoreAway).code(Code::SysTemp)
        }
    }
}

/// Whether what is stored is wrong, so that nobody has to try again.
pub(crate) fn is_damage(error: &Error) -> bool {
    error.is_damage()
}

/// Nobody is logged in. AUTH says that other credentials may help, SYS/TEMP that the same may later (RFC 3206 §4, §5).
pub(crate) fn sign_in(error: &SignInError) -> Answer {
    match error {
        SignInError::Auth(AuthError::Rejected) | SignInError::Failed(Failure::Rejected) => {
            Answer::err(Text::LoginWrong).code(Code::Auth)
        }
        SignInError::Auth(AuthError::Throttled { until }) => {
            Answer::err(Text::Throttled(until.rfc5322())).code(Code::SysTemp)
        }
        SignInError::Auth(AuthError::Busy) => Answer::err(Text::LoginsBusy).code(Code::SysTemp),
        SignInError::Auth(AuthError::Unavailable) => Answer::err(Text::StoreAway).code(Code::SysTemp),
        SignInError::Failed(Failure::OtherIdentity) => Answer::err(Text::NotYourself).code(Code::Auth),
        SignInError::Failed(_) => Answer::err(Text::BindingFailed).code(Code::Auth),
        SignInError::Malformed(_) => Answer::err(Text::AuthMalformed),
    }
}
