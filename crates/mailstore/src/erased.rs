//! An account ends for good: all its rows go, in steps that a crash may interrupt anywhere.

use crate::rows::{self, HEAD, Places};
use crate::{Error, Mailstore};
use model::{AccountId, Encoder};
use std::ops::Bound;
use std::sync::PoisonError;
use store::{Batch, Bytes, Cell, Query, ReadError, RowPlace, Scan, Space, Store};

/// Rows that go in one step; with an email's body each that is some megabytes.
const ERASE_STEP: usize = 1000;
/// No program reads a row of this format: whoever still holds the account open cannot write to it.
pub(crate) const ENDED_FORMAT: u8 = u8::MAX;

/// Whether the row is what stays of an account that was erased.
pub fn is_erased(place: &RowPlace, row: &[u8]) -> bool {
    place.space == Space::Rows && place.key == HEAD && row.first() == Some(&ENDED_FORMAT)
}

/// Whether of the account nothing is left but that.
pub(crate) async fn has_ended(store: &dyn Store, cell: &Cell) -> Result<bool, ReadError> {
    let head = store.read(vec![Query::row(cell, HEAD)]).await?.into_row();
    Ok(head.is_some_and(|head| head.first() == Some(&ENDED_FORMAT)))
}

impl Mailstore {
    /// Ends `account`: its mail, kept or not, and everything else of it; returns how many rows went. To be repeated after a
    /// failure. Its number must never be given to anybody again: one row of a few octets stays, which keeps out those who
    /// still hold the account open.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn erase_account(&self, account: AccountId) -> Result<u64, Error> {
        let cell = rows::account_cell(account);
        let mut ended = Batch::new(cell.clone());
        ended.put(Space::Rows, HEAD, Encoder::new(ENDED_FORMAT).finish());
        ended.makes_room = true;
        self.store.commit(ended).await?;
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
        let mut rows = 0;
        for space in [Space::Rows, Space::Bodies] {
            let mut after = None;
            loop {
                let page = self.store.read(vec![page_of(&cell, space, after)]).await?.into_page();
                let batch = self.without(account, &cell, space, &page.rows);
                if !batch.writes.is_empty() {
                    rows += batch.writes.len() as u64;
                    self.store.commit(batch).await?;
                }
                after = page.rows.last().map(|(key, _)| key.clone());
                if !page.more {
                    break;
                }
                env::yield_now().await;
            }
        }
        Ok(rows)
    }

    fn without(&self, account: AccountId, cell: &Cell, space: Space, rows: &[(Bytes, Bytes)]) -> Batch {
        let mut batch = Batch::new(cell.clone());
        batch.makes_room = true;
        for (key, row) in rows.iter().filter(|(key, _)| space == Space::Bodies || *key != HEAD) {
            batch.delete(space, key.clone());
            if space == Space::Bodies || key.first() != Some(&b'P') {
                continue;
            }
            // The link goes with the row that names it: a blob without a link is collected, one with a wrong link never.
            match rows::email_of(key).and_then(|email| Ok((email, Places::decode(email, row)?.blob))) {
                Ok((email, Some(blob))) => {
                    batch.delete_in(rows::blob_cell(blob), Space::Rows, rows::blob_link(account, email));
                }
                Ok((_, None)) => {}
                Err(cause) => tracing::error!(event = "places.damaged", %account, ?key, %cause),
            }
        }
        batch
    }
}

fn page_of(cell: &Cell, space: Space, after: Option<Bytes>) -> Query {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let (cell, order, octets_max) = (cell.clone(), store::Order::Ascending, Scan::OCTETS_DEFAULT);
    Query::Scan(Scan { space, cell, from, to: Bound::Unbounded, order, rows_max: ERASE_STEP, octets_max })
}
