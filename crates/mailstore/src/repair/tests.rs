use super::*;
use crate::email::{Body, NewEmail};
use crate::{Account, Append, CopyMessages, Expunge, INBOX_ID, Leaving, Mailstore, Picture, Transfer};
use crate::{check, check_links, read_message};
use env::virtual_world::World;
use message::Scanner;
use model::{Flag, Keyword, Quota};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::block_on;
use store::memory::{MemoryBlobs, MemoryStore};
use store::{Batch, Cell, HeldBlob, Space, Store};

const ACCOUNT: AccountId = AccountId(1);

struct Rig {
    store: MemoryStore,
    blobs: MemoryBlobs,
    linked: Vec<(EmailId, BlobId)>,
}

/// Mailbox's name and octets of each message.
type Mail = BTreeMap<Vec<u8>, String>;

impl Rig {
    /// Three messages in INBOX, one of them large and one in two mailboxes, and one that was deleted.
    fn new() -> Rig {
        let (world, store, blobs) = (World::new(1), MemoryStore::new(), MemoryBlobs::new());
        let env = world.env();
        let mailstore = Mailstore::new(Arc::new(store.clone()), Arc::new(blobs.clone()), env.spawn, env.clock);
        world.block_on(async {
            let account = mailstore.account(ACCOUNT).await.unwrap();
            for text in ["one", "two", "gone"] {
                append(&account, &blobs, text.as_bytes()).await;
            }
            append(&account, &blobs, &b"large ".repeat(8000)).await;
            let expunge = Expunge { mailbox: INBOX_ID, uids: vec![Uid(3)], leaving: Leaving::Any };
            account.expunge(expunge).await.unwrap();
            let archive = account.mailboxes().named("Archive").unwrap().id;
            let copy = CopyMessages { from: INBOX_ID, to: archive, uids: vec![Uid(1)], transfer: Transfer::Copy };
            account.copy(copy).await.unwrap();
        });
        Rig { store, blobs, linked: Vec::new() }
    }

    fn copy(&self) -> Rig {
        Rig { store: self.store.copy(), blobs: self.blobs.clone(), linked: Vec::new() }
    }

    fn wrong(&self) -> Vec<String> {
        let mut wrong: Vec<String> = match block_on(check(&self.store, ACCOUNT)) {
            Ok(violations) => violations.iter().map(ToString::to_string).collect(),
            Err(error) => vec![error.to_string()],
        };
        let links = block_on(check_links(&self.store, &self.blobs)).unwrap();
        wrong.extend(links.iter().map(ToString::to_string));
        wrong
    }

    /// Mends it; what was done.
    fn mend(&self) -> Mended {
        self.mend_after(Gap::None)
    }

    fn mend_after(&self, gap: Gap) -> Mended {
        let snapshot = block_on(self.store.snapshot()).unwrap();
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let mended = block_on(mend(&*snapshot, &self.blobs, ACCOUNT, (now, gap), &self.linked)).unwrap();
        for write in mended.writes.clone() {
            let mut batch = Batch::new(write.cell.clone());
            batch.writes.push(write);
            block_on(self.store.commit(batch)).unwrap();
        }
        mended
    }

    fn mail(&self) -> Mail {
        let picture = block_on(Picture::read(&self.store, ACCOUNT)).unwrap();
        let mut mail = Mail::new();
        for mailbox in picture.mailboxes.values() {
            for member in mailbox.members.values() {
                let octets = block_on(read_message((&self.store, &self.blobs), ACCOUNT, member.email));
                let name = mailbox.name.as_deref().unwrap_or("?").to_owned();
                *mail.entry(octets.unwrap()).or_default() += &format!("{name} {:?};", picture.flags(member));
            }
        }
        mail
    }

    fn rows(&self, space: Space) -> Vec<(Bytes, Bytes)> {
        self.store.rows(space, &cell())
    }

    fn delete(&self, space: Space, key: &Bytes) {
        let mut batch = Batch::new(cell());
        batch.delete(space, key.clone());
        block_on(self.store.commit(batch)).unwrap();
    }
}

fn cell() -> Cell {
    rows::account_cell(ACCOUNT)
}

async fn append(account: &Arc<Account>, blobs: &MemoryBlobs, text: &[u8]) {
    let octets = [b"Subject: x\r\n\r\n", text].concat();
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(&octets);
    let body = if octets.len() > crate::BODY_ROW_OCTETS_MAX {
        let mut writer = blobs.begin().await.unwrap();
        writer.write(octets.clone().into()).await.unwrap();
        let HeldBlob { id, hold } = writer.finish().await.unwrap();
        Body::Blob { id, size_octets: octets.len() as u64, hold }
    } else {
        Body::Row(octets.into())
    };
    let append = Append {
        mailbox: INBOX_ID,
        email: NewEmail { prefix: Bytes::new(), body, scanned: scanner.finish().into() },
        flags: vec![Flag::Seen, Flag::Keyword(Keyword::new("work").unwrap())],
        internal_date: None,
        quota: Quota::default(),
        delivery: None,
        beside: Vec::new(),
    };
    account.append(append).await.unwrap();
}

/// What is damaged or missing, in turn, of all rows of an account: the rest is as it was, and all is true again.
#[test]
fn any_row_may_be_damaged_or_missing() {
    let rig = Rig::new();
    assert_eq!(rig.wrong(), Vec::<String>::new());
    assert!(rig.mend().writes.is_empty(), "what is sound stays");
    let before = rig.mail();
    for space in [Space::Rows, Space::Bodies] {
        for (key, _) in rig.rows(space) {
            for missing in [false, true] {
                let rig = rig.copy();
                match missing {
                    true => rig.delete(space, &key),
                    false => drop(rig.store.damage(space, &cell(), &key)),
                }
                let what = format!("{} missing: {missing}", rows::name_of(&key));
                let mended = rig.mend();
                assert_eq!(rig.wrong(), Vec::<String>::new(), "{what}: {:?}", mended.deeds);
                let again = rig.mend();
                assert!(again.writes.is_empty(), "{what}: done twice: {:?}", again.deeds);
                let after = rig.mail();
                let lost: Vec<_> = before.keys().filter(|octets| !after.contains_key(*octets)).collect();
                // Only what has no octets any more can be lost, and its octets are kept.
                assert!(lost.len() <= usize::from(space == Space::Bodies), "{what}: {:?}", mended.deeds);
                assert!(missing || lost.is_empty() || mended.kept.iter().any(|kept| matches!(kept, Kept::Message(..))));
                assert!(after.keys().all(|octets| before.contains_key(octets) || octets.ends_with(b"gone")), "{what}");
            }
        }
    }
}

#[test]
fn a_lost_membership_is_recovered_and_a_lost_mailbox_has_its_name_from_the_log() {
    let rig = Rig::new();
    rig.delete(Space::Rows, &rows::member(INBOX_ID, Uid(2)));
    let archive = rig
        .rows(Space::Rows)
        .into_iter()
        .find(|(key, row)| key.first() == Some(&b'M') && row.windows(7).any(|name| name == b"Archive"));
    rig.delete(Space::Rows, &archive.unwrap().0);
    let mended = rig.mend();
    assert!(mended.deeds.contains(&Deed::Recovered { email: EmailId(2) }), "{:?}", mended.deeds);
    let mail = rig.mail();
    let of = |text: &str| mail.iter().find(|(octets, _)| octets.ends_with(text.as_bytes())).unwrap().1.clone();
    assert!(of("two").starts_with("Recovered"), "{}", of("two"));
    assert!(of("one").contains("INBOX") && of("one").contains("Archive"), "{}", of("one"));
}

#[test]
fn a_blob_that_is_damaged_or_gone_takes_its_message_out() {
    let rig = Rig::new();
    let blob = block_on(Blobs::list(&rig.blobs, None)).unwrap().ids[0];
    assert!(rig.blobs.damage(blob));
    let mended = rig.mend();
    assert!(mended.deeds.iter().any(|deed| matches!(deed, Deed::Lost { places, .. } if places.len() == 1)));
    assert_eq!(rig.wrong(), Vec::<String>::new());
    assert_eq!(rig.mail().len(), 2);
}

/// Rows from before the last message came: its UID, MODSEQ and number go to none that comes later, and clients hear of all.
#[test]
fn no_number_is_given_out_twice_where_newer_rows_are_lost() {
    let (old, world) = (Rig::new(), World::new(2));
    let picture = |rig: &Rig| block_on(Picture::read(&rig.store, ACCOUNT)).unwrap();
    let lost = old.copy();
    let append_one = |rig: &Rig| {
        let env = world.env();
        let mailstore = Mailstore::new(Arc::new(rig.store.clone()), Arc::new(rig.blobs.clone()), env.spawn, env.clock);
        world.block_on(async {
            let account = mailstore.account(ACCOUNT).await.unwrap();
            append(&account, &rig.blobs, b"later").await;
        });
    };
    append_one(&lost);
    let mended = old.mend_after(Gap::Possible);
    assert!(mended.deeds == [Deed::Raised], "{:?}", mended.deeds);
    assert_eq!(old.wrong(), Vec::<String>::new());
    assert_eq!(old.mail(), Rig::new().mail(), "mail is as it was");
    append_one(&old);
    let (lost, now) = (picture(&lost), picture(&old));
    let last = |picture: &Picture| {
        let members = picture.mailboxes[&INBOX_ID].members.values();
        members.max_by_key(|member| member.uid).copied().unwrap()
    };
    let (lost_last, last) = (last(&lost), last(&now));
    assert!(last.uid > lost_last.uid && last.email > lost_last.email && last.thread > lost_last.thread);
    for member in now.mailboxes.values().flat_map(|mailbox| mailbox.members.values()) {
        assert!(member.modseq > lost_last.modseq, "{member:?}");
    }
    // So often that there are no UIDs left.
    let validity = |rig: &Rig| {
        let rows = rig.rows(Space::Rows).into_iter();
        let row = rows.filter(|(key, _)| *key == rows::mailbox(INBOX_ID)).map(|(_, row)| row).next().unwrap();
        crate::MailboxRecord::decode(&row).unwrap()
    };
    let before = validity(&old).uid_validity;
    for _ in 0..260 {
        old.mend_after(Gap::Possible);
    }
    assert!(validity(&old).uid_validity > before);
    assert_eq!(old.wrong(), Vec::<String>::new());
}

#[test]
fn a_link_is_enough_to_find_a_large_message_again() {
    let mut rig = Rig::new();
    let (id, blob) = (EmailId(4), block_on(Blobs::list(&rig.blobs, None)).unwrap().ids[0]);
    rig.delete(Space::Rows, &rows::email(id));
    rig.delete(Space::Rows, &rows::places(id));
    rig.linked.push((id, blob));
    let mended = rig.mend();
    assert!(mended.deeds.contains(&Deed::Rebuilt { row: rows::name_of(&rows::email(id)) }), "{:?}", mended.deeds);
    assert_eq!(rig.wrong(), Vec::<String>::new());
    assert_eq!(rig.mail().len(), Rig::new().mail().len());
    assert!(rig.mend().writes.is_empty(), "it is known now");
}
