//! The program as its owner runs it, from the command line: one test program, so that all share one house.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is a test")]

mod administration;
mod backup;
mod connection;
#[path = "../flips/flush.rs"]
mod flush;
mod house;
mod migration;
mod reload;
mod salvage;
mod store;
mod undelete;
