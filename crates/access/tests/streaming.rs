//! A command's output is bounded however slowly the client reads, and an idle connection is small.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use access::imap::ImapConversation;
use env::{Clock, Conversation};
use std::task::{Context, Waker};
use store::memory::MemoryStore;
use support::Server;

/// The session's soft bound, the piece that is added to it, and one that the command gathers.
const OUTPUT_OCTETS_MAX: usize = (64 + 2 * 64 + 16) * 1024;

struct Client {
    server: Server,
    conversation: Box<dyn Conversation>,
}

impl Client {
    fn new() -> Client {
        let server = Server::with_store(MemoryStore::new());
        let conversation = server.connect(1);
        let mut client = Client { server, conversation };
        client.ask(b"a LOGIN anna secret\r\n", usize::MAX);
        client
    }

    /// Sends a command; reads the answer `step` octets at a time, looking at the bound each time.
    fn ask(&mut self, command: &[u8], step: usize) -> Vec<u8> {
        let mut cx = Context::from_waker(Waker::noop());
        let (mut sent, mut answer) = (0, Vec::new());
        loop {
            let now = self.server.world.monotonic();
            sent += self.conversation.receive(command.get(sent..).unwrap_or_default(), now);
            self.conversation.advance(&mut cx, now);
            self.server.world.run_until_stalled();
            self.conversation.advance(&mut cx, now);
            let output = self.conversation.output();
            assert!(output.len() <= OUTPUT_OCTETS_MAX, "{} octets wait", output.len());
            let taken = output.len().min(step);
            answer.extend_from_slice(output.get(..taken).unwrap_or_default());
            self.conversation.sent(taken);
            let last_line = answer.trim_ascii_end().rsplit(|&octet| octet == b'\n').next().unwrap_or_default();
            if taken == 0 && sent == command.len() && last_line.starts_with(b"a OK") {
                return answer;
            }
        }
    }

    fn append(&mut self, message: &str) {
        let command = format!("a APPEND INBOX {{{}+}}\r\n{message}\r\n", message.len());
        let answer = self.ask(command.as_bytes(), usize::MAX);
        assert!(answer.starts_with(b"a OK"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn a_slow_reader_gets_every_flag_of_many_messages() {
    let mut client = Client::new();
    (0..1000).for_each(|_| client.append("Subject: x\r\n\r\nx\r\n"));
    client.ask(b"a SELECT INBOX\r\n", usize::MAX);
    for (command, lines) in [
        ("a FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)\r\n", 1001),
        ("a FETCH 1:* (UID ENVELOPE BODYSTRUCTURE)\r\n", 1001),
        ("a STORE 1:* +FLAGS (\\Deleted)\r\n", 1001),
        ("a UID SEARCH TEXT x\r\n", 2),
        ("a EXPUNGE\r\n", 1002), // the last says that nothing is recent any more
    ] {
        let answer = client.ask(command.as_bytes(), 7_000);
        assert_eq!(answer.iter().filter(|&&octet| octet == b'\n').count(), lines, "{command}");
    }
    assert_eq!(client.server.account("anna").usage().messages, 0);
}

#[test]
fn a_large_message_streams() {
    let mut client = Client::new();
    client.server.policy.limits.append_octets_max = 4 << 20;
    client.conversation = client.server.connect(2);
    client.ask(b"a LOGIN anna secret\r\n", usize::MAX);
    let header = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let body = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpBQkNERUZHSElKS0xNTk9QUVJTVFVW\r\n".repeat(10_000);
    client.append(&format!("{header}{body}"));
    client.ask(b"a SELECT INBOX\r\n", usize::MAX);
    let answer = client.ask(b"a FETCH 1 BODY.PEEK[]\r\n", 10_000);
    let literal = header.len() + body.len();
    assert!(answer.starts_with(format!("* 1 FETCH (BODY[] {{{literal}}}\r\n{header}QUJD").as_bytes()));
    assert!(answer.ends_with(b"VFVW\r\n)\r\na OK fetched\r\n"));
    let answer = client.ask(b"a FETCH 1 BINARY.PEEK[1]\r\n", 10_000);
    assert!(answer.starts_with(b"* 1 FETCH (BINARY[1] ~{480000}\r\nABCDEFGHIJ"));
    assert!(answer.ends_with(b"STUV)\r\na OK fetched\r\n"));
}

#[test]
fn a_costly_search_lets_others_run() {
    let mut client = Client::new();
    client.append(&format!("To: {}\r\n\r\n{}", "a@b.test, ".repeat(1_500), "much text\r\n".repeat(6_000)));
    client.ask(b"a SELECT INBOX\r\n", usize::MAX);
    for key in ["TEXT", "BODY", "TO", "HEADER To"] {
        let command = format!("a SEARCH{}\r\n", format!(" NOT {key} nowhere").repeat(150));
        let now = client.server.world.monotonic();
        assert_eq!(client.conversation.receive(command.as_bytes(), now), command.len());
        let mut turns = 0;
        while client.conversation.output().is_empty() {
            client.conversation.advance(&mut Context::from_waker(Waker::noop()), now);
            client.server.world.run_until_stalled();
            turns += 1;
        }
        assert!(client.conversation.output().starts_with(b"* SEARCH 1\r\n"));
        assert!(turns > 5, "{key}: {turns} turns");
        let octets = client.conversation.output().len();
        client.conversation.sent(octets);
    }
}

#[test]
fn a_connection_between_commands_is_small() {
    assert!(size_of::<ImapConversation>() <= 768, "{}", size_of::<ImapConversation>());
}
