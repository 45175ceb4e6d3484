use super::*;
use model::{ModSeq, UidValidity};
use proptest::prelude::*;

fn flags() -> impl Strategy<Value = FlagBits> {
    let all = [FlagBits::SEEN, FlagBits::ANSWERED, FlagBits::FLAGGED, FlagBits::DELETED, FlagBits::DRAFT];
    proptest::sample::subsequence(all.to_vec(), 0..5).prop_map(|f| f.into_iter().fold(FlagBits::NONE, FlagBits::or))
}

fn change() -> impl Strategy<Value = Change> {
    let mailbox = || any::<u32>().prop_map(MailboxId);
    let (uid, email) = (|| any::<u32>().prop_map(Uid), || any::<u64>().prop_map(EmailId));
    let list = 0..5usize;
    prop_oneof![
        (mailbox(), proptest::collection::vec((uid(), email(), flags()), list.clone()))
            .prop_map(|(mailbox, members)| Change::Appended { mailbox, members }),
        (mailbox(), proptest::collection::vec((uid(), flags()), list.clone()))
            .prop_map(|(mailbox, members)| Change::Flags { mailbox, members }),
        (mailbox(), proptest::collection::vec((uid(), email()), list))
            .prop_map(|(mailbox, members)| Change::Expunged { mailbox, members }),
        (any::<String>(), any::<[u32; 6]>(), any::<[u64; 2]>(), proptest::option::of(0usize..5)).prop_map(
            |(name, n, wide, special_use)| Change::Mailbox(Box::new(MailboxRecord {
                id: MailboxId(n[0]),
                name: name.into(),
                special_use: special_use.map(|i| crate::SpecialUse::ALL[i]),
                uid_validity: UidValidity(n[1]),
                uid_next: Uid(n[2]),
                highest_modseq: ModSeq(wide[0]),
                messages: n[3],
                unseen: n[4],
                deleted: n[5],
                size_octets: wide[1],
                recent_from: Uid(n[0]),
            }))
        ),
        mailbox().prop_map(Change::MailboxDeleted),
        (any::<String>(), any::<bool>()).prop_map(|(name, subscribed)| Change::Subscription { name, subscribed }),
    ]
}

proptest! {
    #[test]
    fn entries_are_read_as_written(at: i64, change in change()) {
        let entry = Entry { at: Timestamp::from_unix_ms(at), change };
        prop_assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }

    #[test]
    fn no_octets_panic(octets: Vec<u8>) {
        let mut e = Encoder::new(FORMAT);
        octets.iter().for_each(|octet| { e.u32((*octet).into()); });
        let _ = Entry::decode(&e.finish());
    }
}
