//! fjall, opened: reading from snapshots, writing groups.

use crate::key::{key_within, row_key, row_range};
use fjall::compaction::Leveled;
use fjall::{AbstractTree, Database, Guard, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, SeqNo, Snapshot};
use fjall::{UserKey, UserValue};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Batch, Bytes, Found, Order, Page, Query, ReadError, Reading, Scan, Space};

pub(crate) struct Engine {
    db: Database,
    rows: Keyspace,
    bodies: Keyspace,
}

/// What a group leaves behind: the last write to each row. fjall does not say which of two writes to one key in one batch
/// wins, so it never sees two.
pub(crate) type Writes = HashMap<(Space, UserKey), Option<UserValue>>;

#[derive(Clone, Copy)]
pub(crate) struct EngineOptions {
    pub(crate) cache_octets: u64,
    pub(crate) memtable_octets: u64,
}

/// fjall's background threads: one flushes while the other compacts.
const WORKERS: usize = 2;
/// fjall's smallest; it rotates journals at 64 MB, and more of them only mean a longer replay.
const JOURNALS_OCTETS_MAX: u64 = 128 << 20;
/// At 4 sealed memtables fjall sleeps inside a commit until one is flushed, and for ever if its flusher died; we wait outside.
const SEALED_MEMTABLES_MAX: usize = 3;
/// At 20 runs fjall slows commits down, at 30 it stops them.
const LEVEL0_RUNS_MAX: usize = 20;
/// Files of up to this are rewritten to be rid of what was deleted: commits wait meanwhile.
const CONDENSED_OCTETS_MAX: u64 = 256 << 20;
/// One deletion among so many rows makes rewriting worth it.
const GARBAGE_PART: u64 = 8;
/// How long commits wait for the flushing, at most.
const CONDENSE_TIME_MAX: Duration = Duration::from_secs(30);
/// How often the flushing is looked after.
const CONDENSE_PAUSE: Duration = Duration::from_millis(2);
/// Values up to this are copied out of their block; larger ones keep it alive instead.
const COPIED_OCTETS_MAX: usize = 2048;

impl Engine {
    pub(crate) fn open(folder: &Path, options: EngineOptions) -> fjall::Result<Engine> {
        let db = Database::builder(folder)
            .cache_size(options.cache_octets)
            .worker_threads(WORKERS)
            .max_journaling_size(JOURNALS_OCTETS_MAX)
            .manual_journal_persist(true)
            .open()?;
        let keyspace = |point_read_hits: bool| {
            // Tables no larger than a memtable: a step of compaction then needs little free space.
            let strategy = Leveled::default().with_table_target_size(options.memtable_octets);
            KeyspaceCreateOptions::default()
                .max_memtable_size(options.memtable_octets)
                .compaction_strategy(Arc::new(strategy))
                .expect_point_read_hits(point_read_hits)
                .manual_journal_persist(true)
        };
        let rows = db.keyspace("rows", || keyspace(false))?;
        let bodies = db.keyspace("bodies", || keyspace(true))?;
        Ok(Engine { db, rows, bodies })
    }

    fn keyspace(&self, space: Space) -> &Keyspace {
        match space {
            Space::Rows => &self.rows,
            Space::Bodies => &self.bodies,
        }
    }

    /// Reads from one snapshot. Also a single row needs one: without, fjall shows a batch row by row while it is applied.
    pub(crate) fn read(&self, queries: &[Query]) -> Result<Reading, ReadError> {
        let snapshot = self.db.snapshot();
        queries
            .iter()
            .map(|query| self.find(&snapshot, query))
            .collect::<Result<_, _>>()
            .map(Reading)
            .map_err(read_error)
    }

    fn find(&self, snapshot: &Snapshot, query: &Query) -> fjall::Result<Found> {
        Ok(match query {
            Query::Get(get) => {
                let value = snapshot.get(self.keyspace(get.space), row_key(&get.cell, &get.key))?;
                Found::Row(value.map(bytes))
            }
            Query::Scan(scan) if scan.is_empty() => Found::Page(Page::default()),
            Query::Scan(scan) => Found::Page(self.scan(snapshot, scan)?),
        })
    }

    fn scan(&self, snapshot: &Snapshot, scan: &Scan) -> fjall::Result<Page> {
        let rows = snapshot.range(self.keyspace(scan.space), row_range(scan));
        let row = |guard: Guard| guard.into_inner().map(|(key, value)| (key_within(&scan.cell, &key), bytes(value)));
        match scan.order {
            Order::Ascending => scan.page(rows.map(row)),
            Order::Descending => scan.page(rows.rev().map(row)),
        }
    }

    /// Whether what `batch` expects is so, after `writes`.
    pub(crate) fn holds(&self, batch: &Batch, writes: &Writes) -> Result<bool, ReadError> {
        for expected in &batch.expect {
            let key = row_key(&batch.cell, &expected.key);
            let wanted = expected.value.as_deref();
            let holds = match writes.get(&(Space::Rows, key.clone())) {
                Some(written) => written.as_deref() == wanted,
                // Only the committer writes, and it is here: the newest is the right one.
                None => self.rows.get(&key).map_err(read_error)?.as_deref() == wanted,
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes and syncs; then the rows are visible.
    pub(crate) fn write(&self, writes: Writes) -> fjall::Result<()> {
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        for ((space, key), value) in writes {
            match value {
                Some(value) => batch.insert(self.keyspace(space), key, value),
                None => batch.remove(self.keyspace(space), key),
            }
        }
        batch.commit()
    }

    /// All batches in the journal below this number are durable, if no write is under way.
    pub(crate) fn next_seqno(&self) -> SeqNo {
        self.db.seqno()
    }

    /// Octets in memory that will have to go to sorted files.
    pub(crate) fn unflushed_octets(&self) -> u64 {
        self.db.write_buffer_size()
    }

    /// Whether a write would have to wait for flushing or compaction.
    pub(crate) fn is_behind(&self) -> bool {
        let behind = |keyspace: &Keyspace| {
            keyspace.sealed_memtable_count() >= SEALED_MEMTABLES_MAX || keyspace.tree.l0_run_count() >= LEVEL0_RUNS_MAX
        };
        behind(&self.rows) || behind(&self.bodies)
    }

    /// Octets of all journals on the disk. They shrink only by becoming 64 MB long, or by [`condense`](Self::condense).
    pub(crate) fn journal_octets(&self) -> u64 {
        self.db.journal_disk_space().unwrap_or(0)
    }

    /// Writes all that is in memory to sorted files, and rewrites those that are small and full of what was deleted.
    /// Whether the journals now hold nothing that the files do not. No write may be under way.
    pub(crate) fn condense(&self) -> fjall::Result<bool> {
        let keyspaces = [&self.rows, &self.bodies];
        for keyspace in keyspaces {
            keyspace.rotate_memtable()?;
        }
        let begun = Instant::now();
        while keyspaces.iter().any(|keyspace| keyspace.sealed_memtable_count() > 0) {
            if self.is_poisoned() {
                return Err(fjall::Error::Poisoned);
            }
            if begun.elapsed() > CONDENSE_TIME_MAX {
                return Ok(false);
            }
            std::thread::sleep(CONDENSE_PAUSE);
        }
        for keyspace in keyspaces {
            let deleted = keyspace.tree.tombstone_count().saturating_mul(GARBAGE_PART);
            if deleted >= keyspace.approximate_len() as u64 && keyspace.disk_space() <= CONDENSED_OCTETS_MAX {
                keyspace.major_compact()?;
            }
        }
        Ok(keyspaces.iter().all(|keyspace| keyspace.tree.get_highest_memtable_seqno().is_none()))
    }

    /// Whether fjall has stopped writing since something failed.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.db.persist(PersistMode::Buffer).is_err()
    }
}

fn bytes(value: UserValue) -> Bytes {
    if value.len() <= COPIED_OCTETS_MAX { Bytes::copy_from_slice(&value) } else { Bytes::from_owner(value) }
}

fn read_error(error: fjall::Error) -> ReadError {
    tracing::error!(event = "rows.unreadable", %error);
    ReadError(error.to_string())
}
