//! Keys from rows.

use super::{EmailKeys, Keys, WantedKeys};
use crate::account::Account;
use crate::email::Email;
use crate::error::Error;
use crate::rows;
use crate::view::View;
use message::header::{Fields, unfold};
use message::{IdKey, ancestors};
use model::{EmailId, MailboxId};
use std::ops::Bound;
use std::sync::Arc;
use store::{Bytes, Found, Order, Query, Scan, Space};

/// Emails whose keys [`Account::read_keys`] should be asked for at once: their rows are some hundred KiB.
pub const KEYS_AT_ONCE: usize = 256;
/// Octets of a header in which an old row's References are looked for.
const HEADER_OCTETS_MAX: u64 = 256 * 1024;
/// Emails between two that are asked for, for each of those, up to which a scan is cheaper than a look at each.
const SCANNED_PER_KEY: u64 = 4;

impl Account {
    /// The keys of a mailbox that are in memory.
    pub fn kept_keys(&self, mailbox: MailboxId, wanted: WantedKeys) -> Option<Arc<Keys>> {
        self.keys.kept_for((self.id, mailbox), wanted, self.clock.monotonic())
    }

    /// The same, to add what is lacking. Ask [`Account::read_keys`] for those it lacks, then give it back with
    /// [`Account::keep_keys`]: who else asks meanwhile begins anew.
    pub fn take_keys(&self, view: &View, wanted: WantedKeys) -> Keys {
        let keys = self.keys.take((self.id, view.mailbox.id), wanted, self.clock.monotonic());
        // Most of it may be of messages that are gone.
        if keys.len() > 2 * view.len() as usize + KEYS_AT_ONCE { self.keys.new_keys(keys.wanted) } else { keys }
    }

    /// Keeps keys for who asks next, and shares them.
    pub fn keep_keys(&self, mailbox: MailboxId, keys: Keys) -> Arc<Keys> {
        self.keys.keep((self.id, mailbox), keys, self.clock.monotonic())
    }

    /// Adds the keys of `emails`, which are ascending and at most [`KEYS_AT_ONCE`]. Of those that have ended or are damaged
    /// there will be none.
    ///
    /// # Errors
    /// Those of the store; [`Error::TooManyAtOnce`] when there is no room for so many.
    pub async fn read_keys(&self, emails: &[EmailId], keys: &mut Keys) -> Result<(), Error> {
        for row in self.email_rows(emails).await? {
            let (id, row) = row;
            match self.add_keys(id, row, keys).await {
                Ok(()) => {}
                Err(error @ (Error::Row { .. } | Error::BodyDamaged { .. })) => {
                    tracing::error!(event = "mail.damaged", account = %self.id, cause = %error);
                }
                // Expunged meanwhile.
                Err(Error::BodyMissing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn add_keys(&self, id: EmailId, row: Bytes, keys: &mut Keys) -> Result<(), Error> {
        let email = Email::decode(id, row)?;
        match email.keys(keys.wanted)? {
            Some(of) => keys.add(id, &of),
            None => {
                let ancestors = match keys.wanted.conversations {
                    true => self.ancestors_in_header(&email).await?,
                    false => Vec::new(),
                };
                keys.add(id, &EmailKeys::new(&email, &email.sort_fields()?, ancestors, keys.wanted))
            }
        }
    }

    /// For rows that were written before they said whom the message answers.
    async fn ancestors_in_header(&self, email: &Email) -> Result<Vec<IdKey>, Error> {
        let header = email.seen(email.structure()?.root().header());
        let end = header.end.min(email.prefix().len() as u64 + HEADER_OCTETS_MAX);
        let octets = self.octets(email, email.prefix().len() as u64..end).await?;
        let references = Fields::new(&octets).filter(|field| field.name.eq_ignore_ascii_case(b"references")).last();
        Ok(references.map(|field| ancestors(&unfold(field.value))).unwrap_or_default())
    }

    /// The rows of emails, which are ascending; those that have ended are left out. Where they lie close together one scan
    /// reads them.
    async fn email_rows(&self, emails: &[EmailId]) -> Result<Vec<(EmailId, Bytes)>, Error> {
        let (Some(first), Some(last)) = (emails.first(), emails.last()) else { return Ok(Vec::new()) };
        let cell = rows::account_cell(self.id);
        if last.0 - first.0 >= SCANNED_PER_KEY * emails.len() as u64 {
            let queries = emails.iter().map(|id| Query::row(&cell, rows::email(*id))).collect();
            let found = self.store.read(queries).await?.0;
            let row = |(id, found): (&EmailId, Found)| match found {
                Found::Row(Some(row)) => Some((*id, row)),
                _ => None,
            };
            return Ok(emails.iter().zip(found).filter_map(row).collect());
        }
        let (mut found, mut from) = (Vec::with_capacity(emails.len()), Bound::Included(rows::email(*first)));
        loop {
            let scan = Scan {
                space: Space::Rows,
                cell: cell.clone(),
                from,
                to: Bound::Included(rows::email(*last)),
                order: Order::Ascending,
                rows_max: KEYS_AT_ONCE,
                octets_max: Scan::OCTETS_DEFAULT,
            };
            let page = self.store.read(vec![Query::Scan(scan)]).await?.into_page();
            let Some((after, _)) = page.rows.last() else { return Ok(found) };
            from = Bound::Excluded(after.clone());
            for (key, row) in page.rows {
                let id = rows::email_of(&key).map_err(crate::working::row_error("email"))?;
                if emails.binary_search(&id).is_ok() {
                    found.push((id, row));
                }
            }
            if !page.more {
                return Ok(found);
            }
        }
    }
}
