//! Large octets, kept under their hash.

use crate::{Answer, Bytes, ReadError};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// Keeps a blob from being deleted, until all clones of it are dropped: it lies there, and the row that will name it does not yet.
#[derive(Clone, Default)]
pub struct BlobHold(Option<Arc<Hold>>);

impl fmt::Debug for BlobHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "held" } else { "not held" })
    }
}

/// Who holds it is nothing about a blob.
impl PartialEq for BlobHold {
    fn eq(&self, _: &BlobHold) -> bool {
        true
    }
}
impl Eq for BlobHold {}

/// A blob that was just written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldBlob {
    /// Its name.
    pub id: BlobId,
    /// Goes with the [batch](crate::Batch::hold) whose row names it.
    pub hold: BlobHold,
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

    /// Somebody will look now whether any row names the blob. `false` when it is [held](BlobHold), so that one may at any moment.
    fn doubt(&self, id: BlobId) -> bool;

    /// Forgets a [doubted](Self::doubt) blob, unless it was written again since. Whether it is gone.
    fn delete(&self, id: BlobId) -> Answer<'_, Result<bool, crate::CommitError>>;

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
    /// Makes the blob durable under its hash, and holds it.
    fn finish(self: Box<Self>) -> Answer<'static, Result<HeldBlob, crate::CommitError>>;
}

/// Which blobs are held and doubted, for those who keep blobs.
#[derive(Clone, Default)]
pub struct BlobHolds(Arc<Mutex<Holds>>);

#[derive(Default)]
struct Holds {
    held: HashMap<BlobId, usize>,
    doubted: HashSet<BlobId>,
}

impl BlobHolds {
    fn holds(&self) -> MutexGuard<'_, Holds> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The blob is being written: it is not doubted any more. To be called before it can be seen, or while nothing is deleted.
    pub fn hold(&self, id: BlobId) -> BlobHold {
        let mut holds = self.holds();
        holds.doubted.remove(&id);
        *holds.held.entry(id).or_default() += 1;
        BlobHold(Some(Arc::new(Hold(self.clone(), id))))
    }

    /// As [`Blobs::doubt`].
    pub fn doubt(&self, id: BlobId) -> bool {
        let mut holds = self.holds();
        let free = !holds.held.contains_key(&id);
        if free {
            holds.doubted.insert(id);
        }
        free
    }

    /// Whether the blob may go, which was doubted and not written again since; it is not doubted any more.
    pub fn settle(&self, id: BlobId) -> bool {
        self.holds().doubted.remove(&id)
    }
}

struct Hold(BlobHolds, BlobId);

impl Drop for Hold {
    fn drop(&mut self) {
        let Hold(holds, id) = self;
        let mut holds = holds.holds();
        if let Some(count) = holds.held.get_mut(id) {
            *count -= 1;
            if *count == 0 {
                holds.held.remove(id);
            }
        }
    }
}
