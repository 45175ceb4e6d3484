use super::*;
use crate::email::tests::as_first_written;
use crate::email::{Body, Email, NewEmail};
use crate::{Account, Append, Expunge, FlagChange, INBOX_ID, Mailstore, StoreFlags, rows};
use env::virtual_world::World;
use message::Scanner;
use model::{AccountId, Flag, MailboxId, Moment, Quota, ThreadId, Uid};
use std::time::Duration;
use store::memory::{MemoryBlobs, MemoryStore};
use store::{Batch, Query, Space, Store};

const EVERYTHING: WantedKeys = WantedKeys { subject: true, addresses: true, conversations: true };

fn new_email(header: &str) -> NewEmail {
    let text = format!("{header}\r\n\r\n");
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(text.as_bytes());
    let prefix = "Return-Path: <>\r\n".into();
    NewEmail { prefix, body: Body::Row(text.into()), scanned: scanner.finish().into() }
}

fn email(header: &str) -> Email {
    Email::decode(EmailId(1), new_email(header).encode(EmailId(1), ThreadId(1)).into()).unwrap()
}

fn keys_of(email: &Email) -> EmailKeys<'_> {
    email.keys(EVERYTHING).unwrap().unwrap()
}

#[test]
fn what_a_message_is_sorted_by() {
    let mail = email(
        "From: =?utf-8?q?J=C3=B6rg?= <Joerg@a.test>, b@c\nTo: Group: x@y, z@y;\nCc: <cc@a.test>\nSubject: Re: [l] Lunch",
    );
    let keys = keys_of(&mail);
    assert_eq!(keys.texts(), ["Lunch", "Joerg", "Group", "cc", "Jörg", "Group"]);
    assert!(keys.is_reply && keys.sent_at.is_none() && keys.message_id.is_none());
    let mail = email("From: <a@b.test>\nTo: \"\" <t@b.test>\nSubject: \nDate: Fri, 21 Nov 1997 09:55:06 -0600");
    let keys = keys_of(&mail);
    assert_eq!(keys.texts(), ["", "a", "t", "", "a@b.test", "t@b.test"]);
    assert_eq!(keys.sent_at.map(|at| at.unix_s()), Some(880_127_706));
}

#[test]
fn whom_it_answers() {
    let check = |header: &str, want: &[&str]| {
        let want: Vec<_> = want.iter().map(|id| message::IdKey::of_message(id.as_bytes()).unwrap()).collect();
        assert_eq!(keys_of(&email(header)).ancestors, want, "{header}");
    };
    check("References: <a@b>\n <c@d>\nIn-Reply-To: <e@f>", &["<a@b>", "<c@d>"]);
    check("References: nobody\nIn-Reply-To: <e@f> <g@h>", &["<e@f>"]);
    check("In-Reply-To: Your message of Friday", &[]);
}

#[test]
fn equal_texts_and_identifiers_have_one_number() {
    let pool = KeysPool::default();
    let mut keys = pool.new_keys(EVERYTHING);
    keys.add(EmailId(5), &keys_of(&email("Subject: a\nMessage-ID: <1@x>\nFrom: x@y"))).unwrap();
    keys.add(EmailId(3), &keys_of(&email("Subject: Re: A\nMessage-ID: <2@x>\nReferences: <0@x> <1@x>\nTo: x@z")))
        .unwrap();
    let (a, b) = (keys.get(EmailId(5)).unwrap(), keys.get(EmailId(3)).unwrap());
    assert_eq!((a.subject, a.from, a.cc), (b.subject, b.to, TextId::EMPTY));
    assert_eq!((keys.text(a.subject), b.is_reply), ("A", true));
    assert_eq!(b.ancestors.last().copied(), a.message_id);
    assert_eq!((keys.ids_count(), keys.len()), (3, 2));
    assert_eq!(keys.lacking([9, 5, 2, 9, 3].map(EmailId).into_iter()), [2, 9].map(EmailId));
    assert!(keys.get(EmailId(2)).is_none());
    keys.add(EmailId(7), &keys_of(&email("From: =?utf-8?q?J=C3=B6rg?= <j@x>"))).unwrap();
    let display = keys.get(EmailId(7)).unwrap().display_from;
    assert_eq!(keys.text(display), "JO\u{308}RG");
}

#[test]
fn keys_are_kept_within_a_bound_and_a_time() {
    let (pool, mailbox) = (KeysPool::default(), |n| (AccountId(n), MailboxId(1)));
    let at = |s| Moment::default() + Duration::from_secs(s);
    let filled = |octets| {
        let mut keys = pool.new_keys(EVERYTHING);
        keys.add(EmailId(1), &keys_of(&email("Subject: a"))).unwrap();
        keys.lease.grow(octets).unwrap();
        keys
    };
    for n in 0..3 {
        pool.keep(mailbox(n), filled(KEYS_KEPT_OCTETS_MAX / 2 - 10_000), at(n.into()));
    }
    let lens = |now| [0, 1, 2].map(|n| pool.take(mailbox(n), EVERYTHING, now).len());
    assert_eq!(lens(at(3)), [0, 1, 1], "the longest unused went");
    assert_eq!(pool.octets(), 0, "what is dropped takes no room");
    let shared = pool.keep(mailbox(0), filled(0), at(4));
    assert_eq!(pool.take(mailbox(0), EVERYTHING, at(5)).len(), 1, "who reads keeps his");
    assert_eq!(shared.len(), 1);
    pool.keep(mailbox(0), filled(0), at(6));
    drop(shared);
    assert_eq!(pool.take(mailbox(9), EVERYTHING, at(6 + 600)).len(), 0);
    assert_eq!(pool.octets(), 0, "what nobody used for long went");
}

#[test]
fn there_is_room_for_so_much_and_no_more() {
    let pool = KeysPool::default();
    let mut keys = pool.new_keys(EVERYTHING);
    keys.lease.grow(KEYS_OCTETS_MAX).unwrap();
    let other = &mut pool.new_keys(EVERYTHING);
    assert!(matches!(other.add(EmailId(1), &keys_of(&email("Subject: a"))), Err(Error::TooManyAtOnce)));
    drop(keys);
    other.add(EmailId(1), &keys_of(&email("Subject: a"))).unwrap();
}

/// INBOX with `count` messages, each the answer to the one before.
fn inbox(world: &World, store: &MemoryStore, count: u64) -> Arc<Account> {
    let env = Arc::new(world.clone());
    let (blobs, keeping) = (Arc::new(MemoryBlobs::new()), Arc::new(crate::KeptFor(Duration::ZERO)));
    let mailstore = Mailstore::keeping(Arc::new(store.clone()), blobs, env.clone(), env, keeping);
    world.block_on(async {
        let account = mailstore.account(AccountId(1)).await.unwrap();
        for n in 1..=count {
            let header = format!("Subject: s{n}\r\nMessage-ID: <{n}@x>\r\nReferences: <root@x>\r\n <{}@x>", n - 1);
            let (email, flags, quota) = (new_email(&header), Vec::new(), Quota::default());
            let (mailbox, internal_date, delivery, beside) = (INBOX_ID, None, None, Vec::new());
            account.append(Append { mailbox, email, flags, internal_date, quota, delivery, beside }).await.unwrap();
        }
        account
    })
}

/// What is read of `emails`: the subjects, and how many ancestors each names.
fn read(world: &World, account: &Arc<Account>, keys: &mut Keys, emails: &[u64]) -> Vec<(u64, String, usize)> {
    let ids: Vec<EmailId> = emails.iter().map(|id| EmailId(*id)).collect();
    for block in keys.lacking(ids.iter().copied()).chunks(KEYS_AT_ONCE) {
        world.block_on(account.read_keys(block, keys)).unwrap();
    }
    let of = |id: &EmailId| keys.get(*id).map(|of| (id.0, keys.text(of.subject).to_owned(), of.ancestors.len()));
    ids.iter().filter_map(of).collect()
}

fn expected(emails: &[u64]) -> Vec<(u64, String, usize)> {
    emails.iter().map(|id| (*id, format!("S{id}"), 2)).collect()
}

#[test]
fn rows_are_read_by_scans_and_one_by_one() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let account = inbox(&world, &store, 700);
    let view = world.block_on(account.open(INBOX_ID)).unwrap();
    let mut keys = account.take_keys(&view, EVERYTHING);
    let (few, all): (Vec<u64>, Vec<u64>) = ([1, 30, 690, 700].into(), (1..=700).collect());
    assert_eq!(read(&world, &account, &mut keys, &few), expected(&few));
    assert_eq!(read(&world, &account, &mut keys, &all), expected(&all));
    let kept = account.keep_keys(INBOX_ID, keys);
    assert!(account.kept_keys(INBOX_ID, EVERYTHING).is_some_and(|again| Arc::ptr_eq(&again, &kept)));
}

#[test]
fn old_rows_damaged_rows_and_ended_emails() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let account = inbox(&world, &store, 4);
    let cell = rows::account_cell(AccountId(1));
    world.block_on(async {
        let row = store.read(vec![Query::row(&cell, rows::email(EmailId(1)))]).await.unwrap().into_row().unwrap();
        let mut batch = Batch::new(cell.clone());
        batch.put(Space::Rows, rows::email(EmailId(1)), as_first_written(&row));
        store.commit(batch).await.unwrap();
        let (mailbox, uids) = (INBOX_ID, vec![Uid(3)]);
        let (change, flags, unchanged_since) = (FlagChange::Add, vec![Flag::Deleted], None);
        let deleted = StoreFlags { mailbox, uids: uids.clone(), change, flags, unchanged_since };
        account.store_flags(deleted).await.unwrap();
        account.expunge(Expunge { mailbox, uids, leaving: crate::Leaving::Deleted }).await.unwrap();
    });
    assert!(store.damage(Space::Rows, &cell, &rows::email(EmailId(2))));
    let view = world.block_on(account.open(INBOX_ID)).unwrap();
    let mut keys = account.take_keys(&view, EVERYTHING);
    assert_eq!(read(&world, &account, &mut keys, &[1, 2, 3, 4]), expected(&[1, 4]));
}

#[test]
fn a_table_of_what_is_gone_begins_anew() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let account = inbox(&world, &store, 1);
    let view = world.block_on(account.open(INBOX_ID)).unwrap();
    let mut keys = account.take_keys(&view, EVERYTHING);
    for id in 1..300 {
        keys.add(EmailId(id), &keys_of(&email("Subject: a"))).unwrap();
    }
    account.keep_keys(INBOX_ID, keys);
    assert_eq!(account.take_keys(&view, EVERYTHING).len(), 0);
}

#[test]
fn only_what_is_wanted_is_read_until_more_is_wanted() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let account = inbox(&world, &store, 3);
    let view = world.block_on(account.open(INBOX_ID)).unwrap();
    let subject = WantedKeys { subject: true, ..WantedKeys::default() };
    let mut keys = account.take_keys(&view, subject);
    let short = |id: u64| (id, format!("S{id}"), 0);
    assert_eq!(read(&world, &account, &mut keys, &[1, 3]), [short(1), short(3)]);
    account.keep_keys(INBOX_ID, keys);
    assert!(
        account.kept_keys(INBOX_ID, WantedKeys::default()).is_some() && account.kept_keys(INBOX_ID, subject).is_some()
    );
    let conversations = WantedKeys { conversations: true, ..WantedKeys::default() };
    assert!(account.kept_keys(INBOX_ID, conversations).is_none());
    let mut keys = account.take_keys(&view, conversations);
    assert_eq!(
        read(&world, &account, &mut keys, &[1, 3]),
        expected(&[1, 3]),
        "with the subject, which was wanted before"
    );
    account.keep_keys(INBOX_ID, keys);
    assert!(account.kept_keys(INBOX_ID, subject.and(conversations)).is_some());
}
