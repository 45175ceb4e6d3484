//! What must always hold of the rows about people.

use crate::account::folded;
use crate::ids;
use crate::rows::{self, HEAD, Head, Row, RowError};
use model::AccountId;
use std::collections::BTreeMap;
use store::{Bytes, Query, ReadError, Snapshot};

/// Rows looked at at once.
const PAGE_ROWS: usize = 2000;

/// Which row is wrong, and how. No row is wrong in a sound directory.
///
/// # Errors
/// When the store cannot be read.
pub async fn check(store: &dyn Snapshot) -> Result<Vec<(String, String)>, ReadError> {
    let mut checker = Checker::default();
    let mut after = None;
    loop {
        let page = store.read(vec![Query::prefix(&rows::cell(), b"", after, PAGE_ROWS)]).await?.into_page();
        page.rows.iter().for_each(|(key, row)| checker.row(key, row));
        after = page.rows.last().map(|(key, _)| key.clone());
        if !page.more {
            checker.end();
            return Ok(checker.wrong);
        }
        env::yield_now().await;
    }
}

#[derive(Default)]
struct Checker {
    head: Option<Head>,
    /// Number and folded address of those who are stored.
    accounts: Vec<(AccountId, String)>,
    numbers: BTreeMap<AccountId, String>,
    wrong: Vec<(String, String)>,
}

impl Checker {
    fn tell(&mut self, row: impl Into<String>, wrong: impl Into<String>) {
        self.wrong.push((row.into(), wrong.into()));
    }

    fn row(&mut self, key: &Bytes, row: &Bytes) {
        let name = String::from_utf8_lossy(key).into_owned();
        let read = if name == HEAD {
            Head::read(Some(row)).map(|head| self.head = Some(head))
        } else if let Some(address) = name.strip_prefix(ids::ACCOUNT) {
            ids::number(address, row).map(|id| {
                if let Some(other) = self.numbers.insert(id, address.to_owned()) {
                    self.tell(&*name, format!("account {id} is {other} too"));
                }
            })
        } else {
            match rows::PREFIXES.into_iter().find(|prefix| name.starts_with(prefix)) {
                Some(prefix) => Row::read(prefix, key, row).map(|row| {
                    if let Row::Account(entry, _) = row {
                        self.accounts.push((entry.account.id, folded(&entry.account.address)));
                    }
                }),
                None => return self.tell(name, "nobody knows such a row"),
            }
        };
        match read {
            Err(RowError::Row { source, .. }) => self.tell(name, source.to_string()),
            Err(error) => self.tell(name, error.to_string()),
            Ok(()) => {}
        }
    }

    fn end(&mut self) {
        let next = self.head.as_ref().map_or(1, Head::next);
        if let Some((id, address)) = self.numbers.last_key_value().filter(|(id, _)| id.0 >= next) {
            let wrong = format!("{address} has number {id}, which was never given out");
            self.tell(HEAD, wrong);
        }
        for (id, address) in std::mem::take(&mut self.accounts) {
            if self.numbers.get(&id) != Some(&address) {
                self.tell(format!("principal/{address}"), format!("number {id} is not that of {address}"));
            }
        }
    }
}
