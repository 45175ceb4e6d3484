//! Messages that left come back, with their EMAILID, flags and internal date, as new messages of a mailbox.

use crate::error::Error;
use crate::gone::{self, Deleted, Was};
use crate::lane::Operation;
use crate::log;
use crate::mailbox::{MailboxRecord, NAME_OCTETS_MAX, new_name};
use crate::op::copy::come;
use crate::op::mailbox::{make, subscribe};
use crate::rows::{self, Departure, Places};
use crate::view::Member;
use crate::working::{Working, row_error};
use crate::{FlagBits, INBOX_ID, MAILBOXES_MAX, Usage};
use model::{MailboxId, ModSeq, Quota, Uid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::Bytes;

/// Departures to be undone together: all of them or, on an error, none. Those that are gone for good are passed over.
#[derive(Clone, Debug)]
pub(crate) struct Restore {
    pub departures: Vec<Departure>,
    /// Deleted mailboxes that are made again, also where no message comes back.
    pub mailboxes: Vec<MailboxId>,
    /// Where to; `None`: whence they left.
    pub into: Option<MailboxId>,
    /// Messages that have a place are passed over.
    pub only_without_place: bool,
    /// What the account may hold; `None`: whatever comes.
    pub quota: Option<Quota>,
}

/// What a [`Restore`] did.
#[derive(Clone, Default, Debug)]
pub(crate) struct Done {
    pub messages: Usage,
    pub passed_over: u64,
    /// Deleted mailboxes that were made again, and as which.
    pub mailboxes: BTreeMap<MailboxId, MailboxId>,
}

/// A departure that is undone.
struct Coming {
    departure: Departure,
    was: Member,
}

/// Where messages of one old mailbox go.
enum Target {
    There(MailboxId),
    /// Made by this operation, for the deleted one.
    New(DeletedRow),
}

struct DeletedRow {
    key: Bytes,
    deleted: Deleted,
}

impl Operation for Restore {
    type Done = Done;

    fn octets(&self) -> usize {
        size_of_val(self.departures.as_slice())
    }

    async fn fold(&self, w: &mut Working) -> Result<Done, Error> {
        let mut done = Done::default();
        let coming = self.coming(w, &mut done).await?;
        let targets = self.targets(w, &coming).await?;
        self.check(w, &coming, &targets, done.messages)?;

        // From here on nothing fails.
        let mut by_target: BTreeMap<MailboxId, Vec<(Coming, Option<Places>)>> = BTreeMap::new();
        let homes = homes(w, targets, &mut done);
        for (coming, places) in coming {
            let home = homes.get(&coming.departure.mailbox).copied().unwrap_or(INBOX_ID);
            by_target.entry(home).or_default().push((coming, places));
        }
        for (target, coming) in by_target {
            arrive(w, target, coming)?;
        }
        Ok(done)
    }
}

impl Restore {
    /// The departures that can be undone, in order of their old places, and what is known of their emails.
    async fn coming(&self, w: &Working, done: &mut Done) -> Result<Vec<(Coming, Option<Places>)>, Error> {
        let mut departures = self.departures.clone();
        departures.sort_unstable_by_key(|departure| (departure.mailbox, departure.uid));
        departures.dedup();
        let keys: Vec<_> = departures.iter().map(|departure| rows::gone(*departure)).collect();
        let mut coming = Vec::with_capacity(keys.len());
        for (departure, row) in departures.into_iter().zip(w.rows(&keys).await?) {
            if let Some(row) = row {
                let was = gone::decode(departure, &row).map_err(row_error("departure"))?;
                coming.push(Coming { departure, was });
            }
        }
        let members: Vec<_> = coming.iter().map(|coming| coming.was).collect();
        let places = super::expunge::places_of(w, &members).await?;
        let (mut all, mut seen) = (Vec::with_capacity(coming.len()), BTreeSet::new());
        for (coming, places) in coming.into_iter().zip(places) {
            // Whose email is gone, an older program ended, or nobody can restore.
            let Some(known) = &places else { continue };
            let first = seen.insert(coming.was.email);
            if self.only_without_place && (!known.memberships.is_empty() || !first) {
                done.passed_over += 1;
                continue;
            }
            if known.memberships.is_empty() && first {
                done.messages.octets = done.messages.octets.saturating_add(known.size_octets);
            }
            done.messages.messages += 1;
            all.push((coming, places));
        }
        Ok(all)
    }

    /// For each old mailbox, where its messages go.
    async fn targets(
        &self,
        w: &Working,
        coming: &[(Coming, Option<Places>)],
    ) -> Result<BTreeMap<MailboxId, Target>, Error> {
        let mut targets = BTreeMap::new();
        let from: BTreeSet<_> = coming.iter().map(|(coming, _)| coming.departure.mailbox).collect();
        if let Some(into) = self.into {
            w.mailbox(into)?;
            return Ok(from.into_iter().map(|old| (old, Target::There(into))).collect());
        }
        let is_there = |id: &MailboxId| w.mailboxes().get(*id).is_some();
        let mut missing: BTreeSet<_> = from.iter().copied().filter(|id| !is_there(id)).collect();
        missing.extend(&self.mailboxes);
        targets.extend(from.into_iter().filter(is_there).map(|id| (id, Target::There(id))));
        for (key, row) in deleted_rows(w, &missing).await? {
            let deleted = Deleted::decode(&row).map_err(row_error("deleted mailbox"))?;
            let target = match deleted.restored.filter(is_there) {
                Some(restored) => Target::There(restored),
                None => Target::New(DeletedRow { key, deleted: deleted.clone() }),
            };
            targets.insert(deleted.record.id, target);
        }
        // Those whose name nobody knows any more.
        missing.into_iter().for_each(|id| {
            targets.entry(id).or_insert(Target::There(INBOX_ID));
        });
        Ok(targets)
    }

    fn check(
        &self,
        w: &Working,
        coming: &[(Coming, Option<Places>)],
        targets: &BTreeMap<MailboxId, Target>,
        added: Usage,
    ) -> Result<(), Error> {
        if let Some(quota) = &self.quota {
            let new = |(_, places): &&(Coming, Option<Places>)| {
                places.as_ref().is_some_and(|places| places.memberships.is_empty())
            };
            let messages = coming.iter().filter(new).count() as u64;
            w.usage().room_for_swap(Usage { messages, ..added }, Usage::default(), quota)?;
        }
        let new = targets.values().filter(|target| matches!(target, Target::New(_))).count();
        if new > 0 && w.mailboxes().by_id.len() + new > MAILBOXES_MAX {
            return Err(Error::MailboxesFull);
        }
        for target in targets.values() {
            if let Target::There(id) = target
                && u64::from(u32::MAX - w.mailbox(*id)?.uid_next.0) < coming.len() as u64
            {
                return Err(Error::UidsExhausted);
            }
        }
        Ok(())
    }
}

/// The rows of deleted mailboxes with these numbers, as they are when all that was folded is durable.
async fn deleted_rows(w: &Working, ids: &BTreeSet<MailboxId>) -> Result<Vec<(Bytes, Bytes)>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for (key, row) in w.scan_all(rows::DELETED_MAILBOX).await? {
        if rows::mailbox_of(&key).is_ok_and(|id| ids.contains(&id))
            && let Some(row) = w.folded(&key).unwrap_or(Some(row))
        {
            found.push((key, row));
        }
    }
    Ok(found)
}

/// Makes the mailboxes that are not there; for each old one its new one.
fn homes(w: &mut Working, targets: BTreeMap<MailboxId, Target>, done: &mut Done) -> BTreeMap<MailboxId, MailboxId> {
    let mut homes = BTreeMap::new();
    for (old, target) in targets {
        let home = match target {
            Target::There(id) => id,
            Target::New(DeletedRow { key, mut deleted }) => {
                let home = make_again(w, &deleted.record);
                deleted.restored = Some(home);
                w.set_readable(key, Some(deleted.encode()));
                done.mailboxes.insert(old, home);
                home
            }
        };
        homes.insert(old, home);
    }
    homes
}

/// A mailbox with what is left of a deleted one: its name if it is free, its use if no other has it.
fn make_again(w: &mut Working, record: &MailboxRecord) -> MailboxId {
    let name = free_name(w, &record.name);
    let special_use = record.special_use.filter(|special_use| w.mailboxes().with_use(*special_use).is_none());
    // Many programs show nothing else; the old name's subscription is not ours to change.
    let wanted = name != record.name && w.mailboxes().is_subscribed(&record.name);
    let id = make(w, name.clone(), special_use);
    if wanted {
        // Too many are no reason to leave the messages where they are.
        drop(subscribe(w, name, true));
    }
    id
}

/// `name`, or one beside it that nobody has: of more names than there are mailboxes one is free.
fn free_name(w: &Working, name: &Arc<str>) -> Arc<str> {
    let free = |name: &str| new_name(name).ok().filter(|name| w.mailboxes().named(name).is_none());
    let numbered = |n: usize| if n == 1 { " (restored)".to_owned() } else { format!(" (restored {n})") };
    let room = NAME_OCTETS_MAX - numbered(MAILBOXES_MAX).len();
    let stem = name.get(..name.floor_char_boundary(room)).unwrap_or_default();
    // One that was made before there were rules for names may break them.
    let stems = [stem, "Mailbox"].into_iter();
    let mut others = stems.flat_map(|stem| (1..=MAILBOXES_MAX + 1).map(move |n| format!("{stem}{}", numbered(n))));
    free(name).or_else(|| others.find_map(|name| free(&name))).unwrap_or_else(|| name.clone())
}

/// New memberships in a mailbox, with one MODSEQ for all. Nobody wants them with `\Deleted`, which they left with.
fn arrive(w: &mut Working, target: MailboxId, coming: Vec<(Coming, Option<Places>)>) -> Result<(), Error> {
    let mut target = (*w.mailbox(target)?).clone();
    let modseq = ModSeq(w.head.modseq.0 + 1);
    let mut arrived = Vec::with_capacity(coming.len());
    for (Coming { departure, was }, places) in coming {
        let Some(mut places) = gone::current(w, was.email, places) else { continue };
        let (uid, flags): (Uid, _) = (Working::next_uid(&mut target)?, was.flags.without(FlagBits::DELETED));
        // RFC 8514 §3: it is saved here now.
        let new = Member { uid, modseq, flags, save_date: w.now, ..was };
        let before = if places.memberships.is_empty() { Was::Kept } else { Was::There };
        places.memberships.push((target.id, uid));
        places.departures.retain(|other| *other != departure);
        w.set_readable(rows::gone(departure), None);
        gone::settle(w, was.email, before, &places);
        come(w, &mut target, new);
        arrived.push(new);
    }
    if !arrived.is_empty() {
        target.highest_modseq = w.log(|_| log::appended(target.id, &arrived));
        w.put_mailbox(target);
    }
    Ok(())
}
