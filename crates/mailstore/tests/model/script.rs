//! What may happen: operations, and what goes wrong between them.

use mailstore::{FlagChange, Transfer};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

pub const FLAGS: [&str; 6] = ["\\Seen", "\\Deleted", "\\Flagged", "\\Draft", "$Junk", "Work"];
const NAMES: [&str; 13] =
    ["a", "a/b", "a/b/c", "a/b/b", "b", "b/a", "c", "INBOX", "inbox/x", "INBOX/x", "Archive", "Junk", "a//b"];

/// A message; its tag is given when it is sent.
#[derive(Clone, Debug)]
pub struct Mail {
    pub id: Option<u8>,
    pub references: Vec<u8>,
    pub subject: u8,
    pub padding: usize,
    pub blob: bool,
    pub prefix: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Since {
    /// Everything is newer, but a keyword that is not there.
    Zero,
    /// What the account's MODSEQ was when the window began.
    Start,
    /// Nothing is newer.
    Max,
}

#[derive(Clone, Debug)]
pub enum Op {
    Append {
        mailbox: u32,
        mail: Mail,
        flags: Vec<&'static str>,
        date: Option<i64>,
        octets_max: Option<u64>,
        messages_max: Option<u64>,
        delivery: Option<(u64, u32)>,
    },
    Store {
        mailbox: u32,
        uids: Vec<u32>,
        change: FlagChange,
        flags: Vec<&'static str>,
        since: Option<Since>,
    },
    Expunge {
        mailbox: u32,
        uids: Vec<u32>,
    },
    Discard {
        mailbox: u32,
        uids: Vec<u32>,
    },
    Copy {
        from: u32,
        to: u32,
        uids: Vec<u32>,
        transfer: Transfer,
    },
    Create(&'static str),
    Rename(&'static str, &'static str),
    Delete(&'static str),
    Subscribe(&'static str, bool),
    Open(u32),
    Trim,
}

#[derive(Clone, Debug)]
pub enum Step {
    /// An account (0 or 1) and what is asked of it.
    Do(usize, Op),
    /// Tasks run as far as they can.
    Run,
    /// So many commits become durable, with what runs after each.
    Sync(usize),
    /// A session looks at what is published.
    Look(usize, u32),
    /// A caller in flight goes away.
    Drop(usize),
    /// What may go wrong, if the window is of that kind.
    Trouble(u8),
}

/// What may go wrong in a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Calm,
    /// Batches are refused: conflicts, no space, unknown failures, a disk full or read-only for a while.
    Refusals,
    /// Only conflicts, so that all goes well in the end.
    Conflicts,
    /// The store's power goes, so many waiting commits were durable; the process lives on.
    Cut(usize),
    /// Everything goes at the window's end.
    Crash(usize),
    /// Another node writes to the accounts first.
    Foreign,
}

/// What is done with what was deleted, once everything came to rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum After {
    Nothing,
    /// Everything comes back.
    Restore,
    /// One mailbox comes back as it was, if it is deleted.
    RestoreMailbox(&'static str),
    /// What is old ends.
    Purge,
    /// Everything ends.
    Erase,
}

#[derive(Clone, Debug)]
pub struct Window {
    pub kind: Kind,
    pub days: u64,
    pub steps: Vec<Step>,
    pub after: After,
}

fn mailbox() -> impl Strategy<Value = u32> {
    prop_oneof![6 => Just(1u32), 4 => 2u32..4, 3 => 7u32..12]
}

fn uids() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![
        3 => Just((1..40).collect()),
        3 => proptest::collection::vec(1u32..12, 1..5),
        1 => Just(vec![1, 1, 2]),
    ]
}

fn flags() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![2 => subsequence(FLAGS.to_vec(), 0..4), 1 => Just(vec!["\\Deleted"])]
}

fn mail() -> impl Strategy<Value = Mail> {
    let references = proptest::collection::vec(0u8..6, 0..3);
    let padding = prop_oneof![0usize..50, 200usize..600];
    (proptest::option::of(0u8..6), references, 0u8..3, padding, prop::bool::weighted(0.2), any::<bool>()).prop_map(
        |(id, references, subject, padding, blob, prefix)| Mail { id, references, subject, padding, blob, prefix },
    )
}

fn append() -> impl Strategy<Value = Op> {
    let octets = proptest::option::weighted(0.15, select(vec![0u64, 800, 3000]));
    let messages = proptest::option::weighted(0.15, 0u64..8);
    let delivery = proptest::option::weighted(0.3, (0u64..4, 0u32..2));
    (mailbox(), mail(), flags(), proptest::option::of(0i64..1000), octets, messages, delivery).prop_map(
        |(mailbox, mail, flags, date, octets_max, messages_max, delivery)| Op::Append {
            mailbox,
            mail,
            flags,
            date,
            octets_max,
            messages_max,
            delivery,
        },
    )
}

fn store() -> impl Strategy<Value = Op> {
    let change = select(vec![FlagChange::Add, FlagChange::Add, FlagChange::Remove, FlagChange::Replace]);
    let since = proptest::option::weighted(0.3, select(vec![Since::Zero, Since::Start, Since::Max]));
    (mailbox(), uids(), change, flags(), since).prop_map(|(mailbox, uids, change, flags, since)| Op::Store {
        mailbox,
        uids,
        change,
        flags,
        since,
    })
}

fn op() -> impl Strategy<Value = Op> {
    let name = || select(NAMES.to_vec());
    let transfer = select(vec![Transfer::Copy, Transfer::Move]);
    prop_oneof![
        8 => append(),
        5 => store(),
        3 => (mailbox(), uids()).prop_map(|(mailbox, uids)| Op::Expunge { mailbox, uids }),
        1 => (mailbox(), uids()).prop_map(|(mailbox, uids)| Op::Discard { mailbox, uids }),
        4 => (mailbox(), mailbox(), uids(), transfer)
            .prop_map(|(from, to, uids, transfer)| Op::Copy { from, to, uids, transfer }),
        2 => name().prop_map(Op::Create),
        2 => (name(), name()).prop_map(|(from, to)| Op::Rename(from, to)),
        1 => name().prop_map(Op::Delete),
        1 => (name(), any::<bool>()).prop_map(|(name, on)| Op::Subscribe(name, on)),
        2 => mailbox().prop_map(Op::Open),
        1 => Just(Op::Trim),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let account = prop_oneof![4 => Just(0usize), 1 => Just(1usize)];
    prop_oneof![
        12 => (account, op()).prop_map(|(account, op)| Step::Do(account, op)),
        3 => Just(Step::Run),
        2 => (1usize..4).prop_map(Step::Sync),
        2 => mailbox().prop_map(|mailbox| Step::Look(0, mailbox)),
        1 => (0usize..8).prop_map(Step::Drop),
        2 => any::<u8>().prop_map(Step::Trouble),
    ]
}

fn window() -> impl Strategy<Value = Window> {
    let kind = prop_oneof![
        3 => Just(Kind::Calm),
        2 => Just(Kind::Refusals),
        2 => Just(Kind::Conflicts),
        2 => (0usize..4).prop_map(Kind::Cut),
        3 => (0usize..4).prop_map(Kind::Crash),
        1 => Just(Kind::Foreign),
    ];
    let days = prop_oneof![4 => Just(0u64), 1 => Just(8u64), 1 => Just(31u64)];
    let steps = proptest::collection::vec(step(), 1..24);
    let after = prop_oneof![
        5 => Just(After::Nothing),
        2 => Just(After::Restore),
        2 => select(NAMES.to_vec()).prop_map(After::RestoreMailbox),
        2 => Just(After::Purge),
        1 => Just(After::Erase),
    ];
    (kind, days, steps, after).prop_map(|(kind, days, steps, after)| Window { kind, days, steps, after })
}

pub fn windows() -> impl Strategy<Value = Vec<Window>> {
    proptest::collection::vec(window(), 1..8)
}
