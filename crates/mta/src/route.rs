//! To whom a forward path leads, and what is said when it leads nowhere.

use ::smtp::Reply;
use directory::{DemoFault, Directory, Resolution, Target};
use model::ForwardPath;
use std::sync::Arc;
use std::time::Duration;

/// What to do about a recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Route {
    /// Deliver to these accounts.
    Local(Vec<Arc<directory::Account>>),
    /// Refuse.
    Refuse(Reply),
    /// The demo: think about it for so long, then go on as `Route::Local`.
    Slow(Duration, Vec<Arc<directory::Account>>),
}

/// A recipient that was accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipient {
    /// As the client wrote it.
    pub path: ForwardPath,
    /// Whose mail it becomes; at least one.
    pub accounts: Vec<Arc<directory::Account>>,
}

/// How long the demo's `slow@…` lets a client wait.
const SLOW: Duration = Duration::from_secs(10);

/// Routes `path`. Nothing is relayed: whatever is not local is refused (RFC 5321 §3.6.1, RFC 3463 X.7.1).
pub fn route(directory: &Directory, path: &ForwardPath) -> Route {
    let refuse = |code, enhanced, text: String| Route::Refuse(Reply::new(code, enhanced, text));
    match directory.resolve(path) {
        Resolution::Deliver(targets) => {
            let account = |target| match target {
                Target::Account { account, .. } => Some(account),
                Target::Foreign(_) => None,
            };
            let accounts: Option<Vec<_>> = targets.into_iter().map(account).collect();
            let refused = || refuse(550, (5, 7, 1), format!("{path} is forwarded, and this server does not relay"));
            accounts.map_or_else(refused, Route::Local)
        }
        Resolution::UnknownUser => refuse(550, (5, 1, 1), format!("there is no mailbox {path} here")),
        Resolution::NotLocal => refuse(550, (5, 7, 1), format!("this server does not relay: {path} is not local")),
        Resolution::Fault(DemoFault::Temporary) => {
            refuse(451, (4, 3, 0), "this address always fails for now, on purpose".into())
        }
        Resolution::Fault(DemoFault::Permanent) => {
            refuse(550, (5, 3, 0), "this address always refuses, on purpose".into())
        }
        Resolution::Slow(accounts) => Route::Slow(SLOW, accounts),
    }
}
