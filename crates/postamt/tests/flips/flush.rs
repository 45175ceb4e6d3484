//! Has fjall write its tables.

use std::path::Path;
use store::{Batch, Cell, Space, Store, block_on};
use store_local::{DiskSpace, LocalStore, Options, SpaceProbe};

pub fn options() -> Options {
    Options { reserve_octets: Some(0), memtable_octets: Some(1 << 20), ..Options::default() }
}

/// The store takes its disk to be full, so the first deletion makes it write all rows to tables and empty the journal.
pub fn flush(rows: &Path) {
    let full = SpaceProbe::new(|_| Ok(DiskSpace { free_octets: 1 << 20, total_octets: 1 << 30 }));
    let store = LocalStore::open(rows, Options { space: full, reserve_octets: Some(8 << 20), ..options() }).unwrap();
    let mut batch = Batch::new(Cell::new("nobody"));
    batch.makes_room = true;
    batch.delete(Space::Rows, "nothing");
    block_on(store.commit(batch)).unwrap();
    store.close();
}
