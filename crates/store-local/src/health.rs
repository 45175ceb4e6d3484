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
    /// All is taken and given out, but it will not go on like that for ever.
    Impaired {
        /// Why, and what to do.
        reason: String,
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

/// What is wrong and what heals it, for people; `well` when nothing is.
impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Health::Ok => f.write_str("well"),
            Health::NearlyFull { free_octets, reserve_octets } => write!(
                f,
                "the disk is nearly full: {free_octets} octets are free, {reserve_octets} are kept for deletions; make space"
            ),
            Health::Impaired { reason } => write!(f, "mail is taken, but {reason}"),
            Health::ReadOnly { reason } => write!(f, "nothing is written: {reason}"),
            Health::Reopening { reason } => write!(f, "the store is being opened again: {reason}"),
        }
    }
}
