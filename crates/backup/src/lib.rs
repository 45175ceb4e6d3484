//! Backups of a whole store: every cell of one moment, read while mail comes in, cut into pieces of which only new ones are
//! written, and good for reading without restoring: [`Backup`] is a [`store::Store`] itself.
//!
//! It knows files, packing and keys; of mail it knows what `mailstore` and `directory` tell it of rows. See
//! docs/decisions/0013-backup.md.
//!
//! | module | what |
//! |---|---|
//! | `folder`, `manifest`, `object`, `name` | what lies on the disk |
//! | `parity` | what mends it |
//! | `chunk` | rows in pieces |
//! | [`age`] | encryption to a key |
//! | `create` | a backup is taken |
//! | `view` | a backup as a store |
//! | [`verify`] | whether it is what it says |
//! | `restore` | all of it into an empty store |
//! | `forget` | old ones go |

pub mod age;
mod chunk;
mod create;
mod error;
mod folder;
mod forget;
mod manifest;
mod name;
mod object;
mod parity;
mod restore;
#[cfg(test)]
mod tests;
pub mod verify;
mod view;

pub use chunk::{Row, decode as decode_rows, encode as encode_row};
pub use create::{Opened, Pieces, Plan, Report, Source, create};
pub use error::Error;
pub use folder::{Folder, Listed, id_of};
pub use forget::{Forgotten, Keep, forget};
pub use manifest::{AccountEntry, ChunkEntry, Content, Manifest};
pub use name::Name;
pub use restore::{Restored, restore};
pub use view::{Backup, Gaps, content};
