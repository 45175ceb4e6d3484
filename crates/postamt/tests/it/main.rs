//! The program as its owner runs it, from the command line: one test program, so that all share one house.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is a test")]

mod administration;
mod backup;
mod connection;
mod house;
mod migration;
mod reload;
mod store;
mod undelete;
