//! Whose a row is.

use mailstore::{account_of, blob_of, is_erased};
use model::AccountId;
use store::{BlobId, Bytes, Query, ReadError, RowPlace, Snapshot};

/// Links of a blob that are read at once.
const PAGE_ROWS: usize = 1000;

pub(crate) enum Owner {
    /// It is an account's.
    Account(AccountId),
    /// It is all that is left of an account that was erased.
    Erased(AccountId),
    /// It is a link to a blob.
    Blob(BlobId),
    /// It says which address an account has.
    Address(AccountId, String),
    /// It says that an account is being ended.
    Erasing(AccountId),
    /// It is a sound one of the directory, the queue or the trace.
    Known,
    /// It is a trace's, and cannot be read.
    DamagedTrace(String),
    /// It is nobody's.
    Nobody,
}

pub(crate) fn owner(place: &RowPlace, value: &[u8]) -> Owner {
    if let Some(account) = account_of(&place.cell) {
        if is_erased(place, value) { Owner::Erased(account) } else { Owner::Account(account) }
    } else if let Some(blob) = blob_of(&place.cell) {
        Owner::Blob(blob)
    } else if let Some((address, id)) = directory::number_of(place, value) {
        Owner::Address(id, address)
    } else if let Some(id) = directory::erasing_of(place) {
        Owner::Erasing(id)
    } else if let Some(sound) = mta::trace::judge(place, value) {
        sound.map_or_else(|cause| Owner::DamagedTrace(cause.to_string()), |_| Owner::Known)
    } else if directory::is_ours(place) || mta::queue::is_ours(place) {
        Owner::Known
    } else {
        Owner::Nobody
    }
}

/// The keys of all links to a blob.
pub(crate) async fn links(snapshot: &dyn Snapshot, blob: BlobId) -> Result<Vec<Bytes>, ReadError> {
    let (cell, mut keys, mut after) = (mailstore::links_of(blob), Vec::new(), None);
    loop {
        let page = snapshot.read(vec![Query::prefix(&cell, b"", after.take(), PAGE_ROWS)]).await?.into_page();
        keys.extend(page.rows.into_iter().map(|(key, _)| key));
        match keys.last().filter(|_| page.more) {
            Some(key) => after = Some(key.clone()),
            None => return Ok(keys),
        }
    }
}
