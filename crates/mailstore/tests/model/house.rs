//! The mail store under test with all that can be done to it: callers in flight, sessions, crashes.

use crate::naive::{Answer, Asked, Outcome};
use crate::script::{Mail, Op, Since};
use env::Clock;
use env::virtual_world::World;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mailstore::{
    Account, Append, Body, CopyMessages, DeliveryId, Error, Expunge, FlagBits, Leaving, Mailstore, NewEmail,
    Outcome as Appended, StoreFlags, Unchanged, View,
};
use message::Scanner;
use model::{AccountId, EmailId, Flag, MailboxId, ModSeq, QueueId, Quota, Timestamp, Uid};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::memory::{MemoryBlobs, MemoryStore};
use store::{Blobs, CommitError};

pub const ACCOUNTS: [AccountId; 2] = [AccountId(7), AccountId(8)];

/// What came back of an operation.
pub struct Reply {
    pub answer: Result<Answer, Error>,
    pub email: Option<EmailId>,
    pub modseq: Option<ModSeq>,
    pub view: Option<Arc<View>>,
}

/// An operation that was asked.
pub struct Call {
    pub account: usize,
    pub op: Op,
    pub asked: Asked,
    pub outcome: Option<Outcome>,
    future: Option<BoxFuture<'static, Reply>>,
}

pub struct House {
    pub world: World,
    pub store: MemoryStore,
    pub blobs: MemoryBlobs,
    pub accounts: Vec<Arc<Account>>,
    pub calls: Vec<Call>,
    pub sessions: BTreeMap<(usize, u32), Session>,
    /// By tag, for good: an email's number is given out once.
    pub emails: [BTreeMap<u32, EmailId>; 2],
    /// Of the last append that was acknowledged.
    modseqs: [ModSeq; 2],
    tag: u32,
}

/// What an IMAP client with a mailbox open knows.
pub struct Session {
    pub view: Arc<View>,
    pub messages: Vec<(Uid, EmailId, FlagBits)>,
}

pub fn now_ms(world: &World) -> i64 {
    world.wall().unix_ms()
}

pub fn mailstore(world: &World, store: &MemoryStore, blobs: &MemoryBlobs) -> Arc<Mailstore> {
    let world = Arc::new(world.clone());
    Mailstore::new(Arc::new(store.clone()), Arc::new(blobs.clone()), world.clone(), world)
}

/// Opens both accounts, making durable what that takes.
pub fn open(world: &World, store: &MemoryStore, blobs: &MemoryBlobs) -> Vec<Arc<Account>> {
    let mailstore = mailstore(world, store, blobs);
    let open = |id: &AccountId| {
        let mut opening = Box::pin(mailstore.account(*id));
        loop {
            if let Some(account) = world.poll_once(opening.as_mut()) {
                return account.unwrap();
            }
            assert!(store.sync_all() > 0, "opening an account waits for nothing");
        }
    };
    ACCOUNTS.iter().map(open).collect()
}

impl House {
    pub fn new() -> House {
        let (world, store, blobs) = (World::new(1), MemoryStore::with_manual_sync(), MemoryBlobs::new());
        let accounts = open(&world, &store, &blobs);
        let (calls, sessions) = (Vec::new(), BTreeMap::new());
        House {
            world,
            store,
            blobs,
            accounts,
            calls,
            sessions,
            emails: Default::default(),
            modseqs: [ModSeq(0); 2],
            tag: 0,
        }
    }

    /// Asks, and polls once as a caller does.
    pub fn call(&mut self, account: usize, op: Op, window: usize, start: [ModSeq; 2]) {
        self.tag += 1;
        let mut asked = Asked { now_ms: now_ms(&self.world), window, tag: self.tag, size: 0 };
        let future = match &op {
            Op::Append { mail, .. } => {
                let email = new_email(mail, self.tag, &self.world, &self.blobs);
                asked.size = email.size_octets();
                append(&self.accounts[account], &op, email)
            }
            _ => ask(&self.accounts[account], &op, start[account]),
        };
        self.calls.push(Call { account, op, asked, outcome: None, future: Some(future) });
        self.poll();
    }

    /// Looks who has been answered.
    pub fn poll(&mut self) {
        let mut seen = Vec::new();
        for call in &mut self.calls {
            let Some(reply) = call.future.as_mut().and_then(|future| future.now_or_never()) else { continue };
            call.future = None;
            if let Some(id) = reply.email {
                let before = self.emails[call.account].insert(call.asked.tag, id);
                assert!(before.is_none_or(|before| before == id));
            }
            if let Some(modseq) = reply.modseq {
                assert!(modseq > self.modseqs[call.account], "MODSEQ grows in the order of the calls");
                self.modseqs[call.account] = modseq;
            }
            if let Some(view) = reply.view {
                seen.push((call.account, view));
            }
            call.outcome = Some(match reply.answer {
                Ok(answer) => Outcome::Answered(answer),
                Err(Error::Commit(CommitError::Failed(_))) => Outcome::Unknown,
                Err(Error::Commit(_)) => Outcome::NotDone,
                Err(error) => Outcome::Answered(Answer::Refused(refusal(&error))),
            });
        }
        for (account, view) in seen {
            check_view(&view);
            self.look(account, view);
        }
    }

    pub fn run(&mut self) {
        self.world.run_until_stalled();
        self.poll();
        self.world.run_until_stalled(); // a caller that goes on asks again
    }

    pub fn sync(&mut self, n: usize) {
        for _ in 0..n {
            self.store.sync_one();
            self.run();
        }
    }

    /// Until nothing waits for anything.
    pub fn drain(&mut self) {
        self.run();
        while self.store.sync_one() {
            self.run();
        }
        let stuck: Vec<_> = self.calls.iter().filter(|call| call.future.is_some()).map(|call| &call.op).collect();
        assert!(stuck.is_empty(), "nothing is under way, but these wait: {stuck:?}");
    }

    /// Waits for `asked`, making durable what that takes.
    pub fn wait<T>(&self, asked: impl Future<Output = T>) -> T {
        let mut asked = Box::pin(asked);
        loop {
            if let Some(done) = self.world.poll_once(asked.as_mut()) {
                return done;
            }
            assert!(self.store.sync_one(), "it waits for nothing");
        }
    }

    pub fn drop_one(&mut self, n: usize) {
        let mut waiting: Vec<_> = self.calls.iter_mut().filter(|call| call.future.is_some()).collect();
        if let Some(index) = n.checked_rem(waiting.len()) {
            waiting[index].future = None;
        }
    }

    /// The process ends; the next one opens what is durable.
    pub fn crash(&mut self, kept: usize) {
        self.poll();
        self.calls.iter_mut().for_each(|call| call.future = None);
        let elapsed = now_ms(&self.world) - env::virtual_world::EPOCH.unix_ms();
        self.world = World::new(1); // the tasks of the old one never run again
        self.world.pass(Duration::from_millis(elapsed as u64));
        self.store.crash_keeping(kept);
        self.accounts = open(&self.world, &self.store, &self.blobs);
    }

    /// A session that knows an earlier view is told what changed, and must then know this one.
    pub fn look(&mut self, account: usize, view: Arc<View>) {
        check_view(&view);
        let new = || view.iter().map(|(_, m)| (m.uid, m.email, m.flags)).collect();
        let key = (account, view.mailbox.id.0);
        let session = self.sessions.entry(key).or_insert_with(|| Session { view: view.clone(), messages: new() });
        if view.mailbox.highest_modseq < session.view.mailbox.highest_modseq {
            return; // an answer of long ago, polled late
        }
        session.follow(&view);
        assert_eq!(session.messages, new(), "the client knows what the view holds");
    }
}

impl Session {
    fn follow(&mut self, view: &Arc<View>) {
        let changes = self.view.changes_to(view);
        let known = self.view.mailbox.highest_modseq;
        assert!(changes.expunged.is_sorted_by(|a, b| a > b));
        for seq in &changes.expunged {
            self.messages.remove(seq.0 as usize - 1);
        }
        for uid in &changes.flags {
            let is = view.by_uid(*uid).unwrap();
            assert!(is.modseq > known, "flags change with MODSEQ");
            self.messages.iter_mut().find(|(known, ..)| known == uid).unwrap().2 = is.flags;
        }
        let appended = view.len() - changes.appended;
        for (_, m) in view.iter().skip(appended as usize) {
            assert!(m.uid >= self.view.mailbox.uid_next && m.modseq > known, "UID and MODSEQ grow: {m:?}");
            self.messages.push((m.uid, m.email, m.flags));
        }
        assert!(view.mailbox.uid_next >= self.view.mailbox.uid_next);
        assert_eq!(view.mailbox.uid_validity, self.view.mailbox.uid_validity);
        self.view = view.clone();
    }
}

/// A view agrees with its own record.
pub fn check_view(view: &View) {
    let record = &view.mailbox;
    let count = |f: &dyn Fn(FlagBits) -> bool| view.iter().filter(|(_, m)| f(m.flags)).count() as u32;
    let size: u64 = view.iter().map(|(_, m)| m.size_octets).sum();
    let is = (view.len(), count(&|f| !f.contains(FlagBits::SEEN)), count(&|f| f.contains(FlagBits::DELETED)), size);
    assert_eq!(is, (record.messages, record.unseen, record.deleted, record.size_octets), "{record:?}");
    let newest = view.iter().map(|(_, m)| m.modseq).max();
    assert!(newest.is_none_or(|newest| newest <= record.highest_modseq));
    assert!(view.last_uid().is_none_or(|last| last < record.uid_next));
    let unseen = view.iter().find(|(_, m)| !m.flags.contains(FlagBits::SEEN)).map(|(seq, _)| seq);
    assert_eq!(view.first_unseen(), unseen);
}

fn refusal(error: &Error) -> &'static str {
    match error {
        Error::MailboxMissing => "missing",
        Error::MailboxExists => "exists",
        Error::MessageMissing => "message gone",
        Error::MailboxName(_) => "name",
        Error::InboxStays => "inbox",
        Error::OverQuota { .. } => "quota",
        other => panic!("nothing here leads to {other}"),
    }
}

pub fn flags(names: &[&str]) -> Vec<Flag> {
    names.iter().map(|name| Flag::parse(name).unwrap()).collect()
}

fn new_email(mail: &Mail, tag: u32, world: &World, blobs: &MemoryBlobs) -> NewEmail {
    let mut text = format!("X-Tag: {tag}\r\nSubject: S{}\r\n", mail.subject);
    if let Some(id) = mail.id {
        text += &format!("Message-ID: <{id}@test>\r\n");
    }
    if !mail.references.is_empty() {
        let ids: Vec<String> = mail.references.iter().map(|id| format!("<{id}@test>")).collect();
        text += &format!("References: {}\r\n", ids.join(" "));
    }
    text += &format!("\r\n{}", "x".repeat(mail.padding));
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(text.as_bytes());
    let scanned = Arc::new(scanner.finish());
    let size_octets = text.len() as u64;
    let body = if mail.blob {
        let store::HeldBlob { id, hold } = world.block_on(async {
            let mut writer = blobs.begin().await.unwrap();
            writer.write(text.into()).await.unwrap();
            writer.finish().await.unwrap()
        });
        Body::Blob { id, size_octets, hold }
    } else {
        Body::Row(text.into())
    };
    let prefix = if mail.prefix { "Return-Path: <>\r\n".into() } else { Default::default() };
    NewEmail { prefix, body, scanned }
}

fn append(account: &Arc<Account>, op: &Op, email: NewEmail) -> BoxFuture<'static, Reply> {
    let Op::Append { mailbox, flags: names, date, octets_max, messages_max, delivery, .. } = op else { unreachable!() };
    let append = Append {
        mailbox: MailboxId(*mailbox),
        email,
        flags: flags(names),
        internal_date: date.map(Timestamp::from_unix_ms),
        quota: Quota { octets: *octets_max, messages: *messages_max },
        delivery: delivery.map(|(queue, ordinal)| DeliveryId { queue: QueueId(queue), ordinal }),
        beside: Vec::new(),
    };
    let reply = |done: Result<Appended, Error>| match done {
        Ok(Appended::Appended(a)) => {
            Reply { email: Some(a.email), modseq: Some(a.modseq), ..plain(Ok(Answer::Appended(a.uid.0))) }
        }
        Ok(Appended::AlreadyDelivered) => plain(Ok(Answer::AlreadyDelivered)),
        Err(error) => plain(Err(error)),
    };
    account.append(append).map(reply).boxed()
}

fn plain(answer: Result<Answer, Error>) -> Reply {
    Reply { answer, email: None, modseq: None, view: None }
}

fn ask(account: &Arc<Account>, op: &Op, start: ModSeq) -> BoxFuture<'static, Reply> {
    let account = account.clone();
    let numbers = |uids: &[Uid]| uids.iter().map(|uid| uid.0).collect::<Vec<_>>();
    let uids_of = |uids: &[u32]| uids.iter().map(|uid| Uid(*uid)).collect::<Vec<_>>();
    let done = |done: Result<(), Error>| plain(done.map(|()| Answer::Done));
    match op.clone() {
        Op::Append { .. } => unreachable!(),
        Op::Store { mailbox, uids, change, flags: names, since } => {
            let unchanged_since = since.map(|since| match since {
                Since::Zero => ModSeq(0),
                Since::Start => start,
                Since::Max => ModSeq(u64::MAX),
            });
            let unchanged_since = unchanged_since.map(Unchanged::from);
            let (mailbox, uids, flags) = (MailboxId(mailbox), uids_of(&uids), flags(&names));
            let store = StoreFlags { mailbox, uids, change, flags, unchanged_since };
            async move {
                match account.store_flags(store).await {
                    Ok(stored) => {
                        let answer = Ok(Answer::Modified(numbers(&stored.modified)));
                        Reply { view: Some(stored.view), ..plain(answer) }
                    }
                    Err(error) => plain(Err(error)),
                }
            }
            .boxed()
        }
        Op::Expunge { mailbox, uids } => {
            let (mailbox, uids) = (MailboxId(mailbox), uids_of(&uids));
            let expunge = Expunge { mailbox, uids, leaving: Leaving::Deleted };
            async move { plain(account.expunge(expunge).await.map(|uids| Answer::Left(numbers(&uids)))) }.boxed()
        }
        Op::Discard { mailbox, uids } => {
            let (mailbox, uids) = (MailboxId(mailbox), uids_of(&uids));
            let discard = Expunge { mailbox, uids, leaving: Leaving::Any };
            async move { plain(account.expunge(discard).await.map(|uids| Answer::Left(numbers(&uids)))) }.boxed()
        }
        Op::Copy { from, to, uids, transfer } => {
            let (from, to) = (MailboxId(from), MailboxId(to));
            let copy = CopyMessages { from, uids: uids_of(&uids), to, transfer };
            let pairs = |pairs: Vec<(Uid, Uid)>| pairs.into_iter().map(|(old, new)| (old.0, new.0)).collect();
            async move { plain(account.copy(copy).await.map(|copied| Answer::Transferred(pairs(copied.uids)))) }.boxed()
        }
        Op::Create(name) => {
            async move { plain(account.create(name, None).await.map(|made| Answer::Made(made.id.0))) }.boxed()
        }
        Op::Rename(from, to) => async move { done(account.rename(from, to).await) }.boxed(),
        Op::Delete(name) => async move { done(account.delete(name).await) }.boxed(),
        Op::Subscribe(name, on) => async move { done(account.subscribe(name, on).await) }.boxed(),
        Op::Open(mailbox) => async move {
            match account.open(MailboxId(mailbox)).await {
                Ok(view) => Reply { view: Some(view), ..plain(Ok(Answer::Done)) },
                Err(error) => plain(Err(error)),
            }
        }
        .boxed(),
        Op::Trim => async move { done(account.trim().await) }.boxed(),
    }
}
