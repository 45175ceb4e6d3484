//! Does what a plan says to the real store, and says so: `begun A N` before account A's operation N is asked for, `done A N`
//! when it was answered. The plain rows are account [`PLAIN`](crate::marks::PLAIN).

use crate::host::{Host, Setting, plain};
use crate::judge::{mailboxes, plain_head};
use crate::marks::{Mark, PLAIN, says};
use crate::plan::{Op, Plan, ROWS_KEPT, letter, value};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mailstore::{
    Account, Append, BODY_ROW_OCTETS_MAX, Body, CopyMessages, DeliveryId, Error, Expunge, FlagChange, Leaving,
    NewEmail, StoreFlags, Transfer,
};
use message::Scanner;
use model::{AccountId, Flag, MailboxId, QueueId, Quota, Uid};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use store::block_on;
use store::{Batch, Blobs, Bytes, HeldBlob, Space, Store};
use store_local::Backend;

/// Operations of an account that wait for their answers at once.
const IN_FLIGHT_MAX: usize = 4;

/// Runs a sequence on the data folder to its end, from what the folder holds of it already.
///
/// # Panics
/// When an operation fails, or what is there is none of what may be: nothing is wrong with this disk.
pub fn run(data: &Path, backend: Backend, seed: u64) {
    let plan = Plan::new(seed);
    let setting = Setting::of(&plan, backend);
    let marks = File::options().append(true).open(data.with_extension("mark")).expect("the recorder's file is there");
    for round in 0..plan.rounds {
        let host = Host::open(data, setting).expect("an undisturbed store opens");
        std::thread::scope(|scope| {
            for (number, operations) in plan.accounts.iter().enumerate() {
                let (host, marks) = (&host, &marks);
                let (part, states) = (part_of(operations.len(), round, plan.rounds), plan.states(number));
                scope.spawn(move || {
                    let account = block_on(host.mailstore.account(account_id(number))).expect("an account opens");
                    let found = mailboxes(&account, seed).expect("nothing is wrong with this disk");
                    // The last: to repeat what was answered and undid itself would look as if the answer was lost.
                    let done = states.iter().rposition(|state| state.mailboxes == found).expect("it is one of these");
                    go_on((host, marks), &account, seed, number, (operations, part.start.max(done)..part.end));
                });
            }
            let part = part_of(plan.batches as usize, round, plan.rounds);
            let done = plain_head(&*host.store).expect("rows can be read") as usize;
            part.skip_while(|batch| *batch < done).for_each(|batch| plain_batch(&host, &marks, seed, batch as u64 + 1));
        });
        if plan.shortage {
            tidy_up(&host);
        }
        if plan.settles {
            host.store.settle_at_close();
        }
        host.close();
    }
}

fn part_of(length: usize, round: usize, rounds: usize) -> Range<usize> {
    length * round / rounds..length * (round + 1) / rounds
}

fn mark(mut marks: &File, mark: Mark) {
    marks.write_all(says(mark).as_bytes()).expect("the recorder takes marks");
}

/// The engine flushes, rewrites and empties what it can while space is short.
fn tidy_up(host: &Host) {
    host.set_short(true);
    let mut batch = Batch::new(plain());
    batch.delete(Space::Rows, "never there");
    batch.makes_room = true;
    block_on(host.store.commit(batch)).expect("deletions are taken while space is short");
    host.set_short(false);
    // It is answered once the tidying up is over.
    let mut batch = Batch::new(plain());
    batch.delete(Space::Rows, "never there");
    block_on(host.store.commit(batch)).expect("there is space again");
}

fn plain_batch(host: &Host, marks: &File, seed: u64, number: u64) {
    let row = |number: u64| number.to_be_bytes().to_vec();
    let mut batch = Batch::new(plain());
    batch.expect("head", (number > 1).then(|| row(number - 1).into()));
    batch.put(Space::Rows, "head", row(number)).put(Space::Bodies, row(number), value(seed, number));
    if number > ROWS_KEPT {
        batch.delete(Space::Bodies, row(number - ROWS_KEPT));
    }
    mark(marks, Mark::Begun(PLAIN, number as usize));
    block_on(host.store.commit(batch)).expect("a batch is taken");
    mark(marks, Mark::Done(PLAIN, number as usize));
}

fn go_on(
    (host, marks): (&Host, &File),
    account: &Arc<Account>,
    seed: u64,
    number: usize,
    (operations, part): (&[Op], Range<usize>),
) {
    let mut waiting: VecDeque<(usize, BoxFuture<'static, Result<(), Error>>)> = VecDeque::new();
    let answer = |(at, asked): (usize, BoxFuture<'static, Result<(), Error>>)| {
        block_on(asked).unwrap_or_else(|error| panic!("operation {at} of account {number}: {error}"));
        mark(marks, Mark::Done(number, at + 1));
    };
    for at in part {
        let op = &operations[at];
        mark(marks, Mark::Begun(number, at + 1));
        waiting.push_back((at, ask(host, account, seed, op)));
        let names_change = matches!(op, Op::Create { .. } | Op::Rename { .. } | Op::Delete { .. });
        while waiting.len() > if names_change { 0 } else { IN_FLIGHT_MAX - 1 } {
            waiting.pop_front().into_iter().for_each(answer);
        }
    }
    waiting.into_iter().for_each(answer);
}

/// The account of a number.
pub fn account_id(number: usize) -> AccountId {
    AccountId(number as u32 + 1)
}

fn ask(host: &Host, account: &Arc<Account>, seed: u64, op: &Op) -> BoxFuture<'static, Result<(), Error>> {
    let id = |name: &str| account.mailboxes().named(name).expect("it was made").id;
    let numbers = |uids: &[u32]| uids.iter().map(|uid| Uid(*uid)).collect();
    match op {
        Op::Append { mailbox, tag, flags, delivery } => {
            let append = append(host, (seed, *tag), id(mailbox), flags, *delivery);
            account.append(append).map(move |outcome| outcome.map(|_| ())).boxed()
        }
        Op::Flags { mailbox, uids, add, flags } => {
            let change = if *add { FlagChange::Add } else { FlagChange::Remove };
            let (mailbox, uids, flags) = (id(mailbox), numbers(uids), named(flags));
            let store = StoreFlags { mailbox, uids, change, flags, unchanged_since: None };
            account.store_flags(store).map(|stored| stored.map(|_| ())).boxed()
        }
        Op::Copy { from, to, uids, moved } => {
            let transfer = if *moved { Transfer::Move } else { Transfer::Copy };
            let copy = CopyMessages { from: id(from), uids: numbers(uids), to: id(to), transfer };
            account.copy(copy).map(|copied| copied.map(|_| ())).boxed()
        }
        Op::Expunge { mailbox, uids } => {
            let expunge = Expunge { mailbox: id(mailbox), uids: numbers(uids), leaving: Leaving::Any };
            account.expunge(expunge).map(|left| left.map(|_| ())).boxed()
        }
        Op::Create { name } => account.create(name, None).map(|made| made.map(|_| ())).boxed(),
        Op::Rename { from, to } => account.rename(from, to).boxed(),
        Op::Delete { name } => account.delete(name).boxed(),
    }
}

fn named(flags: &[&'static str]) -> Vec<Flag> {
    flags.iter().filter_map(|flag| Flag::parse(flag)).collect()
}

/// A letter as it is delivered; a large body is a durable blob by then.
pub fn append(
    host: &Host,
    (seed, tag): (u64, u64),
    mailbox: MailboxId,
    flags: &[&'static str],
    delivery: Option<u32>,
) -> Append {
    let letter = letter(seed, tag);
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(&letter.body);
    let size_octets = letter.body.len() as u64;
    let body = if letter.body.len() > BODY_ROW_OCTETS_MAX {
        let octets = Bytes::from(letter.body);
        let written = async {
            let mut writer = host.blobs.begin().await?;
            // In pieces, as they come from a connection.
            for from in (0..octets.len()).step_by(1 << 16) {
                writer.write(octets.slice(from..octets.len().min(from + (1 << 16)))).await?;
            }
            writer.finish().await
        };
        let HeldBlob { id, hold } = block_on(written).expect("a blob is written");
        Body::Blob { id, size_octets, hold }
    } else {
        Body::Row(letter.body.into())
    };
    let email = NewEmail { prefix: letter.prefix.into(), body, scanned: Arc::new(scanner.finish()) };
    let delivery = delivery.map(|number| DeliveryId { queue: QueueId(u64::from(number) + 1), ordinal: 0 });
    Append {
        mailbox,
        email,
        flags: named(flags),
        internal_date: None,
        quota: Quota::default(),
        delivery,
        beside: Vec::new(),
    }
}

impl Setting {
    /// Of a plan.
    pub fn of(plan: &Plan, backend: Backend) -> Setting {
        Setting { backend, memtable_octets: plan.memtable_octets, keeps_nothing: plan.keeps_nothing }
    }
}
