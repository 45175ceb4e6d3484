//! What a first run leaves behind that ends before its mark stands: empty folders of its making, and a part of the mark.

use super::{LOCK, MANIFESTS, OBJECTS, TEMPORARY, mark_text};
use crate::Error;
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

/// A new ext4 file system has it, and only root may look into it.
const LOST_AND_FOUND: &str = "lost+found";
/// Octets of a draft of the mark that are looked at: far more than it has.
const DRAFT_OCTETS_MAX: u64 = 64 << 10;

/// Whether everything in the folder is from such a run, or there is nothing. What is somebody else's is not to be written beside,
/// still less to be removed as a draft.
pub fn is_ours(path: &Path) -> Result<bool, Error> {
    all(path, |entry| match entry.file_name().to_str() {
        Some(LOCK) => is_empty_file(entry),
        Some(TEMPORARY) => is_dir_of(entry, is_draft_of_mark),
        Some(MANIFESTS) => is_dir_of(entry, |_| Ok(false)),
        Some(LOST_AND_FOUND) => Ok(entry.file_type()?.is_dir()),
        Some(OBJECTS) => is_dir_of(entry, |fan| Ok(is_fan(fan) && is_dir_of(fan, |_| Ok(false))?)),
        _ => Ok(false),
    })
    .map_err(Error::io(path, "reading the folder"))
}

/// Nothing that goes meanwhile counts: another run places its mark, or removes an older one's draft.
fn all(path: &Path, is_ours: impl Fn(&DirEntry) -> io::Result<bool>) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        match is_ours(&entry?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(true) => {}
            other => return other,
        }
    }
    Ok(true)
}

fn is_dir_of(entry: &DirEntry, is_ours: impl Fn(&DirEntry) -> io::Result<bool>) -> io::Result<bool> {
    Ok(entry.file_type()?.is_dir() && all(&entry.path(), is_ours)?)
}

fn is_empty_file(entry: &DirEntry) -> io::Result<bool> {
    Ok(entry.file_type()?.is_file() && entry.metadata()?.len() == 0)
}

/// Objects lie in folders that are called as their names begin.
fn is_fan(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    name.to_str().is_some_and(|name| (0..=u8::MAX).any(|first| name == format!("{first:02x}")))
}

/// As far as it was written; a disk that lost its power may show zeros instead.
fn is_draft_of_mark(entry: &DirEntry) -> io::Result<bool> {
    if entry.file_name() != "1" || !entry.file_type()?.is_file() || entry.metadata()?.len() > DRAFT_OCTETS_MAX {
        return Ok(false);
    }
    let draft = fs::read(entry.path())?;
    Ok(mark_text().as_bytes().starts_with(&draft) || draft.iter().all(|octet| *octet == 0))
}

#[cfg(test)]
mod tests;
