//! How a lane folds what waits, and what it does when batches fail.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{ACCOUNT, Fate, Rig, Script, append, done, expunge, manual, rig, scripted, store_flags};
use env::virtual_world::World;
use env::{BoxFuture, Spawn};
use futures_util::FutureExt;
use mailstore::{Account, Append, Error, FlagChange, INBOX_ID, Mailstore, Outcome};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use store::CommitError;
use store::memory::{MemoryBlobs, MemoryStore};

fn appends(rig: &Rig, subjects: std::ops::Range<u32>) -> Vec<BoxFuture<'static, Result<Outcome, Error>>> {
    subjects.map(|n| rig.account.append(append(INBOX_ID, &n.to_string())).boxed()).collect()
}

fn uids(rig: &Rig, asked: Vec<BoxFuture<'static, Result<Outcome, Error>>>) -> Vec<u32> {
    asked.into_iter().map(|asked| done(rig.wait(asked)).uid.0).collect()
}

#[test]
fn what_waits_is_one_batch_and_the_next_is_chained_on_it() {
    let rig = manual();
    let before = rig.store.commits();
    let first = appends(&rig, 0..50);
    rig.world.run_until_stalled();
    let second = appends(&rig, 50..80);
    rig.world.run_until_stalled();
    let third = appends(&rig, 80..90);
    rig.world.run_until_stalled();
    assert_eq!(rig.store.waiting(), 2, "one is written, one waits, the third is not folded yet");
    assert_eq!(uids(&rig, first), (1..=50).collect::<Vec<_>>());
    assert_eq!(uids(&rig, second), (51..=80).collect::<Vec<_>>());
    assert_eq!(uids(&rig, third), (81..=90).collect::<Vec<_>>());
    assert_eq!(rig.store.commits() - before, 3);
    rig.sound();
}

#[test]
fn operations_are_queued_when_they_are_called() {
    let rig = rig();
    rig.append("a");
    let first = rig.account.store_flags(store_flags(&[1], FlagChange::Add, &["\\Deleted"]));
    let second = rig.account.expunge(expunge(&[1]));
    assert_eq!(rig.wait(second).unwrap().len(), 1);
    assert!(rig.wait(first).is_ok());
}

#[test]
fn a_conflict_is_folded_again_and_ends() {
    let rig = manual();
    (0..3).for_each(|_| rig.store.fail_next(CommitError::Conflict));
    assert_eq!(rig.append("a").uid.0, 1);
    (0..9).for_each(|_| rig.store.fail_next(CommitError::Conflict));
    let outcome = rig.wait(rig.account.append(append(INBOX_ID, "b")));
    assert_eq!(outcome, Err(Error::Commit(CommitError::Conflict)));
    rig.sound();
}

#[test]
fn a_failure_met_while_a_view_is_loaded_keeps_the_order() {
    let rig = manual();
    rig.append("a");
    let rig = rig.reopened(); // no view is open
    rig.store.fail_next(CommitError::Conflict);
    let first = rig.account.append(append(INBOX_ID, "b"));
    // It has to load the view, and so waits for the append's batch.
    let second = rig.account.store_flags(store_flags(&[1, 2], FlagChange::Add, &["\\Seen"]));
    assert_eq!(rig.wait(second).unwrap().view.len(), 2);
    assert_eq!(done(rig.wait(first)).uid.0, 2);
    assert_eq!(rig.text(INBOX_ID), r"1 \Seen, 2 \Seen");
}

#[test]
fn a_dropped_caller_cancels_nothing() {
    let rig = manual();
    drop(rig.account.append(append(INBOX_ID, "a")));
    let second = rig.account.append(append(INBOX_ID, "b"));
    rig.world.run_until_stalled();
    drop(second);
    assert_eq!(rig.append("c").uid.0, 3);
    let made = rig.account.create("box", None);
    let made = rig.wait(made).unwrap();
    let there = Append { mailbox: made.id, ..append(INBOX_ID, "d") };
    rig.wait(rig.account.append(there)).unwrap();
    drop(rig.account.delete("box"));
    rig.rest();
    assert_eq!(rig.account.usage().messages, 3, "the mailbox was emptied though nobody waited for it");
    rig.sound();
}

#[test]
fn what_is_chained_on_a_commit_of_unknown_fate_happens_once() {
    let (rig, script) = scripted(MemoryStore::with_manual_sync());
    script.answers.lock().unwrap().push_back(Fate::AppliedUnknown);
    let first = rig.account.append(append(INBOX_ID, "a"));
    rig.world.run_until_stalled();
    let second = rig.account.append(append(INBOX_ID, "b"));
    rig.world.run_until_stalled();
    assert_eq!(rig.store.waiting(), 2);
    rig.rest();
    assert_eq!(done(rig.wait(second)).uid.0, 2);
    assert_eq!(done(rig.wait(first)).uid.0, 1, "the second would not be there without it");
    assert_eq!(rig.text(INBOX_ID), "1, 2");
    rig.sound();
}

#[test]
fn commits_of_unknown_fate_are_not_tried_again() {
    let rig = manual();
    let first = rig.account.append(append(INBOX_ID, "a"));
    rig.world.run_until_stalled();
    let second = rig.account.append(append(INBOX_ID, "b"));
    rig.world.run_until_stalled();
    rig.store.crash_keeping(2);
    assert!(matches!(rig.wait(first), Err(Error::Commit(CommitError::Failed(_)))));
    assert!(matches!(rig.wait(second), Err(Error::Commit(CommitError::Failed(_)))));
    assert_eq!(rig.text(INBOX_ID), "1, 2");
    assert_eq!(rig.append("c").uid.0, 3);
    rig.sound();
}

#[test]
fn a_full_store_takes_what_makes_room() {
    let rig = manual();
    for n in 0..3 {
        rig.append(&n.to_string());
    }
    rig.store.set_full(true);
    let first = rig.account.append(append(INBOX_ID, "no"));
    rig.world.run_until_stalled();
    // One mixed batch, chained on one that fails.
    let appends: Vec<_> = (0..8).map(|n| rig.account.append(append(INBOX_ID, &n.to_string()))).collect();
    let flagged = rig.account.store_flags(store_flags(&[1, 2], FlagChange::Add, &["\\Deleted"]));
    let opened = rig.account.open(INBOX_ID);
    let more = rig.account.append(append(INBOX_ID, "no"));
    let expunged = rig.account.expunge(expunge(&[1, 2]));
    rig.rest();
    assert_eq!(flagged.now_or_never().unwrap().unwrap().view.mailbox.deleted, 2);
    assert_eq!(expunged.now_or_never().unwrap().unwrap().len(), 2);
    for refused in appends.into_iter().chain([first, more]) {
        assert!(matches!(rig.wait(refused), Err(Error::Commit(CommitError::NoSpace(_)))));
    }
    rig.wait(opened).unwrap();
    assert_eq!(rig.text(INBOX_ID), "3");
    rig.store.set_full(false);
    assert_eq!(rig.append("yes").uid.0, 4, "what was refused left nothing behind");
    rig.sound();
}

#[test]
fn waiting_operations_are_bounded_while_a_batch_is_written() {
    let rig = manual();
    let large = |n: u32| Append { email: big(n), ..append(INBOX_ID, "") };
    let mut taken = Vec::new();
    for round in 0..20 {
        // As many as it takes each time, then some more of the batches become durable.
        let mut asked = (0..2000).map(|n| rig.account.append(large(round * 2000 + n)).boxed());
        taken.extend(asked.by_ref().map_while(|mut asked| match (&mut asked).now_or_never() {
            Some(Err(Error::Busy)) => None,
            _ => Some(asked),
        }));
        rig.world.run_until_stalled();
        rig.store.sync_one();
        rig.world.run_until_stalled();
    }
    let done = taken.iter_mut().filter_map(|asked| asked.now_or_never()).count();
    let held_octets = (taken.len() - done) * 30_000;
    assert!(held_octets < 80 << 20, "{} MB wait", held_octets >> 20);
}

fn big(n: u32) -> mailstore::NewEmail {
    let mut email = common::email(&n.to_string());
    email.body = mailstore::Body::Row(vec![b'x'; 30_000].into());
    email
}

#[test]
fn a_batch_of_large_operations_is_bounded() {
    let (rig, script) = scripted(MemoryStore::new());
    rig.inbox();
    let asked = appends(&rig, 0..900);
    uids(&rig, asked);
    script.batches.lock().unwrap().clear();
    let all: Vec<u32> = (1..=900).collect();
    // Each rewrites 900 rows and logs them.
    let stores: Vec<_> = (0..200)
        .map(|n| {
            let change = if n % 2 == 0 { FlagChange::Add } else { FlagChange::Remove };
            rig.account.store_flags(store_flags(&all, change, &["\\Seen"]))
        })
        .collect();
    stores.into_iter().for_each(|stored| drop(rig.wait(stored).unwrap()));
    let largest = script.batches.lock().unwrap().iter().map(|(octets, _)| *octets).max().unwrap();
    assert!(largest < 6 << 20, "{largest} octets in a batch");
}

/// An executor that can be told to drop what it is given, or all it has.
#[derive(Clone)]
struct Careless {
    world: World,
    tasks: Arc<Mutex<Vec<BoxFuture<'static, ()>>>>,
    refuses: Arc<AtomicBool>,
}

impl Careless {
    fn run(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        // As every executor does, it survives what panics.
        let poll = |task: &mut BoxFuture<'static, ()>| catch_unwind(AssertUnwindSafe(|| task.now_or_never()));
        let waiting = tasks.into_iter().filter_map(|mut task| match poll(&mut task) {
            Ok(None) => Some(task),
            Ok(Some(())) | Err(_) => None,
        });
        let waiting: Vec<_> = waiting.collect();
        self.tasks.lock().unwrap().extend(waiting);
    }

    fn forget_all(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        drop(tasks);
    }
}

impl Spawn for Careless {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        if !self.refuses.load(Ordering::Relaxed) {
            self.tasks.lock().unwrap().push(task);
        }
    }
    fn compute(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}

fn careless() -> (Careless, Arc<Script>, Arc<Account>) {
    let spawn = Careless { world: World::new(1), tasks: Arc::default(), refuses: Arc::default() };
    let (store, blobs) = (Script::new(&MemoryStore::new()), Arc::new(MemoryBlobs::new()));
    let mailstore = Mailstore::new(store.clone(), blobs, Arc::new(spawn.clone()), Arc::new(spawn.world.clone()));
    let mut opening = Box::pin(mailstore.account(ACCOUNT));
    let account = loop {
        match (&mut opening).now_or_never() {
            Some(account) => break account.unwrap(),
            None => spawn.run(),
        }
    };
    (spawn, store, account)
}

#[test]
fn a_lane_whose_runner_is_dropped_begins_anew() {
    let (spawn, _, account) = careless();
    let lost = account.append(append(INBOX_ID, "a"));
    spawn.forget_all();
    assert!(matches!(lost.now_or_never(), Some(Err(Error::Commit(CommitError::Failed(_))))));
    let kept = account.append(append(INBOX_ID, "b"));
    spawn.run();
    assert_eq!(done(kept.now_or_never().unwrap()).uid.0, 1);

    spawn.refuses.store(true, Ordering::Relaxed);
    let refused = account.append(append(INBOX_ID, "c"));
    assert!(matches!(refused.now_or_never(), Some(Err(Error::Commit(CommitError::Failed(_))))));
    spawn.refuses.store(false, Ordering::Relaxed);
    let kept = account.append(append(INBOX_ID, "d"));
    spawn.run();
    assert_eq!(done(kept.now_or_never().unwrap()).uid.0, 2);
}

#[test]
fn a_runner_dropped_with_batches_under_way_leaves_a_sound_account() {
    let rig = manual();
    let first = rig.account.append(append(INBOX_ID, "a"));
    rig.world.run_until_stalled();
    assert_eq!(rig.store.waiting(), 1);
    drop(first);
    // The process lives on with a new executor, as after a panic: the commit is still under way.
    let again = rig.reopened();
    assert_eq!(again.append("b").uid.0, 2);
    assert_eq!(again.text(INBOX_ID), "1, 2");
    again.sound();
}

#[test]
fn reads_that_fail_refuse_without_a_trace() {
    let (rig, script) = scripted(MemoryStore::new());
    rig.append("a");
    rig.inbox();
    script.unreadable.store(true, Ordering::Relaxed);
    let deleted = rig.account.store_flags(store_flags(&[1], FlagChange::Add, &["\\Deleted"]));
    let expunged = rig.account.expunge(expunge(&[1]));
    let renamed = rig.account.rename("INBOX", "old");
    let appended = rig.account.append(append(INBOX_ID, "b"));
    assert!(rig.wait(deleted).is_ok(), "it reads nothing");
    assert!(matches!(rig.wait(expunged), Err(Error::Read(_))));
    assert!(matches!(rig.wait(renamed), Err(Error::Read(_))));
    assert!(matches!(rig.wait(appended), Err(Error::Read(_))));
    script.unreadable.store(false, Ordering::Relaxed);
    assert_eq!((rig.names(), rig.text(INBOX_ID)), (String::new(), r"1 \Deleted".into()));
    assert_eq!(rig.append("b").uid.0, 2);
    rig.sound();
}

#[test]
fn an_append_reads_only_what_it_looks_up() {
    let (rig, script) = scripted(MemoryStore::new());
    rig.inbox();
    rig.append("a");
    script.reads.store(0, Ordering::Relaxed);
    rig.append("b");
    assert_eq!(script.reads.load(Ordering::Relaxed), 1, "its Message-ID");
}

#[test]
fn a_batch_that_changes_no_message_is_waited_for_too() {
    let rig = manual();
    rig.append("a");
    let mut names = store_flags(&[1], FlagChange::Add, &["$New"]);
    names.unchanged_since = Some(model::ModSeq(1).into()); // it names the keyword, and changes nothing
    rig.inbox();
    let first = rig.account.store_flags(names);
    rig.world.run_until_stalled();
    rig.store.fail_next(CommitError::ReadOnly("told".into()));
    let second = rig.account.append(Append { flags: common::flags(&["$New"]), ..append(INBOX_ID, "b") });
    rig.world.run_until_stalled();
    rig.rest();
    assert!(matches!(rig.wait(first), Err(Error::Commit(CommitError::ReadOnly(_)))));
    assert_eq!(done(rig.wait(second)).uid.0, 2);
    rig.sound();
    assert_eq!(rig.text(INBOX_ID), "1, 2 $New");
}

#[test]
fn a_fold_that_panics_does_not_wedge_the_lane() {
    let (spawn, store, account) = careless();
    store.panics.store(true, Ordering::Relaxed);
    let asked: Vec<_> = ["a", "b"].map(|subject| account.append(append(INBOX_ID, subject))).into();
    spawn.run();
    for asked in asked {
        assert!(matches!(asked.now_or_never(), Some(Err(Error::Commit(CommitError::Failed(_))))));
    }
    store.panics.store(false, Ordering::Relaxed);
    let next = account.append(append(INBOX_ID, "c"));
    spawn.run();
    assert_eq!(done(next.now_or_never().unwrap()).uid.0, 1, "what panicked left nothing behind");
}
