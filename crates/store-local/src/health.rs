//! What the operator should know.

/// How a [`LocalStore`](crate::LocalStore) is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// All is well.
    Ok,
    /// Only deletions are taken until there is space again.
    NearlyFull {
        /// What the disk has left for us.
        free_octets: u64,
        /// What is kept free for deletions and the engine's own work.
        reserve_octets: u64,
    },
    /// Nothing is written until somebody acts.
    ReadOnly {
        /// Why, and what to do.
        reason: String,
    },
    /// The engine failed and is being opened again; nothing is read or written meanwhile.
    Reopening {
        /// What the last attempt failed with.
        reason: String,
    },
}
