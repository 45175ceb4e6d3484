//! Why something about a backup was not done.

use crate::age::AgeError;
use std::io;
use std::path::{Path, PathBuf};
use store::{CommitError, ReadError};

/// Why something about a backup was not done; each says what to do, where there is something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk.
    #[error("{}: {what}: {source}", .path.display())]
    Io {
        /// Of what.
        path: PathBuf,
        /// What was being tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It is not a folder of backups.
    #[error("{} is no folder of backups: {why}", .path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: &'static str,
    },
    /// Written by a newer program.
    #[error("{} has format {found}, this postamt reads formats up to {known}: use the postamt that wrote it, or a newer one", .path.display())]
    Newer {
        /// What.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Another one works in it.
    #[error("{} is in use by another postamt backup; wait until it has ended", .0.display())]
    Locked(PathBuf),
    /// There is no such backup.
    #[error("{}", no_backup(.wanted, .folder))]
    NoBackup {
        /// Which was asked for.
        wanted: String,
        /// Where.
        folder: PathBuf,
    },
    /// A backup whose list cannot be read may need anything.
    #[error("{source}; backup {id} may need what would go, so nothing goes. To give it up: postamt backup forget {} {id}", .folder.display())]
    Unlisted {
        /// The backup.
        id: String,
        /// Where.
        folder: PathBuf,
        /// Why it cannot be read.
        source: Box<Error>,
    },
    /// It is encrypted.
    #[error("backup {0} is encrypted: give the file of a key that opens it with --identity FILE")]
    Sealed(String),
    /// The wrong key, or none.
    #[error("{}: {source}", .path.display())]
    Age {
        /// Of what.
        path: PathBuf,
        /// How.
        source: AgeError,
    },
    /// Octets are not what was written.
    #[error("{}: {why}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// What is backed up cannot be read.
    #[error("what is to be backed up cannot be read: {0}")]
    Source(String),
    /// What is restored cannot be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// What was restored cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

fn no_backup(wanted: &str, folder: &Path) -> String {
    let folder = folder.display();
    match wanted {
        "" => format!("there is no backup in {folder}; postamt backup create {folder} makes one"),
        _ => format!("there is no backup {wanted} in {folder}; see: postamt backup list {folder}"),
    }
}

impl Error {
    pub(crate) fn io(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { path: path.to_owned(), what, source }
    }

    pub(crate) fn damaged(path: &Path, why: impl Into<String>) -> Error {
        Error::Damaged { path: path.to_owned(), why: why.into() }
    }

    /// Whether a file is not as it was written, or not there.
    pub fn is_damage(&self) -> bool {
        match self {
            Error::Damaged { .. } | Error::Read(ReadError::Damaged(_)) => true,
            Error::Age { source, .. } => matches!(source, AgeError::Damaged | AgeError::Format),
            _ => false,
        }
    }
}
