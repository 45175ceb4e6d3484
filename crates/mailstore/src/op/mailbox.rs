//! Mailboxes are made, renamed, deleted, subscribed (RFC 9051 §6.3.4 to §6.3.8).

use crate::error::Error;
use crate::gone::Deleted;
use crate::lane::Operation;
use crate::log::Change;
use crate::mailbox::{INBOX, MailboxRecord, SEPARATOR, SpecialUse, canonical_name, new_name};
use crate::op::copy::{Transfer, transfer};
use crate::op::expunge::{Trail, leave_place, places_of};
use crate::rows::{self, Places};
use crate::sealed;
use crate::view::Member;
use crate::working::{Working, row_error};
use crate::{INBOX_ID, MAILBOXES_MAX, MESSAGES_AT_ONCE_MAX, SUBSCRIPTIONS_MAX};
use model::{MailboxId, UidValidity};
use std::sync::Arc;

/// Reads the account, and makes INBOX and the special-use mailboxes of a new one.
pub(crate) struct Load;

impl Operation for Load {
    type Done = Vec<MailboxId>;

    /// A new account: the mailboxes it needs. The answer: the deleted mailboxes that are not empty yet.
    async fn fold(&self, w: &mut Working) -> Result<Vec<MailboxId>, Error> {
        if w.is_new() && w.mailboxes().get(INBOX_ID).is_none() {
            make_first(w, INBOX, None);
            for special_use in SpecialUse::ALL {
                make_first(w, special_use.attribute().trim_start_matches('\\'), Some(special_use));
            }
        }
        let rows = w.scan_all(rows::EMPTYING).await?;
        rows.iter().map(|(key, _)| rows::mailbox_of(key).map_err(row_error("emptying"))).collect()
    }
}

/// A mailbox that an account begins with. It is subscribed from the beginning, which is no change: programs show what is.
fn make_first(w: &mut Working, name: &str, special_use: Option<SpecialUse>) {
    let name: Arc<str> = name.into();
    make(w, name.clone(), special_use);
    w.put(rows::subscription(&name), Vec::new());
    w.change_subscriptions(|names| names.insert(name));
}

/// The members of a mailbox as they are.
pub(crate) struct Open(pub MailboxId);

impl Operation for Open {
    type Done = Arc<crate::View>;

    fn looks_at(&self) -> Vec<MailboxId> {
        vec![self.0]
    }

    /// It takes no room, and shall not spoil a batch that makes some.
    fn makes_room(&self) -> bool {
        true
    }

    async fn fold(&self, w: &mut Working) -> Result<Self::Done, Error> {
        w.current_view(self.0)
    }
}

pub(crate) struct Create {
    pub name: String,
    pub special_use: Option<SpecialUse>,
}

impl Operation for Create {
    type Done = Arc<MailboxRecord>;

    async fn fold(&self, w: &mut Working) -> Result<Self::Done, Error> {
        let name = new_name(&self.name).map_err(Error::MailboxName)?;
        if w.mailboxes().named(&name).is_some() {
            return Err(Error::MailboxExists);
        }
        if w.mailboxes().by_id.len() >= MAILBOXES_MAX {
            return Err(Error::MailboxesFull);
        }
        // One mailbox for one use: where it was before, it no longer is.
        if let Some(before) = self.special_use.and_then(|special_use| w.mailboxes().with_use(special_use)).cloned() {
            change(w, MailboxRecord { special_use: None, ..(*before).clone() });
        }
        let id = make(w, name, self.special_use);
        w.mailbox(id)
    }
}

/// A new, empty mailbox. Its UIDVALIDITY is greater than that of any mailbox the account ever had.
pub(super) fn make(w: &mut Working, name: Arc<str>, special_use: Option<SpecialUse>) -> MailboxId {
    let id = w.head.next_mailbox;
    w.head.next_mailbox.0 += 1;
    let now_s = u32::try_from(w.now.unix_s()).unwrap_or(0);
    w.head.uid_validity = now_s.max(w.head.uid_validity.saturating_add(1));
    let record = MailboxRecord::empty(id, name, UidValidity(w.head.uid_validity));
    change(w, MailboxRecord { special_use, ..record });
    id
}

pub(crate) struct Rename {
    pub from: String,
    pub to: String,
}

impl Operation for Rename {
    type Done = ();

    fn looks_at(&self) -> Vec<MailboxId> {
        if self.from.eq_ignore_ascii_case(INBOX) { vec![INBOX_ID] } else { Vec::new() }
    }

    async fn fold(&self, w: &mut Working) -> Result<(), Error> {
        let from = canonical_name(&self.from).map_err(|_| Error::MailboxMissing)?;
        let to = new_name(&self.to).map_err(Error::MailboxName)?;
        if &*from == INBOX {
            return rename_inbox(w, to).await;
        }
        let moves =
            |name: &str| name.strip_prefix(&*from).is_some_and(|rest| rest.is_empty() || rest.starts_with(SEPARATOR));
        let moving: Vec<_> = w.mailboxes().iter().filter(|m| moves(&m.name)).cloned().collect();
        if moving.is_empty() {
            return Err(Error::MailboxMissing);
        }
        if to == from || w.mailboxes().named(&to).is_some() {
            return Err(Error::MailboxExists);
        }
        let mut renamed = Vec::with_capacity(moving.len());
        for record in moving {
            let rest = record.name.get(from.len()..).unwrap_or_default();
            let name = canonical_name(&format!("{to}{rest}")).map_err(Error::MailboxName)?;
            // The name of one that moves away itself is free: `a/x` becomes `a/b/x` though there was an `a/b/x`.
            if w.mailboxes().named(&name).is_some_and(|other| !moves(&other.name)) {
                return Err(Error::MailboxExists);
            }
            renamed.push(MailboxRecord { name, ..(*record).clone() });
        }
        renamed.into_iter().for_each(|record| change(w, record));
        Ok(())
    }
}

/// Puts a mailbox's new record, and logs it.
fn change(w: &mut Working, mut record: MailboxRecord) {
    w.log(|modseq| {
        record.highest_modseq = modseq;
        Change::Mailbox(Box::new(record.clone()))
    });
    w.put_mailbox(record);
}

/// INBOX stays and becomes empty: its messages move (RFC 9051 §6.3.6).
async fn rename_inbox(w: &mut Working, to: Arc<str>) -> Result<(), Error> {
    if w.mailboxes().named(&to).is_some() {
        return Err(Error::MailboxExists);
    }
    if w.mailboxes().by_id.len() >= MAILBOXES_MAX {
        return Err(Error::MailboxesFull);
    }
    let view = w.view(INBOX_ID)?;
    let members: Vec<_> = view.iter().map(|(_, member)| member).collect();
    drop(view);
    if members.len() > MESSAGES_AT_ONCE_MAX {
        return Err(Error::TooManyAtOnce);
    }
    let places = places_of(w, &members).await?;
    let source = w.mailbox(INBOX_ID)?;
    let target = make(w, to, None);
    let target = w.mailbox(target)?;
    transfer(w, (&source, &target), &members, places, Transfer::Move).map(|_| ())
}

pub(crate) struct Delete {
    pub name: String,
}

impl Operation for Delete {
    type Done = MailboxId;

    fn makes_room(&self) -> bool {
        true
    }

    /// The mailbox is gone at once; its messages leave in steps, by [`Empty`].
    async fn fold(&self, w: &mut Working) -> Result<MailboxId, Error> {
        let record = w.mailboxes().named(&self.name).ok_or(Error::MailboxMissing)?.clone();
        let id = record.id;
        if id == INBOX_ID {
            return Err(Error::InboxStays);
        }
        w.log(|_| Change::MailboxDeleted(id));
        w.remove_mailbox(id);
        w.put(rows::emptying(id), Vec::new());
        if w.keeps {
            let deleted = Deleted { record: (*record).clone(), restored: None };
            w.set_readable(rows::deleted_mailbox(w.now, id), Some(deleted.encode()));
        }
        Ok(id)
    }
}

/// Takes some messages out of a deleted mailbox.
pub(crate) struct Empty(pub MailboxId);

/// Messages that leave a deleted mailbox in one step.
const EMPTY_STEP: usize = 1000;

impl Operation for Empty {
    /// Whether it is empty now.
    type Done = bool;

    fn makes_room(&self) -> bool {
        true
    }

    /// Steps follow one another, each after the one before is durable: so the durable rows are the true ones, except for
    /// those that another who empties the same mailbox takes out right now; their emails no longer know the place.
    async fn fold(&self, w: &mut Working) -> Result<bool, Error> {
        let page = w.scan_page(&rows::members(self.0), None, EMPTY_STEP).await?;
        let member = |(key, row): &(store::Bytes, store::Bytes)| Member::decode((self.0, rows::uid_of(key)?), row);
        let decoded: Result<Vec<_>, _> = page.rows.iter().map(member).collect();
        let members = decoded.map_err(row_error("membership"))?;
        let places = places_of(w, &members).await?;
        let there = |(member, places): &(Member, Option<Places>)| {
            places.as_ref().is_none_or(|places| places.memberships.contains(&(self.0, member.uid)))
        };
        let (members, places): (Vec<_>, Vec<_>) = members.into_iter().zip(places).filter(there).unzip();
        if !members.is_empty() {
            w.log(|_| crate::log::expunged(self.0, &members));
        }
        for (member, places) in members.iter().zip(places) {
            w.delete(rows::member(self.0, member.uid));
            leave_place(w, member, places, self.0, Trail::Kept);
        }
        let over = !page.more && sealed::forget(w, self.0).await?;
        if over {
            w.delete(rows::emptying(self.0));
        }
        Ok(over)
    }
}

pub(crate) struct Subscribe {
    pub name: String,
    pub subscribed: bool,
}

impl Operation for Subscribe {
    type Done = ();

    async fn fold(&self, w: &mut Working) -> Result<(), Error> {
        subscribe(w, canonical_name(&self.name).map_err(Error::MailboxName)?, self.subscribed)
    }
}

pub(super) fn subscribe(w: &mut Working, name: Arc<str>, subscribed: bool) -> Result<(), Error> {
    if w.mailboxes().is_subscribed(&name) == subscribed {
        return Ok(());
    }
    if subscribed && w.mailboxes().subscriptions.len() >= SUBSCRIPTIONS_MAX {
        return Err(Error::SubscriptionsFull);
    }
    let change = Change::Subscription { name: name.to_string(), subscribed };
    w.log(|_| change);
    if subscribed {
        w.put(rows::subscription(&name), Vec::new());
        w.change_subscriptions(|names| names.insert(name));
    } else {
        w.delete(rows::subscription(&name));
        w.change_subscriptions(|names| names.remove(&name));
    }
    Ok(())
}
