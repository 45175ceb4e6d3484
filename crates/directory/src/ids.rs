//! The accounts' durable numbers: rows of the cell `directory`.
//!
//! | key | value |
//! |---|---|
//! | `head` | the next number |
//! | `account/` + folded address | the account's number |
//!
//! A row stays when its account leaves the configuration: the number is never given to somebody else, and whoever comes
//! back finds their mail.

use model::{AccountId, Decoder, Encoder, RecordError};
use store::{Batch, Bytes, Cell, CommitError, Found, Query, ReadError, Space, Store};

/// Why accounts have no numbers.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdError {
    /// The store did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store did not take the new rows.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A row is damaged.
    #[error("the row of {key}: {source}")]
    Row {
        /// Whose row.
        key: String,
        /// How.
        source: RecordError,
    },
    /// 2^32 accounts were there.
    #[error("no account number is left")]
    Exhausted,
}

const FORMAT: u8 = 1;
const HEAD: &str = "head";
/// Rows asked for, or written, at once: some tens of KiB.
const AT_ONCE: usize = 256;
/// Another node may take numbers at the same moment; more often than this it is no coincidence.
const ATTEMPTS_MAX: usize = 8;

fn cell() -> Cell {
    Cell::new(&b"directory"[..])
}

/// The numbers of the accounts with these folded addresses, in their order; who has none gets one.
pub(crate) async fn of_accounts(store: &dyn Store, addresses: &[String]) -> Result<Vec<AccountId>, IdError> {
    let mut ids = Vec::with_capacity(addresses.len());
    for some in addresses.chunks(AT_ONCE) {
        ids.extend(of_some(store, some).await?);
    }
    Ok(ids)
}

async fn of_some(store: &dyn Store, addresses: &[String]) -> Result<Vec<AccountId>, IdError> {
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
            Err(error) => return Err(error.into()),
        }
    }
}

/// The head row as it stands, and the numbers that are there.
async fn read(store: &dyn Store, addresses: &[String]) -> Result<(Option<Bytes>, Vec<Option<AccountId>>), IdError> {
    let cell = cell();
    let keys = std::iter::once(HEAD.to_owned()).chain(addresses.iter().map(|a| key(a)));
    let reading = store.read(keys.map(|key| Query::row(&cell, key)).collect()).await?;
    let mut rows = reading.0.into_iter().map(|found| match found {
        Found::Row(row) => row,
        Found::Page(_) => None,
    });
    let head = rows.next().flatten();
    let known = addresses.iter().zip(rows).map(|(address, row)| row.map(|row| number(address, &row)).transpose());
    let known = known.map(|id| id.map(|id| id.map(AccountId))).collect::<Result<_, _>>()?;
    Ok((head, known))
}

fn allocate(
    head: Option<Bytes>,
    addresses: &[String],
    known: &[Option<AccountId>],
) -> Result<(Batch, Vec<AccountId>), IdError> {
    let mut next = head.as_ref().map(|row| number(HEAD, row)).transpose()?.unwrap_or(1);
    let mut batch = Batch::new(cell());
    batch.expect(HEAD, head);
    let mut ids = Vec::with_capacity(addresses.len());
    for (address, known) in addresses.iter().zip(known) {
        if let Some(id) = known {
            ids.push(*id);
            continue;
        }
        ids.push(AccountId(next));
        batch.put(Space::Rows, key(address), row(next));
        next = next.checked_add(1).ok_or(IdError::Exhausted)?;
    }
    batch.put(Space::Rows, HEAD, row(next));
    Ok((batch, ids))
}

fn key(address: &str) -> String {
    format!("account/{address}")
}

fn row(number: u32) -> Vec<u8> {
    let mut row = Encoder::new(FORMAT);
    row.u32(number);
    row.finish()
}

fn number(key: &str, row: &[u8]) -> Result<u32, IdError> {
    let read = || Decoder::new(row, FORMAT)?.u32();
    read().map_err(|source| IdError::Row { key: key.to_owned(), source })
}
