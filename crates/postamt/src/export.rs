//! Mail out into files: Maildir, mbox, single messages. What is there from a run before is not written again.
//!
//! A file gets its name when it is whole and synced. A mailbox whose name no file system would keep as it is lies in a folder
//! with a plain name, and the [`manifest`] says which mailbox it is; so nothing is written outside of the folder named.
//!
//! | module | what |
//! |---|---|
//! | [`manifest`] | whose mail lies in a folder, and under which names |
//! | [`path`] | where a mailbox goes |
//! | [`shelf`] | files that appear whole or not at all |
//! | [`folder`] | messages in files of their own: Maildir, eml |
//! | [`mbox`] | messages in one file for each mailbox |

pub mod folder;
pub mod manifest;
pub mod mbox;
pub mod path;
pub mod shelf;

use crate::admin::transfer::MemberItem;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What files the messages become.
#[derive(ValueEnum, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Maildir++: mailboxes as `.Folder.Sub` below the first.
    Maildir,
    /// mboxrd files in folders.
    Mbox,
    /// A file for each message, in folders.
    Eml,
}

/// A mailbox on its way into files.
pub trait Target {
    /// The messages that are there already: UIDVALIDITY and UID.
    fn there(&self) -> &HashSet<(u32, u32)>;
    /// Adds a message.
    ///
    /// # Errors
    /// What the system says.
    fn add(&mut self, uid_validity: u32, member: &MemberItem, octets: &[u8]) -> std::io::Result<()>;
    /// What was added is safe when this returns, and has its names.
    ///
    /// # Errors
    /// What the system says.
    fn settle(&mut self) -> std::io::Result<()>;
    /// The mailbox is whole. How many flags there was no way to write.
    ///
    /// # Errors
    /// What the system says.
    fn finish(self: Box<Self>) -> std::io::Result<usize>;
}
