//! What an object is called: the hash of what is in it, and with a key, so that nobody who sees only names can tell whether
//! something they know is in it.

use crate::age::Recipient;
use std::fmt;
use store::BlobId;

/// An object's name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub [u8; 32]);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        BlobId(self.0).fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

/// How objects are named.
#[derive(Clone, Copy)]
pub struct Naming(Option<[u8; 32]>);

impl Naming {
    /// By their hash.
    pub const PLAIN: Naming = Naming(None);

    /// With the owner's key; whatever is encrypted to others is another object.
    pub fn keyed(key: &[u8; 32], recipients: &[Recipient]) -> Naming {
        let mut recipients: Vec<&[u8]> = recipients.iter().map(Recipient::as_bytes).collect();
        recipients.sort_unstable();
        let mut hasher = blake3::Hasher::new_derive_key("postamt backup, names of encrypted objects, 1");
        hasher.update(key).update(&recipients.concat());
        Naming(Some(*hasher.finalize().as_bytes()))
    }

    /// As a backup keeps it.
    pub fn kept(key: Option<[u8; 32]>) -> Naming {
        Naming(key)
    }

    /// What a backup keeps.
    pub fn key(&self) -> Option<[u8; 32]> {
        self.0
    }

    /// Of what has this hash.
    pub fn name(&self, hash: &[u8; 32]) -> Name {
        Name(self.0.map_or(*hash, |key| *blake3::keyed_hash(&key, hash).as_bytes()))
    }
}
