//! An account on a store in memory, and short words for what tests ask of it.

#![allow(dead_code, reason = "each test binary uses its part")]

use env::virtual_world::World;
use mailstore::{
    Account, Append, Appended, Body, CopyMessages, Error, Expunge, FlagChange, FlagsStored, INBOX_ID, KEPT_FOR,
    Keeping, KeptFor, Mailstore, NewEmail, Outcome, StoreFlags, Transfer, View, check, check_links,
};
use message::Scanner;
use model::{AccountId, Flag, MailboxId, Quota, Uid};
use std::sync::Arc;
use store::Store;
use store::memory::{MemoryBlobs, MemoryStore};

pub const ACCOUNT: AccountId = AccountId(1);

pub struct Rig {
    pub world: World,
    pub store: MemoryStore,
    pub blobs: MemoryBlobs,
    pub account: Arc<Account>,
}

/// On a store that commits at once.
pub fn rig() -> Rig {
    let store = MemoryStore::new();
    Rig::over(store.clone(), Arc::new(store))
}

/// On a store that commits when told.
pub fn manual() -> Rig {
    let store = MemoryStore::with_manual_sync();
    Rig::over(store.clone(), Arc::new(store))
}

/// On a store that does as the script says, over `memory`.
pub fn scripted(memory: MemoryStore) -> (Rig, Arc<Script>) {
    let script = Script::new(&memory);
    (Rig::over(memory, script.clone()), script)
}

impl Rig {
    /// With `store` as the account sees it, over `memory`.
    pub fn over(memory: MemoryStore, store: Arc<dyn Store>) -> Rig {
        Rig::keeping(memory, store, Arc::new(KeptFor(KEPT_FOR)))
    }

    /// As [`Rig::over`]; what is deleted is kept as `rules` say.
    pub fn keeping(memory: MemoryStore, store: Arc<dyn Store>, rules: Arc<dyn Keeping>) -> Rig {
        let (world, blobs) = (World::new(1), MemoryBlobs::new());
        let env = Arc::new(world.clone());
        let mailstore = Mailstore::keeping(store, Arc::new(blobs.clone()), env.clone(), env, rules);
        let mut opening = Box::pin(mailstore.account(ACCOUNT));
        let account = loop {
            match world.poll_once(opening.as_mut()) {
                Some(account) => break account.unwrap(),
                None => assert!(memory.sync_one()),
            }
        };
        drop(opening);
        Rig { world, store: memory, blobs, account }
    }

    /// Waits for `asked`, making durable what it waits for.
    pub fn wait<T>(&self, asked: impl Future<Output = T>) -> T {
        let mut asked = Box::pin(asked);
        loop {
            match self.world.poll_once(asked.as_mut()) {
                Some(done) => return done,
                None => assert!(self.store.sync_one(), "it waits for nothing"),
            }
        }
    }

    /// Runs everything to its end.
    pub fn rest(&self) {
        self.world.run_until_stalled();
        while self.store.sync_one() {
            self.world.run_until_stalled();
        }
    }

    pub fn append(&self, subject: &str) -> Appended {
        done(self.wait(self.account.append(append(INBOX_ID, subject))))
    }

    pub fn store_flags(&self, uids: &[u32], change: FlagChange, names: &[&str]) -> FlagsStored {
        self.wait(self.account.store_flags(store_flags(uids, change, names))).unwrap()
    }

    pub fn copy(&self, uids: &[u32], to: MailboxId, transfer: Transfer) -> Vec<(u32, u32)> {
        let copy = CopyMessages { from: INBOX_ID, uids: numbers(uids), to, transfer };
        let copied = self.wait(self.account.copy(copy)).unwrap();
        copied.uids.into_iter().map(|(old, new)| (old.0, new.0)).collect()
    }

    pub fn expunge(&self, uids: &[u32]) -> Vec<u32> {
        let left = self.wait(self.account.expunge(expunge(uids))).unwrap();
        left.into_iter().map(|uid| uid.0).collect()
    }

    pub fn inbox(&self) -> Arc<View> {
        self.wait(self.account.open(INBOX_ID)).unwrap()
    }

    /// UIDs and flags as text: `1 \Seen, 2`.
    pub fn text(&self, mailbox: MailboxId) -> String {
        let view = self.wait(self.account.open(mailbox)).unwrap();
        let message = |(_, m): (_, mailstore::Member)| {
            let flags: Vec<_> = view.keywords.names(m.flags).collect();
            format!("{} {}", m.uid, flags.join(" ")).trim_end().to_owned()
        };
        view.iter().map(message).collect::<Vec<_>>().join(", ")
    }

    pub fn names(&self) -> String {
        let mailboxes = self.account.mailboxes();
        let made = mailboxes.iter().filter(|mailbox| mailbox.id.0 > 6).map(|mailbox| mailbox.name.to_string());
        made.collect::<Vec<_>>().join(" ")
    }

    /// The rows agree with each other.
    pub fn sound(&self) {
        assert_eq!(self.wait(check(&self.store, ACCOUNT)).unwrap(), []);
        assert_eq!(self.wait(check_links(&self.store, &self.blobs)).unwrap(), []);
    }

    /// A process that opens the same rows.
    pub fn reopened(&self) -> Rig {
        let (world, blobs) = (World::new(2), self.blobs.clone());
        let account = self.store_waits(&world, self.mailstore(&world));
        Rig { world, store: self.store.clone(), blobs, account }
    }

    /// Of another process.
    pub fn mailstore(&self, world: &World) -> Arc<Mailstore> {
        let env = Arc::new(world.clone());
        Mailstore::new(Arc::new(self.store.clone()), Arc::new(self.blobs.clone()), env.clone(), env)
    }

    fn store_waits(&self, world: &World, mailstore: Arc<Mailstore>) -> Arc<Account> {
        let mut opening = Box::pin(mailstore.account(ACCOUNT));
        loop {
            match world.poll_once(opening.as_mut()) {
                Some(account) => return account.unwrap(),
                None => assert!(self.store.sync_one()),
            }
        }
    }
}

pub fn done(outcome: Result<Outcome, Error>) -> Appended {
    match outcome {
        Ok(Outcome::Appended(appended)) => appended,
        other => panic!("not appended: {other:?}"),
    }
}

pub fn numbers(uids: &[u32]) -> Vec<Uid> {
    uids.iter().map(|uid| Uid(*uid)).collect()
}

pub fn flags(names: &[&str]) -> Vec<Flag> {
    names.iter().map(|name| Flag::parse(name).unwrap()).collect()
}

pub fn email(subject: &str) -> NewEmail {
    new_email(format!("Message-ID: <{subject}@test>\r\nSubject: {subject}\r\n\r\nHello\r\n"))
}

/// Without Message-ID: it is of no thread.
pub fn anonymous() -> NewEmail {
    new_email("Subject: Hi\r\n\r\nHello\r\n".to_owned())
}

pub fn new_email(text: String) -> NewEmail {
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(text.as_bytes());
    NewEmail { prefix: Default::default(), body: Body::Row(text.into()), scanned: Arc::new(scanner.finish()) }
}

pub fn append(mailbox: MailboxId, subject: &str) -> Append {
    Append {
        mailbox,
        email: email(subject),
        flags: Vec::new(),
        internal_date: None,
        quota: Quota::default(),
        delivery: None,
        beside: Vec::new(),
    }
}

pub fn store_flags(uids: &[u32], change: FlagChange, names: &[&str]) -> StoreFlags {
    StoreFlags { mailbox: INBOX_ID, uids: numbers(uids), change, flags: flags(names), unchanged_since: None }
}

pub fn expunge(uids: &[u32]) -> Expunge {
    Expunge { mailbox: INBOX_ID, uids: numbers(uids), leaving: mailstore::Leaving::Deleted }
}

/// A store that lets a test decide what becomes of each commit, whatever the memory store beneath says.
pub struct Script {
    pub memory: MemoryStore,
    pub answers: std::sync::Mutex<std::collections::VecDeque<Fate>>,
    pub reads: std::sync::atomic::AtomicUsize,
    /// Reads that fail from now on.
    pub unreadable: std::sync::atomic::AtomicBool,
    /// Reads are a bug from now on.
    pub panics: std::sync::atomic::AtomicBool,
    /// The batches that came, as octets and whether they make room.
    pub batches: std::sync::Mutex<Vec<(usize, bool)>>,
}

/// Of one commit.
#[derive(Clone, Copy)]
pub enum Fate {
    /// It is applied, and nobody is told: the connection broke.
    AppliedUnknown,
}

impl Script {
    pub fn new(memory: &MemoryStore) -> Arc<Script> {
        Arc::new(Script {
            memory: memory.clone(),
            answers: Default::default(),
            reads: Default::default(),
            unreadable: Default::default(),
            panics: Default::default(),
            batches: Default::default(),
        })
    }
}

impl Store for Script {
    fn read(&self, queries: Vec<store::Query>) -> store::Answer<'_, Result<store::Reading, store::ReadError>> {
        if self.unreadable.load(std::sync::atomic::Ordering::Relaxed) {
            return store::ready(Err(store::ReadError::Unavailable("told".into())));
        }
        assert!(!self.panics.load(std::sync::atomic::Ordering::Relaxed), "told");
        self.reads.fetch_add(queries.len(), std::sync::atomic::Ordering::Relaxed);
        self.memory.read(queries)
    }

    fn snapshot(&self) -> store::Answer<'_, Result<Box<dyn store::Snapshot>, store::ReadError>> {
        self.memory.snapshot()
    }

    fn commit(&self, batch: store::Batch) -> store::Answer<'static, Result<(), store::CommitError>> {
        self.batches.lock().unwrap().push((batch.octets(), batch.makes_room));
        let fate = self.answers.lock().unwrap().pop_front();
        let committed = self.memory.commit(batch);
        match fate {
            None => committed,
            Some(Fate::AppliedUnknown) => store::later(async {
                committed.await.unwrap();
                Err(store::CommitError::Failed("the connection broke".into()))
            }),
        }
    }
}
