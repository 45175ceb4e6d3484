//! What was deleted, seen and brought back, or ended for good.

use crate::account::Account;
use crate::email::Email;
use crate::error::Error;
use crate::gone::{self, Deleted};
use crate::mailbox::MailboxRecord;
use crate::op::purge::{Erase, PURGE_STEP, Purge};
use crate::op::restore::Restore;
use crate::rows::{self, Departure, Places};
use crate::view::Member;
use crate::working::row_error;
use crate::{MESSAGES_AT_ONCE_MAX, Usage};
use model::{EmailId, MailboxId, Quota, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use store::{Bytes, Found, Order, Query, Scan, Space};

/// Messages that come back in one step.
const RESTORE_STEP: usize = 1000;
/// Departures read at once.
const PAGE: usize = 256;

/// Which departures: everything that is given must fit.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Those of these emails; empty: of any.
    pub emails: Vec<EmailId>,
    /// From a mailbox of this name, be it there or deleted.
    pub mailbox: Option<String>,
    /// Not from before this.
    pub since: Option<Timestamp>,
}

/// A message that left a mailbox and can come back.
#[derive(Clone, Debug)]
pub struct GoneMessage {
    /// When, and whence.
    pub departure: Departure,
    /// What it was there.
    pub was: Member,
    /// The mailbox's name, as it is or last was; `None`: nobody knows any more.
    pub mailbox: Option<Arc<str>>,
    /// Whether that mailbox is deleted.
    pub mailbox_deleted: bool,
    /// Whether the message is in some mailbox all the same.
    pub there: bool,
    /// The message; `None` where an older program ended it.
    pub email: Option<Email>,
}

/// A page of them, the newest first.
#[derive(Clone, Debug, Default)]
pub struct GonePage {
    /// Those that fit.
    pub messages: Vec<GoneMessage>,
    /// From where to read on.
    pub next: Option<Departure>,
}

/// A deleted mailbox that can come back.
#[derive(Clone, Debug)]
pub struct DeletedMailbox {
    /// When it was deleted.
    pub at: Timestamp,
    /// As it was.
    pub record: MailboxRecord,
    /// What it came back as, if it did.
    pub restored: Option<MailboxId>,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Messages that have a new place.
    pub messages: u64,
    /// Messages that were passed over, because they are in a mailbox.
    pub passed_over: u64,
    /// Names of deleted mailboxes that were made again, and their names now.
    pub mailboxes: Vec<(Arc<str>, Arc<str>)>,
    /// Whether there is more than one call restores.
    pub more: bool,
}

impl Account {
    /// What is kept of deleted messages; it does not count towards the quota.
    pub fn kept(&self) -> Usage {
        self.published().as_ref().map_or(Usage::default(), |published| published.kept)
    }

    /// Deleted mailboxes, the newest last.
    pub async fn deleted_mailboxes(&self) -> Result<Vec<DeletedMailbox>, Error> {
        let (cell, mut all, mut after) = (rows::account_cell(self.id), Vec::new(), None);
        loop {
            let query = Query::prefix(&cell, rows::DELETED_MAILBOX, after.take(), PAGE);
            let page = self.store.read(vec![query]).await?.into_page();
            for (key, row) in &page.rows {
                let mailbox = rows::deleted_at(key).and_then(|at| Ok((at, Deleted::decode(row)?)));
                let (at, Deleted { record, restored }) = mailbox.map_err(row_error("deleted mailbox"))?;
                all.push(DeletedMailbox { at, record, restored });
            }
            match page.rows.last().filter(|_| page.more) {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(all),
            }
        }
    }

    /// What left and can come back, from before `before` or from the newest on: some of those looked at.
    pub async fn gone(&self, wanted: &Wanted, before: Option<Departure>) -> Result<GonePage, Error> {
        let names = self.names().await?;
        if !wanted.emails.is_empty() {
            return self.gone_emails(wanted, &names).await;
        }
        let to = before.map_or_else(|| Bytes::from_static(b"H"), rows::gone);
        let query = Query::Scan(Scan {
            space: Space::Rows,
            cell: rows::account_cell(self.id),
            from: Bound::Included(Bytes::from_static(rows::GONE)),
            to: Bound::Excluded(to),
            order: Order::Descending,
            rows_max: PAGE,
            octets_max: Scan::OCTETS_DEFAULT,
        });
        let page = self.store.read(vec![query]).await?.into_page();
        let (mut departures, mut more) = (Vec::with_capacity(page.rows.len()), page.more);
        for (key, row) in &page.rows {
            let departure = rows::departure_of(key).map_err(row_error("departure"))?;
            if wanted.since.is_some_and(|since| departure.at < since) {
                more = false;
                break;
            }
            departures.push((departure, row.clone()));
        }
        let next = departures.last().map(|(departure, _)| *departure).filter(|_| more);
        let fit = departures.into_iter().filter(|(departure, _)| names.fits(wanted, departure)).collect();
        Ok(GonePage { messages: self.gone_messages(fit, &names).await?, next })
    }

    /// Those of certain emails, which know when they left.
    async fn gone_emails(&self, wanted: &Wanted, names: &Names) -> Result<GonePage, Error> {
        let cell = rows::account_cell(self.id);
        let row = |found| if let Found::Row(row) = found { row } else { None };
        let queries = wanted.emails.iter().map(|email| Query::row(&cell, rows::places(*email))).collect();
        let mut departures = Vec::new();
        let found = self.store.read(queries).await?.0.into_iter().map(row).zip(&wanted.emails);
        for (places, email) in found.filter_map(|(row, email)| Some((row?, *email))) {
            let places = Places::decode(email, &places).map_err(row_error("places of an email"))?;
            departures.extend(places.departures);
        }
        let since = |departure: &Departure| wanted.since.is_none_or(|since| departure.at >= since);
        departures.retain(|departure| since(departure) && names.fits(wanted, departure));
        departures.sort_unstable();
        departures.reverse();
        let queries = departures.iter().map(|departure| Query::row(&cell, rows::gone(*departure))).collect();
        let rows = self.store.read(queries).await?.0.into_iter().map(row);
        let there = departures.into_iter().zip(rows).filter_map(|(departure, row)| Some((departure, row?))).collect();
        Ok(GonePage { messages: self.gone_messages(there, names).await?, next: None })
    }

    async fn gone_messages(&self, rows: Vec<(Departure, Bytes)>, names: &Names) -> Result<Vec<GoneMessage>, Error> {
        let mut members = Vec::with_capacity(rows.len());
        for (departure, row) in rows {
            match gone::decode(departure, &row) {
                Ok(was) => members.push((departure, was)),
                Err(cause) => tracing::error!(event = "departure.damaged", account = %self.id, ?departure, %cause),
            }
        }
        let cell = rows::account_cell(self.id);
        let emails: Vec<_> = members.iter().map(|(_, was)| was.email).collect();
        let places = emails.iter().map(|email| Query::row(&cell, rows::places(*email))).collect();
        let found = self.store.read(places).await?.0.into_iter().zip(&emails);
        let there: Vec<bool> = found
            .map(|(found, email)| match found {
                Found::Row(Some(row)) => {
                    Places::decode(*email, &row).is_ok_and(|places| !places.memberships.is_empty())
                }
                _ => false,
            })
            .collect();
        let emails = self.emails(&emails).await?;
        let message = |(((departure, was), there), email): (((Departure, Member), bool), Option<Email>)| {
            let (mailbox, mailbox_deleted) = names.of(departure.mailbox);
            GoneMessage { departure, was, mailbox, mailbox_deleted, there, email }
        };
        Ok(members.into_iter().zip(there).zip(emails).map(message).collect())
    }

    /// Brings back what is `wanted`, into the mailbox `into`, made if it is missing, or whence it left: a deleted mailbox is
    /// made again, under a free name. A message that is in a mailbox is passed over, unless it is of a deleted mailbox that is
    /// asked for by its name.
    ///
    /// # Errors
    /// [`Error::OverQuota`] before anything is done, where `quota` is given and it would not do for all of it.
    pub async fn restore(
        self: &Arc<Self>,
        wanted: &Wanted,
        into: Option<&str>,
        quota: Option<Quota>,
    ) -> Result<Restored, Error> {
        self.finish_emptying().await?;
        let chosen = self.choose(wanted).await?;
        if let Some(quota) = &quota {
            self.usage().room_for_swap(chosen.coming, Usage::default(), quota)?;
        }
        let mut restored = Restored { passed_over: chosen.passed_over, more: chosen.more, ..Restored::default() };
        let into = match into {
            // No mailbox is made for nothing.
            Some(_) if chosen.whole.is_empty() && chosen.single.is_empty() => return Ok(restored),
            Some(name) => Some(self.named_or_made(name).await?),
            None => None,
        };
        let deleted = if into.is_none() { self.deleted_wanted(wanted).await? } else { Vec::new() };
        let mut mailboxes: Vec<_> = deleted.into_iter().map(|(_, id)| id).collect();
        let mut homes = BTreeMap::new();
        for (departures, only_without_place) in [(chosen.whole, false), (chosen.single, true)] {
            let mut steps: Vec<_> = departures.chunks(RESTORE_STEP).map(<[_]>::to_vec).collect();
            if steps.is_empty() && !mailboxes.is_empty() {
                steps.push(Vec::new());
            }
            for departures in steps {
                let mailboxes = std::mem::take(&mut mailboxes);
                let step = Restore { departures, mailboxes, into, only_without_place, quota };
                let done = self.ask(step).await?;
                restored.messages += done.messages.messages;
                restored.passed_over += done.passed_over;
                homes.extend(done.mailboxes);
            }
        }
        restored.mailboxes = self.renamed(homes).await?;
        Ok(restored)
    }

    async fn renamed(&self, homes: BTreeMap<MailboxId, MailboxId>) -> Result<Vec<(Arc<str>, Arc<str>)>, Error> {
        let (names, now) = (self.names().await?, self.mailboxes());
        let pair = |(old, new): (MailboxId, MailboxId)| {
            let (old, deleted) = names.of(old);
            Some((old.filter(|_| deleted)?, now.get(new)?.name.clone()))
        };
        Ok(homes.into_iter().filter_map(pair).collect())
    }

    /// What `wanted` means, the newest departure of each message.
    async fn choose(&self, wanted: &Wanted) -> Result<Chosen, Error> {
        let (mut chosen, mut seen, mut before) = (Chosen::default(), BTreeSet::new(), None);
        loop {
            let page = self.gone(wanted, before.take()).await?;
            for message in page.messages.into_iter().filter(|message| message.email.is_some()) {
                let whole = message.mailbox_deleted && wanted.mailbox.is_some();
                let first = seen.insert(message.was.email);
                if !whole && (message.there || !first) {
                    chosen.passed_over += u64::from(message.there && first);
                    continue;
                }
                if chosen.whole.len() + chosen.single.len() >= MESSAGES_AT_ONCE_MAX {
                    chosen.more = true;
                    return Ok(chosen);
                }
                if !message.there && first {
                    chosen.coming = chosen.coming.plus(Usage { octets: message.was.size_octets, messages: 1 });
                }
                if whole { &mut chosen.whole } else { &mut chosen.single }.push(message.departure);
            }
            match page.next {
                Some(next) => before = Some(next),
                None => return Ok(chosen),
            }
            env::yield_now().await;
        }
    }

    /// Deleted mailboxes that `wanted` asks for as such, and that did not come back yet.
    async fn deleted_wanted(&self, wanted: &Wanted) -> Result<Vec<(Timestamp, MailboxId)>, Error> {
        if !wanted.emails.is_empty() {
            return Ok(Vec::new());
        }
        let names = self.names().await?;
        let there = self.mailboxes();
        let fits = |mailbox: &DeletedMailbox| {
            let departure = Departure { at: mailbox.at, mailbox: mailbox.record.id, uid: model::Uid(1) };
            let back = mailbox.restored.is_some_and(|id| there.get(id).is_some());
            !back && wanted.since.is_none_or(|since| mailbox.at >= since) && names.fits(wanted, &departure)
        };
        let all = self.deleted_mailboxes().await?;
        Ok(all.iter().filter(|mailbox| fits(mailbox)).map(|mailbox| (mailbox.at, mailbox.record.id)).collect())
    }

    /// Ends for good what is `wanted`: the messages that are in no mailbox, of the others that they were elsewhere.
    pub async fn erase(self: &Arc<Self>, wanted: &Wanted) -> Result<Usage, Error> {
        self.finish_emptying().await?;
        let (mut ended, mut before) = (Usage::default(), None);
        loop {
            let page = self.gone(wanted, before.take()).await?;
            let departures: Vec<_> = page.messages.iter().map(|message| message.departure).collect();
            if !departures.is_empty() {
                ended = ended.plus(self.ask(Erase { departures, mailboxes: Vec::new() }).await?);
            }
            match page.next {
                Some(next) => before = Some(next),
                None => break,
            }
        }
        let mailboxes = self.deleted_wanted(wanted).await?;
        let keys: Vec<_> = mailboxes.into_iter().map(|(at, id)| rows::deleted_mailbox(at, id)).collect();
        for mailboxes in keys.chunks(PURGE_STEP).map(<[_]>::to_vec) {
            self.ask(Erase { departures: Vec::new(), mailboxes }).await?;
        }
        Ok(ended)
    }

    /// Ends what was deleted before the time that is kept, or `before` that if it is given; and the oldest, as long as it
    /// is more than may be.
    pub async fn purge(self: &Arc<Self>, before: Option<Timestamp>) -> Result<Usage, Error> {
        let kept_ms = i64::try_from(self.keeping.time().as_millis()).unwrap_or(i64::MAX);
        let old = Timestamp::from_unix_ms(self.clock.wall().unix_ms().saturating_sub(kept_ms));
        let (before, weight_max) = (before.map_or(old, |at| at.max(old)), self.keeping.octets_max(self.id));
        let mut ended = Usage::default();
        loop {
            let step = self.ask(Purge { before, weight_max }).await?;
            ended = ended.plus(step.ended);
            if !step.more {
                return Ok(ended);
            }
        }
    }

    async fn names(&self) -> Result<Names, Error> {
        let mut names = Names::default();
        for DeletedMailbox { record, .. } in self.deleted_mailboxes().await? {
            names.0.insert(record.id, (record.name, true));
        }
        for record in self.mailboxes().iter() {
            names.0.insert(record.id, (record.name.clone(), false));
        }
        Ok(names)
    }
}

/// When the oldest that `account` keeps was deleted: one row is read.
pub(crate) async fn oldest(store: &dyn store::Store, account: model::AccountId) -> Result<Option<Timestamp>, Error> {
    let query = Query::prefix(&rows::account_cell(account), rows::GONE, None, 1);
    let page = store.read(vec![query]).await?.into_page();
    let oldest = page.rows.first().map(|(key, _)| rows::departure_of(key)).transpose();
    Ok(oldest.map_err(row_error("departure"))?.map(|departure| departure.at))
}

/// Departures that a restore undoes.
#[derive(Default)]
struct Chosen {
    /// Of a deleted mailbox that comes back as it was.
    whole: Vec<Departure>,
    /// Of messages that have no place.
    single: Vec<Departure>,
    /// What counts towards the quota then.
    coming: Usage,
    passed_over: u64,
    more: bool,
}

/// Names of mailboxes, and whether they are deleted.
#[derive(Default)]
struct Names(BTreeMap<MailboxId, (Arc<str>, bool)>);

impl Names {
    fn of(&self, id: MailboxId) -> (Option<Arc<str>>, bool) {
        match self.0.get(&id) {
            Some((name, deleted)) => (Some(name.clone()), *deleted),
            None => (None, true),
        }
    }

    fn fits(&self, wanted: &Wanted, departure: &Departure) -> bool {
        let Some(name) = &wanted.mailbox else { return true };
        let canonical = crate::canonical_name(name);
        let known = self.0.get(&departure.mailbox);
        known.is_some_and(|(name, _)| canonical.as_ref().is_ok_and(|wanted| wanted == name))
    }
}
