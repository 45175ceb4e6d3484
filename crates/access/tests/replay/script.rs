//! What clients may do, in any order.

use proptest::prelude::*;

/// What a client asked for when it connected; each connection of it asks the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// IMAP as it was before mod-sequences.
    Plain,
    /// Reads mod-sequences.
    Condstore,
    /// Remembers the mailbox over its connections, and asks what changed.
    Qresync,
}

/// Which of the messages that the client sees.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    All,
    /// The nth, counted round.
    One(usize),
}

/// How a client opens INBOX.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    pub examine: bool,
    /// Whether a client that remembers it asks what changed, and what it tells of its memory.
    pub resync: bool,
    pub known_uids: bool,
    pub matches: bool,
}

#[derive(Clone, Debug)]
pub enum Op {
    Open(Open),
    Close,
    Unselect,
    Noop,
    Append,
    /// How (`FLAGS`, `+FLAGS.SILENT`, …), by UID or not, which messages, which flag; UNCHANGEDSINCE so much less than what
    /// the client takes for HIGHESTMODSEQ.
    Store {
        how: usize,
        uid: bool,
        which: Which,
        flag: usize,
        unchanged_since: Option<u64>,
    },
    /// Data items by number; CHANGEDSINCE likewise.
    Fetch {
        items: usize,
        uid: bool,
        which: Which,
        changed_since: Option<u64>,
    },
    Search {
        key: usize,
        uid: bool,
    },
    Expunge,
    UidExpunge(Which),
    Copy(Which, usize),
    Move(Which, usize),
    RenameInbox,
    Status,
    Idle,
    /// The connection is lost; of what the server says to a last NOOP the client still reads so many lines.
    Cut(usize),
    /// The store makes one waiting commit durable.
    Sync,
    /// All is told: every model is compared with the mailbox.
    Compare,
    /// The power is cut when so many of the waiting commits are durable; a new server runs on the same store.
    Restart(usize),
    /// A month passes, and the change log is trimmed.
    Month,
}

pub const FLAGS: [&str; 4] = ["\\Deleted", "\\Deleted", "\\Flagged", "$Work"];
pub const HOW: [&str; 6] = ["FLAGS", "+FLAGS", "-FLAGS", "FLAGS.SILENT", "+FLAGS.SILENT", "-FLAGS.SILENT"];
pub const ITEMS: [&str; 5] = ["UID", "UID FLAGS", "FLAGS", "FLAGS BODY[HEADER.FIELDS (NONE)]", "UID RFC822.SIZE"];
pub const KEYS: [&str; 4] = ["DELETED", "1:*", "UNSEEN", "SUBJECT x"];
pub const TARGETS: [&str; 2] = ["INBOX", "Trash"];

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![1 => Just(Which::All), 4 => (0..6usize).prop_map(Which::One)]
}

fn open() -> impl Strategy<Value = Open> {
    (prop::bool::weighted(0.2), prop::bool::weighted(0.9), any::<bool>(), any::<bool>())
        .prop_map(|(examine, resync, known_uids, matches)| Open { examine, resync, known_uids, matches })
}

fn since() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![2 => Just(None), 3 => (0..4u64).prop_map(Some), 1 => Just(Some(1_000))]
}

fn op() -> impl Strategy<Value = Op> {
    let store = (0..HOW.len(), any::<bool>(), which(), 0..FLAGS.len(), since());
    prop_oneof![
        4 => open().prop_map(Op::Open),
        1 => Just(Op::Close),
        1 => Just(Op::Unselect),
        3 => Just(Op::Noop),
        5 => Just(Op::Append),
        9 => store.prop_map(|(how, uid, which, flag, unchanged_since)| Op::Store { how, uid, which, flag, unchanged_since }),
        6 => (0..ITEMS.len(), any::<bool>(), which(), since())
            .prop_map(|(items, uid, which, changed_since)| Op::Fetch { items, uid, which, changed_since }),
        2 => (0..KEYS.len(), any::<bool>()).prop_map(|(key, uid)| Op::Search { key, uid }),
        4 => Just(Op::Expunge),
        2 => which().prop_map(Op::UidExpunge),
        1 => (which(), 0..TARGETS.len()).prop_map(|(which, to)| Op::Copy(which, to)),
        2 => (which(), 0..TARGETS.len()).prop_map(|(which, to)| Op::Move(which, to)),
        1 => Just(Op::RenameInbox),
        1 => Just(Op::Status),
        2 => Just(Op::Idle),
        3 => (0..6usize).prop_map(Op::Cut),
        9 => Just(Op::Sync),
        2 => Just(Op::Compare),
        1 => (0..3usize).prop_map(Op::Restart),
        1 => Just(Op::Month),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![1 => Just(Kind::Plain), 2 => Just(Kind::Condstore), 4 => Just(Kind::Qresync)]
}

/// Three clients, and who does what.
#[derive(Clone, Debug)]
pub struct Script {
    pub kinds: [Kind; 3],
    pub steps: Vec<(usize, Op)>,
}

pub fn script() -> impl Strategy<Value = Script> {
    let kinds = [kind(), kind(), kind()];
    (kinds, prop::collection::vec((0..3usize, op()), 1..70)).prop_map(|(kinds, steps)| Script { kinds, steps })
}
