//! An account that was set back to an earlier state steps over the numbers that it may have given out since: no client that
//! remembers a UID, an EMAILID or a MODSEQ of that time shall take one message for another.

use crate::INBOX_ID;
use crate::error::Error;
use crate::log::{Change, Entry};
use crate::mailbox::MailboxRecord;
use crate::rows::{self, Head};
use crate::working::row_error;
use model::{AccountId, ModSeq, Timestamp, Uid};
use store::{Batch, Bytes, Cell, Query, Space, Store};

/// UIDs, emails and mailboxes that are passed over: more than come between two backups. A mailbox may be restored four
/// thousand times.
const NUMBERS: u32 = 1 << 20;
/// MODSEQs that are passed over: each flag that changes takes one.
pub(crate) const CHANGES: u64 = 1 << 32;
/// Rows in one batch.
const ROWS_AT_ONCE: usize = 2000;

/// Steps over numbers. The log of changes begins anew, so that whoever asks what changed since is told to look at everything
/// (RFC 7162 §3.2.6). Nobody else may have the account open.
///
/// # Errors
/// Those of the store; a damaged head; a damaged mailbox, when all others have stepped over.
pub async fn step_over(store: &dyn Store, account: AccountId, now: Timestamp) -> Result<(), Error> {
    let cell = rows::account_cell(account);
    let Some(head) = store.read(vec![Query::row(&cell, rows::HEAD)]).await?.into_row() else { return Ok(()) };
    let mut new = Head::decode(&head).map_err(row_error("head"))?;
    forget_log(store, &cell).await?;
    new.batches += 1;
    new.modseq = ModSeq(new.modseq.0 + CHANGES);
    new.next_email.0 += u64::from(NUMBERS);
    new.next_mailbox.0 = new.next_mailbox.0.saturating_add(NUMBERS);
    let mut batch = Batch::new(cell.clone());
    batch.expect(rows::HEAD, Some(head)).put(Space::Rows, rows::HEAD, new.encode());
    let (mut inbox, mut wrong) = (None, Ok(()));
    let mut after = None;
    loop {
        let page = store.read(vec![Query::prefix(&cell, rows::MAILBOX, after, ROWS_AT_ONCE)]).await?.into_page();
        for (key, row) in &page.rows {
            let mut record = match MailboxRecord::decode(row).map_err(row_error("a mailbox")) {
                Ok(record) => record,
                Err(error) => {
                    wrong = Err(error);
                    continue;
                }
            };
            // Who has given out nearly all can only be made anew.
            record.uid_next = Uid(record.uid_next.0.saturating_add(NUMBERS));
            record.highest_modseq = new.modseq;
            batch.put(Space::Rows, key.clone(), record.encode());
            inbox = inbox.or(Some(record).filter(|record| record.id == INBOX_ID));
        }
        after = page.rows.last().map(|(key, _)| key.clone());
        if !page.more {
            break;
        }
    }
    if let Some(inbox) = inbox {
        let entry = Entry { at: now, change: Change::Mailbox(Box::new(inbox)) };
        batch.put(Space::Rows, rows::log(new.modseq), entry.encode());
    }
    store.commit(batch).await?;
    wrong
}

async fn forget_log(store: &dyn Store, cell: &Cell) -> Result<(), Error> {
    loop {
        let page = store.read(vec![Query::prefix(cell, rows::LOG, None, ROWS_AT_ONCE)]).await?.into_page();
        if page.rows.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new(cell.clone());
        batch.makes_room = true;
        page.rows.into_iter().for_each(|(key, _): (Bytes, Bytes)| {
            batch.delete(Space::Rows, key);
        });
        store.commit(batch).await?;
    }
}
