//! A virtual world: the whole server, its services as they are, on virtual clock, network, DNS and disk, in one thread, from one
//! seed. Clients and next hops cut, stall, drip and lie; the disk is slow, full, or fails; the clock jumps; the process dies
//! between any two polls. When everything is healed, it is judged whether what was promised is so.
//!
//! | module | what |
//! |---|---|
//! | [`run`] | one seed from beginning to end |
//! | [`plan`], [`fault`], [`dice`] | what a world is like: which faults, how often |
//! | [`scene`] | what all share: clock, network, chronicle |
//! | [`server`], `drive` | the server, wired as `postamt` wires it, in a process that can die |
//! | [`disk`] | rows and blobs that fail, and forget what was not synced |
//! | [`clients`], [`link`] | those who use the server, over connections that break |
//! | [`foreign`] | next hops and DNS |
//! | [`ledger`], [`facts`], [`names`], [`letter`] | what was promised to whom, and told by whom |
//! | [`judge`] | what must hold |
//! | [`sabotage`] | servers that are broken on purpose: the judge must see it |
//!
//! ```
//! let options = sim::run::Options { letters: 20, ..Default::default() };
//! let report = sim::run::run(1, &options);
//! assert_eq!(report.violations, Vec::<String>::new());
//! ```
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic: then its world is at fault")]

pub mod clients;
pub mod dice;
pub mod disk;
mod drive;
pub mod facts;
pub mod fault;
pub mod foreign;
pub mod judge;
pub mod ledger;
pub mod letter;
pub mod link;
pub mod names;
pub mod plan;
pub mod run;
pub mod sabotage;
pub mod scene;
pub mod server;
