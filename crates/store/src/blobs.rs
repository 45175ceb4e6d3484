//! Large octets, kept under their hash.

use crate::{Answer, Bytes, ReadError};
use std::fmt;
use std::ops::Range;

/// The BLAKE3 hash of a blob's octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub [u8; 32]);

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}
impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self})")
    }
}

/// Content-addressed, immutable, large octets. A blob is durable before a row names it; collecting those that no row
/// names any more is the mail store's affair.
pub trait Blobs: Send + Sync {
    /// Begins a blob whose octets will be streamed.
    fn begin(&self) -> Answer<'_, Result<Box<dyn BlobWriter>, crate::CommitError>>;

    /// The octets of `range`; an empty answer behind the end. `Ok(None)`: there is no such blob.
    /// Callers ask for pieces of bounded size. Octets that are not those of the blob's hash are never given out: the answer
    /// is [`ReadError::Damaged`], for the whole blob or for the pieces that are wrong.
    fn get(&self, id: BlobId, range: Range<u64>) -> Answer<'_, Result<Option<Bytes>, ReadError>>;

    /// Forgets the blob, if it was written or renewed before `older_than_ms` (wall clock). Whether it is gone.
    fn delete(&self, id: BlobId, older_than_ms: i64) -> Answer<'_, Result<bool, crate::CommitError>>;

    /// The ids of the blobs behind `after`, in order.
    fn list(&self, after: Option<BlobId>) -> Answer<'_, Result<BlobPage, ReadError>>;
}

/// Some blobs' ids.
#[derive(Clone, Debug, Default)]
pub struct BlobPage {
    /// In order.
    pub ids: Vec<BlobId>,
    /// Whether more follow.
    pub more: bool,
}

/// A blob being written; dropping it forgets it.
pub trait BlobWriter: Send {
    /// Appends octets.
    fn write(&mut self, octets: Bytes) -> Answer<'_, Result<(), crate::CommitError>>;
    /// Makes the blob durable under its hash. Writing one that exists renews its age.
    fn finish(self: Box<Self>) -> Answer<'static, Result<BlobId, crate::CommitError>>;
}
