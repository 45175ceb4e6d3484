//! A store in a folder of its own: what is restored into, for a test or for good.

use crate::language::say;
use anyhow::{Context, ensure};
use backup::{Backup, Restored, restore};
use rustix::process::geteuid;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store_local::{Backend, LocalBlobs, LocalStore, Options, any_blob, is_begun, is_place_for_blobs};

/// By this file a folder is known in which a restore has begun and not ended.
const UNFINISHED: &str = "restore-unfinished";

/// A data folder that is being filled.
pub struct Filled {
    /// Its rows.
    pub store: Arc<LocalStore>,
    /// Its blobs.
    pub blobs: Arc<LocalBlobs>,
}

/// Restores all of `backup` into the folder `data`, which is empty or not there, or holds what an interrupted restore left. It
/// counts as unfinished until [`finish`]. Rows go into `backend`, or fjall.
///
/// # Errors
/// When there is something else in it, or it cannot be written.
pub fn fill(
    backup: &Backup,
    data: &Path,
    backend: Option<Backend>,
    progress: &mut dyn FnMut(Restored),
) -> anyhow::Result<Filled> {
    let mark = data.join(UNFINISHED);
    if mark.exists() {
        for left in ["store", "blobs"] {
            remove(&data.join(left))?;
        }
    } else {
        let empty = match fs::read_dir(data) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            entries => {
                entries.with_context(|| cannot(data, &say!("cannot read", "lässt sich nicht lesen")))?.next().is_none()
            }
        };
        let shown = data.display();
        ensure!(
            empty,
            say!(
                "{shown} is not empty; name a folder that is, or that is not there yet",
                "{shown} ist nicht leer; nenne einen leeren Ordner oder einen, den es noch nicht gibt"
            )
        );
        fs::create_dir_all(data).with_context(|| cannot(data, &say!("cannot make", "lässt sich nicht anlegen")))?;
        let text = "A restore into this folder began and has not ended; the same command begins it anew.\n";
        marked(data, &mark, text)
            .with_context(|| cannot(&mark, &say!("cannot write", "lässt sich nicht schreiben")))?;
    }
    let blobs = LocalBlobs::open(data.join("blobs"), Options::default())?;
    let store = LocalStore::open(data.join("store"), Options { backend, ..Options::default() })?;
    restore(backup, (&store, &blobs), progress)?;
    Ok(Filled { store: Arc::new(store), blobs: Arc::new(blobs) })
}

/// Durable before anything else is there: without the mark, half a restore would pass for a data folder.
fn marked(data: &Path, mark: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::create(mark)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::File::open(data)?.sync_all()
}

/// The restore has ended: the folder is good.
///
/// # Errors
/// Those of the disk.
pub fn finish(data: &Path) -> anyhow::Result<()> {
    let mark = data.join(UNFINISHED);
    fs::remove_file(&mark).with_context(|| cannot(&mark, &say!("cannot remove", "lässt sich nicht löschen")))?;
    fs::File::open(data)?.sync_all()?;
    Ok(())
}

/// Refuses a folder in which a restore has not ended: it does not hold all mail.
///
/// # Errors
/// What to do.
pub fn check(data: &Path) -> anyhow::Result<()> {
    let shown = data.display();
    ensure!(
        !data.join(UNFINISHED).exists(),
        say!(
            "{shown}: a restore into this folder has not ended, and not all mail is there; repeat: postamt backup restore DIR \
             --to {shown}",
            "{shown}: Eine Wiederherstellung in diesen Ordner ist nicht fertig, es ist nicht alle Mail da; wiederhole: postamt \
             backup restore ORDNER --to {shown}"
        )
    );
    Ok(())
}

/// Refuses to begin a store beside the bodies of another one: its mail would seem to be gone, and the bodies would go. And a
/// store without its bodies: all large messages would count as damaged. Whoever opens both opens the bodies first.
///
/// # Errors
/// What to do.
pub fn is_whole(data: &Path) -> anyhow::Result<()> {
    let shown = data.display();
    ensure!(
        is_begun(&data.join("store")) || !any_blob(&data.join("blobs"))?,
        say!(
            "{shown}/store is empty or not there, and {shown}/blobs has large bodies of its mail: is a disk not mounted, or a copy \
             not complete? Bring the store back; who wants to begin anew moves blobs away",
            "{shown}/store ist leer oder nicht da, und in {shown}/blobs liegen große Inhalte seiner Mail: Ist eine Platte nicht \
             eingehängt oder eine Kopie unvollständig? Den Speicher zurückbringen; wer neu anfangen will, räumt blobs beiseite"
        )
    );
    ensure!(
        !is_begun(&data.join("store")) || is_place_for_blobs(&data.join("blobs")),
        say!(
            "{shown}/blobs is empty or not there, and it had the large bodies of the mail in {shown}/store: is a disk not mounted, or a \
             copy not complete? Bring it back; if that cannot be, mkdir -p {shown}/blobs/00 and postamt store repair keep the rest",
            "{shown}/blobs ist leer oder nicht da, und darin lagen die großen Inhalte der Mail in {shown}/store: Ist eine Platte nicht \
             eingehängt oder eine Kopie unvollständig? Zurückbringen; wenn das nicht geht, retten mkdir -p {shown}/blobs/00 und \
             postamt store repair den Rest"
        )
    );
    Ok(())
}

/// A folder that goes with this value, or, if the process does not come to that, when the next one is made.
pub struct Scratch {
    folder: PathBuf,
    /// As long as it is held somebody needs the folder.
    _lock: fs::File,
}

const SCRATCH: &str = "postamt-verify-";
const SCRATCH_LOCK: &str = "in-use";

impl Scratch {
    /// Makes one in `parent`.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn new(parent: &Path) -> anyhow::Result<Scratch> {
        sweep(parent)?;
        let folder = parent.join(format!("{SCRATCH}{}", std::process::id()));
        remove(&folder)?;
        let made = || {
            fs::create_dir_all(&folder)?;
            let lock = fs::File::create(folder.join(SCRATCH_LOCK))?;
            Ok(lock.try_lock().map(|()| lock)?)
        };
        let lock: io::Result<fs::File> = made();
        let lock = lock.with_context(|| cannot(&folder, &say!("cannot make", "lässt sich nicht anlegen")))?;
        Ok(Scratch { folder, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder) {
            eprintln!("{error:#}");
        }
    }
}

/// Removes those of processes that were killed: all mail lies in them, in the clear.
fn sweep(parent: &Path) -> anyhow::Result<()> {
    let is_left = |folder: &Path| {
        let lock = fs::File::open(folder.join(SCRATCH_LOCK));
        lock.is_ok_and(|lock| {
            lock.metadata().is_ok_and(|found| found.uid() == geteuid().as_raw()) && lock.try_lock().is_ok()
        })
    };
    let Ok(entries) = fs::read_dir(parent) else { return Ok(()) };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(SCRATCH)) && is_left(&entry.path()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn cannot(path: &Path, what: &str) -> String {
    format!("{}: {what}", path.display())
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| cannot(folder, &say!("cannot remove", "lässt sich nicht löschen")))
        }
        _ => Ok(()),
    }
}
