//! What goes wrong below a server: for the runners of transcripts.

use crate::support::Server;
use model::Uid;
use std::time::Duration;
use store::memory::MemoryStore;
use store::{Cell, CommitError, Space};

/// What is wrong with the store from here on: `fails full read-only unreadable heals`.
pub fn fault(memory: &MemoryStore, word: &str) -> Result<(), String> {
    match word {
        "fails" => memory.fail_next(CommitError::Failed("the disk".into())),
        "full" => memory.set_full(true),
        "read-only" => memory.set_read_only(Some("the disk failed")),
        "unreadable" => memory.set_bodies_unreadable(true),
        "heals" => {
            memory.set_bodies_unreadable(false);
            memory.set_full(false);
            memory.set_read_only(None);
        }
        _ => return Err(format!("unknown: {word}")),
    }
    Ok(())
}

/// Damages the row of an email in anna's INBOX, as a bad disk would.
pub fn damage(server: &Server, memory: &MemoryStore, uid: Uid) -> Result<(), String> {
    let account = server.account("anna");
    let view = server.world.block_on(account.open(mailstore::INBOX_ID)).unwrap();
    let email = view.by_uid(uid).ok_or("no such message")?.email;
    let cell = Cell::new([b"a".as_slice(), &account.id().0.to_be_bytes()].concat());
    let damaged = memory.damage(Space::Rows, &cell, &[b"E".as_slice(), &email.0.to_be_bytes()].concat());
    damaged.then_some(()).ok_or_else(|| "no such row".into())
}

/// What anna deleted ends for good.
pub fn purge(server: &Server) -> Result<(), String> {
    let (account, later) = (server.account("anna"), env::Clock::wall(&server.world) + Duration::from_secs(1));
    server.world.block_on(account.purge(Some(later))).map(drop).map_err(|error| error.to_string())
}
