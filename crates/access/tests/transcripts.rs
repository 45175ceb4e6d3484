//! Runs `tests/transcripts`: what a client sees of IMAP, command by command. Below `clients` lies what mail programs really send, from
//! their own logs.
//!
//! Setting up: `mailbox NAME: file.eml {\Flag …}, …` puts files of `tests/data` into a mailbox; `logged-in` makes every
//! new connection come logged in as anna and past its greeting; `policy refused no-tls implicit scram`; `big NAME OCTETS` puts in
//! a large message; `numbered NAME COUNT` many small ones; `message NAME FIELD | FIELD …` one with these header fields;
//! `delivered FILE` comes with a trace prefix, `arrives FILE` too, and nobody was told of it yet; `store fails full
//! read-only heals`; `damage UID`; `trim` forgets what is old in the change log; `purge` ends what was deleted.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

mod faults;
mod support;

use env::virtual_world::World;
use env::{Clock, Conversation};
use mailstore::{Append, NewEmail};
use model::{Flag, Quota, Uid};
use mta::{AppendTo, Incoming, Received};
use std::path::Path;
use std::task::{Context, Waker};
use store::Bytes;
use store::memory::MemoryStore;
use support::Server;
use transcript::Harness;

struct ImapHarness {
    server: Server,
    memory: MemoryStore,
    logged_in: bool,
}

impl Harness for ImapHarness {
    fn world(&self) -> World {
        self.server.world.clone()
    }

    fn set_up(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "mailbox" => self.mailbox(rest),
            "logged-in" => {
                self.logged_in = true;
                Ok(())
            }
            "policy" => self.policy(rest),
            "big" => {
                let (name, octets) = rest.split_once(' ').ok_or("big NAME OCTETS")?;
                let octets: usize = octets.parse().map_err(|_| "not a number")?;
                let line = b"0123456789012345678901234567890123456789012345678901234567890\r\n";
                let mut message = b"Subject: big\r\n\r\n".to_vec();
                message.extend(line.iter().cycle().take(octets - message.len()));
                put(&self.server, name, &message, Vec::new());
                self.told(name);
                Ok(())
            }
            "numbered" => {
                let (name, count) = rest.split_once(' ').ok_or("numbered NAME COUNT")?;
                for n in 1..=count.parse::<u32>().map_err(|_| "not a number")? {
                    let message = format!("From: Anna <anna@demo.test>\r\nSubject: number {n}\r\n\r\ntext {n}\r\n");
                    put(&self.server, name, message.as_bytes(), Vec::new());
                }
                self.told(name);
                Ok(())
            }
            "message" => {
                let (name, fields) = rest.split_once(' ').ok_or("message NAME FIELD | FIELD …")?;
                let message = format!("{}\r\n\r\ntext\r\n", fields.replace(" | ", "\r\n"));
                put(&self.server, name, message.as_bytes(), Vec::new());
                self.told(name);
                Ok(())
            }
            "delivered" => {
                deliver(&self.server, &data(rest)?);
                self.told(mailstore::INBOX);
                Ok(())
            }
            "arrives" => {
                deliver(&self.server, &data(rest)?);
                Ok(())
            }
            "store" => faults::fault(&self.memory, rest),
            "trim" => {
                let account = self.server.account("anna");
                self.server.world.block_on(account.trim()).map_err(|error| error.to_string())
            }
            "purge" => faults::purge(&self.server),
            "damage" => faults::damage(&self.server, &self.memory, Uid(rest.parse().map_err(|_| "damage UID")?)),
            _ => Err(format!("unknown: {word}")),
        }
    }

    fn connect(&mut self, number: u32) -> Box<dyn Conversation> {
        let mut conversation = self.server.connect(number);
        if self.logged_in {
            log_in(&mut *conversation, &self.server.world);
        }
        conversation
    }
}

impl ImapHarness {
    fn mailbox(&self, rest: &str) -> Result<(), String> {
        let (name, files) = rest.split_once(':').ok_or("mailbox NAME: FILE, …")?;
        let name = name.trim();
        let account = self.server.account("anna");
        if account.mailboxes().named(name).is_none() {
            self.server.world.block_on(account.create(name, None)).map_err(|error| error.to_string())?;
        }
        for file in files.split(',').map(str::trim).filter(|file| !file.is_empty()) {
            let (file, flags) = file.split_once(' ').unwrap_or((file, ""));
            let flags = flags.trim_matches(['{', '}']).split_whitespace();
            let flags =
                flags.map(|flag| Flag::parse(flag).ok_or(format!("no flag: {flag}"))).collect::<Result<_, _>>()?;
            put(&self.server, name, &data(file)?, flags);
        }
        self.told(name);
        Ok(())
    }

    /// Somebody was told of what is in the mailbox: it is not recent.
    fn told(&self, name: &str) {
        let account = self.server.account("anna");
        if let Some(record) = account.mailboxes().named(name) {
            account.take_recent(record);
        }
    }

    fn policy(&mut self, rest: &str) -> Result<(), String> {
        use access::imap::{PlaintextLogin, TlsOffer};
        for word in rest.split_whitespace() {
            match word {
                "refused" => self.server.policy.plaintext_login = PlaintextLogin::Refused,
                "no-tls" => self.server.policy.tls = TlsOffer::None,
                "scram" => self.server.policy.mechanisms = self.server.services.directory.mechanisms(true),
                "implicit" => {
                    self.server.policy.tls = TlsOffer::Implicit;
                    self.server.tls = true;
                }
                _ => return Err(format!("unknown: {word}")),
            }
        }
        Ok(())
    }
}

fn data(file: &str) -> Result<Vec<u8>, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
    std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Puts a message into anna's INBOX as delivery does, with a trace prefix.
fn deliver(server: &Server, message: &[u8]) {
    let account = server.account("anna");
    server.world.block_on(async {
        let mut incoming = Incoming::begin(server.services.mailstore.blobs(), &server.services.in_flight).unwrap();
        incoming.take(message).unwrap();
        let Received { body, scanned, .. } = incoming.finish().await.unwrap();
        let prefix = Bytes::from_static(b"Return-Path: <sender@example.com>\r\n");
        let (email, mailbox) = (NewEmail { prefix, body, scanned }, mailstore::INBOX_ID);
        let (flags, quota) = (Vec::new(), Quota::default());
        account
            .append(Append { mailbox, email, flags, internal_date: None, quota, delivery: None, beside: Vec::new() })
            .await
            .unwrap();
    });
}

/// Puts a message into a mailbox of anna's, which is made if it is not there.
fn put(server: &Server, mailbox: &str, message: &[u8], flags: Vec<Flag>) {
    let account = server.account("anna");
    server.world.block_on(async {
        let mailbox = match account.mailboxes().named(mailbox) {
            Some(record) => record.clone(),
            None => account.create(mailbox, None).await.unwrap(),
        };
        let mut incoming = Incoming::begin(server.services.mailstore.blobs(), &server.services.in_flight).unwrap();
        incoming.take(message).unwrap();
        let to = AppendTo { mailbox: mailbox.id, flags, internal_date: None, quota: Quota::default() };
        mta::append(&account, to, incoming.finish().await.unwrap()).await.unwrap();
    });
}

/// Takes the greeting and the answer to LOGIN off the conversation.
fn log_in(conversation: &mut dyn Conversation, world: &World) {
    let mut cx = Context::from_waker(Waker::noop());
    let now = world.monotonic();
    conversation.receive(b"login LOGIN anna secret\r\n", now);
    for _ in 0..5 {
        conversation.advance(&mut cx, now);
        conversation.sent(conversation.output().len());
        world.run_until_stalled();
    }
}

#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    transcript::run_folder(&folder, |_| {
        let memory = MemoryStore::new();
        Box::new(ImapHarness { server: Server::with_store(memory.clone()), memory, logged_in: false })
    });
}
