//! Single messages in files, and folders of them.

use super::letter::{self, Letter};
use super::maildir::{Dates, Name};
use super::marks::{KEYWORDS_FILE, Keywords, flags_of};
use super::{DEPTH_MAX, Folder, Reader, Stop};
use crate::language::{say, told as told_error};
use std::io;
use std::path::{Path, PathBuf};

const ENDING: &str = ".eml";
/// How our files beside an export's messages begin.
const OWN: &str = "postamt-";

/// The files, each a folder of its own, and the folders below folders; those named here have no name.
///
/// # Errors
/// When something cannot be listed.
pub fn folders(paths: &[PathBuf], reader: &mut dyn Reader) -> Result<Vec<Folder>, String> {
    let mut found = Vec::new();
    for path in paths {
        let about = std::fs::metadata(path).map_err(|error| format!("{}: {}", path.display(), told_error(&error)))?;
        match about.is_dir() {
            true => below(path, reader, &mut found)?,
            false => found.push(Folder { name: String::new(), place: path.clone() }),
        }
    }
    Ok(found)
}

fn below(root: &Path, reader: &mut dyn Reader, found: &mut Vec<Folder>) -> Result<(), String> {
    let before = found.len();
    let mut waiting = vec![(root.to_owned(), Vec::<String>::new())];
    while let Some((place, levels)) = waiting.pop() {
        let told = |error: io::Error| format!("{}: {}", place.display(), told_error(&error));
        for entry in std::fs::read_dir(&place).map_err(told)? {
            let entry = entry.map_err(told)?;
            let kind = entry.file_type().map_err(told)?;
            if kind.is_dir() && levels.len() < DEPTH_MAX {
                let level = entry.file_name().to_string_lossy().into_owned();
                waiting.push((entry.path(), [levels.as_slice(), &[level]].concat()));
            } else if !kind.is_file() && !is_message(&entry.file_name().to_string_lossy()) {
                reader.trouble(
                    entry.path().display().to_string(),
                    say!(
                        "it is no regular file, or lies too deep",
                        "das ist keine gewöhnliche Datei oder liegt zu tief"
                    ),
                );
            }
        }
        found.push(Folder { name: levels.join("/"), place });
    }
    if let Some(found) = found.get_mut(before..) {
        found.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(())
}

/// By its name.
fn is_message(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(ENDING) && !name.starts_with('.')
}

/// Files of a folder in which none is a message by its name, though there are some: another program's, probably.
fn others(folder: &Folder) -> usize {
    let Ok(entries) = std::fs::read_dir(&folder.place) else { return 0 };
    let names = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with('.') && !name.starts_with(OWN) && name != KEYWORDS_FILE).count()
}

/// The messages' files.
fn files(folder: &Folder) -> io::Result<Vec<PathBuf>> {
    if !folder.place.is_dir() {
        return Ok(vec![folder.place.clone()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder.place)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if is_message(&name) {
            files.push((Name::of(&name).order(), path));
        }
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// How many messages there are.
pub fn count(folder: &Folder) -> u64 {
    files(folder).map_or(0, |files| files.len() as u64)
}

/// Reads the messages in the order of their names.
pub fn read(folder: &Folder, dates: Option<Dates>, octets_max: u64, reader: &mut dyn Reader) -> Result<(), Stop> {
    let keywords = if folder.place.is_dir() { Keywords::read(&folder.place) } else { Keywords::default() };
    let files = match files(folder) {
        Ok(files) => files,
        Err(error) => {
            reader.trouble(folder.place.display().to_string(), told_error(&error));
            return Ok(());
        }
    };
    let left_out = if files.is_empty() { others(folder) } else { 0 };
    if left_out > 0 {
        reader.trouble(
            folder.place.display().to_string(),
            say!(
                "it has {left_out} files, and no name ends in {ENDING}: only such are read from a folder; name others themselves",
                "darin sind {left_out} Dateien, und kein Name endet auf {ENDING}: nur solche werden aus einem Ordner gelesen; andere selbst nennen"
            ),
        );
    }
    for path in files {
        match letter(&path, &keywords, dates, octets_max) {
            Ok(letter) => reader.letter(letter)?,
            Err(cause) => reader.trouble(path.display().to_string(), cause),
        }
    }
    Ok(())
}

/// Other programs keep no dates with their files: what the message says is better, unless we wrote it.
fn letter(path: &Path, keywords: &Keywords, dates: Option<Dates>, octets_max: u64) -> Result<Letter, String> {
    let (octets, changed) = letter::read(path, octets_max)?;
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = Name::of(file.get(..file.len().saturating_sub(ENDING.len())).unwrap_or_default());
    let octets = name.message(octets)?;
    let usual = if name.has_sizes() { Dates::File } else { Dates::Header };
    let date = match dates.unwrap_or(usual) {
        Dates::Header => letter::date_within(&octets).or(changed),
        Dates::File | Dates::Name => changed,
    };
    Ok(Letter { place: path.display().to_string(), octets, flags: flags_of(name.letters, keywords), date })
}
