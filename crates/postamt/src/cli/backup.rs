//! `postamt backup`: everything that the server holds, in a folder from which it can be restored.
//!
//! | module | what |
//! |---|---|
//! | `create`, `list`, `messages`, `verify`, `restore`, `forget`, `key` | the commands |
//! | `past`, `moment` | an account at a moment |

mod create;
mod forget;
mod key;
mod list;
mod messages;
mod moment;
mod past;
mod restore;
mod verify;

use super::failure::Failure;
use crate::language::{Tell, say, told};
use backup::age::{AgeError, Identity, identities};
use backup::{Backup, Error, Folder, Gaps};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  postamt backup create /backup
  postamt backup verify /backup
  postamt backup restore /backup --account anna@example.org
  postamt backup restore /backup --to /var/lib/postamt-new
  postamt backup forget /backup --keep-daily 7 --keep-monthly 12

A backup holds all that is in the data folder's store: mail, people, queue and trace. The configuration file is not in it.

Exit codes: 0 done, 1 failed or damaged, 2 the command is wrong, 3 there is no such thing.";

#[derive(Subcommand, Debug)]
pub enum BackupCommand {
    /// Takes a backup into a folder; only what is not there yet is written.
    #[command(after_help = create::EXAMPLES)]
    Create(create::Create),
    /// The backups of a folder.
    #[command(after_help = list::EXAMPLES)]
    List(list::List),
    /// The messages of an account in a backup.
    #[command(after_help = messages::EXAMPLES)]
    Messages(messages::Messages),
    /// Reads a backup to its last octet and restores it for a test.
    #[command(after_help = verify::EXAMPLES)]
    Verify(verify::Verify),
    /// Brings back everything, an account, a mailbox or a message.
    #[command(after_help = restore::EXAMPLES)]
    Restore(restore::Restore),
    /// Removes old backups, and what only they consist of.
    #[command(after_help = forget::EXAMPLES)]
    Forget(forget::Forget),
    /// Makes a key that backups can be encrypted to.
    #[command(after_help = key::EXAMPLES)]
    Key(key::Key),
}

/// Which backup of which folder.
#[derive(Args, Debug)]
struct Which {
    /// The folder of backups.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    keys: Keys,
}

/// What opens encrypted backups.
#[derive(Args, Debug)]
struct Keys {
    /// A file with the key of an encrypted backup, as `postamt backup key` or age-keygen writes it.
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
}

impl Keys {
    fn read(&self) -> Result<Vec<Identity>, Failure> {
        let mut all = Vec::new();
        for file in &self.identity {
            let text = std::fs::read_to_string(file).map_err(|error| wrong(file, &error))?;
            let found = identities(&text).map_err(|error| wrong(file, &error))?;
            if found.is_empty() {
                let file = file.display();
                return Err(Failure::Wrong(say!("{file}: there is no key in it", "{file}: darin ist kein Schlüssel")));
            }
            all.extend(found);
        }
        Ok(all)
    }
}

impl Which {
    /// Opens the backup with the id, or the newest of which the id begins so.
    fn open(&self, wanted: &str, gaps: Gaps) -> Result<Backup, Failure> {
        Ok(Backup::open(Folder::open(&self.folder)?, wanted, self.keys.read()?, gaps)?)
    }
}

pub fn run(command: &BackupCommand) -> Result<(), Failure> {
    match command {
        BackupCommand::Create(create) => create::run(create),
        BackupCommand::List(list) => list::run(list),
        BackupCommand::Messages(messages) => messages::run(messages),
        BackupCommand::Verify(verify) => verify::run(verify),
        BackupCommand::Restore(restore) => restore::run(restore),
        BackupCommand::Forget(forget) => forget::run(forget),
        BackupCommand::Key(key) => key::run(key),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let text = told(&error);
        match error {
            Error::NoBackup { .. } => Failure::Nothing(text),
            Error::Foreign { .. } | Error::Sealed(_) | Error::Age { source: AgeError::Foreign, .. } => {
                Failure::Wrong(text)
            }
            _ => Failure::Failed(text),
        }
    }
}

fn wrong(file: &Path, error: &impl Tell) -> Failure {
    Failure::Wrong(format!("{}: {}", file.display(), told(error)))
}

/// For shells and people.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
