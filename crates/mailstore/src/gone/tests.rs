use super::*;
use crate::FlagBits;
use model::{ModSeq, ThreadId, Uid, UidValidity};
use proptest::prelude::*;

fn record(name: &str) -> MailboxRecord {
    MailboxRecord {
        id: MailboxId(7),
        name: name.into(),
        special_use: None,
        uid_validity: UidValidity(1),
        uid_next: Uid(2),
        highest_modseq: ModSeq(3),
        messages: 1,
        unseen: 1,
        deleted: 0,
        size_octets: 9,
        recent_from: Uid(1),
    }
}

proptest! {
    #[test]
    fn memberships_that_left_are_read_as_written(email: u64, uid: u32, at: u32, size_octets: u64) {
        let time = Timestamp::from_unix_ms(at.into());
        let (email, thread, modseq) = (EmailId(email), ThreadId(1), ModSeq(5));
        let flags = FlagBits::SEEN.or(FlagBits::DELETED);
        let (internal_date, save_date) = (time, time);
        let member = Member { uid: Uid(uid), email, thread, flags, modseq, internal_date, save_date, size_octets };
        let departure = Departure { at: time, mailbox: MailboxId(1), uid: Uid(uid) };
        prop_assert_eq!(decode(departure, &encode(&member)), Ok(member));
    }

    #[test]
    fn deleted_mailboxes_are_read_as_written(name in "[a-z/]{1,20}", restored in proptest::option::of(1u32..)) {
        let deleted = Deleted { record: record(&name), restored: restored.map(MailboxId) };
        prop_assert_eq!(Deleted::decode(&deleted.encode()), Ok(deleted));
    }

    #[test]
    fn no_octets_panic(row: Vec<u8>) {
        let departure = Departure { at: Timestamp::from_unix_ms(0), mailbox: MailboxId(1), uid: Uid(1) };
        let _ = (decode(departure, &row), Deleted::decode(&row));
    }
}
