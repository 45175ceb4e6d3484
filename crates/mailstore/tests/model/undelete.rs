//! What was deleted comes back or ends, and nothing else changes by it.

use crate::house::{ACCOUNTS, House, now_ms};
use crate::judge::{Judge, Known, Read, emptying, read};
use crate::naive::{Folder, Item};
use crate::script::After;
use mailstore::{Account, GoneMessage, KEPT_FOR, Wanted, check, check_links};
use model::EmailId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All that is kept, the newest first.
fn gone(house: &House, account: &Arc<Account>) -> Vec<GoneMessage> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = house.wait(account.gone(&Wanted::default(), before.take())).unwrap();
        all.extend(page.messages);
        match page.next {
            Some(next) => before = Some(next),
            None => return all,
        }
    }
}

impl Known {
    /// Whatever left and did not end can be brought back, or is there.
    pub(super) fn check_left(&self, house: &House, number: usize, is: &Read) {
        let gone: BTreeSet<EmailId> =
            gone(house, &house.accounts[number]).iter().map(|message| message.was.email).collect();
        let kept = |tag: &u32| {
            let id = house.emails[number].get(tag);
            // Who never heard of a message's number cannot have seen it leave either.
            is.emails.contains_key(tag) || id.is_none_or(|id| gone.contains(id))
        };
        for model in &self.models {
            let lost: Vec<_> = model.left.iter().filter(|tag| !kept(tag)).collect();
            assert!(lost.is_empty(), "{lost:?} left and are not kept");
        }
    }
}

impl Judge {
    /// Everything is at rest.
    pub fn undelete(&mut self, house: &mut House, after: After) {
        for (number, known) in self.accounts.iter_mut().enumerate() {
            let account = house.accounts[number].clone();
            let before = Before::of(house, number);
            let wanted = match after {
                After::Nothing => continue,
                After::RestoreMailbox(name) => Wanted { mailbox: Some(name.to_owned()), ..Wanted::default() },
                _ => Wanted::default(),
            };
            match after {
                After::Purge => drop(house.wait(account.purge(None)).unwrap()),
                After::Erase => drop(house.wait(account.erase(&wanted)).unwrap()),
                _ => drop(house.wait(account.restore(&wanted, None, None)).unwrap()),
            }
            house.run();
            let now = Before::of(house, number);
            match after {
                After::Purge | After::Erase => before.check_ended(&now, house, after),
                After::Restore => before.check_restored(&now, true),
                _ => before.check_restored(&now, false),
            }
            let subscriptions: BTreeSet<String> =
                account.mailboxes().subscriptions().map(|name| name.to_string()).collect();
            let there = emptying(&house.store, number);
            let adopt = |mut model: crate::naive::Model| {
                model.emptied(&there);
                model.adopt(&now.read.folders, subscriptions.clone(), usize::MAX);
                model.left.retain(|tag| now.knows(house.emails[number].get(tag)));
                model
            };
            known.models = std::mem::take(&mut known.models).into_iter().map(adopt).collect();
            known.check_rest(house, number, &now.read);
            assert_eq!(house.wait(check(&house.store, ACCOUNTS[number])).unwrap(), []);
            assert_eq!(house.wait(check_links(&house.store, &house.blobs)).unwrap(), []);
        }
    }
}

/// An account at rest.
struct Before {
    read: Read,
    gone: Vec<GoneMessage>,
    /// Whether messages are on their way out of a deleted mailbox.
    emptying: bool,
}

type Places = BTreeMap<(u32, u32), Item>;

impl Before {
    fn of(house: &House, number: usize) -> Before {
        let account = &house.accounts[number];
        let emptying = !emptying(&house.store, number).is_empty();
        Before { read: read(&house.world, account), gone: gone(house, account), emptying }
    }

    fn knows(&self, id: Option<&EmailId>) -> bool {
        let there = |id: &EmailId| self.read.emails.values().any(|other| other == id);
        id.is_none_or(|id| there(id) || self.gone.iter().any(|message| message.was.email == *id))
    }

    fn places(&self) -> Places {
        let items = |(folder, known): (&u32, &Folder)| {
            let folder = *folder;
            known.items.clone().into_iter().map(move |(uid, item)| ((folder, uid), item))
        };
        self.read.folders.iter().flat_map(items).collect()
    }

    /// What was there is there; what came was gone, each of it once more.
    fn check_restored(&self, now: &Before, all: bool) {
        let (before, mut came) = (self.places(), now.places());
        for (place, item) in &before {
            assert_eq!(came.remove(place).as_ref(), Some(item), "what was there stays");
        }
        let ids: BTreeMap<EmailId, u32> = now.read.emails.iter().map(|(tag, id)| (*id, *tag)).collect();
        let departed: Vec<_> = self.gone.iter().filter_map(|m| Some((*ids.get(&m.was.email)?, m))).collect();
        for item in came.values() {
            assert!(!item.flags.contains("\\Deleted"));
            let left =
                departed.iter().any(|(tag, m)| *tag == item.tag && m.was.internal_date.unix_ms() == item.date_ms);
            assert!(left || self.emptying, "{item:?} comes from nowhere");
        }
        if !all {
            return;
        }
        let tags: BTreeSet<u32> = came.values().map(|item| item.tag).collect();
        assert_eq!(tags.len(), came.len(), "each message comes once");
        assert!(now.gone.iter().all(|message| message.there), "nothing is left without a place");
        assert!(tags.iter().all(|tag| !self.read.emails.contains_key(tag)), "nothing is made two");
    }

    fn check_ended(&self, now: &Before, house: &House, after: After) {
        assert_eq!(self.places(), now.places(), "what is there stays");
        let old = now_ms(&house.world) - KEPT_FOR.as_millis() as i64;
        let stays = |message: &&GoneMessage| after == After::Purge && message.departure.at.unix_ms() >= old;
        let expected: Vec<_> = self.gone.iter().filter(stays).map(|message| message.departure).collect();
        let is: Vec<_> = now.gone.iter().map(|message| message.departure).collect();
        assert_eq!(is, expected);
        assert!(!now.emptying || after == After::Purge);
    }
}
