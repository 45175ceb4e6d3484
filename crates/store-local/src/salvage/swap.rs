//! The new folder in the old one's place.
//!
//! 1. The new one is filled as `rows.salvaging`, synced, and called `rows.salvaged`: by this name it is whole.
//! 2. If anything is lost, that is written down durably, so that nobody writes into it before it was repaired.
//! 3. The old one goes to `aside/salvaged-1`, or the next number.
//! 4. The new one is called `rows`.
//!
//! Cut off before 3 the old one is there as it was, and salvaging begins anew. Cut off behind it, [`finish`] does 4.
//!
//! With redb it is one file, `rows.redb`, and goes the same way.

use crate::aside;
use crate::journal::Journals;
use crate::lock::sync_folder;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const MAKING: &str = "salvaging";
const WHOLE: &str = "salvaged";

/// fjall's folder or redb's file, and the folder for what is kept aside.
pub(super) struct Swap {
    old: PathBuf,
    aside: PathBuf,
    making: PathBuf,
}

impl Swap {
    /// What an earlier one left behind goes.
    pub fn begin(folder: &Path, old: PathBuf) -> io::Result<Swap> {
        let making = old.with_extension(MAKING);
        [&making, &old.with_extension(WHOLE)].into_iter().try_for_each(|left| remove(left))?;
        Ok(Swap { old, aside: aside::place(folder), making })
    }

    /// What is to be filled, and closed then.
    pub fn making(&self) -> &Path {
        &self.making
    }

    /// Nothing comes of it.
    pub fn give_up(&self) {
        if let Err(error) = remove(&self.making) {
            tracing::warn!(event = "store.salvage_left", path = %self.making.display(), %error);
        }
    }

    /// Puts it in the old one's place, with the story of what is lost, if anything is; where the old one is now.
    pub fn end(&self, story: Option<&str>) -> io::Result<PathBuf> {
        self.name_whole()?;
        if let Some(story) = story {
            aside::mark(&self.aside, story)?;
        }
        let kept = self.set_aside()?;
        finish(&self.old)?;
        Ok(kept)
    }

    pub(super) fn name_whole(&self) -> io::Result<()> {
        if self.making.is_dir() {
            Journals { rows: self.making.clone(), aside: self.aside.clone() }.sync_folders()?;
        } else {
            File::open(&self.making)?.sync_all()?;
        }
        fs::rename(&self.making, self.old.with_extension(WHOLE))?;
        above(&self.old)
    }

    pub(super) fn set_aside(&self) -> io::Result<PathBuf> {
        let named = |n: u32| self.aside.join(format!("{WHOLE}-{n}"));
        let kept = (1..).map(named).find(|path| !path.exists()).unwrap_or_else(|| named(0));
        fs::create_dir_all(&kept)?;
        above(&self.aside)?;
        sync_folder(&self.aside)?;
        fs::rename(&self.old, kept.join(self.old.file_name().unwrap_or_default()))?;
        sync_folder(&kept)?;
        above(&self.old)?;
        Ok(kept)
    }
}

/// If the old one is away, a new one that is whole takes its place.
pub(crate) fn finish(old: &Path) -> io::Result<()> {
    let whole = old.with_extension(WHOLE);
    if old.exists() || !whole.exists() {
        return Ok(());
    }
    fs::rename(whole, old)?;
    above(old)
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn above(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_folder)
}
