//! An account that was set back to an earlier state steps over the numbers that it may have given out since: no client that
//! remembers a UID, an EMAILID or a MODSEQ of that time shall take one message for another.

use crate::INBOX_ID;
use crate::erased::has_ended;
use crate::error::Error;
use crate::log::{Change, Entry};
use crate::mailbox::MailboxRecord;
use crate::rows::{self, Head};
use crate::working::row_error;
use model::{AccountId, ModSeq, Timestamp, Uid};
use store::{Batch, Bytes, Cell, Query, Space, Store};

/// UIDs, emails and mailboxes that are passed over at least: more than come between two backups.
const NUMBERS: u32 = 1 << 20;
/// MODSEQs that are passed over at least: each flag that changes takes one.
pub(crate) const CHANGES: u64 = 1 << 32;
/// Of which the step is a multiple, so that it tells from which state it was made.
pub(crate) const CHANGES_UNIT: u64 = 1 << 20;
/// From when on seconds are counted: 2020, so that they stay below half of all UIDs until 2088.
const EPOCH_MS: i64 = 1_577_836_800_000;

/// From where numbers go on. The same backup may be restored twice, and each life gives out numbers of its own: so they go by
/// the time, and are spread by its milliseconds.
struct Leap {
    /// At least the first number.
    seconds: u32,
    step: u32,
}

impl Leap {
    fn at(now: Timestamp) -> Leap {
        let passed = now.unix_ms().saturating_sub(EPOCH_MS).max(0).unsigned_abs();
        // Fibonacci hashing: 26 bits.
        let spread = passed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 38;
        Leap { seconds: u32::try_from(passed / 1000).unwrap_or(0), step: NUMBERS + u32::try_from(spread).unwrap_or(0) }
    }

    fn over(&self, next: u32) -> u32 {
        next.max(self.seconds).saturating_add(self.step)
    }

    fn over_changes(&self, last: ModSeq) -> ModSeq {
        let by_time = (u64::from(self.seconds) * CHANGES_UNIT).saturating_sub(last.0);
        ModSeq(last.0 + by_time.max(CHANGES).next_multiple_of(CHANGES_UNIT))
    }
}
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
    if has_ended(store, &cell).await? {
        return Ok(());
    }
    let mut new = Head::decode(&head).map_err(row_error("head"))?;
    forget_log(store, &cell).await?;
    let leap = Leap::at(now);
    new.batches += 1;
    new.modseq = leap.over_changes(new.modseq);
    new.next_email.0 = new.next_email.0.max(u64::from(leap.seconds)) + u64::from(leap.step);
    new.next_mailbox.0 = leap.over(new.next_mailbox.0);
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
            record.uid_next = Uid(leap.over(record.uid_next.0));
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
