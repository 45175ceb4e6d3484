//! Free space: watched before it is needed, because an engine that meets a full disk stops.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a disk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// Octets that we may still write.
    pub free_octets: u64,
    /// Octets in all.
    pub total_octets: u64,
}

/// How to find out what the disk of a folder has.
#[derive(Clone)]
pub struct SpaceProbe(Arc<Probe>);

type Probe = dyn Fn(&Path) -> io::Result<DiskSpace> + Send + Sync;

impl SpaceProbe {
    /// Asks the system.
    pub fn statvfs() -> SpaceProbe {
        SpaceProbe::new(|folder| {
            let found = rustix::fs::statvfs(folder)?;
            let octets = |blocks: u64| blocks.saturating_mul(found.f_frsize);
            Ok(DiskSpace { free_octets: octets(found.f_bavail), total_octets: octets(found.f_blocks) })
        })
    }

    /// Asks `probe`.
    pub fn new(probe: impl Fn(&Path) -> io::Result<DiskSpace> + Send + Sync + 'static) -> SpaceProbe {
        SpaceProbe(Arc::new(probe))
    }

    pub(crate) fn ask(&self, folder: &Path) -> io::Result<DiskSpace> {
        (self.0)(folder)
    }
}

/// The bounds of the reserve: a 128 MB disk must be usable, and a large one needs no more than what the engine has under way.
const RESERVE_OCTETS_MIN: u64 = 8 << 20;
const RESERVE_OCTETS_MAX: u64 = 64 << 20;
/// 4 % of the disk.
const RESERVE_PART: u64 = 25;
/// What is written goes to the journal first and to a sorted file later.
const WRITTEN_TIMES: u64 = 2;

/// The watermark of one folder's disk.
pub(crate) struct Watermark {
    folder: PathBuf,
    probe: SpaceProbe,
    reserve: Option<u64>,
}

/// What the watermark says.
pub(crate) enum Room {
    Enough,
    Short { free_octets: u64, reserve_octets: u64 },
}

impl Watermark {
    pub(crate) fn new(folder: &Path, probe: SpaceProbe, reserve: Option<u64>) -> Watermark {
        Watermark { folder: folder.to_owned(), probe, reserve }
    }

    pub(crate) fn reserve_octets(&self, disk: DiskSpace) -> u64 {
        let part = disk.total_octets / RESERVE_PART;
        self.reserve.unwrap_or(part.clamp(RESERVE_OCTETS_MIN, RESERVE_OCTETS_MAX))
    }

    /// Whether `octets` may be written, while `pending` octets in memory will have to be written too. A disk that cannot be
    /// asked counts as one with room: the engine will find out.
    pub(crate) fn room(&self, octets: u64, pending: u64) -> Room {
        let disk = match self.probe.ask(&self.folder) {
            Ok(disk) => disk,
            Err(error) => {
                tracing::warn!(event = "disk.unasked", folder = %self.folder.display(), %error);
                return Room::Enough;
            }
        };
        let reserve_octets = self.reserve_octets(disk);
        let needed = octets.saturating_mul(WRITTEN_TIMES).saturating_add(pending).saturating_add(reserve_octets);
        let free_octets = disk.free_octets;
        if free_octets < needed { Room::Short { free_octets, reserve_octets } } else { Room::Enough }
    }
}

/// The refusal's text, for the operator.
pub(crate) fn shortage(free_octets: u64, reserve_octets: u64) -> String {
    let mib = |octets: u64| octets as f64 / f64::from(1 << 20);
    format!("{:.1} MiB are free, {:.1} MiB are kept in reserve for deletions", mib(free_octets), mib(reserve_octets))
}

/// A file that only takes up space, to be given away when the disk is full after all.
pub(crate) struct Ballast {
    path: PathBuf,
    pub(crate) octets: u64,
}

impl Ballast {
    pub(crate) fn new(folder: &Path, octets: u64) -> Ballast {
        Ballast { path: folder.join("ballast"), octets }
    }

    /// Takes up the space, unless it is taken already. A disk too full for it is no error: there is none then.
    pub(crate) fn load(&self) {
        if fs::metadata(&self.path).is_ok_and(|found| found.len() >= self.octets) {
            return;
        }
        let allocate = || -> io::Result<()> {
            let file = File::options().create(true).truncate(true).write(true).open(&self.path)?;
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, self.octets)?;
            file.sync_all()
        };
        if let Err(error) = allocate() {
            tracing::debug!(event = "ballast.refused", path = %self.path.display(), %error);
            self.release();
        }
    }

    /// Gives the space away. Whether there was any.
    pub(crate) fn release(&self) -> bool {
        fs::remove_file(&self.path).is_ok()
    }
}
