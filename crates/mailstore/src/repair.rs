//! Makes an account's rows true again when some of them are damaged or lost. What is whole stays as it is; what leads nowhere
//! goes, and is given to whoever keeps it aside; counts are made anew; messages that no mailbox has get one.
//!
//! | module | |
//! |---|---|
//! | `found` | what can still be read |
//! | `mend` | what the rows have to be |
//! | `raise` | numbers that were never given out |

mod found;
mod mend;
mod raise;
#[cfg(test)]
mod tests;

use crate::rows;
use found::Found;
use mend::Mender;
pub use mend::whole_blob;
use model::{AccountId, EmailId, MailboxId, Timestamp, Uid};
use store::{BlobId, Blobs, Bytes, ReadError, RowPlace, Snapshot, Write};

/// Where messages come that no mailbox has any more.
pub const RECOVERED: &str = "Recovered";

/// What makes an account whole.
#[derive(Clone, Debug, Default)]
pub struct Mended {
    /// In order, for the later of two to one row counts, and any number at once; doing it again finds nothing more to do.
    pub writes: Vec<Write>,
    /// What they do.
    pub deeds: Vec<Deed>,
    /// What they take away.
    pub kept: Vec<Kept>,
}

/// Something that is done.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Deed {
    /// A row that cannot be read, or leads nowhere, goes.
    Dropped {
        /// What it was.
        row: String,
        /// Why.
        why: String,
    },
    /// A row is made anew from others.
    Rebuilt {
        /// Which.
        row: String,
    },
    /// A message whose content is damaged or missing goes.
    Lost {
        /// Which.
        email: EmailId,
        /// Where it was.
        places: Vec<(MailboxId, Uid)>,
        /// What is wrong.
        why: String,
    },
    /// Because of a [`Gap`]: numbers go on far behind those that are known.
    Raised,
    /// A message that no mailbox had is in [`RECOVERED`].
    Recovered {
        /// Which.
        email: EmailId,
    },
}

/// What is taken away.
#[derive(Clone, Debug)]
pub enum Kept {
    /// A row as it was.
    Row(RowPlace, Bytes),
    /// A message's octets, damaged as they are.
    Message(EmailId, Bytes),
    /// A message's prefix, and the blob that has the rest of it, damaged as it is or missing.
    Blob(EmailId, Bytes, BlobId),
}

/// Whether what was told of an account's mail may be newer than its rows: then the rows say of no number that it was not
/// given out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gap {
    /// The rows are the last ones, or damaged.
    None,
    /// The last versions of some rows are lost without a trace, and older ones are there: of another message a client may know
    /// the UID that would be given out next, and of this one flags that are newer than those which are there. So every number
    /// goes on far behind the last one that is known, every message counts as changed, and the log of changes ends.
    Possible,
}

/// What makes `account` whole, judged by `store`, which nobody changes meanwhile. An account that has ended needs nothing.
/// `linked` are emails of which nothing may be left but the link to the blob that has their octets: they are made anew from it.
///
/// # Errors
/// When the store or a blob cannot be read for another reason than damage.
pub async fn mend(
    store: &dyn Snapshot,
    blobs: &dyn Blobs,
    account: AccountId,
    (now, gap): (Timestamp, Gap),
    linked: &[(EmailId, BlobId)],
) -> Result<Mended, ReadError> {
    let cell = rows::account_cell(account);
    match Found::read(store, &cell).await? {
        Some(found) => Mender::new(account, cell, (now, gap), found).mend((store, blobs), linked).await,
        None => Ok(Mended::default()),
    }
}
