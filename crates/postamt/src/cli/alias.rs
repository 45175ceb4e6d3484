//! `postamt alias`: addresses that stand for others.

use super::failure::Failure;
use super::people::{change, declared, list};
use super::place::Place;
use super::text::harmless;
use crate::admin::protocol::{AliasItem, Request};
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
        /// Its address.
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
        /// Its address.
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
        Alias::List { place } => list(place, Request::AliasList {}, ("alias", HEADING), row),
        Alias::Add { address, targets, place } => {
            let ask = Request::AliasAdd { address: address.to_string(), targets: texts(targets) };
            change(place, ask, &format!("mail to {address} goes there from now on"), None)
        }
        Alias::Remove { address, targets, place } => {
            let ask = Request::AliasRemove { address: address.to_string(), targets: texts(targets) };
            change(place, ask, &format!("mail to {address} goes there no longer"), None)
        }
    }
}

const HEADING: &[&str] = &["ALIAS", "TARGETS"];

fn row(item: &AliasItem) -> Vec<String> {
    vec![harmless(&item.address), harmless(&format!("{}{}", item.targets.join(", "), declared(item.declared)))]
}
