//! The directory: what is declared, what is stored, and the people that come of both.

use crate::account::Entry;
use crate::alias::{Alias, Fault};
use crate::authenticate::Gate;
use crate::declared::{self, Declared};
use crate::edit::{self, Edit, EditError, Edited, Plan};
use crate::ids::{self, ATTEMPTS_MAX};
use crate::people::People;
use crate::rows::{self, Head, RowError, Stored};
use crate::{Account, DirectorySpec, LocalDomain};
use env::{Clock, Random, Spawn};
use futures_channel::oneshot;
use futures_util::lock::Mutex;
use model::{AccountId, Address};
use std::iter::successors;
use std::sync::{Arc, PoisonError, RwLock};
use store::{Batch, Bytes, CommitError, Found, Query, Space, Store};

/// Domains, accounts, aliases and credentials; edited while others read.
pub struct Directory {
    pub(crate) gate: Gate,
    spawn: Arc<dyn Spawn>,
    books: Arc<Books>,
}

/// What edits need; they outlive whoever asked for them.
struct Books {
    store: Arc<dyn Store>,
    /// Read by everybody, replaced whole.
    people: RwLock<Arc<People>>,
    /// What stands behind `people`; one edit at a time.
    kept: Mutex<Kept>,
}

/// What is declared, and the stored rows as this process knows them.
struct Kept {
    declared: Arc<Declared>,
    head: Option<Bytes>,
    stored: Stored,
}

/// Why there is no directory.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Two accounts have one address.
    #[error("the account {0} is there twice")]
    Duplicate(Address),
    /// An account lies in a domain that is not ours.
    #[error("the domain of {0} is not among the local domains")]
    Domain(Address),
    /// `catch_all` or `postmaster` names nobody.
    #[error("there is no account {0}")]
    Unknown(Address),
    /// The accounts' numbers could not be read or given.
    #[error("account numbers: {0}")]
    Ids(RowError),
    /// What is stored could not be read.
    #[error("domains, accounts and aliases: {0}")]
    Stored(RowError),
}

impl Directory {
    /// Puts together what is declared and what is stored; declared accounts seen for the first time get their durable
    /// number.
    pub async fn open(
        store: Arc<dyn Store>,
        spawn: Arc<dyn Spawn>,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
        spec: DirectorySpec,
    ) -> Result<Directory, DirectoryError> {
        let declared = Arc::new(declare(&*store, spec).await?);
        let (head, stored) = rows::load(&*store).await.map_err(DirectoryError::Stored)?;
        let people = People::of(&declared, &stored);
        report(people.faults(), &[]);
        let gate = Gate::new(spawn.clone(), clock, random);
        let (people, kept) = (RwLock::new(Arc::new(people)), Mutex::new(Kept { declared, head, stored }));
        Ok(Directory { gate, spawn, books: Arc::new(Books { store, people, kept }) })
    }

    /// Takes `spec` in place of what was declared so far. Nothing changes if it contradicts itself.
    pub async fn declare(&self, spec: DirectorySpec) -> Result<(), DirectoryError> {
        let declared = declare(&*self.books.store, spec).await?;
        let mut kept = self.books.kept.lock().await;
        kept.declared = Arc::new(declared);
        self.books.publish(People::of(&kept.declared, &kept.stored));
        Ok(())
    }

    /// All accounts: the declared ones in their order, then the stored ones, oldest first.
    pub fn accounts(&self) -> impl Iterator<Item = Arc<Account>> + use<> {
        let people = self.people();
        let declared: Vec<_> = people.declared().iter().map(|entry| entry.account.clone()).collect();
        let first = people.stored_after(None);
        declared.into_iter().chain(successors(first, move |last| people.stored_after(Some(last.id))))
    }

    /// How many accounts there are.
    pub fn account_count(&self) -> usize {
        self.people().count()
    }

    /// The account with this number, if somebody has it.
    pub fn account_by_id(&self, id: AccountId) -> Option<Arc<Account>> {
        self.people().account_by_id(id)
    }

    /// All local domains: the declared ones in their order, then the stored ones by name.
    pub fn domains(&self) -> Vec<LocalDomain> {
        self.people().domains().cloned().collect()
    }

    /// All aliases by address.
    pub fn aliases(&self) -> Vec<Alias> {
        self.people().aliases().collect()
    }

    /// What is wrong with the people that are there, though no edit lets it in: the configuration file changed.
    pub fn faults(&self) -> Vec<Fault> {
        self.people().faults().to_vec()
    }

    /// The account with this very address, whatever catch-all and aliases say.
    pub fn account(&self, address: &Address) -> Option<Arc<Account>> {
        self.people().account(address)
    }

    /// As they stand now; whoever holds this sees no later edit.
    pub(crate) fn people(&self) -> Arc<People> {
        self.books.people()
    }

    /// What the store says about who has this very address, with the credential, and its stamp.
    pub(crate) async fn principal(&self, address: &Address) -> Result<(Entry, u64), RowError> {
        let query = Query::row(&rows::cell(), rows::principal_key(address));
        rows::principal_of(address, self.books.store.read(vec![query]).await?.into_row().as_ref())
    }

    /// Changes something about people. It is durable and in effect when this returns, also when the caller goes away
    /// meanwhile.
    pub async fn edit(&self, edit: Edit) -> Result<Edited, EditError> {
        let (sender, receiver) = oneshot::channel();
        let books = self.books.clone();
        self.spawn.spawn(Box::pin(async move {
            // Whoever asked may be gone; the edit stands all the same.
            drop(sender.send(books.edit(&edit).await));
        }));
        receiver.await.unwrap_or(Err(EditError::Stopped))
    }

    /// Takes over what other nodes edited. Whether there was something.
    pub async fn refresh(&self) -> Result<bool, RowError> {
        let mut kept = self.books.kept.lock().await;
        let query = Query::row(&rows::cell(), rows::HEAD);
        let head = self.books.store.read(vec![query]).await?.into_row();
        self.books.catch_up(&mut kept, head).await
    }
}

/// What is declared, with the accounts' durable numbers.
async fn declare(store: &dyn Store, spec: DirectorySpec) -> Result<Declared, DirectoryError> {
    let keys = declared::keys(&spec)?;
    let ids = ids::of_accounts(store, &keys).await.map_err(DirectoryError::Ids)?;
    Ok(Declared::new(spec, ids))
}

impl Books {
    fn people(&self) -> Arc<People> {
        self.people.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everybody sees `people` from now on; what is wrong with them is told.
    fn publish(&self, people: People) {
        report(people.faults(), self.people().faults());
        *self.people.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(people);
    }

    async fn edit(&self, edit: &Edit) -> Result<Edited, EditError> {
        let mut kept = self.kept.lock().await;
        // Each attempt but the last follows somebody else's edit, or an attempt that met one.
        for _ in 0..2 * ATTEMPTS_MAX {
            let before = self.people();
            let (head, row) = self.look(edit.row_key(&before)).await?;
            if kept.head != head {
                self.catch_up(&mut kept, head).await?;
                continue;
            }
            let mut new_head = Head::read(head.as_ref())?;
            let Some(plan) = edit::plan(edit, &before, &kept.stored, row, &mut new_head)? else {
                return Ok(Edited::Unchanged);
            };
            let people = People::of(&kept.declared, &plan.stored);
            edit::check_faults(&before, &people)?;
            new_head.count_edit();
            let row = Bytes::from(new_head.row());
            match self.store.commit(batch(head, row.clone(), &plan)).await {
                Ok(()) => {
                    (kept.head, kept.stored) = (Some(row), plan.stored);
                    self.publish(people);
                    tracing::info!(event = "directory.edited", edit = edit.name(), of = edit.of());
                    return Ok(plan.edited);
                }
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(RowError::from(error).into()),
            }
        }
        Err(RowError::Restless.into())
    }

    /// The head, and the row at `key`.
    async fn look(&self, key: Option<String>) -> Result<(Option<Bytes>, Option<Bytes>), RowError> {
        let cell = rows::cell();
        let row = key.map(|key| Query::row(&cell, key));
        let queries = std::iter::once(Query::row(&cell, rows::HEAD)).chain(row).collect();
        let mut rows = self.store.read(queries).await?.0.into_iter().map(|found| match found {
            Found::Row(row) => row,
            Found::Page(_) => None,
        });
        Ok((rows.next().flatten(), rows.next().flatten()))
    }

    /// Reads everything again where `head` is not the one we know.
    async fn catch_up(&self, kept: &mut Kept, head: Option<Bytes>) -> Result<bool, RowError> {
        if kept.head == head {
            return Ok(false);
        }
        let (head, stored) = rows::load(&*self.store).await?;
        let is_new = stored != kept.stored;
        (kept.head, kept.stored) = (head, stored);
        if is_new {
            self.publish(People::of(&kept.declared, &kept.stored));
        }
        Ok(is_new)
    }
}

fn batch(head: Option<Bytes>, new_head: Bytes, plan: &Plan) -> Batch {
    let mut batch = Batch::new(rows::cell());
    batch.expect(rows::HEAD, head).put(Space::Rows, rows::HEAD, new_head);
    for (key, row) in &plan.rows {
        match row {
            Some(row) => batch.put(Space::Rows, key.clone(), row.clone()),
            None => batch.delete(Space::Rows, key.clone()),
        };
    }
    // Removing an account moves its row.
    batch.makes_room = plan.rows.iter().filter(|(_, row)| row.is_none()).count() * 2 >= plan.rows.len();
    batch
}

/// Each fault once, however often the rows are read.
fn report(faults: &[Fault], known: &[Fault]) {
    for fault in faults.iter().filter(|fault| !known.contains(fault)) {
        tracing::warn!(event = "directory.contradicts", %fault);
    }
}

#[cfg(test)]
mod tests;
