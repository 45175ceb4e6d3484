//! Which engine's files lie in a folder, so that another engine does not begin anew beside them.

use crate::lock::{OpenError, sync_folder};
use crate::options::Backend;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The file that says so, in one line: the format's number and the engine's name.
const FILE: &str = "FORMAT";
const UNFINISHED: &str = "FORMAT.new";
/// The format that this version writes, and the only one it knows.
const NUMBER: u32 = 1;

/// Checks that the folder is the asked engine's, if one is asked for, and writes down whose it is if it is new; the engine. The
/// caller holds its lock.
pub(crate) fn settle(folder: &Path, asked: Option<Backend>) -> Result<Backend, OpenError> {
    let made_with = match fs::read_to_string(folder.join(FILE)) {
        Ok(said) => read(&said).ok_or_else(|| unknown(folder, said))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // fjall was the only engine when there was no such file.
            let made_with = if folder.join("rows").exists() { None } else { asked }.unwrap_or_default();
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
    OpenError::Damaged { file: folder.join(FILE), what }
}

fn line(backend: Backend) -> String {
    format!("{NUMBER} {backend}\n")
}

fn read(said: &str) -> Option<Backend> {
    Backend::ALL.into_iter().find(|backend| said == line(*backend))
}

fn write(folder: &Path, backend: Backend) -> io::Result<()> {
    let unfinished = folder.join(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    file.write_all(line(backend).as_bytes())?;
    file.sync_all()?;
    fs::rename(unfinished, folder.join(FILE))?;
    sync_folder(folder)
}
