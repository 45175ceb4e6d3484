//! Messages that nobody writes: every view of them is bounded, and lets others run while it is made.
//!
//! Work is counted, not time: turns that others get, each after at most some 256 KiB that were looked at, and octets that
//! wait for the client.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use env::{Clock, Conversation};
use mta::{AppendTo, Incoming};
use std::task::{Context, Waker};
use store::memory::MemoryStore;
use support::Server;

/// Octets of output that may wait: an envelope or a structure is written whole, and keeps at most 512 KiB of fields.
const WAITING_OCTETS_MAX: usize = 3 << 20;

struct Client {
    server: Server,
    conversation: Box<dyn Conversation>,
}

/// What an answer cost.
#[derive(Debug)]
struct Cost {
    turns: usize,
    octets: usize,
}

impl Client {
    fn with(message: &[u8]) -> Client {
        let server = Server::with_store(MemoryStore::new());
        let account = server.account("anna");
        server.world.block_on(async {
            let mut incoming = Incoming::begin(server.services.mailstore.blobs(), &server.services.in_flight).unwrap();
            for piece in message.chunks(16 * 1024) {
                incoming.take(piece).unwrap();
                if incoming.is_full() {
                    incoming.spill().await.unwrap();
                }
            }
            let (flags, quota) = (Vec::new(), model::Quota::default());
            let to = AppendTo { mailbox: mailstore::INBOX_ID, flags, internal_date: None, quota };
            mta::append(&account, to, incoming.finish().await.unwrap()).await.unwrap();
        });
        let conversation = server.connect(1);
        let mut client = Client { server, conversation };
        client.ask("a LOGIN anna secret\r\n");
        client.ask("a SELECT INBOX\r\n");
        client
    }

    /// Sends a command and reads the answer.
    fn ask(&mut self, command: &str) -> Cost {
        let mut cx = Context::from_waker(Waker::noop());
        let now = self.server.world.monotonic();
        let (mut sent, mut cost, mut last) = (0, Cost { turns: 0, octets: 0 }, Vec::new());
        loop {
            sent += self.conversation.receive(command.as_bytes().get(sent..).unwrap_or_default(), now);
            self.conversation.advance(&mut cx, now);
            self.server.world.run_until_stalled();
            cost.turns += 1;
            let output = self.conversation.output();
            assert!(output.len() <= WAITING_OCTETS_MAX, "{} octets wait: {command}", output.len());
            last.extend_from_slice(output);
            last.drain(..last.len().saturating_sub(2_000));
            cost.octets += output.len();
            let taken = output.len();
            self.conversation.sent(taken);
            let line = last.trim_ascii_end().rsplit(|&octet| octet == b'\n').next().unwrap_or_default();
            if sent == command.len() && line.starts_with(b"a OK") {
                return cost;
            }
            assert!(cost.turns < 100_000, "{command} does not end");
        }
    }
}

/// Looks at all of a message; the turns are at most `turns_max`.
fn check(message: &[u8], turns_max: usize) {
    let mut client = Client::with(message);
    let names = |n: usize| (0..n).map(|i| format!("x-{i}")).collect::<Vec<_>>().join(" ");
    for item in [
        "ENVELOPE".to_owned(),
        "BODY BODYSTRUCTURE".to_owned(),
        "BODY.PEEK[HEADER]".to_owned(),
        "BODY.PEEK[HEADER.FIELDS (SUBJECT)]".to_owned(),
        format!("BODY.PEEK[HEADER.FIELDS ({})]", names(200)),
        format!("BODY.PEEK[HEADER.FIELDS.NOT ({})]", names(200)),
        "BODY.PEEK[HEADER.FIELDS.NOT (X)]<1000.100>".to_owned(),
        "BODY.PEEK[TEXT]".to_owned(),
        format!("BODY.PEEK[{}]", ["1"; 100].join(".")),
        "BODY.PEEK[9999] BINARY.PEEK[5000] BINARY.SIZE[1.1.1]".to_owned(),
    ] {
        let cost = client.ask(&format!("a FETCH 1 ({item})\r\n"));
        assert!(cost.turns <= turns_max, "{cost:?} for {}", item.get(..40).unwrap_or(&item));
        assert!(cost.octets <= 4 * message.len() + 100_000, "{cost:?} for {}", item.get(..40).unwrap_or(&item));
    }
}

#[test]
fn a_hundred_thousand_fields() {
    let fields: String = (0..100_000).map(|i| format!("X-{i}: y\r\n")).collect();
    check(format!("{fields}\r\ntext\r\n").as_bytes(), 400);
}

#[test]
fn a_hundred_thousand_addresses() {
    let addresses: String = (0..100_000).map(|i| format!("\r\n a{i}@b.test,")).collect();
    check(format!("From: a@b.test\r\nTo: x@y.test,{addresses} z@y.test\r\n\r\ntext\r\n").as_bytes(), 500);
}

#[test]
fn a_field_without_end() {
    check(format!("Subject: {}\r\n\r\ntext\r\n", "x".repeat(4 << 20)).as_bytes(), 900);
}

#[test]
fn ten_thousand_parts() {
    let parts = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(10_000);
    check(format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n").as_bytes(), 100);
}

#[test]
fn a_thousand_parts_within_each_other() {
    let open: String =
        (0..1_000).map(|i| format!("Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n")).collect();
    check(format!("{open}\r\ntext\r\n").as_bytes(), 50);
}

#[test]
fn large_headers_of_many_messages_let_others_run() {
    let fields: String = (0..20_000).map(|i| format!("X-{i}: y\r\n")).collect();
    let message = format!("{fields}\r\ntext\r\n");
    let mut client = Client::with(message.as_bytes());
    for _ in 0..4 {
        client.ask("a COPY 1:* INBOX\r\n");
        client.ask("a NOOP\r\n");
    }
    let octets = 16 * message.len();
    for item in ["BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "BODY.PEEK[HEADER.FIELDS (A B C D E F G H)]"] {
        let cost = client.ask(&format!("a FETCH 1:* ({item})\r\n"));
        assert!(cost.turns >= octets / (512 * 1024) && cost.octets < 10_000, "{cost:?} for {item}");
    }
}
