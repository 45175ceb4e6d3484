//! A mailbox as an mbox file: what is there is copied before what is new, and the whole takes its place at the end.

use super::Target;
use super::shelf::Shelf;
use crate::admin::transfer::MemberItem;
use crate::import::mbox::{Note, exported, write};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Octets written at once.
const WRITE_OCTETS: usize = 256 << 10;

/// A file that is written.
pub struct MboxFile {
    path: PathBuf,
    name: String,
    there: HashSet<(u32, u32)>,
    shelf: Shelf,
    /// From the first new message on.
    writing: Option<(PathBuf, BufWriter<File>)>,
}

impl MboxFile {
    /// Opens the file, or begins one.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<MboxFile> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Err(io::Error::from(io::ErrorKind::InvalidFilename));
        };
        let there = exported(path)?;
        let mut file = MboxFile {
            path: path.to_owned(),
            name: name.to_owned(),
            there,
            shelf: Shelf::new(folder, folder)?,
            writing: None,
        };
        // A mailbox without messages is a file as well.
        if !path.exists() {
            file.writer()?;
        }
        Ok(file)
    }

    fn writer(&mut self) -> io::Result<&mut BufWriter<File>> {
        if self.writing.is_none() {
            let (path, mut file) = self.shelf.begin(&self.name)?;
            match File::open(&self.path) {
                Ok(mut before) => {
                    io::copy(&mut before, &mut file)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            self.writing = Some((path, BufWriter::with_capacity(WRITE_OCTETS, file)));
        }
        self.writing.as_mut().map(|(_, writer)| writer).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl Target for MboxFile {
    fn there(&self) -> &HashSet<(u32, u32)> {
        &self.there
    }

    fn add(&mut self, uid_validity: u32, member: &MemberItem, octets: &[u8]) -> io::Result<()> {
        let note = Note { uid_validity, uid: member.uid, date: member.date.0 };
        write(self.writer()?, &note, &member.flags, octets)
    }

    /// Nothing is safe before the end: the file takes its place whole.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<usize> {
        if let Some((path, mut writer)) = self.writing.take() {
            writer.flush()?;
            let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
            self.shelf.end(path, &self.name, file);
            self.shelf.settle()?;
        }
        Ok(0)
    }
}
