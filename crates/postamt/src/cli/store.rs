//! `postamt store`: is everything in the data folder as it should be?

mod check;

use super::failure::Failure;
use clap::Subcommand;

pub const EXAMPLES: &str = "Example:
  postamt store check --config /etc/postamt/postamt.toml";

/// What is done with the store.
#[derive(Subcommand, Debug)]
pub enum Store {
    /// Reads everything that is stored, and tells what is damaged: with the running server, or without one.
    #[command(after_help = check::EXAMPLES)]
    Check(check::Check),
}

pub fn run(store: &Store) -> Result<(), Failure> {
    match store {
        Store::Check(check) => check::run(check),
    }
}
