//! Mailboxes that are sealed, changed, and opened by another process: what is seen is always what the memberships say.

use super::*;
use crate::op::append_all::NewMessage;
use crate::{AppendAll, Body, CopyMessages, Expunge, FlagChange, INBOX_ID, Leaving, Mailstore, NewEmail};
use crate::{StoreFlags, Transfer};
use env::virtual_world::World;
use message::Scanner;
use model::{AccountId, Flag, Quota};
use proptest::prelude::*;
use store::memory::{MemoryBlobs, MemoryStore};
use store::{Batch, Query, Space, Store};

const ACCOUNT: AccountId = AccountId(1);
/// More than one part, and not a round number.
const MANY: usize = MEMBERS_IN_PART + 333;

/// A process with the account.
struct Process {
    world: World,
    store: MemoryStore,
    account: Arc<Account>,
}

impl Process {
    fn start(store: &MemoryStore) -> Process {
        let world = World::new(1);
        let env = Arc::new(world.clone());
        let mailstore = Mailstore::new(Arc::new(store.clone()), Arc::new(MemoryBlobs::new()), env.clone(), env);
        let account = run(&world, mailstore.account(ACCOUNT)).unwrap();
        Process { world, store: store.clone(), account }
    }

    /// Another one, which finds only what is durable.
    fn restart(self) -> Process {
        self.world.run_until_stalled();
        Process::start(&self.store)
    }

    fn wait<T>(&self, asked: impl Future<Output = T>) -> T {
        run(&self.world, asked)
    }

    /// The mailbox as it is opened, and everything that is written because of it.
    fn open(&self, mailbox: MailboxId) -> Arc<View> {
        let view = self.wait(self.account.open(mailbox)).unwrap();
        self.world.run_until_stalled();
        view
    }

    fn append(&self, count: usize) {
        for some in (0..count).collect::<Vec<_>>().chunks(100) {
            let messages = some.iter().map(|_| message()).collect();
            let all = AppendAll { mailbox: INBOX_ID, messages, quota: Quota::default(), replaces: None };
            self.wait(self.account.append_all(all)).unwrap();
        }
    }

    fn flag(&self, uids: impl IntoIterator<Item = u32>) {
        let (uids, flags) = (uids.into_iter().map(Uid).collect(), vec![Flag::Flagged]);
        let store = StoreFlags { mailbox: INBOX_ID, uids, change: FlagChange::Add, flags, unchanged_since: None };
        self.wait(self.account.store_flags(store)).unwrap();
    }

    fn expunge(&self, uids: impl IntoIterator<Item = u32>) {
        let uids = uids.into_iter().map(Uid).collect();
        self.wait(self.account.expunge(Expunge { mailbox: INBOX_ID, uids, leaving: Leaving::Any })).unwrap();
    }

    /// What the memberships' rows say.
    fn rows(&self) -> Vec<Member> {
        let working = self.wait(self.account.load()).unwrap();
        self.wait(working.view_of_rows(INBOX_ID)).unwrap().iter().map(|(_, member)| member).collect()
    }

    /// What its sealed view would show, and whether it is stale.
    fn sealed(&self) -> Option<(Vec<Member>, bool)> {
        let working = self.wait(self.account.load()).unwrap();
        let loaded = self.wait(load(&working, INBOX_ID)).unwrap()?;
        Some((loaded.view.iter().map(|(_, member)| member).collect(), loaded.stale))
    }

    fn sealed_rows(&self) -> Vec<Bytes> {
        let query = Query::prefix(&rows::account_cell(ACCOUNT), b"V", None, 1000);
        let page = self.wait(self.store.read(vec![query])).unwrap().into_page();
        page.rows.into_iter().map(|(key, _)| key).collect()
    }

    fn sound(&self) {
        assert_eq!(self.wait(crate::check(&self.store, ACCOUNT)).unwrap(), []);
    }
}

fn run<T>(world: &World, asked: impl Future<Output = T>) -> T {
    world.poll_once(Box::pin(asked).as_mut()).expect("it waits for nothing")
}

fn message() -> NewMessage {
    let octets = b"Subject: one\r\n\r\ntext\r\n";
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(octets);
    let body = Body::Row(Bytes::from_static(octets));
    let email = NewEmail { prefix: Bytes::new(), body, scanned: Arc::new(scanner.finish()) };
    NewMessage { email, flags: Vec::new(), internal_date: None }
}

/// A mailbox of many that was opened once, in a process that knows nothing of it.
fn sealed() -> Process {
    let process = Process::start(&MemoryStore::new());
    process.append(MANY);
    let process = process.restart();
    assert_eq!(process.sealed(), None);
    process.open(INBOX_ID);
    process.restart()
}

#[test]
fn a_large_mailbox_is_sealed_when_it_is_opened() {
    let process = sealed();
    assert_eq!(process.sealed_rows().len(), 1 + 2);
    assert_eq!(process.sealed(), Some((process.rows(), false)));
    assert_eq!(process.open(INBOX_ID).len() as usize, MANY);
    process.sound();
}

#[test]
fn a_small_one_is_not() {
    let process = Process::start(&MemoryStore::new());
    process.append(MESSAGES_MIN as usize - 1);
    let process = process.restart();
    process.open(INBOX_ID);
    assert_eq!(process.sealed_rows().len(), 0);
}

#[test]
fn what_happened_since_is_seen() {
    let process = sealed();
    process.append(50);
    process.flag([1, 300, 520, MANY as u32 + 7]);
    process.expunge([2, 3, 299, MANY as u32, MANY as u32 + 1]);
    let process = process.restart();
    assert_eq!(process.sealed(), Some((process.rows(), false)));
    process.open(INBOX_ID);
    process.expunge(1..=200);
    let process = process.restart();
    assert_eq!(process.sealed(), Some((process.rows(), true)));
    // It is sealed anew, and nothing is left of the first one.
    process.open(INBOX_ID);
    let process = process.restart();
    assert_eq!(process.sealed(), Some((process.rows(), false)));
    assert_eq!(process.sealed_rows().len(), 1 + 2);
    process.sound();
}

#[test]
fn without_the_log_since_it_is_of_no_use() {
    let process = sealed();
    process.flag([5]);
    process.flag([6]);
    let mut batch = Batch::new(rows::account_cell(ACCOUNT));
    batch.delete(Space::Rows, rows::log(ModSeq(process.account.modseq().0 - 1)));
    process.wait(process.store.commit(batch)).unwrap();
    let process = process.restart();
    assert_eq!(process.sealed(), None);
    assert_eq!(process.open(INBOX_ID).iter().map(|(_, member)| member).collect::<Vec<_>>(), process.rows());
    assert_eq!(process.restart().sealed().map(|(_, stale)| stale), Some(false));
}

#[test]
fn a_damaged_or_missing_part_is_written_anew() {
    for damage in [Some(Bytes::from_static(b"nonsense")), None] {
        let process = sealed();
        let (mut batch, key) = (Batch::new(rows::account_cell(ACCOUNT)), process.sealed_rows().pop().unwrap());
        match damage {
            Some(row) => batch.put(Space::Rows, key, row),
            None => batch.delete(Space::Rows, key),
        };
        process.wait(process.store.commit(batch)).unwrap();
        assert_eq!(process.sealed(), None);
        assert_eq!(process.open(INBOX_ID).len() as usize, MANY);
        let process = process.restart();
        assert_eq!(process.sealed(), Some((process.rows(), false)));
        process.sound();
    }
}

#[test]
fn one_that_came_to_no_end_is_taken_away_by_the_next() {
    let process = sealed();
    let modseq = process.account.modseq();
    process.flag([7]);
    let seal = Seal { modseq: ModSeq(modseq.0 + 1), messages: 9, parts: 9 };
    let step = |step| process.wait(process.account.ask(Write { mailbox: INBOX_ID, seal, step })).unwrap();
    step(Step::Begin);
    step(Step::Part { number: 8, row: encode_part(&process.rows()) });
    process.expunge(1..=200);
    let process = process.restart();
    process.open(INBOX_ID);
    assert_eq!(process.sealed_rows().len(), 1 + 2);
    assert_eq!(process.sealed(), Some((process.rows(), false)));
    // Whoever was slow finds that somebody else was faster.
    let late = Write { mailbox: INBOX_ID, seal, step: Step::End };
    assert!(!process.wait(process.account.ask(late)).unwrap());
    process.sound();
}

#[test]
fn it_goes_with_its_mailbox() {
    let process = sealed();
    let to = process.wait(process.account.create("Box", None)).unwrap().id;
    let uids = (1..=MESSAGES_MIN + 1).map(Uid).collect();
    let copy = CopyMessages { from: INBOX_ID, uids, to, transfer: Transfer::Copy };
    process.wait(process.account.copy(copy)).unwrap();
    let process = process.restart();
    process.open(to);
    assert_eq!(process.sealed_rows().len(), 3 + 2);
    process.wait(process.account.delete("Box")).unwrap();
    process.world.run_until_stalled();
    assert_eq!(process.sealed_rows().len(), 3);
    process.sound();
}

/// What clients do, and how often.
#[derive(Clone, Debug)]
enum Act {
    Append(usize),
    Flag(u32, u32),
    Expunge(u32, u32),
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (1usize..150).prop_map(Act::Append),
        (1u32..700, 1u32..80).prop_map(|(from, count)| Act::Flag(from, count)),
        (1u32..700, 1u32..80).prop_map(|(from, count)| Act::Expunge(from, count)),
        Just(Act::Restart),
    ];
    proptest::collection::vec(act, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn whatever_happens_the_view_is_what_the_rows_say(acts in acts()) {
        let mut process = Process::start(&MemoryStore::new());
        process.append(400);
        for act in acts {
            match act {
                Act::Append(count) => process.append(count),
                Act::Flag(from, count) => process.flag(from..from + count),
                Act::Expunge(from, count) => process.expunge(from..from + count),
                Act::Restart => process = process.restart(),
            }
            let seen: Vec<_> = process.open(INBOX_ID).iter().map(|(_, member)| member).collect();
            prop_assert_eq!(seen, process.rows());
        }
        process.sound();
    }
}
