//! Accounts of a store that was restored become what they were at another moment: what both have stays, with its numbers.

use super::mail::{self, Shown, unnamed};
use super::scratch::Filled;
use crate::admin::import::flags;
use crate::language::told;
use env::{Clock, Spawn};
use futures_util::future::{BoxFuture, FutureExt, join_all};
use mailstore::{
    Account, Append, CopyMessages, Error, Expunge, FlagChange, KEPT_FOR, KeptFor, Leaving, Mailstore, Member, NewEmail,
    Outcome, Picture, StoreFlags, Transfer,
};
use model::{AccountId, EmailId, MailboxId, Quota, Uid};
use mta::{BodiesInFlight, Incoming, Received};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use store::{Blobs, Bytes, Store};

/// Messages that one operation changes.
const AT_ONCE: usize = 5000;
/// Messages that wait for one commit, and octets of theirs.
const UNDER_WAY_MAX: usize = 1000;
const UNDER_WAY_OCTETS_MAX: usize = 8 << 20;
/// Octets of a body handed on at once.
const PIECE_OCTETS: usize = 64 << 10;

/// A store that nobody else has open.
pub struct Rewinding {
    store: Arc<dyn Store>,
    blobs: Arc<dyn Blobs>,
    spawn: Arc<dyn Spawn>,
    clock: Arc<dyn Clock>,
    in_flight: Arc<BodiesInFlight>,
}

/// A message's place, and why it cannot be had.
type Trouble = (String, String);

/// What makes one picture of another; mailboxes are those of the second where nothing else is said.
#[derive(Default)]
struct Changes {
    made: Vec<MailboxId>,
    /// From a mailbox of the first one into one of the second, with the flags to be had there.
    copied: BTreeMap<(MailboxId, MailboxId), Vec<Flagged>>,
    /// Messages that the first one does not have.
    brought: BTreeMap<MailboxId, Vec<Member>>,
    /// Messages of the first one that get these flags.
    flags: BTreeMap<(MailboxId, Vec<String>), Vec<Uid>>,
    /// Messages of the first one that go.
    left: BTreeMap<MailboxId, Vec<Uid>>,
    /// Mailboxes of the first one that go.
    deleted: Vec<MailboxId>,
}

/// A message, and the names of its flags.
type Flagged = (Uid, Vec<String>);

impl Changes {
    fn between(now: &Picture, then: &Picture) -> Changes {
        let mut changes = Changes::default();
        let all = now.mailboxes.iter().flat_map(|(id, mailbox)| mailbox.members.values().map(|member| (*id, *member)));
        let places: HashMap<EmailId, (MailboxId, Member)> =
            all.map(|(id, member)| (member.email, (id, member))).collect();
        for (id, mailbox) in &then.mailboxes {
            let there = now.mailboxes.get(id);
            if there.is_none() {
                changes.made.push(*id);
            }
            for (uid, member) in &mailbox.members {
                let flags = sorted(then.flags(member));
                let same = there.and_then(|there| there.members.get(uid)).filter(|same| same.email == member.email);
                match (same, places.get(&member.email)) {
                    (Some(same), _) if sorted(now.flags(same)) == flags => {}
                    (Some(_), _) => changes.flags.entry((*id, flags)).or_default().push(*uid),
                    (None, Some((from, there))) if is_same_email(there, member) => {
                        changes.copied.entry((*from, *id)).or_default().push((there.uid, flags));
                    }
                    (None, _) => changes.brought.entry(*id).or_default().push(*member),
                }
            }
        }
        for (id, mailbox) in &now.mailboxes {
            let Some(was) = then.mailboxes.get(id) else {
                changes.deleted.push(*id);
                continue;
            };
            let is_gone = |member: &&Member| was.members.get(&member.uid).is_none_or(|was| was.email != member.email);
            let gone: Vec<Uid> = mailbox.members.values().filter(is_gone).map(|member| member.uid).collect();
            if !gone.is_empty() {
                changes.left.insert(*id, gone);
            }
        }
        changes
    }
}

/// Of most accounts nothing changed.
fn is_alike(now: &Picture, then: &Picture) -> bool {
    let names = |picture: &Picture| -> Vec<_> {
        picture.mailboxes.iter().map(|(id, mailbox)| (*id, mailbox.name.clone(), mailbox.special_use)).collect()
    };
    let Changes { made, copied, brought, flags, left, deleted } = Changes::between(now, then);
    let is_same = copied.is_empty() && brought.is_empty() && flags.is_empty() && left.is_empty();
    is_same && made.is_empty() && deleted.is_empty() && names(now) == names(then)
}

/// How many messages there are, each once.
fn emails(picture: &Picture) -> u64 {
    let all = picture.mailboxes.values().flat_map(|mailbox| mailbox.members.values());
    all.map(|member| member.email).collect::<HashSet<EmailId>>().len() as u64
}

/// Sets that can be copied at once: one message may have to be copied several times.
fn each_once(mut members: Vec<Flagged>) -> Vec<Vec<Flagged>> {
    let mut sets = Vec::new();
    while !members.is_empty() {
        let mut seen = HashSet::new();
        let fits = |(uid, _): &Flagged| seen.len() < AT_ONCE && seen.insert(*uid);
        let (set, rest) = members.into_iter().partition(fits);
        sets.push(set);
        members = rest;
    }
    sets
}

/// A number alone is not enough: another account's messages have the same ones.
fn is_same_email(one: &Member, other: &Member) -> bool {
    (one.size_octets, one.internal_date) == (other.size_octets, other.internal_date)
}

fn sorted(mut flags: Vec<String>) -> Vec<String> {
    flags.sort();
    flags
}

impl Rewinding {
    /// Of what was restored.
    pub fn of(filled: &Filled, spawn: Arc<dyn Spawn>, clock: Arc<dyn Clock>) -> Rewinding {
        let in_flight = BodiesInFlight::new(2 * BodiesInFlight::OCTETS_EACH);
        Rewinding { store: filled.store.clone(), blobs: filled.blobs.clone(), spawn, clock, in_flight }
    }

    /// Makes of an account what is shown, also of one that has no mail yet. Returns how many messages it has then, and what cannot be
    /// had, each by its place and why.
    ///
    /// # Errors
    /// When the store cannot be read or written, or is damaged.
    pub async fn account(&self, id: AccountId, shown: &Shown) -> Result<(u64, Vec<Trouble>), String> {
        let now = Picture::read(&*self.store, id).await.map_err(|error| told(&error))?;
        if shown.subscriptions.is_empty() && is_alike(&now, &shown.picture) {
            return Ok((emails(&now), Vec::new()));
        }
        // One that is new gets the mailboxes that each has; names are changed while nobody has it open.
        drop(self.open(id).await?);
        shown.picture.name_mailboxes(&*self.store, id).await.map_err(|error| told(&error))?;
        let now = Picture::read(&*self.store, id).await.map_err(|error| told(&error))?;
        let changes = Changes::between(&now, &shown.picture);
        let account = self.open(id).await?;
        let mut troubles = Vec::new();
        self.apply(&account, changes, shown, &mut troubles).await?;
        Ok((account.usage().messages, troubles))
    }

    async fn open(&self, id: AccountId) -> Result<Arc<Account>, String> {
        let (store, blobs, spawn, clock) =
            (self.store.clone(), self.blobs.clone(), self.spawn.clone(), self.clock.clone());
        let mailstore = Mailstore::keeping(store, blobs, spawn, clock, Arc::new(KeptFor(KEPT_FOR)));
        mailstore.account(id).await.map_err(|error| told(&error))
    }

    async fn apply(
        &self,
        account: &Arc<Account>,
        changes: Changes,
        shown: &Shown,
        troubles: &mut Vec<Trouble>,
    ) -> Result<(), String> {
        let failed = |error: Error| told(&error);
        let Changes { made, copied, brought, flags: mut flagged, left, deleted } = changes;
        let mut new = BTreeMap::new();
        for id in made {
            let mailbox = shown.picture.mailboxes.get(&id);
            let name = mailbox.and_then(|mailbox| mailbox.name.as_deref()).map_or_else(|| unnamed(id), str::to_owned);
            let special_use = mailbox.and_then(|mailbox| mailbox.special_use);
            let record = account.create(&name, special_use).await.map_err(failed)?;
            new.insert(id, record.id);
        }
        let place = |id: MailboxId| new.get(&id).copied().unwrap_or(id);
        for ((from, to), members) in copied {
            for some in each_once(members) {
                let uids = some.iter().map(|(uid, _)| *uid).collect();
                let copy = CopyMessages { from, uids, to: place(to), transfer: Transfer::Copy };
                let copies: HashMap<Uid, Uid> = account.copy(copy).await.map_err(failed)?.uids.into_iter().collect();
                for (uid, flags) in some {
                    if let Some(copy) = copies.get(&uid) {
                        flagged.entry((place(to), flags)).or_default().push(*copy);
                    }
                }
            }
        }
        for (to, members) in brought {
            let name = account.mailboxes().get(place(to)).map(|mailbox| mailbox.name.to_string());
            let to = (place(to), name.unwrap_or_default());
            self.bring(account, to, (shown, &members), troubles).await?;
        }
        for ((mailbox, names), uids) in flagged {
            for some in uids.chunks(AT_ONCE) {
                let (uids, flags) = (some.to_vec(), flags(&names).0);
                let store = StoreFlags { mailbox, uids, change: FlagChange::Replace, flags, unchanged_since: None };
                account.store_flags(store).await.map_err(failed)?;
            }
        }
        for (mailbox, uids) in left {
            for some in uids.chunks(AT_ONCE) {
                let expunge = Expunge { mailbox, uids: some.to_vec(), leaving: Leaving::Any };
                account.expunge(expunge).await.map_err(failed)?;
            }
        }
        for id in deleted {
            if let Some(mailbox) = account.mailboxes().get(id) {
                account.delete(&mailbox.name).await.map_err(failed)?;
            }
        }
        for (name, subscribed) in &shown.subscriptions {
            account.subscribe(name, *subscribed).await.map_err(failed)?;
        }
        account.finish_emptying().await.map_err(failed)
    }

    /// Adds messages to a mailbox in their order.
    async fn bring(
        &self,
        account: &Arc<Account>,
        (mailbox, name): (MailboxId, String),
        (shown, members): (&Shown, &[Member]),
        troubles: &mut Vec<Trouble>,
    ) -> Result<(), String> {
        let (mut under_way, mut held) = (Vec::new(), 0);
        for member in members {
            let octets = match shown.read(member.email) {
                Ok(octets) => octets,
                Err(error) => {
                    troubles.push((mail::place(Some(&name), member.uid, member.email), told(&error)));
                    continue;
                }
            };
            held += octets.len();
            let Received { body, scanned, .. } = self.receive(&octets).await.map_err(|error| told(&error))?;
            let append = Append {
                mailbox,
                email: NewEmail { prefix: Bytes::new(), body, scanned },
                flags: flags(&shown.picture.flags(member)).0,
                internal_date: Some(member.internal_date),
                quota: Quota::default(),
                delivery: None,
                beside: Vec::new(),
            };
            // Queued at once, which keeps the order.
            under_way.push(account.append(append).boxed());
            if under_way.len() >= UNDER_WAY_MAX || held >= UNDER_WAY_OCTETS_MAX {
                ended(&mut under_way).await?;
                held = 0;
            }
        }
        ended(&mut under_way).await
    }

    async fn receive(&self, octets: &[u8]) -> Result<Received, mta::ReceiveError> {
        let mut incoming = Incoming::begin(&self.blobs, &self.in_flight)?;
        for piece in octets.chunks(PIECE_OCTETS) {
            incoming.take(piece).map_err(mta::ReceiveError::Header)?;
            if incoming.is_full() {
                incoming.spill().await?;
            }
        }
        incoming.finish().await
    }
}

async fn ended(under_way: &mut Vec<BoxFuture<'static, Result<Outcome, Error>>>) -> Result<(), String> {
    let all: Result<Vec<Outcome>, Error> = join_all(std::mem::take(under_way)).await.into_iter().collect();
    all.map(drop).map_err(|error| told(&error))
}
