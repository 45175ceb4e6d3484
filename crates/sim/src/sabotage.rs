//! Servers that are broken on purpose, one promise each: if the judge does not see that, it sees nothing.

mod early;
mod uid;

use crate::disk::Disk;
use crate::server::Service;
use env::Conversation;
use std::sync::Arc;
use store::memory::MemoryStore;
use store::{Answer, Batch, CommitError, Query, ReadError, Reading, Snapshot, Store, Write, later};

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
    /// A STORE changes everything but the message.
    LostFlags,
    /// A COPY or MOVE changes everything but the mailbox it goes to.
    LostCopy,
    /// An EXPUNGE is answered before it is durable.
    EarlyExpunge,
    /// A subscription is not written.
    LostSubscription,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Sabotage; 9] = [
        Sabotage::MissingSync,
        Sabotage::EarlyReply,
        Sabotage::SkippedExpectation,
        Sabotage::LeakedBlob,
        Sabotage::ReusedUid,
        Sabotage::LostFlags,
        Sabotage::LostCopy,
        Sabotage::EarlyExpunge,
        Sabotage::LostSubscription,
    ];

    /// The store as a new process gets it.
    pub fn store(self, disk: &Disk, store: Arc<dyn Store>) -> Arc<dyn Store> {
        match self {
            Sabotage::MissingSync => Arc::new(Unsynced::new(disk, |_| true)),
            Sabotage::EarlyExpunge => Arc::new(Unsynced::new(disk, takes_members)),
            Sabotage::SkippedExpectation => Arc::new(Edited { store, edit: |batch| batch.expect.clear() }),
            Sabotage::LeakedBlob => Arc::new(Edited { store, edit: keep_links }),
            Sabotage::LostFlags => Arc::new(Edited { store, edit: forget_flags }),
            Sabotage::LostCopy => Arc::new(Edited { store, edit: forget_copies }),
            Sabotage::LostSubscription => Arc::new(Edited { store, edit: |batch| forget(batch, b'S') }),
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

/// What is written early is seen at once, and durable later.
struct Unsynced {
    seen: MemoryStore,
    disk: MemoryStore,
    early: fn(&Batch) -> bool,
}

impl Unsynced {
    fn new(disk: &Disk, early: fn(&Batch) -> bool) -> Unsynced {
        Unsynced { seen: disk.rows.copy(), disk: disk.rows.clone(), early }
    }
}

impl Store for Unsynced {
    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>> {
        self.seen.read(queries)
    }

    fn commit(&self, batch: Batch) -> Answer<'static, Result<(), CommitError>> {
        let (seen, durable) = (self.seen.clone(), self.disk.commit(batch.clone()));
        if (self.early)(&batch) {
            return seen.commit(batch);
        }
        later(async move {
            durable.await?;
            seen.commit(batch).await
        })
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

/// Whether a message leaves a mailbox.
fn takes_members(batch: &Batch) -> bool {
    batch.writes.iter().any(|write| kind(write) == Some(b'U') && write.value.is_none())
}

/// The rows of members stay as they were where flags are all that changes: no email and no place does.
fn forget_flags(batch: &mut Batch) {
    if batch.writes.iter().all(|write| kind(write).is_some_and(|kind| b"HKLMU".contains(&kind))) {
        forget(batch, b'U');
    }
}

/// No row of a member is written where an email that was there before gets another place.
fn forget_copies(batch: &mut Batch) {
    let puts = |row| batch.writes.iter().any(|write| kind(write) == Some(row) && write.value.is_some());
    if puts(b'P') && !puts(b'E') {
        forget(batch, b'U');
    }
}

/// Rows of a kind are not put.
fn forget(batch: &mut Batch, row: u8) {
    batch.writes.retain(|write| write.value.is_none() || kind(write) != Some(row));
}

/// What a row of an account is: keys begin with it.
fn kind(write: &Write) -> Option<u8> {
    write.key.first().copied().filter(|_| write.cell.as_bytes().first() == Some(&b'a'))
}

/// Cells of blobs begin with `b`.
fn keep_links(batch: &mut Batch) {
    batch.writes.retain(|write| write.value.is_some() || write.cell.as_bytes().first() != Some(&b'b'));
}
