//! Three clients of one mailbox in any interleaving, each replaying what it is told into a model of its own: nobody's
//! sequence numbers ever go wrong, and once all is told all models are the mailbox.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

mod support;

use env::{Clock, Conversation};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::task::{Context, Waker};
use store::memory::MemoryStore;
use support::Server;

#[derive(Clone, Debug)]
enum Op {
    Noop,
    Append,
    /// How to store (`FLAGS`, `+FLAGS.SILENT`, …), by UID or not, which message, which flag.
    Store {
        how: usize,
        uid: bool,
        which: usize,
        flag: usize,
    },
    Fetch {
        uid: bool,
        body: bool,
    },
    Search {
        uid: bool,
    },
    Expunge,
    Copy {
        which: usize,
    },
    Move {
        which: usize,
    },
    Idle,
    /// The store makes one waiting commit durable.
    Sync,
}

const FLAGS: [&str; 4] = ["\\Deleted", "\\Deleted", "\\Flagged", "$Work"];
const HOW: [&str; 6] = ["FLAGS", "+FLAGS", "-FLAGS", "FLAGS.SILENT", "+FLAGS.SILENT", "-FLAGS.SILENT"];

fn op() -> impl Strategy<Value = Op> {
    let store = (0..HOW.len(), any::<bool>(), 0..6usize, 0..FLAGS.len());
    prop_oneof![
        2 => Just(Op::Noop),
        3 => Just(Op::Append),
        6 => store.prop_map(|(how, uid, which, flag)| Op::Store { how, uid, which, flag }),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(uid, body)| Op::Fetch { uid, body }),
        1 => any::<bool>().prop_map(|uid| Op::Search { uid }),
        3 => Just(Op::Expunge),
        1 => (0..6usize).prop_map(|which| Op::Copy { which }),
        1 => (0..6usize).prop_map(|which| Op::Move { which }),
        2 => Just(Op::Idle),
        6 => Just(Op::Sync),
    ]
}

/// A message as a client knows it.
#[derive(Clone, Default, Debug, PartialEq)]
struct Known {
    uid: Option<u32>,
    flags: Option<BTreeSet<String>>,
    /// Whether it was the first to be told of it, as far as it knows.
    recent: bool,
}

struct Client {
    conversation: Box<dyn Conversation>,
    received: Vec<u8>,
    known: Vec<Known>,
    /// The command in progress.
    pending: Option<String>,
    tag: u32,
}

impl Client {
    fn new(server: &Server) -> Client {
        let conversation = server.connect(1);
        Client { conversation, received: Vec::new(), known: Vec::new(), pending: None, tag: 0 }
    }

    fn command(&mut self, server: &Server, command: &str) {
        assert!(self.pending.is_none());
        self.tag += 1;
        self.pending = Some(command.to_owned());
        let line = format!("t{} {command}\r\n", self.tag);
        assert_eq!(self.conversation.receive(line.as_bytes(), server.world.monotonic()), line.len());
        self.advance(server);
    }

    fn advance(&mut self, server: &Server) {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            self.conversation.advance(&mut cx, server.world.monotonic());
            server.world.run_until_stalled();
            self.conversation.advance(&mut cx, server.world.monotonic());
            let output = self.conversation.output().to_vec();
            if output.is_empty() {
                return;
            }
            self.conversation.sent(output.len());
            self.received.extend(output);
            self.read();
        }
    }

    fn read(&mut self) {
        while let Some(end) = self.received.windows(2).position(|pair| pair == b"\r\n") {
            let line = String::from_utf8(self.received.drain(..end + 2).collect()).unwrap();
            self.line(line.trim_end());
        }
    }

    fn line(&mut self, line: &str) {
        let command = self.pending.clone().unwrap_or_default();
        if line.starts_with(&format!("t{} ", self.tag)) {
            assert!(!line.contains("BAD"), "{command}: {line}");
            self.pending = None;
            return;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["*", number, what, ..] = words.as_slice() else { return };
        let Ok(number) = number.parse::<usize>() else { return };
        assert!(!command.is_empty(), "nothing is told between commands: {line}");
        match *what {
            "EXISTS" => {
                assert!(number >= self.known.len(), "{line} with {} known", self.known.len());
                self.known.resize(number, Known::default());
            }
            "EXPUNGE" => {
                let by_seq = ["FETCH", "STORE", "SEARCH"].iter().any(|name| command.starts_with(name));
                assert!(!by_seq, "{line} during {command}");
                self.known.remove(number - 1);
            }
            "FETCH" => self.fetched(number, line),
            _ => {}
        }
    }

    fn fetched(&mut self, number: usize, line: &str) {
        let known = &mut self.known[number - 1];
        if let Some((_, rest)) = line.split_once("UID ") {
            let uid = rest.split([' ', ')']).next().unwrap().parse().unwrap();
            assert_eq!(*known.uid.get_or_insert(uid), uid, "{line}");
        }
        if let Some((_, rest)) = line.split_once("FLAGS (") {
            let flags = rest.split(')').next().unwrap();
            let (recent, kept) = flags.split_whitespace().partition::<Vec<_>, _>(|flag| *flag == "\\Recent");
            known.flags = Some(kept.into_iter().map(str::to_owned).collect());
            known.recent |= !recent.is_empty();
        }
    }

    /// What a client does to its own model when it stores silently.
    fn stored(&mut self, how: &str, which: usize, flag: &str) {
        let Some(flags) = self.known[which].flags.as_mut().filter(|_| how.ends_with("SILENT")) else { return };
        match how.as_bytes()[0] {
            b'+' => drop(flags.insert(flag.to_owned())),
            b'-' => drop(flags.remove(flag)),
            _ => *flags = [flag.to_owned()].into(),
        }
    }

    fn act(&mut self, server: &Server, op: &Op) {
        let idle = self.pending.as_deref() == Some("IDLE");
        if idle {
            self.conversation.receive(b"DONE\r\n", server.world.monotonic());
            self.advance(server);
        }
        if self.pending.is_some() {
            return;
        }
        let count = self.known.len();
        match op {
            Op::Sync => {}
            Op::Noop => self.command(server, "NOOP"),
            Op::Append => self.command(server, "APPEND INBOX {12+}\r\nSubject: x\r\n"),
            Op::Idle => self.command(server, "IDLE"),
            Op::Expunge => self.command(server, "EXPUNGE"),
            Op::Fetch { uid, body } => {
                let item = if *body { "BODY[HEADER.FIELDS (NONE)]" } else { "RFC822.SIZE" };
                let prefix = if *uid { "UID " } else { "" };
                self.command(server, &format!("{prefix}FETCH 1:* (UID FLAGS {item})"));
            }
            Op::Search { uid } => self.command(server, if *uid { "UID SEARCH DELETED" } else { "SEARCH DELETED" }),
            Op::Copy { which } if count > 0 => {
                let seq = which % count + 1;
                self.command(server, &format!("COPY {seq} INBOX"));
            }
            Op::Move { which } if count > 0 => {
                let seq = which % count + 1;
                self.command(server, &format!("MOVE {seq} Trash"));
            }
            Op::Store { how, uid, which, flag } if count > 0 => {
                let (which, how, flag) = (which % count, HOW[*how], FLAGS[*flag]);
                // A client that does not know the flags cannot reckon with what it stores silently.
                let how = if self.known[which].flags.is_none() { how.trim_end_matches(".SILENT") } else { how };
                match self.known[which].uid.filter(|_| *uid) {
                    Some(uid) => {
                        self.stored(how, which, flag);
                        self.command(server, &format!("UID STORE {uid} {how} ({flag})"));
                    }
                    None => {
                        self.stored(how, which, flag);
                        self.command(server, &format!("STORE {} {how} ({flag})", which + 1));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Lets everything that waits become durable.
fn settle(server: &Server, store: &MemoryStore, clients: &mut [Client]) {
    loop {
        clients.iter_mut().for_each(|client| client.advance(server));
        server.world.run_until_stalled();
        if store.sync_all() == 0 {
            return;
        }
    }
}

fn run(ops: Vec<(usize, Op)>) {
    let store = MemoryStore::with_manual_sync();
    let server = Server::with_store(store.clone());
    let mut clients: Vec<Client> = (0..3).map(|_| Client::new(&server)).collect();
    let each = |clients: &mut Vec<Client>, command: &str| {
        for i in 0..clients.len() {
            clients[i].command(&server, command);
            settle(&server, &store, clients);
            assert!(clients[i].pending.is_none(), "{command} does not end");
        }
    };
    each(&mut clients, "LOGIN anna secret");
    clients[0].command(&server, "APPEND INBOX {12+}\r\nSubject: x\r\n");
    settle(&server, &store, &mut clients);
    each(&mut clients, "SELECT INBOX");
    each(&mut clients, "FETCH 1:* (UID FLAGS)");
    for (i, op) in &ops {
        match op {
            Op::Sync => drop(store.sync_one()),
            op => clients[*i].act(&server, op),
        }
        server.world.run_until_stalled();
        clients.iter_mut().for_each(|client| client.advance(&server));
    }
    settle(&server, &store, &mut clients);
    for client in &mut clients {
        if client.pending.is_some() {
            client.conversation.receive(b"DONE\r\n", server.world.monotonic());
            client.advance(&server);
        }
    }
    each(&mut clients, "NOOP");
    let account = server.account("anna");
    let view = server.world.block_on(account.open(mailstore::INBOX_ID)).unwrap();
    let truth: Vec<Known> = view
        .iter()
        .map(|(_, member)| Known {
            uid: Some(member.uid.0),
            flags: Some(view.keywords.names(member.flags).map(str::to_owned).collect()),
            recent: false,
        })
        .collect();
    for i in 0..truth.len() {
        let firsts = clients.iter().filter(|client| client.known[i].recent).count();
        assert!(firsts <= 1, "a message is recent to {firsts}");
    }
    for client in &clients {
        assert_eq!(client.known.len(), truth.len());
        for (known, truth) in client.known.iter().zip(&truth) {
            assert!(known.uid.is_none() || known.uid == truth.uid, "{:?} is {truth:?}", known);
            assert!(known.flags.is_none() || known.flags == truth.flags, "{:?} is {truth:?}", known);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_client_ends_up_with_the_mailbox(ops in prop::collection::vec((0..3usize, op()), 1..60)) {
        run(ops);
    }
}
