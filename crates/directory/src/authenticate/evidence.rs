//! What a log-in is checked against: read from the store when somebody logs in, for memory holds no credential of those who are
//! stored.
//!
//! Every log-in that is looked at reads one row, whoever it is for: that of the account if it is stored, else that of
//! somebody, the same one each time. So time does not tell an account from none, nor what is in the cache from what is not.

use super::AuthError;
use crate::account::Entry;
use crate::credential::Argon2id;
use crate::people::{Login, People};
use crate::rows::RowError;
use crate::{Account, Credential, Directory, throttle};
use std::sync::Arc;

pub(super) struct Evidence {
    /// Of who logs in.
    pub(super) own: Option<Arc<Entry>>,
    /// Of somebody else.
    other: Option<Arc<Entry>>,
}

impl Evidence {
    /// The hash that is checked in vain where no other is due, so that every refusal costs the same.
    pub(super) fn decoy(&self) -> Option<&Argon2id> {
        self.other.as_deref().and_then(hash)
    }
}

impl Directory {
    /// For who logs in, or tries to; `name` is theirs alone. Who is declared gets in also while the store cannot be read.
    ///
    /// # Errors
    /// `Unavailable`: what cannot be read is no wrong password.
    pub(super) async fn evidence(&self, login: Option<&Login>, name: &throttle::Login) -> Result<Evidence, AuthError> {
        let people = self.people();
        let declared = login.and_then(|login| login.entry.clone());
        let stored = login.filter(|login| login.entry.is_none()).map(|login| &login.account);
        let address = match stored {
            Some(account) => Some(account.address.clone()),
            None => people.anybody(dice(name)),
        };
        let read = match address {
            Some(address) => self.principal(&address).await.map(Arc::new).map(Some).map_err(unreadable),
            None => Ok(None),
        };
        if declared.is_some() {
            let other = read.ok().flatten();
            return Ok(Evidence { own: declared, other: other.or_else(|| first_hashed(&people)) });
        }
        let Some(read) = read? else { return Ok(Evidence { own: None, other: first_hashed(&people) }) };
        // Another node may have changed it since these people were put together.
        let is_own = |account: &Arc<Account>| account.id == read.account.id && read.account.may_log_in();
        Ok(match stored {
            Some(account) if is_own(account) => Evidence { own: Some(read), other: None },
            _ => Evidence { own: None, other: Some(read) },
        })
    }
}

/// Tells the operator why, the peer that it may try again.
pub(super) fn unreadable(cause: RowError) -> AuthError {
    tracing::warn!(event = "credential.not_read", %cause);
    AuthError::Unavailable
}

fn dice(name: &throttle::Login) -> u32 {
    name.first_chunk().map_or(0, |octets| u32::from_le_bytes(*octets))
}

fn first_hashed(people: &People) -> Option<Arc<Entry>> {
    people.declared().iter().find(|entry| hash(entry).is_some()).cloned()
}

fn hash(entry: &Entry) -> Option<&Argon2id> {
    match &entry.credential {
        Credential::Hashed { argon2id, .. } => Some(argon2id),
        Credential::Clear(_) => None,
    }
}

#[cfg(test)]
mod tests;
