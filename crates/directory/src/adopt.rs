//! An account that another store knows, as the copy of a later day does, comes into this one.

use crate::ids;
use crate::removed::{self, Removed};
use crate::rows::{self, HEAD, Head, RowError};
use model::{AccountId, Address, Timestamp};
use store::{Batch, Query, Space, Store};

/// Takes over the account with this number and address, as far as it is known of the moment `at`: its login, quota and password, or
/// that it was removed and can come back; its domain, where that is not known. Nobody else may have `to` open. Whether `from` has it.
///
/// # Errors
/// When rows cannot be read or written.
pub async fn adopt(
    from: &dyn Store,
    to: &dyn Store,
    (address, id): (&Address, AccountId),
    at: Timestamp,
) -> Result<bool, RowError> {
    let (cell, folded) = (rows::cell(), crate::account::folded(address));
    let number = ids::key(&folded);
    let row = from.read(vec![Query::row(&cell, number.clone())]).await?.into_row();
    match &row {
        Some(row) if ids::number(&folded, row)? == id => {}
        _ => return Ok(false),
    }
    let head = to.read(vec![Query::row(&cell, HEAD)]).await?.into_row();
    let now = Head::read(head.as_ref())?;
    let mut batch = Batch::new(cell.clone());
    batch.expect(HEAD, head).put(Space::Rows, number, row.unwrap_or_default());
    let (principal, gone) = (rows::principal_key(address), removed::key(address));
    let read = |key: &str| from.read(vec![Query::row(&cell, key.to_owned())]);
    let (mut there, mut kept) = (read(&principal).await?.into_row(), read(&gone).await?.into_row());
    if let Some(row) = &kept {
        let (removed, entry) = Removed::decode(row).map_err(|source| RowError::Row { key: folded, source })?;
        if removed.at > at {
            (there, kept) = (rows::principal_row(&entry).map(Into::into), None);
        }
    }
    for (key, row) in [(principal, there), (gone, kept)] {
        match row {
            Some(row) => batch.put(Space::Rows, key, row),
            None => batch.delete(Space::Rows, key),
        };
    }
    let domain = rows::domain_change(&address.domain, None).0;
    let known = to.read(vec![Query::row(&cell, domain.clone())]).await?.into_row();
    let theirs = from.read(vec![Query::row(&cell, domain.clone())]).await?.into_row();
    if let Some(row) = theirs.filter(|_| known.is_none()) {
        batch.put(Space::Rows, domain, row);
    }
    let new = Head::at(now.next().max(id.0.saturating_add(1)), now.edits() + 1);
    batch.put(Space::Rows, HEAD, new.row());
    to.commit(batch).await?;
    Ok(true)
}
