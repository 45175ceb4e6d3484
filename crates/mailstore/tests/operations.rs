//! What operations do, one by one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{Rig, append, done, flags, manual, rig, scripted, store_flags};
use mailstore::{
    Append, Comes, DELIVERIES_KEPT, DeliveryId, Error, FlagChange, INBOX_ID, Import, KEPT_FOR, LOG_KEPT,
    MESSAGES_AT_ONCE_MAX, Outcome, SourceId, Transfer,
};
use model::{MailboxId, ModSeq, QueueId};
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::memory::MemoryStore;

#[test]
fn a_message_named_twice_is_meant_once() {
    let rig = rig();
    rig.append("a");
    rig.append("b");
    rig.store_flags(&[2, 1, 1], FlagChange::Add, &["\\Seen", "\\Deleted"]);
    assert_eq!(rig.text(INBOX_ID), r"1 \Deleted \Seen, 2 \Deleted \Seen");
    assert_eq!(rig.copy(&[2, 1, 2], INBOX_ID, Transfer::Copy), [(1, 3), (2, 4)]);
    assert_eq!(rig.expunge(&[4, 1, 1, 4]), [1, 4]);
    assert_eq!(rig.copy(&[3, 3], INBOX_ID, Transfer::Move), [(3, 5)]);
    assert_eq!(rig.inbox().mailbox.messages, 2);
    rig.sound();
}

#[test]
fn a_keyword_that_was_named_for_nothing_is_named_again() {
    let rig = rig();
    rig.store_flags(&[1, 2, 3], FlagChange::Add, &["$Later"]); // there is no message
    assert_eq!(rig.inbox().keywords.keywords(), []);
    rig.append("a");
    rig.store_flags(&[1], FlagChange::Add, &["$Later"]);
    rig.sound();
    assert_eq!(rig.reopened().text(INBOX_ID), "1 $Later");
}

#[test]
fn a_keyword_named_for_messages_that_are_passed_over_is_kept_too() {
    let rig = rig();
    rig.append("a");
    let mut store = store_flags(&[1], FlagChange::Add, &["$Later"]);
    store.unchanged_since = Some(ModSeq(1).into());
    assert_eq!(rig.wait(rig.account.store_flags(store)).unwrap().modified.len(), 1);
    rig.store_flags(&[1], FlagChange::Replace, &["$Later"]);
    rig.sound();
    assert_eq!(rig.reopened().text(INBOX_ID), "1 $Later");
    assert_eq!(rig.inbox().keywords.keywords().len(), flags(&["$Later"]).len());
}

#[test]
fn a_keyword_beyond_the_last_is_refused_without_a_trace() {
    let rig = rig();
    rig.append("a");
    let names: Vec<String> = (0..128).map(|n| format!("k{n}")).collect();
    for names in names.chunks(16) {
        rig.store_flags(&[1], FlagChange::Add, &names.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let full = rig.wait(rig.account.store_flags(store_flags(&[1], FlagChange::Add, &["one-more", "\\Seen"])));
    assert_eq!(full.err(), Some(Error::KeywordsFull));
    let full = rig.wait(rig.account.append(Append { flags: flags(&["one-more"]), ..append(INBOX_ID, "b") }));
    assert_eq!(full, Err(Error::KeywordsFull));
    rig.store_flags(&[1], FlagChange::Add, &["k7", "K7", "\\Seen"]);
    assert_eq!((rig.inbox().keywords.keywords().len(), rig.inbox().len()), (128, 1));
    rig.sound();
}

#[test]
fn an_opened_view_agrees_with_its_record() {
    let rig = manual();
    rig.inbox();
    drop(rig.account.append(append(INBOX_ID, "a")));
    let flagged = rig.account.store_flags(store_flags(&[1], FlagChange::Add, &["\\Flagged"]));
    let made = rig.account.create("box", None);
    let seen = rig.wait(flagged).unwrap().view;
    assert_eq!((seen.mailbox.messages, seen.mailbox.unseen, seen.first_unseen().map(|seq| seq.0)), (1, 1, Some(1)));
    rig.wait(made).unwrap();
    assert!(std::sync::Arc::ptr_eq(&rig.inbox(), &rig.inbox()), "all who ask share one");
}

/// Mailboxes `made`, then a rename; the names that stand, or the refusal.
fn renamed(made: &[&str], from: &str, to: &str) -> String {
    let rig = rig();
    for name in made {
        rig.wait(rig.account.create(name, None)).unwrap();
    }
    let ids =
        |rig: &Rig| rig.account.mailboxes().iter().map(|mailbox| mailbox.id).collect::<std::collections::BTreeSet<_>>();
    let before = (rig.names(), ids(&rig));
    let outcome = rig.wait(rig.account.rename(from, to));
    let after = (rig.names(), ids(&rig));
    assert_eq!(rig.reopened().names(), after.0);
    rig.sound();
    match outcome {
        Ok(()) => {
            assert!(after.1.is_superset(&before.1));
            after.0
        }
        Err(error) => {
            assert_eq!(before, after, "a refusal leaves nothing behind");
            format!("{error:?}")
        }
    }
}

#[test]
fn renames_take_what_is_below_along() {
    let check =
        |made: &[&str], from, to, expected| assert_eq!(renamed(made, from, to), expected, "{made:?} {from} {to}");
    check(&["a", "a/x", "ab"], "a", "c", "ab c c/x");
    check(&["a", "a/x"], "a", "a/b", "a/b a/b/x");
    check(&["a", "a/x", "a/b/x"], "a", "a/b", "a/b a/b/b/x a/b/x");
    check(&["a", "a/b", "a/b/b"], "a", "a/b", "MailboxExists");
    check(&["a", "b/x", "a/x"], "a", "b", "MailboxExists");
    check(&["a"], "a", "a", "MailboxExists");
    check(&["a/x"], "a", "a", "MailboxExists");
    check(&["a/x"], "a", "b", "b/x");
    check(&["a/b", "a/b/b"], "a/b", "a", "a a/b");
    check(&["a/b/c"], "a/b", "a", "a/c");
    check(&["a", "a/x", "c/x"], "a", "c", "MailboxExists");
    check(&["a"], "a", "inbox/a", "INBOX/a");
    check(&["a"], "a", "INBOX", "MailboxExists");
    check(&["a"], "b", "c", "MailboxMissing");
    check(&["a"], "a", "b//c", "MailboxName(\"it has an empty level\")");
    check(&["inbox/x"], "Inbox/x", "x", "x");
    check(&["inbox/x"], "inbox", "old", "INBOX/x old");
    check(&["a"], "inbox", "a", "MailboxExists");
    let deep = vec!["d"; 20].join("/");
    check(&["a", "a/x"], "a", &deep, &format!("{deep} {deep}/x"));
}

#[test]
fn a_rename_that_would_go_too_deep_renames_nothing() {
    let deep = vec!["d"; 32].join("/");
    assert!(renamed(&["a", "a/x"], "a", &deep).starts_with("MailboxName"));
    assert!(renamed(&["a"], "a", &"x".repeat(1001)).starts_with("MailboxName"));
}

#[test]
fn inbox_is_found_in_any_case_also_above_others() {
    let rig = rig();
    rig.wait(rig.account.create("Inbox/x", None)).unwrap();
    assert_eq!(rig.names(), "INBOX/x");
    assert_eq!(rig.wait(rig.account.create("INBOX/x", None)).err(), Some(Error::MailboxExists));
    rig.wait(rig.account.subscribe("iNBOX", true)).unwrap();
    let mailboxes = rig.account.mailboxes();
    assert!(mailboxes.named("inBOX/x").is_some() && mailboxes.named("INBOX/X").is_none());
    assert!(mailboxes.is_subscribed("inbox") && !mailboxes.is_subscribed("inbox/x"));
    rig.wait(rig.account.delete("inbox/x")).unwrap();
    assert_eq!(rig.wait(rig.account.delete("inbox")), Err(Error::InboxStays));
    rig.rest();
    rig.sound();
}

#[test]
fn renaming_inbox_moves_its_messages() {
    let rig = rig();
    rig.append("a");
    rig.append("b");
    rig.store_flags(&[2], FlagChange::Add, &["$Junk"]);
    rig.wait(rig.account.rename("inbox", "old")).unwrap();
    assert_eq!((rig.text(INBOX_ID), rig.text(MailboxId(7))), (String::new(), "1, 2 $Junk".into()));
    assert_eq!(rig.append("c").uid.0, 3);
    assert_eq!(rig.account.usage().messages, 3);
    rig.sound();
}

#[test]
fn an_email_ends_with_its_last_place_and_the_time_it_is_kept() {
    let rig = rig();
    rig.append("a");
    assert_eq!(rig.copy(&[1], INBOX_ID, Transfer::Copy), [(1, 2)]);
    assert_eq!(rig.copy(&[1, 2], INBOX_ID, Transfer::Move), [(1, 3), (2, 4)]);
    assert_eq!(rig.copy(&[3], MailboxId(2), Transfer::Copy), [(3, 1)]);
    assert_eq!(rig.account.usage().messages, 1);
    rig.sound();
    rig.store_flags(&[3, 4], FlagChange::Add, &["\\Deleted"]);
    assert_eq!(rig.expunge(&[3, 4]), [3, 4]);
    assert_eq!(rig.account.usage().messages, 1);
    let email = rig.wait(rig.account.open(MailboxId(2))).unwrap().iter().next().unwrap().1.email;
    rig.wait(rig.account.delete("Archive")).unwrap();
    rig.rest();
    assert_eq!((rig.account.usage().messages, rig.account.usage().octets), (0, 0));
    rig.world.pass(KEPT_FOR * 2);
    assert_eq!(rig.wait(rig.account.purge(None)).unwrap().messages, 1);
    assert!(rig.wait(rig.account.emails(&[email])).unwrap()[0].is_none());
    rig.sound();
}

#[test]
fn a_mailbox_made_and_deleted_at_once_leaves_nothing() {
    let rig = manual();
    drop(rig.account.create("box", None));
    drop(rig.account.append(append(MailboxId(7), "a")));
    drop(rig.account.rename("box", "cup"));
    drop(rig.account.delete("cup"));
    let late = rig.account.append(append(MailboxId(7), "b"));
    rig.rest();
    assert_eq!(rig.wait(late), Err(Error::MailboxMissing));
    assert_eq!((rig.names(), rig.account.usage().messages), (String::new(), 0));
    rig.sound();
}

#[test]
fn two_who_empty_one_mailbox_do_not_disturb_each_other() {
    let rig = manual();
    let made = rig.wait(rig.account.create("box", None)).unwrap().id;
    for n in 0..30 {
        rig.wait(rig.account.append(append(made, &n.to_string()))).unwrap();
    }
    drop(rig.account.delete("box"));
    rig.world.run_until_stalled();
    rig.store.sync_one(); // it is deleted, and not emptied
    let other = rig.reopened();
    rig.world.run_until_stalled();
    other.world.run_until_stalled();
    while rig.store.sync_one() {
        rig.world.run_until_stalled();
        other.world.run_until_stalled();
    }
    let log = rig.wait(other.account.log(ModSeq(0), 1000)).unwrap();
    let left = |change: &mailstore::Change| match change {
        mailstore::Change::Expunged { members, .. } => members.len(),
        _ => 0,
    };
    assert_eq!(log.iter().map(|(_, entry)| left(&entry.change)).sum::<usize>(), 30, "each leaves once");
    other.sound();
}

#[test]
fn a_delivery_is_done_once_and_forgotten_in_time() {
    let rig = rig();
    let delivery = |n| Some(DeliveryId { queue: QueueId(n), ordinal: 0 });
    let deliver = |n| rig.wait(rig.account.append(Append { delivery: delivery(n), ..append(INBOX_ID, "a") })).unwrap();
    for n in 0..2500 {
        assert!(matches!(deliver(n), Outcome::Appended(_)));
    }
    assert_eq!(deliver(7), Outcome::AlreadyDelivered);
    rig.world.pass(DELIVERIES_KEPT + Duration::from_secs(1));
    rig.wait(rig.account.trim()).unwrap();
    for n in [0, 1500, 2499] {
        assert!(matches!(deliver(n), Outcome::Appended(_)), "{n} is forgotten");
    }
    let before = rig.account.modseq();
    rig.world.pass(LOG_KEPT);
    rig.append("late");
    rig.world.pass(Duration::from_secs(1));
    rig.wait(rig.account.trim()).unwrap();
    let log = rig.wait(rig.account.log(ModSeq(0), 10)).unwrap();
    assert_eq!(log.iter().map(|(modseq, _)| *modseq).collect::<Vec<_>>(), [ModSeq(before.0 + 1)]);
    rig.sound();
}

#[test]
fn views_that_sessions_hold_stay_in_memory() {
    let (rig, script) = scripted(MemoryStore::new());
    let held: Vec<_> = (1..=6).map(|id| rig.wait(rig.account.open(MailboxId(id))).unwrap()).collect();
    for _ in 0..3 {
        for id in 1..=6 {
            let unthreaded = Append { email: common::anonymous(), ..append(MailboxId(id), "") };
            done(rig.wait(rig.account.append(unthreaded)));
        }
    }
    script.reads.store(0, Ordering::Relaxed);
    for (id, held) in (1..=6).zip(held) {
        let view = rig.account.current_view(MailboxId(id)).expect("a session holds an earlier one");
        assert_eq!((view.len(), held.changes_to(&view).appended), (3, 3));
    }
    // Nobody holds one now; of more than a few, those are forgotten.
    rig.append("a");
    let kept = (1..=6).filter(|id| rig.account.current_view(MailboxId(*id)).is_some()).count();
    assert!(kept <= 4, "{kept} are kept");
    assert_eq!(rig.inbox().len(), 4);
}

#[test]
fn too_many_at_once_are_refused() {
    let rig = rig();
    let uids: Vec<u32> = (1..=MESSAGES_AT_ONCE_MAX as u32 + 1).collect();
    let stored = rig.wait(rig.account.store_flags(store_flags(&uids, FlagChange::Add, &["\\Seen"])));
    assert_eq!(stored.err(), Some(Error::TooManyAtOnce));
    assert_eq!(rig.wait(rig.account.expunge(common::expunge(&uids))), Err(Error::TooManyAtOnce));
}

#[test]
fn damage_is_found() {
    use store::Space;
    let rig = rig();
    rig.append("a");
    let cell = mailstore::cell_of(common::ACCOUNT);
    let keys: Vec<_> = rig.store.rows(Space::Rows, &cell).into_iter().map(|(key, _)| key).collect();
    for key in keys {
        rig.store.damage(Space::Rows, &cell, &key);
        let found = rig.wait(mailstore::check(&rig.store, common::ACCOUNT));
        let silent = found.is_ok_and(|found| found.is_empty());
        // Rows of these say all by being there.
        assert!(!silent || matches!(key.first(), Some(b'S' | b'X')), "damage of {key:02x?} was not seen");
        rig.store.damage(Space::Rows, &cell, &key);
    }
    rig.sound();
    let mut batch = store::Batch::new(cell.clone());
    batch.delete(Space::Bodies, 1u64.to_be_bytes().to_vec());
    rig.wait(store::Store::commit(&rig.store, batch)).unwrap();
    assert_eq!(rig.wait(mailstore::check(&rig.store, common::ACCOUNT)).unwrap().len(), 1);
}

#[test]
fn what_was_imported_is_not_imported_again() {
    let rig = rig();
    let import = |n: u8, mailbox| rig.account.import(import(n, mailbox, Comes::Once));
    // Both wait for one commit: what is known counts before it is durable.
    let (first, second) = (import(1, INBOX_ID), import(1, INBOX_ID));
    let Outcome::Appended(there) = rig.wait(first).unwrap() else { panic!() };
    assert_eq!(rig.wait(second), Ok(Outcome::AlreadyDelivered));
    assert_eq!(rig.wait(import(2, MailboxId(99))), Err(Error::MailboxMissing));
    assert_eq!(rig.wait(rig.account.imported(&[1, 2].map(|n| SourceId([n; 16])))), Ok(vec![true, false]));
    // It stays known though the message ends, however long ago.
    rig.store_flags(&[there.uid.0], FlagChange::Add, &["\\Deleted"]);
    assert_eq!(rig.expunge(&[there.uid.0]), [there.uid.0]);
    rig.world.pass(LOG_KEPT);
    rig.wait(rig.account.trim()).unwrap();
    let rig = rig.reopened();
    let again = rig.account.import(crate::import(1, INBOX_ID, Comes::Once));
    assert_eq!(rig.wait(again), Ok(Outcome::AlreadyDelivered));
    rig.sound();
}

#[test]
fn what_somebody_wants_back_comes_again_when_it_is_gone() {
    let rig = rig();
    let wanted = || rig.wait(rig.account.import(import(1, INBOX_ID, Comes::AgainIfGone)));
    let Ok(Outcome::Appended(first)) = wanted() else { panic!() };
    assert_eq!(wanted(), Ok(Outcome::AlreadyDelivered));
    rig.store_flags(&[first.uid.0], FlagChange::Add, &["\\Deleted"]);
    assert_eq!(rig.expunge(&[first.uid.0]), [first.uid.0]);
    let Ok(Outcome::Appended(second)) = wanted() else { panic!() };
    assert_ne!(first.email, second.email);
    assert_eq!(wanted(), Ok(Outcome::AlreadyDelivered), "the one that came last counts");
    rig.sound();
}

fn import(source: u8, mailbox: MailboxId, comes: Comes) -> Import {
    Import { append: append(mailbox, "a"), source: SourceId([source; 16]), comes }
}
