//! All of a backup into an empty store.

use crate::Error;
use crate::view::Backup;
use std::collections::VecDeque;
use store::block_on;
use store::{Answer, Batch, BlobId, Blobs, CommitError, Store};

/// Octets of a page of rows, which is committed as one batch.
const BATCH_OCTETS: usize = 2 << 20;
/// Batches under way: the next is read while one is synced.
const UNDER_WAY_MAX: usize = 4;
/// Octets of a blob written at once.
const PIECE_OCTETS: u64 = 1 << 20;

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Restored {
    /// Rows that are there.
    pub rows: u64,
    /// Blobs that are there.
    pub blobs: u64,
}

/// Writes all rows and blobs of `backup` into an empty store: the blobs first, so that no row names one that is not there.
///
/// # Errors
/// When something of the backup is damaged, or the store does not take it.
pub fn restore(
    backup: &Backup,
    to: (&dyn Store, &dyn Blobs),
    progress: &mut dyn FnMut(Restored),
) -> Result<Restored, Error> {
    let (store, blobs) = to;
    let mut done = Restored::default();
    for id in &backup.content().blobs {
        blob(backup, *id, blobs)?;
        done.blobs += 1;
        progress(done);
    }
    let mut under_way: VecDeque<Answer<'static, Result<(), CommitError>>> = VecDeque::new();
    let mut after = None;
    loop {
        let page = block_on(store::Snapshot::rows(backup, after.as_ref(), BATCH_OCTETS))?;
        let Some((first, _)) = page.rows.first() else { break };
        let mut batch = Batch::new(first.cell.clone());
        after = page.rows.last().map(|(place, _)| place.clone());
        done.rows += page.rows.len() as u64;
        for (place, value) in page.rows {
            batch.put_in(place.cell, place.space, place.key, value);
        }
        under_way.push_back(store.commit(batch));
        if under_way.len() >= UNDER_WAY_MAX
            && let Some(oldest) = under_way.pop_front()
        {
            block_on(oldest)?;
        }
        progress(done);
    }
    under_way.into_iter().try_for_each(block_on)?;
    Ok(done)
}

fn blob(backup: &Backup, id: BlobId, to: &dyn Blobs) -> Result<(), Error> {
    let mut writer = block_on(to.begin())?;
    let mut at = 0;
    loop {
        let piece = block_on(Blobs::get(backup, id, at..at + PIECE_OCTETS))?.unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        at += piece.len() as u64;
        block_on(writer.write(piece))?;
    }
    let written = block_on(writer.finish())?;
    debug_assert_eq!(written.id, id, "what is read was checked");
    Ok(())
}
