use super::*;
use directory::{Account, AccountState, Origin, Quota};
use env::virtual_world::World;
use mailstore::{Append, Body, Expunge, INBOX_ID, KEPT_FOR, Leaving, NewEmail};
use message::Scanner;
use model::Uid;
use store::memory::{MemoryBlobs, MemoryStore};
use store::{Batch, Blobs, Space, Store};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn removed_accounts_are_given_up_when_their_time_is_over() {
    let at = Timestamp::from_unix_ms(1_000_000);
    let address: model::Address = "ben@example.org".parse().unwrap();
    let (id, quota) = (AccountId(1), Quota::default());
    let account = Account { id, address, quota, state: AccountState::Enabled, origin: Origin::Stored };
    let removed = RemovedAccount { at, account: Arc::new(account), there: false };
    assert!(due(&removed, KEPT_FOR, at + (KEPT_FOR - Duration::from_millis(1))).is_none());
    assert!(matches!(due(&removed, KEPT_FOR, at + KEPT_FOR), Some(Edit::EraseAccount { .. })));
    let there = RemovedAccount { there: true, ..removed };
    assert!(matches!(due(&there, KEPT_FOR, at + KEPT_FOR * 2), Some(Edit::RestoreAccount { .. })));
}

/// A message comes and goes.
async fn come_and_go(mailstore: &Mailstore, account: AccountId, uid: u32) {
    let account = mailstore.account(account).await.unwrap();
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(b"\r\n");
    let (body, scanned) = (Body::Row("\r\n".into()), Arc::new(scanner.finish()));
    let email = NewEmail { prefix: Default::default(), body, scanned };
    let (mailbox, flags, quota, beside) = (INBOX_ID, Vec::new(), Quota::default(), Vec::new());
    let append = Append { mailbox, email, flags, internal_date: None, quota, delivery: None, beside };
    account.append(append).await.unwrap();
    let (uids, leaving) = (vec![Uid(uid)], Leaving::Any);
    account.expunge(Expunge { mailbox, uids, leaving }).await.unwrap();
}

#[test]
fn a_full_disk_takes_the_oldest_of_all_accounts_first() {
    let world = World::new(1);
    let env = Arc::new(world.clone());
    let (store, blobs) = (Arc::new(MemoryStore::new()), Arc::new(MemoryBlobs::new()));
    let mailstore = Mailstore::new(store, blobs, env.clone(), env);
    let (one, two) = (AccountId(1), AccountId(2));
    world.block_on(come_and_go(&mailstore, one, 1));
    world.pass(DAY);
    world.block_on(come_and_go(&mailstore, two, 1));
    world.pass(DAY * 15);
    world.block_on(come_and_go(&mailstore, one, 2));
    let kept = || [one, two].map(|id| world.block_on(mailstore.kept(id)).unwrap().messages);
    let purge = || world.block_on(purge_oldest(&mailstore, [one, two].into_iter(), env::Clock::wall(&world))).unwrap();
    assert_eq!(kept(), [2, 1]);
    assert_eq!(purge().unwrap().1.messages, 1);
    assert_eq!(kept(), [1, 1], "that of the first day");
    purge();
    assert_eq!(kept(), [1, 0]);
    purge();
    assert_eq!((kept(), purge()), ([0, 0], None));
}

#[test]
fn a_large_body_that_nothing_names_goes_and_one_that_something_will_name_stays() {
    let world = World::new(1);
    let env = Arc::new(world.clone());
    let (store, blobs) = (Arc::new(MemoryStore::new()), Arc::new(MemoryBlobs::new()));
    let mailstore = Mailstore::new(store.clone(), blobs.clone(), env.clone(), env);
    let write = || {
        let mut writer = world.block_on(blobs.begin()).unwrap();
        world.block_on(writer.write("octets".into())).unwrap();
        world.block_on(writer.finish()).unwrap()
    };
    let left = |held: bool| world.block_on(collect_blobs(&mailstore, &|| held));
    let blob = write();
    let there = || world.block_on(blobs.get(blob.id, 0..1)).unwrap().is_some();
    world.pass(DAY);
    assert_eq!((left(false), there()), (Some(0), true), "whoever wrote it is slow");
    let (cell, key) = mailstore::queue_link(blob.id, model::QueueId(1));
    let mut named = Batch::new(cell.clone());
    named.hold(&blob.hold);
    named.put(Space::Rows, key.clone(), "");
    drop(blob.hold);
    assert_eq!((left(false), there()), (Some(0), true), "it is in a batch");
    world.block_on(store.commit(named)).unwrap();
    assert_eq!((left(false), there()), (Some(0), true), "a row names it");
    let mut gone = Batch::new(cell);
    gone.delete(Space::Rows, key);
    world.block_on(store.commit(gone)).unwrap();
    assert_eq!((left(true), there()), (Some(1), true), "somebody reads it");
    assert_eq!((left(false), there()), (Some(0), false));
}
