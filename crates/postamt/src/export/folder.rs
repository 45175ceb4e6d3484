//! A mailbox as a folder of files, one for each message: Maildir, or eml.

use super::shelf::Shelf;
use super::{Format, Target};
use crate::admin::transfer::MemberItem;
use crate::import::letter;
use crate::import::maildir::Name;
use crate::import::marks::{KEYWORDS_FILE, Keywords, letters_of};
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Messages synced at once.
const SETTLE_EVERY: usize = 256;

/// A folder that is written.
pub struct MessageFolder {
    folder: PathBuf,
    format: Format,
    there: HashSet<(u32, u32)>,
    keywords: Keywords,
    keywords_before: String,
    flags_lost: usize,
    shelf: Shelf,
}

impl MessageFolder {
    /// Opens or makes the folder.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(folder: &Path, format: Format, below: bool) -> io::Result<MessageFolder> {
        let shelf = match format {
            Format::Maildir => {
                fs::create_dir_all(folder.join("new"))?;
                let shelf = Shelf::new(&folder.join("cur"), &folder.join("tmp"))?;
                if below {
                    // So that no one takes it for an account's own (Maildir++).
                    fs::File::options().create(true).append(true).open(folder.join("maildirfolder"))?;
                }
                shelf
            }
            Format::Eml | Format::Mbox => Shelf::new(folder, folder)?,
        };
        let mut there = HashSet::new();
        let parts: &[&str] = if format == Format::Maildir { &["cur", "new"] } else { &["."] };
        for part in parts {
            for entry in fs::read_dir(folder.join(part))? {
                there.extend(Name::of(&entry?.file_name().to_string_lossy()).numbers());
            }
        }
        let keywords = Keywords::read(folder);
        let keywords_before = keywords.text();
        Ok(MessageFolder { folder: folder.to_owned(), format, there, keywords, keywords_before, flags_lost: 0, shelf })
    }

    fn name(&self, uid_validity: u32, member: &MemberItem, sizes: (usize, usize), letters: &str) -> String {
        let at_s = member.date.0.unix_s().max(0);
        let base = format!("{at_s}.V{uid_validity}U{}.postamt,S={},W={}", member.uid, sizes.0, sizes.1);
        match self.format {
            Format::Maildir => format!("{base}:2,{letters}"),
            // Where no colon may be in a name.
            Format::Eml | Format::Mbox => format!("{base},2,{letters}.eml"),
        }
    }

    /// The letters of keywords, before the first message that uses them has its name.
    fn keep_keywords(&mut self) -> io::Result<()> {
        let text = self.keywords.text();
        if text != self.keywords_before {
            let mut shelf = Shelf::new(&self.folder, &self.folder)?;
            shelf.put(KEYWORDS_FILE, text.as_bytes(), None)?;
            shelf.settle()?;
            self.keywords_before = text;
        }
        Ok(())
    }
}

impl Target for MessageFolder {
    fn there(&self) -> &HashSet<(u32, u32)> {
        &self.there
    }

    fn add(&mut self, uid_validity: u32, member: &MemberItem, octets: &[u8]) -> io::Result<()> {
        let (letters, without) = letters_of(&member.flags, &mut self.keywords);
        self.flags_lost += without;
        // Programs that read a Maildir expect the lines of their system, those that read single messages those of mail.
        let lf = if self.format == Format::Maildir { letter::lf(octets) } else { None };
        let file = lf.as_deref().unwrap_or(octets);
        let name = self.name(uid_validity, member, (file.len(), octets.len()), &letters);
        self.shelf.put(&name, file, Some(member.date.0.unix_ms()))?;
        if self.shelf.waiting() >= SETTLE_EVERY { self.settle() } else { Ok(()) }
    }

    fn settle(&mut self) -> io::Result<()> {
        self.keep_keywords()?;
        self.shelf.settle()
    }

    fn finish(mut self: Box<Self>) -> io::Result<usize> {
        self.settle()?;
        Ok(self.flags_lost)
    }
}
