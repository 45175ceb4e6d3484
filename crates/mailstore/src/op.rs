//! What can happen to an account, one file each.

pub(crate) mod append;
pub(crate) mod append_all;
pub(crate) mod copy;
pub(crate) mod expunge;
pub(crate) mod flags;
pub(crate) mod import;
pub(crate) mod mailbox;
pub(crate) mod purge;
pub(crate) mod restore;
pub(crate) mod trim;

/// What an operation that names these messages holds while it waits; as many as may be.
fn octets_of(uids: &[model::Uid]) -> usize {
    size_of_val(uids)
}

fn check_count(uids: &[model::Uid]) -> Result<(), crate::Error> {
    if uids.len() > crate::MESSAGES_AT_ONCE_MAX { Err(crate::Error::TooManyAtOnce) } else { Ok(()) }
}
