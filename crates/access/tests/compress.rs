//! COMPRESS=DEFLATE (RFC 4978) over whole conversations: what a client that compresses sees.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

mod support;

use env::{Clock, Conversation, Next};
use imap::deflate::{Deflater, Inflater};
use std::task::{Context, Waker};
use std::time::Duration;
use store::memory::MemoryStore;
use support::Server;

/// A client, and the connection that drives it as `net` does.
struct Client {
    server: Server,
    conversation: Box<dyn Conversation>,
    /// What the conversation has not taken yet.
    to_server: Vec<u8>,
    deflater: Option<Deflater>,
    inflater: Option<Inflater>,
    /// Octets as they were on the wire, from the server.
    wire_octets: usize,
}

impl Client {
    fn connect() -> Client {
        let server = Server::with_store(MemoryStore::new());
        let conversation = server.connect(1);
        let mut client =
            Client { server, conversation, to_server: Vec::new(), deflater: None, inflater: None, wire_octets: 0 };
        assert!(client.hears().starts_with("* OK [CAPABILITY"));
        client.says("a1 LOGIN anna secret\r\n");
        client
    }

    fn compressing() -> Client {
        let mut client = Client::connect();
        assert!(client.says("z COMPRESS DEFLATE\r\n").ends_with("z OK DEFLATE from here on\r\n"));
        client.compress();
        client
    }

    fn compress(&mut self) {
        (self.deflater, self.inflater) = (Some(Deflater::default()), Some(Inflater::default()));
    }

    /// Deflated, if the client does that.
    fn wire(&mut self, text: &[u8]) -> Vec<u8> {
        let Some(deflater) = &mut self.deflater else { return text.to_vec() };
        let mut wire = Vec::new();
        deflater.deflate(text, &mut wire);
        wire
    }

    fn says(&mut self, text: impl AsRef<[u8]>) -> String {
        let wire = self.wire(text.as_ref());
        self.sends(&wire)
    }

    fn sends(&mut self, wire: &[u8]) -> String {
        self.to_server.extend_from_slice(wire);
        self.hears()
    }

    /// Goes on until nothing happens; what the server said.
    fn hears(&mut self) -> String {
        let mut said = Vec::new();
        while self.turn(&mut said, usize::MAX) {}
        String::from_utf8(said).unwrap()
    }

    /// One turn, in which at most `room` octets are read from the server; whether anything happened.
    fn turn(&mut self, said: &mut Vec<u8>, room: usize) -> bool {
        let (now, mut cx) = (self.server.world.monotonic(), Context::from_waker(Waker::noop()));
        self.conversation.advance(&mut cx, now);
        self.server.world.run_until_stalled();
        self.conversation.advance(&mut cx, now);
        let output = self.conversation.output();
        let output = output[..output.len().min(room)].to_vec();
        self.conversation.sent(output.len());
        self.wire_octets += output.len();
        inflate(&mut self.inflater, &output, said);
        let taken = match self.conversation.next() {
            Next::Continue => self.conversation.receive(&self.to_server, now),
            _ => 0,
        };
        self.to_server.drain(..taken);
        taken > 0 || !output.is_empty()
    }
}

fn inflate(inflater: &mut Option<Inflater>, mut wire: &[u8], out: &mut Vec<u8>) {
    let Some(machine) = inflater else { return out.extend_from_slice(wire) };
    let mut piece = [0; 4096];
    while !wire.is_empty() || machine.has_more() {
        // What ends the server's deflating ends ours.
        let Ok(step) = machine.inflate(wire, &mut piece) else { break };
        out.extend_from_slice(&piece[..step.given]);
        wire = &wire[step.taken..];
    }
    if !wire.is_empty() {
        *inflater = None;
        out.extend_from_slice(wire);
    }
}

#[test]
fn both_directions_are_compressed() {
    let mut client = Client::compressing();
    let said = client.says("b1 SELECT INBOX\r\nb2 LIST \"\" *\r\n");
    assert!(said.starts_with("* FLAGS") && said.ends_with("b2 OK listed\r\n"), "{said}");
    let before = client.wire_octets;
    let again = client.says("b3 LIST \"\" *\r\n");
    assert!((client.wire_octets - before) * 4 < again.len(), "what was said before costs little");
    // A capability of the moment (RFC 4978 §3).
    assert!(!client.says("b4 CAPABILITY\r\n").contains("COMPRESS"));
    assert_eq!(client.says("b5 COMPRESS DEFLATE\r\n"), "b5 NO [COMPRESSIONACTIVE] DEFLATE is active by COMPRESS\r\n");
    assert!(client.says("b6 LOGOUT\r\n").ends_with("b6 OK logged out\r\n"));
    assert_eq!(client.conversation.next(), Next::Close);
}

#[test]
fn what_comes_with_the_command_is_compressed_already() {
    let mut client = Client::connect();
    let mut wire = b"b COMPRESS DEFLATE\r\n".to_vec();
    client.deflater = Some(Deflater::default());
    wire.extend(client.wire(b"c NOOP\r\nd NOOP\r\n"));
    client.to_server = wire;
    let mut heard = Vec::new();
    while client.turn(&mut heard, usize::MAX) {}
    // The answer is plain, what follows is not.
    let rest = heard.strip_prefix(b"b OK DEFLATE from here on\r\n").unwrap();
    let (mut inflater, mut said) = (Some(Inflater::default()), Vec::new());
    inflate(&mut inflater, rest, &mut said);
    assert_eq!(String::from_utf8(said).unwrap(), "c OK nothing left to tell\r\nd OK nothing left to tell\r\n");
}

#[test]
fn octet_by_octet_is_as_well() {
    let mut client = Client::compressing();
    let wire = client.wire(b"b APPEND INBOX {16+}\r\nSubject: a\r\n\r\nb\r\n\r\nc NOOP\r\n");
    let said: String = wire.iter().map(|octet| client.sends(&[*octet])).collect();
    assert!(said.starts_with("b OK [APPENDUID ") && said.ends_with("c OK nothing left to tell\r\n"), "{said}");
    assert_eq!(client.server.account("anna").usage().messages, 1);
}

#[test]
fn damaged_data_end_the_connection() {
    for damage in [&b"\xff\xff\xff\xff"[..], b"a1 NOOP\r\n", b"\x03\x00more"] {
        let mut client = Client::compressing();
        assert_eq!(client.sends(damage), "* BYE the compressed data are damaged\r\n");
        assert_eq!(client.conversation.next(), Next::Close);
    }
    let mut client = Client::compressing();
    client.says("b IDLE\r\n");
    assert_eq!(client.sends(b"\xff\xff\xff"), "* BYE the compressed data are damaged\r\n");
    let mut client = Client::compressing();
    client.says("b APPEND INBOX {1000}\r\n");
    assert_eq!(client.sends(b"\xff\xff\xff"), "* BYE the compressed data are damaged\r\n");
}

#[test]
fn a_bomb_is_a_long_line_like_any_other() {
    let mut client = Client::compressing();
    let mut bomb = |octets| client.wire(&[b"b NOOP ".as_slice(), &vec![b'x'; octets], b"\r\nc NOOP\r\n"].concat());
    let (small, large) = (bomb(900_000), bomb(20 << 20));
    assert!(large.len() < 100 << 10);
    assert_eq!(client.sends(&small), "b BAD command line too long\r\nc OK nothing left to tell\r\n");
    assert_eq!(client.sends(&large), "b BAD command line too long\r\n* BYE the line is endless\r\n");
}

#[test]
fn who_does_not_read_is_not_read_from() {
    let mut client = Client::compressing();
    client.says("b SELECT INBOX\r\n");
    let noops: Vec<u8> = (0..200_000).flat_map(|n| format!("c{n} NOOP\r\n").into_bytes()).collect();
    let wire = client.wire(&noops);
    client.to_server.extend_from_slice(&wire);
    let mut said = Vec::new();
    while client.turn(&mut said, 0) {}
    assert!(client.to_server.len() > wire.len() / 2, "{} of {} are waiting", client.to_server.len(), wire.len());
    assert!(client.conversation.output().len() < 100_000);
    let said = client.hears();
    assert!(said.ends_with("c199999 OK nothing left to tell\r\n"));
}

#[test]
fn a_quiet_connection_goes_on_where_it_was() {
    let mut client = Client::compressing();
    client.says("b SELECT INBOX\r\n");
    for n in 0..5 {
        client.conversation.rest();
        assert_eq!(client.says(format!("c{n} NOOP\r\n")), format!("c{n} OK nothing left to tell\r\n"));
    }
    client.says("d IDLE\r\n");
    client.conversation.rest();
    assert_eq!(client.says("DONE\r\n"), "d OK idled\r\n");
}

#[test]
fn the_time_out_is_told_compressed() {
    let mut client = Client::compressing();
    let deadline = client.conversation.deadline().unwrap();
    assert_eq!(deadline - client.server.world.monotonic(), Duration::from_secs(30 * 60));
    client.conversation.rest();
    // What was written counts as a sign of life, once.
    client.conversation.expire(deadline);
    client.conversation.expire(client.conversation.deadline().unwrap());
    assert!(client.hears().starts_with("* BYE Autologout"));
    assert_eq!(client.conversation.next(), Next::Close);
}

/// RFC 8437 §4.1: compression ends behind both lines.
#[test]
fn unauthenticate_ends_compression() {
    for finishing in [false, true] {
        let mut client = Client::compressing();
        let mut wire = Vec::new();
        let mut deflater = client.deflater.take().unwrap();
        let last = b"b NOOP\r\nc UNAUTHENTICATE\r\n";
        if finishing {
            deflater.finish(last, &mut wire)
        } else {
            deflater.deflate(last, &mut wire)
        }
        // Pipelined, in the clear, in any pieces.
        wire.extend_from_slice(b"d LOGIN berta secret\r\n");
        let said: String = wire.chunks(7).map(|piece| client.sends(piece)).collect();
        let expected = "b OK nothing left to tell\r\nc OK as if you had just connected\r\nd OK [CAPABILITY ";
        assert!(said.starts_with(expected) && said.contains("COMPRESS=DEFLATE"), "{said}");
        assert!(client.inflater.is_none());
        // And it may begin anew.
        assert_eq!(client.says("e COMPRESS DEFLATE\r\n"), "e OK DEFLATE from here on\r\n");
        client.compress();
        assert_eq!(client.says("f NOOP\r\n"), "f OK nothing left to tell\r\n");
    }
}

#[test]
fn compressed_commands_behind_unauthenticate_are_damage() {
    let mut client = Client::compressing();
    let wire = [client.wire(b"b UNAUTHENTICATE\r\n"), client.wire(b"c NOOP\r\n")].concat();
    // They are read as what they are not: commands in the clear.
    let said = client.sends(&wire);
    assert!(said.starts_with("b OK as if you had just connected\r\n"), "{said}");
    assert!(!said.contains("c OK"), "{said}");
}
