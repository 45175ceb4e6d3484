//! Looks after a store: finds what is damaged and says whose mail it is.
//!
//! | module | what |
//! |---|---|
//! | [`check`] | looks at every row and every blob, while the store is used or not |
//! | `finding` | what was found |
//!
//! It blocks: a server gives it a thread of its own.

mod check;
mod finding;

pub use check::{Counts, Stage, Step, check};
pub use finding::{Finding, Kind};
