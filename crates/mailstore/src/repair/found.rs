//! What of an account can still be read.

use crate::check::leaf;
use crate::email::Email;
use crate::erased::ENDED_FORMAT;
use crate::flags::KeywordTable;
use crate::gone;
use crate::log::{Change, Entry};
use crate::mailbox::MailboxRecord;
use crate::rows::{self, Departure, Head, Places};
use crate::view::Member;
use model::{EmailId, MailboxId, ModSeq, RecordError, Uid};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use store::{Bytes, Cell, Order, Query, ReadError, Scan, Snapshot, Space};

/// Rows read at once; with an email's body each that is some megabytes.
const PAGE_ROWS: usize = 256;

/// All rows of an account that are whole, and those that are not.
#[derive(Default)]
pub(super) struct Found {
    /// Of any kind.
    pub rows: usize,
    pub head: Option<Head>,
    pub keywords: Option<KeywordTable>,
    pub mailboxes: BTreeMap<MailboxId, MailboxRecord>,
    /// The same, as their rows say.
    pub said: BTreeMap<MailboxId, MailboxRecord>,
    pub emptying: BTreeSet<MailboxId>,
    pub members: BTreeMap<(MailboxId, Uid), Member>,
    pub emails: BTreeMap<EmailId, Email>,
    pub places: BTreeMap<EmailId, Places>,
    pub departures: BTreeMap<Departure, Member>,
    /// The numbers of changes that can be read.
    pub log: BTreeSet<ModSeq>,
    /// What the log says of mailboxes that are there: their last record.
    pub named: BTreeMap<MailboxId, MailboxRecord>,
    /// Keys of sealed views' rows.
    pub sealed: Vec<Bytes>,
    pub bad: Vec<(Bytes, Bytes, RecordError)>,
}

impl Found {
    /// `None`: the account has ended.
    pub async fn read(store: &dyn Snapshot, cell: &Cell) -> Result<Option<Found>, ReadError> {
        let (mut found, mut after) = (Found::default(), None);
        loop {
            let page = store.read(vec![page(cell, Space::Rows, after)]).await?.into_page();
            found.rows += page.rows.len();
            for (key, row) in &page.rows {
                match found.row(key, row) {
                    Err(RecordError::Version { found: ENDED_FORMAT, .. }) if *key == rows::HEAD => return Ok(None),
                    Err(cause) => found.bad.push((key.clone(), row.clone(), cause)),
                    Ok(()) => {}
                }
            }
            after = page.rows.last().map(|(key, _)| key.clone());
            if !page.more {
                return Ok(Some(found));
            }
        }
    }

    fn row(&mut self, key: &Bytes, row: &Bytes) -> Result<(), RecordError> {
        match key.first() {
            Some(b'H') => self.head = Some(Head::decode(row)?),
            Some(b'K') => self.keywords = Some(KeywordTable::decode(row)?),
            Some(b'M') => {
                let record = MailboxRecord::decode(row)?;
                if *key != rows::mailbox(record.id) {
                    return Err(RecordError::Elsewhere);
                }
                self.said.insert(record.id, record.clone());
                self.mailboxes.insert(record.id, record);
            }
            Some(b'X') => drop(self.emptying.insert(rows::mailbox_of(key)?)),
            Some(b'U') => {
                let place = (rows::mailbox_of_member(key)?, rows::uid_of(key)?);
                self.members.insert(place, Member::decode(place, row)?);
            }
            Some(b'E') => {
                let id = rows::email_of(key)?;
                let email = Email::decode(id, row.clone());
                let whole = email.and_then(|email| email.envelope().and(email.structure()).map(|_| email.clone()));
                self.emails.insert(id, whole.map_err(|_| RecordError::Checksum)?);
            }
            Some(b'P') => {
                let id = rows::email_of(key)?;
                self.places.insert(id, Places::decode(id, row)?);
            }
            Some(b'G') => {
                let departure = rows::departure_of(key)?;
                self.departures.insert(departure, gone::decode(departure, row)?);
            }
            Some(b'L') => self.change(key, row)?,
            Some(b'V') => {
                leaf(key, row)?;
                self.sealed.push(key.clone());
            }
            _ => leaf(key, row)?,
        }
        Ok(())
    }

    fn change(&mut self, key: &Bytes, row: &Bytes) -> Result<(), RecordError> {
        let entry = Entry::decode(row)?;
        self.log.insert(key.last_chunk().map(|n| ModSeq(u64::from_be_bytes(*n))).ok_or(RecordError::Short)?);
        match entry.change {
            Change::Mailbox(record) => drop(self.named.insert(record.id, *record)),
            Change::MailboxDeleted(id) => drop(self.named.remove(&id)),
            _ => {}
        }
        Ok(())
    }
}

/// A page of a cell's rows.
pub(super) fn page(cell: &Cell, space: Space, after: Option<Bytes>) -> Query {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let (cell, order, octets_max) = (cell.clone(), Order::Ascending, Scan::OCTETS_DEFAULT);
    Query::Scan(Scan { space, cell, from, to: Bound::Unbounded, order, rows_max: PAGE_ROWS, octets_max })
}
