//! To whom a forward path leads, and what is said when it leads nowhere.

use crate::queue::{Relay, Target};
use ::smtp::Reply;
use ::smtp::extension::RcptParams;
use directory::{DemoFault, Directory, Resolution};
use model::{Domain, ForwardPath};
use std::time::Duration;

/// What to do about a recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Route {
    /// Take the message to these.
    Accept(Vec<directory::Target>),
    /// Refuse.
    Refuse(Reply),
    /// The demo: think about it for so long, then go on as `Route::Accept`.
    Slow(Duration, Vec<directory::Target>),
}

/// Whether mail to other servers is taken from this client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relaying {
    /// It has signed in, or comes from a network that may.
    Allowed,
    /// It may be anybody (RFC 5321 §3.6.1).
    Refused,
}

/// A recipient that was accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipient {
    /// As the client wrote it.
    pub path: ForwardPath,
    /// Its wishes for reports.
    pub params: RcptParams,
    /// To whom it leads; at least one.
    pub targets: Vec<directory::Target>,
}

/// How long the demo's `slow@…` lets a client wait.
const SLOW: Duration = Duration::from_secs(10);

/// Routes `path`.
pub fn route(directory: &Directory, path: &ForwardPath, relaying: Relaying, host: &Domain) -> Route {
    let path = &own_role(directory, path, host);
    let refuse = |code, enhanced, text: String| Route::Refuse(Reply::new(code, enhanced, text));
    match (directory.resolve(path), path) {
        // In the demo every address is somebody's, yet who signs in writes to the world.
        (Resolution::Deliver(_), ForwardPath::Address(address))
            if relaying == Relaying::Allowed && !directory.is_local(address) =>
        {
            Route::Accept(vec![directory::Target::Foreign(address.clone())])
        }
        (Resolution::Deliver(targets), _) => Route::Accept(targets),
        (Resolution::UnknownUser, _) => refuse(550, (5, 1, 1), format!("there is no mailbox {path} here")),
        (Resolution::NotLocal, ForwardPath::Address(address)) if relaying == Relaying::Allowed => {
            Route::Accept(vec![directory::Target::Foreign(address.clone())])
        }
        (Resolution::NotLocal, _) => refuse(
            550,
            (5, 7, 1),
            format!("this server does not relay: {path} is not local, and you are not signed in"),
        ),
        (Resolution::Fault(DemoFault::Temporary), _) => {
            refuse(451, (4, 3, 0), "this address always fails for now, on purpose".into())
        }
        (Resolution::Fault(DemoFault::Permanent), _) => {
            refuse(550, (5, 3, 0), "this address always refuses, on purpose".into())
        }
        (Resolution::Slow(accounts), _) => {
            let target = |account| directory::Target::Account { account, detail: None };
            Route::Slow(SLOW, accounts.into_iter().map(target).collect())
        }
    }
}

/// RFC 5321 §4.5.1: the postmaster is reached at the server's own name as well, also where that is no domain of mail; so is who
/// answers a report, or complains.
fn own_role(directory: &Directory, path: &ForwardPath, host: &Domain) -> ForwardPath {
    const ROLES: [&str; 3] = ["postmaster", "abuse", "mailer-daemon"];
    match path {
        ForwardPath::Address(address)
            if address.domain == *host
                && !directory.is_local(address)
                && ROLES.iter().any(|role| address.local.as_str().eq_ignore_ascii_case(role)) =>
        {
            ForwardPath::Postmaster
        }
        path => path.clone(),
    }
}

/// Where a target lies, as the queue keeps it.
pub(crate) fn queued(target: directory::Target, reverse_path: &str, relay: &dyn Relay) -> Target {
    match target {
        directory::Target::Account { account, .. } => {
            Target::Account { account: account.id, address: account.address.to_string(), quota: account.quota }
        }
        directory::Target::Foreign(address) => Target::Remote { next_hop: relay.next_hop(reverse_path, &address) },
    }
}
