//! What a sequence does, drawn from its seed, and what is there after each step.
//!
//! An account's operations happen in their order, so what it holds after a crash is what its first `n` operations made, with
//! `n` between those that were answered and those that were asked for.

use crate::dice::Dice;
use std::collections::{BTreeMap, BTreeSet};

/// Accounts of a sequence.
pub const ACCOUNTS: usize = 2;
/// Operations of each, at most.
const OPERATIONS_MAX: usize = 14;
/// Batches of plain rows beside.
const BATCHES_MAX: u64 = 12;
/// Making the folders alone takes some 300 points; the rest of the sequence a few hundred.
const KILLED_FROM: u64 = 270;
const KILLED_WITHIN: u64 = 400;
/// Rows of plain batches that stay before they are deleted.
pub const ROWS_KEPT: u64 = 3;

/// What is done with an account. Mailboxes go by their names, messages by their UIDs.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields say what they are")]
pub enum Op {
    /// A message comes in; one with a delivery's number comes once.
    Append { mailbox: String, tag: u64, flags: Vec<&'static str>, delivery: Option<u32> },
    /// Messages get flags.
    Flags { mailbox: String, uids: Vec<u32>, add: bool, flags: Vec<&'static str> },
    /// Messages are copied, or moved.
    Copy { from: String, to: String, uids: Vec<u32>, moved: bool },
    /// Messages end.
    Expunge { mailbox: String, uids: Vec<u32> },
    /// A mailbox is made.
    Create { name: String },
    /// A mailbox gets another name.
    Rename { from: String, to: String },
    /// A mailbox ends with all that is in it.
    Delete { name: String },
}

/// A mailbox as clients see it.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Folder {
    /// The next message's UID.
    pub uid_next: u32,
    /// By UID: which message, and its flags.
    pub messages: BTreeMap<u32, (u64, BTreeSet<String>)>,
}

/// What an account holds: INBOX and the mailboxes that it made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// By name.
    pub mailboxes: BTreeMap<String, Folder>,
    deliveries: BTreeSet<u32>,
}

/// A sequence.
pub struct Plan {
    /// Each account's operations.
    pub accounts: Vec<Vec<Op>>,
    /// How many batches of plain rows there are.
    pub batches: u64,
    /// The store is closed and opened again between rounds.
    pub rounds: usize,
    /// Octets of rows in memory before fjall writes them to a table.
    pub memtable_octets: u64,
    /// The disk is short of space at the end of each round, so that the engine tidies up.
    pub shortage: bool,
    /// Closing it writes all that is in memory to tables, and empties the journal.
    pub settles: bool,
    /// How long what was deleted is kept is zero.
    pub keeps_nothing: bool,
    /// The writer is killed at this point, and begun again.
    pub killed_at: Option<u64>,
}

const FLAGS: [&str; 5] = ["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "$Work"];

impl Plan {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Plan {
        let mut dice = Dice::new(seed, 1);
        let mut tag = 0;
        let accounts = (0..ACCOUNTS).map(|_| operations(&mut dice, &mut tag)).collect();
        Plan {
            accounts,
            batches: dice.roll() % BATCHES_MAX,
            rounds: 1 + dice.below(3),
            memtable_octets: *dice.pick(&[8 << 10, 64 << 10, 1 << 20]),
            shortage: dice.chance(30),
            settles: dice.chance(50),
            keeps_nothing: dice.chance(30),
            killed_at: dice.chance(40).then(|| KILLED_FROM + dice.roll() % KILLED_WITHIN),
        }
    }

    /// What an account holds before its first operation, and after each.
    pub fn states(&self, account: usize) -> Vec<State> {
        let mut states = vec![State::new()];
        for op in &self.accounts[account] {
            let mut next = states[states.len() - 1].clone();
            next.apply(op);
            states.push(next);
        }
        states
    }
}

fn operations(dice: &mut Dice, tag: &mut u64) -> Vec<Op> {
    let mut state = State::new();
    let (mut operations, mut made) = (Vec::new(), 0);
    for _ in 0..4 + dice.below(OPERATIONS_MAX - 3) {
        let op = draw(dice, &state, tag, &mut made);
        state.apply(&op);
        operations.push(op);
    }
    operations
}

fn draw(dice: &mut Dice, state: &State, tag: &mut u64, made: &mut u64) -> Op {
    let names: Vec<String> = state.mailboxes.keys().cloned().collect();
    let own: Vec<String> = names.iter().filter(|name| *name != "INBOX").cloned().collect();
    let mailbox = dice.pick(&names).clone();
    let uids: Vec<u32> = state.mailboxes[&mailbox].messages.keys().copied().filter(|_| dice.chance(60)).collect();
    let new_name = |made: &mut u64| {
        *made += 1;
        format!("box {made}")
    };
    match dice.below(20) {
        0..=1 => Op::Create { name: new_name(made) },
        2 if !own.is_empty() => Op::Rename { from: dice.pick(&own).clone(), to: new_name(made) },
        3 if !own.is_empty() => Op::Delete { name: dice.pick(&own).clone() },
        4..=6 if !uids.is_empty() => Op::Flags { mailbox, uids, add: dice.chance(70), flags: some_flags(dice) },
        7..=9 if !uids.is_empty() && names.len() > 1 => {
            let others: Vec<&String> = names.iter().filter(|name| **name != mailbox).collect();
            Op::Copy { to: (*dice.pick(&others)).clone(), from: mailbox, uids, moved: dice.chance(50) }
        }
        10..=11 if !uids.is_empty() => Op::Expunge { mailbox, uids },
        _ => {
            // Some deliveries come a second time.
            let delivery = dice.chance(40).then(|| dice.below(6) as u32);
            let again = delivery.is_some_and(|delivery| state.deliveries.contains(&delivery));
            *tag += u64::from(!again);
            Op::Append { mailbox, tag: *tag, flags: some_flags(dice), delivery }
        }
    }
}

fn some_flags(dice: &mut Dice) -> Vec<&'static str> {
    FLAGS.into_iter().filter(|_| dice.chance(30)).collect()
}

impl State {
    fn new() -> State {
        let inbox = Folder { uid_next: 1, messages: BTreeMap::new() };
        State { mailboxes: BTreeMap::from([("INBOX".to_owned(), inbox)]), deliveries: BTreeSet::new() }
    }

    fn mailbox(&mut self, name: &str) -> &mut Folder {
        self.mailboxes.get_mut(name).expect("operations name mailboxes that are there")
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Append { mailbox, tag, flags, delivery } => {
                if delivery.is_none_or(|delivery| self.deliveries.insert(delivery)) {
                    let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
                    self.mailbox(mailbox).push((*tag, flags));
                }
            }
            Op::Flags { mailbox, uids, add, flags } => {
                for uid in uids {
                    let Some((_, has)) = self.mailbox(mailbox).messages.get_mut(uid) else { continue };
                    for &flag in flags {
                        if *add {
                            has.insert(flag.to_owned())
                        } else {
                            has.remove(flag)
                        };
                    }
                }
            }
            Op::Copy { from, to, uids, moved } => {
                for uid in uids {
                    let message = self.mailbox(from).messages[uid].clone();
                    self.mailbox(to).push(message);
                    if *moved {
                        self.mailbox(from).messages.remove(uid);
                    }
                }
            }
            Op::Expunge { mailbox, uids } => {
                uids.iter().for_each(|uid| drop(self.mailbox(mailbox).messages.remove(uid)))
            }
            Op::Create { name } => {
                self.mailboxes.insert(name.clone(), Folder { uid_next: 1, messages: BTreeMap::new() });
            }
            Op::Rename { from, to } => {
                let folder = self.mailboxes.remove(from).expect("it is there");
                self.mailboxes.insert(to.clone(), folder);
            }
            Op::Delete { name } => drop(self.mailboxes.remove(name)),
        }
    }
}

impl Folder {
    fn push(&mut self, message: (u64, BTreeSet<String>)) {
        self.messages.insert(self.uid_next, message);
        self.uid_next += 1;
    }
}

/// A message: the trace before it, which tells it from all others, and its body.
pub struct Letter {
    /// The trace.
    pub prefix: String,
    /// The body; some letters have the same.
    pub body: Vec<u8>,
}

/// The message with this number.
pub fn letter(seed: u64, tag: u64) -> Letter {
    let prefix = format!("Received: letter {tag} of {seed}\r\n");
    let mut dice = Dice::new(seed, 1000 + tag);
    // Every third is large, and one of few: blobs are written again under a name that is there.
    let large = tag.is_multiple_of(3);
    let mut dice = if large { Dice::new(seed, 900 + dice.roll() % 4) } else { dice };
    let octets = if large { 33_000 + dice.below(120_000) } else { 50 + dice.below(3000) };
    let mut body =
        format!("Subject: {}\r\nMessage-ID: <{}@crash.test>\r\n\r\n", dice.below(3), dice.roll()).into_bytes();
    while body.len() < octets {
        let word = format!("{:016x}", dice.roll());
        body.extend_from_slice([&word, &word, &word, &word, "\r\n"].concat().as_bytes());
    }
    Letter { prefix, body }
}

/// The value of a plain row.
pub fn value(seed: u64, batch: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed, 1_000_000 + batch);
    let octets = *dice.pick(&[10, 500, 20_000]);
    (0..octets / 8).flat_map(|_| dice.roll().to_le_bytes()).collect()
}
