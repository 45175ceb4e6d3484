//! `postamt-export.json`: whose mail lies in a folder, how, and which mailboxes its odder names are.

use super::Format;
use super::shelf::Shelf;
use crate::import::{Folder, letter};
use crate::language::say;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

const FILE: &str = "postamt-export.json";
/// Ten thousand names of a thousand octets.
const OCTETS_MAX: u64 = 16 << 20;
const VERSION: u32 = 1;

/// What lies in a folder.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    version: u32,
    /// Whose mail.
    pub account: String,
    /// How.
    pub format: Format,
    /// Paths below the folder, and the mailboxes that they are.
    pub names: BTreeMap<String, String>,
}

impl Manifest {
    /// Of a new export.
    pub fn new(account: &str, format: Format) -> Manifest {
        Manifest { version: VERSION, account: account.to_owned(), format, names: BTreeMap::new() }
    }

    /// The manifest in a folder, if there is one.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn read(root: &Path) -> Result<Option<Manifest>, String> {
        let path = root.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let told = |cause: String| format!("{}: {cause}", path.display());
        let (octets, _) = letter::read(&path, OCTETS_MAX).map_err(told)?;
        let manifest: Manifest = serde_json::from_slice(&octets).map_err(|error| told(error.to_string()))?;
        if manifest.version != VERSION {
            return Err(told(say!(
                "its version {version} is not known here; use a newer postamt",
                "Version {version} ist hier unbekannt; nötig ist ein neueres postamt",
                version = manifest.version
            )));
        }
        Ok(Some(manifest))
    }

    /// Writes it into a folder.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        let mut shelf = Shelf::new(root, root)?;
        shelf.put(FILE, &serde_json::to_vec_pretty(self)?, None)?;
        shelf.settle()
    }

    /// Gives folders found below `root` the names of the mailboxes they were.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn named(root: &Path, folders: Vec<Folder>) -> Result<Vec<Folder>, String> {
        let Some(manifest) = Manifest::read(root)? else { return Ok(folders) };
        let name = |folder: Folder| {
            let path = folder.place.strip_prefix(root).ok().and_then(Path::to_str);
            match path.and_then(|path| manifest.names.get(path)) {
                Some(name) => Folder { name: name.clone(), ..folder },
                None => folder,
            }
        };
        Ok(folders.into_iter().map(name).collect())
    }
}
