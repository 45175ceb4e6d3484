//! Encryption to a key, in the format of age (age-encryption.org/v1, C2SP): what is written here, `age` and `rage` open too.
//!
//! Only keys of the kind `age1…`/`AGE-SECRET-KEY-1…` (X25519) are known, and nothing but the primitives is borrowed.

mod bech32;
mod header;
mod stream;
#[cfg(test)]
mod tests;

pub use stream::{Opener, Sealer};

use aws_lc_rs::agreement::{PrivateKey, X25519};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// Octets of an X25519 key.
const KEY_OCTETS: usize = 32;
/// Octets of the key that a file is encrypted with.
const FILE_KEY_OCTETS: usize = 16;
const RECIPIENT: &str = "age";
const IDENTITY: &str = "age-secret-key-";

type FileKey = Zeroizing<[u8; FILE_KEY_OCTETS]>;
type Key = Zeroizing<[u8; KEY_OCTETS]>;

/// To whom something is encrypted: `age1…`. It is no secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Recipient([u8; KEY_OCTETS]);

/// What opens it: `AGE-SECRET-KEY-1…`. It does not print, but for [`Identity::expose`].
#[derive(Clone)]
pub struct Identity {
    secret: Key,
    recipient: Recipient,
}

/// Why something cannot be encrypted or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgeError {
    /// A recipient's text.
    #[error("it is no recipient of the form age1…, or has a typing error")]
    Recipient,
    /// An identity's text.
    #[error("it is no identity of the form AGE-SECRET-KEY-1…, or has a typing error")]
    Identity,
    /// Nothing that age wrote.
    #[error("it is not encrypted in the format age-encryption.org/v1, or damaged")]
    Format,
    /// It is for somebody else.
    #[error("it is encrypted to other keys than this identity's")]
    Foreign,
    /// It was changed.
    #[error("it does not fit its key: it was changed or cut")]
    Damaged,
    /// The library refuses.
    #[error("the cryptography library failed")]
    Library,
}

impl FromStr for Recipient {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Recipient, AgeError> {
        let octets = bech32::decode(RECIPIENT, text).ok_or(AgeError::Recipient)?;
        octets.as_slice().try_into().map(Recipient).map_err(|_| AgeError::Recipient)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32::encode(RECIPIENT, &self.0))
    }
}

impl Recipient {
    /// The public key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Identity {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Identity, AgeError> {
        let octets = Zeroizing::new(bech32::decode(IDENTITY, text).ok_or(AgeError::Identity)?);
        Identity::new(Zeroizing::new(octets.as_slice().try_into().map_err(|_| AgeError::Identity)?))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity of {}", self.recipient)
    }
}

impl Identity {
    fn new(secret: Key) -> Result<Identity, AgeError> {
        let public =
            PrivateKey::from_private_key(&X25519, &*secret).map_err(|_| AgeError::Identity)?.compute_public_key();
        let public = public.map_err(|_| AgeError::Library)?;
        let recipient = Recipient(public.as_ref().try_into().map_err(|_| AgeError::Library)?);
        Ok(Identity { secret, recipient })
    }

    /// A new one.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate() -> Result<Identity, AgeError> {
        Identity::new(Zeroizing::new(random()?))
    }

    /// Whom to encrypt to, so that this opens it.
    pub fn recipient(&self) -> Recipient {
        self.recipient
    }

    /// Its text, for the file that it is kept in.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(bech32::encode(IDENTITY, &*self.secret).to_ascii_uppercase())
    }
}

/// The identities in a file as `age-keygen` writes it: one a line, `#` begins a comment.
///
/// # Errors
/// When a line is something else.
pub fn identities(text: &str) -> Result<Vec<Identity>, AgeError> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::parse).collect()
}

/// Random octets.
///
/// # Errors
/// When there are none.
pub fn random<const N: usize>() -> Result<[u8; N], AgeError> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| AgeError::Library)?;
    Ok(octets)
}

fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Result<Key, AgeError> {
    let mut key = Zeroizing::new([0; KEY_OCTETS]);
    let info = [info];
    let derived = Salt::new(HKDF_SHA256, salt).extract(secret);
    derived.expand(&info, HKDF_SHA256).and_then(|okm| okm.fill(&mut *key)).map_err(|_| AgeError::Library)?;
    Ok(key)
}
