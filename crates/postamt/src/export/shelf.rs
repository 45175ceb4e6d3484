//! Files that appear whole or not at all: written under another name, synced, then renamed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Files synced at once.
const SYNCS: usize = 8;

/// A folder that files are put on, many at once: the sync of the first makes those of the others quick.
pub struct Shelf {
    folder: PathBuf,
    beside: PathBuf,
    waiting: Vec<(PathBuf, PathBuf, File)>,
    number: u64,
}

impl Shelf {
    /// Puts files into `folder`, which with `beside`, where they are written first, is made if it is not there.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(folder: &Path, beside: &Path) -> io::Result<Shelf> {
        fs::create_dir_all(folder)?;
        fs::create_dir_all(beside)?;
        Ok(Shelf { folder: folder.to_owned(), beside: beside.to_owned(), waiting: Vec::new(), number: 0 })
    }

    /// Writes a file; it gets its name, in the folder, when the shelf is [settled](Self::settle).
    ///
    /// # Errors
    /// What the system says.
    pub fn put(&mut self, name: &str, octets: &[u8], changed_ms: Option<i64>) -> io::Result<()> {
        let (path, mut file) = self.begin(name)?;
        file.write_all(octets)?;
        if let Some(ms) = changed_ms {
            let away = Duration::from_millis(ms.unsigned_abs());
            file.set_modified(if ms < 0 { UNIX_EPOCH - away } else { UNIX_EPOCH + away })?;
        }
        self.waiting.push((path, self.folder.join(name), file));
        Ok(())
    }

    /// A file that is written by the caller, who gives it back with [`end`](Self::end).
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(&mut self, name: &str) -> io::Result<(PathBuf, File)> {
        self.number += 1;
        // What an earlier run left under this name is worth nothing.
        let path = self.beside.join(format!(".postamt-{}.{}", self.number, name.len()));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok((path, file))
    }

    /// A file that was begun is whole.
    pub fn end(&mut self, path: PathBuf, name: &str, file: File) {
        self.waiting.push((path, self.folder.join(name), file));
    }

    /// How many files wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Syncs what waits and gives it its names.
    ///
    /// # Errors
    /// What the system says.
    pub fn settle(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        // Side by side, so that the system writes its journal once for several.
        std::thread::scope(|scope| {
            let share = self.waiting.len().div_ceil(SYNCS);
            let sync = |files: &[(PathBuf, PathBuf, File)]| files.iter().try_for_each(|(_, _, file)| file.sync_all());
            let threads: Vec<_> = self.waiting.chunks(share).map(|files| scope.spawn(move || sync(files))).collect();
            let lost = |_| Err(io::Error::other("a thread ended"));
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(lost))
        })?;
        for (from, to, _) in self.waiting.drain(..) {
            fs::rename(from, to)?;
        }
        self.number = 0;
        File::open(&self.folder)?.sync_all()
    }
}
