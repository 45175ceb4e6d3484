//! Blobs that no email names go.

use crate::rows;
use crate::{Error, Mailstore};
use model::QueueId;
use store::{BlobId, Bytes, Cell, Query};

/// What [`Mailstore::collect_blobs`] found without a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Collected {
    /// They went.
    pub gone: usize,
    /// They stay for now.
    pub left: usize,
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
    /// Removes blobs that nothing links to, and nothing is about to. None goes while they are `kept`: somebody reads what rows
    /// named some time ago.
    pub async fn collect_blobs(&self, kept: &(dyn Fn() -> bool + Sync)) -> Result<Collected, Error> {
        let (mut found, mut after) = (Collected::default(), None);
        loop {
            let page = self.blobs.list(after).await?;
            for &blob in &page.ids {
                env::yield_now().await;
                if self.is_named(blob).await? || !self.blobs.doubt(blob) {
                    continue;
                }
                // Between the first look and the doubt somebody may have named it; behind the doubt only who writes it again.
                if self.is_named(blob).await? {
                    continue;
                }
                match !kept() && self.blobs.delete(blob).await? {
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

    async fn is_named(&self, blob: BlobId) -> Result<bool, Error> {
        let link = Query::prefix(&rows::blob_cell(blob), b"", None, 1);
        Ok(!self.store.read(vec![link]).await?.into_page().rows.is_empty())
    }
}
