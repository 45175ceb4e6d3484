//! Passwords and their hashes.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, Params};
use env::Random;
use std::fmt;

/// A text that does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for whoever has to check or store it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(text.to_owned())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// By what an account is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credential {
    /// The password itself: for demos and tests.
    Clear(Secret),
    /// Its Argon2id hash.
    Argon2id(Argon2id),
}

/// A checked PHC string of Argon2id, as `$argon2id$v=19$m=19456,t=2,p=1$…$…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Argon2id(String);

impl fmt::Debug for Argon2id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$argon2id$…")
    }
}

/// Why a text is no usable hash.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CredentialError {
    /// Not of the form `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
    #[error("not an Argon2id hash as `postamt hash-password` prints it")]
    Form,
    /// Every log-in would cost more than [`MEMORY_KIB_MAX`] or [`PASSES_MAX`].
    #[error(
        "the hash costs {memory_kib} KiB and {passes} passes; at most {MEMORY_KIB_MAX} KiB and {PASSES_MAX} passes"
    )]
    Cost {
        /// Asked for.
        memory_kib: u32,
        /// Asked for.
        passes: u32,
    },
}

/// Two hashes at once fit a machine of 2 GB beside the mail; RFC 9106 §4 recommends 64 MiB for constrained memory.
pub const MEMORY_KIB_MAX: u32 = 256 * 1024;
/// With the memory above about a second per log-in.
pub const PASSES_MAX: u32 = 10;
/// More lanes do not help: one thread computes them.
const LANES_MAX: u32 = 16;
/// RFC 9106 §3.1: 16 octets of salt are enough for passwords.
const SALT_OCTETS: usize = 16;

impl Credential {
    /// From a PHC string.
    pub fn argon2id(phc: &str) -> Result<Credential, CredentialError> {
        let hash = PasswordHash::new(phc).map_err(|_| CredentialError::Form)?;
        if hash.algorithm.as_str() != "argon2id" || hash.hash.is_none() || hash.salt.is_none() {
            return Err(CredentialError::Form);
        }
        let params = Params::try_from(&hash).map_err(|_| CredentialError::Form)?;
        let (memory_kib, passes) = (params.m_cost(), params.t_cost());
        if memory_kib > MEMORY_KIB_MAX || passes > PASSES_MAX || params.p_cost() > LANES_MAX {
            return Err(CredentialError::Cost { memory_kib, passes });
        }
        Ok(Credential::Argon2id(Argon2id(phc.to_owned())))
    }
}

impl Argon2id {
    /// The PHC string.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `password`'s. Takes tens of milliseconds.
    pub(crate) fn verify(&self, password: &[u8]) -> bool {
        Argon2::default().verify_password(password, self.0.as_str()).is_ok()
    }
}

/// The PHC string of `password` with the default cost (19 MiB, two passes). Takes tens of milliseconds.
///
/// # Errors
/// `Form` when the password is longer than Argon2 takes (4 GiB).
pub fn hash_password(password: &[u8], random: &dyn Random) -> Result<String, CredentialError> {
    let mut salt = [0; SALT_OCTETS];
    random.fill(&mut salt);
    let hash = Argon2::default().hash_password_with_salt(password, &salt).map_err(|_| CredentialError::Form)?;
    Ok(hash.to_string())
}
