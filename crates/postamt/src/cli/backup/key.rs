//! `postamt backup key`: a key that backups can be encrypted to.

use crate::cli::failure::Failure;
use crate::cli::place;
use crate::language::{say, told};
use anyhow::Context;
use backup::age::Identity;
use clap::Args;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  postamt backup key /media/stick/backup.key
  postamt backup create /backup --to age1…

It prints what --to takes. Keep the file where the backups are not, and a copy of it on paper: without it they cannot be opened. The
server needs only what is printed. The format is age's (age-encryption.org); a key of age-keygen does as well.";

#[derive(Args, Debug)]
pub struct Key {
    /// The file that the key is written to; it must not be there.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// One JSON object instead of a line.
    #[arg(long)]
    json: bool,
}

pub fn run(key: &Key) -> Result<(), Failure> {
    let identity = Identity::generate().map_err(|error| Failure::Failed(told(&error)))?;
    let recipient = identity.recipient().to_string();
    let text = format!("# public key: {recipient}\n{}\n", &*identity.expose());
    let write = || {
        let mut file = File::create_new(&key.file)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| {
        let file = key.file.display();
        say!("cannot write {file}", "{file} lässt sich nicht schreiben")
    })?;
    if key.json {
        return place::json(&serde_json::json!({ "file": key.file, "recipient": recipient }));
    }
    place::say(&format!("{recipient}\n"))
}
