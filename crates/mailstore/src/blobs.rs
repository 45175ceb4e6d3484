//! Blobs that no email names go, once they are older than any append under way can be.

use crate::rows;
use crate::{Error, Mailstore};
use model::QueueId;
use std::time::Duration;
use store::{BlobId, Bytes, Cell, Query};

/// How old a blob without a link must be to go: longer than a message may take from its last octet to its commit.
pub const BLOB_GRACE: Duration = Duration::from_secs(24 * 3600);

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
    /// Removes blobs that nothing links to and that are older than [`BLOB_GRACE`]; returns how many.
    pub async fn collect_blobs(&self) -> Result<usize, Error> {
        let grace_ms = i64::try_from(BLOB_GRACE.as_millis()).unwrap_or(i64::MAX);
        let older_than_ms = self.clock.wall().unix_ms() - grace_ms;
        let (mut gone, mut after) = (0, None);
        loop {
            let page = self.blobs.list(after).await?;
            for &blob in &page.ids {
                let link = Query::prefix(&rows::blob_cell(blob), b"", None, 1);
                let unlinked = self.store.read(vec![link]).await?.into_page().rows.is_empty();
                gone += usize::from(unlinked && self.blobs.delete(blob, older_than_ms).await?);
            }
            after = page.ids.last().copied();
            if !page.more || after.is_none() {
                return Ok(gone);
            }
        }
    }
}
