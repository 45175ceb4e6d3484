//! Messages that come together, and one that takes another's place.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{Rig, append, email, flags, manual, rig};
use mailstore::{AllAppended, AppendAll, Error, FlagChange, INBOX_ID, NewMessage, Transfer};
use model::{MailboxId, Quota, Uid};
use store::CommitError;

fn message(subject: &str, names: &[&str]) -> NewMessage {
    NewMessage { email: email(subject), flags: flags(names), internal_date: None }
}

fn all(messages: Vec<NewMessage>) -> AppendAll {
    AppendAll { mailbox: INBOX_ID, messages, quota: Quota::default(), replaces: None }
}

fn ask(rig: &Rig, append: AppendAll) -> Result<AllAppended, Error> {
    rig.wait(rig.account.append_all(append))
}

#[test]
fn all_come_in_one_change() {
    let rig = rig();
    rig.append("before");
    let before = rig.account.modseq();
    let messages = vec![message("a", &["\\Seen", "$Work"]), message("b", &[]), message("a", &["$Work"])];
    let appended = ask(&rig, all(messages)).unwrap();
    assert_eq!(appended.uids, [Uid(2), Uid(3), Uid(4)]);
    assert_eq!(rig.text(INBOX_ID), r"1, 2 \Seen $Work, 3, 4 $Work");
    assert_eq!(rig.account.modseq().0, before.0 + 1);
    let view = rig.inbox();
    let threads: Vec<_> = view.iter().map(|(_, member)| member.thread).collect();
    assert_eq!(threads[1], threads[3], "messages that come together find each other's thread");
    assert_ne!(threads[1], threads[2]);
    rig.sound();
    assert_eq!(rig.reopened().text(INBOX_ID), rig.text(INBOX_ID));
}

#[test]
fn a_refusal_leaves_nothing() {
    let rig = rig();
    rig.append("before");
    let (usage, modseq) = (rig.account.usage(), rig.account.modseq());
    let size = email("a").size_octets();
    let two = || vec![message("a", &[]), message("b", &["$New"])];
    let refused = |append: AppendAll, error: Error| {
        assert_eq!(ask(&rig, append), Err(error));
        assert_eq!((rig.account.usage(), rig.account.modseq(), rig.inbox().len()), (usage, modseq, 1));
        assert_eq!(rig.inbox().keywords.keywords(), []);
        rig.sound();
    };
    let octets = |limit| Quota { octets: Some(limit), messages: None };
    let limit = usage.octets + 2 * size - 1;
    let over = Error::OverQuota { used: usage.octets, limit, unit: "octets" };
    refused(AppendAll { quota: octets(limit), ..all(two()) }, over);
    let quota = Quota { octets: None, messages: Some(2) };
    refused(AppendAll { quota, ..all(two()) }, Error::OverQuota { used: 1, limit: 2, unit: "messages" });
    refused(AppendAll { mailbox: MailboxId(99), ..all(two()) }, Error::MailboxMissing);
    refused(AppendAll { replaces: Some((INBOX_ID, Uid(9))), ..all(two()) }, Error::MessageMissing);
    refused(AppendAll { replaces: Some((MailboxId(99), Uid(1))), ..all(two()) }, Error::MailboxMissing);
    let many: Vec<String> = (0..129).map(|n| format!("k{n}")).collect();
    let many = many.iter().map(|name| message(name, &[name])).collect();
    refused(all(many), Error::KeywordsFull);
    rig.store.fail_next(CommitError::Failed("the disk".into()));
    assert!(matches!(ask(&rig, all(two())), Err(Error::Commit(_))));
    assert_eq!(rig.reopened().text(INBOX_ID), "1");
    let quota = octets(usage.octets + 2 * size);
    assert_eq!(ask(&rig, AppendAll { quota, ..all(two()) }).unwrap().uids.len(), 2);
}

#[test]
fn a_keyword_that_many_bring_counts_once() {
    let rig = rig();
    let names: Vec<String> = (0..120).map(|n| format!("k{n}")).collect();
    rig.append("before");
    for names in names.chunks(20) {
        rig.store_flags(&[1], FlagChange::Add, &names.iter().map(String::as_str).collect::<Vec<_>>());
    }
    ask(&rig, all((0..20).map(|n| message(&n.to_string(), &["$Work"])).collect())).unwrap();
    assert_eq!(rig.inbox().keywords.keywords().len(), 121);
}

#[test]
fn one_takes_the_place_of_another() {
    let rig = rig();
    for subject in ["a", "b", "c"] {
        rig.append(subject);
    }
    let usage = rig.account.usage();
    // Full: only what is more counts.
    let quota = Quota { octets: Some(usage.octets), messages: Some(usage.messages) };
    let replace = |uid, subject: &str| AppendAll {
        replaces: Some((INBOX_ID, Uid(uid))),
        quota,
        ..all(vec![message(subject, &["\\Draft"])])
    };
    assert_eq!(ask(&rig, replace(2, "d")).unwrap().uids, [Uid(4)]);
    assert_eq!(rig.text(INBOX_ID), r"1, 3, 4 \Draft");
    assert_eq!(rig.account.usage(), usage);
    assert!(matches!(ask(&rig, replace(1, "longer")), Err(Error::OverQuota { .. })));
    // One that lies elsewhere too frees nothing.
    rig.copy(&[1], MailboxId(2), Transfer::Copy);
    assert!(matches!(ask(&rig, replace(1, "e")), Err(Error::OverQuota { .. })));
    let elsewhere = AppendAll { mailbox: MailboxId(3), ..replace(3, "f") };
    assert_eq!(ask(&rig, elsewhere).unwrap().uids, [Uid(1)]);
    assert_eq!((rig.text(INBOX_ID), rig.text(MailboxId(3))), (r"1, 4 \Draft".into(), r"1 \Draft".into()));
    rig.sound();
}

#[test]
fn what_was_told_is_written_with_the_next_change() {
    let rig = manual();
    rig.append("a");
    let record = |rig: &Rig| rig.account.mailboxes().get(INBOX_ID).unwrap().clone();
    assert_eq!(rig.account.take_recent(&record(&rig)), Uid(1));
    assert_eq!(rig.account.take_recent(&record(&rig)), Uid(2), "once");
    assert_eq!(rig.reopened().account.recent_from(&record(&rig)), Uid(1), "a crash forgets it");
    rig.wait(rig.account.append(append(INBOX_ID, "b"))).unwrap();
    assert_eq!(rig.account.recent_from(&record(&rig)), Uid(2));
    let reopened = rig.reopened();
    assert_eq!(reopened.account.recent_from(&record(&reopened)), Uid(2));
    rig.sound();
}
