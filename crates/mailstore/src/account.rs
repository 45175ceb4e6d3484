//! An account: what it holds as of the last durable change, and the operations on it.

use crate::email::{BODY_ROW_OCTETS_MAX, Email, Stored};
use crate::error::Error;
use crate::gone::weight;
use crate::keys::KeysPool;
use crate::lane::{Lane, Operation, ended};
use crate::log::Entry;
use crate::mailbox::{MailboxRecord, Mailboxes, SpecialUse};
use crate::op::append::{Append, Outcome};
use crate::op::append_all::{AllAppended, AppendAll};
use crate::op::copy::{Copied, CopyMessages};
use crate::op::expunge::Expunge;
use crate::op::flags::{FlagsStored, StoreFlags};
use crate::op::import::Import;
use crate::op::{mailbox, trim::Trim};
use crate::recent::Recent;
use crate::rows::{self, SourceId};
use crate::view::View;
use crate::working::{Published, Working, row_error};
use crate::{DELIVERIES_KEPT, Keeping, LOG_KEPT, Mailstore};
use env::{Clock, Spawn};
use event_listener::{Event, EventListener};
use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::{AccountId, EmailId, MailboxId, ModSeq, Quota, Timestamp, Uid};
use std::future::Future;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Blobs, Bytes, Found, Query, ReadError, Store};

/// An account's mail. All its sessions and deliveries in this process share one.
pub struct Account {
    pub(crate) id: AccountId,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) spawn: Arc<dyn Spawn>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lane: Lane,
    pub(crate) keys: Arc<KeysPool>,
    pub(crate) keeping: Arc<dyn Keeping>,
    /// Somebody ends what is too much already.
    purging: AtomicBool,
    published: Mutex<Option<Published>>,
    changed: Event,
    recent: Arc<Recent>,
}

/// What of the quota is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Sum of sizes, each email once.
    pub octets: u64,
    /// Emails.
    pub messages: u64,
}

impl Usage {
    /// Whether `octets` more in one message fit into `quota`.
    ///
    /// # Errors
    /// [`Error::OverQuota`] with the limit that is reached.
    pub fn room_for(&self, octets: u64, quota: &Quota) -> Result<(), Error> {
        self.room_for_swap(Usage { octets, messages: 1 }, Usage { octets: 0, messages: 0 }, quota)
    }

    /// Whether what is `added` fits into `quota` when what is `freed` goes; who frees as much as they add always may.
    ///
    /// # Errors
    /// As [`Usage::room_for`].
    pub fn room_for_swap(&self, added: Usage, freed: Usage, quota: &Quota) -> Result<(), Error> {
        let check = |used: u64, added: u64, freed: u64, limit: Option<u64>, unit| match limit {
            Some(limit) if added > freed && used.saturating_add(added - freed) > limit => {
                Err(Error::OverQuota { used, limit, unit })
            }
            _ => Ok(()),
        };
        check(self.octets, added.octets, freed.octets, quota.octets, "octets")?;
        check(self.messages, added.messages, freed.messages, quota.messages, "messages")
    }
}

impl Account {
    /// One of `mailstore`'s.
    pub(crate) fn new(id: AccountId, mailstore: &Mailstore) -> Account {
        let Mailstore { store, blobs, spawn, clock, keys, keeping, accounts: _ } = mailstore;
        Account {
            id,
            store: store.clone(),
            blobs: blobs.clone(),
            spawn: spawn.clone(),
            clock: clock.clone(),
            lane: Lane::default(),
            keys: keys.clone(),
            keeping: keeping.clone(),
            purging: AtomicBool::new(false),
            published: Mutex::default(),
            changed: Event::new(),
            recent: Arc::default(),
        }
    }

    /// Whose mail this is.
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// What time it is, by the clock that stamps messages.
    pub fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    // What is there.

    /// The mailboxes as of the last durable change.
    pub fn mailboxes(&self) -> Arc<Mailboxes> {
        self.published().as_ref().map(|published| published.mailboxes.clone()).unwrap_or_default()
    }

    /// What of the quota is used.
    pub fn usage(&self) -> Usage {
        self.known_usage().unwrap_or_default()
    }

    /// The same; `None` as long as it was not read.
    pub(crate) fn known_usage(&self) -> Option<Usage> {
        self.published().as_ref().map(|p| Usage { octets: p.used_octets, messages: p.used_emails })
    }

    /// The account's modification sequence.
    pub fn modseq(&self) -> ModSeq {
        self.published().as_ref().map_or(ModSeq(0), |published| published.modseq)
    }

    /// Fires at the next change of anything in the account that becomes durable after this call.
    pub fn listen(&self) -> EventListener {
        self.changed.listen()
    }

    /// The members of a mailbox as of the last durable change; all who ask share one view.
    ///
    /// # Errors
    /// [`Error::MailboxMissing`], and those of the store.
    pub async fn open(self: &Arc<Self>, mailbox: MailboxId) -> Result<Arc<View>, Error> {
        match self.current_view(mailbox) {
            Some(view) => Ok(view),
            None => self.ask(mailbox::Open(mailbox)).await,
        }
    }

    /// As [`Account::open`], if the view is in memory: what a session compares its own with after [`Account::listen`].
    pub fn current_view(&self, mailbox: MailboxId) -> Option<Arc<View>> {
        self.published().as_ref()?.views.get(&mailbox).cloned()
    }

    /// The first UID of a mailbox that no session was told of: from it on messages are `\Recent` (RFC 3501 §2.3.2).
    pub fn recent_from(&self, mailbox: &MailboxRecord) -> Uid {
        self.recent.first(mailbox)
    }

    /// As [`Account::recent_from`], for a session that is told of all messages which `mailbox` counts: it is the first.
    pub fn take_recent(&self, mailbox: &MailboxRecord) -> Uid {
        self.recent.take(mailbox)
    }

    /// The emails with these ids, in their order; `None` where one has ended.
    pub async fn emails(&self, ids: &[EmailId]) -> Result<Vec<Option<Email>>, Error> {
        let cell = rows::account_cell(self.id);
        let queries = ids.iter().map(|id| Query::row(&cell, rows::email(*id))).collect();
        let found = self.store.read(queries).await?.0.into_iter();
        let email = |(id, found): (&EmailId, Found)| match found {
            Found::Row(Some(row)) => Email::decode(*id, row).map(Some),
            _ => Ok(None),
        };
        ids.iter().zip(found).map(email).collect()
    }

    /// Octets `range` of a message as seen: its prefix, then its body; cut at its end. Ask for bounded pieces, except for
    /// small messages, which are one row anyway.
    ///
    /// # Errors
    /// [`Error::BodyMissing`] when the email ended meanwhile; [`Error::BodyDamaged`] when they are lost, or not the
    /// octets that were stored.
    pub async fn octets(&self, email: &Email, range: Range<u64>) -> Result<Bytes, Error> {
        self.parts(email, range).await.map(joined)
    }

    /// The same as the prefix's part and the body's, of which neither is copied.
    ///
    /// # Errors
    /// As [`octets`](Self::octets).
    pub async fn parts(&self, email: &Email, range: Range<u64>) -> Result<[Bytes; 2], Error> {
        let parts = parts_of((&*self.store, &*self.blobs), self.id, email, range).await;
        if let Err(cause @ Error::BodyDamaged { .. }) = &parts {
            tracing::error!(event = "body.damaged", account = %self.id, email = %email.id, %cause);
        }
        parts
    }

    /// Of which of these sources a message was imported, in their order.
    pub async fn imported(&self, sources: &[SourceId]) -> Result<Vec<bool>, Error> {
        let cell = rows::account_cell(self.id);
        let queries = sources.iter().map(|source| Query::row(&cell, rows::source(*source))).collect();
        let found = self.store.read(queries).await?.0;
        Ok(found.into_iter().map(|found| matches!(found, Found::Row(Some(_)))).collect())
    }

    /// Entries of the change log behind `after`, in order; at most `entries_max`.
    pub async fn log(&self, after: ModSeq, entries_max: usize) -> Result<Vec<(ModSeq, Entry)>, Error> {
        let cell = rows::account_cell(self.id);
        let query = Query::prefix(&cell, rows::LOG, Some(rows::log(after)), entries_max);
        let page = self.store.read(vec![query]).await?.into_page();
        let entry = |(key, row): &(Bytes, Bytes)| {
            let modseq = key.last_chunk().map_or(0, |n| u64::from_be_bytes(*n));
            Entry::decode(row)
                .map(|entry| (ModSeq(modseq), entry))
                .map_err(row_error(format_args!("change log {modseq}")))
        };
        page.rows.iter().map(entry).collect()
    }

    // What changes it. Each is queued in the account's lane when it is called, and durable when it is answered.

    /// Adds a message to a mailbox.
    pub fn append(self: &Arc<Self>, append: Append) -> impl Future<Output = Result<Outcome, Error>> + Send + use<> {
        self.ask(append)
    }

    /// Adds a message to a mailbox, unless one of the same source was added before.
    pub fn import(self: &Arc<Self>, import: Import) -> impl Future<Output = Result<Outcome, Error>> + Send + use<> {
        self.ask(import)
    }

    /// Adds messages together, perhaps in place of another.
    pub fn append_all(
        self: &Arc<Self>,
        append: AppendAll,
    ) -> impl Future<Output = Result<AllAppended, Error>> + Send + use<> {
        self.ask(append)
    }

    /// Changes flags.
    pub fn store_flags(
        self: &Arc<Self>,
        store: StoreFlags,
    ) -> impl Future<Output = Result<FlagsStored, Error>> + Send + use<> {
        self.ask(store)
    }

    /// Removes messages; returns the UIDs of those that left.
    pub fn expunge(self: &Arc<Self>, expunge: Expunge) -> impl Future<Output = Result<Vec<Uid>, Error>> + Send + use<> {
        self.ask(expunge)
    }

    /// Copies or moves messages.
    pub fn copy(self: &Arc<Self>, copy: CopyMessages) -> impl Future<Output = Result<Copied, Error>> + Send + use<> {
        self.ask(copy)
    }

    /// Makes a mailbox.
    pub fn create(
        self: &Arc<Self>,
        name: &str,
        special_use: Option<SpecialUse>,
    ) -> impl Future<Output = Result<Arc<MailboxRecord>, Error>> + Send + use<> {
        self.ask(mailbox::Create { name: name.to_owned(), special_use })
    }

    /// The mailbox of that name, made and subscribed if it is not there: clients show what is subscribed.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn named_or_made(self: &Arc<Self>, name: &str) -> Result<MailboxId, Error> {
        if let Some(there) = self.mailboxes().named(name) {
            return Ok(there.id);
        }
        let made = self.create(name, None).await?.id;
        self.subscribe(name, true).await?;
        Ok(made)
    }

    /// Renames a mailbox and all below it; of INBOX, moves the messages (RFC 9051 §6.3.6).
    pub fn rename(self: &Arc<Self>, from: &str, to: &str) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.ask(mailbox::Rename { from: from.to_owned(), to: to.to_owned() })
    }

    /// Deletes a mailbox with its messages; mailboxes below it stay (RFC 9051 §6.3.5).
    pub fn delete(self: &Arc<Self>, name: &str) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let deleted = self.ask(mailbox::Delete { name: name.to_owned() });
        self.empty_all(async move { Ok(vec![deleted.await?]) }.boxed())
    }

    /// Subscribes or unsubscribes a name; it need not exist.
    pub fn subscribe(
        self: &Arc<Self>,
        name: &str,
        subscribed: bool,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.ask(mailbox::Subscribe { name: name.to_owned(), subscribed })
    }

    /// Forgets log entries and marks of deliveries that are older than [`LOG_KEPT`] and [`DELIVERIES_KEPT`].
    pub async fn trim(self: &Arc<Self>) -> Result<(), Error> {
        let before = |kept: std::time::Duration| {
            Timestamp::from_unix_ms(self.clock.wall().unix_ms() - i64::try_from(kept.as_millis()).unwrap_or(i64::MAX))
        };
        let (log_before, deliveries_before) = (before(LOG_KEPT), before(DELIVERIES_KEPT));
        while self.ask(Trim { log_before, deliveries_before }).await? {}
        Ok(())
    }

    /// Reads the account if it is not in memory, and finishes what a crash interrupted.
    pub(crate) async fn ready(self: &Arc<Self>) -> Result<(), Error> {
        if self.published().is_some() {
            return Ok(());
        }
        self.empty_all(self.ask(mailbox::Load).boxed()).await
    }

    /// Waits for `deleted` mailboxes and sees to it that they are emptied, also when the caller goes away.
    fn empty_all(
        self: &Arc<Self>,
        deleted: BoxFuture<'static, Result<Vec<MailboxId>, Error>>,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        let account = self.clone();
        let wait_and_empty = async move {
            let mailboxes = deleted.await;
            // Whoever asked may be gone.
            let _ = answer.send(mailboxes.as_ref().map(|_| ()).map_err(Error::clone));
            for mailbox in mailboxes.unwrap_or_default() {
                account.empty(mailbox).await;
            }
        };
        self.spawn.spawn(wait_and_empty.boxed());
        async move { answered.await.unwrap_or_else(|_| Err(ended())) }
    }

    /// Empties a deleted mailbox; a failure is made good when the account is next trimmed or loaded.
    async fn empty(self: &Arc<Self>, mailbox: MailboxId) {
        loop {
            match self.ask(mailbox::Empty(mailbox)).await {
                Ok(false) => {}
                Ok(true) => return,
                Err(cause) => {
                    tracing::warn!(event = "mailbox.not_emptied", account = %self.id, %mailbox, %cause);
                    return;
                }
            }
        }
    }

    /// Empties deleted mailboxes to the end: until then their messages are neither there nor gone.
    pub async fn finish_emptying(self: &Arc<Self>) -> Result<(), Error> {
        for mailbox in self.ask(mailbox::Load).await? {
            while !self.ask(mailbox::Empty(mailbox)).await? {}
        }
        Ok(())
    }

    /// Ends the oldest of what is kept when it has become more than may be. The change that made it so is done.
    pub(crate) fn bound_kept(self: &Arc<Self>) {
        let kept = weight(self.kept());
        if kept == 0 || self.keeping.octets_max(self.id).is_none_or(|max| kept <= max) {
            return;
        }
        if self.purging.swap(true, Ordering::AcqRel) {
            return;
        }
        let account = self.clone();
        let purge = async move {
            match account.purge(None).await {
                Ok(ended) => {
                    let Usage { octets, messages } = ended;
                    tracing::info!(event = "deleted.purged", account = %account.id, cause = "size", messages, octets);
                }
                Err(cause) => tracing::warn!(event = "deleted.not_purged", account = %account.id, %cause),
            }
            account.purging.store(false, Ordering::Release);
        };
        self.spawn.spawn(purge.boxed());
    }

    pub(crate) fn ask<T: Operation>(
        self: &Arc<Self>,
        operation: T,
    ) -> impl Future<Output = Result<T::Done, Error>> + Send + use<T> {
        Lane::ask(self, operation)
    }

    // For the lane.

    pub(crate) async fn load(&self) -> Result<Working, Error> {
        Working::load(self.store.clone(), self.recent.clone(), self.id, self.clock.wall()).await
    }

    pub(crate) fn publish(&self, published: Published, working: Option<&mut Working>) {
        let mut slot = self.published();
        // Dropped first, so that what only the lane holds counts as unused.
        *slot = None;
        let published = slot.insert(published);
        if let Some(working) = working {
            working.forget_unused_views(&mut published.views);
        }
        drop(slot);
        self.changed.notify(usize::MAX);
    }

    pub(crate) fn forget_views(&self) {
        if let Some(published) = self.published().as_mut() {
            published.views.clear();
        }
        // Sessions look again, and find what is durable.
        self.changed.notify(usize::MAX);
    }

    pub(crate) fn published(&self) -> MutexGuard<'_, Option<Published>> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Account::octets`].
pub(crate) async fn octets_of(
    books: (&dyn Store, &dyn Blobs),
    account: AccountId,
    email: &Email,
    range: Range<u64>,
) -> Result<Bytes, Error> {
    parts_of(books, account, email, range).await.map(joined)
}

/// The two parts of what [`Account::parts`] read, as one.
pub fn joined([head, body]: [Bytes; 2]) -> Bytes {
    match (head.is_empty(), body.is_empty()) {
        (true, _) => body,
        (_, true) => head,
        _ => [head, body].concat().into(),
    }
}

async fn parts_of(
    books: (&dyn Store, &dyn Blobs),
    account: AccountId,
    email: &Email,
    range: Range<u64>,
) -> Result<[Bytes; 2], Error> {
    let shift = email.prefix().len() as u64;
    let within = |n: u64| n.min(shift) as usize;
    let head = email.prefix_part(within(range.start)..within(range.end));
    let body = range.start.saturating_sub(shift)..range.end.min(email.size_octets()).saturating_sub(shift);
    let body = if body.is_empty() { Bytes::new() } else { body_of(books, account, email, body).await? };
    Ok([head, body])
}

async fn body_of(
    (store, blobs): (&dyn Store, &dyn Blobs),
    account: AccountId,
    email: &Email,
    range: Range<u64>,
) -> Result<Bytes, Error> {
    let damaged = |what| Error::BodyDamaged { email: email.id, what };
    let found = match email.stored {
        Stored::Blob(id) => match blobs.get(id, range).await {
            Err(ReadError::Damaged(what)) => return Err(damaged(what)),
            octets => octets?,
        },
        Stored::Row => {
            let cell = rows::account_cell(account);
            let get = store::Get { space: store::Space::Bodies, cell, key: rows::body(email.id) };
            let row = store.read(vec![Query::Get(get)]).await?.into_row();
            row.as_ref().map_or(Ok(()), |row| email.check_body(row)).map_err(damaged)?;
            row.map(|row| {
                let end = (range.end as usize).min(row.len());
                row.slice((range.start as usize).min(end)..end)
            })
        }
    };
    if let Some(octets) = found {
        return Ok(octets);
    }
    // An email ends before its body goes: where it is still there, its body is lost.
    let email_row = Query::row(&rows::account_cell(account), rows::email(email.id));
    match store.read(vec![email_row]).await?.into_row() {
        Some(_) => Err(damaged("its body is missing".into())),
        None => Err(Error::BodyMissing(email.id)),
    }
}

const _: () = assert!(BODY_ROW_OCTETS_MAX <= 64 * 1024, "a row's body is read whole");
