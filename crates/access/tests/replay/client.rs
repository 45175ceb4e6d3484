//! A client: it sends a command at a time and replays what it is told into its memory.

use crate::memory::Memory;
use crate::script::Kind;
use crate::support::Server;
use env::{Clock, Conversation};
use std::collections::BTreeSet;
use std::task::{Context, Waker};

/// A STORE with `.SILENT` under way: what the client does to its own memory when it succeeds.
pub struct Silent {
    pub how: &'static str,
    pub flag: &'static str,
    /// The messages' positions when it was sent, by which nothing moves while it is under way unless it goes by UID.
    pub uids: Vec<u32>,
    pub seqs: Vec<usize>,
    /// Whose flags were told meanwhile.
    pub told: BTreeSet<u32>,
    pub told_seqs: BTreeSet<usize>,
}

/// A SELECT under way.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The question, if it asked one: since when, which UIDs.
    pub asked: Option<(u64, Option<BTreeSet<u32>>)>,
    /// What came as VANISHED (EARLIER).
    pub earlier: BTreeSet<u32>,
}

pub struct Client {
    pub kind: Kind,
    pub number: usize,
    conversation: Box<dyn Conversation>,
    received: Vec<u8>,
    pub memory: Memory,
    /// The command in progress.
    pub pending: Option<String>,
    tag: u32,
    /// Whether it asked for mod-sequences in this connection, and that was answered.
    pub aware: bool,
    pub selected: bool,
    pub opening: Option<Opening>,
    pub silent: Option<Silent>,
    /// A SELECT that was answered, to be judged.
    pub opened: Option<Opening>,
    /// Lines that it still reads; then it is gone.
    reads: usize,
    pub trace: Vec<String>,
}

impl Client {
    pub fn new(server: &Server, number: usize, kind: Kind) -> Client {
        Client {
            kind,
            number,
            conversation: server.connect(number as u32),
            received: Vec::new(),
            memory: Memory::default(),
            pending: None,
            tag: 0,
            aware: false,
            selected: false,
            opening: None,
            silent: None,
            opened: None,
            reads: usize::MAX,
            trace: Vec::new(),
        }
    }

    /// A new connection; what it remembers of the mailbox stays, if it can use it.
    pub fn reconnect(&mut self, server: &Server) {
        let memory = std::mem::take(&mut self.memory);
        let trace = std::mem::take(&mut self.trace);
        *self = Client::new(server, self.number, self.kind);
        self.memory = memory;
        self.memory.cut();
        self.trace = trace;
        self.trace.push(format!("{}: -- a new connection --", self.number));
        self.closed();
    }

    /// The mailbox is no longer selected.
    pub fn closed(&mut self) {
        self.selected = false;
        // The numbers are forgotten when the next mailbox is opened: until then they can be told as matches.
        if self.kind != Kind::Qresync {
            self.memory = Memory::default();
        }
    }

    /// It reads some more lines, and then it is gone.
    pub fn reads_only(&mut self, lines: usize) {
        self.reads = lines;
    }

    pub fn command(&mut self, server: &Server, command: &str) {
        assert!(self.pending.is_none());
        self.tag += 1;
        self.pending = Some(command.to_owned());
        self.trace.push(format!("{}: C: {command}", self.number));
        let line = format!("t{} {command}\r\n", self.tag);
        assert_eq!(self.conversation.receive(line.as_bytes(), server.world.monotonic()), line.len());
        self.advance(server);
    }

    pub fn idles(&self) -> bool {
        self.pending.as_deref() == Some("IDLE")
    }

    pub fn done(&mut self, server: &Server) {
        if self.idles() {
            self.conversation.receive(b"DONE\r\n", server.world.monotonic());
            self.advance(server);
        }
    }

    pub fn advance(&mut self, server: &Server) {
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
            while let Some(line) = self.take_line() {
                if self.reads > 0 {
                    self.reads -= 1;
                    self.trace.push(format!("{}: S: {}", self.number, line.trim_end()));
                    self.line(line.trim_end());
                }
            }
        }
    }

    /// A line with the literals in it.
    fn take_line(&mut self) -> Option<String> {
        let mut from = 0;
        loop {
            let end = from + self.received.get(from..)?.windows(2).position(|pair| pair == b"\r\n")?;
            let literal = self.received[from..end].strip_suffix(b"}").and_then(|line| {
                let open = line.iter().rposition(|octet| *octet == b'{')?;
                std::str::from_utf8(&line[open + 1..]).ok()?.parse::<usize>().ok()
            });
            match literal {
                Some(octets) => from = end + 2 + octets,
                None => return Some(String::from_utf8(self.received.drain(..end + 2).collect()).unwrap()),
            }
        }
    }

    fn line(&mut self, line: &str) {
        if let Some((_, rest)) = line.split_once("[HIGHESTMODSEQ ") {
            let highest = rest.split(']').next().unwrap().parse().unwrap();
            self.memory.told_highest(highest, self.opening.is_some());
        }
        if let Some(rest) = line.strip_prefix(&format!("t{} ", self.tag)) {
            self.tagged(rest);
            return;
        }
        let command = self.pending.clone().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["*", "VANISHED", "(EARLIER)", uids] => self.vanished_earlier(uids, line),
            ["*", "VANISHED", uids] => {
                self.may_shrink(&command, line);
                assert_eq!(self.kind, Kind::Qresync, "{line}");
                numbers(uids).for_each(|uid| self.memory.vanished(uid, line));
            }
            ["*", "OK", "[UIDVALIDITY", validity, ..] => {
                let validity = validity.trim_end_matches(']').parse().unwrap();
                let before = self.memory.uid_validity.replace(validity);
                assert!(before.is_none_or(|before| before == validity), "INBOX stays");
            }
            ["*", "OK", "[UIDNEXT", ..] => {}
            ["*", number, what, ..] => {
                let Ok(number) = number.parse::<usize>() else { return };
                assert!(!command.is_empty(), "nothing is told between commands: {line}");
                match *what {
                    "EXISTS" => self.memory.exists(number, line),
                    "EXPUNGE" => {
                        self.may_shrink(&command, line);
                        assert_ne!(self.kind, Kind::Qresync, "{line}");
                        self.memory.expunged(number);
                    }
                    "FETCH" => self.fetched(number, &command, line),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn may_shrink(&self, command: &str, line: &str) {
        let by_seq = ["FETCH", "STORE", "SEARCH", "UID SEARCH 1:*"].iter().any(|name| command.starts_with(name));
        assert!(!by_seq && !command.is_empty(), "{line} during {command}");
    }

    fn vanished_earlier(&mut self, uids: &str, line: &str) {
        for uid in numbers(uids) {
            match &mut self.opening {
                Some(opening) => assert!(opening.earlier.insert(uid), "{line}: told twice"),
                None => assert!(!self.memory.seqs.contains(&Some(uid)), "{line}: it is there"),
            }
            self.memory.messages.remove(&uid);
        }
    }

    fn fetched(&mut self, seq: usize, command: &str, line: &str) {
        let asked = command.starts_with("FETCH") || command.starts_with("UID FETCH");
        let uid: Option<u32> = field(line, "UID ");
        let modseq: Option<u64> = field(line, "MODSEQ (");
        if self.aware && !asked {
            assert!(uid.is_some() && modseq.is_some(), "{line}: without UID or MODSEQ during {command}");
        }
        if let Some(uid) = uid {
            self.memory.learn_uid(seq, uid, line);
        }
        if let Some((_, rest)) = line.split_once("FLAGS (") {
            // Who is first told of a message is no state of the mailbox (RFC 3501 §2.3.2).
            let flags = rest.split(')').next().unwrap().split_whitespace().filter(|flag| *flag != "\\Recent");
            self.memory.at(seq).flags = Some(flags.map(str::to_owned).collect());
            if let Some(silent) = &mut self.silent {
                silent.told_seqs.insert(seq);
                silent.told.extend(self.memory.seqs[seq - 1]);
            }
        }
        if let Some(modseq) = modseq {
            self.memory.at(seq).modseq = Some(modseq);
            self.memory.saw(modseq);
        }
    }

    fn tagged(&mut self, rest: &str) {
        let command = self.pending.take().unwrap();
        assert!(!rest.starts_with("BAD"), "{command}: {rest}");
        let ok = rest.starts_with("OK");
        if let Some(silent) = self.silent.take().filter(|_| ok) {
            self.stored(&silent, rest);
        }
        self.memory.tagged();
        if let Some(opening) = self.opening.take() {
            self.selected = ok;
            self.opened = Some(opening).filter(|_| ok);
        }
        let makes_aware = ["CONDSTORE", "QRESYNC", "MODSEQ", "CHANGEDSINCE", "UNCHANGEDSINCE", "HIGHESTMODSEQ"];
        self.aware |= makes_aware.iter().any(|word| command.contains(word));
        if command == "CLOSE" || command == "UNSELECT" {
            self.closed();
        }
    }

    /// What a client does to its own memory when it stored silently.
    fn stored(&mut self, silent: &Silent, rest: &str) {
        let modified: BTreeSet<u32> = match rest.split_once("[MODIFIED ") {
            Some((_, set)) => numbers(set.split(']').next().unwrap()).collect(),
            None => BTreeSet::new(),
        };
        for uid in silent.uids.iter().filter(|uid| !silent.told.contains(uid) && !modified.contains(uid)) {
            if let Some(flags) = self.memory.messages.get_mut(uid).and_then(|message| message.flags.as_mut()) {
                change(flags, silent);
            }
        }
        for seq in &silent.seqs {
            if silent.told_seqs.contains(seq) || modified.contains(&(*seq as u32)) {
                continue;
            }
            if let Some(flags) = &mut self.memory.at(*seq).flags {
                change(flags, silent);
            }
        }
    }
}

fn change(flags: &mut BTreeSet<String>, silent: &Silent) {
    match silent.how.as_bytes()[0] {
        b'+' => drop(flags.insert(silent.flag.to_owned())),
        b'-' => drop(flags.remove(silent.flag)),
        _ => *flags = [silent.flag.to_owned()].into(),
    }
}

/// The number behind `name`.
fn field<T: std::str::FromStr>(line: &str, name: &str) -> Option<T> {
    let (_, rest) = line.split_once(name)?;
    rest.split([' ', ')']).next()?.parse().ok()
}

/// `1:3,7`
pub fn numbers(set: &str) -> impl Iterator<Item = u32> {
    set.split(',').flat_map(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        first.parse::<u32>().unwrap()..=last.parse::<u32>().unwrap()
    })
}
