//! Ordered keys and bytes: the seam between mail and whatever keeps it.
//!
//! A [`Store`] holds rows in *cells* (an account, a queue partition, the directory). A [`Batch`] is atomic, durable when its
//! future is ready, and may expect rows of its own cell to be as the writer knows them; rows it adds to other cells are
//! unconditional and uniquely keyed. So cells can lie on any number of machines without a distributed transaction.
//! [`Blobs`] hold large immutable octets under their BLAKE3 hash. Nothing here knows what mail is.
//!
//! `batch`, `query`, `snapshot` and `blobs` are the nouns; [`memory`] is the reference that services are tested on, with crashes;
//! [`conformance`] is what every backend must pass.
//!
//! ```
//! use store::{Batch, Cell, CommitError, Query, Space, Store, block_on, memory::MemoryStore};
//! let store = MemoryStore::new();
//! let account = Cell::new("account 1");
//! let mut batch = Batch::new(account.clone());
//! batch.expect("head", None).put(Space::Rows, "head", "1");
//! assert_eq!(block_on(store.commit(batch.clone())), Ok(()));
//! assert_eq!(block_on(store.commit(batch)), Err(CommitError::Conflict)); // there is a head now
//! let head = block_on(store.read(vec![Query::row(&account, "head")])).map(|reading| reading.into_row());
//! assert_eq!(head, Ok(Some("1".into())));
//! ```

pub mod conformance;
pub mod memory;

mod batch;
mod blobs;
mod block;
mod query;
mod snapshot;

pub use batch::{Batch, CommitError, Expectation, Write};
pub use blobs::{BlobHold, BlobHolds, BlobId, BlobPage, BlobWriter, Blobs, HeldBlob};
pub use block::block_on;
pub use query::{Found, Get, Order, Page, Query, ReadError, Reading, Scan};
pub use snapshot::{RowPlace, Snapshot, SnapshotPage};

pub use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, Ready};

/// What the store gives back: at once for most local reads, later otherwise.
pub type Answer<'a, T> = Either<Ready<T>, BoxFuture<'a, T>>;

/// The answer that is there already.
pub fn ready<'a, T>(value: T) -> Answer<'a, T> {
    Either::Left(futures_util::future::ready(value))
}

/// The answer that `future` will give.
pub fn later<'a, T>(future: impl Future<Output = T> + Send + 'a) -> Answer<'a, T> {
    Either::Right(Box::pin(future))
}

/// Which rows lie together; at most [`Cell::OCTETS_MAX`] octets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cell(Bytes);

impl Cell {
    /// A cell's name is one counted octet string on disk, its length one octet.
    pub const OCTETS_MAX: usize = 255;

    /// # Panics
    /// When `name` is longer than [`Cell::OCTETS_MAX`]: cells are named by our own code, never by a peer.
    pub fn new(name: impl Into<Bytes>) -> Cell {
        let name = name.into();
        assert!(name.len() <= Self::OCTETS_MAX, "cell names are short");
        Cell(name)
    }

    /// The name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Rows of different size and life are kept apart, so that scanning the small ones never reads the large ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Space {
    /// Small rows: records and indexes.
    Rows,
    /// Message bodies of up to 32 KiB (DESIGN §4), written once.
    Bodies,
}

/// An ordered store of rows in cells.
pub trait Store: Send + Sync {
    /// Answers all `queries` from one snapshot, in their order.
    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>>;

    /// Applies `batch` whole or not at all. When the answer is `Ok` it is durable and visible; batches of one caller to one
    /// cell take effect in the order of the calls. It is under way when this returns: dropping the answer does not cancel it.
    fn commit(&self, batch: Batch) -> Answer<'static, Result<(), CommitError>>;

    /// All rows as they are now: a batch that was acknowledged before is in it whole, another one whole or not at all.
    fn snapshot(&self) -> Answer<'_, Result<Box<dyn Snapshot>, ReadError>>;
}
