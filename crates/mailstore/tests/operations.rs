//! What operations do, one by one.

mod common;

use common::{flags, rig, store_flags};
use mailstore::{FlagChange, INBOX_ID, Transfer};

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
    store.unchanged_since = Some(model::ModSeq(0));
    assert_eq!(rig.wait(rig.account.store_flags(store)).unwrap().modified.len(), 1);
    rig.store_flags(&[1], FlagChange::Replace, &["$Later"]);
    rig.sound();
    assert_eq!(rig.reopened().text(INBOX_ID), "1 $Later");
    assert_eq!(rig.inbox().keywords.keywords().len(), flags(&["$Later"]).len());
}
