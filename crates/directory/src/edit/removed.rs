//! Accounts that were removed come back, or end for good.

use super::{Draft, EditError, Edited};
use crate::account::{Entry, fold, folded};
use crate::removed::Removed;
use crate::rows::{self, RowError};
use crate::{Origin, ids};
use model::{AccountId, Address, RecordError, Timestamp};
use std::sync::Arc;

impl Draft<'_> {
    /// Nobody has the address any more; who had it is kept.
    pub(super) fn remove_account(&mut self, address: &Address, at: Timestamp) -> Result<Edited, EditError> {
        let entry = self.stored_account(address)?;
        let account = entry.account.clone();
        self.new.accounts.remove(&account.address);
        self.rows.push(rows::principal_delete(&account.address));
        self.rows.push(Removed::put(at, &entry).ok_or(EditError::ClearPassword)?);
        let (id, key) = (account.id, folded(&account.address));
        Arc::make_mut(&mut self.new.removed).insert(key, Removed { at, account });
        Ok(Edited::Removed(id))
    }

    /// With its number, password and quota. If it is there all the same, because it was declared or an older program added
    /// it, nothing is kept any more.
    pub(super) fn restore_account(&mut self, address: &Address) -> Result<Edited, EditError> {
        let entry = self.removed(address)?;
        let account = &entry.account;
        let there = self.people.account_by_id(account.id).is_some();
        if !there {
            self.check_free(&account.address)?;
        }
        Arc::make_mut(&mut self.new.removed).remove(&folded(&account.address));
        self.rows.push(Removed::delete(&account.address));
        if there {
            return Ok(Edited::Done);
        }
        self.put_account(&entry)?;
        Ok(Edited::Returned(account.id))
    }

    /// The number is nobody's from now on, and its mail is to be ended; also that of who was declared once. `number` is what
    /// stands in the address's row.
    pub(super) fn erase_account(&mut self, address: &Address, number: Option<AccountId>) -> Result<Edited, EditError> {
        if self.people.account(address).is_some() {
            return Err(EditError::AccountStays(address.clone()));
        }
        if self.new.accounts.find(&address.domain, &fold(address.local.as_str())).is_some() {
            return Err(EditError::AccountStays(address.clone()));
        }
        let key = folded(address);
        let removed = Arc::make_mut(&mut self.new.removed).remove(&key);
        let id = number.or(removed.as_ref().map(|removed| removed.account.id));
        let id = id.ok_or_else(|| EditError::NotRemoved(address.clone()))?;
        if removed.is_some() {
            self.rows.push(Removed::delete(address));
        }
        self.rows.push((ids::key(&key), None));
        self.rows.push(rows::erasing_change(id, Some(address)));
        Arc::make_mut(&mut self.new.erasing).insert(id, address.clone());
        Ok(Edited::Erasing(id))
    }

    /// Nothing of it is left.
    pub(super) fn account_erased(&mut self, id: AccountId) -> Edited {
        if Arc::make_mut(&mut self.new.erasing).remove(&id).is_none() {
            return Edited::Unchanged;
        }
        self.rows.push(rows::erasing_change(id, None));
        Edited::Done
    }

    /// Whether an account of this address may be made.
    pub(super) fn check_free(&self, address: &Address) -> Result<(), EditError> {
        self.check_local(&address.domain)?;
        match self.people.account(address).map(|account| account.origin) {
            Some(Origin::Declared) => return Err(EditError::Declared(address.to_string())),
            Some(Origin::Stored) => return Err(EditError::AccountExists(address.clone())),
            None => {}
        }
        if self.new.aliases.contains_key(&folded(address)) {
            return Err(EditError::AliasExists(address.clone()));
        }
        Ok(())
    }

    /// With its credential, out of the row that was asked for.
    fn removed(&self, address: &Address) -> Result<Entry, EditError> {
        let key = folded(address);
        if !self.new.removed.contains_key(&key) {
            return Err(EditError::NotRemoved(address.clone()));
        }
        let row = self.row.as_ref().ok_or(RecordError::Missing);
        let removed = row.and_then(|row| Removed::decode(row));
        Ok(removed.map_err(|source| RowError::Row { key, source })?.1)
    }
}
