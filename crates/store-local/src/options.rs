//! What may be chosen.

use crate::space::SpaceProbe;

/// How to open a [`LocalStore`](crate::LocalStore) or [`LocalBlobs`](crate::LocalBlobs); the defaults fit a small machine
/// and a large one.
#[derive(Clone)]
pub struct Options {
    /// Octets of blocks kept in memory. Filled by reading only: an idle store takes next to nothing.
    pub cache_octets: u64,
    /// Octets of rows gathered in memory before they are sorted into a file, for each of the two spaces. `None`: 16 MiB, less
    /// on a disk below 2 GiB. It is fixed when the store is made.
    pub memtable_octets: Option<u64>,
    /// Octets kept free on the disk. `None`: 4 % of the disk, between 8 and 64 MiB.
    pub reserve_octets: Option<u64>,
    /// How free space is found out; a test gives its own.
    pub space: SpaceProbe,
}

impl Default for Options {
    fn default() -> Options {
        Options { cache_octets: 16 << 20, memtable_octets: None, reserve_octets: None, space: SpaceProbe::statvfs() }
    }
}
