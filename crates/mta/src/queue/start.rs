//! What an earlier process left is taken up.

use super::row::{self, Delivery, QueuedMessage};
use super::{LEASE, PAGE_ROWS, Queue, QueueError, epoch, forget};
use futures_util::FutureExt;
use model::QueueId;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::{Batch, Bytes, CommitError, Query, ReadError, Space};

/// How often a store that takes nothing is asked again.
const PAUSE_BEFORE_LEASE: Duration = Duration::from_secs(60);

impl Queue {
    /// Takes up what an earlier process left, and begins to work; returns how many deliveries wait. A store that takes nothing is
    /// asked again and again; until it does they are known, and nothing goes out.
    ///
    /// # Errors
    /// When the rows cannot be read, or another process works on them.
    pub async fn resume(self: &Arc<Self>) -> Result<usize, QueueError> {
        let leased = match self.take_lease().await {
            Err(QueueError::Commit(cause)) if cause != CommitError::Conflict => Err(cause),
            Err(error) => return Err(error),
            Ok(()) => Ok(()),
        };
        self.read_deliveries().await?;
        match leased {
            Ok(()) => self.begin().await,
            Err(cause) => {
                tracing::error!(event = "queue.stands_still", %cause, deliveries = self.len());
                let queue = self.clone();
                self.spawn.spawn(async move { queue.begin_later().await }.boxed());
            }
        }
        Ok(self.len())
    }

    /// The lease is ours.
    async fn begin(self: &Arc<Self>) {
        self.taken_up.get_or_init(|| (self.next_id(), self.clock.wall()));
        if let Err(cause) = self.remove_orphans().await {
            tracing::warn!(event = "queue.orphans_stay", %cause); // until the next start
        }
        let queue = self.clone();
        self.spawn.spawn(async move { queue.run().await }.boxed());
    }

    async fn begin_later(self: Arc<Self>) {
        loop {
            self.sleep.sleep_until(self.clock.monotonic() + PAUSE_BEFORE_LEASE).await;
            if self.draining.load(Ordering::Acquire) {
                return;
            }
            match self.take_lease().await {
                Ok(()) => break,
                Err(cause) => tracing::debug!(event = "queue.still_stands", %cause),
            }
        }
        tracing::info!(event = "queue.goes_on", deliveries = self.len());
        self.begin().await;
    }

    /// Whoever writes to the partition must hold its lease, so that two processes never work on one delivery.
    async fn take_lease(&self) -> Result<(), QueueError> {
        let old = self.store.read(vec![Query::row(&row::cell(), LEASE)]).await?.into_row();
        let lease = Bytes::copy_from_slice(&(old.as_ref().map_or(0, epoch) + 1).to_be_bytes());
        let mut batch = Batch::new(row::cell());
        batch.makes_room = true;
        batch.expect(LEASE, old).put(Space::Rows, LEASE, lease.clone());
        self.store.commit(batch).await?;
        // A second call would be a second runner.
        self.lease.set(lease).map_err(|_| CommitError::Conflict)?;
        Ok(())
    }

    async fn read_deliveries(&self) -> Result<(), ReadError> {
        let mut after = None;
        loop {
            let query = Query::prefix(&row::cell(), &row::deliveries(None), after.take(), PAGE_ROWS);
            let page = self.store.read(vec![query]).await?.into_page();
            for (key, octets) in &page.rows {
                match Delivery::decode(key, octets) {
                    Ok(delivery) => self.put(&delivery),
                    // The row stays: it may be read by the version that wrote it.
                    Err(cause) => {
                        tracing::error!(event = "queue.unreadable", ?key, %cause);
                        row::delivery_of(key).into_iter().for_each(|key| self.schedule().put_unreadable(key));
                    }
                }
            }
            match page.rows.last().filter(|_| page.more) {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(()),
            }
        }
    }

    /// Messages of which a crash left no delivery: the commit that ended the last one did not see that it was the last.
    async fn remove_orphans(&self) -> Result<(), QueueError> {
        let mut after = None;
        loop {
            let query = Query::prefix(&row::cell(), b"M", after.take(), PAGE_ROWS);
            let page = self.store.read(vec![query]).await?.into_page();
            for (key, octets) in &page.rows {
                let Some(id) = key.get(1..).and_then(|id| id.first_chunk()).map(|id| QueueId(u64::from_be_bytes(*id)))
                else {
                    continue;
                };
                if self.schedule().open(id) > 0 || self.any_delivery(id).await? {
                    continue;
                }
                match QueuedMessage::decode(id, octets) {
                    Ok(message) => {
                        let mut batch = self.batch();
                        batch.makes_room = true;
                        forget(&mut batch, &message);
                        self.store.commit(batch).await?;
                    }
                    Err(cause) => tracing::error!(event = "queue.unreadable", ?key, %cause),
                }
            }
            match page.rows.last().filter(|_| page.more) {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(()),
            }
        }
    }

    /// Whether there is a delivery's row, even one that cannot be read.
    async fn any_delivery(&self, id: QueueId) -> Result<bool, ReadError> {
        let query = Query::prefix(&row::cell(), &row::deliveries(Some(id)), None, 1);
        Ok(!self.store.read(vec![query]).await?.into_page().rows.is_empty())
    }
}
