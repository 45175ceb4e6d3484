//! How long what was deleted is kept: as the configuration says, now.

use crate::plan::Deleted;
use directory::Directory;
use mailstore::Keeping;
use model::AccountId;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The rules as they stand.
pub struct Kept {
    rules: RwLock<Deleted>,
    directory: Arc<Directory>,
}

impl Kept {
    pub fn new(rules: Deleted, directory: Arc<Directory>) -> Arc<Kept> {
        Arc::new(Kept { rules: RwLock::new(rules), directory })
    }

    /// The configuration was taken anew.
    pub fn set(&self, rules: Deleted) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    fn rules<T>(&self, of: impl FnOnce(&Deleted) -> T) -> T {
        of(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Keeping for Kept {
    fn time(&self) -> Duration {
        self.rules(|rules| rules.kept)
    }

    /// What one may have, one may have once more as deleted: who empties an account by mistake finds all of it.
    fn octets_max(&self, account: AccountId) -> Option<u64> {
        self.rules(|rules| rules.octets_max).or_else(|| self.directory.account_by_id(account)?.quota.octets)
    }
}
