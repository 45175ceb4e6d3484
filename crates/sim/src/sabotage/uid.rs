//! A start that reckons UIDNEXT anew: one more than the largest UID that is there.

use model::{Decoder, Encoder, RecordError};
use store::memory::MemoryStore;
use store::{Batch, Space, Store};

/// Sets UIDNEXT in all rows of mailboxes.
pub fn reckon(rows: &MemoryStore) {
    for cell in rows.cells(Space::Rows).into_iter().filter(|cell| cell.as_bytes().first() == Some(&b'a')) {
        let all = rows.rows(Space::Rows, &cell);
        let mut batch = Batch::new(cell.clone());
        for (key, row) in all.iter().filter(|(key, _)| key.first() == Some(&b'M')) {
            // Members' keys are those of their mailbox with the UID behind.
            let members = [b"U", &key[1..]].concat();
            let last = all.iter().filter_map(|(key, _)| key.strip_prefix(members.as_slice())).max();
            let uid_next = last.and_then(|uid| uid.first_chunk()).map_or(1, |uid| u32::from_be_bytes(*uid) + 1);
            batch.put(
                Space::Rows,
                key.clone(),
                rewritten(row, uid_next).expect("a mailbox's row is as it was written"),
            );
        }
        if !batch.writes.is_empty() {
            drop(rows.commit(batch));
            rows.sync_all();
        }
    }
}

/// The row of a mailbox with another UIDNEXT (`mailstore::MailboxRecord`, format 2).
fn rewritten(row: &[u8], uid_next: u32) -> Result<Vec<u8>, RecordError> {
    let mut d = Decoder::new(row, 2)?;
    let mut e = Encoder::new(2);
    e.u32(d.u32()?).str(d.str()?).u32(d.u32()?).u32(d.u32()?);
    d.u32()?;
    e.u32(uid_next).u64(d.u64()?);
    e.u32(d.u32()?).u32(d.u32()?).u32(d.u32()?).u64(d.u64()?).u32(d.u32()?);
    Ok(e.finish())
}
