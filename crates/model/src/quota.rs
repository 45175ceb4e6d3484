//! What an account may hold.

/// Limits of an account; `None` is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quota {
    /// Sum of the messages' sizes, each message counted once.
    pub octets: Option<u64>,
    /// Number of messages, each counted once.
    pub messages: Option<u64>,
}
