//! What may be chosen.

use crate::space::SpaceProbe;

/// Which engine keeps the rows. A folder stays with the one that made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// Log-structured: the most commits for the least written, whatever the size.
    #[default]
    Fjall,
    /// A copy-on-write tree in one file.
    Redb,
}

impl Backend {
    /// All there are.
    pub const ALL: [Backend; 2] = [Backend::Fjall, Backend::Redb];

    /// As it is written in configurations and folders.
    pub const fn name(self) -> &'static str {
        match self {
            Backend::Fjall => "fjall",
            Backend::Redb => "redb",
        }
    }
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// How to open a [`LocalStore`](crate::LocalStore) or [`LocalBlobs`](crate::LocalBlobs); the defaults fit a small machine
/// and a large one.
#[derive(Clone)]
pub struct Options {
    /// Which engine keeps the rows; blobs are files with either. `None`: the one that the folder was made with, fjall for a new one.
    pub backend: Option<Backend>,
    /// Octets of blocks kept in memory. Filled by reading only: an idle store takes next to nothing.
    pub cache_octets: u64,
    /// fjall only: octets of rows gathered in memory before they are sorted into a file, for each of the two spaces. `None`:
    /// 16 MiB, less on a disk below 2 GiB. It is fixed when the store is made.
    pub memtable_octets: Option<u64>,
    /// Octets kept free on the disk. `None`: 4 % of the disk, between 8 and 64 MiB.
    pub reserve_octets: Option<u64>,
    /// How free space is found out; a test gives its own.
    pub space: SpaceProbe,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            backend: None,
            cache_octets: 16 << 20,
            memtable_octets: None,
            reserve_octets: None,
            space: SpaceProbe::statvfs(),
        }
    }
}
