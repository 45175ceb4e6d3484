//! An account as its rows show it, and as it was at a moment.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is a test")]

mod common;

use common::{ACCOUNT, Rig, rig};
use mailstore::{FlagChange, KeptFor, Past, PastError, Picture, Transfer, cell_of, read_message, step_over};
use model::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use store::block_on;
use store::memory::MemoryStore;
use store::{Batch, Space, Store};

/// Mailboxes with UIDs and flags: `INBOX 1 \Seen, 2; Archive 1`.
fn text(picture: &Picture) -> String {
    let mailboxes = picture.mailboxes.values().filter(|mailbox| !mailbox.members.is_empty()).map(|mailbox| {
        let members = mailbox.members.values().map(|member| {
            let flags = picture.flags(member).join(" ");
            format!("{} {flags}", member.uid).trim_end().to_owned()
        });
        format!("{} {}", mailbox.name.as_deref().unwrap_or("?"), members.collect::<Vec<_>>().join(", "))
    });
    mailboxes.collect::<Vec<_>>().join("; ")
}

fn picture(rig: &Rig) -> Picture {
    rig.wait(Picture::read(&rig.store, ACCOUNT)).unwrap()
}

/// A moment later, with nothing else at the same one.
fn tick(rig: &Rig) -> Timestamp {
    let now = rig.account.now();
    rig.world.pass(Duration::from_secs(60));
    now
}

/// The account's rows as they are now, but for those that `leaves_out` says.
fn copy(rig: &Rig, leaves_out: impl Fn(&[u8]) -> bool) -> MemoryStore {
    let (copy, mut batch) = (MemoryStore::new(), Batch::new(cell_of(ACCOUNT)));
    for (key, value) in rig.store.rows(Space::Rows, &cell_of(ACCOUNT)).into_iter().filter(|(key, _)| !leaves_out(key)) {
        batch.put(Space::Rows, key, value);
    }
    block_on(copy.commit(batch)).unwrap();
    copy
}

fn past(before: Option<&MemoryStore>, later: &MemoryStore, at: Timestamp) -> Result<Past, PastError> {
    block_on(Past::of(before.map(|before| before as &dyn Store), later, ACCOUNT, at))
}

#[test]
fn it_shows_what_the_account_holds() {
    let rig = rig();
    let first = rig.append("one");
    rig.append("two");
    rig.store_flags(&[2], FlagChange::Add, &["\\Seen", "$Forwarded"]);
    let archive = rig.wait(rig.account.create("Archive/2026", None)).unwrap();
    rig.copy(&[1], archive.id, Transfer::Copy);
    assert_eq!(text(&picture(&rig)), "INBOX 1, 2 \\Seen $Forwarded; Archive/2026 1");
    let octets = rig.wait(read_message((&rig.store, &rig.blobs), ACCOUNT, first.email)).unwrap();
    assert!(octets.ends_with(b"Hello\r\n"));
}

#[test]
fn every_moment_between_two_stores_is_known() {
    let rig = rig();
    rig.append("one");
    let before = copy(&rig, |_| false);
    let mut moments = vec![(tick(&rig), text(&picture(&rig)))];
    let mut did = |rig: &Rig| moments.push((tick(rig), text(&picture(rig))));
    rig.append("two");
    did(&rig);
    rig.store_flags(&[1, 2], FlagChange::Add, &["\\Seen", "$New"]);
    did(&rig);
    let mailbox = rig.wait(rig.account.create("Old", None)).unwrap().id;
    rig.copy(&[1], mailbox, Transfer::Move);
    did(&rig);
    rig.wait(rig.account.rename("Old", "Older")).unwrap();
    rig.store_flags(&[2], FlagChange::Replace, &["\\Deleted"]);
    did(&rig);
    rig.append("three");
    did(&rig);
    for (at, want) in &moments {
        for base in [Some(&before), None] {
            let past = past(base, &rig.store, *at).unwrap();
            assert_eq!((text(&past.picture), past.lost.len()), (want.clone(), 0), "at {at}");
        }
    }
}

/// The INBOX at a moment before its messages went, and how many are lost: one came before the first store, one after.
fn gone_between(rig: &Rig) -> (String, usize) {
    rig.append("one");
    let before = copy(rig, |_| false);
    rig.append("two");
    let at = tick(rig);
    rig.store_flags(&[1, 2], FlagChange::Add, &["\\Deleted"]);
    rig.expunge(&[1, 2]);
    let past = past(Some(&before), &rig.store, at).unwrap();
    (text(&past.picture), past.lost.len())
}

#[test]
fn what_was_deleted_since_comes_from_what_was_before_or_is_kept() {
    assert_eq!(gone_between(&rig()), ("INBOX 1, 2".to_owned(), 0));
    let memory = MemoryStore::new();
    let forgetful = Rig::keeping(memory.clone(), Arc::new(memory), Arc::new(KeptFor(Duration::ZERO)));
    assert_eq!(gone_between(&forgetful), ("INBOX 1".to_owned(), 1));
}

#[test]
fn what_the_log_has_forgotten_is_refused() {
    let rig = rig();
    rig.append("one");
    rig.append("two");
    let at = tick(&rig);
    let before = copy(&rig, |_| false);
    let forgetful = copy(&rig, |key| key.first() == Some(&b'L') && key.last() == Some(&1));
    assert!(matches!(past(None, &forgetful, at), Err(PastError::Forgotten(Some(_)))));
    assert_eq!(text(&past(Some(&before), &forgetful, at).unwrap().picture), "INBOX 1, 2");
}

#[test]
fn an_account_that_was_set_back_has_another_story() {
    let (rig, other) = (rig(), rig());
    let before = copy(&rig, |_| false);
    for other in [&rig, &other] {
        other.append("one");
        tick(other);
    }
    let lost = copy(&rig, |_| false);
    other.append("another");
    other.world.pass(Duration::from_secs(1));
    let at = tick(&other);
    assert!(past(Some(&before), &other.store, at).is_ok());
    rig.append("only here");
    assert_eq!(past(Some(&copy(&rig, |_| false)), &lost, at).unwrap_err(), PastError::SetBack);
    other.append("third");
    assert_eq!(past(Some(&copy(&other, |_| false)), &rig.store, at).unwrap_err(), PastError::SetBack);
}

/// The backup that was restored and the log since then are the whole truth; between the two nothing is known.
#[test]
fn after_a_restore_the_story_goes_on() {
    let rig = rig();
    let older = copy(&rig, |_| false);
    rig.append("one");
    let before = copy(&rig, |_| false);
    let restored = rig.account.now();
    let between = Timestamp::from_unix_ms(restored.unix_ms() - 1);
    rig.wait(step_over(&rig.store, ACCOUNT, restored)).unwrap();
    let rig = rig.reopened();
    let two = rig.append("two").uid;
    let at = tick(&rig);
    rig.append("three");
    let past_of = |before, at| past(Some(before), &rig.store, at).map(|past| text(&past.picture));
    assert_eq!(past_of(&before, at), Ok(format!("INBOX 1, {two}")));
    assert_eq!(past_of(&before, between), Err(PastError::SetBack));
    assert_eq!(past_of(&older, at), Err(PastError::SetBack));
    assert!(matches!(past(None, &rig.store, at), Err(PastError::SetBack)));
}

/// Both lives begin with the same backup.
#[test]
fn who_was_set_back_twice_gives_other_numbers_out() {
    let rig = rig();
    rig.append("one");
    let (first, second) = (copy(&rig, |_| false), copy(&rig, |_| false));
    let now = rig.account.now();
    let next = |store: &MemoryStore, at: Timestamp| {
        block_on(step_over(store, ACCOUNT, at)).unwrap();
        let inbox = block_on(Picture::read(store, ACCOUNT)).unwrap();
        (inbox.modseq, step_of(store))
    };
    let (one, other) = (next(&first, now), next(&second, Timestamp::from_unix_ms(now.unix_ms() + 3_600_000)));
    assert!(other.0.0 > one.0.0 + 1_000_000 && one.1.abs_diff(other.1) > 10_000, "{one:?} {other:?}");
}

/// The next UID of INBOX.
fn step_of(store: &MemoryStore) -> u32 {
    let rig = Rig::keeping(store.clone(), Arc::new(store.clone()), Arc::new(KeptFor(Duration::ZERO)));
    rig.inbox().mailbox.uid_next.0
}

#[test]
fn who_was_set_back_gives_no_number_out_again() {
    let rig = rig();
    rig.append("one");
    let (before, at) = (rig.inbox(), rig.account.now());
    rig.wait(step_over(&rig.store, ACCOUNT, at)).unwrap();
    rig.sound();
    let rig = rig.reopened();
    let after = rig.inbox();
    assert_eq!(text(&picture(&rig)), "INBOX 1", "what is there keeps its numbers");
    assert!(after.mailbox.highest_modseq.0 > before.mailbox.highest_modseq.0 + 1_000_000);
    let second = rig.append("two");
    assert!(second.uid.0 > 1_000_000 && second.email.0 > 1_000_000, "{second:?}");
    rig.sound();
}
