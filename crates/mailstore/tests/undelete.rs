//! What was deleted comes back, and goes for good in its time.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{ACCOUNT, Rig, append, done, expunge, flags, manual, new_email, numbers, rig, scripted};
use mailstore::{
    AllAppended, Append, AppendAll, Body, DEPARTURES_MAX, Error, Expunge, FlagChange, INBOX_ID, KEPT_FOR,
    KEPT_ROW_OCTETS, Keeping, Leaving, NewMessage, Restored, Transfer, Usage, Wanted, cell_of, check,
};
use model::{AccountId, EmailId, MailboxId, Quota};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use store::memory::MemoryStore;
use store::{Batch, Blobs, Bytes, Cell, Space, Store};

const TRASH: MailboxId = MailboxId(6);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn delete(rig: &Rig, uids: &[u32]) {
    rig.store_flags(uids, FlagChange::Add, &["\\Deleted"]);
    assert_eq!(rig.expunge(uids), uids);
}

fn all() -> Wanted {
    Wanted::default()
}

fn append_one(rig: &Rig, subject: &str) {
    rig.append(subject);
}

fn of(name: &str) -> Wanted {
    Wanted { mailbox: Some(name.to_owned()), ..Wanted::default() }
}

fn restore(rig: &Rig, wanted: &Wanted) -> Restored {
    rig.wait(rig.account.restore(wanted, None, None)).unwrap()
}

/// What is kept, the newest first: `name/uid`, with a `+` where the message is in a mailbox as well.
fn gone(rig: &Rig) -> String {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = rig.wait(rig.account.gone(&Wanted::default(), before)).unwrap();
        all.extend(page.messages.iter().map(|m| {
            let name = m.mailbox.as_deref().unwrap_or("?");
            format!("{name}/{}{}", m.departure.uid, if m.there { "+" } else { "" })
        }));
        before = page.next;
        if before.is_none() {
            return all.join(" ");
        }
    }
}

fn usage(octets: u64, messages: u64) -> Usage {
    Usage { octets, messages }
}

/// Octets of a message that [`Rig::append`] appends.
fn size(rig: &Rig) -> u64 {
    rig.inbox().iter().next().unwrap().1.size_octets
}

fn purge(rig: &Rig) -> Usage {
    rig.wait(rig.account.purge(None)).unwrap()
}

/// Rows of the account by the first octet of their keys, bodies last.
fn rows(store: &MemoryStore, kinds: &str) -> Vec<usize> {
    let cell = cell_of(ACCOUNT);
    let rows = store.rows(Space::Rows, &cell);
    let mut counts: Vec<_> = kinds.bytes().map(|kind| rows.iter().filter(|(key, _)| key[0] == kind).count()).collect();
    counts.push(store.rows(Space::Bodies, &cell).len());
    counts
}

#[test]
fn an_expunged_message_comes_back_as_it_was() {
    let rig = rig();
    let first = rig.append("a");
    rig.append("b");
    rig.store_flags(&[1], FlagChange::Add, &["\\Seen", "$Work"]);
    let was = rig.inbox().by_uid(first.uid).unwrap();
    let used = rig.account.usage();
    delete(&rig, &[1]);
    assert_eq!(rig.account.usage(), usage(used.octets - was.size_octets, 1), "the quota falls at once");
    assert_eq!(rig.account.kept(), usage(was.size_octets, 1));
    rig.sound();
    rig.world.pass(DAY);
    let before = rig.account.modseq();
    let restored = restore(&rig, &Wanted { emails: vec![first.email], ..all() });
    assert_eq!((restored.messages, restored.passed_over, restored.mailboxes), (1, 0, vec![]));
    assert_eq!(rig.text(INBOX_ID), r"2, 3 \Seen $Work", "without \\Deleted, with a new UID");
    let is = rig.inbox().by_uid(numbers(&[3])[0]).unwrap();
    assert_eq!(
        (is.email, is.thread, is.internal_date, is.size_octets),
        (was.email, was.thread, was.internal_date, was.size_octets)
    );
    assert_eq!(is.save_date, rig.account.now());
    assert!(is.modseq > before);
    assert_eq!((rig.account.usage(), rig.account.kept()), (used, usage(0, 0)));
    assert_eq!(gone(&rig), "");
    rig.sound();
    assert_eq!(rig.reopened().text(INBOX_ID), r"2, 3 \Seen $Work");
    assert_eq!(
        restore(&rig, &Wanted { emails: vec![first.email, EmailId(99)], ..all() }).messages,
        0,
        "it is back already"
    );
}

#[test]
fn moving_leaves_nothing_and_copying_does_not_make_two() {
    let rig = rig();
    ["a", "b"].into_iter().for_each(|subject| append_one(&rig, subject));
    rig.copy(&[1], TRASH, Transfer::Move);
    assert_eq!(gone(&rig), "");
    rig.copy(&[2], TRASH, Transfer::Copy);
    delete(&rig, &[2]);
    assert_eq!((gone(&rig).as_str(), rig.account.kept()), ("INBOX/2+", usage(0, 0)));
    let restored = restore(&rig, &all());
    assert_eq!((restored.messages, restored.passed_over), (0, 1), "it is in Trash");
    rig.world.pass(DAY);
    let trash = Expunge { mailbox: TRASH, uids: numbers(&[1, 2]), leaving: Leaving::Any };
    rig.wait(rig.account.expunge(trash)).unwrap();
    assert_eq!(gone(&rig), "Trash/2 Trash/1 INBOX/2");
    assert_eq!(restore(&rig, &all()).messages, 2, "each once, where it was last");
    assert_eq!((rig.text(TRASH).as_str(), rig.text(INBOX_ID).as_str()), ("3, 4", ""));
    assert_eq!(gone(&rig), "INBOX/2+");
    rig.sound();
}

#[test]
fn a_message_deleted_again_and_again_keeps_its_last_departures() {
    let rig = rig();
    rig.append("a");
    for _ in 0..DEPARTURES_MAX + 5 {
        rig.world.pass(Duration::from_secs(1));
        let copied = rig.copy(&[1], INBOX_ID, Transfer::Copy);
        delete(&rig, &[copied[0].1]);
    }
    assert_eq!(rows(&rig.store, "GEP"), [DEPARTURES_MAX, 1, 1, 1]);
    rig.sound();
    delete(&rig, &[1]);
    rig.world.pass(KEPT_FOR * 2);
    assert_eq!(purge(&rig).messages, 1);
    assert_eq!(rows(&rig.store, "GEP"), [0, 0, 0, 0]);
    rig.sound();
}

#[test]
fn a_deleted_mailbox_comes_back_beside_one_of_its_name() {
    let rig = rig();
    let made = rig.wait(rig.account.create("Projects", None)).unwrap();
    rig.wait(rig.account.subscribe("Projects", true)).unwrap();
    ["a", "b", "c"].into_iter().for_each(|s| {
        done(rig.wait(rig.account.append(append(made.id, s))));
    });
    let copied = mailstore::CopyMessages { from: made.id, uids: numbers(&[3]), to: TRASH, transfer: Transfer::Copy };
    rig.wait(rig.account.copy(copied)).unwrap();
    rig.wait(rig.account.delete("Projects")).unwrap();
    let again = rig.wait(rig.account.create("Projects", None)).unwrap();
    let restored = restore(&rig, &of("projects"));
    assert_eq!(restored.messages, 0, "names tell capitals apart");
    let restored = restore(&rig, &of("Projects"));
    assert_eq!((restored.messages, restored.passed_over), (3, 0), "whole, also what is in Trash");
    assert_eq!(restored.mailboxes, [("Projects".into(), "Projects (restored)".into())]);
    let back = rig.account.mailboxes().named("Projects (restored)").unwrap().clone();
    assert_eq!(rig.text(back.id), "1, 2, 3");
    assert!(back.uid_validity > again.uid_validity && rig.account.mailboxes().is_subscribed(&back.name));
    assert_eq!((rig.text(TRASH).as_str(), rig.text(again.id).as_str()), ("1", ""));
    rig.sound();
    assert_eq!(restore(&rig, &of("Projects")).mailboxes, [], "once");
}

#[test]
fn a_deleted_mailbox_that_is_empty_and_has_a_use_comes_back_too() {
    let rig = rig();
    rig.wait(rig.account.delete("Trash")).unwrap();
    assert_eq!(rig.wait(rig.account.deleted_mailboxes()).unwrap().len(), 1);
    restore(&rig, &all());
    let trash = rig.account.mailboxes().named("Trash").unwrap().clone();
    assert_eq!(trash.special_use, Some(mailstore::SpecialUse::Trash));
    restore(&rig, &all());
    assert!(rig.account.mailboxes().named("Trash (restored)").is_none());
    rig.sound();
    rig.world.pass(KEPT_FOR * 2);
    purge(&rig);
    assert_eq!(rows(&rig.store, "Z"), [0, 0]);
}

#[test]
fn messages_of_a_deleted_mailbox_come_back_one_by_one_into_the_same_one() {
    let rig = rig();
    let made = rig.wait(rig.account.create("a/b", None)).unwrap();
    let sent: Vec<_> =
        ["1", "2"].iter().map(|s| done(rig.wait(rig.account.append(append(made.id, s)))).email).collect();
    rig.wait(rig.account.delete("a/b")).unwrap();
    for email in sent {
        assert_eq!(restore(&rig, &Wanted { emails: vec![email], ..all() }).messages, 1);
    }
    let back = rig.account.mailboxes().named("a/b").unwrap().clone();
    assert_eq!((rig.text(back.id).as_str(), rig.names().as_str()), ("1, 2", "a/b"));
    rig.sound();
}

#[test]
fn into_another_mailbox_or_a_new_one() {
    let rig = rig();
    rig.append("a");
    delete(&rig, &[1]);
    let into = |name| rig.wait(rig.account.restore(&all(), Some(name), None));
    assert!(matches!(into("a//b"), Err(Error::MailboxName(_))));
    assert_eq!(into("Archive").unwrap().messages, 1);
    assert_eq!(rig.text(rig.account.mailboxes().named("Archive").unwrap().id), "1");
    assert_eq!(into("Found").unwrap().messages, 0);
    assert!(rig.account.mailboxes().named("Found").is_none(), "none is made for nothing");
    rig.append("b");
    delete(&rig, &[2]);
    assert_eq!(into("Found").unwrap().messages, 1);
    assert_eq!(rig.text(rig.account.mailboxes().named("Found").unwrap().id), "1");
}

#[test]
fn over_quota_nothing_comes_back_unless_it_is_wanted_so() {
    let rig = rig();
    ["a", "b"].into_iter().for_each(|subject| append_one(&rig, subject));
    delete(&rig, &[1, 2]);
    let quota = Quota { messages: Some(1), octets: None };
    let refused = rig.wait(rig.account.restore(&all(), None, Some(quota))).unwrap_err();
    assert_eq!(refused, Error::OverQuota { used: 0, limit: 1, unit: "messages" });
    assert_eq!((rig.inbox().len(), rig.account.kept().messages), (0, 2));
    assert_eq!(restore(&rig, &all()).messages, 2);
    rig.sound();
}

#[test]
fn what_was_replaced_or_left_by_pop3_comes_back() {
    let rig = rig();
    rig.append("draft");
    let message = NewMessage { email: common::email("draft 2"), flags: flags(&[]), internal_date: None };
    let (mailbox, quota) = (INBOX_ID, Quota { messages: Some(1), octets: None });
    let all = AppendAll { mailbox, messages: vec![message], quota, replaces: Some((INBOX_ID, numbers(&[1])[0])) };
    let AllAppended { uids, .. } = rig.wait(rig.account.append_all(all)).unwrap();
    assert_eq!((uids, gone(&rig).as_str()), (numbers(&[2]), "INBOX/1"));
    let any = Expunge { mailbox: INBOX_ID, uids: numbers(&[2]), leaving: Leaving::Any };
    rig.wait(rig.account.expunge(any)).unwrap();
    assert_eq!(gone(&rig), "INBOX/2 INBOX/1");
    rig.sound();
}

#[test]
fn what_is_older_than_the_time_ends_and_only_that() {
    let rig = rig();
    ["a", "b"].into_iter().for_each(|subject| append_one(&rig, subject));
    let size = size(&rig);
    delete(&rig, &[1]);
    rig.world.pass(KEPT_FOR - DAY);
    delete(&rig, &[2]);
    assert_eq!(purge(&rig), usage(0, 0));
    rig.world.pass(DAY + Duration::from_millis(1));
    assert_eq!(purge(&rig), usage(size, 1));
    assert_eq!(gone(&rig), "INBOX/2");
    assert_eq!(rows(&rig.store, "GEP"), [1, 1, 1, 1]);
    rig.sound();
    let now = rig.account.now();
    assert_eq!(rig.wait(rig.account.purge(Some(now + Duration::from_secs(1)))).unwrap(), usage(size, 1));
    assert_eq!(rows(&rig.store, "GEP"), [0, 0, 0, 0]);
    rig.sound();
}

#[test]
fn erasing_ends_what_is_wanted_and_leaves_what_is_there() {
    let rig = rig();
    let emails: Vec<_> = ["a", "b", "c"].into_iter().map(|subject| rig.append(subject).email).collect();
    rig.copy(&[3], TRASH, Transfer::Copy);
    delete(&rig, &[1, 2, 3]);
    let size = rig.account.kept().octets / 2;
    let one = Wanted { emails: vec![emails[0]], ..all() };
    assert_eq!(rig.wait(rig.account.erase(&one)).unwrap(), usage(size, 1));
    assert_eq!(gone(&rig), "INBOX/3+ INBOX/2");
    rig.wait(rig.account.delete("Junk")).unwrap();
    assert_eq!(rig.wait(rig.account.erase(&all())).unwrap(), usage(size, 1));
    assert_eq!((gone(&rig).as_str(), rig.text(TRASH).as_str()), ("", "1"));
    assert_eq!(rows(&rig.store, "GZEP"), [0, 0, 1, 1, 1]);
    rig.sound();
}

/// With these rules, and what else [`manual`] gives.
fn keeping(time: Duration, octets_max: Option<u64>) -> (Rig, MemoryStore) {
    struct Rules(Duration, Option<u64>);
    impl Keeping for Rules {
        fn time(&self) -> Duration {
            self.0
        }
        fn octets_max(&self, _: AccountId) -> Option<u64> {
            self.1
        }
    }
    let store = MemoryStore::new();
    (Rig::keeping(store.clone(), Arc::new(store.clone()), Arc::new(Rules(time, octets_max))), store)
}

#[test]
fn without_time_nothing_is_kept() {
    let (rig, store) = keeping(Duration::ZERO, None);
    rig.append("a");
    delete(&rig, &[1]);
    rig.wait(rig.account.delete("Junk")).unwrap();
    assert_eq!(rows(&store, "GZEP"), [0, 0, 0, 0, 0]);
    rig.sound();
}

#[test]
fn the_oldest_go_when_it_is_too_much() {
    let rig_size = {
        let rig = rig();
        rig.append("1");
        size(&rig)
    };
    let (rig, _) = keeping(KEPT_FOR, Some(3 * (rig_size + KEPT_ROW_OCTETS)));
    for n in 1..=5 {
        rig.append(&n.to_string());
        rig.world.pass(Duration::from_secs(1));
        delete(&rig, &[n]);
        rig.rest();
    }
    assert_eq!(gone(&rig), "INBOX/5 INBOX/4 INBOX/3");
    assert_eq!(rig.account.kept(), usage(3 * rig_size, 3));
    rig.sound();
}

/// Deleting makes room, also when the disk is full; and so does purging.
#[test]
fn a_full_disk_lets_messages_go() {
    let rig = manual();
    rig.append("a");
    rig.store.set_full(true);
    delete(&rig, &[1]);
    assert_eq!(rig.account.kept().messages, 1);
    rig.world.pass(KEPT_FOR * 2);
    assert_eq!(purge(&rig).messages, 1);
    assert!(rig.wait(rig.account.append(append(INBOX_ID, "b"))).is_err());
    rig.sound();
}

/// Together, each with its number for a subject.
fn append_many(rig: &Rig, numbers: Range<u32>) {
    let message = |n: u32| NewMessage { email: common::email(&n.to_string()), flags: vec![], internal_date: None };
    let messages = numbers.map(message).collect();
    let append = AppendAll { mailbox: INBOX_ID, messages, quota: Quota::default(), replaces: None };
    rig.wait(rig.account.append_all(append)).unwrap();
}

/// The messages up to this UID, whatever their flags.
fn expunge_first(rig: &Rig, last: u32) {
    let uids: Vec<u32> = (1..=last).collect();
    rig.wait(rig.account.expunge(Expunge { leaving: Leaving::Any, ..expunge(&uids) })).unwrap();
}

/// At each step of a purge the process ends: what is left is sound, and the next one goes on.
#[test]
fn a_purge_may_be_cut_anywhere() {
    let rig = manual();
    append_many(&rig, 0..2500);
    expunge_first(&rig, 2500);
    rig.world.pass(KEPT_FOR * 2);
    for (durable, left) in [(0, 2500), (1, 1500), (0, 1500), (1, 500), (1, 0)] {
        let cut = rig.reopened();
        cut.world.pass(KEPT_FOR * 3);
        let mut purging = Box::pin(cut.account.purge(None));
        assert!(cut.world.poll_once(purging.as_mut()).is_none());
        cut.world.run_until_stalled();
        rig.store.crash_keeping(durable);
        let again = rig.reopened();
        assert_eq!(again.account.kept().messages, left);
        again.sound();
    }
    assert_eq!(rows(&rig.store, "GEP"), [0, 0, 0, 0]);
}

#[test]
fn expunging_ten_thousand_is_one_batch_of_some_octets() {
    let (rig, script) = scripted(MemoryStore::new());
    (0..10).for_each(|part| append_many(&rig, part * 1000..(part + 1) * 1000));
    script.batches.lock().unwrap().clear();
    expunge_first(&rig, 10_000);
    // Beside it the view is sealed, which makes no room.
    let batches: Vec<_> =
        script.batches.lock().unwrap().iter().copied().filter(|(_, makes_room)| *makes_room).collect();
    assert_eq!(batches.len(), 1);
    assert!(batches[0].0 < 2 << 20, "{} octets", batches[0].0);
    assert_eq!(rig.account.kept().messages, 10_000);
}

/// Large bodies lie beside; their links go with the last departure.
#[test]
fn a_blob_is_held_by_a_departure() {
    let rig = rig();
    let text = format!("Subject: big\r\n\r\n{}", "x".repeat(100_000));
    let store::HeldBlob { id, hold } = rig.wait(async {
        let mut writer = rig.blobs.begin().await.unwrap();
        writer.write(Bytes::from(text.clone())).await.unwrap();
        writer.finish().await.unwrap()
    });
    let mut email = new_email(text);
    email.body = Body::Blob { id, size_octets: email.size_octets(), hold };
    done(rig.wait(rig.account.append(Append { email, ..append(INBOX_ID, "") })));
    delete(&rig, &[1]);
    rig.sound();
    let link = Cell::new([b"b".as_slice(), &id.0].concat());
    assert_eq!(rig.store.rows(Space::Rows, &link).len(), 1);
    rig.world.pass(KEPT_FOR * 2);
    purge(&rig);
    assert_eq!(rig.store.rows(Space::Rows, &link).len(), 0);
    rig.sound();
}

/// An older program writes heads and places without what it does not know, and ends emails whose departures it ignores.
#[test]
fn what_an_older_program_leaves_is_harmless() {
    let rig = rig();
    let emails: Vec<_> = ["a", "b"].into_iter().map(|subject| rig.append(subject).email).collect();
    let size = size(&rig);
    delete(&rig, &[1, 2]);
    let cell = cell_of(ACCOUNT);
    let head = rig.store.rows(Space::Rows, &cell).into_iter().find(|(key, _)| &**key == b"H").unwrap().1;
    let mut batch = Batch::new(cell);
    let email = |kind: u8| [[kind].as_slice(), &emails[0].0.to_be_bytes()].concat();
    batch
        .delete(Space::Rows, email(b'E'))
        .delete(Space::Rows, email(b'P'))
        .delete(Space::Bodies, email(0).split_off(1));
    batch.put(Space::Rows, "H", without_kept(&head));
    rig.wait(rig.store.commit(batch)).unwrap();
    let again = rig.reopened();
    assert_eq!(again.account.kept(), usage(size, 1), "summed anew");
    let wrong = again.wait(check(&again.store, ACCOUNT)).unwrap();
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].wrong.contains("harmless"), "{}", wrong[0]);
    assert_eq!(restore(&again, &all()).messages, 1);
    again.world.pass(KEPT_FOR * 2);
    assert_eq!(purge(&again), usage(0, 0));
    again.sound();
}

/// The head's row as it was before it counted what is kept: seven numbers.
fn without_kept(head: &[u8]) -> Vec<u8> {
    let (mut fields, mut row) = (model::Decoder::new(head, 1).unwrap(), model::Encoder::new(1));
    (0..7).for_each(|_| {
        row.u64(fields.u64().unwrap());
    });
    row.finish()
}

#[test]
fn a_session_is_told_of_what_comes_back() {
    let rig = rig();
    ["a", "b"].into_iter().for_each(|subject| append_one(&rig, subject));
    delete(&rig, &[1]);
    let (before, since) = (rig.inbox(), rig.account.modseq());
    restore(&rig, &all());
    let now = rig.inbox();
    let changes = before.changes_to(&now);
    assert_eq!((changes.appended, changes.expunged.len()), (1, 0));
    assert!(now.mailbox.highest_modseq > since);
    let log = rig.wait(rig.account.log(since, 10)).unwrap();
    assert!(
        matches!(&log[..], [(_, entry)] if matches!(&entry.change, mailstore::Change::Appended { members, .. } if members.len() == 1))
    );
}

/// Each step of an account's end may be the last one of a process.
#[test]
fn an_account_ends_whole_wherever_the_process_ends() {
    let rig = manual();
    append_many(&rig, 0..700);
    expunge_first(&rig, 300);
    let cell = cell_of(ACCOUNT);
    let mut processes = 0;
    loop {
        processes += 1;
        let mailstore = rig.mailstore(&rig.world);
        let mut erasing = Box::pin(mailstore.erase_account(ACCOUNT));
        // One step more than the first, which is the same each time; then the power goes.
        let mut steps = 0;
        let ended = loop {
            match rig.world.poll_once(erasing.as_mut()) {
                Some(rows) => break rows.is_ok(),
                None if steps == 2 => {
                    rig.store.crash_keeping(0);
                    break false;
                }
                None => assert!(rig.store.sync_one()),
            }
            steps += 1;
        };
        if ended {
            break;
        }
    }
    assert!(processes > 2);
    assert_eq!(rig.store.rows(Space::Rows, &cell).len(), 1, "what keeps others out");
    assert_eq!(rig.store.rows(Space::Bodies, &cell), []);
    assert!(rig.wait(rig.mailstore(&rig.world).account(ACCOUNT)).is_err());
    let late = rig.wait(rig.account.append(append(INBOX_ID, "late")));
    assert!(late.is_err(), "who held it open writes no more");
}
