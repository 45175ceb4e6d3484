//! One process per folder.

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
    /// The engine refuses its files.
    #[error("{}: the rows cannot be opened: {source}", .folder.display())]
    Engine {
        /// What was to be opened.
        folder: PathBuf,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
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
        fs::create_dir_all(folder).map_err(OpenError::io(folder, "making the folder"))?;
        let file = File::options().create(true).truncate(false).write(true).open(folder.join("lock"));
        let file = file.map_err(OpenError::io(folder, "opening the lock file"))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(OpenError::io(folder, "taking the lock")(source)),
        }
    }
}

/// Makes what happened to the names in `folder` durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
