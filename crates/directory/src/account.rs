//! Who owns mail, and by what they are known.

use crate::roll::Seal;
use crate::{Credential, Secret};
use model::{AccountId, Address, Quota};
use sasl::ScramHash;
use std::borrow::Cow;
use std::sync::Arc;

/// Who owns mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Given once, never reused.
    pub id: AccountId,
    /// As it was written when the account was made.
    pub address: Address,
    /// What it may keep.
    pub quota: Quota,
    /// Whether it may log in.
    pub state: AccountState,
    /// Where it is edited.
    pub origin: Origin,
}

/// Whether an account may log in. Mail is delivered to it all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AccountState {
    /// It may.
    #[default]
    Enabled,
    /// Every password is wrong, and it may send as nobody.
    Disabled,
}

/// Where something about people stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// In the configuration file: it is changed there, and wins over what is stored.
    Declared,
    /// In the store: it is changed by [`Directory::edit`](crate::Directory::edit).
    Stored,
}

/// An account with what it proves itself by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) account: Arc<Account>,
    pub(crate) credential: Credential,
    /// By what it is known to POP3's APOP, which needs the secret itself; `None`, as for nearly all: APOP is off.
    pub(crate) apop: Option<Secret>,
}

/// The key of an address: what is the same address has the same key.
pub(crate) fn folded(address: &Address) -> String {
    format!("{}@{}", fold(address.local.as_str()), address.domain)
}

/// Local parts are compared without regard to case: RFC 5321 §2.4 leaves that to the receiving host, and people do not
/// tell `Anna` from `anna`. Most are folded already and cost nothing.
pub(crate) fn fold(local: &str) -> Cow<'_, str> {
    let is_folded = local.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
    if is_folded { Cow::Borrowed(local) } else { Cow::Owned(local.to_lowercase()) }
}

impl Account {
    pub(crate) fn may_log_in(&self) -> bool {
        self.state == AccountState::Enabled
    }
}

impl Entry {
    /// What is known of it while it lies in this row of the store.
    pub(crate) fn seal(&self, row: &[u8]) -> Seal {
        let has = |hash| self.credential.has_scram(hash);
        Seal {
            stamp: stamp(row),
            apop: self.apop.is_some(),
            scram_sha_256: has(ScramHash::Sha256),
            scram_sha_1: has(ScramHash::Sha1),
        }
    }

    /// Of a declared one, which has no row.
    pub(crate) fn stamp(&self) -> u64 {
        match &self.credential {
            Credential::Clear(secret) => stamp(secret.expose().as_bytes()),
            Credential::Hashed { .. } => stamp(self.credential.to_text().unwrap_or_default().as_bytes()),
        }
    }
}

/// Another number for another credential: 64 bits of a hash, from which nobody learns what was hashed.
pub(crate) fn stamp(octets: &[u8]) -> u64 {
    blake3::hash(octets).as_bytes().first_chunk().map_or(0, |octets| u64::from_le_bytes(*octets))
}
