//! Makes a new store of what can be read of one that its engine does not open, or cannot read.
//!
//! fjall refuses a keyspace whose list of tables, or one of whose tables, is damaged at its end; redb a file with one wrong octet in
//! its header; yet all of its rows may be whole. So they are read here without the engine: blocks of tables and batches of journals have
//! sums, and whatever is right by its sum is taken; of each row the last version counts. redb's tree is followed page by page.
//! All of it goes into a new engine's folder or file, which takes the old one's place; that is kept in `aside`. See
//! `docs/decisions/0019-salvage.md`.
//!
//! | module | what |
//! |---|---|
//! | `archive` | the sections of a file |
//! | `table` | the rows of a table, block by block |
//! | `keyspaces` | which folder is which, and which tables count |
//! | `merge` | the last version of each row |
//! | `mend` | one wrong octet, from a sum of 128 bits |
//! | `tree` | redb's header and pages |
//! | `swap` | the new folder or file in the old one's place |

mod archive;
mod keyspaces;
mod mend;
mod merge;
mod swap;
mod table;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use archive::is_bad_sector;
pub(crate) use merge::Latest;
pub(crate) use swap::finish;
pub(crate) use tree::{in_use, is_behind};

use crate::engine::{self, Engine, EngineOptions, Fault, Writes};
use crate::format;
use crate::journal::Journals;
use crate::lock::{FolderLock, OpenError, Remedy};
use crate::options::{Backend, Options};
use keyspaces::Tables;
use merge::Merge;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::{Bytes, Space};
use swap::Swap;
use table::Table;
use tree::Tree;

/// A part of a file that could not be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lost {
    /// The file.
    pub file: PathBuf,
    /// The octets.
    pub at: Range<u64>,
    /// What was there.
    pub kind: LostKind,
}

/// What is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LostKind {
    /// Rows of a table.
    Rows,
    /// A whole table: its file is missing.
    Table,
    /// Changes in a journal.
    Changes,
    /// Only which tables of a folder are in use: all of them were taken, and what was deleted may come back.
    List,
}

/// What became of a store.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Salvaged {
    /// Rows that were kept.
    pub rows: u64,
    /// Their octets.
    pub octets: u64,
    /// Parts of files that are lost, each of which was told.
    pub lost: u64,
    /// Their octets.
    pub lost_octets: u64,
    /// Where the old files are; `None` if nothing was changed.
    pub aside: Option<PathBuf>,
}

/// Octets of a batch: one sync is worth it, and a memtable holds many.
const BATCH_OCTETS: usize = 1 << 20;
/// How often the engine is looked after while it has too much to flush.
const BEHIND_PAUSE: Duration = Duration::from_millis(2);
/// As many losses the story of them names.
const TOLD_MAX: usize = 10;

/// Reads all that can be read of the store in `folder`, which nobody has open, and makes a new one of it; `dry`: looks, and
/// only ends what a crash left of an earlier one. What is lost is told.
///
/// If anything is, the new store is opened for reading only until [`Aside::all_seen`](crate::Aside::all_seen) says that a repair
/// has been brought to its end: older versions of rows may have come to light, so that numbers would be given out twice. It may
/// be broken off and begun again at any time.
///
/// # Errors
/// When somebody has it open, the disk refuses, or nothing can be found in it.
pub fn salvage(
    folder: impl AsRef<Path>,
    options: &Options,
    dry: bool,
    told: &mut dyn FnMut(&Lost),
) -> Result<Salvaged, OpenError> {
    let folder = folder.as_ref();
    let _lock = FolderLock::take(folder)?;
    let backend = format::settle(folder, None)?;
    let rows = engine::place(backend, folder);
    finish(&rows).map_err(OpenError::io(folder, "ending a salvage that was broken off"))?;
    let mut work = Work { backend, done: Salvaged::default(), losses: Vec::new(), told };
    if dry {
        work.take(&rows, &mut |_, _, _| Ok(()))?;
        return Ok(work.done);
    }
    let swap = Swap::begin(folder, rows.clone()).map_err(OpenError::io(folder, "making room for new rows"))?;
    let options = crate::rows::engine_options(folder, options).0;
    if let Err(error) = work.fill(&rows, swap.making(), options) {
        swap.give_up(); // it may have filled the disk
        return Err(error);
    }
    let story = (work.done.lost > 0).then(|| work.story(&rows));
    let aside = swap.end(story.as_deref()).map_err(OpenError::io(folder, "exchanging old and new"))?;
    tracing::warn!(event = "store.salvaged", folder = %folder.display(), rows = work.done.rows, lost = work.done.lost);
    Ok(Salvaged { aside: Some(aside), ..work.done })
}

/// Why fjall must not open its folder.
pub(crate) fn dangerous(rows: &Path) -> io::Result<Option<String>> {
    keyspaces::dangerous(rows)
}

/// Which of fjall's files in use are not as they were written.
pub(crate) fn changed(rows: &Path) -> io::Result<Vec<String>> {
    if rows.exists() { keyspaces::changed(rows) } else { Ok(Vec::new()) }
}

type Sink<'a> = &'a mut dyn FnMut(Space, Vec<u8>, Bytes) -> Result<(), OpenError>;

struct Work<'a> {
    backend: Backend,
    done: Salvaged,
    /// The first ones.
    losses: Vec<Lost>,
    told: &'a mut dyn FnMut(&Lost),
}

impl Work<'_> {
    fn lose(&mut self, lost: Lost) {
        (self.told)(&lost);
        if lost.kind != LostKind::List {
            self.done.lost += 1;
            self.done.lost_octets += lost.at.end - lost.at.start;
        }
        if self.losses.len() < TOLD_MAX {
            self.losses.push(lost);
        }
    }

    /// Gives every row in `rows`, the engine's folder or file, to `sink`.
    fn take(&mut self, rows: &Path, sink: Sink<'_>) -> Result<(), OpenError> {
        let (mut found, mut octets) = (0, 0);
        let mut counted = |space, key: Vec<u8>, value: Bytes| {
            found += 1;
            octets += (key.len() + value.len()) as u64;
            sink(space, key, value)
        };
        let taken = match self.backend {
            Backend::Fjall => self.take_tables(rows, &mut counted),
            Backend::Redb => self.take_tree(rows, &mut counted),
        };
        (self.done.rows, self.done.octets) = (found, octets);
        taken
    }

    fn take_tree(&mut self, file: &Path, sink: Sink<'_>) -> Result<(), OpenError> {
        let fault = |what| OpenError::io(file, what);
        let tree = Tree::of(file, &mut |lost| self.lose(lost)).map_err(fault("reading its header"))?;
        for space in [Space::Rows, Space::Bodies] {
            let mut refused = Ok(());
            let mut take = |key, value| {
                refused = sink(space, key, value);
                if refused.is_ok() { Ok(()) } else { Err(ErrorKind::Other.into()) }
            };
            let taken = tree.rows(engine::table_name(space), &mut |lost| self.lose(lost), &mut take);
            refused?;
            if !taken.map_err(fault("reading its pages"))? {
                let what = format!("no table \"{}\" can be found in it", engine::table_name(space));
                return Err(OpenError::Damaged { file: file.to_owned(), what, remedy: Remedy::Restore });
            }
        }
        Ok(())
    }

    fn take_tables(&mut self, rows: &Path, sink: Sink<'_>) -> Result<(), OpenError> {
        let fault = |what| OpenError::io(rows, what);
        let spaces = keyspaces::numbers(rows).map_err(fault("reading which keyspaces there are"))?;
        let journals = Journals { rows: rows.to_owned(), aside: PathBuf::new() };
        let latest = journals.latest(&mut |file, at| {
            self.lose(Lost { file: file.to_owned(), at, kind: LostKind::Changes });
        });
        let mut latest = latest.map_err(fault("reading the journals"))?;
        if journals.are_missing().map_err(fault("reading which journals there are"))? {
            self.lose(Lost { file: rows.join("1.jnl"), at: 0..0, kind: LostKind::Changes });
        }
        for (space, id) in spaces {
            let Tables { live, unlisted } = keyspaces::tables(rows, id, &mut |lost| self.lose(lost))
                .map_err(fault("reading which tables there are"))?;
            if unlisted.is_some() {
                self.lose(Lost { file: keyspaces::folder(rows, id), at: 0..0, kind: LostKind::List });
            }
            let opened = live.iter().map(|table| Table::of(&table.path)).collect::<io::Result<_>>();
            let opened = opened.map_err(fault("reading a table"))?;
            let latest = latest.remove(&id).unwrap_or_default();
            let mut merge = Merge::of(opened, latest, &mut |lost| self.lose(lost)).map_err(fault("reading a table"))?;
            while let Some((key, value)) =
                merge.next_row(&mut |lost| self.lose(lost)).map_err(fault("reading a table"))?
            {
                sink(space, key, value)?;
            }
        }
        Ok(())
    }

    /// Puts all rows into a new engine's folder or file.
    fn fill(&mut self, rows: &Path, making: &Path, options: EngineOptions) -> Result<(), OpenError> {
        let engine = engine::fresh(self.backend, making, options)?;
        let (mut batch, mut octets) = (Writes::default(), 0);
        self.take(rows, &mut |space, key, value| {
            octets += key.len() + value.len();
            batch.keep(space, key, value);
            if octets < BATCH_OCTETS {
                return Ok(());
            }
            octets = 0;
            write(&*engine, std::mem::take(&mut batch)).map_err(|fault| unwritten(making, fault))
        })?;
        if !batch.is_empty() {
            write(&*engine, batch).map_err(|fault| unwritten(making, fault))?;
        }
        Ok(())
    }

    fn story(&self, rows: &Path) -> String {
        let name = |lost: &Lost| format!("{} at {}..{}", lost.file.display(), lost.at.start, lost.at.end);
        let losses: Vec<String> = self.losses.iter().map(name).collect();
        let Salvaged { rows: kept, lost, .. } = self.done;
        format!(
            "{} was damaged, and {kept} rows of it were kept; {lost} parts of its files are lost ({}). Mail may be missing. Run \
             `postamt store repair` to its end: until then numbers would be given out that were given out before",
            rows.display(),
            losses.join(", ")
        )
    }
}

fn unwritten(folder: &Path, fault: Fault) -> OpenError {
    match fault {
        Fault::Broken { disk_full: true, .. } => {
            OpenError::io(folder, "writing the rows once more")(ErrorKind::StorageFull.into())
        }
        fault => OpenError::engine(folder)(fault),
    }
}

fn write(engine: &dyn Engine, batch: Writes) -> Result<(), Fault> {
    while engine.is_behind() {
        if engine.has_stopped() {
            return Err(Fault::Stopped);
        }
        std::thread::sleep(BEHIND_PAUSE);
    }
    engine.write(batch)
}
