//! How people lie in the cell `directory` (docs/decisions/0008-people.md); the numbers' rows are in `ids`.

use crate::account::{Entry, folded, stamp};
use crate::removed::{REMOVED, Removed};
use crate::roll::{Roll, Seal};
use crate::{Account, AccountState, Alias, Credential, DomainSettings, Origin};
use model::{AccountId, Address, Decoder, Domain, Encoder, Quota, RecordError};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use store::{Bytes, Cell, CommitError, Found, Page, Query, ReadError, Store};

/// Why rows about people could not be read or written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RowError {
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
    /// Accounts are declared for the first time, and the store does not take their numbers.
    #[error("the store takes no new accounts, and {} new in the configuration: {source}", of_new(first, *more))]
    New {
        /// The first of them.
        first: String,
        /// How many others there are.
        more: usize,
        /// Why.
        source: CommitError,
    },
    /// 2^32 accounts were there.
    #[error("no account number is left")]
    Exhausted,
    /// The rows changed each time they were read.
    #[error("the directory is being edited too often to be read")]
    Restless,
}

fn of_new(first: &str, more: usize) -> String {
    if more == 0 { format!("{first} is") } else { format!("{first} and {more} more are") }
}

pub(crate) const HEAD: &str = "head";
const DOMAIN: &str = "domain/";
const PRINCIPAL: &str = "principal/";
const ALIAS: &str = "alias/";
pub(crate) const ERASING: &str = "erasing/";
/// What the keys of rows about people begin with, but for their numbers.
pub(crate) const PREFIXES: [&str; 5] = [DOMAIN, PRINCIPAL, ALIAS, REMOVED, ERASING];
/// Format 1 had no count of edits.
const HEAD_FORMAT: u8 = 2;
const FORMAT: u8 = 1;
/// Rows in a page: some hundreds of KiB.
const PAGE_ROWS: usize = 2000;
/// A reading is begun anew this often when somebody edits meanwhile.
const READINGS_MAX: usize = 8;

pub(crate) fn cell() -> Cell {
    Cell::new(&b"directory"[..])
}

/// The row that every change expects and changes.
pub(crate) struct Head {
    next: u32,
    edits: u64,
}

impl Head {
    pub(crate) fn read(row: Option<&Bytes>) -> Result<Head, RowError> {
        let Some(row) = row else { return Ok(Head { next: 1, edits: 0 }) };
        let read = || {
            let mut fields = Decoder::new(row, HEAD_FORMAT)?;
            let next = fields.u32()?;
            let edits = if fields.is_empty() { 0 } else { fields.u64()? };
            Ok(Head { next, edits })
        };
        read().map_err(|source| RowError::Row { key: HEAD.to_owned(), source })
    }

    /// The next account's number.
    pub(crate) fn take_number(&mut self) -> Result<AccountId, RowError> {
        let id = AccountId(self.next);
        self.next = self.next.checked_add(1).ok_or(RowError::Exhausted)?;
        Ok(id)
    }

    /// What it will be.
    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    /// How often something else changed.
    pub(crate) fn edits(&self) -> u64 {
        self.edits
    }

    pub(crate) fn at(next: u32, edits: u64) -> Head {
        Head { next, edits }
    }

    /// Something else changed.
    pub(crate) fn count_edit(&mut self) {
        self.edits += 1;
    }

    pub(crate) fn row(&self) -> Vec<u8> {
        let mut row = Encoder::new(HEAD_FORMAT);
        row.u32(self.next).u64(self.edits);
        row.finish()
    }
}

/// What the store says about people. A copy shares what is not changed in it.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Stored {
    pub(crate) domains: Arc<BTreeMap<Domain, DomainSettings>>,
    pub(crate) accounts: Roll,
    /// By folded address.
    pub(crate) aliases: Arc<BTreeMap<String, Arc<Alias>>>,
    /// By folded address.
    pub(crate) removed: Arc<BTreeMap<String, Removed>>,
    pub(crate) erasing: Arc<BTreeMap<AccountId, Address>>,
}

/// What a row says.
pub(crate) enum Row {
    Domain(Domain, DomainSettings),
    Account(Entry, Seal),
    Alias(Alias),
    Removed(Removed),
    Erasing(AccountId, Address),
}

/// Everything, and the head at that moment.
pub(crate) async fn load(store: &dyn Store) -> Result<(Option<Bytes>, Stored), RowError> {
    'again: for _ in 0..READINGS_MAX {
        let mut stored = Stored::default();
        let mut heads: Option<Option<Bytes>> = None;
        for prefix in PREFIXES {
            let mut after = None;
            loop {
                let (head, page) = page(store, prefix, after).await?;
                if heads.get_or_insert_with(|| head.clone()) != &head {
                    continue 'again;
                }
                for (key, row) in &page.rows {
                    stored.take(Row::read(prefix, key, row)?);
                }
                after = page.rows.last().map(|(key, _)| key.clone());
                if !page.more {
                    break;
                }
            }
        }
        let head = heads.flatten();
        if head.is_none() && stored != Stored::default() {
            return Err(headless()); // numbers would be given out again
        }
        stored.accounts.pack();
        return Ok((head, stored));
    }
    Err(RowError::Restless)
}

/// There are rows, and not the one that says which numbers were given out.
pub(crate) fn headless() -> RowError {
    RowError::Row { key: HEAD.to_owned(), source: RecordError::Missing }
}

/// A page of rows and the head, of one moment.
async fn page(store: &dyn Store, prefix: &str, after: Option<Bytes>) -> Result<(Option<Bytes>, Page), RowError> {
    let cell = cell();
    let queries = vec![Query::row(&cell, HEAD), Query::prefix(&cell, prefix.as_bytes(), after, PAGE_ROWS)];
    let mut answer = (None, Page::default());
    for found in store.read(queries).await?.0 {
        match found {
            Found::Row(head) => answer.0 = head,
            Found::Page(page) => answer.1 = page,
        }
    }
    Ok(answer)
}

impl Row {
    /// One that lies where another belongs is none of ours.
    pub(crate) fn read(prefix: &str, key: &[u8], row: &[u8]) -> Result<Row, RowError> {
        let name = String::from_utf8_lossy(key.get(prefix.len()..).unwrap_or_default()).into_owned();
        let read = || {
            let is_its = |address: &Address| if folded(address) == name { Ok(()) } else { Err(RecordError::Elsewhere) };
            if prefix == REMOVED {
                let (removed, _) = Removed::decode(row)?;
                is_its(&removed.account.address)?;
                return Ok(Row::Removed(removed));
            }
            let mut fields = Decoder::new(row, FORMAT)?;
            match prefix {
                DOMAIN => {
                    let settings = settings(&mut fields)?;
                    // Rows of programs that did not write it do not say whose they are.
                    if !fields.is_empty() && fields.str()? != name {
                        return Err(RecordError::Elsewhere);
                    }
                    Ok(Row::Domain(parsed(&name)?, settings))
                }
                PRINCIPAL => {
                    let entry = entry(&mut fields)?;
                    is_its(&entry.account.address)?;
                    let seal = entry.seal(row);
                    Ok(Row::Account(entry, seal))
                }
                ERASING => Ok(Row::Erasing(AccountId(fields.u32()?), parsed(fields.str()?)?)),
                _ => {
                    let alias = alias(&mut fields)?;
                    is_its(&alias.address)?;
                    Ok(Row::Alias(alias))
                }
            }
        };
        read().map_err(|source| RowError::Row { key: name.clone(), source })
    }
}

impl Stored {
    fn take(&mut self, row: Row) {
        match row {
            Row::Domain(domain, settings) => drop(Arc::make_mut(&mut self.domains).insert(domain, settings)),
            Row::Account(entry, seal) => self.accounts.add(&entry.account, seal),
            Row::Alias(alias) => {
                let key = folded(&alias.address);
                Arc::make_mut(&mut self.aliases).insert(key, Arc::new(alias));
            }
            Row::Removed(removed) => {
                let key = folded(&removed.account.address);
                Arc::make_mut(&mut self.removed).insert(key, removed);
            }
            Row::Erasing(id, address) => drop(Arc::make_mut(&mut self.erasing).insert(id, address)),
        }
    }
}

/// A row to put, or to delete.
pub(crate) type RowChange = (String, Option<Vec<u8>>);

pub(crate) fn domain_change(domain: &Domain, settings: Option<&DomainSettings>) -> RowChange {
    let row = settings.map(|settings| {
        let mut row = Encoder::new(FORMAT);
        row.str(settings.separators.as_str()).option(settings.same_as.as_ref().map(|other| other.as_str().as_bytes()));
        put_addresses(&mut row, &settings.catch_all);
        row.str(domain.as_str()); // behind all that earlier programs read
        row.finish()
    });
    (format!("{DOMAIN}{domain}"), row)
}

fn settings(fields: &mut Decoder<'_>) -> Result<DomainSettings, RecordError> {
    let separators = parsed(fields.str()?)?;
    let same_as = fields.option()?.map(|other| std::str::from_utf8(other).map_err(|_| RecordError::Value));
    let same_as = same_as.transpose()?.map(parsed).transpose()?;
    Ok(DomainSettings { catch_all: addresses(fields)?, separators, same_as })
}

/// The account's row; `None` for a credential that must not be stored.
pub(crate) fn principal_row(entry: &Entry) -> Option<Vec<u8>> {
    let Entry { account, credential, apop } = entry;
    let (kind, text) = credential_text(credential)?;
    let mut row = Encoder::new(FORMAT);
    row.str(&account.address.to_string()).u32(account.id.0);
    row.u64(match account.state {
        AccountState::Enabled => 0,
        AccountState::Disabled => 1,
    });
    for limit in [account.quota.octets, account.quota.messages] {
        match limit {
            None => row.u64(0),
            Some(limit) => row.u64(1).u64(limit),
        };
    }
    row.u64(kind).str(&text);
    if let Some(secret) = apop {
        row.str(secret.expose());
    }
    Some(row.finish())
}

/// An account's row by itself.
pub(crate) fn principal(row: &[u8]) -> Result<Entry, RecordError> {
    entry(&mut Decoder::new(row, FORMAT)?)
}

/// The account in the row of `address` and its stamp, if there is that row and it is that one's.
pub(crate) fn principal_of(address: &Address, row: Option<&Bytes>) -> Result<(Entry, u64), RowError> {
    let read = || {
        let row = row.ok_or(RecordError::Missing)?;
        let entry = principal(row)?;
        let is_its = folded(&entry.account.address) == folded(address);
        if is_its { Ok((entry, stamp(row))) } else { Err(RecordError::Elsewhere) }
    };
    read().map_err(|source| RowError::Row { key: folded(address), source })
}

/// Put, or deleted without an address.
pub(crate) fn erasing_change(id: AccountId, address: Option<&Address>) -> RowChange {
    let row = address.map(|address| {
        let mut row = Encoder::new(FORMAT);
        row.u32(id.0).str(&address.to_string());
        row.finish()
    });
    (format!("{ERASING}{}", id.0), row)
}

pub(crate) fn principal_delete(address: &Address) -> RowChange {
    (principal_key(address), None)
}

pub(crate) fn principal_key(address: &Address) -> String {
    format!("{PRINCIPAL}{}", folded(address))
}

fn entry(fields: &mut Decoder<'_>) -> Result<Entry, RecordError> {
    let address = parsed(fields.str()?)?;
    let id = AccountId(fields.u32()?);
    let state = match fields.u64()? {
        0 => AccountState::Enabled,
        1 => AccountState::Disabled,
        _ => return Err(RecordError::Value),
    };
    let mut limit = || match fields.u64()? {
        0 => Ok(None),
        1 => fields.u64().map(Some),
        _ => Err(RecordError::Value),
    };
    let quota = Quota { octets: limit()?, messages: limit()? };
    let credential = credential(fields.u64()?, fields.str()?)?;
    // Who has none has the row that was written before there was APOP.
    let apop = if fields.is_empty() { None } else { Some(fields.str()?.into()) };
    Ok(Entry { account: Arc::new(Account { id, address, quota, state, origin: Origin::Stored }), credential, apop })
}

/// Its kind and text; a password itself is never stored.
fn credential_text(credential: &Credential) -> Option<(u64, String)> {
    credential.to_text().map(|text| (1, text))
}

fn credential(kind: u64, text: &str) -> Result<Credential, RecordError> {
    match kind {
        1 => Credential::from_text(text).map_err(|_| RecordError::Value),
        _ => Err(RecordError::Value),
    }
}

/// Put, or deleted where it has no targets.
pub(crate) fn alias_change(alias: &Alias) -> RowChange {
    let mut row = Encoder::new(FORMAT);
    row.str(&alias.address.to_string());
    put_addresses(&mut row, &alias.targets);
    let row = (!alias.targets.is_empty()).then(|| row.finish());
    (format!("{ALIAS}{}", folded(&alias.address)), row)
}

fn alias(fields: &mut Decoder<'_>) -> Result<Alias, RecordError> {
    Ok(Alias { address: parsed(fields.str()?)?, targets: addresses(fields)?, origin: Origin::Stored })
}

fn put_addresses(row: &mut Encoder, addresses: &[Address]) {
    row.usize(addresses.len());
    for address in addresses {
        row.str(&address.to_string());
    }
}

fn addresses(fields: &mut Decoder<'_>) -> Result<Vec<Address>, RecordError> {
    (0..fields.count()?).map(|_| parsed(fields.str()?)).collect()
}

fn parsed<T: FromStr>(text: &str) -> Result<T, RecordError> {
    text.parse().map_err(|_| RecordError::Value)
}
