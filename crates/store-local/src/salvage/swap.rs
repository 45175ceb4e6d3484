//! The new folder in the old one's place.
//!
//! 1. The new one is filled as `rows.salvaging`, synced, and called `rows.salvaged`: by this name it is whole.
//! 2. If anything is lost, that is written down durably, so that nobody writes into it before it was repaired.
//! 3. The old one goes to `aside/salvaged-1`, or the next number.
//! 4. The new one is called `rows`.
//!
//! Cut off before 3 the old one is there as it was, and salvaging begins anew. Cut off behind it, [`finish`] does 4.

use crate::aside;
use crate::journal::Journals;
use crate::lock::sync_folder;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const MAKING: &str = "salvaging";
const WHOLE: &str = "salvaged";

pub(super) struct Swap<'a> {
    old: &'a Journals,
    making: Journals,
}

impl<'a> Swap<'a> {
    /// What an earlier one left behind goes.
    pub fn begin(old: &'a Journals) -> io::Result<Swap<'a>> {
        for left in [old.named(MAKING).rows, old.named(WHOLE).rows] {
            match fs::remove_dir_all(left) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(Swap { old, making: old.named(MAKING) })
    }

    /// What is to be filled, and closed then.
    pub fn making(&self) -> &Journals {
        &self.making
    }

    /// Nothing comes of it.
    pub fn give_up(&self) {
        if let Err(error) = fs::remove_dir_all(&self.making.rows) {
            tracing::warn!(event = "store.salvage_left", folder = %self.making.rows.display(), %error);
        }
    }

    /// Puts it in the old one's place, with the story of what is lost, if anything is; where the old one is now.
    pub fn end(&self, story: Option<&str>) -> io::Result<PathBuf> {
        self.name_whole()?;
        if let Some(story) = story {
            aside::mark(&self.old.aside, story)?;
        }
        let kept = self.set_aside()?;
        finish(self.old)?;
        Ok(kept)
    }

    pub(super) fn name_whole(&self) -> io::Result<()> {
        self.making.sync_folders()?;
        fs::rename(&self.making.rows, self.old.named(WHOLE).rows)?;
        above(&self.old.rows)
    }

    pub(super) fn set_aside(&self) -> io::Result<PathBuf> {
        let named = |n: u32| self.old.aside.join(format!("{WHOLE}-{n}"));
        let kept = (1..).map(named).find(|path| !path.exists()).unwrap_or_else(|| named(0));
        fs::create_dir_all(&kept)?;
        above(&self.old.aside)?;
        sync_folder(&self.old.aside)?;
        fs::rename(&self.old.rows, kept.join("rows"))?;
        sync_folder(&kept)?;
        above(&self.old.rows)?;
        Ok(kept)
    }
}

/// If the old one is away, a new one that is whole takes its place.
pub(crate) fn finish(journals: &Journals) -> io::Result<()> {
    let whole = journals.named(WHOLE).rows;
    if journals.rows.exists() || !whole.exists() {
        return Ok(());
    }
    fs::rename(whole, &journals.rows)?;
    above(&journals.rows)
}

fn above(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_folder)
}
