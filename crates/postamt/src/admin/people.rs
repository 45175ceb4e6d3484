//! People bring back their own mail: a second socket, over which everybody on the machine may log in.
//!
//! It takes a password in the clear, which does not leave the machine; failures are throttled by the directory, as with
//! every other log-in. Whoever is logged in may ask about what was deleted from their own account, and nothing else.

use super::protocol::{Changed, Password, Request, Trouble};
use super::server::{self, Admits, Exchange, Fault, Office};
use crate::language::both;
use directory::Account;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Everybody may connect.
const MODE: u32 = 0o666;

/// Binds the socket of the people, if there shall be one.
pub fn socket(path: Option<&Path>) -> anyhow::Result<Option<server::Socket>> {
    path.map(|path| server::Socket::bind_at(path, path, MODE, Admits::People)).transpose()
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Whoever may read the data folder: this user of the machine.
    Administrator(u32),
    /// Somebody on the machine.
    Stranger(u32),
    /// Somebody whose password was right.
    Owner(u32, Arc<Account>),
}

/// For the log.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Caller::Administrator(uid) => write!(f, "administrator, uid {uid}"),
            Caller::Stranger(uid) => write!(f, "uid {uid}"),
            Caller::Owner(uid, account) => write!(f, "{}, uid {uid}", account.address),
        }
    }
}

/// What the caller asks, if it may; `None` where it is answered already.
pub async fn admit(ask: Request, office: &Office, to: &mut Exchange) -> Result<Option<Request>, Fault> {
    match (&to.caller, ask) {
        (Caller::Administrator(_), Request::LogIn { .. }) => Err(Trouble::wrong(both!(
            "administrators need no password",
            "der Verwaltungssocket verlangt kein Passwort"
        ))
        .into()),
        (Caller::Administrator(_), ask) => Ok(Some(ask)),
        (Caller::Stranger(uid) | Caller::Owner(uid, _), Request::LogIn { login, password }) => {
            let uid = *uid;
            to.caller = Caller::Owner(uid, log_in(office, &login, &password, uid).await?);
            to.item(&Changed { changed: 0, note: None }).await?;
            Ok(None)
        }
        (Caller::Stranger(_), _) => Err(Trouble::refused(both!("log in first", "erst anmelden")).into()),
        (Caller::Owner(_, account), ask) if is_own(&ask, account, office) => Ok(Some(ask)),
        (Caller::Owner(..), _) => {
            let text = both!("only an administrator may ask this", "das darf nur die Verwaltung");
            Err(Trouble::refused(text).into())
        }
    }
}

async fn log_in(office: &Office, login: &str, password: &Password, uid: u32) -> Result<Arc<Account>, Trouble> {
    let known = office.post.directory.authenticate(login, password.0.as_bytes(), None).await;
    known.map_err(|error| {
        tracing::info!(event = "people.refused", login, uid, cause = %error);
        Trouble::refused(error)
    })
}

fn is_own(ask: &Request, account: &Account, office: &Office) -> bool {
    let address = match ask {
        Request::DeletedList { address, .. } | Request::DeletedErase { address, .. } => address,
        Request::DeletedRestore { address, over_quota: false, .. } => address,
        _ => return false,
    };
    let asked = address.parse().ok().and_then(|address| office.post.directory.account(&address));
    asked.is_some_and(|asked| asked.id == account.id)
}
