//! Mailboxes get the names that they have in a picture: those of the same number, all at once, so that any two may exchange theirs.

use super::{Picture, each};
use crate::SEPARATOR;
use crate::error::Error;
use crate::mailbox::MailboxRecord;
use crate::rows;
use crate::working::row_error;
use model::AccountId;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Batch, Bytes, Space, Store};

impl Picture {
    /// Gives an account's mailboxes the names and uses that they have here. One that is not here keeps its name, or gets its number
    /// behind it if another one has it here. Nobody else may have the account open; no change is logged.
    ///
    /// # Errors
    /// Those of the store; a damaged record, when nothing is changed.
    pub async fn name_mailboxes(&self, store: &dyn Store, account: AccountId) -> Result<(), Error> {
        let cell = rows::account_cell(account);
        let mut records = Vec::new();
        let mut take = |key: &Bytes, row: &Bytes| records.push((key.clone(), MailboxRecord::decode(row)));
        each(store, &cell, rows::MAILBOX, &mut take).await?;
        let names: BTreeSet<&str> = self.mailboxes.values().filter_map(|mailbox| mailbox.name.as_deref()).collect();
        let uses: BTreeSet<_> = self.mailboxes.values().filter_map(|mailbox| mailbox.special_use).collect();
        let mut batch = Batch::new(cell);
        for (key, record) in records {
            let mut record = record.map_err(row_error("a mailbox"))?;
            let was = record.clone();
            if let Some(mailbox) = self.mailboxes.get(&record.id) {
                record.name = mailbox.name.clone().unwrap_or(record.name);
                record.special_use = mailbox.special_use;
            } else {
                record.special_use = record.special_use.filter(|special_use| !uses.contains(special_use));
                if names.contains(&*record.name) {
                    record.name = free(&names, &record);
                }
            }
            if record != was {
                batch.put(Space::Rows, key, record.encode());
            }
        }
        if batch.writes.is_empty() { Ok(()) } else { Ok(store.commit(batch).await?) }
    }
}

/// A name that nobody has there: numbers are not given out twice, but a mailbox may be called like one.
fn free(names: &BTreeSet<&str>, record: &MailboxRecord) -> Arc<str> {
    let last = record.name.rsplit(SEPARATOR).next().unwrap_or_default();
    let tries = (0..).map(|n| format!("{last} {}{}", record.id, "'".repeat(n)));
    tries.into_iter().find(|name| !names.contains(name.as_str())).unwrap_or_default().into()
}
