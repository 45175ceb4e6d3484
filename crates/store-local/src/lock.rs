//! One process per folder.

use crate::options::Backend;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Why a folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody has it open.
    #[error("{} is in use by another process; stop that one, or choose another data folder", .0.display())]
    Locked(PathBuf),
    /// The disk or its permissions.
    #[error("{}: {what}: {source}", .folder.display())]
    Io {
        /// What was to be opened.
        folder: PathBuf,
        /// What was being tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another engine made it.
    #[error(
        "{}: its mail is kept by {made_with}, not by {asked}: set `backend = \"{made_with}\"` in `[store]`, or export the \
         mail with {made_with} and import it into a new data folder",
        .folder.display()
    )]
    OtherBackend {
        /// What was to be opened.
        folder: PathBuf,
        /// Whose files lie there.
        made_with: Backend,
        /// Who was to open them.
        asked: Backend,
    },
    /// A newer version made it.
    #[error(
        "{}: a newer version of this program made it ({said:?} in the file FORMAT); use that version, or a newer one",
        .folder.display()
    )]
    Newer {
        /// What was to be opened.
        folder: PathBuf,
        /// What its file says.
        said: String,
    },
    /// What lies there cannot have been written by the engine.
    #[error("{} is damaged: {what}. Nothing was changed; keep a copy of it, check the disk, and {remedy}", .file.display())]
    Damaged {
        /// The engine's file.
        file: PathBuf,
        /// What the engine found.
        what: String,
        /// What helps.
        remedy: Remedy,
    },
    /// The engine refuses its files.
    #[error("{}: the rows cannot be opened: {source}", .folder.display())]
    Engine {
        /// What was to be opened.
        folder: PathBuf,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What helps a store that does not open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// [`salvage`](crate::salvage) or [`mend_format`](crate::mend_format).
    Repair,
    /// Nothing but a backup.
    Restore,
}

impl std::fmt::Display for Remedy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Remedy::Repair => "run `postamt store repair`: it makes a new store of all that is whole",
            Remedy::Restore => "bring a backup of the data folder back",
        })
    }
}

impl OpenError {
    pub(crate) fn io(folder: &Path, what: &'static str) -> impl FnOnce(io::Error) -> OpenError {
        move |source| OpenError::Io { folder: folder.to_owned(), what, source }
    }

    pub(crate) fn engine<E: std::error::Error + Send + Sync + 'static>(folder: &Path) -> impl FnOnce(E) -> OpenError {
        move |source| OpenError::Engine { folder: folder.to_owned(), source: Box::new(source) }
    }
}

/// The right to use a folder, until dropped or the process ends.
pub(crate) struct FolderLock {
    /// The lock lives as long as the file is open.
    _file: File,
}

impl FolderLock {
    /// Makes the folder if needed and takes its lock.
    pub(crate) fn take(folder: &Path) -> Result<FolderLock, OpenError> {
        make(folder).map_err(OpenError::io(folder, "making the folder"))?;
        let file = File::options().create(true).truncate(false).write(true).open(folder.join("lock"));
        let file = file.map_err(OpenError::io(folder, "opening the lock file"))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(OpenError::io(folder, "taking the lock")(source)),
        }
    }
}

/// Makes the folder, and its name durable: else a power cut takes all that is in it. Also what was there already is synced,
/// for the process that made it may have been killed before it did so.
fn make(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    fs::create_dir_all(folder)?;
    for made in missing.iter().chain([&folder]) {
        match made.parent() {
            Some(above) if above.as_os_str().is_empty() => sync_folder(Path::new("."))?,
            Some(above) => sync_folder(above)?,
            None => {} // the root has no name
        }
    }
    sync_folder(folder)
}

/// Makes what happened to the names in `folder` durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
