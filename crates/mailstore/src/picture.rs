//! An account as its rows show it, without loading it: of a store that cannot be written, or of which rows are lost; and as it
//! was at a moment between two stores.

mod names;
mod past;

pub use past::{Past, PastError};

use crate::account::octets_of;
use crate::email::Email;
use crate::error::Error;
use crate::flags::KeywordTable;
use crate::mailbox::{MailboxRecord, SpecialUse};
use crate::rows::{self, Head};
use crate::view::Member;
use crate::working::row_error;
use crate::{BODY_ROW_OCTETS_MAX, Usage};
use model::{AccountId, EmailId, MailboxId, ModSeq, Uid};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Blobs, Bytes, Cell, Query, RowPlace, Space, Store};

/// Rows read at once.
const PAGE_ROWS: usize = 2000;
/// Octets of a large body read at once.
const PIECE_OCTETS: u64 = 1 << 20;

/// The mailboxes of an account and what is in them.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// All of them.
    pub mailboxes: BTreeMap<MailboxId, PicturedMailbox>,
    /// The names of keywords.
    pub keywords: KeywordTable,
    /// The last change that is in it.
    pub modseq: ModSeq,
    /// Rows that cannot be read.
    pub unreadable: usize,
}

/// A mailbox and what is in it.
#[derive(Clone, Debug, Default)]
pub struct PicturedMailbox {
    /// `None`: its record is lost.
    pub name: Option<Arc<str>>,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Its messages.
    pub members: BTreeMap<Uid, Member>,
}

impl Picture {
    /// Of what is there; rows that are damaged are counted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read(store: &dyn Store, account: AccountId) -> Result<Picture, Error> {
        let (cell, mut picture) = (rows::account_cell(account), Picture::default());
        match Picture::keywords_of(store, &cell).await {
            Err(Error::Row { .. }) => picture.unreadable += 1,
            keywords => picture.keywords = keywords?,
        }
        match Picture::modseq_of(store, &cell).await {
            Err(Error::Row { .. }) => picture.unreadable += 1,
            modseq => picture.modseq = modseq?,
        }
        let mut take = |key: &Bytes, row: &Bytes| picture.mailbox(key, row);
        each(store, &cell, rows::MAILBOX, &mut take).await?;
        let mut take = |key: &Bytes, row: &Bytes| picture.member(key, row);
        each(store, &cell, rows::MEMBER, &mut take).await?;
        // Their messages are on their way out.
        let mut take = |key: &Bytes, _: &Bytes| {
            if let Ok(deleted) = rows::mailbox_of(key) {
                picture.mailboxes.remove(&deleted);
            }
        };
        each(store, &cell, rows::EMPTYING, &mut take).await?;
        Ok(picture)
    }

    async fn keywords_of(store: &dyn Store, cell: &Cell) -> Result<KeywordTable, Error> {
        match store.read(vec![Query::row(cell, rows::KEYWORDS)]).await?.into_row() {
            Some(row) => KeywordTable::decode(&row).map_err(row_error("keywords")),
            None => Ok(KeywordTable::default()),
        }
    }

    async fn modseq_of(store: &dyn Store, cell: &Cell) -> Result<ModSeq, Error> {
        match store.read(vec![Query::row(cell, rows::HEAD)]).await?.into_row() {
            Some(row) => Head::decode(&row).map(|head| head.modseq).map_err(row_error("head")),
            None => Ok(ModSeq(0)),
        }
    }

    fn mailbox(&mut self, _: &Bytes, row: &Bytes) {
        match MailboxRecord::decode(row) {
            Ok(record) => {
                let mailbox = self.mailboxes.entry(record.id).or_default();
                (mailbox.name, mailbox.special_use) = (Some(record.name), record.special_use);
            }
            Err(_) => self.unreadable += 1,
        }
    }

    fn member(&mut self, key: &Bytes, row: &Bytes) {
        let place = rows::mailbox_of_member(key).and_then(|mailbox| Ok((mailbox, rows::uid_of(key)?)));
        match place.and_then(|(mailbox, uid)| Ok((mailbox, Member::decode((mailbox, uid), row)?))) {
            Ok((mailbox, member)) => {
                self.mailboxes.entry(mailbox).or_default().members.insert(member.uid, member);
            }
            Err(_) => self.unreadable += 1,
        }
    }

    /// The names of a message's flags, as IMAP writes them.
    pub fn flags(&self, member: &Member) -> Vec<String> {
        self.keywords.names(member.flags).map(str::to_owned).collect()
    }
}

async fn each(
    store: &dyn Store,
    cell: &Cell,
    prefix: &[u8],
    take: &mut (dyn FnMut(&Bytes, &Bytes) + Send),
) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = store.read(vec![Query::prefix(cell, prefix, after, PAGE_ROWS)]).await?.into_page();
        page.rows.iter().for_each(|(key, row)| take(key, row));
        after = page.rows.last().map(|(key, _)| key.clone());
        if !page.more {
            return Ok(());
        }
    }
}

/// A message as it was received, with the trace fields of its delivery before it.
///
/// # Errors
/// [`Error::BodyMissing`] when a part of it is gone, [`Error::Row`] when it is damaged, and those of the store.
pub async fn read_message(
    (store, blobs): (&dyn Store, &dyn Blobs),
    account: AccountId,
    email: EmailId,
) -> Result<Vec<u8>, Error> {
    let email = read_email(store, account, email).await?;
    let size = email.size_octets();
    let mut octets = Vec::with_capacity(size.min(BODY_ROW_OCTETS_MAX as u64) as usize);
    while (octets.len() as u64) < size {
        let from = octets.len() as u64;
        let piece = octets_of((store, blobs), account, &email, from..size.min(from + PIECE_OCTETS)).await?;
        if piece.is_empty() {
            return Err(Error::BodyMissing(email.id));
        }
        octets.extend_from_slice(&piece);
    }
    Ok(octets)
}

/// What is kept of a message beside its body.
///
/// # Errors
/// When it is not there, or damaged.
pub async fn read_email(store: &dyn Store, account: AccountId, email: EmailId) -> Result<Email, Error> {
    let row = store.read(vec![Query::row(&rows::account_cell(account), rows::email(email))]).await?.into_row();
    Email::decode(email, row.ok_or(Error::BodyMissing(email))?)
}

/// The cell in which an account's rows lie.
pub fn cell_of(account: AccountId) -> Cell {
    rows::account_cell(account)
}

/// Whose cell this is.
pub fn account_of(cell: &Cell) -> Option<AccountId> {
    let id = cell.as_bytes().strip_prefix(b"a")?.try_into().ok()?;
    Some(AccountId(u32::from_be_bytes(id)))
}

/// What an account counts, if this is the row that says so.
pub fn usage_of(place: &RowPlace, row: &[u8]) -> Option<(AccountId, Usage, ModSeq)> {
    let account = account_of(&place.cell).filter(|_| place.space == Space::Rows && place.key == rows::HEAD)?;
    let head = Head::decode(row).ok()?;
    Some((account, Usage { octets: head.used_octets, messages: head.used_emails }, head.modseq))
}
