//! The way out, against scripted next hops and scripted DNS, on a clock that jumps: what arrives where and when, what the trace
//! says of it, and who is told.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

//X mod admin;
//X mod crash;
mod exchangers;
//X mod form;
//X mod loops;
mod peer;
//X mod report;
//X mod retry;
//X mod reuse;
mod rig;
mod stages;
//X mod tls;
