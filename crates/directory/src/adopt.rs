//! An account that another store knows, as the copy of a later day does, comes into this one.

use crate::ids;
use crate::removed::{self, Removed};
use crate::rows::{self, HEAD, Head, RowError};
use model::{AccountId, Address, Timestamp};
use store::{Batch, Bytes, Query, Space, Store};

/// Takes over the account with this number and address, as far as it is known of the moment `at`: its login, quota and password, or
/// that it was removed and can come back; its domain, where that is not known. Who is in `to` already stays as they are, but for
/// those who are removed there and not in `from`. Nobody else may have `to` open. Whether `from` has it.
///
/// # Errors
/// When rows cannot be read or written.
pub async fn adopt(
    from: &dyn Store,
    to: &dyn Store,
    (address, id): (&Address, AccountId),
    at: Timestamp,
) -> Result<bool, RowError> {
    let folded = crate::account::folded(address);
    let is_its = |row: &Option<Bytes>| row.as_ref().is_some_and(|row| ids::number(&folded, row) == Ok(id));
    let number = ids::key(&folded);
    let row = read(from, &number).await?;
    if !is_its(&row) {
        return Ok(false);
    }
    let (principal, gone) = (rows::principal_key(address), removed::key(address));
    let (mut there, mut kept) = (read(from, &principal).await?, read(from, &gone).await?);
    if let Some(row) = &kept {
        let removed = Removed::decode(row);
        let (removed, entry) = removed.map_err(|source| RowError::Row { key: folded.clone(), source })?;
        if removed.at > at {
            (there, kept) = (rows::principal_row(&entry).map(Into::into), None);
        }
    }
    let is_known = is_its(&read(to, &number).await?);
    if is_known && (there.is_none() || read(to, &gone).await?.is_none()) {
        return Ok(true);
    }
    let head = read(to, HEAD).await?;
    let now = Head::read(head.as_ref())?;
    let mut batch = Batch::new(rows::cell());
    batch.expect(HEAD, head).put(Space::Rows, number, row.unwrap_or_default());
    for (key, row) in [(principal, there), (gone, kept)] {
        match row {
            Some(row) => batch.put(Space::Rows, key, row),
            None => batch.delete(Space::Rows, key),
        };
    }
    let domain = rows::domain_change(&address.domain, None).0;
    if let (None, Some(row)) = (read(to, &domain).await?, read(from, &domain).await?) {
        batch.put(Space::Rows, domain, row);
    }
    let new = Head::at(now.next().max(id.0.saturating_add(1)), now.edits() + 1);
    batch.put(Space::Rows, HEAD, new.row());
    to.commit(batch).await?;
    Ok(true)
}

async fn read(store: &dyn Store, key: &str) -> Result<Option<Bytes>, RowError> {
    Ok(store.read(vec![Query::row(&rows::cell(), key.to_owned())]).await?.into_row())
}
