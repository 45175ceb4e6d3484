//! The server, its store and the clients; what is done with them, and what must hold.

use crate::client::{Client, Opening, Silent};
use crate::memory::Message;
use crate::script::{FLAGS, HOW, ITEMS, KEYS, Kind, Op, Open, TARGETS, Which};
use crate::support::Server;
use mailstore::{INBOX_ID, LOG_KEPT, View};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use store::memory::MemoryStore;

pub struct House {
    server: Server,
    store: MemoryStore,
    clients: Vec<Client>,
    history: History,
    renamed: u32,
}

/// What was seen of INBOX whenever something became durable.
#[derive(Default)]
struct History {
    present: BTreeSet<u32>,
    /// The mailbox's HIGHESTMODSEQ when a UID was first missed: it left at that one or before.
    gone_by: BTreeMap<u32, u64>,
    /// Whether the change log was ever trimmed.
    trimmed: bool,
}

impl Drop for House {
    fn drop(&mut self) {
        if std::env::var_os("REPLAY_TRACE").is_some() {
            for client in &self.clients {
                eprintln!("{}\n", client.trace.join("\n"));
            }
        }
    }
}

impl House {
    pub fn new(kinds: &[Kind]) -> House {
        let store = MemoryStore::with_manual_sync();
        let server = Server::with_store(store.clone());
        let clients = kinds.iter().enumerate().map(|(number, kind)| Client::new(&server, number, *kind)).collect();
        let mut house = House { server, store, clients, history: History::default(), renamed: 0 };
        (0..kinds.len()).for_each(|client| house.greet(client));
        for flags in ["", "(\\Seen) "] {
            house.say(0, &format!("APPEND INBOX {flags}{{12+}}\r\nSubject: x\r\n"));
            house.settle();
        }
        house
    }

    // What happens.

    pub fn step(&mut self, client: usize, op: &Op) {
        match op {
            Op::Sync => self.sync_one(),
            Op::Compare => self.compare(),
            Op::Restart(kept) => self.restart(*kept),
            Op::Month => self.month(),
            Op::Cut(lines) => self.cut(client, *lines),
            op => self.act(client, op),
        }
        self.advance();
    }

    fn act(&mut self, client: usize, op: &Op) {
        self.clients[client].done(&self.server);
        if self.clients[client].pending.is_some() {
            return;
        }
        let (kind, count) = (self.clients[client].kind, self.clients[client].memory.seqs.len());
        let free = matches!(op, Op::Open(_) | Op::Append | Op::Status | Op::RenameInbox);
        if !free && !self.clients[client].selected {
            let turn = self.clients[client].trace.len();
            let open = Open {
                examine: false,
                resync: true,
                known_uids: turn.is_multiple_of(2),
                matches: turn.is_multiple_of(3),
            };
            return self.open(client, open);
        }
        let seqs = |which: &Which| match which {
            _ if count == 0 => None,
            Which::All => Some("1:*".to_owned()),
            Which::One(n) => Some((n % count + 1).to_string()),
        };
        match op {
            Op::Open(open) => self.open(client, *open),
            Op::Close => self.say(client, "CLOSE"),
            Op::Unselect => self.say(client, "UNSELECT"),
            Op::Noop => self.say(client, "NOOP"),
            Op::Append => self.say(client, "APPEND INBOX {12+}\r\nSubject: x\r\n"),
            Op::Expunge => self.say(client, "EXPUNGE"),
            Op::Idle => self.say(client, "IDLE"),
            Op::Status if kind == Kind::Plain => self.say(client, "STATUS INBOX (MESSAGES)"),
            Op::Status => self.say(client, "STATUS INBOX (MESSAGES HIGHESTMODSEQ)"),
            Op::RenameInbox => {
                self.renamed += 1;
                self.say(client, &format!("RENAME INBOX old{}", self.renamed));
            }
            Op::Search { key, uid } => {
                let (prefix, key) = (if *uid { "UID " } else { "" }, KEYS[*key]);
                let modseq = if kind != Kind::Plain && key == "DELETED" { " MODSEQ 9" } else { "" };
                self.say(client, &format!("{prefix}SEARCH {key}{modseq}"));
            }
            Op::UidExpunge(which) => {
                if let Some(set) = self.uids(client, which) {
                    self.say(client, &format!("UID EXPUNGE {}", set_of(&set)));
                }
            }
            Op::Copy(which, to) => seqs(which).into_iter().for_each(|set| {
                self.say(client, &format!("COPY {set} {}", TARGETS[*to]));
            }),
            Op::Move(which, to) => seqs(which).into_iter().for_each(|set| {
                self.say(client, &format!("MOVE {set} {}", TARGETS[*to]));
            }),
            Op::Fetch { items, uid, which, changed_since } => self.fetch(client, *items, (*uid, which), *changed_since),
            Op::Store { how, uid, which, flag, unchanged_since } => {
                self.store(client, (HOW[*how], FLAGS[*flag]), (*uid, which), *unchanged_since);
            }
            Op::Cut(_) | Op::Sync | Op::Compare | Op::Restart(_) | Op::Month => unreachable!("done elsewhere"),
        }
    }

    fn open(&mut self, client: usize, how: Open) {
        let it = &mut self.clients[client];
        let resync = how.resync && it.kind == Kind::Qresync && it.memory.uid_validity.is_some();
        let mut parameters = String::new();
        let mut asked = None;
        if it.kind == Kind::Condstore && !how.matches {
            parameters = " (CONDSTORE)".to_owned();
        }
        if resync {
            let memory = &it.memory;
            parameters = format!(" (QRESYNC ({} {}", memory.uid_validity.unwrap(), memory.highest);
            let known: BTreeSet<u32> = memory.messages.keys().copied().collect();
            let known = Some(known).filter(|known| how.known_uids && !known.is_empty());
            if let Some(known) = &known {
                parameters += &format!(" {}", set_of(&known.iter().copied().collect::<Vec<_>>()));
            }
            let pairs = memory.seqs.iter().enumerate().filter_map(|(at, uid)| Some((at as u32 + 1, (*uid)?)));
            let (seqs, uids): (Vec<u32>, Vec<u32>) = pairs.unzip();
            if how.matches && !seqs.is_empty() {
                parameters += &format!(" ({} {})", set_of(&seqs), set_of(&uids));
            }
            parameters += "))";
            asked = Some((memory.highest, known));
        }
        it.memory.opened(!resync);
        it.opening = Some(Opening { asked, earlier: BTreeSet::new() });
        let verb = if how.examine { "EXAMINE" } else { "SELECT" };
        self.say(client, &format!("{verb} INBOX{parameters}"));
    }

    fn fetch(&mut self, client: usize, items: usize, (uid, which): (bool, &Which), changed_since: Option<u64>) {
        let it = &self.clients[client];
        let modseq = if it.kind != Kind::Plain && items.is_multiple_of(2) { " MODSEQ" } else { "" };
        let since = changed_since.filter(|_| it.kind != Kind::Plain).map(|less| it.memory.highest.saturating_sub(less));
        let vanished = if uid && it.kind == Kind::Qresync { " VANISHED" } else { "" };
        let modifiers = since.map_or(String::new(), |since| format!(" (CHANGEDSINCE {since}{vanished})"));
        let count = it.memory.seqs.len();
        let set = match (which, uid) {
            (Which::One(_), true) => self.uids(client, which).map(|uids| set_of(&uids)),
            (Which::One(n), false) if count > 0 => Some((n % count + 1).to_string()),
            _ => Some("1:*".to_owned()),
        };
        let prefix = if uid { "UID " } else { "" };
        if let Some(set) = set {
            self.say(client, &format!("{prefix}FETCH {set} ({}{modseq}){modifiers}", ITEMS[items]));
        }
    }

    fn store(
        &mut self,
        client: usize,
        (how, flag): (&'static str, &'static str),
        (uid, which): (bool, &Which),
        unchanged_since: Option<u64>,
    ) {
        let it = &self.clients[client];
        let count = it.memory.seqs.len();
        if count == 0 {
            return;
        }
        let since = unchanged_since.filter(|_| it.kind != Kind::Plain);
        let condition = since.map(|less| format!(" (UNCHANGEDSINCE {})", it.memory.highest.saturating_sub(less)));
        let condition = condition.unwrap_or_default();
        let (uids, seqs, set) = match (self.uids(client, which).filter(|_| uid), which) {
            (Some(uids), _) => (uids.clone(), Vec::new(), set_of(&uids)),
            (None, Which::All) => (Vec::new(), (1..=count).collect(), "1:*".to_owned()),
            (None, Which::One(n)) => (Vec::new(), vec![n % count + 1], (n % count + 1).to_string()),
        };
        let prefix = if uids.is_empty() { "" } else { "UID " };
        if how.ends_with("SILENT") {
            let (told, told_seqs) = (BTreeSet::new(), BTreeSet::new());
            self.clients[client].silent = Some(Silent { how, flag, uids, seqs, told, told_seqs });
        }
        self.say(client, &format!("{prefix}STORE {set}{condition} {how} ({flag})"));
    }

    /// Those UIDs that the client knows the positions of.
    fn uids(&self, client: usize, which: &Which) -> Option<Vec<u32>> {
        let uids: Vec<u32> = self.clients[client].memory.seqs.iter().flatten().copied().collect();
        match which {
            _ if uids.is_empty() => None,
            Which::All => Some(uids),
            Which::One(n) => Some(vec![uids[n % uids.len()]]),
        }
    }

    fn cut(&mut self, client: usize, lines: usize) {
        let it = &mut self.clients[client];
        it.reads_only(lines);
        if it.pending.is_none() {
            it.command(&self.server, "NOOP");
        }
        it.reconnect(&self.server);
        self.greet(client);
    }

    fn restart(&mut self, kept: usize) {
        // The old server's world is not run again: it does nothing more.
        self.store.crash_keeping(kept);
        self.server = Server::with_store(self.store.clone());
        self.all_come_back();
    }

    fn month(&mut self) {
        self.settle();
        self.server.world.pass(LOG_KEPT + Duration::from_secs(1));
        let account = self.server.account("anna");
        let mut trimming = Box::pin(account.trim());
        loop {
            match self.server.world.poll_once(trimming.as_mut()) {
                Some(trimmed) => break trimmed.unwrap(),
                None => assert!(self.store.sync_one(), "trimming ends"),
            }
        }
        drop(trimming);
        self.history.trimmed = true;
        self.all_come_back();
    }

    fn all_come_back(&mut self) {
        self.clients.iter_mut().for_each(|client| client.reconnect(&self.server));
        (0..self.clients.len()).for_each(|client| self.greet(client));
    }

    /// What each connection begins with.
    fn greet(&mut self, client: usize) {
        self.say(client, "LOGIN anna secret");
        self.finish(client);
        match self.clients[client].kind {
            Kind::Qresync => self.say(client, "ENABLE QRESYNC"),
            Kind::Plain | Kind::Condstore => {}
        }
        self.finish(client);
    }

    fn say(&mut self, client: usize, command: &str) {
        self.clients[client].command(&self.server, command);
        self.judge(client);
    }

    // How time passes.

    fn advance(&mut self) {
        for client in 0..self.clients.len() {
            self.clients[client].advance(&self.server);
            self.judge(client);
        }
    }

    fn sync_one(&mut self) {
        self.store.sync_one();
        self.server.world.run_until_stalled();
        self.look();
    }

    /// Waits for a client's command, making durable what it waits for.
    fn finish(&mut self, client: usize) {
        self.advance();
        while self.clients[client].pending.is_some() {
            assert!(self.store.waiting() > 0, "{:?} does not end", self.clients[client].pending);
            self.sync_one();
            self.advance();
        }
    }

    /// Lets everything become durable, and every command end.
    fn settle(&mut self) {
        for client in 0..self.clients.len() {
            self.clients[client].done(&self.server);
        }
        self.advance();
        while self.store.waiting() > 0 {
            self.sync_one();
            self.advance();
        }
        for client in &self.clients {
            assert!(client.pending.is_none(), "{:?} does not end", client.pending);
        }
    }

    fn view(&self) -> Option<Arc<View>> {
        self.server.account("anna").current_view(INBOX_ID)
    }

    fn look(&mut self) {
        let Some(view) = self.view() else { return };
        let present: BTreeSet<u32> = view.iter().map(|(_, member)| member.uid.0).collect();
        for uid in self.history.present.difference(&present) {
            self.history.gone_by.entry(*uid).or_insert(view.mailbox.highest_modseq.0);
        }
        assert!(present.iter().all(|uid| !self.history.gone_by.contains_key(uid)), "UIDs come once");
        self.history.present = present;
    }

    // What must hold.

    /// A client opened the mailbox: what it remembers is what is there, and it was told no more than it asked.
    fn judge(&mut self, client: usize) {
        let Some(opened) = self.clients[client].opened.take() else { return };
        self.look();
        let view = self.view().expect("it is open");
        let memory = &self.clients[client].memory;
        let highest = view.mailbox.highest_modseq.0;
        assert!(memory.highest <= highest, "{opened:?}");
        // What was committed with the look that SELECT had to wait for came behind it.
        let same = memory.highest == highest;
        assert!(!same || memory.seqs.len() == view.len() as usize, "{opened:?}");
        let Some((since, known)) = &opened.asked else { return };
        let present = &self.history.present;
        let there: Vec<_> = opened.earlier.intersection(present).collect();
        assert!(there.is_empty(), "{there:?} are there: {opened:?}");
        assert!(opened.earlier.iter().all(|uid| *uid < view.mailbox.uid_next.0), "{opened:?}");
        match known {
            // With what follows: exactly what it knew and is gone.
            Some(known) => assert!(opened.earlier.is_subset(known), "{opened:?}"),
            None => {
                let late = |uid: &u32| self.history.gone_by.get(uid).is_none_or(|gone| gone > since);
                assert!(self.history.trimmed || opened.earlier.iter().all(late), "it knew that: {opened:?}");
            }
        }
        if same {
            self.same_messages(client, &view, &format!("{opened:?}"));
        }
    }

    /// Once all is told, every client that has the mailbox open knows it.
    pub fn compare(&mut self) {
        self.settle();
        let open: Vec<usize> = (0..self.clients.len()).filter(|client| self.clients[*client].selected).collect();
        for client in open {
            self.say(client, "NOOP");
            self.finish(client);
            let Some(view) = self.view() else { panic!("it is open") };
            let it = &self.clients[client];
            let uids: Vec<u32> = view.iter().map(|(_, member)| member.uid.0).collect();
            assert_eq!(it.memory.seqs.len(), uids.len(), "client {client}");
            let same = it.memory.seqs.iter().zip(&uids).all(|(known, uid)| known.is_none_or(|known| known == *uid));
            assert!(same, "client {client}: {:?} is {uids:?}", it.memory.seqs);
            if it.aware {
                assert_eq!(it.memory.highest, view.mailbox.highest_modseq.0, "client {client}");
            }
            self.same_messages(client, &view, &format!("client {client}"));
        }
    }

    fn same_messages(&self, client: usize, view: &View, when: &str) {
        let memory = &self.clients[client].memory;
        for (uid, known) in &memory.messages {
            let member = view.by_uid(model::Uid(*uid));
            let member = member.unwrap_or_else(|| panic!("{uid} is gone, the client does not know: {when}"));
            let truth = Message {
                flags: Some(view.keywords.names(member.flags).map(str::to_owned).collect()),
                modseq: Some(member.modseq.0),
            };
            let same = known.flags.as_ref().is_none_or(|flags| Some(flags) == truth.flags.as_ref());
            assert!(
                same && known.modseq.is_none_or(|modseq| Some(modseq) == truth.modseq),
                "{uid} {known:?} is {truth:?}: {when}"
            );
        }
    }
}

/// `1:3,7`; the numbers ascend.
fn set_of(numbers: &[u32]) -> String {
    numbers.iter().copied().collect::<imap::NumberSet>().to_string()
}
