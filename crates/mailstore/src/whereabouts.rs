//! Where a message is, for whoever has to tell people about it.

use crate::email::Email;
use crate::mailbox::MailboxRecord;
use crate::rows::{self, Places};
use message::decode_header;
use model::{AccountId, EmailId, Uid};
use std::sync::Arc;
use store::{BlobId, Found, Query, ReadError, Snapshot};

/// What is known of a message: nothing that is damaged is in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Whereabouts {
    /// The mailboxes that it is in.
    pub places: Vec<(Option<Arc<str>>, Uid)>,
    /// Its subject.
    pub subject: Option<String>,
}

/// What can still be told of a message.
///
/// # Errors
/// When the store cannot be read.
pub async fn whereabouts(store: &dyn Snapshot, account: AccountId, email: EmailId) -> Result<Whereabouts, ReadError> {
    let cell = rows::account_cell(account);
    let queries = vec![Query::row(&cell, rows::email(email)), Query::row(&cell, rows::places(email))];
    let mut found = store.read(queries).await?.0.into_iter().map(|found| match found {
        Found::Row(row) => row,
        Found::Page(_) => None,
    });
    let row = found.next().flatten().and_then(|row| Email::decode(email, row).ok());
    let subject = row.and_then(|row| row.envelope().ok()?.subject).map(|subject| decode_header(&subject));
    let memberships = found.next().flatten().and_then(|row| Places::decode(email, &row).ok());
    let mut places = Vec::new();
    for (mailbox, uid) in memberships.into_iter().flat_map(|places| places.memberships) {
        let row = store.read(vec![Query::row(&cell, rows::mailbox(mailbox))]).await?.into_row();
        let name = row.and_then(|row| MailboxRecord::decode(&row).ok()).map(|record| record.name);
        places.push((name, uid));
    }
    Ok(Whereabouts { places, subject })
}

/// Whether the email has its body in the blob.
///
/// # Errors
/// When the store cannot be read.
pub async fn names_blob(
    store: &dyn Snapshot,
    account: AccountId,
    email: EmailId,
    blob: BlobId,
) -> Result<bool, ReadError> {
    let row = store.read(vec![Query::row(&rows::account_cell(account), rows::places(email))]).await?.into_row();
    Ok(row.and_then(|row| Places::decode(email, &row).ok()).is_some_and(|places| places.blob == Some(blob)))
}

/// Whose message has a body in the blob by this row of the blob's cell.
pub fn linked_by(key: &[u8]) -> Option<(AccountId, EmailId)> {
    rows::linked_email(key)
}
