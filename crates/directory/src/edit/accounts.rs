//! Edits of accounts.

use super::{Draft, EditError, Edited, nearest};
use crate::account::{Entry, fold, folded};
use crate::credential::PASSWORD_OCTETS_MAX;
use crate::{Account, AccountState, Credential, Origin, Secret, rows};
use model::{AccountId, Address, Quota};
use std::sync::Arc;

impl Draft<'_> {
    pub(super) fn add_account(
        &mut self,
        address: &Address,
        credential: &Credential,
        quota: Quota,
        id: AccountId,
    ) -> Result<(), EditError> {
        self.check_free(address)?;
        if self.new.removed.contains_key(&folded(address)) {
            return Err(EditError::AccountKept(address.clone()));
        }
        let state = AccountState::Enabled;
        let account = Account { id, address: address.clone(), quota, state, origin: Origin::Stored };
        self.put_account(&Entry { account: Arc::new(account), credential: credential.clone(), apop: None })
    }

    pub(super) fn set_account(
        &mut self,
        address: &Address,
        credential: Option<&Credential>,
        quota: Option<Quota>,
        state: Option<AccountState>,
    ) -> Result<Edited, EditError> {
        let old = self.stored_account(address)?;
        let mut account = Account::clone(&old.account);
        account.quota = quota.unwrap_or(account.quota);
        account.state = state.unwrap_or(account.state);
        // Who gets a new password may have lost the old one to somebody, and the secret of APOP is often the same.
        let apop = old.apop.clone().filter(|_| credential.is_none());
        let credential = credential.unwrap_or(&old.credential).clone();
        let new = Entry { account: Arc::new(account), credential, apop };
        if new == old {
            return Ok(Edited::Unchanged);
        }
        self.put_account(&new)?;
        Ok(Edited::Done)
    }

    pub(super) fn set_apop(&mut self, address: &Address, secret: Option<&Secret>) -> Result<Edited, EditError> {
        let old = self.stored_account(address)?;
        if secret.is_some_and(|secret| !(1..=PASSWORD_OCTETS_MAX).contains(&secret.expose().len())) {
            return Err(EditError::ApopSecret);
        }
        if old.apop.as_ref() == secret {
            return Ok(Edited::Unchanged);
        }
        self.put_account(&Entry { apop: secret.cloned(), ..old })?;
        Ok(Edited::Done)
    }

    pub(super) fn put_account(&mut self, entry: &Entry) -> Result<(), EditError> {
        let row = rows::principal_row(entry).ok_or(EditError::ClearPassword)?;
        self.new.accounts.put(&entry.account, entry.seal(&row));
        self.rows.push((rows::principal_key(&entry.account.address), Some(row)));
        Ok(())
    }

    /// With its credential, out of the row that was asked for.
    pub(super) fn stored_account(&self, address: &Address) -> Result<Entry, EditError> {
        let now = self.people.account(address);
        if now.is_some_and(|account| account.origin == Origin::Declared) {
            return Err(EditError::Declared(address.to_string()));
        }
        // Also who is in a domain that is not ours for the moment.
        let address_of = self.people.address_of(address);
        if self.new.accounts.find(&address_of.domain, &fold(address_of.local.as_str())).is_none() {
            let nearest = nearest::among(address, self.people.accounts_in(&address.domain));
            return Err(EditError::UnknownAccount { address: address.clone(), nearest });
        }
        Ok(rows::principal_of(&address_of, self.row.as_ref())?.0)
    }
}
