//! Our client against our server: what is read there is what was given here.

use super::*;
use crate::policy::StartTls;
use crate::reply::Reply;
use crate::server;

/// Line ends repaired octet by octet.
fn repaired(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = content;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'\r' | b'\n' => {
                out.extend_from_slice(b"\r\n");
                if first == b'\r' && rest.first() == Some(&b'\n') {
                    rest = &rest[1..];
                }
            }
            other => out.push(other),
        }
    }
    if !out.is_empty() && !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// A server that takes mail for everybody but `no…`, and keeps what it reads.
struct Office {
    session: server::Session,
    bodies: Vec<Vec<u8>>,
    body: Vec<u8>,
    recipients: usize,
}

impl Office {
    fn new(flavour: Flavour) -> Office {
        let mut policy = crate::policy::Policy::new(Domain::new("b.test").unwrap());
        policy.flavour = flavour;
        policy.start_tls = StartTls::NotOffered;
        let session = server::Session::new(policy.into(), server::Security::Clear, Moment::default());
        Office { session, bodies: vec![], body: vec![], recipients: 0 }
    }

    fn answer(&mut self, lmtp: bool) -> bool {
        let now = Moment::default();
        let Some(event) = self.session.poll() else { return false };
        let kept = Reply::new(250, (2, 0, 0), "kept");
        match event {
            server::Event::BodyChunk(chunk) => self.body.extend_from_slice(chunk),
            server::Event::Mail { .. } => {
                self.recipients = 0;
                self.session.accept(now);
            }
            server::Event::Rcpt { forward_path, .. } if forward_path.to_string().starts_with("no") => {
                self.session.refuse(Reply::new(550, (5, 1, 1), "nobody"), now);
            }
            server::Event::Rcpt { .. } => {
                self.recipients += 1;
                self.session.accept(now);
            }
            server::Event::DataStart => self.session.accept(now),
            server::Event::BodyEnd => {
                self.bodies.push(std::mem::take(&mut self.body));
                if lmtp {
                    self.session.answer_each(vec![kept; self.recipients], now);
                } else {
                    self.session.answer(kept, now);
                }
            }
            _ => {}
        }
        true
    }
}

/// Carries octets in pieces of `cut` between both until nothing moves; `desk` gives its messages in pieces of `piece`.
fn connect(desk: &mut Desk, office: &mut Office, cut: usize, piece: usize) {
    let lmtp = desk.session_is_lmtp();
    let now = Moment::default();
    let mut rest: Vec<u8> = Vec::new();
    let mut wants_body = false;
    loop {
        let mut moved = office.answer(lmtp);
        let output = &desk.session.output()[..cut.min(desk.session.output().len())];
        let taken = office.session.receive(output, now);
        desk.session.sent(taken);
        let output = &office.session.output()[..cut.min(office.session.output().len())];
        let heard = desk.session.receive(output, now);
        office.session.sent(heard);
        moved |= taken + heard > 0;
        if let Some(event) = desk.session.poll() {
            moved = true;
            desk.story.events.push(word(&event));
            match event {
                Event::WantsBody => (rest, wants_body) = (std::mem::take(&mut desk.content), true),
                Event::Greeted | Event::Recipient { .. } | Event::Closed { .. } => {}
                _ => desk.wish(),
            }
        }
        if wants_body {
            moved = true;
            let given = desk.session.body(&rest[..piece.min(rest.len())], now);
            rest.drain(..given);
            if rest.is_empty() {
                desk.session.end_body(now);
                wants_body = false;
            }
        }
        if !moved {
            return;
        }
    }
}

impl Desk {
    fn session_is_lmtp(&self) -> bool {
        self.session.policy.flavour == Flavour::Lmtp
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_the_server_reads_is_what_was_given(
        content in prop::collection::vec(prop::sample::select(b"\r\n.a\0\xff".to_vec()), 0..200),
        times in prop::sample::select(vec![1usize, 700]),
        cut in prop::sample::select(vec![1usize, 3, 1000, 60_000]),
        piece in prop::sample::select(vec![1usize, 2, 50_000]),
        lmtp: bool,
    ) {
        prop_assume!(times == 1 || cut >= 1000 && piece > 2);
        let content = content.repeat(times);
        let flavour = if lmtp { Flavour::Lmtp } else { Flavour::Smtp };
        let mut binary = to(&["u", "no", "v"]);
        binary.options.body = Some(BodyType::BinaryMime);
        let names = ["no", "u", "v"];
        let wishes = [
            Wish::Send(to(&names), content.clone()),
            Wish::Send(to(&["no"]), content.clone()),
            chunked(&names, &content),
            Wish::Send(binary, content.clone()),
        ];
        let (mut desk, mut office) = (Desk::new(policy(flavour), &wishes), Office::new(flavour));
        connect(&mut desk, &mut office, cut, piece);
        let lines = repaired(&content);
        prop_assert!(office.bodies == [lines.clone(), lines, content], "{:?}", desk.story.events);
        let done = if lmtp { "done 250,250" } else { "done 250" };
        let events = desk.story.events;
        prop_assert_eq!(events.iter().filter(|told| *told == done).count(), 3);
        prop_assert_eq!(events.iter().filter(|told| *told == "failed RCPT 550").count(), 1);
        prop_assert_eq!(events.last().map(String::as_str), Some("closed QUIT: we hung up"));
    }
}
