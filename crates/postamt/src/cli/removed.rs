//! `postamt account removed`, `restore`, `erase`: accounts that were removed.

use super::deleted::sure;
use super::failure::Failure;
use super::people::{change, list};
use super::place::Place;
use super::text::{harmless, size};
use crate::admin::protocol::Request;
use crate::admin::undelete::RemovedItem;
use crate::language::say;
use clap::Subcommand;
use model::Address;

/// What is done with accounts that were removed.
#[derive(Subcommand, Debug)]
pub enum Former {
    /// Accounts that were removed and can be brought back.
    #[command(after_help = "Example:\n  postamt account removed")]
    Removed {
        #[command(flatten)]
        place: Place,
    },
    /// Brings a removed account back, with its password, quota and mail.
    #[command(after_help = "Example:\n  postamt account restore carla@example.org")]
    Restore {
        /// The account's address.
        address: Address,
        #[command(flatten)]
        place: Place,
    },
    /// Ends a removed account and its mail for good, before its time; it asks first. Whoever gets the address is new.
    #[command(after_help = "Examples:\n  postamt account erase carla@example.org\n  \
                            postamt account erase carla@example.org --yes")]
    Erase {
        /// The account's address.
        address: Address,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        place: Place,
    },
}

pub fn run(former: &Former) -> Result<(), Failure> {
    match former {
        Former::Removed { place } => list(place, Request::AccountRemoved {}, none, heading, row),
        Former::Restore { address, place } => {
            let ask = Request::AccountRestore { address: address.to_string() };
            let done = say!("{address} is there again, with its mail", "{address} ist wieder da, mit seiner Mail");
            change(place, ask, &done, None)
        }
        Former::Erase { address, yes, place } => {
            if !yes {
                sure(&say!(
                    "Erase the account {address} and its mail for good? [y/N] ",
                    "Das Konto {address} und seine Mail endgültig löschen? [j/N] "
                ))?;
            }
            let ask = Request::AccountErase { address: address.to_string() };
            let done =
                say!("{address} and its mail are erased for good", "{address} und seine Mail sind endgültig gelöscht");
            change(place, ask, &done, None)
        }
    }
}

fn none() -> String {
    say!("no account was removed, or the time of all is over", "kein Konto wurde entfernt, oder die Zeit aller ist um")
}

fn heading() -> Vec<String> {
    vec![
        say!("ADDRESS", "ADRESSE"),
        say!("REMOVED", "ENTFERNT"),
        say!(">MESSAGES", ">NACHRICHTEN"),
        say!(">SIZE", ">GRÖSSE"),
        say!("KEPT UNTIL", "BIS"),
    ]
}

fn row(item: &RemovedItem) -> Vec<String> {
    let (removed, until) = (item.removed.short(), item.kept_until.short());
    vec![harmless(&item.address), removed, item.messages.to_string(), size(item.used_octets), until]
}
