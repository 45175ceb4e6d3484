//! Makes the rows about people true again: a number that was given out is never given out again.

use crate::account::folded;
use crate::ids;
use crate::rows::{self, HEAD, Head, Row};
use std::collections::BTreeMap;
use store::{Bytes, Query, ReadError, RowPlace, Snapshot, Space, Write};

const PAGE_ROWS: usize = 2000;

/// What makes the directory whole.
#[derive(Clone, Debug, Default)]
pub struct Mended {
    /// In order; doing it again finds nothing more to do.
    pub writes: Vec<Write>,
    /// Which row, and what becomes of it.
    pub deeds: Vec<(String, &'static str)>,
    /// What is taken away.
    pub kept: Vec<(RowPlace, Bytes)>,
}

/// What makes the directory whole, judged by `store`, which nobody changes meanwhile; `used` is the greatest number that an
/// account with mail has. The number of an account that is declared stands in one row only: if that is damaged it stays, for
/// nobody else knows it. So many numbers as `passed_over` says are never given out: where the last versions of rows may be
/// lost, an account may have had one of them. 0 where that is not so.
///
/// # Errors
/// When the store cannot be read.
pub async fn mend(store: &dyn Snapshot, used: u32, passed_over: u32) -> Result<Mended, ReadError> {
    let (mut mended, mut accounts, mut head, mut numbers) = (Mended::default(), Vec::new(), None, BTreeMap::new());
    let (mut all, mut after): (Vec<(Bytes, Bytes)>, _) = (Vec::new(), None);
    loop {
        let page = store.read(vec![Query::prefix(&rows::cell(), b"", after, PAGE_ROWS)]).await?.into_page();
        all.extend(page.rows.iter().cloned());
        after = page.rows.last().map(|(key, _)| key.clone());
        if !page.more {
            break;
        }
    }
    for (key, row) in &all {
        let name = String::from_utf8_lossy(key).into_owned();
        if name == HEAD {
            head = Head::read(Some(row)).ok();
        } else if let Some(address) = name.strip_prefix(ids::ACCOUNT) {
            if let Ok(id) = ids::number(address, row) {
                numbers.insert(address.to_owned(), id.0);
            }
        } else {
            let prefix = rows::PREFIXES.into_iter().find(|prefix| name.starts_with(prefix));
            match prefix.map(|prefix| Row::read(prefix, key, row)) {
                Some(Ok(Row::Account(entry, _))) => accounts.push(entry.account),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => mended.take(name, key, row),
            }
        }
    }
    for account in accounts {
        let address = folded(&account.address);
        if numbers.get(&address) != Some(&account.id.0) {
            mended.put(ids::key(&address), ids::row(account.id), "made anew from the account");
            numbers.insert(address, account.id.0);
        }
    }
    let next = numbers.values().copied().chain([used]).max().map_or(1, |most| most.saturating_add(1));
    let (said, edits) = head.map_or((0, 0), |head| (head.next(), head.edits()));
    let raised = said.max(next).saturating_add(passed_over);
    // Also where not a row is left: whoever got a number anew would get somebody's mail.
    if (used > 0 || !all.is_empty()) && said < raised {
        let what = if said < next { "made anew from the accounts" } else { "numbers of accounts are passed over" };
        mended.put(HEAD.to_owned(), Head::at(raised, edits + 1).row(), what);
    }
    Ok(mended)
}

impl Mended {
    fn take(&mut self, name: String, key: &Bytes, row: &Bytes) {
        let (space, cell, key) = (Space::Rows, rows::cell(), key.clone());
        self.kept.push((RowPlace { space, cell: cell.clone(), key: key.clone() }, row.clone()));
        self.deeds.push((name, "taken out; set it anew"));
        self.writes.push(Write { space, cell, key, value: None });
    }

    fn put(&mut self, key: String, row: Vec<u8>, what: &'static str) {
        self.deeds.push((key.clone(), what));
        let (space, cell) = (Space::Rows, rows::cell());
        self.writes.push(Write { space, cell, key: key.into(), value: Some(row.into()) });
    }
}
