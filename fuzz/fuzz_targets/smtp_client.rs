//! A client's session tells the same however the server's octets are cut, never holds more output than it promises, and
//! lets no bare CR or LF out.
//!
//! The first octet chooses protocol, cut, size and what is wanted; the rest is what the server sends, of large ones with
//! `runs` spelled out.
#![no_main]

mod runs;

use libfuzzer_sys::fuzz_target;
use model::{Domain, ForwardPath, Moment, ReversePath};
use smtp::Flavour;
use smtp::client::{Event, Framing, Policy, Recipient, Session, Transaction};

/// What a session told its caller, and what it said.
#[derive(PartialEq, Debug, Default)]
struct Story {
    events: Vec<Event>,
    output: Vec<u8>,
}

struct Caller {
    session: Session,
    story: Story,
    wishes: u8,
    framing: Framing,
    now: Moment,
}

const CONTENT: &[u8] = b"Subject: x\n\n.dot\r.\n.\r\n..\r\r\nend";

impl Caller {
    fn write(&mut self) {
        let output = self.session.output();
        assert!(output.len() <= 64 << 10);
        self.story.output.extend_from_slice(output);
        self.session.sent(output.len());
    }

    /// Answers the next event.
    fn act(&mut self) -> bool {
        self.write();
        let Some(event) = self.session.poll() else { return false };
        let (session, now) = (&mut self.session, self.now);
        match &event {
            Event::WantsBody => {
                assert_eq!(session.body(CONTENT, now), CONTENT.len());
                session.end_body(now);
            }
            Event::Challenge(challenge) => session.respond(Some(challenge), now).expect("a challenge waits"),
            Event::Greeted | Event::Recipient { .. } | Event::Closed { .. } => {}
            Event::StartTls(Ok(())) => {
                let next = Session::new(policy(Flavour::Smtp).into(), now);
                *session = std::mem::replace(session, next).secured(now);
            }
            _ if session.is_idle() => self.wish(),
            _ => {}
        }
        if let Event::Recipient { answer, .. } | Event::TransactionFailed { answer, .. } = &event {
            let printable = |b: u8| b == b'\n' || (b' '..=b'~').contains(&b);
            assert!(answer.text.len() <= 2048 && answer.text.bytes().all(printable) && answer.code >= 200);
        }
        self.story.events.push(event);
        self.write();
        true
    }

    fn wish(&mut self) {
        let (session, now) = (&mut self.session, self.now);
        self.wishes = self.wishes.wrapping_add(1);
        match self.wishes % 8 {
            0 => session.quit(now),
            1 => session.auth("PLAIN", Some(b"\0a\0b"), now).expect("it is idle"),
            2 => session.start_tls(now).expect("it is idle"),
            3 => session.reset(now).expect("it is idle"),
            _ => {
                let to = |text: &str| Recipient::new(ForwardPath::Address(text.parse().expect("an address")));
                let mut transaction = Transaction::new(ReversePath::Null, vec![to("a@b.test"), to("c@b.test")]);
                if session.extensions().chunking {
                    transaction.framing = self.framing;
                }
                session.begin(transaction, now).expect("it is idle, and nothing wants an extension");
            }
        }
    }
}

fn policy(flavour: Flavour) -> Policy {
    let mut policy = Policy::new(Domain::new("a.test").expect("a domain"));
    policy.flavour = flavour;
    policy
}

fn run(choice: u8, input: &[u8], cut: usize) -> Story {
    let now = Moment::default();
    let flavour = if choice & 1 == 0 { Flavour::Smtp } else { Flavour::Lmtp };
    let framing = if choice & 2 == 0 { Framing::Data } else { Framing::Bdat };
    let session = Session::new(policy(flavour).into(), now);
    let mut caller = Caller { session, story: Story::default(), wishes: choice >> 2, framing, now };
    for piece in input.chunks(cut) {
        let mut rest = piece;
        loop {
            let taken = caller.session.receive(rest, now);
            rest = rest.get(taken..).unwrap_or_default();
            let acted = caller.act();
            if taken == 0 && !acted {
                break;
            }
        }
    }
    if let Some(deadline) = caller.session.deadline() {
        caller.session.expire(deadline);
    }
    caller.session.input_ended();
    while caller.act() {}
    assert!(caller.session.is_closed());
    caller.story
}

/// RFC 5321 §2.3.8.
fn lines_are_whole(output: &[u8]) -> bool {
    let pairs = output.windows(2).all(|pair| (pair[0] == b'\r') == (pair[1] == b'\n'));
    pairs && output.first() != Some(&b'\n') && output.last() != Some(&b'\r')
}

fuzz_target!(|octets: &[u8]| {
    let Some((&choice, input)) = octets.split_first() else { return };
    // Long inputs take long, so only some are.
    let large = choice >= 224;
    let input = if large { runs::expand(input) } else { input.to_vec() };
    let whole = run(choice, &input, usize::MAX);
    assert!(lines_are_whole(&whole.output));
    if !large {
        assert_eq!(whole, run(choice, &input, 1));
    }
    assert_eq!(whole, run(choice, &input, usize::from(choice >> 3) + 1));
});
