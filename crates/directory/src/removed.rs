//! Accounts that were removed and are kept for a while: with everything, so that they can come back.
//!
//! | key | row |
//! |---|---|
//! | `removed/` + folded address | when, and the account's row as it was |
//! | `erasing/` + number | an account that ends: its address was this, its mail is being removed |

use crate::account::{Entry, folded};
use crate::rows::{self, RowChange};
use crate::{Account, Directory};
use model::{AccountId, Address, Decoder, Encoder, RecordError, Timestamp};
use std::sync::Arc;

pub(crate) const REMOVED: &str = "removed/";
const FORMAT: u8 = 1;

/// An account that was removed; its credential stays in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Removed {
    pub(crate) at: Timestamp,
    pub(crate) account: Arc<Account>,
}

impl Removed {
    /// `None` for a credential that must not be stored.
    pub(crate) fn put(at: Timestamp, entry: &Entry) -> Option<RowChange> {
        let mut e = Encoder::new(FORMAT);
        e.time(at).bytes(&rows::principal_row(entry)?);
        Some((key(&entry.account.address), Some(e.finish())))
    }

    pub(crate) fn delete(address: &Address) -> RowChange {
        (key(address), None)
    }

    /// With its whole entry.
    pub(crate) fn decode(row: &[u8]) -> Result<(Removed, Entry), RecordError> {
        let mut fields = Decoder::new(row, FORMAT)?;
        let (at, entry) = (fields.time()?, rows::principal(fields.bytes()?)?);
        Ok((Removed { at, account: entry.account.clone() }, entry))
    }
}

pub(crate) fn key(address: &Address) -> String {
    format!("{REMOVED}{}", folded(address))
}

/// An account that was removed and can come back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemovedAccount {
    /// When it was.
    pub at: Timestamp,
    /// As it was.
    pub account: Arc<Account>,
    /// Whether somebody has its number all the same: it was declared since, or an older program added it.
    pub there: bool,
}

impl Directory {
    /// Accounts that were removed and are kept.
    pub fn removed(&self) -> Vec<RemovedAccount> {
        self.people().removed().collect()
    }

    /// Accounts whose mail is to be ended, which is not done yet. Nobody has their numbers.
    pub fn erasing(&self) -> Vec<(AccountId, Address)> {
        self.people().erasing().collect()
    }
}
