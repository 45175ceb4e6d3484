//! What `interop/shim.c` recorded; the format stands at the head of that file.

use std::path::Path;
use std::sync::Arc;

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An empty file came to be.
    Create,
    /// Octets were written.
    Write,
    /// The file has this length now.
    Length,
    /// The file has this length now, or a greater one.
    AtLeast,
    /// A sync begins, of a file or a folder.
    Sync,
    /// That sync has succeeded.
    Synced,
    /// A name became another one.
    Rename,
    /// A file has one name more.
    Link,
    /// A name is gone.
    Unlink,
    /// A folder came to be.
    MakeFolder,
    /// A folder is gone.
    RemoveFolder,
    /// The program said something.
    Mark,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Record {
    /// What was done.
    pub kind: Kind,
    /// Whether a sync is one of a folder.
    pub folder: bool,
    /// By whom.
    pub thread: u32,
    /// The system's number of the file.
    pub inode: u64,
    /// Where it was written, or a length.
    pub at: u64,
    /// Below the data folder.
    pub path: String,
    /// The new name.
    pub to: String,
    /// What was written or said.
    pub data: Arc<[u8]>,
}

/// Reads a whole record.
///
/// # Panics
/// When the file is not one, or tells of something that the rules here do not know.
pub fn read(path: &Path) -> Vec<Record> {
    let octets = std::fs::read(path).expect("the record can be read");
    let mut cursor = Cursor(&octets);
    let mut records = Vec::new();
    while !cursor.0.is_empty() {
        records.push(cursor.record().expect("the record is whole"));
    }
    records
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, octets: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(octets)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn text(&mut self, octets: u32) -> Option<String> {
        String::from_utf8(self.take(octets as usize)?.to_vec()).ok()
    }

    fn record(&mut self) -> Option<Record> {
        let letter = self.take(4)?.first()?;
        let (thread, inode, at, octets) = (self.u32()?, self.u64()?, self.u64()?, self.u64()?);
        let (path_octets, to_octets) = (self.u32()?, self.u32()?);
        let (path, to) = (self.text(path_octets)?, self.text(to_octets)?);
        let data = self.take(usize::try_from(octets).ok()?)?.into();
        let kind = match letter {
            b'C' => Kind::Create,
            b'W' => Kind::Write,
            b'T' => Kind::Length,
            b'A' => Kind::AtLeast,
            b'S' | b'D' => Kind::Sync,
            b's' | b'd' => Kind::Synced,
            b'R' => Kind::Rename,
            b'L' => Kind::Link,
            b'U' => Kind::Unlink,
            b'K' => Kind::MakeFolder,
            b'Z' => Kind::RemoveFolder,
            b'M' => Kind::Mark,
            other => panic!("{path:?}: the rules do not know {:?}", char::from(*other)),
        };
        Some(Record { kind, folder: matches!(letter, b'D' | b'd'), thread, inode, at, path, to, data })
    }
}
