//! `postamt alias`: addresses that stand for others.

use super::failure::Failure;
use super::people::{change, declared, list};
use super::place::Place;
use super::text::harmless;
use crate::admin::protocol::{AliasItem, Request};
use crate::language::say;
use clap::Subcommand;
use model::Address;

/// What is done with aliases.
#[derive(Subcommand, Debug)]
pub enum Alias {
    /// All aliases.
    #[command(after_help = "Example:\n  postamt alias list")]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Adds targets to an alias, which is made where there is none.
    #[command(after_help = "Example:\n  postamt alias add sales@example.org anna@example.org ben@example.net")]
    Add {
        /// The alias's address.
        address: Address,
        /// Where its mail goes, here or elsewhere.
        #[arg(required = true)]
        targets: Vec<Address>,
        #[command(flatten)]
        place: Place,
    },
    /// Takes targets from an alias, or all of them.
    #[command(after_help = "Example:\n  postamt alias remove sales@example.org ben@example.net")]
    Remove {
        /// The alias's address.
        address: Address,
        /// Where its mail goes no longer; none: there is no alias any more.
        targets: Vec<Address>,
        #[command(flatten)]
        place: Place,
    },
}

pub fn run(alias: &Alias) -> Result<(), Failure> {
    let texts = |targets: &[Address]| targets.iter().map(ToString::to_string).collect();
    match alias {
        Alias::List { place } => list(place, Request::AliasList {}, none, heading, row),
        Alias::Add { address, targets, place } => {
            let ask = Request::AliasAdd { address: address.to_string(), targets: texts(targets) };
            let done = say!("mail to {address} goes there from now on", "Mail an {address} geht ab jetzt dorthin");
            change(place, ask, &done, None)
        }
        Alias::Remove { address, targets, place } => {
            let ask = Request::AliasRemove { address: address.to_string(), targets: texts(targets) };
            let done = say!("mail to {address} goes there no longer", "Mail an {address} geht nicht mehr dorthin");
            change(place, ask, &done, None)
        }
    }
}

fn none() -> String {
    say!(
        "there is no alias yet; see: postamt alias add --help",
        "es gibt noch keinen Alias; siehe: postamt alias add --help"
    )
}

fn heading() -> Vec<String> {
    vec!["ALIAS".into(), say!("TARGETS", "ZIELE")]
}

fn row(item: &AliasItem) -> Vec<String> {
    vec![harmless(&item.address), harmless(&format!("{}{}", item.targets.join(", "), declared(item.declared)))]
}
