//! Random callers, refusals and crashes against a naive model: whatever happens, what was acknowledged is there, what was
//! not is there whole or not at all, and everything adds up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod house;
mod judge;
mod naive;
mod script;
mod undelete;

use house::House;
use judge::Judge;
use model::ModSeq;
use proptest::prelude::*;
use script::{Kind, Op, Step, Window};
use std::time::Duration;
use store::CommitError;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn accounts_are_what_the_naive_model_says(windows in script::windows()) {
        let mut house = House::new();
        let mut judge = Judge::new();
        judge.settle(&mut house, Kind::Calm);
        for (number, window) in windows.iter().enumerate() {
            play(&mut house, window, number + 1);
            judge.settle(&mut house, window.kind);
            judge.undelete(&mut house, window.after);
        }
    }
}

/// A few seconds' worth; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}

fn play(house: &mut House, window: &Window, number: usize) {
    house.world.pass(Duration::from_secs(window.days * 24 * 3600));
    let start = [house.accounts[0].modseq(), house.accounts[1].modseq()];
    if window.kind == Kind::Foreign {
        foreign(house, number, start);
    }
    let mut kind = window.kind;
    for step in &window.steps {
        match step {
            Step::Do(account, op) => house.call(*account, op.clone(), number, start),
            Step::Run => house.run(),
            Step::Sync(n) => house.sync(*n),
            Step::Look(account, mailbox) => {
                if let Some(view) = house.accounts[*account].current_view(model::MailboxId(*mailbox)) {
                    house.look(*account, view);
                }
            }
            // Where the power goes, what is unknown must be a beginning of what waited.
            Step::Drop(n) if !matches!(window.kind, Kind::Cut(_)) => house.drop_one(*n),
            Step::Drop(_) => {}
            Step::Trouble(n) => trouble(house, &mut kind, *n),
        }
    }
    match window.kind {
        Kind::Crash(kept) => house.crash(kept),
        _ => {
            house.run();
            house.store.set_full(false);
            house.store.set_read_only(None);
        }
    }
    house.drain();
    clear_failures(house);
    for account in house.accounts.clone() {
        // What an unknown commit did is seen with the next look that has to read.
        house.world.block_on(account.open(mailstore::INBOX_ID)).unwrap();
    }
}

fn trouble(house: &mut House, kind: &mut Kind, n: u8) {
    match *kind {
        Kind::Refusals => match n % 6 {
            0 => house.store.fail_next(CommitError::NoSpace("told".into())),
            1 => house.store.fail_next(CommitError::Failed("told".into())),
            2 => house.store.fail_next(CommitError::Conflict),
            3 => house.store.set_full(n & 8 == 0),
            4 => house.store.set_read_only((n & 8 == 0).then_some("told")),
            _ => house.store.fail_next(CommitError::ReadOnly("told".into())),
        },
        // Fewer in a row than an operation is tried.
        Kind::Conflicts => {
            house.run();
            if house.store.waiting() > 0 {
                house.store.fail_next(CommitError::Conflict);
            }
            house.drain();
        }
        Kind::Cut(kept) => {
            house.run();
            house.store.crash_keeping(kept);
            house.run();
            *kind = Kind::Calm; // once, so that what is unknown is a beginning of what waited
        }
        Kind::Calm | Kind::Crash(_) | Kind::Foreign => {}
    }
}

/// Another node appends to INBOX; the accounts here learn of it with their next write, which they make at once.
fn foreign(house: &mut House, number: usize, start: [ModSeq; 2]) {
    let theirs = house::open(&house.world, &house.store, &house.blobs);
    let ours = std::mem::replace(&mut house.accounts, theirs);
    let mail = script::Mail { id: Some(1), references: vec![2], subject: 0, padding: 9, blob: false, prefix: false };
    let append = Op::Append {
        mailbox: 1,
        mail,
        flags: vec!["$Junk"],
        date: None,
        octets_max: None,
        messages_max: None,
        delivery: None,
    };
    house.call(0, append, number, start);
    house.drain();
    house.accounts = ours;
    let subscribed = house.accounts[0].mailboxes().is_subscribed("tick");
    house.call(0, Op::Subscribe("tick", !subscribed), number, start);
    house.drain();
}

/// What was to fail and never came shall not fail later.
fn clear_failures(house: &mut House) {
    use futures_util::FutureExt;
    use store::Store;
    loop {
        let nothing = house.store.commit(store::Batch::new(store::Cell::new("nothing")));
        house.store.sync_one();
        if nothing.now_or_never() == Some(Ok(())) {
            return;
        }
    }
}
