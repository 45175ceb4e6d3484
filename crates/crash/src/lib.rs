//! Every state that a power cut may leave of the real store, rebuilt, opened and judged: `cargo xtask crash-states`.
//!
//! The binary has two roles. The *writer* drives the mail store over [`store_local`] as a seed says, under the recorder
//! `interop/shim.c`. The *judge* reads the record, goes through its points, and at each enumerates what the rules allow to be
//! on the disk: all that was synced, and of the rest nothing, everything, or anything between, torn at sectors.
//!
//! | module | what |
//! |---|---|
//! | [`plan`] | what a sequence does, and what is there after each step |
//! | [`host`] | the real store under a mail store, in threads |
//! | [`writer`] | does it |
//! | [`record`], [`marks`] | what was recorded: operations, and what the writer said meanwhile |
//! | [`content`], [`disk`] | files, and a file system by the rules: what is durable, what is under way |
//! | [`states`] | which states there are at one point |
//! | [`judge`] | opens one and compares it with what was promised |
//! | [`run`] | a whole sequence |
//! | [`dice`] | what is random |
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a proof may panic: then it is at fault")]

pub mod content;
pub mod dice;
pub mod disk;
pub mod host;
pub mod judge;
pub mod marks;
pub mod plan;
pub mod record;
pub mod run;
pub mod states;
pub mod writer;
