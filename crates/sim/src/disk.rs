//! The disk under the server: rows and blobs that take their time, fail, fill up, and forget at a crash what was not synced.

use crate::dice::Dice;
use crate::fault::Fault;
use crate::scene::Scene;
use std::sync::Arc;
use std::time::Duration;
use store::memory::{MemoryBlobs, MemoryStore};
use store::{Answer, Batch, Blobs, CommitError, Query, ReadError, Reading, Snapshot, Store, later};

/// Rows and blobs; they outlive the server.
#[derive(Clone)]
pub struct Disk {
    /// Rows.
    pub rows: MemoryStore,
    /// Large bodies.
    pub blobs: MemoryBlobs,
}

impl Disk {
    /// An empty disk, and the tasks that make things durable.
    pub fn new(scene: &Scene, dice: &mut Dice) -> Disk {
        let disk = Disk { rows: MemoryStore::with_manual_sync(), blobs: MemoryBlobs::with_manual_sync() };
        let (rows, blobs) = (dice.fork(), dice.fork());
        scene.spawn(Box::pin(sync_rows(scene.clone(), disk.clone(), rows)));
        scene.spawn(Box::pin(sync_blobs(scene.clone(), disk.clone(), blobs)));
        scene.spawn(Box::pin(weather(scene.clone(), disk.clone(), dice.fork())));
        disk
    }

    /// The rows as the server sees them.
    pub fn store(&self, scene: &Scene, dice: &mut Dice) -> Arc<dyn Store> {
        let dice = std::sync::Mutex::new(dice.fork());
        Arc::new(Rows { scene: scene.clone(), rows: self.rows.clone(), dice })
    }

    /// The power goes. Some of what waited is there.
    pub fn crash(&self, dice: &mut Dice) {
        let kept = dice.below(self.rows.waiting() as u64 + 1) as usize;
        self.rows.crash_keeping(kept);
        self.blobs.crash();
    }
}

/// How long this commit takes.
fn sync_time(scene: &Scene, dice: &mut Dice) -> Duration {
    if scene.happens(Fault::StoreSlow, dice) {
        scene.blow();
        return dice.millis(500, 30_000);
    }
    dice.millis(1, scene.plan().sync_ms.max(2))
}

async fn sync_rows(scene: Scene, disk: Disk, mut dice: Dice) {
    loop {
        disk.rows.wanted().await;
        scene.pause(sync_time(&scene, &mut dice)).await;
        // As a committer does: what waits by now goes down together, or some of it.
        let waiting = disk.rows.waiting() as u64;
        for _ in 0..if dice.chance(0.7) { waiting } else { dice.between(1, waiting.max(1)) } {
            if scene.happens(Fault::StoreNoSpace, &mut dice) {
                scene.blow();
                disk.rows.fail_next(CommitError::NoSpace("one commit finds no space".into()));
            }
            disk.rows.sync_one();
        }
    }
}

async fn sync_blobs(scene: Scene, disk: Disk, mut dice: Dice) {
    loop {
        disk.blobs.wanted().await;
        scene.pause(sync_time(&scene, &mut dice)).await;
        if scene.happens(Fault::BlobFailed, &mut dice) {
            scene.blow();
            disk.blobs.fail_next(CommitError::Failed("a blob is not written".into()));
        }
        disk.blobs.sync_one();
    }
}

/// What lasts for a while, and the clock.
async fn weather(scene: Scene, disk: Disk, mut dice: Dice) {
    loop {
        let every = scene.plan().weather_every_s;
        scene.pause(dice.seconds(1, every.max(2) * 2)).await;
        if scene.is_healed() {
            return;
        }
        let lasts = dice.seconds(1, 3 * 3600);
        // Rates are for single events; here one in a few draws shall come to something.
        let mut comes = |fault| {
            let comes = dice.chance(scene.plan().rate(fault).sqrt() / 4.0);
            if comes {
                scene.count(fault);
                scene.blow();
            }
            comes
        };
        if comes(Fault::StoreFull) {
            disk.rows.set_full(true);
            scene.pause(lasts).await;
            disk.rows.set_full(false);
        } else if comes(Fault::StoreReadOnly) {
            disk.rows.set_read_only(Some("as it comes"));
            scene.pause(lasts).await;
            disk.rows.set_read_only(None);
        } else if comes(Fault::BlobsFull) {
            disk.blobs.set_full(true);
            scene.pause(lasts).await;
            disk.blobs.set_full(false);
        } else if comes(Fault::StoreReopened) {
            scene.doubt();
            let kept = dice.below(disk.rows.waiting() as u64 + 1) as usize;
            disk.rows.crash_keeping(kept);
        } else if comes(Fault::ClockForth) {
            set_clock(&scene, 1, &mut dice);
        } else if comes(Fault::ClockBack) {
            set_clock(&scene, -1, &mut dice);
        }
    }
}

/// Mostly by as much as a bad clock is wrong, rarely by days.
fn set_clock(scene: &Scene, sign: i64, dice: &mut Dice) {
    let ms = dice.scaled(100.0, 3.0 * 86_400_000.0) as i64 * sign;
    scene.set_wall(ms);
}

/// The rows, unless they cannot be read.
struct Rows {
    scene: Scene,
    rows: MemoryStore,
    dice: std::sync::Mutex<Dice>,
}

impl Store for Rows {
    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>> {
        let mut dice = self.dice.lock().unwrap();
        // Every operation reads several times: rarer than what happens once in each.
        if dice.chance(0.1) && self.scene.happens(Fault::StoreUnreadable, &mut dice) {
            self.scene.blow();
            return store::ready(Err(ReadError::Unavailable("as it comes".into())));
        }
        if dice.chance(0.02) && !self.scene.plan().is_calm() {
            // A snapshot that is old when it arrives.
            let (reading, pause) = (self.rows.read(queries), dice.millis(1, 200));
            let scene = self.scene.clone();
            return later(async move {
                scene.pause(pause).await;
                reading.await
            });
        }
        drop(dice);
        self.rows.read(queries)
    }

    fn commit(&self, batch: Batch) -> Answer<'static, Result<(), CommitError>> {
        self.rows.commit(batch)
    }

    fn snapshot(&self) -> Answer<'_, Result<Box<dyn Snapshot>, ReadError>> {
        self.rows.snapshot()
    }
}

/// All blobs that there are.
pub fn all_blobs(disk: &Disk) -> Vec<store::BlobId> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store::block_on(disk.blobs.list(after)).unwrap_or_default();
        all.extend(&page.ids);
        after = page.ids.last().copied();
        if !page.more {
            return all;
        }
    }
}
