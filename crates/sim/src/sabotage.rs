//! Servers that are broken on purpose, one promise each: if the judge does not see that, it sees nothing.

mod early;
mod uid;

use crate::disk::Disk;
use crate::server::Service;
use env::Conversation;
use std::sync::Arc;
use store::memory::MemoryStore;
use store::{Answer, Batch, CommitError, Query, ReadError, Reading, Snapshot, Store};

/// What is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sabotage {
    /// The store answers before anything is durable.
    MissingSync,
    /// `250` comes before the commit.
    EarlyReply,
    /// The store does not look whether rows are as they are expected.
    SkippedExpectation,
    /// The row that holds a blob stays when its message goes.
    LeakedBlob,
    /// A start reckons UIDNEXT from the messages that are there.
    ReusedUid,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Sabotage; 5] = [
        Sabotage::MissingSync,
        Sabotage::EarlyReply,
        Sabotage::SkippedExpectation,
        Sabotage::LeakedBlob,
        Sabotage::ReusedUid,
    ];

    /// The store as a new process gets it.
    pub fn store(self, disk: &Disk, store: Arc<dyn Store>) -> Arc<dyn Store> {
        match self {
            Sabotage::MissingSync => Arc::new(Unsynced { seen: disk.rows.copy(), disk: disk.rows.clone() }),
            Sabotage::SkippedExpectation => Arc::new(Edited { store, edit: |batch| batch.expect.clear() }),
            Sabotage::LeakedBlob => Arc::new(Edited { store, edit: keep_links }),
            Sabotage::EarlyReply | Sabotage::ReusedUid => store,
        }
    }

    /// A conversation as a peer gets it.
    pub fn conversation(self, service: Service, conversation: Box<dyn Conversation>) -> Box<dyn Conversation> {
        match (self, service) {
            (Sabotage::EarlyReply, Service::Smtp) => early::hasty(conversation),
            _ => conversation,
        }
    }

    /// A process has ended.
    pub fn restarted(self, disk: &Disk) {
        if self == Sabotage::ReusedUid {
            uid::reckon(&disk.rows);
        }
    }
}

/// What is written is seen at once, and durable later.
struct Unsynced {
    seen: MemoryStore,
    disk: MemoryStore,
}

impl Store for Unsynced {
    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>> {
        self.seen.read(queries)
    }

    fn commit(&self, batch: Batch) -> Answer<'static, Result<(), CommitError>> {
        drop(self.disk.commit(batch.clone()));
        self.seen.commit(batch)
    }

    fn snapshot(&self) -> Answer<'_, Result<Box<dyn Snapshot>, ReadError>> {
        self.disk.snapshot()
    }
}

/// Batches are written otherwise than they were handed in.
struct Edited {
    store: Arc<dyn Store>,
    edit: fn(&mut Batch),
}

impl Store for Edited {
    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>> {
        self.store.read(queries)
    }

    fn commit(&self, mut batch: Batch) -> Answer<'static, Result<(), CommitError>> {
        (self.edit)(&mut batch);
        self.store.commit(batch)
    }

    fn snapshot(&self) -> Answer<'_, Result<Box<dyn Snapshot>, ReadError>> {
        self.store.snapshot()
    }
}

/// Cells of blobs begin with `b`.
fn keep_links(batch: &mut Batch) {
    batch.writes.retain(|write| write.value.is_some() || write.cell.as_bytes().first() != Some(&b'b'));
}
