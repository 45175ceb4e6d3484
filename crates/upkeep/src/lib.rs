//! Looks after a store: finds what is damaged and says whose mail it is.
//!
//! | module | what |
//! |---|---|
//! | [`check`] | looks at every row and every blob, while the store is used or not |
//! | [`repair`] | makes it whole again, as far as that can be done |
//! | `finding` | what was found |
//!
//! It blocks: a server gives it a thread of its own.

mod check;
mod finding;
mod repair;
mod row;

pub use check::{Counts, Stage, Step, check};
pub use finding::{Finding, Kind};
pub use repair::{Aside, RepairError, Repaired, Witness, repair};
