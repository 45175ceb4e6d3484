//! The accounts' durable numbers: rows of the cell `directory`.
//!
//! | key | value |
//! |---|---|
//! | `account/` + folded address | the account's number |
//!
//! A row stays when its account goes: the number is never given to somebody else, and whoever comes back finds their mail.

use crate::rows::{self, HEAD, Head, RowError};
use model::{AccountId, Decoder, Encoder};
use store::{Batch, Bytes, CommitError, Found, Query, RowPlace, Space, Store};

const FORMAT: u8 = 1;
pub(crate) const ACCOUNT: &str = "account/";
/// Rows asked for, or written, at once: some tens of KiB.
const AT_ONCE: usize = 256;
/// Another node may write at the same moment; more often than this it is no coincidence.
pub(crate) const ATTEMPTS_MAX: usize = 8;

/// The numbers of the accounts with these folded addresses, in their order; who has none gets one.
pub(crate) async fn of_accounts(store: &dyn Store, addresses: &[String]) -> Result<Vec<AccountId>, RowError> {
    let mut ids = Vec::with_capacity(addresses.len());
    for some in addresses.chunks(AT_ONCE) {
        ids.extend(of_some(store, some).await?);
    }
    Ok(ids)
}

async fn of_some(store: &dyn Store, addresses: &[String]) -> Result<Vec<AccountId>, RowError> {
    let mut attempt = 1;
    loop {
        let (head, known) = read(store, addresses).await?;
        if known.iter().all(Option::is_some) {
            return Ok(known.into_iter().flatten().collect());
        }
        let (batch, ids) = allocate(head, addresses, &known)?;
        match store.commit(batch).await {
            Ok(()) => {
                tracing::info!(event = "accounts.added", count = known.iter().filter(|id| id.is_none()).count());
                return Ok(ids);
            }
            Err(CommitError::Conflict) if attempt < ATTEMPTS_MAX => attempt += 1,
            Err(source) => {
                let mut new = addresses.iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(new, _)| new);
                let first = new.next().cloned().unwrap_or_default();
                return Err(RowError::New { first, more: new.count(), source });
            }
        }
    }
}

/// The head row as it stands, and the numbers that are there.
async fn read(store: &dyn Store, addresses: &[String]) -> Result<(Option<Bytes>, Vec<Option<AccountId>>), RowError> {
    let cell = rows::cell();
    let keys = std::iter::once(HEAD.to_owned()).chain(addresses.iter().map(|a| key(a)));
    let reading = store.read(keys.map(|key| Query::row(&cell, key)).collect()).await?;
    let mut found = reading.0.into_iter().map(|found| match found {
        Found::Row(row) => row,
        Found::Page(_) => None,
    });
    let head = found.next().flatten();
    if head.is_none() {
        let any = store.read(vec![Query::prefix(&cell, ACCOUNT.as_bytes(), None, 1)]).await?.into_page();
        if !any.rows.is_empty() {
            return Err(rows::headless());
        }
    }
    let known = addresses.iter().zip(found).map(|(address, row)| row.map(|row| number(address, &row)).transpose());
    Ok((head, known.collect::<Result<_, _>>()?))
}

fn allocate(
    head: Option<Bytes>,
    addresses: &[String],
    known: &[Option<AccountId>],
) -> Result<(Batch, Vec<AccountId>), RowError> {
    let mut new = Head::read(head.as_ref())?;
    let mut batch = Batch::new(rows::cell());
    batch.makes_room = true; // a full disk must not keep the server from starting
    batch.expect(HEAD, head);
    let mut ids = Vec::with_capacity(addresses.len());
    for (address, known) in addresses.iter().zip(known) {
        if let Some(id) = known {
            ids.push(*id);
            continue;
        }
        let id = new.take_number()?;
        ids.push(id);
        batch.put(Space::Rows, key(address), row(id));
    }
    batch.put(Space::Rows, HEAD, new.row());
    Ok((batch, ids))
}

/// Where the number of the account with this folded address stands.
pub(crate) fn key(address: &str) -> String {
    format!("{ACCOUNT}{address}")
}

pub(crate) fn row(id: AccountId) -> Vec<u8> {
    let mut row = Encoder::new(FORMAT);
    row.u32(id.0);
    row.finish()
}

/// The number in the row of the account with this folded address.
pub(crate) fn number(address: &str, row: &[u8]) -> Result<AccountId, RowError> {
    let read = || Decoder::new(row, FORMAT)?.u32();
    read().map(AccountId).map_err(|source| RowError::Row { key: address.to_owned(), source })
}

/// Whether it is a row about people.
pub fn is_ours(place: &RowPlace) -> bool {
    place.cell == rows::cell() && place.space == Space::Rows
}

/// The number of an account whose mail is being ended, if it is the row that says so. It is nobody's.
pub fn erasing_of(place: &RowPlace) -> Option<AccountId> {
    let key = std::str::from_utf8(&place.key).ok().filter(|_| is_ours(place))?;
    key.strip_prefix(rows::ERASING)?.parse().ok().map(AccountId)
}

/// Whose number this is, if it is such a row: the address in small letters, and the number.
pub fn number_of(place: &RowPlace, row: &[u8]) -> Option<(String, AccountId)> {
    let key = std::str::from_utf8(&place.key).ok().filter(|_| place.cell == rows::cell())?;
    let address = key.strip_prefix(ACCOUNT)?;
    Some((address.to_owned(), number(address, row).ok()?))
}
