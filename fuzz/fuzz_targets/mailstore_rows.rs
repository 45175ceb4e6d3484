//! An account some of whose rows hold any octets: all of it can be read, or says which row is bad.
//!
//! The rows of a small account are replaced one by one: which row, how many octets (two octets), the octets. Version and checksum are put
//! around them, since the codec's own target deals with those.
#![no_main]

use env::virtual_world::World;
use libfuzzer_sys::fuzz_target;
use mailstore::{Append, Body, Error, Mailstore, NewEmail};
use message::Scanner;
use model::{AccountId, Flag, Keyword, ModSeq, Quota};
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

/// Two messages, one with a keyword and parts, and what comes with an account.
fn rows() -> Vec<(Bytes, Bytes)> {
    let (world, store) = (World::new(1), MemoryStore::new());
    let mailstore = mailstore(&world, store.clone());
    world.block_on(async {
        let account = mailstore.account(ACCOUNT).await.expect("it is new");
        for message in
            ["Subject: a\r\n\r\nbody\r\n", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nc\r\n--b--"]
        {
            let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
            scanner.push(message.as_bytes());
            let body = Body::Row(Bytes::from_static(message.as_bytes()));
            let email = NewEmail {
                prefix: Bytes::from_static(b"Return-Path: <>\r\n"),
                body,
                scanned: Arc::new(scanner.finish()),
            };
            let flags = vec![Flag::Seen, Flag::Keyword(Keyword::new("$Junk").expect("a keyword"))];
            let (mailbox, quota) = (mailstore::INBOX_ID, Quota::default());
            let beside = Vec::new();
            let append = Append { mailbox, email, flags, internal_date: None, quota, delivery: None, beside };
            account.append(append).await.expect("there is room");
        }
    });
    store.rows(Space::Rows, &cell())
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
    Ok(())
}
