//! What was found wrong with the files at some opening, and is kept beside them until somebody has looked.

use crate::journal::Journals;
use crate::lock::sync_folder;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Beside the engine's files.
const FOLDER: &str = "aside";
/// In it: why nothing is written.
pub(crate) const MARKER: &str = "DAMAGED";
/// In it: what was looked at already.
const SEEN: &str = "seen";
/// The end of a journal that a crash tore: nobody was promised it.
pub(crate) const TORN: &str = "torn";
/// The end of a journal that looks like no crash's work.
pub(crate) const LOST: &str = "lost";
/// A whole journal with damage in its midst.
pub(crate) const DAMAGED: &str = "damaged";

/// A file that was set aside, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aside {
    /// The file.
    pub file: PathBuf,
    /// What it is.
    pub kind: AsideKind,
}

/// Why a file was set aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AsideKind {
    /// Changes that were never acknowledged, as a crash leaves them.
    Torn,
    /// Changes at the end of a journal that were damaged: some may have been acknowledged.
    Lost,
    /// A journal with damaged changes in it: some were acknowledged.
    Damaged,
}

impl Aside {
    /// What lies aside in the store of `folder` and was not looked at yet, in the order of the names.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn all(folder: &Path) -> io::Result<Vec<Aside>> {
        let entries = match fs::read_dir(place(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut all = Vec::new();
        for entry in entries {
            let file = entry?.path();
            let kind = match file.extension().and_then(|extension| extension.to_str()) {
                Some(TORN) => Some(AsideKind::Torn),
                Some(LOST) => Some(AsideKind::Lost),
                Some(DAMAGED) => Some(AsideKind::Damaged),
                _ => None,
            };
            all.extend(kind.map(|kind| Aside { file, kind }));
        }
        all.sort_by(|one, other| one.file.cmp(&other.file));
        Ok(all)
    }

    /// Somebody has looked at all of them: they are kept, and told no more. With the marker goes the reason not to write.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn all_seen(folder: &Path) -> io::Result<()> {
        let (aside, seen) = (place(folder), place(folder).join(SEEN));
        for Aside { file, .. } in Aside::all(folder)? {
            fs::create_dir_all(&seen)?;
            fs::rename(&file, free(&seen, &file))?;
        }
        if !aside.join(MARKER).try_exists()? {
            return Ok(());
        }
        fs::create_dir_all(&seen)?;
        fs::rename(aside.join(MARKER), free(&seen, Path::new(MARKER)))?;
        sync_folder(&aside)
    }
}

/// A name in `folder` that is like that of `file` and nobody has: what was kept before stays.
pub(crate) fn free(folder: &Path, file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let (stem, ending) = name.rfind('.').map_or((&*name, ""), |dot| name.split_at(dot));
    let named = |n: u32| folder.join(if n == 1 { name.to_string() } else { format!("{stem}-{n}{ending}") });
    (1..).map(named).find(|path| !path.exists()).unwrap_or_else(|| named(0))
}

/// Whether an opening found changes lost that were promised, so that what was told of mail may be newer than what is there, and
/// no repair was brought to its end since; nothing is changed. What the next opening will find is not among it.
///
/// # Errors
/// Those of the disk.
pub fn loss(folder: &Path) -> io::Result<bool> {
    Ok(story(&place(folder))?.is_some() || Aside::all(folder)?.iter().any(|aside| aside.kind != AsideKind::Torn))
}

/// fjall's journals in which changes are damaged that were promised; the next opening sets them aside. Nothing is changed, and
/// nobody has the store open.
///
/// # Errors
/// Those of the disk.
pub fn damaged_journals(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Journals::of(folder).damaged()
}

/// The story of damage that nobody has dealt with yet.
pub(crate) fn story(aside: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(aside.join(MARKER)) {
        Ok(story) => Ok(Some(story)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Remembers that changes may be lost that were promised, and why, until [`Aside::all_seen`]: nothing is written before, but by who
/// opens it to repair it.
///
/// # Errors
/// Those of the disk.
pub fn doubt(folder: &Path, story: &str) -> io::Result<()> {
    mark(&place(folder), story)
}

/// Writes down why nothing is to be written, behind what stands there already.
pub(crate) fn mark(aside: &Path, story: &str) -> io::Result<()> {
    fs::create_dir_all(aside)?;
    let mut marker = File::options().create(true).append(true).open(aside.join(MARKER))?;
    if marker.metadata()?.len() > 0 {
        marker.write_all(b"\n")?;
    }
    marker.write_all(story.as_bytes())?;
    marker.sync_all()?;
    sync_folder(aside)
}

/// Where they lie.
pub(crate) fn place(folder: &Path) -> PathBuf {
    folder.join(FOLDER)
}
