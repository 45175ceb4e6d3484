use super::*;
use crate::email::{Body, Email, NewEmail};
use message::Scanner;
use model::{AccountId, MailboxId, Moment, ThreadId};
use std::time::Duration;

fn keys_of(header: &str) -> EmailKeys {
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(format!("{header}\r\n\r\n").as_bytes());
    let new = NewEmail { prefix: "".into(), body: Body::Row("".into()), scanned: scanner.finish().into() };
    Email::decode(EmailId(1), new.encode(ThreadId(1)).into()).unwrap().keys().unwrap().unwrap()
}

#[test]
fn what_a_message_is_sorted_by() {
    let keys = keys_of(
        "From: =?utf-8?q?J=C3=B6rg?= <Joerg@a.test>, b@c\nTo: Group: x@y, z@y;\nCc: <cc@a.test>\nSubject: Re: [l] Lunch",
    );
    let texts: Vec<&str> = keys.texts().collect();
    assert_eq!(texts, ["LUNCH", "JOERG", "GROUP", "CC", "JO\u{308}RG", "GROUP"]);
    assert!(keys.is_reply && keys.sent_at.is_none() && keys.message_id.is_none());
    let keys = keys_of("From: <a@b.test>\nTo: \"\" <t@b.test>\nSubject: \nDate: Fri, 21 Nov 1997 09:55:06 -0600");
    assert_eq!(keys.texts().collect::<Vec<_>>(), ["", "A", "T", "", "A@B.TEST", "T@B.TEST"]);
    assert_eq!(keys.sent_at.map(|at| at.unix_s()), Some(880_127_706));
}

#[test]
fn whom_it_answers() {
    let check = |header: &str, want: &[&str]| {
        let want: Vec<_> = want.iter().map(|id| message::IdKey::of_message(id.as_bytes()).unwrap()).collect();
        assert_eq!(keys_of(header).ancestors, want, "{header}");
    };
    check("References: <a@b>\n <c@d>\nIn-Reply-To: <e@f>", &["<a@b>", "<c@d>"]);
    check("References: nobody\nIn-Reply-To: <e@f> <g@h>", &["<e@f>"]);
    check("In-Reply-To: Your message of Friday", &[]);
}

#[test]
fn equal_texts_and_identifiers_have_one_number() {
    let pool = KeysPool::default();
    let mut keys = pool.new_keys();
    keys.add(EmailId(5), &keys_of("Subject: a\nMessage-ID: <1@x>\nFrom: x@y")).unwrap();
    keys.add(EmailId(3), &keys_of("Subject: Re: A\nMessage-ID: <2@x>\nReferences: <0@x> <1@x>\nTo: x@z")).unwrap();
    let (a, b) = (keys.get(EmailId(5)).unwrap(), keys.get(EmailId(3)).unwrap());
    assert_eq!((a.subject, a.from, a.cc), (b.subject, b.to, TextId::EMPTY));
    assert_eq!((keys.text(a.subject), b.is_reply), ("A", true));
    assert_eq!(b.ancestors.last().copied(), a.message_id);
    assert_eq!((keys.ids_count(), keys.len()), (3, 2));
    assert_eq!(keys.lacking([9, 5, 2, 9, 3].map(EmailId).into_iter()), [2, 9].map(EmailId));
    assert!(keys.get(EmailId(2)).is_none());
}

#[test]
fn keys_are_kept_within_a_bound_and_a_time() {
    let (pool, mailbox) = (KeysPool::default(), |n| (AccountId(n), MailboxId(1)));
    let at = |s| Moment::default() + Duration::from_secs(s);
    let filled = |octets| {
        let mut keys = pool.new_keys();
        keys.add(EmailId(1), &keys_of("Subject: a")).unwrap();
        keys.lease.grow(octets).unwrap();
        keys
    };
    for n in 0..3 {
        pool.keep(mailbox(n), filled(KEYS_KEPT_OCTETS_MAX / 2 - 10_000), at(n.into()));
    }
    let lens = |now| [0, 1, 2].map(|n| pool.take(mailbox(n), now).len());
    assert_eq!(lens(at(3)), [0, 1, 1], "the longest unused went");
    assert_eq!(pool.octets(), 0, "what is dropped takes no room");
    let shared = pool.keep(mailbox(0), filled(0), at(4));
    assert_eq!(pool.take(mailbox(0), at(5)).len(), 1, "who reads keeps his");
    assert_eq!(shared.len(), 1);
    pool.keep(mailbox(0), filled(0), at(6));
    drop(shared);
    assert_eq!(pool.take(mailbox(9), at(6 + 600)).len(), 0);
    assert_eq!(pool.octets(), 0, "what nobody used for long went");
}

#[test]
fn there_is_room_for_so_much_and_no_more() {
    let pool = KeysPool::default();
    let mut keys = pool.new_keys();
    keys.lease.grow(KEYS_OCTETS_MAX).unwrap();
    let other = &mut pool.new_keys();
    assert!(matches!(other.add(EmailId(1), &keys_of("Subject: a")), Err(Error::TooManyAtOnce)));
    drop(keys);
    other.add(EmailId(1), &keys_of("Subject: a")).unwrap();
}
