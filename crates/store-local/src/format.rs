//! Which engine's files lie in a folder, so that another engine does not begin anew beside them.

use crate::lock::{FolderLock, OpenError, Remedy, sync_folder};
use crate::options::Backend;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The file that says so, in one line: the format's number and the engine's name.
const FILE: &str = "FORMAT";
const UNFINISHED: &str = "FORMAT.new";
/// An empty file: the engine's files were all there once.
const USED: &str = "USED";
/// The format that this version writes, and the only one it knows.
const NUMBER: u32 = 1;

/// Checks that the folder is the asked engine's, if one is asked for, and writes down whose it is if it is new; the engine. The
/// caller holds its lock.
pub(crate) fn settle(folder: &Path, asked: Option<Backend>) -> Result<Backend, OpenError> {
    let made_with = match fs::read_to_string(folder.join(FILE)) {
        Ok(said) => read(&said).ok_or_else(|| unknown(folder, said))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made_with = match beside(folder)[..] {
                [] => asked.unwrap_or_default(),
                [one] => one,
                _ => return Err(undecided(folder)),
            };
            write(folder, made_with).map_err(OpenError::io(folder, "writing its FORMAT"))?;
            made_with
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(unknown(folder, "no text".into())),
        Err(error) => return Err(OpenError::io(folder, "reading its FORMAT")(error)),
    };
    match asked.filter(|asked| *asked != made_with) {
        Some(asked) => Err(OpenError::OtherBackend { folder: folder.to_owned(), made_with, asked }),
        None => Ok(made_with),
    }
}

/// Which engine made the store in `folder`.
///
/// # Errors
/// When somebody has it open, the disk refuses, or it is a newer version's or does not say.
pub fn made_with(folder: impl AsRef<Path>) -> Result<Backend, OpenError> {
    let _lock = FolderLock::take(folder.as_ref())?;
    settle(folder.as_ref(), None)
}

/// Writes anew which engine made the store in `folder`, where nobody can read it and the files beside it leave no doubt; whether
/// there was need to. `dry`: changes nothing.
///
/// # Errors
/// When somebody has it open, the disk refuses, it is a newer version's, or there is doubt.
pub fn mend_format(folder: impl AsRef<Path>, dry: bool) -> Result<bool, OpenError> {
    let folder = folder.as_ref();
    let _lock = FolderLock::take(folder)?;
    let unread = match settle(folder, None) {
        Err(unread @ OpenError::Damaged { .. }) => unread,
        settled => return settled.map(|_| false),
    };
    let [made_with] = beside(folder)[..] else { return Err(unread) };
    if !dry {
        write(folder, made_with).map_err(OpenError::io(folder, "writing its FORMAT"))?;
    }
    Ok(true)
}

/// The engines whose files lie in the folder.
fn beside(folder: &Path) -> Vec<Backend> {
    let file = |backend: &Backend| match backend {
        Backend::Fjall => "rows",
        Backend::Redb => "rows.redb",
    };
    Backend::ALL.into_iter().filter(|backend| folder.join(file(backend)).exists()).collect()
}

fn undecided(folder: &Path) -> OpenError {
    let both =
        "FORMAT is missing, and there are both a folder rows and a file rows.redb: move away which is not the store's";
    OpenError::io(folder, "finding out which engine made it")(io::Error::new(io::ErrorKind::InvalidData, both))
}

/// A higher number is a newer version's; anything else nobody wrote.
fn unknown(folder: &Path, said: String) -> OpenError {
    let number = said.split_once(' ').and_then(|(number, _)| number.parse::<u32>().ok());
    if number.is_some_and(|number| number > NUMBER) {
        return OpenError::Newer { folder: folder.to_owned(), said };
    }
    let [fjall, redb] = Backend::ALL.map(line);
    let what = format!(
        "it says {said:?}; the files beside it tell what it was: {fjall:?} with a folder rows, {redb:?} with a file rows.redb"
    );
    OpenError::Damaged { file: folder.join(FILE), what, remedy: Remedy::Repair }
}

fn line(backend: Backend) -> String {
    format!("{NUMBER} {backend}\n")
}

fn read(said: &str) -> Option<Backend> {
    Backend::ALL.into_iter().find(|backend| said == line(*backend))
}

/// Whether a store was begun in `folder`, however damaged it is: it has rows of either engine, or had some.
pub fn is_begun(folder: &Path) -> bool {
    was_used(folder) || !beside(folder).is_empty()
}

/// Whether the store in `folder` was opened before: then a new one is not begun where files are missing.
pub(crate) fn was_used(folder: &Path) -> bool {
    folder.join(USED).exists()
}

/// Remembers that it was opened, durably.
pub(crate) fn note_used(folder: &Path) -> io::Result<()> {
    if was_used(folder) {
        return Ok(());
    }
    File::create(folder.join(USED))?.sync_all()?;
    sync_folder(folder)
}

fn write(folder: &Path, backend: Backend) -> io::Result<()> {
    let unfinished = folder.join(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    file.write_all(line(backend).as_bytes())?;
    file.sync_all()?;
    fs::rename(unfinished, folder.join(FILE))?;
    sync_folder(folder)
}
