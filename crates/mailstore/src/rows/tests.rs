use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn heads_are_read_as_written(batches: u64, modseq: u64, email: u64, mailbox: u32, uid_validity: u32, octets: u64, emails: u64, kept: Option<(u64, u64)>) {
        let head = Head {
            batches,
            modseq: ModSeq(modseq),
            next_email: EmailId(email),
            next_mailbox: MailboxId(mailbox),
            uid_validity,
            used_octets: octets,
            used_emails: emails,
            kept: kept.map(|(octets, messages)| Usage { octets, messages }),
        };
        prop_assert_eq!(Head::decode(&head.encode()), Ok(head));
    }

    #[test]
    fn places_are_read_as_written(places: Vec<(u32, u32)>, left: Vec<(u32, u32, u32)>, blob: Option<[u8; 32]>, size_octets: u64) {
        let memberships = places.into_iter().map(|(mailbox, uid)| (MailboxId(mailbox), Uid(uid))).collect();
        let departures = left.into_iter().map(departure).collect();
        let places = Places { memberships, departures, blob: blob.map(BlobId), size_octets };
        prop_assert_eq!(Places::decode(EmailId(9), &places.encode(EmailId(9))), Ok(places.clone()));
        prop_assert_eq!(Places::decode(EmailId(8), &places.encode(EmailId(9))), Err(RecordError::Elsewhere));
    }

    #[test]
    fn keys_sort_as_their_numbers_and_give_them_back(a: (u32, u32), b: (u32, u32), email: u64, account: u32) {
        let key = |(mailbox, uid)| member(MailboxId(mailbox), Uid(uid));
        prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        prop_assert_eq!((mailbox_of_member(&key(a)), uid_of(&key(a))), (Ok(MailboxId(a.0)), Ok(Uid(a.1))));
        prop_assert_eq!(mailbox_of(&emptying(MailboxId(a.0))), Ok(MailboxId(a.0)));
        prop_assert_eq!(email_of(&super::email(EmailId(email))), Ok(EmailId(email)));
        let link = blob_link(AccountId(account), EmailId(email));
        prop_assert_eq!(linked_email(&link), Some((AccountId(account), EmailId(email))));
        prop_assert!(key(a).starts_with(&members(MailboxId(a.0))));
    }

    #[test]
    fn departures_sort_by_time_and_are_read_back(a: (u32, u32, u32), b: (u32, u32, u32)) {
        let (a, b) = (departure(a), departure(b));
        prop_assert_eq!(gone(a).cmp(&gone(b)), a.cmp(&b));
        prop_assert_eq!(departure_of(&gone(a)), Ok(a));
        prop_assert_eq!(deleted_at(&deleted_mailbox(a.at, a.mailbox)), Ok(a.at));
    }

    #[test]
    fn no_octets_panic(row: Vec<u8>) {
        let _ = (Head::decode(&row), Places::decode(EmailId(1), &row), uid_of(&row), mailbox_of_member(&row), linked_email(&row));
        let _ = (departure_of(&row), deleted_at(&row));
    }
}

fn departure((at, mailbox, uid): (u32, u32, u32)) -> Departure {
    Departure { at: Timestamp::from_unix_ms(at.into()), mailbox: MailboxId(mailbox), uid: Uid(uid) }
}

/// What an earlier program wrote, which knew neither departures nor what is kept.
#[test]
fn rows_without_the_later_fields_are_read() {
    let mut e = Encoder::new(1);
    e.u64(9).option(None).usize(1).u32(1).u32(2);
    let places = Places::decode(EmailId(1), &e.finish()).unwrap();
    assert_eq!((places.memberships, places.departures), (vec![(MailboxId(1), Uid(2))], vec![]));
    let mut e = Encoder::new(1);
    (1..=7).for_each(|n| {
        e.u64(n);
    });
    assert_eq!(Head::decode(&e.finish()).unwrap().kept, None);
}

#[test]
fn a_message_id_and_a_subject_are_kept_apart() {
    assert_ne!(thread(b"ab", b"c"), thread(b"a", b"bc"));
    assert_eq!(thread(b"ab", b"c"), thread(b"ab", b"c"));
}
