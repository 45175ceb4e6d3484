//! Runs `tests/transcripts-pop3`: what a client sees of POP3, command by command. Connections from 10 on speak IMAP.
//!
//! Setting up: `message TEXT` puts a message into anna's INBOX, with escapes `\r \n \0 \xNN`; `numbered COUNT` many small ones;
//! `big OCTETS` a large one; `logged-in` makes every new connection come logged in as anna and past its greeting; `policy
//! refused no-tls implicit`; `apop` adds carla@demo.test, who may; `store fails full read-only heals`; `damage UID`;
//! `purge` ends what was deleted.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

mod faults;
mod support;

use access::imap::{Peer, PlaintextLogin, TlsOffer};
use access::pop3::{Pop3Conversation, Pop3Policy, Services};
use directory::{Credential, Edit};
use env::virtual_world::World;
use env::{Clock, Conversation, Random, Tls};
use model::{Quota, Uid};
use mta::{AppendTo, Incoming};
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Waker};
use store::memory::MemoryStore;
use support::Server;
use transcript::Harness;

/// From here on they speak IMAP.
const IMAP_CONNECTIONS: u32 = 10;

struct Pop3Harness {
    server: Server,
    memory: MemoryStore,
    policy: Pop3Policy,
    tls: bool,
    logged_in: bool,
}

/// So that the timestamp of the greeting is known.
struct Zeros;

impl Random for Zeros {
    fn fill(&self, out: &mut [u8]) {
        out.fill(0);
    }
}

impl Pop3Harness {
    fn new() -> Pop3Harness {
        let memory = MemoryStore::new();
        let server = Server::with_store(memory.clone());
        let policy = Pop3Policy {
            host_name: "mx.demo.test".parse().unwrap(),
            tls: TlsOffer::StartTls,
            plaintext_login: PlaintextLogin::Allowed,
            mechanisms: server.services.directory.mechanisms(false),
            limits: pop3::Limits::default(),
        };
        Pop3Harness { server, memory, policy, tls: false, logged_in: false }
    }

    fn conversation(&self, number: u32) -> Box<dyn Conversation> {
        let Server { world, services, .. } = &self.server;
        let (mailstore, directory) = (services.mailstore.clone(), services.directory.clone());
        let services = Services { mailstore, directory, clock: Arc::new(world.clone()), random: Arc::new(Zeros) };
        let peer = Peer { address: Some("192.0.2.1".parse().unwrap()), session_id: number.into() };
        let tls = Tls { version: "TLSv1.3".into(), cipher: "TLS13_AES_256_GCM_SHA384".into(), ..Tls::default() };
        let tls = self.tls.then_some(tls);
        let policy = Arc::new(self.policy.clone());
        Box::new(Pop3Conversation::new(Arc::new(services), policy, (peer, tls), world.monotonic()))
    }

    fn put(&self, message: &[u8]) {
        let Server { world, services, .. } = &self.server;
        let account = self.server.account("anna");
        world.block_on(async {
            let mut incoming = Incoming::begin(services.mailstore.blobs(), &services.in_flight).unwrap();
            incoming.take(message).unwrap();
            let (mailbox, flags) = (mailstore::INBOX_ID, Vec::new());
            let to = AppendTo { mailbox, flags, internal_date: None, quota: Quota::default() };
            mta::append(&account, to, incoming.finish().await.unwrap()).await.unwrap();
        });
    }

    fn policy(&mut self, rest: &str) -> Result<(), String> {
        for word in rest.split_whitespace() {
            match word {
                "refused" => self.policy.plaintext_login = PlaintextLogin::Refused,
                "no-tls" => self.policy.tls = TlsOffer::None,
                "implicit" => (self.policy.tls, self.tls) = (TlsOffer::Implicit, true),
                _ => return Err(format!("unknown: {word}")),
            }
        }
        Ok(())
    }

    fn add_carla(&self) {
        let address: model::Address = "carla@demo.test".parse().unwrap();
        let Server { world, services, .. } = &self.server;
        let credential = Credential::from_password(b"geheim", &Zeros).unwrap();
        let add = Edit::AddAccount { address: address.clone(), credential, quota: Quota::default() };
        for edit in [add, Edit::SetApop { address, secret: Some("tanstaaf".into()) }] {
            world.block_on(services.directory.edit(edit)).unwrap();
        }
    }
}

impl Harness for Pop3Harness {
    fn world(&self) -> World {
        self.server.world.clone()
    }

    fn set_up(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "message" => self.put(&unescape(rest)),
            "numbered" => {
                for n in 1..=rest.parse::<u32>().map_err(|_| "not a number")? {
                    self.put(format!("Subject: number {n}\r\n\r\ntext {n}\r\n").as_bytes());
                }
            }
            "big" => {
                let octets: usize = rest.parse().map_err(|_| "not a number")?;
                let mut message = b"Subject: big\r\n\r\n".to_vec();
                let line = b"0123456789012345678901234567890123456789012345678901234567890\r\n";
                message.extend(line.iter().cycle().take(octets - message.len()));
                self.put(&message);
            }
            "logged-in" => self.logged_in = true,
            "apop" => self.add_carla(),
            "policy" => return self.policy(rest),
            "purge" => return faults::purge(&self.server),
            "store" => return faults::fault(&self.memory, rest),
            "damage" if rest == "carla" => {
                let cell = store::Cell::new(&b"directory"[..]);
                assert!(self.memory.damage(store::Space::Rows, &cell, b"principal/carla@demo.test"));
            }
            "damage" => faults::damage(&self.server, &self.memory, Uid(rest.parse().map_err(|_| "damage UID")?))?,
            _ => return Err(format!("unknown: {word}")),
        }
        Ok(())
    }

    fn connect(&mut self, number: u32) -> Box<dyn Conversation> {
        let imap = number >= IMAP_CONNECTIONS;
        let mut conversation = if imap { self.server.connect(number) } else { self.conversation(number) };
        if self.logged_in {
            let login: &[u8] = if imap { b"login LOGIN anna secret\r\n" } else { b"USER anna\r\nPASS secret\r\n" };
            log_in(&mut *conversation, login, &self.server.world);
        }
        conversation
    }
}

/// Takes the greeting and the answers to the log-in off the conversation.
fn log_in(conversation: &mut dyn Conversation, login: &[u8], world: &World) {
    let mut cx = Context::from_waker(Waker::noop());
    let now = world.monotonic();
    conversation.receive(login, now);
    for _ in 0..8 {
        conversation.advance(&mut cx, now);
        conversation.sent(conversation.output().len());
        world.run_until_stalled();
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let (mut octets, mut rest) = (Vec::new(), text);
    while let Some((plain, escaped)) = rest.split_once('\\') {
        octets.extend_from_slice(plain.as_bytes());
        let (octet, length) = match escaped.as_bytes()[0] {
            b'r' => (b'\r', 1),
            b'n' => (b'\n', 1),
            b'0' => (0, 1),
            b'x' => (u8::from_str_radix(&escaped[1..3], 16).unwrap(), 3),
            other => (other, 1),
        };
        octets.push(octet);
        rest = &escaped[length..];
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}

#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts-pop3");
    transcript::run_folder(&folder, |_| Box::new(Pop3Harness::new()));
}

/// A client that reads slowly, or not at all, costs a bounded amount.
#[test]
fn output_waits_for_the_reader() {
    let mut harness = Pop3Harness::new();
    harness.set_up("big 3000000").unwrap();
    harness.logged_in = true;
    let mut conversation = harness.connect(1);
    let world = harness.world();
    let (mut cx, now) = (Context::from_waker(Waker::noop()), world.monotonic());
    conversation.receive(&b"RETR 1\r\n".repeat(100), now);
    let mut got = 0;
    for step in 0..100_000 {
        conversation.advance(&mut cx, now);
        world.run_until_stalled();
        conversation.advance(&mut cx, now);
        let output = conversation.output();
        // The session's soft bound, and a piece read, stuffed, and gathered.
        assert!(output.len() <= (64 + 2 * 64 + 16) * 1024, "{} octets wait", output.len());
        if step > 100 {
            let taken = output.len().min(50_000);
            got += taken;
            conversation.sent(taken);
        }
        if got > 9_000_000 {
            return;
        }
    }
    panic!("only {got} octets came");
}
