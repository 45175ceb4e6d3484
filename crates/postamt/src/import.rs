//! Mail from files: Maildir, mbox, single messages. The command line reads them, with the rights of whoever calls it; the
//! running server stores what it is given over the admin socket.
//!
//! What a message is, is its source: the mailbox it goes to, its octets, and which of several equal ones in its folder. The
//! server keeps the source with the message in one commit, so an import may be killed and repeated at any time.
//!
//! | module | what |
//! |---|---|
//! | [`maildir`], [`mbox`], [`eml`] | folders and messages as they lie in files |
//! | [`names`] | which mailbox a folder becomes |
//! | [`letter`] | a message that was read |
//! | [`marks`] | flags as letters and header fields |
//! | [`uplink`] | the stream to the server |
//! | [`progress`] | how it goes |

pub mod eml;
pub mod letter;
pub mod maildir;
pub mod marks;
pub mod mbox;
pub mod names;
pub mod progress;
pub mod uplink;

use letter::Letter;
use std::collections::HashMap;
use std::path::PathBuf;

/// Deepest folder that is looked into: deeper than mailboxes may be, and no loop of hard luck goes on for ever.
pub const DEPTH_MAX: usize = 33;

/// A folder of messages, in files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Folder {
    /// Its name, levels separated by `/`.
    pub name: String,
    /// Where it lies.
    pub place: PathBuf,
}

/// What comes of reading: messages, and what could not be read.
pub trait Reader {
    /// A message.
    ///
    /// # Errors
    /// When reading shall end.
    fn letter(&mut self, letter: Letter) -> Result<(), Stop>;
    /// Something that is not imported, and why.
    fn trouble(&mut self, place: String, cause: String);
}

/// Why nothing more shall be read.
#[derive(Debug)]
pub struct Stop(pub String);

/// Counts equal messages of a folder, so that each has a source of its own.
#[derive(Default)]
pub struct Copies(HashMap<[u8; 16], u32>);

impl Copies {
    /// The source of a message in `mailbox`.
    pub fn source(&mut self, mailbox: &str, octets: &[u8]) -> crate::admin::transfer::Source {
        let first = hash(&[b"import", mailbox.as_bytes(), octets]);
        let copy = self.0.entry(first).or_insert(0);
        let source = if *copy == 0 { first } else { hash(&[b"copy", &first, &copy.to_be_bytes()]) };
        *copy += 1;
        crate::admin::transfer::Source(source)
    }
}

/// A hash of parts; none can pass for a part of another.
pub fn hash(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
    }
    hasher.finalize().as_bytes().first_chunk().copied().unwrap_or_default()
}
