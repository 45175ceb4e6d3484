//! Compares what is there with what should be.

use crate::house::{ACCOUNTS, House, check_view, mailstore};
use crate::naive::{Folder, Item, Model, Outcome};
use crate::script::{Kind, Op};
use env::virtual_world::World;
use mailstore::{Account, Change, FlagBits, cell_of, check, check_links};
use model::{EmailId, MailboxId, ModSeq, ThreadId, Uid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::memory::MemoryStore;
use store::{Batch, Blobs, Bytes, Cell, Space, Store};

pub struct Judge {
    pub(super) accounts: [Known; 2],
}

/// What is known of an account for good.
pub(super) struct Known {
    /// Several where a message or mailbox came and went, and it cannot be known whether it ever did.
    pub(super) models: BTreeSet<Model>,
    validities: BTreeMap<MailboxId, u32>,
    log: Feed,
}

/// The account as one that only reads the change log sees it.
#[derive(Default)]
struct Feed {
    read: ModSeq,
    mailboxes: BTreeMap<MailboxId, String>,
    members: BTreeMap<MailboxId, BTreeMap<Uid, (EmailId, FlagBits)>>,
    subscriptions: BTreeSet<String>,
}

/// An account's folders as read, with real thread ids.
pub(super) struct Read {
    pub(super) folders: BTreeMap<u32, Folder>,
    threads: Vec<(u32, u32, ThreadId)>,
    pub(super) emails: BTreeMap<u32, EmailId>,
}

impl Judge {
    pub fn new() -> Judge {
        // What an account begins with is subscribed without an entry in the log.
        let log = || Feed { subscriptions: Model::new().subscriptions, ..Feed::default() };
        let known = || Known { models: [Model::new()].into(), validities: BTreeMap::new(), log: log() };
        Judge { accounts: [known(), known()] }
    }

    /// After a window in which everything came to rest.
    pub fn settle(&mut self, house: &mut House, kind: Kind) {
        let calls = std::mem::take(&mut house.calls);
        for (number, known) in self.accounts.iter_mut().enumerate() {
            let account = house.accounts[number].clone();
            let read = read(&house.world, &account);
            let mut possible = known.models.clone();
            for call in calls.iter().filter(|call| call.account == number) {
                let outcome = outcome_in(kind, &call.op, call.outcome.clone());
                let power = matches!(kind, Kind::Cut(_) | Kind::Crash(_));
                let certain = matches!(kind, Kind::Calm | Kind::Conflicts | Kind::Foreign) && call.outcome.is_none();
                let next = |m: &Model| match &outcome {
                    Outcome::Unknown if certain && !matches!(call.op, Op::Trim) => {
                        m.apply(&call.op, call.asked).into_iter().map(|(m, _)| m).collect()
                    }
                    outcome => m.after(&call.op, call.asked, outcome, power),
                };
                let before = possible;
                possible = before.iter().flat_map(next).collect();
                let expected = || before.iter().map(|m| m.apply(&call.op, call.asked)).collect::<Vec<_>>();
                assert!(!possible.is_empty(), "{:?} came to {outcome:?}, not\n{:#?}", call.op, expected());
            }
            let emptying = emptying(&house.store, number);
            let rested = |mut model: Model| {
                model.emptied(&emptying);
                model.cut = false;
                model
            };
            let possible: BTreeSet<Model> = possible.into_iter().map(rested).collect();
            let wrong = |model: &Model| differences(model, &read, &account, &emptying);
            known.models = possible.iter().filter(|model| wrong(model).is_none()).cloned().collect();
            let first = || possible.first().and_then(wrong);
            assert!(!known.models.is_empty(), "none of {} possible states; the first: {:?}", possible.len(), first());
            known.check_rest(house, number, &read);
            known.check_left(house, number, &read);
        }
    }
}

/// What a caller's fate says in a window of this kind.
fn outcome_in(kind: Kind, op: &Op, outcome: Option<Outcome>) -> Outcome {
    match outcome {
        // The memory store applies nothing of what it was told to fail.
        Some(Outcome::Unknown) if kind == Kind::Refusals => Outcome::NotDone,
        Some(Outcome::NotDone) => {
            assert_eq!(kind, Kind::Refusals, "{op:?} was refused though nothing was amiss");
            Outcome::NotDone
        }
        Some(Outcome::Unknown) => {
            assert!(matches!(kind, Kind::Cut(_)), "{op:?} failed though nothing was amiss");
            Outcome::Unknown
        }
        Some(answered) => answered,
        None => Outcome::Unknown,
    }
}

fn differences(model: &Model, read: &Read, account: &Account, emptying: &BTreeSet<u32>) -> Option<String> {
    if !model.emptying.keys().eq(emptying) {
        return Some(format!("{:?} is emptied, read {emptying:?}", model.emptying.keys()));
    }
    let usage = account.usage();
    if model.used(true) != (usage.octets, usage.messages) {
        return Some(format!("quota is not the sum of the emails: {:?} and {usage:?}", model.used(true)));
    }
    let folders: BTreeMap<u32, Folder> = model.folders.iter().map(|(id, f)| (*id, without_thread(f))).collect();
    if folders != read.folders {
        return Some(format!("{folders:#?}\nis read as\n{:#?}", read.folders));
    }
    let subscriptions: BTreeSet<String> = account.mailboxes().subscriptions().map(|name| name.to_string()).collect();
    if subscriptions != model.subscriptions {
        return Some(format!("{:?} subscribed, read {subscriptions:?}", model.subscriptions));
    }
    let (mut there, mut here) = (BTreeMap::new(), BTreeMap::new());
    for (folder, uid, thread) in &read.threads {
        let expected = model.folders[folder].items[uid].thread;
        let same = *there.entry(expected).or_insert(*thread) == *thread;
        if !same || *here.entry(*thread).or_insert(expected) != expected {
            return Some(format!("message {uid} of {folder} is of thread {thread}, not that of {expected}"));
        }
    }
    None
}

fn without_thread(folder: &Folder) -> Folder {
    let mut folder = folder.clone();
    folder.items.values_mut().for_each(|item| (item.thread, item.window) = (0, 0));
    folder
}

/// All of an account as its callers can read it.
pub(super) fn read(world: &World, account: &Arc<Account>) -> Read {
    let mut read = Read { folders: BTreeMap::new(), threads: Vec::new(), emails: BTreeMap::new() };
    for record in account.mailboxes().iter() {
        let view = world.block_on(account.open(record.id)).unwrap();
        check_view(&view);
        assert_eq!(view.mailbox, *record);
        let (name, uid_next) = (record.name.to_string(), record.uid_next.0);
        let mut folder = Folder { name, uid_next, items: BTreeMap::new() };
        let ids: Vec<EmailId> = view.iter().map(|(_, member)| member.email).collect();
        let emails = world.block_on(account.emails(&ids)).unwrap();
        for ((seq, member), email) in view.iter().zip(emails) {
            assert_eq!(view.get(seq), Some(member));
            assert_eq!(view.seq_of(member.uid), Some(seq));
            let email = email.expect("a member's email is there");
            assert_eq!((email.thread, email.size_octets()), (member.thread, member.size_octets));
            let octets = world.block_on(account.octets(&email, 0..u64::MAX)).unwrap();
            assert_eq!(octets.len() as u64, email.size_octets());
            let text = String::from_utf8(octets.to_vec()).unwrap();
            let tag = text.split("X-Tag: ").nth(1).and_then(|rest| rest.split('\r').next()).unwrap().parse().unwrap();
            assert_eq!(*read.emails.entry(tag).or_insert(email.id), email.id, "one message is one email");
            read.threads.push((record.id.0, member.uid.0, member.thread));
            let item = Item {
                tag,
                thread: 0,
                flags: view.keywords.names(member.flags).map(str::to_owned).collect(),
                date_ms: member.internal_date.unix_ms(),
                saved_ms: member.save_date.unix_ms(),
                window: 0,
            };
            folder.items.insert(member.uid.0, item);
        }
        read.folders.insert(record.id.0, folder);
    }
    read
}

impl Known {
    pub(super) fn check_rest(&mut self, house: &mut House, number: usize, is: &Read) {
        let account = house.accounts[number].clone();
        let id = ACCOUNTS[number];
        for (tag, email) in &is.emails {
            assert_eq!(*house.emails[number].entry(*tag).or_insert(*email), *email, "an email's number stays");
        }
        let ids: BTreeSet<EmailId> = house.emails[number].values().copied().collect();
        assert_eq!(ids.len(), house.emails[number].len(), "no number is given out twice");

        for record in account.mailboxes().iter() {
            let validity = *self.validities.entry(record.id).or_insert(record.uid_validity.0);
            assert_eq!(validity, record.uid_validity.0);
            let view = house.world.block_on(account.open(record.id)).unwrap();
            house.look(number, view);
        }
        assert!(self.validities.values().is_sorted_by(|a, b| a < b), "UIDVALIDITY grows: {:?}", self.validities);

        assert_eq!(house.world.block_on(check(&house.store, id)).unwrap(), []);
        assert_eq!(house.world.block_on(check_links(&house.store, &house.blobs)).unwrap(), []);
        self.log.follow(&house.world, &account);
        self.log.check(&house.world, &account);
        self.reopened(house, number, is);
    }

    /// A process that opens a copy of the rows sees the same.
    fn reopened(&self, house: &House, number: usize, is: &Read) {
        let cell = cell_of(ACCOUNTS[number]);
        let (copy, world) = (MemoryStore::new(), World::new(2));
        let mut rows = Batch::new(cell.clone());
        let blobs = world.block_on(house.blobs.list(None)).unwrap().ids;
        let links = blobs.iter().map(|blob| Cell::new([b"b".as_slice(), &blob.0].concat()));
        for cell in links.chain([cell]) {
            for space in [Space::Rows, Space::Bodies] {
                house.store.rows(space, &cell).into_iter().for_each(|(key, row)| {
                    rows.put_in(cell.clone(), space, key, row);
                });
            }
        }
        world.block_on(copy.commit(rows)).unwrap();
        let account = world.block_on(mailstore(&world, &copy, &house.blobs).account(ACCOUNTS[number])).unwrap();
        world.run_until_stalled();
        let again = read(&world, &account);
        assert_eq!(again.folders, is.folders);
        assert_eq!(again.threads, is.threads);
        let usage = account.usage();
        let emptied = self.models.first().map(|model| model.used(false));
        assert_eq!(Some((usage.octets, usage.messages)), emptied, "the emptying is finished");
        assert_eq!(emptying(&copy, number), BTreeSet::new());
        assert_eq!(world.block_on(check(&copy, ACCOUNTS[number])).unwrap(), []);
    }
}

/// The deleted mailboxes that are not empty yet.
pub(super) fn emptying(store: &MemoryStore, number: usize) -> BTreeSet<u32> {
    let cell = cell_of(ACCOUNTS[number]);
    let folder = |(key, _): (Bytes, Bytes)| Some(u32::from_be_bytes(key.strip_prefix(b"X")?.try_into().ok()?));
    store.rows(Space::Rows, &cell).into_iter().filter_map(folder).collect()
}

impl Feed {
    fn follow(&mut self, world: &World, account: &Account) {
        loop {
            let entries = world.block_on(account.log(self.read, 3)).unwrap();
            let Some((last, _)) = entries.last() else { return };
            let last = *last;
            for (modseq, entry) in entries {
                assert!(modseq > self.read, "the log goes on");
                self.read = modseq;
                self.apply(entry.change);
            }
            assert_eq!(self.read, last);
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Appended { mailbox, members } => {
                for (uid, email, flags) in members {
                    let before = self.members.entry(mailbox).or_default().insert(uid, (email, flags));
                    assert_eq!(before, None, "a UID comes once");
                }
            }
            Change::Flags { mailbox, members } => {
                for (uid, flags) in members {
                    self.members.get_mut(&mailbox).unwrap().get_mut(&uid).unwrap().1 = flags;
                }
            }
            Change::Expunged { mailbox, members } => {
                for (uid, email) in members {
                    let before = self.members.get_mut(&mailbox).unwrap().remove(&uid);
                    assert_eq!(before.map(|(email, _)| email), Some(email), "what leaves was there");
                }
            }
            Change::Mailbox(record) => {
                self.mailboxes.insert(record.id, record.name.to_string());
            }
            Change::MailboxDeleted(id) => {
                self.mailboxes.remove(&id).unwrap();
            }
            Change::Subscription { name, subscribed } => {
                let changed =
                    if subscribed { self.subscriptions.insert(name) } else { self.subscriptions.remove(&name) };
                assert!(changed);
            }
        }
    }

    fn check(&self, world: &World, account: &Arc<Account>) {
        assert_eq!(self.read, account.modseq());
        let mailboxes = account.mailboxes();
        let names: BTreeMap<_, _> = mailboxes.iter().map(|record| (record.id, record.name.to_string())).collect();
        assert_eq!(self.mailboxes, names);
        let subscriptions: BTreeSet<_> = mailboxes.subscriptions().map(|name| name.to_string()).collect();
        assert_eq!(self.subscriptions, subscriptions);
        for record in mailboxes.iter() {
            let view = world.block_on(account.open(record.id)).unwrap();
            let members: BTreeMap<_, _> = view.iter().map(|(_, m)| (m.uid, (m.email, m.flags))).collect();
            assert_eq!(self.members.get(&record.id).cloned().unwrap_or_default(), members);
        }
    }
}
