//! Blobs that no email names go, once they are older than any append under way can be.

use crate::rows;
use crate::{Error, Mailstore};
use env::Clock;
use model::{Moment, QueueId, Timestamp};
use std::sync::PoisonError;
use std::time::Duration;
use store::{BlobId, Bytes, Cell, Query};

/// How old a blob without a link must be to go: longer than a message may take from its last octet to its commit.
pub const BLOB_GRACE: Duration = Duration::from_secs(3600);
/// More than clocks are set by as they are kept right.
const JUMP: Duration = Duration::from_secs(60);

/// What [`Mailstore::collect_blobs`] found without a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Collected {
    /// They went.
    pub gone: usize,
    /// They are too young, or held.
    pub left: usize,
}

/// Blobs carry the time of day at which they were written, which looks older than it is when the clock was put forward since.
pub(crate) struct Steady {
    wall: Timestamp,
    monotonic: Moment,
    /// Until then no age is believed.
    from: Moment,
}

impl Steady {
    pub(crate) fn new(clock: &dyn Clock) -> Steady {
        let monotonic = clock.monotonic();
        Steady { wall: clock.wall(), monotonic, from: monotonic }
    }

    /// The clock, and whether it went on as it should for as long as the oldest append under way can have begun.
    fn look(&mut self, clock: &dyn Clock) -> (Timestamp, bool) {
        let (wall, monotonic) = (clock.wall(), clock.monotonic());
        let passed_ms = i64::try_from((monotonic - self.monotonic).as_millis()).unwrap_or(i64::MAX);
        let jump_ms = (wall.unix_ms() - self.wall.unix_ms()).saturating_sub(passed_ms);
        if jump_ms > JUMP.as_millis() as i64 {
            self.from = monotonic + BLOB_GRACE;
        }
        (self.wall, self.monotonic) = (wall, monotonic);
        (wall, monotonic >= self.from)
    }
}

/// The row by which a queued message holds its blob; it goes with the message.
pub fn queue_link(blob: BlobId, queue: QueueId) -> (Cell, Bytes) {
    (rows::blob_cell(blob), [b"q".as_slice(), &queue.0.to_be_bytes()].concat().into())
}

/// The cell that holds a blob's links.
pub fn links_of(blob: BlobId) -> Cell {
    rows::blob_cell(blob)
}

/// The blob whose links lie in this cell, if it is one of those.
pub fn blob_of(cell: &Cell) -> Option<BlobId> {
    let id = cell.as_bytes().strip_prefix(b"b")?.try_into().ok()?;
    Some(BlobId(id))
}

impl Mailstore {
    /// Removes blobs that nothing links to and that are older than [`BLOB_GRACE`]. None goes while they are `held`: somebody
    /// reads what rows named some time ago.
    pub async fn collect_blobs(&self, held: &(dyn Fn() -> bool + Sync)) -> Result<Collected, Error> {
        let (now, steady) = self.steady.lock().unwrap_or_else(PoisonError::into_inner).look(&*self.clock);
        let older_than_ms = now.unix_ms() - i64::try_from(BLOB_GRACE.as_millis()).unwrap_or(i64::MAX);
        let (mut found, mut after) = (Collected::default(), None);
        loop {
            let page = self.blobs.list(after).await?;
            for &blob in &page.ids {
                let link = Query::prefix(&rows::blob_cell(blob), b"", None, 1);
                if !self.store.read(vec![link]).await?.into_page().rows.is_empty() {
                    continue;
                }
                match steady && !held() && self.blobs.delete(blob, older_than_ms).await? {
                    true => found.gone += 1,
                    false => found.left += 1,
                }
            }
            after = page.ids.last().copied();
            if !page.more || after.is_none() {
                return Ok(found);
            }
        }
    }
}
