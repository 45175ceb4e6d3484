//! `postamt store`: is everything in the data folder as it should be?

mod check;
mod repair;
mod salvage;

use super::failure::Failure;
use clap::Subcommand;

pub const EXAMPLES: &str = "Examples:
  postamt store check --config /etc/postamt/postamt.toml
  postamt store repair --dry-run";

/// What is done with the store.
#[derive(Subcommand, Debug)]
pub enum Store {
    /// Reads everything that is stored, and tells what is damaged: with the running server, or without one.
    #[command(after_help = check::EXAMPLES)]
    Check(check::Check),
    /// Mends a stopped server's store: what is whole stays, counts are made anew, messages that no mailbox has come into one.
    #[command(after_help = repair::EXAMPLES)]
    Repair(repair::Repair),
}

pub fn run(store: &Store) -> Result<(), Failure> {
    match store {
        Store::Check(check) => check::run(check),
        Store::Repair(repair) => repair::run(repair),
    }
}
