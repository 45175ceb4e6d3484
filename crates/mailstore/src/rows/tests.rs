use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn heads_are_read_as_written(batches: u64, modseq: u64, email: u64, mailbox: u32, uid_validity: u32, octets: u64, emails: u64) {
        let head = Head {
            batches,
            modseq: ModSeq(modseq),
            next_email: EmailId(email),
            next_mailbox: MailboxId(mailbox),
            uid_validity,
            used_octets: octets,
            used_emails: emails,
        };
        prop_assert_eq!(Head::decode(&head.encode()), Ok(head));
    }

    #[test]
    fn places_are_read_as_written(places: Vec<(u32, u32)>, blob: Option<[u8; 32]>, size_octets: u64) {
        let memberships = places.into_iter().map(|(mailbox, uid)| (MailboxId(mailbox), Uid(uid))).collect();
        let places = Places { memberships, blob: blob.map(BlobId), size_octets };
        prop_assert_eq!(Places::decode(&places.encode()), Ok(places));
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
    fn no_octets_panic(row: Vec<u8>) {
        let _ = (Head::decode(&row), Places::decode(&row), uid_of(&row), mailbox_of_member(&row), linked_email(&row));
    }
}

#[test]
fn a_message_id_and_a_subject_are_kept_apart() {
    assert_ne!(thread(b"ab", b"c"), thread(b"a", b"bc"));
    assert_eq!(thread(b"ab", b"c"), thread(b"ab", b"c"));
}
