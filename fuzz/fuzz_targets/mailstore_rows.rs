//! An account some of whose rows hold any octets: all of it can be read, or says which row is bad.
//!
//! The rows of a small account are replaced one by one: which row, how many octets (two octets), the octets. Version and checksum are put
//! around them, since the codec's own target deals with those.
#![no_main]

use env::virtual_world::World;
use libfuzzer_sys::fuzz_target;
use mailstore::{Account, Append, Body, Error, Expunge, Leaving, Mailstore, NewEmail, Wanted};
use message::Scanner;
use model::{AccountId, Flag, Keyword, ModSeq, Quota, Timestamp, Uid};
use std::sync::{Arc, LazyLock};
use store::memory::{MemoryBlobs, MemoryStore};
use store::{Batch, Bytes, Cell, Space, Store};

const ACCOUNT: AccountId = AccountId(1);
static ROWS: LazyLock<Vec<(Bytes, Bytes)>> = LazyLock::new(rows);

fuzz_target!(|input: &[u8]| {
    let (world, store) = (World::new(1), MemoryStore::new());
    let mut batch = Batch::new(cell());
    for (key, row) in ROWS.iter() {
        batch.put(Space::Rows, key.clone(), row.clone());
    }
    let mut rest = input;
    while let [which, high, low, tail @ ..] = rest {
        let (row, tail) = tail.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(tail.len()));
        batch.put(Space::Rows, ROWS[usize::from(*which) % ROWS.len()].0.clone(), with_checksum(row));
        rest = tail;
    }
    world.block_on(store.commit(batch)).expect("memory does not fail");
    let mailstore = mailstore(&world, store);
    let _ = world.block_on(read(&mailstore));
});

fn cell() -> Cell {
    Cell::new([b"a".as_slice(), &ACCOUNT.0.to_be_bytes()].concat())
}

fn mailstore(world: &World, store: MemoryStore) -> Arc<Mailstore> {
    let env = world.env();
    Mailstore::new(Arc::new(store), Arc::new(MemoryBlobs::new()), env.spawn, env.clock)
}

/// Two messages, one with a keyword and parts, and what comes with an account; behind them, so that older seeds mean what
/// they meant, the rows of a third that was deleted, and of a mailbox.
fn rows() -> Vec<(Bytes, Bytes)> {
    let (world, store) = (World::new(1), MemoryStore::new());
    let mailstore = mailstore(&world, store.clone());
    let account = world.block_on(mailstore.account(ACCOUNT)).expect("it is new");
    let multipart = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nc\r\n--b--";
    for message in ["Subject: a\r\n\r\nbody\r\n", multipart] {
        world.block_on(append(&account, message));
    }
    let first = store.rows(Space::Rows, &cell());
    world.block_on(async {
        append(&account, "Subject: gone\r\n\r\n").await;
        let (mailbox, uids, leaving) = (mailstore::INBOX_ID, vec![Uid(3)], Leaving::Any);
        account.expunge(Expunge { mailbox, uids, leaving }).await.expect("it is there");
        account.create("gone", None).await.expect("there is none");
        account.delete("gone").await.expect("it is there");
    });
    world.run_until_stalled();
    let all = store.rows(Space::Rows, &cell());
    let is_first = |key: &Bytes| first.iter().any(|(other, _)| other == key);
    let (mut rows, more): (Vec<_>, Vec<_>) = all.into_iter().partition(|(key, _)| is_first(key));
    rows.extend(more);
    rows
}

async fn append(account: &Arc<Account>, message: &'static str) {
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(message.as_bytes());
    let (prefix, body) = (Bytes::from_static(b"Return-Path: <>\r\n"), Body::Row(message.into()));
    let email = NewEmail { prefix, body, scanned: Arc::new(scanner.finish()) };
    let flags = vec![Flag::Seen, Flag::Keyword(Keyword::new("$Junk").expect("a keyword"))];
    let (mailbox, quota, beside) = (mailstore::INBOX_ID, Quota::default(), Vec::new());
    let append = Append { mailbox, email, flags, internal_date: None, quota, delivery: None, beside };
    account.append(append).await.expect("there is room");
}

fn with_checksum(fields: &[u8]) -> Vec<u8> {
    let mut row = [&[1], fields].concat();
    row.extend_from_slice(&crc32fast::hash(&row).to_le_bytes());
    row
}

async fn read(mailstore: &Mailstore) -> Result<(), Error> {
    let _ = mailstore.usage(ACCOUNT).await;
    let account = mailstore.account(ACCOUNT).await?;
    let _ = account.log(ModSeq(0), 100).await;
    for mailbox in account.mailboxes().iter() {
        let Ok(view) = account.open(mailbox.id).await else { continue };
        view.first_unseen();
        for (seq, member) in view.iter() {
            assert_eq!(view.seq_of(member.uid), Some(seq));
            view.keywords.names(member.flags).for_each(drop);
            let Ok(emails) = account.emails(&[member.email]).await else { continue };
            for email in emails.iter().flatten() {
                let _ = (email.envelope(), email.preview());
                let range = email.structure().map_or(0..9, |s| email.seen(s.root().header_start..s.root().body_end));
                let _ = account.octets(email, range).await;
                let _ = account.octets(email, 0..email.size_octets()).await;
            }
        }
    }
    let _ = (account.gone(&Wanted::default(), None).await, account.deleted_mailboxes().await);
    let _ = account.restore(&Wanted::default(), None, Some(Quota::default())).await;
    let _ = account.purge(Some(Timestamp::from_unix_ms(i64::MAX))).await;
    let _ = account.erase(&Wanted::default()).await;
    Ok(())
}
