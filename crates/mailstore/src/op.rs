//! What can happen to an account, one file each.

pub(crate) mod append;
pub(crate) mod copy;
pub(crate) mod expunge;
pub(crate) mod flags;
pub(crate) mod mailbox;
pub(crate) mod trim;
