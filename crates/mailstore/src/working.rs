//! The account as its lane sees it: ahead of what is durable by the batches under way.

use crate::error::Error;
use crate::flags::KeywordTable;
use crate::log::{Change, Entry};
use crate::mailbox::{MailboxRecord, Mailboxes};
use crate::recent::Recent;
use crate::rows::{self, Head};
use crate::sealed::{self, Loaded};
use crate::view::{Member, TAIL_PACKED_MIN, View};
use model::{AccountId, MailboxId, ModSeq, RecordError, Timestamp, Uid};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use store::{Batch, Bytes, Cell, Found, Query, Space, Store};

/// What sessions see once a batch is durable.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub mailboxes: Arc<Mailboxes>,
    pub modseq: ModSeq,
    pub used_octets: u64,
    pub used_emails: u64,
    pub kept: crate::Usage,
    pub views: HashMap<MailboxId, Arc<View>>,
}

pub(crate) struct Working {
    pub account: AccountId,
    pub cell: Cell,
    pub head: Head,
    pub now: Timestamp,
    /// Whether what leaves can be restored for a while.
    pub keeps: bool,
    store: Arc<dyn Store>,
    recent: Arc<Recent>,
    head_row: Option<Bytes>,
    mailboxes: Arc<Mailboxes>,
    keywords: Arc<KeywordTable>,
    views: HashMap<MailboxId, Arc<View>>,
    draft: Draft,
    /// Rows of batches under way that a later fold may read, oldest batch first.
    under_way: VecDeque<HashMap<Bytes, Option<Bytes>>>,
}

/// The batch that is being folded.
#[derive(Default)]
struct Draft {
    batch: Option<Batch>,
    /// Of the rows put so far.
    octets: usize,
    readable: HashMap<Bytes, Option<Bytes>>,
    mailboxes: BTreeSet<MailboxId>,
    keywords: bool,
}

/// A row's key and value.
pub(crate) type Row = (Bytes, Bytes);

pub(crate) fn row_error(row: impl fmt::Display) -> impl FnOnce(RecordError) -> Error {
    // Written down only when it is wrong: a view is a million of them.
    move |cause| Error::Row { row: row.to_string(), cause }
}

impl Working {
    /// Reads the account's records; the rows of a new account are in the draft.
    pub async fn load(
        store: Arc<dyn Store>,
        recent: Arc<Recent>,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Working, Error> {
        let cell = rows::account_cell(account);
        let queries = vec![Query::row(&cell, rows::HEAD), Query::row(&cell, rows::KEYWORDS)];
        let mut found = store.read(queries).await?.0.into_iter();
        let mut row = || match found.next() {
            Some(Found::Row(row)) => row,
            _ => None,
        };
        let (head_row, keywords_row) = (row(), row());
        let head = head_row.as_deref().map_or(Ok(Head::new()), Head::decode).map_err(row_error("head"))?;
        let keywords = keywords_row.as_deref().map_or(Ok(KeywordTable::default()), KeywordTable::decode);
        let mut working = Working {
            account,
            cell,
            head,
            now,
            keeps: false,
            store,
            recent,
            head_row,
            mailboxes: Arc::default(),
            keywords: Arc::new(keywords.map_err(row_error("keywords"))?),
            views: HashMap::new(),
            draft: Draft::default(),
            under_way: VecDeque::new(),
        };
        // Who begins anew where there is mail would give its numbers out again.
        if working.is_new() && !working.scan_page(b"", None, 1).await?.rows.is_empty() {
            return Err(row_error("head")(RecordError::Missing));
        }
        working.load_mailboxes().await?;
        if working.head.kept.is_none() {
            working.head.kept = Some(working.sum_kept().await?);
        }
        Ok(working)
    }

    /// What is kept, where the head does not say: an older program wrote it. That one leaves the rows of what has no place
    /// alone; what it ended counts no more.
    async fn sum_kept(&self) -> Result<crate::Usage, Error> {
        let (mut kept, mut after) = (crate::Usage::default(), None);
        loop {
            let page = self.scan_page(rows::GONE, after.take(), PAGE_ROWS).await?;
            for (key, row) in &page.rows {
                let departure = rows::departure_of(key).map_err(row_error("departure"))?;
                let Ok(member) = crate::gone::decode(departure, row) else { continue };
                let places = self
                    .row(rows::places(member.email))
                    .await?
                    .and_then(|row| rows::Places::decode(member.email, &row).ok());
                // Counted at its newest departure.
                if let Some(places) = places.filter(|places| places.memberships.is_empty())
                    && places.departures.last() == Some(&departure)
                {
                    kept = kept.plus(crate::Usage { octets: places.size_octets, messages: 1 });
                }
            }
            match page.rows.last().filter(|_| page.more) {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(kept),
            }
        }
    }

    async fn load_mailboxes(&mut self) -> Result<(), Error> {
        let mut mailboxes = Mailboxes::default();
        for (key, row) in self.scan_all(rows::MAILBOX).await? {
            mailboxes.put(MailboxRecord::decode(&row).map_err(row_error(format_args!("mailbox {key:02x?}")))?);
        }
        for (key, _) in self.scan_all(rows::SUBSCRIPTION).await? {
            let name = key.get(rows::SUBSCRIPTION.len()..).unwrap_or_default();
            mailboxes.subscriptions.insert(String::from_utf8_lossy(name).into());
        }
        self.mailboxes = Arc::new(mailboxes);
        Ok(())
    }

    /// Whether the account has no rows yet.
    pub fn is_new(&self) -> bool {
        self.head_row.is_none()
    }

    /// Durable rows with a prefix: for kinds whose number is bounded by our own limits.
    pub async fn scan_all(&self, prefix: &[u8]) -> Result<Vec<Row>, Error> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.scan_page(prefix, after.take(), PAGE_ROWS).await?;
            all.extend(page.rows);
            match all.last().filter(|_| page.more) {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(all),
            }
        }
    }

    /// One page of durable rows.
    pub async fn scan_page(&self, prefix: &[u8], after: Option<Bytes>, rows_max: usize) -> Result<store::Page, Error> {
        let query = Query::prefix(&self.cell, prefix, after, rows_max);
        Ok(self.store.read(vec![query]).await?.into_page())
    }

    // What folds read.

    pub fn usage(&self) -> crate::Usage {
        self.head.used()
    }

    pub fn mailboxes(&self) -> &Mailboxes {
        &self.mailboxes
    }

    pub fn mailbox(&self, id: MailboxId) -> Result<Arc<MailboxRecord>, Error> {
        self.mailboxes.get(id).cloned().ok_or(Error::MailboxMissing)
    }

    pub fn keywords(&self) -> &KeywordTable {
        &self.keywords
    }

    /// The members of a mailbox that the operation said it looks at.
    pub fn view(&self, id: MailboxId) -> Result<Arc<View>, Error> {
        self.views.get(&id).cloned().ok_or(Error::MailboxMissing)
    }

    /// The view after what was folded, with its mailbox's record.
    pub fn current_view(&mut self, id: MailboxId) -> Result<Arc<View>, Error> {
        let (record, keywords) = (self.mailbox(id)?, self.keywords.clone());
        let view = self.views.get_mut(&id).ok_or(Error::MailboxMissing)?;
        if !Arc::ptr_eq(&view.mailbox, &record) || !Arc::ptr_eq(&view.keywords, &keywords) {
            let now = Arc::make_mut(view);
            (now.mailbox, now.keywords) = (record, keywords);
        }
        Ok(view.clone())
    }

    pub fn has_view(&self, id: MailboxId) -> bool {
        self.views.contains_key(&id)
    }

    /// Rows as they will be when all that was folded is durable, in the order of `keys`.
    pub async fn rows(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, Error> {
        let folded: Vec<_> = keys.iter().map(|key| self.folded(key)).collect();
        let unknown = keys.iter().zip(&folded).filter(|(_, folded)| folded.is_none());
        let queries: Vec<_> = unknown.map(|(key, _)| Query::row(&self.cell, key.clone())).collect();
        let mut read = if queries.is_empty() { Vec::new() } else { self.store.read(queries).await?.0 }.into_iter();
        let mut stored = || match read.next() {
            Some(Found::Row(row)) => row,
            _ => None,
        };
        Ok(folded.into_iter().map(|folded| folded.unwrap_or_else(&mut stored)).collect())
    }

    /// One row, see [`Working::rows`].
    pub async fn row(&self, key: Bytes) -> Result<Option<Bytes>, Error> {
        Ok(self.rows(&[key]).await?.pop().flatten())
    }

    /// What an operation of this batch or one under way left in a `P` row; `None` when none touched it.
    pub fn folded_row(&self, key: &Bytes) -> Option<Option<rows::Places>> {
        let email = rows::email_of(key).unwrap_or(model::EmailId(0));
        self.folded(key).map(|row| row.and_then(|row| rows::Places::decode(email, &row).ok()))
    }

    /// What an operation of this batch or one under way left in a row; `None` when none touched it.
    pub fn folded(&self, key: &Bytes) -> Option<Option<Bytes>> {
        let newest_first = std::iter::once(&self.draft.readable).chain(self.under_way.iter().rev());
        newest_first.filter_map(|rows| rows.get(key)).next().cloned()
    }

    // What folds change.

    fn batch(&mut self) -> &mut Batch {
        self.draft.batch.get_or_insert_with(|| Batch::new(self.cell.clone()))
    }

    /// Octets of the batch so far, without what sealing it adds.
    pub fn draft_octets(&self) -> usize {
        self.draft.octets
    }

    pub fn put(&mut self, key: Bytes, value: Vec<u8>) {
        self.draft.octets += key.len() + value.len();
        self.batch().put(Space::Rows, key, value);
    }

    pub fn delete(&mut self, key: Bytes) {
        self.draft.octets += key.len();
        self.batch().delete(Space::Rows, key);
    }

    /// As [`Working::put`] or `delete`, for a row that later folds read with [`Working::rows`].
    pub fn set_readable(&mut self, key: Bytes, value: Option<Vec<u8>>) {
        let value = value.map(Bytes::from);
        self.draft.octets += key.len() + value.as_ref().map_or(0, Bytes::len);
        self.draft.readable.insert(key.clone(), value.clone());
        match value {
            Some(value) => self.batch().put(Space::Rows, key, value),
            None => self.batch().delete(Space::Rows, key),
        };
    }

    pub fn put_body(&mut self, key: Bytes, octets: Bytes) {
        self.draft.octets += key.len() + octets.len();
        self.batch().put(Space::Bodies, key, octets);
    }

    pub fn delete_body(&mut self, key: Bytes) {
        self.batch().delete(Space::Bodies, key);
    }

    pub fn hold(&mut self, blob: &store::BlobHold) {
        self.batch().hold(blob);
    }

    pub fn put_elsewhere(&mut self, cell: Cell, key: Bytes) {
        self.batch().put_in(cell, Space::Rows, key, Bytes::new());
    }

    /// Rows that come with the batch and mean nothing to the account.
    pub fn put_beside(&mut self, writes: &[store::Write]) {
        for write in writes {
            self.draft.octets += write.key.len() + write.value.as_ref().map_or(0, Bytes::len);
            self.batch().writes.push(write.clone());
        }
    }

    pub fn delete_elsewhere(&mut self, cell: Cell, key: Bytes) {
        self.batch().delete_in(cell, Space::Rows, key);
    }

    /// The next modification's number, with its entry in the change log.
    pub fn log(&mut self, change: impl FnOnce(ModSeq) -> Change) -> ModSeq {
        self.head.modseq.0 += 1;
        let modseq = self.head.modseq;
        let entry = Entry { at: self.now, change: change(modseq) };
        self.put(rows::log(modseq), entry.encode());
        modseq
    }

    pub fn keyword_bits(&mut self, flags: &[model::Flag]) -> crate::FlagBits {
        let (bits, new) = Arc::make_mut(&mut self.keywords).name(flags);
        if new {
            self.batch(); // their names are written, also when no message gets them
            self.draft.keywords = true;
        }
        bits
    }

    /// Puts a mailbox's record; its row is written with the batch.
    pub fn put_mailbox(&mut self, record: MailboxRecord) {
        self.draft.mailboxes.insert(record.id);
        Arc::make_mut(&mut self.mailboxes).put(record);
    }

    pub fn change_subscriptions(&mut self, change: impl FnOnce(&mut BTreeSet<Arc<str>>) -> bool) {
        change(&mut Arc::make_mut(&mut self.mailboxes).subscriptions);
    }

    pub fn remove_mailbox(&mut self, id: MailboxId) {
        self.draft.mailboxes.remove(&id);
        self.views.remove(&id);
        self.recent.forget(id);
        Arc::make_mut(&mut self.mailboxes).remove(id);
        self.delete(rows::mailbox(id));
    }

    /// Changes the mailbox's members in its view, if it is open.
    pub fn change_view(&mut self, id: MailboxId, change: impl FnOnce(&mut View)) {
        if let Some(view) = self.views.get_mut(&id) {
            change(Arc::make_mut(view));
        }
    }

    pub fn put_member(&mut self, mailbox: MailboxId, member: &Member) {
        self.put(rows::member(mailbox, member.uid), member.encode(mailbox));
    }

    /// Reads a mailbox's members; the view, if it is worth sealing. Nothing may be under way: the rows are those that are
    /// durable.
    pub async fn load_view(&mut self, id: MailboxId) -> Result<Option<Arc<View>>, Error> {
        assert!(self.under_way.is_empty() && self.draft.batch.is_none(), "a view is read from durable rows only");
        let loaded = match sealed::load(self, id).await? {
            Some(loaded) => loaded,
            None => {
                let view = self.view_of_rows(id).await?;
                Loaded { stale: view.len() >= sealed::MESSAGES_MIN, view }
            }
        };
        let mut view = loaded.view;
        view.pack_tail(TAIL_PACKED_MIN);
        let view = Arc::new(view);
        self.views.insert(id, view.clone());
        Ok(loaded.stale.then_some(view))
    }

    /// To which members are added.
    pub fn empty_view(&self, id: MailboxId) -> Result<View, Error> {
        Ok(View::new(self.mailbox(id)?, self.keywords.clone()))
    }

    pub async fn view_of_rows(&self, id: MailboxId) -> Result<View, Error> {
        let mut view = self.empty_view(id)?;
        let prefix = rows::members(id);
        let mut after = None;
        loop {
            let page = self.scan_page(&prefix, after.take(), PAGE_ROWS).await?;
            for (key, row) in &page.rows {
                let member = rows::uid_of(key).and_then(|uid| Member::decode((id, uid), row));
                view.push(member.map_err(row_error(format_args!("membership {key:02x?}")))?);
            }
            match page.rows.last().filter(|_| page.more) {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(view),
            }
        }
    }

    /// Forgets the views that nobody but the lane and the published state holds, if there are more than a few. A session
    /// that holds an earlier one will ask for what it has become.
    pub fn forget_unused_views(&mut self, published: &mut HashMap<MailboxId, Arc<View>>) {
        if self.views.len() <= VIEWS_KEPT {
            return;
        }
        let unused = |view: &Arc<View>| Arc::strong_count(view) <= 2 && !view.has_others();
        self.views.retain(|id, view| !unused(view) || published.remove(id).is_none());
    }

    // The batch.

    /// Ends the batch: what shall be committed, if anything, and what is seen when it is durable.
    pub fn seal(&mut self) -> (Option<Batch>, Published) {
        let mut draft = std::mem::take(&mut self.draft);
        if let Some(batch) = draft.batch.as_mut() {
            for id in &draft.mailboxes {
                if let Some(record) = self.mailboxes.get(*id) {
                    let recent_from = self.recent.first(record);
                    let record = MailboxRecord { recent_from, ..(**record).clone() };
                    batch.put(Space::Rows, rows::mailbox(*id), record.encode());
                }
            }
            if draft.keywords {
                batch.put(Space::Rows, rows::KEYWORDS, self.keywords.encode());
            }
            self.head.batches += 1;
            let head = Bytes::from(self.head.encode());
            batch.put(Space::Rows, rows::HEAD, head.clone());
            batch.expect(rows::HEAD, self.head_row.replace(head));
        }
        for id in &draft.mailboxes {
            if let (Some(view), Some(record)) = (self.views.get_mut(id), self.mailboxes.get(*id)) {
                let view = Arc::make_mut(view);
                (view.mailbox, view.keywords) = (record.clone(), self.keywords.clone());
            }
        }
        self.under_way.push_back(draft.readable);
        (draft.batch, self.publish())
    }

    fn publish(&self) -> Published {
        Published {
            mailboxes: self.mailboxes.clone(),
            modseq: self.head.modseq,
            used_octets: self.head.used_octets,
            used_emails: self.head.used_emails,
            kept: self.head.kept.unwrap_or_default(),
            views: self.views.clone(),
        }
    }

    /// The oldest batch under way is durable: its rows are in the store.
    pub fn settled(&mut self) {
        self.under_way.pop_front();
    }

    /// The members of a mailbox with a certain UID are gone or came: the record's counts follow.
    pub fn count(record: &mut MailboxRecord, member: &Member, sign: Sign) {
        let by = |n: &mut u32| match sign {
            Sign::Came => *n += 1,
            Sign::Left => *n = n.saturating_sub(1),
        };
        by(&mut record.messages);
        if !member.flags.contains(crate::FlagBits::SEEN) {
            by(&mut record.unseen);
        }
        if member.flags.contains(crate::FlagBits::DELETED) {
            by(&mut record.deleted);
        }
        record.size_octets = match sign {
            Sign::Came => record.size_octets + member.size_octets,
            Sign::Left => record.size_octets.saturating_sub(member.size_octets),
        };
    }

    /// Gives out the next UID of `record`.
    pub fn next_uid(record: &mut MailboxRecord) -> Result<Uid, Error> {
        let uid = record.uid_next;
        record.uid_next = Uid(uid.0.checked_add(1).ok_or(Error::UidsExhausted)?);
        Ok(uid)
    }
}

/// Which way a count goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sign {
    Came,
    Left,
}

/// Rows read at once in a scan.
const PAGE_ROWS: usize = 4096;
/// Views kept though no session holds them: the INBOX that is looked at every few minutes.
const VIEWS_KEPT: usize = 4;
