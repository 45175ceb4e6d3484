//! redb's file, and what its header was at the last sync that succeeded.
//!
//! redb writes a transaction to pages that nobody uses, then the header that names them. So whoever puts the header of the
//! last good sync back has the last good transaction, whatever the system makes of pages whose sync failed.

use redb::StorageBackend;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The file of one opening. Its lock is that of all openings.
#[derive(Debug)]
pub(super) struct File {
    file: fs::File,
    header: Arc<Header>,
}

/// redb's header, across openings.
#[derive(Debug, Default)]
pub(super) struct Header(Mutex<Versions>);

#[derive(Debug, Default)]
struct Versions {
    written: Vec<u8>,
    durable: Vec<u8>,
}

impl File {
    pub(super) fn open(path: &Path, header: Arc<Header>) -> io::Result<File> {
        let file = fs::File::options().read(true).write(true).open(path)?;
        Ok(File { file, header })
    }
}

impl Header {
    /// Puts the header of the last good sync back. Without one, as when nothing was written yet, the file's own is the one.
    pub(super) fn restore(&self, path: &Path) -> io::Result<()> {
        let durable = self.versions().durable.clone();
        if durable.is_empty() {
            return Ok(());
        }
        let file = fs::File::options().write(true).open(path)?;
        file.write_all_at(&durable, 0)?;
        file.sync_data()
    }

    #[cfg(test)]
    pub(super) fn durable(&self) -> Vec<u8> {
        self.versions().durable.clone()
    }

    #[cfg(test)]
    pub(super) fn set_durable(&self, durable: Vec<u8>) {
        self.versions().durable = durable;
    }

    fn versions(&self) -> MutexGuard<'_, Versions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()?;
        let mut versions = self.header.versions();
        versions.durable = versions.written.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)?;
        if offset == 0 {
            self.header.versions().written = data.to_vec();
        }
        Ok(())
    }
}
