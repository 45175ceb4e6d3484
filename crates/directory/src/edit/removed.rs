//! Accounts that were removed come back, or end for good.

use super::{Draft, EditError, Edited};
use crate::account::folded;
use crate::removed::Removed;
use crate::{Origin, ids, rows};
use model::{AccountId, Address, Timestamp};
use std::sync::Arc;

impl Draft<'_> {
    /// Nobody has the address any more; who had it is kept.
    pub(super) fn remove_account(&mut self, address: &Address, at: Timestamp) -> Result<Edited, EditError> {
        let entry = self.stored_account(address)?;
        let (id, key) = (entry.account.id, folded(&entry.account.address));
        self.new.accounts.remove(&key);
        self.rows.push(rows::principal_delete(&entry.account.address));
        let removed = Removed { at, entry };
        self.rows.push(removed.put().ok_or(EditError::ClearPassword)?);
        self.new.removed.insert(key, Arc::new(removed));
        Ok(Edited::Removed(id))
    }

    /// With its number, password and quota. If it is there all the same, because it was declared or an older program added
    /// it, nothing is kept any more.
    pub(super) fn restore_account(&mut self, address: &Address) -> Result<Edited, EditError> {
        let removed = self.removed(address)?;
        let account = &removed.entry.account;
        let there = self.people.account_by_id(account.id).is_some();
        if !there {
            self.check_free(&account.address)?;
        }
        self.new.removed.remove(&folded(&account.address));
        self.rows.push(Removed::delete(&account.address));
        if there {
            return Ok(Edited::Done);
        }
        self.rows.push(rows::principal_put(&removed.entry).ok_or(EditError::ClearPassword)?);
        self.new.accounts.insert(folded(&account.address), removed.entry.clone());
        Ok(Edited::Returned(account.id))
    }

    /// The number is nobody's from now on, and its mail is to be ended; also that of who was declared once. `number` is what
    /// stands in the address's row.
    pub(super) fn erase_account(&mut self, address: &Address, number: Option<AccountId>) -> Result<Edited, EditError> {
        if self.people.account(address).is_some() {
            return Err(EditError::AccountStays(address.clone()));
        }
        let key = folded(address);
        if self.new.accounts.contains_key(&key) {
            return Err(EditError::AccountStays(address.clone()));
        }
        let removed = self.new.removed.remove(&key);
        let id = number.or(removed.as_ref().map(|removed| removed.entry.account.id));
        let id = id.ok_or_else(|| EditError::NotRemoved(address.clone()))?;
        if removed.is_some() {
            self.rows.push(Removed::delete(address));
        }
        self.rows.push((ids::key(&key), None));
        self.rows.push(rows::erasing_change(id, Some(address)));
        self.new.erasing.insert(id, address.clone());
        Ok(Edited::Erasing(id))
    }

    /// Nothing of it is left.
    pub(super) fn account_erased(&mut self, id: AccountId) -> Edited {
        if self.new.erasing.remove(&id).is_none() {
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

    fn removed(&self, address: &Address) -> Result<Arc<Removed>, EditError> {
        self.new.removed.get(&folded(address)).cloned().ok_or_else(|| EditError::NotRemoved(address.clone()))
    }
}
