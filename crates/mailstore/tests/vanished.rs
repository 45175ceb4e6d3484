//! What a client that was away is told of messages that left, and when its conditional STORE goes through.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{Rig, append, done, expunge, flags, numbers, rig, store_flags};
use mailstore::{CopyMessages, FlagChange, INBOX_ID, LOG_KEPT, StoreFlags, Transfer, Unchanged, View};
use model::{MailboxId, ModSeq, Uid};
use std::sync::Arc;
use std::time::Duration;

/// UIDs of INBOX that left behind `since`, as far as the log knows.
fn vanished(rig: &Rig, since: ModSeq) -> Option<Vec<u32>> {
    let until = rig.account.modseq();
    let gone = rig.wait(rig.account.vanished(INBOX_ID, (since, until), &|_| true)).unwrap();
    gone.map(|gone| gone.into_iter().map(|uid| uid.0).collect())
}

fn remove(rig: &Rig, uids: &[u32]) -> ModSeq {
    rig.store_flags(uids, FlagChange::Add, &["\\Deleted"]);
    rig.wait(rig.account.expunge(expunge(uids))).unwrap();
    rig.account.modseq()
}

#[test]
fn the_log_names_what_left_by_any_way_and_from_there_only() {
    let rig = rig();
    (0..8).for_each(|n| {
        rig.append(&n.to_string());
    });
    let start = rig.account.modseq();
    assert_eq!(vanished(&rig, start), Some(vec![]));
    let first = remove(&rig, &[5, 2]);
    let (archive, drafts) = (MailboxId(2), MailboxId(3));
    rig.copy(&[1, 4], archive, Transfer::Copy);
    rig.copy(&[4], archive, Transfer::Move);
    let other = done(rig.wait(rig.account.append(append(drafts, "other"))));
    let elsewhere = CopyMessages { from: drafts, uids: vec![other.uid], to: archive, transfer: Transfer::Move };
    rig.wait(rig.account.copy(elsewhere)).unwrap();
    assert_eq!(vanished(&rig, start), Some(vec![2, 4, 5]));
    assert_eq!(vanished(&rig, ModSeq(first.0 - 1)), Some(vec![2, 4, 5]), "it is exact to the modification");
    assert_eq!(vanished(&rig, first), Some(vec![4]));
    rig.wait(rig.account.rename("INBOX", "Old")).unwrap();
    assert_eq!(vanished(&rig, first), Some(vec![1, 3, 4, 6, 7, 8]), "renaming INBOX moves its messages");
    assert_eq!(vanished(&rig, rig.account.modseq()), Some(vec![]));
    assert_eq!(vanished(&rig, ModSeq(u64::MAX)), Some(vec![]));
}

#[test]
fn what_nobody_asks_for_is_not_gathered() {
    let rig = rig();
    (0..4).for_each(|n| {
        rig.append(&n.to_string());
    });
    let (start, end) = (rig.account.modseq(), remove(&rig, &[1, 2, 3]));
    let gone =
        |until, asked: fn(Uid) -> bool| rig.wait(rig.account.vanished(INBOX_ID, (start, until), &asked)).unwrap();
    assert_eq!(gone(end, |uid| uid > Uid(1)), Some(numbers(&[2, 3])));
    assert_eq!(gone(ModSeq(end.0 - 1), |_| true), Some(vec![]), "not what left later");
}

#[test]
fn a_log_that_was_trimmed_says_so() {
    let rig = rig();
    (0..600).for_each(|n| {
        rig.append(&n.to_string());
    });
    let start = rig.account.modseq();
    remove(&rig, &[1]);
    rig.world.pass(LOG_KEPT + Duration::from_secs(1));
    let late = rig.account.modseq();
    let last = remove(&rig, &[2]);
    assert_eq!(vanished(&rig, ModSeq(0)), Some(vec![1, 2]), "more than one page");
    rig.wait(rig.account.trim()).unwrap();
    assert_eq!(vanished(&rig, ModSeq(0)), None);
    assert_eq!(vanished(&rig, start), None);
    assert_eq!(vanished(&rig, late), Some(vec![2]), "from the oldest entry on it is exact");
    assert_eq!(vanished(&rig, ModSeq(late.0 - 1)), None);
    rig.world.pass(LOG_KEPT + Duration::from_secs(1));
    rig.wait(rig.account.trim()).unwrap();
    assert_eq!(vanished(&rig, late), None, "no entry is left");
    assert_eq!(vanished(&rig, last), Some(vec![]), "nothing happened since");
}

/// What a conditional change of the first message's flags leaves behind: it is done, or left alone.
fn conditional(rig: &Rig, change: FlagChange, names: &[&str], unchanged: Unchanged) -> bool {
    let store = StoreFlags { unchanged_since: Some(unchanged), ..store_flags(&[1], change, names) };
    rig.wait(rig.account.store_flags(store)).unwrap().modified.is_empty()
}

#[test]
fn only_flags_that_are_named_conflict() {
    let rig = rig();
    rig.append("a");
    rig.store_flags(&[1], FlagChange::Add, &["$Work"]);
    let known: Arc<View> = rig.inbox();
    let since = known.mailbox.highest_modseq;
    let unchanged = || Unchanged { since, known: Some(known.clone()) };
    rig.store_flags(&[1], FlagChange::Add, &["\\Deleted"]); // another client
    assert!(!conditional(&rig, FlagChange::Add, &["$Work"], since.into()), "nobody knows what it was");
    assert!(!conditional(&rig, FlagChange::Add, &["\\Deleted"], unchanged()));
    assert!(!conditional(&rig, FlagChange::Remove, &["\\Seen", "\\Deleted"], unchanged()));
    assert!(!conditional(&rig, FlagChange::Replace, &["\\Seen"], unchanged()));
    let earlier = Unchanged { since: ModSeq(since.0 - 1), known: Some(known.clone()) };
    assert!(!conditional(&rig, FlagChange::Add, &["\\Seen"], earlier), "what it knew was newer already");
    assert!(conditional(&rig, FlagChange::Add, &["\\Seen"], unchanged()));
    assert_eq!(rig.text(INBOX_ID), "1 \\Deleted \\Seen $Work");
}

#[test]
fn unchanged_since_zero_tests_for_a_keyword() {
    let rig = rig();
    rig.append("a");
    let zero = || Unchanged::from(ModSeq(0));
    assert!(!conditional(&rig, FlagChange::Add, &["\\Seen"], zero()), "a system flag is always there");
    assert!(!conditional(&rig, FlagChange::Add, &["$Mine", "\\Seen"], zero()));
    assert!(!conditional(&rig, FlagChange::Replace, &["$Mine"], zero()));
    assert!(!conditional(&rig, FlagChange::Add, &[], zero()));
    assert!(conditional(&rig, FlagChange::Remove, &["$Mine"], zero()));
    assert!(conditional(&rig, FlagChange::Add, &["$Mine"], zero()));
    assert!(!conditional(&rig, FlagChange::Add, &["$Mine"], zero()));
    assert_eq!(rig.inbox().keywords.bit(&flags(&["$Mine"])[0]).is_some(), rig.text(INBOX_ID).ends_with("$Mine"));
}
