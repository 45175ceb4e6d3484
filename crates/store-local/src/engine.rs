//! What the committer and the readers need of an engine, and what opens one.

mod fjall;
mod redb;

use self::fjall::FjallFiles;
use self::redb::RedbFiles;
use crate::journal::Journals;
use crate::key::row_key;
use crate::lock::OpenError;
use crate::options::Backend;
use std::collections::HashMap;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use store::{Bytes, Query, ReadError, Reading, RowPlace, SnapshotPage, Space, Write};

/// The files of an engine, open or not: they remember what has to be known after a failure.
pub(crate) trait Files: Send + Sync {
    /// Makes the files fit for the engine and opens it; makes them if there are none.
    fn open(&self, after: After) -> Result<Opened, OpenError>;

    /// Reads all that only the engine understands, and changes nothing; what is wrong. They are not open.
    fn check(&self) -> Result<Option<String>, OpenError>;

    /// Leaves nothing behind that the next opening does not need; the engine was closed, and had [`settled`](Engine::settle) before
    /// or not.
    fn tidy(&self, settled: bool) -> io::Result<()>;

    /// They do not open because they are damaged: where they are, what is wrong, and what helps.
    fn damaged(&self, what: String) -> OpenError;
}

/// What came before an opening.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// The start of the process.
    Start,
    /// A write or sync that failed: what is not known to be durable is forgotten.
    Failure,
    /// A [`condense`](Engine::condense) that asked for it.
    Condensing,
}

pub(crate) struct Opened {
    pub(crate) engine: Box<dyn Engine>,
    /// Why nothing may be written: the story of what was found.
    pub(crate) damage: Option<String>,
}

/// An open engine. Only the committer's thread writes.
pub(crate) trait Engine: Send + Sync {
    /// Answers from one snapshot.
    fn read(&self, queries: &[Query]) -> Result<Reading, ReadError>;

    /// All rows as they are now.
    fn picture(&self) -> Box<dyn Picture>;

    /// Whether the row of [`Space::Rows`] now has this value. For the committer: nobody else writes.
    fn holds(&self, row_key: &[u8], value: Option<&[u8]>) -> Result<bool, ReadError>;

    /// Writes and syncs; then the rows are visible.
    fn write(&self, writes: Writes) -> Result<(), Fault>;

    /// Octets that the engine may come to write beyond those of the next group itself, which has so many rows.
    fn further_octets(&self, rows: usize) -> u64;

    /// Whether a write would have to wait for the engine's own work.
    fn is_behind(&self) -> bool;

    /// Whether it takes no writes any more since something failed.
    fn has_stopped(&self) -> bool;

    /// What keeps the engine from its own work, if something does.
    fn hindrance(&self) -> Option<Hindrance> {
        None
    }

    /// Octets on the disk that [`condense`](Self::condense) would free for certain.
    fn reclaimable_octets(&self) -> u64;

    /// Writes all that is only in memory and journals to where it stays. Whether that was done in time. No write may be under way.
    fn settle(&self) -> Result<bool, Fault>;

    /// Frees what can be freed. Whether the engine is to be opened anew for that. No write may be under way.
    fn condense(&self) -> Result<bool, Fault>;
}

/// Something that the engine cannot do, and goes on without for a while.
pub(crate) struct Hindrance {
    /// What, why, and what helps.
    pub(crate) reason: String,
    /// It cannot go on any more: nothing is written until this is mended.
    pub(crate) ends_writing: bool,
}

/// All rows at one moment. It does not keep its engine open; once that is closed, reading fails.
pub(crate) trait Picture: Send + Sync {
    /// The rows behind `after`. Whoever asks keeps the engine that is open from being exchanged meanwhile.
    fn rows_behind(&self, after: Option<&RowPlace>, octets_max: usize) -> Result<SnapshotPage, ReadError>;

    /// Answers as [`Engine::read`] did at that moment, under the same condition.
    fn read(&self, queries: &[Query]) -> Result<Reading, ReadError>;
}

/// The spaces that may hold rows behind `after`, each with the key in it behind which they begin.
fn spaces_behind(after: Option<&RowPlace>) -> impl Iterator<Item = (Space, Bound<Vec<u8>>)> {
    let spaces = [Space::Rows, Space::Bodies].into_iter();
    spaces.filter(move |space| after.is_none_or(|after| after.space <= *space)).map(move |space| {
        let after = after.filter(|after| after.space == space).map(|after| row_key(&after.cell, &after.key));
        (space, after.map_or(Bound::Unbounded, Bound::Excluded))
    })
}

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The engine had stopped before: nothing was written.
    #[error("the engine has stopped")]
    Stopped,
    /// Something may have been written.
    #[error("{text}")]
    Broken {
        /// What the engine says.
        text: String,
        /// There was no space.
        disk_full: bool,
    },
}

#[derive(Clone, Copy)]
pub(crate) struct EngineOptions {
    pub(crate) cache_octets: u64,
    pub(crate) memtable_octets: u64,
}

/// Files of up to this are rewritten to be rid of what was deleted: commits wait meanwhile.
const CONDENSED_OCTETS_MAX: u64 = 256 << 20;

/// Of a file of a store that was in use.
const MISSING: &str = "it is missing, though the store was in use";

/// The files in the store's `folder`.
pub(crate) fn files(backend: Backend, folder: &Path, options: EngineOptions) -> Box<dyn Files> {
    match backend {
        Backend::Fjall => Box::new(FjallFiles::of(folder, options)),
        Backend::Redb => Box::new(RedbFiles::of(folder, options)),
    }
}

/// fjall's folder or redb's file in the store's `folder`.
pub(crate) fn place(backend: Backend, folder: &Path) -> PathBuf {
    match backend {
        Backend::Fjall => Journals::of(folder).rows,
        Backend::Redb => redb::place(folder),
    }
}

/// A new folder of fjall's or file of redb's, where nothing is yet.
pub(crate) fn fresh(backend: Backend, rows: &Path, options: EngineOptions) -> Result<Box<dyn Engine>, OpenError> {
    match backend {
        Backend::Fjall => fjall::fresh(&Journals { rows: rows.to_owned(), aside: PathBuf::new() }, options),
        Backend::Redb => redb::fresh(rows, options),
    }
}

/// What redb calls the table of a space.
pub(crate) fn table_name(space: Space) -> &'static str {
    match space {
        Space::Rows => "rows",
        Space::Bodies => "bodies",
    }
}

/// What a group leaves behind: the last write to each row. Engines do not say which of two writes to one key in one batch
/// wins, so they never see two.
#[derive(Default)]
pub(crate) struct Writes {
    rows: Values,
    bodies: Values,
}

/// By key; `None` deletes.
pub(crate) type Values = HashMap<Vec<u8>, Option<Bytes>>;

impl Writes {
    pub(crate) fn add(&mut self, write: &Write) {
        self.of(write.space).insert(row_key(&write.cell, &write.key), write.value.clone());
    }

    /// A row as the engine has it.
    pub(crate) fn keep(&mut self, space: Space, row_key: Vec<u8>, value: Bytes) {
        self.of(space).insert(row_key, Some(value));
    }

    fn of(&mut self, space: Space) -> &mut Values {
        match space {
            Space::Rows => &mut self.rows,
            Space::Bodies => &mut self.bodies,
        }
    }

    /// What the group makes of a row of [`Space::Rows`], if it writes it.
    pub(crate) fn row(&self, row_key: &[u8]) -> Option<Option<&[u8]>> {
        self.rows.get(row_key).map(Option::as_deref)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.bodies.is_empty()
    }

    pub(crate) fn into_spaces(self) -> [(Space, Values); 2] {
        [(Space::Rows, self.rows), (Space::Bodies, self.bodies)]
    }
}

/// Whether the disk or the owner's share of it is full.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Engines believe much of what stands in their files, and may panic where that is damaged: it is a failure of what was asked,
/// not of the process.
pub(crate) fn guarded<T>(ask: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(ask)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("for no reason it gave");
        format!("the engine panicked: {text}")
    })
}

/// As [`guarded`], for what is read.
pub(crate) fn guarded_read<T>(read: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    guarded(read).unwrap_or_else(|panic| {
        tracing::error!(event = "rows.unreadable", error = panic);
        Err(ReadError::Damaged(panic))
    })
}

/// As [`guarded`], for what is written.
pub(crate) fn guarded_work<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    guarded(work).unwrap_or_else(|text| Err(Fault::Broken { text, disk_full: false }))
}

/// As [`guarded`], for what is opened.
pub(crate) fn guarded_open<T>(
    files: &dyn Files,
    open: impl FnOnce(&dyn Files) -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    guarded(|| open(files)).unwrap_or_else(|what| Err(files.damaged(what)))
}

/// What an engine says when it cannot read.
trait EngineError: std::fmt::Display {
    /// Whether its files are not as it wrote them.
    fn is_damage(&self) -> bool;
}

fn read_error(error: impl EngineError) -> ReadError {
    tracing::error!(event = "rows.unreadable", %error);
    if error.is_damage() { ReadError::Damaged(error.to_string()) } else { ReadError::Unavailable(error.to_string()) }
}
