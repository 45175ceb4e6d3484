//! What a log-in is checked against: read from the store when somebody logs in, for memory holds no credential of those who are
//! stored.
//!
//! Every log-in that is looked at reads one row, whoever it is for: that of the account if it is stored, else that of
//! somebody, the same one each time. So time does not tell an account from none, nor what is in the cache from what is not.

use super::AuthError;
use crate::account::Entry;
use crate::credential::Argon2id;
use crate::people::Login;
use crate::rows::RowError;
use crate::{Credential, Directory, throttle};
use std::sync::Arc;

pub(super) struct Evidence {
    /// Of who logs in.
    pub(super) own: Option<Arc<Entry>>,
    /// Of what is their own: it is not that in memory if another node changed the account.
    pub(super) stamp: u64,
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
        let (declared, stored) = match login {
            Some(Login { account, entry: None, .. }) => (None, Some(account)),
            Some(Login { entry: Some(entry), stamp, .. }) => (Some((entry.clone(), *stamp)), None),
            None => (None, None),
        };
        let address = match stored {
            Some(account) => Some(account.address.clone()),
            None => people.anybody(dice(name)),
        };
        let read = match address {
            Some(address) => self.principal(&address).await.map(Some).map_err(unreadable),
            None => Ok(None),
        };
        let in_vain = |read: Option<(Entry, u64)>| match read {
            Some((entry, _)) => Some(Arc::new(entry)),
            None => people.declared().iter().find(|entry| hash(entry).is_some()).cloned(),
        };
        if let Some((own, stamp)) = declared {
            return Ok(Evidence { own: Some(own), stamp, other: in_vain(read.unwrap_or_default()) });
        }
        Ok(match (stored, read?) {
            // Another node may have given the address to somebody else, or barred them.
            (Some(account), Some((entry, stamp))) if entry.account.id == account.id && entry.account.may_log_in() => {
                Evidence { own: Some(Arc::new(entry)), stamp, other: None }
            }
            (_, read) => Evidence { own: None, stamp: 0, other: in_vain(read) },
        })
    }
}

/// Tells the operator why, the peer that it may try again.
fn unreadable(cause: RowError) -> AuthError {
    untold(&cause);
    AuthError::Unavailable
}

/// Tells the operator what the peer is not told.
pub(super) fn untold(cause: &RowError) {
    tracing::warn!(event = "credential.not_read", %cause);
}

fn dice(name: &throttle::Login) -> u32 {
    name.first_chunk().map_or(0, |octets| u32::from_le_bytes(*octets))
}

fn hash(entry: &Entry) -> Option<&Argon2id> {
    match &entry.credential {
        Credential::Hashed { argon2id, .. } => Some(argon2id),
        Credential::Clear(_) => None,
    }
}

#[cfg(test)]
mod tests;
