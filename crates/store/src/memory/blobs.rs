//! Blobs in memory.

use super::waiting::Waiting;
use super::{crashed, flipped, lock};
use crate::{
    Answer, BlobHolds, BlobId, BlobPage, BlobWriter, Blobs, Bytes, CommitError, HeldBlob, ReadError, later, ready,
};
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

/// Blobs in memory; clones are the same blobs.
#[derive(Clone)]
pub struct MemoryBlobs(Arc<Mutex<State>>);

type Outcome = Result<HeldBlob, CommitError>;

struct State {
    manual: bool,
    blobs: BTreeMap<BlobId, Blob>,
    holds: BlobHolds,
    waiting: Waiting<Bytes, HeldBlob>,
    fail_next: VecDeque<CommitError>,
    /// Counts crashes: a writer from before one is dead.
    life: u64,
    full: bool,
}

/// Ids in a page of `list`.
const PAGE_IDS_MAX: usize = if cfg!(test) { 100 } else { 1000 };

struct Blob {
    octets: Bytes,
    /// Whether the octets are still those of its name.
    sound: bool,
}

impl Default for MemoryBlobs {
    fn default() -> MemoryBlobs {
        MemoryBlobs::new()
    }
}

impl MemoryBlobs {
    /// Blobs that are durable at once.
    pub fn new() -> MemoryBlobs {
        MemoryBlobs::with(false)
    }

    /// Finished blobs wait until a `sync_…` or a crash.
    pub fn with_manual_sync() -> MemoryBlobs {
        MemoryBlobs::with(true)
    }

    fn with(manual: bool) -> MemoryBlobs {
        let (blobs, waiting) = (BTreeMap::new(), Waiting::new());
        MemoryBlobs(Arc::new(Mutex::new(State {
            manual,
            blobs,
            holds: BlobHolds::default(),
            waiting,
            fail_next: VecDeque::new(),
            life: 0,
            full: false,
        })))
    }

    /// How many finished blobs wait.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Ready when a finished blob waits: for a task that is the disk.
    pub async fn wanted(&self) {
        poll_fn(|cx| self.state().waiting.wanted(cx)).await;
    }

    /// The next write to a blob, of octets or of its end, fails with `error`; several calls stand in line.
    pub fn fail_next(&self, error: CommitError) {
        self.state().fail_next.push_back(error);
    }

    /// How many blobs there are.
    pub fn len(&self) -> usize {
        self.state().blobs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes the blob that has waited longest durable and answers it. Whether there was one.
    pub fn sync_one(&self) -> bool {
        let mut state = self.state();
        let Some((octets, answer)) = state.waiting.pop() else { return false };
        let outcome = state.keep(octets);
        drop(state); // the answer may wake a task that calls us
        let _ = answer.send(outcome); // nobody listens: a dropped answer cancels nothing
        true
    }

    /// Makes all waiting blobs durable; returns how many.
    pub fn sync_all(&self) -> usize {
        std::iter::repeat_with(|| self.sync_one()).take_while(|&synced| synced).count()
    }

    /// A power cut: what waits or is being written is lost.
    pub fn crash(&self) {
        let mut state = self.state();
        state.life += 1;
        state.holds = BlobHolds::default();
        let waiting = state.waiting.take();
        drop(state);
        for (_, answer) in waiting {
            let _ = answer.send(Err(crashed()));
        }
    }

    /// While full, nothing can be written.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// Flips a bit in the blob's last octet, as a bad disk does. Whether there was one.
    pub fn damage(&self, id: BlobId) -> bool {
        let mut state = self.state();
        let Some(blob) = state.blobs.get_mut(&id) else { return false };
        blob.octets = flipped(&blob.octets);
        blob.sound = *blake3::hash(&blob.octets).as_bytes() == id.0;
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl State {
    fn room(&self) -> Result<(), CommitError> {
        if self.full { Err(CommitError::NoSpace("the memory blobs were told to be full".into())) } else { Ok(()) }
    }

    fn keep(&mut self, octets: Bytes) -> Outcome {
        self.room()?;
        let id = BlobId(*blake3::hash(&octets).as_bytes());
        self.blobs.insert(id, Blob { octets, sound: true });
        Ok(HeldBlob { id, hold: self.holds.hold(id) })
    }
}

impl Blobs for MemoryBlobs {
    fn begin(&self) -> Answer<'_, Result<Box<dyn BlobWriter>, CommitError>> {
        let state = self.state();
        let writer = Writer { blobs: self.clone(), life: state.life, octets: Vec::new() };
        ready(state.room().map(|()| Box::new(writer) as Box<dyn BlobWriter>))
    }

    fn get(&self, id: BlobId, range: Range<u64>) -> Answer<'_, Result<Option<Bytes>, ReadError>> {
        let state = self.state();
        let piece = |blob: &Blob| {
            let len = blob.octets.len();
            let end = usize::try_from(range.end).map_or(len, |end| end.min(len));
            let start = usize::try_from(range.start).map_or(end, |start| start.min(end));
            blob.octets.slice(start..end)
        };
        let found = state.blobs.get(&id);
        if found.is_some_and(|blob| !blob.sound) {
            return ready(Err(ReadError::Damaged(format!("blob {id} is not what its name says"))));
        }
        ready(Ok(found.map(piece)))
    }

    fn doubt(&self, id: BlobId) -> bool {
        self.state().holds.doubt(id)
    }

    fn delete(&self, id: BlobId) -> Answer<'_, Result<bool, CommitError>> {
        let mut state = self.state();
        let gone = state.holds.settle(id);
        if gone {
            state.blobs.remove(&id);
        }
        ready(Ok(gone))
    }

    fn list(&self, after: Option<BlobId>) -> Answer<'_, Result<BlobPage, ReadError>> {
        let state = self.state();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut behind = state.blobs.range((from, Bound::Unbounded)).map(|(id, _)| *id);
        let ids = behind.by_ref().take(PAGE_IDS_MAX).collect();
        ready(Ok(BlobPage { ids, more: behind.next().is_some() }))
    }
}

struct Writer {
    blobs: MemoryBlobs,
    life: u64,
    octets: Vec<u8>,
}

impl Writer {
    fn alive(&self, state: &mut State) -> Result<(), CommitError> {
        match state.fail_next.pop_front() {
            _ if self.life != state.life => Err(crashed()),
            Some(error) => Err(error),
            None => state.room(),
        }
    }
}

impl BlobWriter for Writer {
    fn write(&mut self, octets: Bytes) -> Answer<'_, Result<(), CommitError>> {
        let alive = self.alive(&mut self.blobs.state());
        if alive.is_ok() {
            self.octets.extend_from_slice(&octets);
        }
        ready(alive)
    }

    fn finish(self: Box<Self>) -> Answer<'static, Outcome> {
        let mut state = self.blobs.state();
        if let Err(error) = self.alive(&mut state) {
            return ready(Err(error));
        }
        let octets = Bytes::from(self.octets.clone());
        if !state.manual {
            return ready(state.keep(octets));
        }
        let (outcome, disk) = state.waiting.push(octets);
        drop(state);
        disk.into_iter().for_each(Waker::wake);
        later(async { outcome.await.unwrap_or_else(|_| Err(crashed())) })
    }
}
