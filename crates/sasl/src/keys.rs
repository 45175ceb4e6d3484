//! What a server keeps of a password for SCRAM, and how it is computed.

use crate::{ScramHash, prepare_password};
use aws_lc_rs::{constant_time, digest, hmac, pbkdf2};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// RFC 5802 §5.1 and RFC 7677 §4 ask for at least so many.
pub const ITERATIONS_MIN: u32 = 4096;
/// Some ten seconds on one core: beyond that, a server costs its client too much.
pub const ITERATIONS_MAX: u32 = 10_000_000;
/// Servers use 16 to 64 octets.
pub const SALT_OCTETS_MAX: usize = 1024;

/// Salt, iterations, StoredKey and ServerKey (RFC 5802 §3). With them a client can be verified, not impersonated.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramKeys {
    /// By which they were made.
    pub hash: ScramHash,
    /// Told to every client.
    pub salt: Vec<u8>,
    /// From [`ITERATIONS_MIN`] to [`ITERATIONS_MAX`].
    pub iterations: u32,
    /// The hash of what the client proves to know.
    pub stored_key: Vec<u8>,
    /// With it the server proves that it knows the account.
    pub server_key: Vec<u8>,
}

/// Why there are no keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeysError {
    /// Not of the form `SCRAM-SHA-256$iterations:salt$stored:server`.
    #[error("not SCRAM keys as RFC 5803 writes them")]
    Form,
    /// Outside of [`ITERATIONS_MIN`] to [`ITERATIONS_MAX`].
    #[error("{0} iterations; from {ITERATIONS_MIN} to {ITERATIONS_MAX} are usable")]
    Iterations(u64),
    /// Empty, or longer than [`SALT_OCTETS_MAX`].
    #[error("a salt of {0} octets; from 1 to {SALT_OCTETS_MAX} are usable")]
    Salt(usize),
}

impl ScramKeys {
    /// Those of `password`, which is prepared here. Takes about a microsecond an iteration.
    ///
    /// # Errors
    /// When salt or iterations are out of bounds.
    pub fn derive(hash: ScramHash, password: &[u8], salt: &[u8], iterations: u32) -> Result<ScramKeys, KeysError> {
        let iterations_checked = check(salt, iterations)?;
        let salted = hash.salted(prepare_password(password).expose(), salt, iterations_checked);
        let stored_key = hash.digest(&hash.client_key(&salted));
        let server_key = hash.hmac(&salted, b"Server Key");
        Ok(ScramKeys { hash, salt: salt.to_vec(), iterations, stored_key, server_key })
    }

    /// One line of ASCII without spaces (RFC 5803 §3), as in `SCRAM-SHA-256$4096:c2FsdA==$…$…`.
    pub fn to_text(&self) -> String {
        let base64 = |octets: &[u8]| STANDARD.encode(octets);
        let (salt, stored, server) = (base64(&self.salt), base64(&self.stored_key), base64(&self.server_key));
        format!("{}${}:{salt}${stored}:{server}", self.hash.name(), self.iterations)
    }

    /// What [`ScramKeys::to_text`] wrote.
    ///
    /// # Errors
    /// When it is not of that form, or its numbers are out of bounds.
    pub fn from_text(text: &str) -> Result<ScramKeys, KeysError> {
        let mut parts = text.split('$');
        let (Some(name), Some(cost), Some(keys), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(KeysError::Form);
        };
        let hash = ScramHash::ALL.into_iter().find(|hash| hash.name() == name).ok_or(KeysError::Form)?;
        let (iterations, salt) = cost.split_once(':').ok_or(KeysError::Form)?;
        let (stored, server) = keys.split_once(':').ok_or(KeysError::Form)?;
        let base64 = |text: &str| STANDARD.decode(text).map_err(|_| KeysError::Form);
        let (salt, stored_key, server_key) = (base64(salt)?, base64(stored)?, base64(server)?);
        if stored_key.len() != hash.octets() || server_key.len() != hash.octets() {
            return Err(KeysError::Form);
        }
        let iterations = positive(iterations).ok_or(KeysError::Form)?;
        let iterations = u32::try_from(iterations).map_err(|_| KeysError::Iterations(iterations))?;
        check(&salt, iterations)?;
        Ok(ScramKeys { hash, salt, iterations, stored_key, server_key })
    }

    /// Whether `proof` is of somebody who knows the password (RFC 5802 §3).
    pub(crate) fn prove(&self, auth_message: &[u8], proof: &[u8]) -> bool {
        let signature = self.hash.hmac(&self.stored_key, auth_message);
        if proof.len() != signature.len() {
            return false;
        }
        let client_key = Zeroizing::new(xor(proof, &signature));
        constant_time::verify_slices_are_equal(&self.hash.digest(&client_key), &self.stored_key).is_ok()
    }

    /// ServerSignature.
    pub(crate) fn server_signature(&self, auth_message: &[u8]) -> Vec<u8> {
        self.hash.hmac(&self.server_key, auth_message)
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}${}:…", self.hash.name(), self.iterations)
    }
}

impl ScramHash {
    /// Both.
    pub const ALL: [ScramHash; 2] = [ScramHash::Sha1, ScramHash::Sha256];

    /// The name of its mechanism without channel binding.
    pub fn name(self) -> &'static str {
        match self {
            ScramHash::Sha1 => "SCRAM-SHA-1",
            ScramHash::Sha256 => "SCRAM-SHA-256",
        }
    }

    /// How long its keys are.
    pub fn octets(self) -> usize {
        match self {
            ScramHash::Sha1 => digest::SHA1_OUTPUT_LEN,
            ScramHash::Sha256 => digest::SHA256_OUTPUT_LEN,
        }
    }

    /// SaltedPassword of a prepared password.
    pub(crate) fn salted(self, password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Zeroizing<Vec<u8>> {
        let algorithm = match self {
            ScramHash::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            ScramHash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        };
        let mut salted = Zeroizing::new(vec![0; self.octets()]);
        pbkdf2::derive(algorithm, iterations, salt, password, &mut salted);
        salted
    }

    /// ClientKey.
    pub(crate) fn client_key(self, salted: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.hmac(salted, b"Client Key"))
    }

    pub(crate) fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            ScramHash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            ScramHash::Sha256 => hmac::HMAC_SHA256,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), data).as_ref().to_vec()
    }

    pub(crate) fn digest(self, data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            ScramHash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            ScramHash::Sha256 => &digest::SHA256,
        };
        digest::digest(algorithm, data).as_ref().to_vec()
    }
}

/// The iterations, once they and the salt are known to be in bounds.
pub(crate) fn check(salt: &[u8], iterations: u32) -> Result<NonZeroU32, KeysError> {
    if salt.is_empty() || salt.len() > SALT_OCTETS_MAX {
        return Err(KeysError::Salt(salt.len()));
    }
    let usable = (ITERATIONS_MIN..=ITERATIONS_MAX).contains(&iterations);
    NonZeroU32::new(iterations).filter(|_| usable).ok_or(KeysError::Iterations(iterations.into()))
}

/// `posit-number` of RFC 5802 §7.
pub(crate) fn positive(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits && !text.starts_with('0'))
}

/// Of two texts of one length.
pub(crate) fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_printed_and_parsed() {
        for hash in ScramHash::ALL {
            let keys = ScramKeys::derive(hash, b"pencil", b"salt", ITERATIONS_MIN).unwrap();
            let text = keys.to_text();
            assert!(text.starts_with(&format!("{}$4096:c2FsdA==$", hash.name())), "{text}");
            assert_eq!(ScramKeys::from_text(&text), Ok(keys.clone()));
            assert_eq!(format!("{keys:?}"), format!("{}$4096:…", hash.name()));
        }
        let text = ScramKeys::derive(ScramHash::Sha256, b"pencil", b"salt", ITERATIONS_MIN).unwrap().to_text();
        let check =
            |text: String, expected: KeysError| assert_eq!(ScramKeys::from_text(&text), Err(expected), "{text}");
        check(String::new(), KeysError::Form);
        check(text.replace("256", "512"), KeysError::Form);
        check(text.replace("256", "1"), KeysError::Form);
        check(text.replace("4096", "04096"), KeysError::Form);
        check(text.replace("4096", "+4096"), KeysError::Form);
        check(text.replace("4096", "4095"), KeysError::Iterations(4095));
        check(text.replace("4096", "5000000000"), KeysError::Iterations(5_000_000_000));
        check(text.replace("c2FsdA==", ""), KeysError::Salt(0));
        check(text.replace("c2FsdA==", "c2FsdA"), KeysError::Form);
        check(format!("{text}$"), KeysError::Form);
    }

    /// Both spell one password.
    #[test]
    fn passwords_are_prepared() {
        let derive =
            |text: &str| ScramKeys::derive(ScramHash::Sha256, text.as_bytes(), b"salt", ITERATIONS_MIN).unwrap();
        assert_eq!(derive("Bu\u{308}ro \u{2168}"), derive("B\u{fc}ro IX"));
    }
}
