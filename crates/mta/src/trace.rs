//! What happened to each message: written in the commits that make it happen, read by `postamt trace`.
//!
//! Rows of the cell `trace/0`, key `T` id time counter: one for each station of a message's way, never changed. Ids grow with time, so
//! that a search walks back from the newest message, and old records go from the front.

mod record;

pub use record::{TraceEvent, TraceRecord};

use model::{QueueId, Timestamp};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use store::{Batch, Bytes, Cell, CommitError, Order, Query, ReadError, Scan, Space, Store, Write};

/// How long records are kept.
pub const TRACE_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Records removed with one commit.
const TRIMMED_AT_ONCE: usize = 1000;
/// Records of one message that are shown: a week of retries to a hundred recipients has more, and its end is what counts.
const OF_MESSAGE_MAX: usize = 10_000;
const PREFIX: u8 = b'T';
const ID_SHIFT: u32 = 20;

/// The records of this process's store.
pub struct Trace {
    store: Arc<dyn Store>,
    counter: AtomicU32,
}

/// Which messages are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceSearch {
    /// A part of a recipient's address, in any case.
    pub to: Option<String>,
    /// A part of the sender's address, in any case.
    pub from: Option<String>,
    /// Not older than this.
    pub since: Option<Timestamp>,
    /// Most messages given.
    pub messages_max: usize,
}

/// When the message with this id was accepted: ids begin with the time.
pub fn accepted_at(id: QueueId) -> Timestamp {
    Timestamp::from_unix_ms(i64::try_from(id.0 >> ID_SHIFT).unwrap_or(i64::MAX))
}

/// The first id that a message accepted at `at` can have.
pub(crate) fn first_id(at: Timestamp) -> u64 {
    at.unix_ms().unsigned_abs() << ID_SHIFT
}

fn cell() -> Cell {
    Cell::new(Bytes::from_static(b"trace/0"))
}

/// Whether a row of ours can be read; `None`: it is not ours.
pub fn judge(place: &store::RowPlace, row: &[u8]) -> Option<Result<(), model::RecordError>> {
    let is_ours = place.cell == cell() && place.space == Space::Rows;
    is_ours.then(|| id_of(&place.key).ok_or(model::RecordError::Short).and(TraceRecord::decode(row).map(|_| ())))
}

fn prefix(id: QueueId) -> Vec<u8> {
    [&[PREFIX][..], &id.0.to_be_bytes()].concat()
}

fn id_of(key: &[u8]) -> Option<QueueId> {
    key.get(1..)?.first_chunk().map(|id| QueueId(u64::from_be_bytes(*id)))
}

impl Trace {
    /// The records that lie in `store`.
    pub fn new(store: Arc<dyn Store>) -> Trace {
        Trace { store, counter: AtomicU32::new(0) }
    }

    /// The row of a record, for a batch of whatever cell.
    pub(crate) fn write(&self, id: QueueId, record: &TraceRecord) -> Write {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        let time = record.at.unix_ms().to_be_bytes();
        let key = [&prefix(id)[..], &time, &counter.to_be_bytes()].concat();
        Write { space: Space::Rows, cell: cell(), key: key.into(), value: Some(record.encode().into()) }
    }

    /// Adds a record to `batch`.
    pub(crate) fn add(&self, batch: &mut Batch, id: QueueId, record: &TraceRecord) {
        let write = self.write(id, record);
        batch.writes.push(write);
    }

    /// The story of one message, in order.
    pub async fn of(&self, id: QueueId) -> Result<Vec<TraceRecord>, ReadError> {
        let (mut records, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.read(vec![Query::prefix(&cell(), &prefix(id), after, 500)]).await?.into_page();
            records.extend(page.rows.iter().filter_map(|(key, row)| record::readable(key, row)));
            after = page.rows.last().map(|(key, _)| key.clone());
            if !page.more || records.len() >= OF_MESSAGE_MAX {
                return Ok(records);
            }
        }
    }

    /// The ids of the newest messages that match, newest first.
    pub async fn search(&self, search: &TraceSearch) -> Result<Vec<QueueId>, ReadError> {
        let from = search.since.map_or_else(|| vec![PREFIX], |since| prefix(QueueId(first_id(since))));
        let (mut ids, mut before) = (Vec::<QueueId>::new(), Bound::Excluded(Bytes::from(vec![PREFIX + 1])));
        loop {
            let scan = Scan {
                space: Space::Rows,
                cell: cell(),
                from: Bound::Included(from.clone().into()),
                to: before,
                order: Order::Descending,
                rows_max: 1000,
                octets_max: Scan::OCTETS_DEFAULT,
            };
            let page = self.store.read(vec![Query::Scan(scan)]).await?.into_page();
            for (key, row) in &page.rows {
                let Some((id, record)) = id_of(key).zip(record::readable(key, row)) else { continue };
                if ids.last() != Some(&id) && record.matches(search) && !ids.contains(&id) {
                    ids.push(id);
                }
                if ids.len() >= search.messages_max {
                    return Ok(ids);
                }
            }
            match page.rows.last().filter(|_| page.more) {
                Some((key, _)) => before = Bound::Excluded(key.clone()),
                None => return Ok(ids),
            }
        }
    }

    /// Removes what is older than [`TRACE_KEPT`]; returns how many records.
    pub async fn trim(&self, now: Timestamp) -> Result<usize, TrimError> {
        let kept_ms = i64::try_from(TRACE_KEPT.as_millis()).unwrap_or(i64::MAX);
        let first_kept = QueueId(first_id(Timestamp::from_unix_ms((now.unix_ms() - kept_ms).max(0))));
        let mut gone = 0;
        loop {
            let page =
                self.store.read(vec![Query::prefix(&cell(), &[PREFIX], None, TRIMMED_AT_ONCE)]).await?.into_page();
            let mut batch = Batch::new(cell());
            batch.makes_room = true;
            for (key, _) in page.rows.iter().take_while(|(key, _)| id_of(key).is_some_and(|id| id < first_kept)) {
                batch.delete(Space::Rows, key.clone());
            }
            let old = batch.writes.len();
            gone += old;
            if old > 0 {
                self.store.commit(batch).await?;
            }
            if old < page.rows.len() || !page.more {
                return Ok(gone);
            }
        }
    }
}

/// Why old records were not removed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TrimError {
    /// They could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// They could not be removed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}
