//! Passwords and their hashes.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, Params};
use env::Random;
use sasl::{KeysError, ScramHash, ScramKeys, prepare_password};
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
    /// What is kept of it at rest.
    Hashed {
        /// For those who send the password.
        argon2id: Argon2id,
        /// For those who prove that they know it; where only a PHC string is known, there are none.
        scram_sha_256: Option<ScramKeys>,
        /// Likewise, for clients that know no better hash; there are none of passwords set before they were kept.
        scram_sha_1: Option<ScramKeys>,
    },
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
    /// The SCRAM keys beside the hash.
    #[error("{0}")]
    Scram(#[from] KeysError),
    /// Nobody could log in with it.
    #[error("a password has 1 to {PASSWORD_OCTETS_MAX} octets")]
    Password,
}

/// Two hashes at once fit a machine of 2 GB beside the mail; RFC 9106 §4 recommends 64 MiB for constrained memory.
pub const MEMORY_KIB_MAX: u32 = 256 * 1024;
/// With the memory above about a second per log-in.
pub const PASSES_MAX: u32 = 10;
/// More lanes do not help: one thread computes them.
const LANES_MAX: u32 = 16;
/// RFC 9106 §3.1: 16 octets of salt are enough for passwords.
pub(crate) const SALT_OCTETS: usize = 16;
/// Longer than any password manager's; bounds what a peer makes us hash.
pub(crate) const PASSWORD_OCTETS_MAX: usize = 4096;
/// Three times what RFC 7677 §4 reckoned for a tenth of a second then, since whoever steals the keys can guess at that cost:
/// some 40 ms here, a fraction of a second on an old phone, and below the 65,536 that Cyrus SASL knows as the most.
pub(crate) const SCRAM_ITERATIONS: u32 = 50_000;

impl Credential {
    /// Argon2id hash and SCRAM keys of `password`. Takes tens of milliseconds.
    ///
    /// # Errors
    /// `Password` when it is empty or too long.
    pub fn from_password(password: &[u8], random: &dyn Random) -> Result<Credential, CredentialError> {
        if !(1..=PASSWORD_OCTETS_MAX).contains(&password.len()) {
            return Err(CredentialError::Password);
        }
        let argon2id = Argon2id(hash_password(password, random)?);
        let keys = |hash| {
            let mut salt = [0; SALT_OCTETS];
            random.fill(&mut salt);
            ScramKeys::derive(hash, password, &salt, SCRAM_ITERATIONS)
        };
        let (scram_sha_256, scram_sha_1) = (Some(keys(ScramHash::Sha256)?), Some(keys(ScramHash::Sha1)?));
        Ok(Credential::Hashed { argon2id, scram_sha_256, scram_sha_1 })
    }

    /// One line for a row: the PHC string, and after a space each the SCRAM keys that there are. A password in the clear is
    /// not written anywhere: `None`.
    pub fn to_text(&self) -> Option<String> {
        let Credential::Hashed { argon2id, scram_sha_256, scram_sha_1 } = self else { return None };
        let keys = [scram_sha_256, scram_sha_1].into_iter().flatten();
        Some(keys.fold(argon2id.0.clone(), |text, keys| format!("{text} {}", keys.to_text())))
    }

    /// What [`Credential::to_text`] wrote, or a PHC string with keys of one hash or of none.
    ///
    /// # Errors
    /// When it is not that, or costs too much.
    pub fn from_text(text: &str) -> Result<Credential, CredentialError> {
        let mut words = text.split(' ');
        let argon2id = Argon2id::checked(words.next().unwrap_or_default())?;
        let (mut scram_sha_256, mut scram_sha_1) = (None, None);
        for word in words {
            let keys = ScramKeys::from_text(word)?;
            let place = match keys.hash {
                ScramHash::Sha256 => &mut scram_sha_256,
                ScramHash::Sha1 => &mut scram_sha_1,
            };
            if place.replace(keys).is_some() {
                return Err(KeysError::Form.into());
            }
        }
        Ok(Credential::Hashed { argon2id, scram_sha_256, scram_sha_1 })
    }

    /// From a PHC string.
    pub fn argon2id(phc: &str) -> Result<Credential, CredentialError> {
        Ok(Credential::Hashed { argon2id: Argon2id::checked(phc)?, scram_sha_256: None, scram_sha_1: None })
    }

    /// Whether it can verify by SCRAM with this hash.
    pub(crate) fn has_scram(&self, hash: ScramHash) -> bool {
        matches!(self, Credential::Clear(_)) || self.scram(hash).is_some()
    }

    /// The keys at rest for this hash.
    pub(crate) fn scram(&self, hash: ScramHash) -> Option<&ScramKeys> {
        let Credential::Hashed { scram_sha_256, scram_sha_1, .. } = self else { return None };
        match hash {
            ScramHash::Sha256 => scram_sha_256.as_ref(),
            ScramHash::Sha1 => scram_sha_1.as_ref(),
        }
    }
}

impl Argon2id {
    fn checked(phc: &str) -> Result<Argon2id, CredentialError> {
        let hash = PasswordHash::new(phc).map_err(|_| CredentialError::Form)?;
        if hash.algorithm.as_str() != "argon2id" || hash.hash.is_none() || hash.salt.is_none() {
            return Err(CredentialError::Form);
        }
        let params = Params::try_from(&hash).map_err(|_| CredentialError::Form)?;
        let (memory_kib, passes) = (params.m_cost(), params.t_cost());
        if memory_kib > MEMORY_KIB_MAX || passes > PASSES_MAX || params.p_cost() > LANES_MAX {
            return Err(CredentialError::Cost { memory_kib, passes });
        }
        Ok(Argon2id(phc.to_owned()))
    }

    /// Whether it is that of a prepared password. Takes tens of milliseconds.
    pub(crate) fn verify(&self, password: &[u8]) -> bool {
        Argon2::default().verify_password(password, self.0.as_str()).is_ok()
    }
}

/// The PHC string of `password`, which is prepared here, with the default cost (19 MiB, two passes). Takes tens of
/// milliseconds.
///
/// # Errors
/// `Form` when the password is longer than Argon2 takes (4 GiB).
pub fn hash_password(password: &[u8], random: &dyn Random) -> Result<String, CredentialError> {
    let mut salt = [0; SALT_OCTETS];
    random.fill(&mut salt);
    let hash = Argon2::default().hash_password_with_salt(prepare_password(password).expose(), &salt);
    let hash = hash.map_err(|_| CredentialError::Form)?;
    Ok(hash.to_string())
}
