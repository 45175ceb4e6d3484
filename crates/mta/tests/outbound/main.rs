//! The way out, against scripted next hops and scripted DNS, on a clock that jumps: what arrives where and when, what the trace
//! says of it, and who is told.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod admin;
mod crash;
mod exchangers;
mod form;
mod loops;
mod peer;
mod report;
mod retry;
mod reuse;
mod rig;
mod stages;
mod tls;
