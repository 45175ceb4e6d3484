//! The embedded backend: rows in fjall or redb behind one committer, blobs as files.
//!
//! It knows neither mail nor an async runtime: reads run on the caller's thread, commits on the committer's, files of blobs
//! on two threads of their own; answers come through channels.
//!
//! | module | what |
//! |---|---|
//! | `rows` | [`LocalStore`]: the store's face |
//! | `committer`, `queue` | the one thread that writes: takes all that waits, writes it as one, syncs once, answers all |
//! | `engine`, `key` | what an engine does (opening, reading, writing one group), and fjall and redb doing it |
//! | `snapshot` | all rows at one moment |
//! | `journal`, [`Aside`] | reads fjall's journal before fjall does: cuts a torn end, keeps damage aside |
//! | [`salvage`](salvage()) | makes a new store of what can be read of an engine's files without it |
//! | `format` | which engine a folder was made with |
//! | `space`, `lock`, `health`, `options` | the disk's watermark and ballast; one process per folder; what the status page shows |
//! | [`metrics`] | what is counted |
//! | `blobs` | [`LocalBlobs`]: files named by their hash |
//!
//! ```
//! use store::{Batch, Cell, Query, Space, Store, block_on};
//! use store_local::{LocalStore, Options};
//! let folder = tempfile::tempdir()?;
//! let store = LocalStore::open(folder.path(), Options::default())?;
//! let cell = Cell::new("account 1");
//! let mut batch = Batch::new(cell.clone());
//! batch.expect("head", None).put(Space::Rows, "head", "1");
//! block_on(store.commit(batch))?; // durable now
//! let reading = block_on(store.read(vec![Query::row(&cell, "head")]))?;
//! assert_eq!(reading.into_row().as_deref(), Some(&b"1"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aside;
mod blobs;
mod committer;
mod engine;
mod format;
mod health;
mod journal;
mod key;
mod lock;
pub mod metrics;
mod options;
mod queue;
mod rows;
mod salvage;
mod snapshot;
mod space;
#[cfg(test)]
mod tests;

pub use aside::{Aside, AsideKind, damaged_journals, doubt, loss};
pub use blobs::{LocalBlobs, any as any_blob, file as blob_file, is_place as is_place_for_blobs};
pub use format::{is_begun, made_with, mend_format};
pub use health::Health;
pub use lock::{OpenError, Remedy};
pub use options::{Backend, Options};
pub use rows::{LocalStore, integrity};
pub use salvage::{Lost, LostKind, Salvaged, salvage};
pub use space::{DiskSpace, SpaceProbe};
