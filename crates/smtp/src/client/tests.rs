use super::reader::{Garbage, ReplyReader};
use super::*;
use crate::extension::body::BodyType;
use crate::policy::Flavour;
use model::{Domain, ForwardPath, Moment, ReversePath};
use proptest::prelude::*;
use std::time::Duration;

mod replies;
mod server;

/// What the caller does, one after the other, whenever the session is idle; then it quits.
#[derive(Clone, Debug)]
enum Wish {
    StartTls,
    Auth(Option<&'static [u8]>),
    Send(Transaction, Vec<u8>),
}

/// What came of it: events in words, and everything written.
#[derive(PartialEq, Debug, Default)]
struct Story {
    events: Vec<String>,
    output: Vec<u8>,
}

/// A caller.
struct Desk {
    session: Session,
    wishes: Vec<Wish>,
    content: Vec<u8>,
    story: Story,
    now: Moment,
}

const EHLO: &str = "220 b.test\r\n250-b.test\r\n250-SIZE 1000\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250-DSN\r\n";
const PLAIN: &str = "250 8BITMIME\r\n";
const PIPED: &str = "250 PIPELINING\r\n";

fn policy(flavour: Flavour) -> Policy {
    let mut policy = Policy::new(Domain::new("a.test").unwrap());
    policy.flavour = flavour;
    policy
}

fn to(names: &[&str]) -> Transaction {
    let address = |name: &&str| ForwardPath::Address(format!("{name}@b.test").parse().unwrap());
    let recipients = names.iter().map(address).map(Recipient::new).collect();
    Transaction::new(ReversePath::Address("s@a.test".parse().unwrap()), recipients)
}

fn send(names: &[&str]) -> Wish {
    Wish::Send(to(names), b"Subject: x\r\n\r\n.dot\r\n".to_vec())
}

fn chunked(names: &[&str], content: &[u8]) -> Wish {
    Wish::Send(Transaction { framing: Framing::Bdat, ..to(names) }, content.to_vec())
}

impl Desk {
    fn new(policy: Policy, wishes: &[Wish]) -> Desk {
        let now = Moment::default();
        let (session, wishes) = (Session::new(policy.into(), now), wishes.iter().rev().cloned().collect());
        Desk { session, wishes, content: vec![], story: Story::default(), now }
    }

    /// Gives octets to the session until it takes no more.
    fn feed(&mut self, mut input: &[u8]) {
        loop {
            let taken = self.session.receive(input, self.now);
            input = &input[taken..];
            let acted = self.act();
            if taken == 0 && !acted {
                return;
            }
        }
    }

    fn act(&mut self) -> bool {
        self.write();
        let Some(event) = self.session.poll() else { return false };
        match &event {
            Event::WantsBody => self.give_body(),
            Event::Ready | Event::Done { .. } | Event::TransactionFailed { .. } | Event::AuthDone(_) => self.wish(),
            Event::StartTls(Err(_)) => self.wish(),
            Event::StartTls(Ok(())) => {
                let next = Session::new(policy(Flavour::Smtp).into(), self.now);
                self.session = std::mem::replace(&mut self.session, next).secured(self.now);
            }
            Event::Challenge(challenge) if challenge == b"stop" => self.session.respond(None, self.now).unwrap(),
            Event::Challenge(challenge) => self.session.respond(Some(challenge), self.now).unwrap(),
            Event::Greeted | Event::Recipient { .. } | Event::Closed { .. } => {}
        }
        self.story.events.push(word(&event));
        self.write();
        true
    }

    fn wish(&mut self) {
        if self.session.is_closed() || !self.session.is_idle() {
            return;
        }
        match self.wishes.pop() {
            None => self.session.quit(self.now),
            Some(Wish::StartTls) => self.session.start_tls(self.now).unwrap(),
            Some(Wish::Auth(initial)) => self.session.auth("PLAIN", initial, self.now).unwrap(),
            Some(Wish::Send(transaction, content)) => {
                self.content = content;
                self.session.begin(transaction, self.now).unwrap();
            }
        }
    }

    fn give_body(&mut self) {
        let mut rest = &*std::mem::take(&mut self.content);
        while !rest.is_empty() {
            let taken = self.session.body(rest, self.now);
            rest = &rest[taken..];
            assert!(taken > 0 || !self.session.output().is_empty());
            let output = self.session.output();
            self.story.output.extend_from_slice(output);
            self.session.sent(output.len());
        }
        self.session.end_body(self.now);
    }

    fn write(&mut self) {
        let output = self.session.output();
        assert!(output.len() <= 64 << 10);
        self.story.output.extend_from_slice(output);
        self.session.sent(output.len());
    }
}

fn word(event: &Event) -> String {
    let answer =
        |result: &Result<(), Answer>| result.as_ref().map_or_else(|no| no.code.to_string(), |()| "ok".to_owned());
    match event {
        Event::StartTls(result) => format!("starttls {}", answer(result)),
        Event::AuthDone(result) => format!("auth {}", answer(result)),
        Event::Challenge(octets) => format!("challenge {}", String::from_utf8_lossy(octets)),
        Event::Recipient { ordinal, answer } => format!("rcpt {ordinal} {}", answer.code),
        Event::Done { answers } => {
            format!("done {}", answers.iter().map(|a| a.code.to_string()).collect::<Vec<_>>().join(","))
        }
        Event::TransactionFailed { stage, answer } => format!("failed {stage} {}", answer.code),
        Event::Closed { stage, reason } => format!("closed {stage}: {reason}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// The events behind `ready`, and what was written behind EHLO, to a server that says `replies` and then hangs up.
fn talk(flavour: Flavour, wishes: &[Wish], replies: &str) -> (String, String) {
    let mut desk = Desk::new(policy(flavour), wishes);
    desk.feed(replies.as_bytes());
    desk.session.input_ended();
    while desk.act() {}
    let output = String::from_utf8(desk.story.output).unwrap();
    let events = desk.story.events.join("; ");
    let events = events.strip_prefix("greeted; ready; ").unwrap_or(&events).to_owned();
    (events, output.split_once("\r\n").map_or(String::new(), |(_, rest)| rest.replace("\r\n", "|")))
}

fn check(wishes: &[Wish], replies: &str, events: &str, output: &str) {
    let (got_events, got_output) = talk(Flavour::Smtp, wishes, replies);
    assert_eq!((got_events.as_str(), got_output.as_str()), (events, output), "{replies}");
}

const ALL: &str = "MAIL FROM:<s@a.test>|RCPT TO:<u@b.test>|DATA|Subject: x||..dot|.|QUIT|";

#[test]
fn a_whole_transaction() {
    let replies = "250 ok\r\n250 ok\r\n354 go\r\n250 kept\r\n221 bye\r\n";
    for last in [PLAIN, PIPED] {
        let events = "rcpt 0 250; wantsbody; done 250; closed QUIT: we hung up";
        check(&[send(&["u"])], &format!("{EHLO}{last}{replies}"), events, ALL);
    }
}

#[test]
fn pipelining_sends_all_at_once_and_otherwise_one_by_one() {
    let check = |last: &str, said: &str| {
        let mut desk = Desk::new(policy(Flavour::Smtp), &[send(&["u", "v"])]);
        desk.feed(format!("{EHLO}{last}").as_bytes());
        assert_eq!(String::from_utf8_lossy(&desk.story.output), format!("EHLO a.test\r\n{said}"));
    };
    check(PLAIN, "MAIL FROM:<s@a.test>\r\n");
    check(PIPED, "MAIL FROM:<s@a.test>\r\nRCPT TO:<u@b.test>\r\nRCPT TO:<v@b.test>\r\nDATA\r\n");
}

/// Each stage with each kind of answer: what is told, behind what was said before. `R` are the replies up to the stage.
#[test]
fn every_stage_and_answer() {
    let ehlo = format!("{EHLO}{PLAIN}");
    let mail = format!("{ehlo}250 ok\r\n");
    let rcpt = format!("{mail}250 ok\r\n");
    let data = format!("{rcpt}354 go\r\n");
    let end = format!("{data}250 kept\r\n");
    let closed = |stage: &str, why: &str| format!("closed {stage}: {why}");
    let said = |code: u16| format!("the peer said {code} x");
    let rest = "221 bye\r\n";
    let bye = "closed QUIT: we hung up";
    let cases = [
        ("greeting", String::new(), "", [closed("greeting", &said(451)), closed("greeting", &said(551))]),
        ("EHLO", "220 x\r\n".into(), "greeted; ", [closed("EHLO", &said(451)), closed("EHLO", &said(551))]),
        ("MAIL", ehlo, "", [format!("failed MAIL 451; {bye}"), format!("failed MAIL 551; {bye}")]),
        ("RCPT", mail, "", [451, 551].map(|code| format!("rcpt 0 {code}; failed RCPT {code}; {bye}"))),
        ("DATA", rcpt, "rcpt 0 250; ", [451, 551].map(|code| format!("failed DATA {code}; {bye}"))),
        ("end of message", data, "rcpt 0 250; wantsbody; ", [451, 551].map(|code| format!("done {code}; {bye}"))),
        ("QUIT", end, "rcpt 0 250; wantsbody; done 250; ", [bye.into(), bye.into()]),
    ];
    for (stage, before, told, refused) in cases {
        let check = |reply: &str, events: &str| {
            let (got, _) = talk(Flavour::Smtp, &[send(&["u"])], &format!("{before}{reply}"));
            assert_eq!(got, format!("{told}{events}"), "{stage}: {reply}");
        };
        check(&format!("451 x\r\n{rest}"), &refused[0]);
        check(&format!("551 x\r\n{rest}"), &refused[1]);
        if stage != "QUIT" {
            check("421 x\r\n", &closed(stage, &said(421)));
            check("", &closed(stage, "the peer hung up"));
            check("what?\r\n", &closed(stage, "the peer's line is no reply: \"what?\""));
            let nonsense = if stage == "DATA" { "250 x" } else { "354 x" };
            let why = format!("the peer's answer to {stage} makes no sense: {nonsense}");
            check(&format!("{nonsense}\r\n"), &closed(stage, &why));
        }
        let mut desk = Desk::new(policy(Flavour::Smtp), &[send(&["u"])]);
        desk.feed(before.as_bytes());
        // A reply that drips in moves no deadline.
        let deadline = desk.session.deadline().unwrap();
        desk.now = Moment(Duration::from_secs(59));
        desk.feed(b"2");
        desk.session.expire(desk.now);
        assert_eq!(desk.session.deadline(), Some(deadline), "{stage}");
        desk.session.expire(deadline);
        desk.act();
        assert_eq!(desk.story.events.last().unwrap(), &closed(stage, "the peer took too long"));
        assert_eq!((desk.session.deadline(), desk.session.is_closed()), (None, true));
    }
}

#[test]
fn helo_where_ehlo_is_unknown() {
    let replies = "220 x\r\n502 what\r\n250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n250 kept\r\n221 bye\r\n";
    let (_, output) = talk(Flavour::Smtp, &[send(&["u"])], replies);
    assert_eq!(output, format!("HELO a.test|{}", ALL));
    let (events, output) = talk(Flavour::Lmtp, &[], "220 x\r\n502 what\r\n");
    assert_eq!((events.as_str(), output.as_str()), ("greeted; closed EHLO: the peer said 502 what", "QUIT|"));
}

#[test]
fn starttls_begins_anew() {
    let wishes = [Wish::StartTls];
    check(
        &wishes,
        &format!("{EHLO}{PLAIN}454 no\r\n221 bye\r\n"),
        "starttls 454; closed QUIT: we hung up",
        "STARTTLS|QUIT|",
    );
    let events = "starttls ok; ready; closed QUIT: we hung up";
    check(&wishes, &format!("{EHLO}{PLAIN}220 go\r\n250 b\r\n221 bye\r\n"), events, "STARTTLS|EHLO a.test|QUIT|");
    let mut session = Session::new(policy(Flavour::Smtp).into(), Moment::default());
    let mut receive = |input: &[u8]| {
        let taken = session.receive(input, Moment::default());
        while session.poll().is_some() {}
        session.sent(usize::MAX);
        if session.is_idle() {
            session.start_tls(Moment::default()).unwrap();
            session.sent(usize::MAX);
        }
        taken
    };
    assert_eq!([receive(b"220 x\r\n"), receive(b"250-x\r\n250 STARTTLS\r\n")], [7, 21]);
    // What is smuggled in behind the agreement is not even taken.
    assert_eq!(receive(b"220 go\r\n250 mallory\r\n"), 8);
    assert_eq!(receive(b"250 mallory\r\n"), 0);
}

#[test]
fn authentication_in_base64() {
    let check_auth = |initial, replies: &str, events: &str, output: &str| {
        check(&[Wish::Auth(initial)], &format!("{EHLO}{PLAIN}{replies}221 bye\r\n"), events, output);
    };
    let bye = "closed QUIT: we hung up";
    check_auth(Some(b"\0a\0b"), "235 ok\r\n", &format!("auth ok; {bye}"), "AUTH PLAIN AGEAYg==|QUIT|");
    check_auth(Some(b""), "535 no\r\n", &format!("auth 535; {bye}"), "AUTH PLAIN =|QUIT|");
    check_auth(None, "334 aGk=\r\n235 ok\r\n", &format!("challenge hi; auth ok; {bye}"), "AUTH PLAIN|aGk=|QUIT|");
    check_auth(None, "334\r\n235 ok\r\n", &format!("challenge ; auth ok; {bye}"), "AUTH PLAIN||QUIT|");
    check_auth(None, "334 c3RvcA\r\n501 no\r\n", &format!("challenge stop; auth 501; {bye}"), "AUTH PLAIN|*|QUIT|");
    check_auth(None, "334 a=b\r\n", "closed AUTH: the peer's challenge cannot be read", "AUTH PLAIN|");
    let endless = "334 \r\n".repeat(17);
    let (events, _) = talk(Flavour::Smtp, &[Wish::Auth(None)], &format!("{EHLO}{PLAIN}{endless}"));
    assert!(events.ends_with("closed AUTH: the peer's challenge cannot be read"), "{events}");
}

#[test]
fn some_recipients_are_refused() {
    let replies = "250 ok\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n250 kept\r\n221 bye\r\n";
    let events = "rcpt 0 550; rcpt 1 250; wantsbody; done 250; closed QUIT: we hung up";
    for last in [PLAIN, PIPED] {
        let (got, _) = talk(Flavour::Smtp, &[send(&["u", "v"])], &format!("{EHLO}{last}{replies}"));
        assert_eq!(got, events);
    }
}

#[test]
fn a_data_that_nobody_wants_gets_a_dot() {
    let all = "MAIL FROM:<s@a.test>|RCPT TO:<u@b.test>|DATA|";
    let check = |replies: &str, events: &str, output: &str| {
        check(&[send(&["u"])], &format!("{EHLO}{PIPED}{replies}"), events, &format!("{all}{output}"));
    };
    let bye = "closed QUIT: we hung up";
    let refused = format!("rcpt 0 550; failed RCPT 550; {bye}");
    check("250 ok\r\n550 no\r\n354 go\r\n554 nobody\r\n221 bye\r\n", &refused, ".|QUIT|");
    check("250 ok\r\n550 no\r\n503 no\r\n221 bye\r\n", &refused, "QUIT|");
    check("450 no\r\n503 no\r\n503 no\r\n221 bye\r\n", &format!("failed MAIL 450; {bye}"), "QUIT|");
    check("450 no\r\n503 no\r\n354 go\r\n554 no\r\n221 bye\r\n", &format!("failed MAIL 450; {bye}"), ".|QUIT|");
    // A dot would deliver an empty message.
    let nonsense = "failed MAIL 450; closed DATA: the peer's answer to DATA makes no sense: 354 go";
    check("450 no\r\n250 ok\r\n354 go\r\n", nonsense, "");
    check("250 ok\r\n550 no\r\n421 bye\r\n", "rcpt 0 550; failed RCPT 550; closed DATA: the peer said 421 bye", "");
}

#[test]
fn a_failed_transaction_is_reset_before_the_next() {
    let wishes = [send(&["u"]), send(&["v"])];
    let second = "RSET|MAIL FROM:<s@a.test>|RCPT TO:<v@b.test>|DATA|Subject: x||..dot|.|QUIT|";
    let replies = "250 ok\r\n550 no\r\n250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n250 kept\r\n221 bye\r\n";
    let events = "rcpt 0 550; failed RCPT 550; rcpt 0 250; wantsbody; done 250; closed QUIT: we hung up";
    let output = format!("MAIL FROM:<s@a.test>|RCPT TO:<u@b.test>|{second}");
    check(&wishes, &format!("{EHLO}{PLAIN}{replies}"), events, &output);
}

#[test]
fn lmtp_answers_each_recipient() {
    let ehlo = format!("220 x\r\n250-x\r\n{PIPED}250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n");
    let told = "rcpt 0 250; rcpt 1 550; rcpt 2 250; wantsbody; ";
    let check = |replies: &str, events: &str| {
        let (got, _) = talk(Flavour::Lmtp, &[send(&["u", "v", "w"])], &format!("{ehlo}{replies}"));
        assert_eq!(got, format!("{told}{events}"));
    };
    check("250 ok\r\n452-full\r\n452 up\r\n221 bye\r\n", "done 250,452; closed QUIT: we hung up");
    check("250 ok\r\n", "done 250; closed end of message: the peer hung up");
    check("250 ok\r\n421 no\r\n", "done 250; closed end of message: the peer said 421 no");
    check("", "closed end of message: the peer hung up");
    let (got, _) =
        talk(Flavour::Lmtp, &[send(&["u"])], &format!("220 x\r\n250-x\r\n{PIPED}250 ok\r\n550 no\r\n354 go\r\n"));
    let why = "closed DATA: the peer's answer to DATA makes no sense: 354 go";
    assert_eq!(got, format!("rcpt 0 550; failed RCPT 550; {why}"));
}

#[test]
fn what_is_said_in_the_middle_of_a_message() {
    let check = |reply: &str, told: &[&str]| {
        let mut desk = Desk::new(policy(Flavour::Smtp), &[send(&["u"])]);
        desk.feed(format!("{EHLO}{PIPED}250 ok\r\n250 ok\r\n").as_bytes());
        desk.session.receive(b"354 go\r\n", desk.now);
        assert_eq!(desk.session.poll(), Some(Event::WantsBody));
        assert_eq!(desk.session.deadline(), None);
        desk.session.body(b"half a line", desk.now);
        assert_eq!(desk.session.deadline(), Some(desk.now + ClientTimeouts::default().block));
        desk.session.receive(reply.as_bytes(), desk.now);
        let events: Vec<_> = std::iter::from_fn(|| desk.session.poll()).map(|event| word(&event)).collect();
        assert_eq!(events, told);
        // The caller may not know yet.
        assert_eq!((desk.session.room(), desk.session.body(b"more", desk.now)), (0, 4));
        desk.session.end_body(desk.now);
        assert!(desk.session.output().is_empty());
    };
    check("552 no\r\n", &["failed message 552", "closed message: the peer said 552 no"]);
    check("421 no\r\n", &["closed message: the peer said 421 no"]);
    check("250 ok\r\n", &["closed message: the peer answers what was not asked: 250 ok"]);
}

#[test]
fn an_answer_without_a_question() {
    let mut desk = Desk::new(policy(Flavour::Smtp), &[]);
    desk.feed(b"220 x\r\n");
    desk.session.receive(b"250 x\r\n", desk.now);
    desk.session.poll();
    assert!(desk.session.is_idle() && desk.session.deadline().is_none());
    desk.session.receive(b"250 more\r\n", desk.now);
    assert_eq!(word(&desk.session.poll().unwrap()), "closed idle: the peer answers what was not asked: 250 more");
    assert_eq!(desk.session.begin(to(&["u"]), desk.now), Err(Unsendable::Busy));
}

#[test]
fn chunks() {
    let ehlo = format!("{EHLO}{PIPED}250 ok\r\n250 ok\r\n");
    let envelope = "MAIL FROM:<s@a.test>|RCPT TO:<u@b.test>|";
    let bye = "closed QUIT: we hung up";
    let events = format!("rcpt 0 250; wantsbody; done 250; {bye}");
    let replies = format!("{ehlo}250 kept\r\n221 bye\r\n");
    check(&[chunked(&["u"], b".a\nb")], &replies, &events, &format!("{envelope}BDAT 7 LAST|.a|b|QUIT|"));
    check(&[chunked(&["u"], b"")], &replies, &events, &format!("{envelope}BDAT 0 LAST|QUIT|"));
    let mut binary = to(&["u"]);
    binary.options.body = Some(BodyType::BinaryMime);
    let envelope = envelope.replace("test>|R", "test> BODY=BINARYMIME|R");
    let wish = Wish::Send(binary, b".a\nb".to_vec());
    check(&[wish], &replies, &events, &format!("{envelope}BDAT 4 LAST|.a\nbQUIT|"));
}

#[test]
fn a_refused_chunk_is_the_last() {
    let mut desk = Desk::new(policy(Flavour::Smtp), &[chunked(&["u"], b"")]);
    desk.feed(format!("{EHLO}{PIPED}250 ok\r\n").as_bytes());
    desk.session.receive(b"250 ok\r\n", desk.now);
    while desk.session.poll().is_some() {}
    let content = vec![b'x'; 40_000];
    let mut octets = 0;
    while octets < 20_000 {
        octets += desk.session.body(&content[octets..20_000], desk.now);
        desk.write();
    }
    assert!(String::from_utf8_lossy(&desk.story.output).contains("\r\nBDAT 20000\r\nxxx"));
    desk.story.output.clear();
    desk.session.receive(b"452 full\r\n", desk.now);
    assert_eq!(word(&desk.session.poll().unwrap()), "failed message 452");
    assert_eq!(desk.session.body(&content, desk.now), content.len());
    desk.session.end_body(desk.now);
    assert!(desk.session.output().is_empty() && desk.session.is_idle());
    desk.session.begin(to(&["v"]), desk.now).unwrap();
    assert!(desk.session.output().starts_with(b"RSET\r\nMAIL FROM:<s@a.test>\r\n"));
}

#[test]
fn parameters_that_are_offered_are_said() {
    let mut transaction = to(&["u"]);
    transaction.options = MailOptions {
        size: Some(12),
        body: Some(BodyType::EightBitMime),
        smtputf8: false,
        ret: Some(Ret::Headers),
        envid: Some("id+20".into()),
    };
    transaction.recipients[0].notify = Some("SUCCESS,DELAY".into());
    transaction.recipients[0].orcpt = Some("rfc822;o@b.test".into());
    let check = |ehlo: &str, said: &str| {
        let mut desk = Desk::new(policy(Flavour::Smtp), &[Wish::Send(transaction.clone(), vec![])]);
        desk.feed(format!("220 x\r\n250-x\r\n{ehlo}{PIPED}").as_bytes());
        assert_eq!(
            String::from_utf8_lossy(&desk.story.output).replace("\r\n", "|"),
            format!("EHLO a.test|{said}DATA|")
        );
    };
    check("", "MAIL FROM:<s@a.test>|RCPT TO:<u@b.test>|");
    check(
        "250-SIZE\r\n250-8BITMIME\r\n250-DSN\r\n",
        "MAIL FROM:<s@a.test> SIZE=12 BODY=8BITMIME RET=HDRS ENVID=id+20|\
         RCPT TO:<u@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o@b.test|",
    );
}

#[test]
fn what_cannot_be_sent_is_not_begun() {
    let mut desk = Desk::new(policy(Flavour::Smtp), &[]);
    desk.feed(b"220 x\r\n");
    desk.session.receive(b"250-x\r\n250 DSN\r\n", desk.now);
    desk.session.poll();
    let mut check = |why, change: &dyn Fn(&mut Transaction)| {
        let mut transaction = to(&["u"]);
        change(&mut transaction);
        assert_eq!(desk.session.begin(transaction, desk.now), Err(why));
        assert!(desk.session.output().is_empty() && desk.session.is_idle());
    };
    let text = |value: &str| Some(value.to_owned());
    for bad in ["a\r\nRCPT TO:<x@y.test>", "a b", "", "a\n", "ä", "a=b"] {
        check(Unsendable::Value("ENVID"), &|t| t.options.envid = text(bad));
        check(Unsendable::Value("ORCPT"), &|t| t.recipients[0].orcpt = text(bad));
        check(Unsendable::Value("NOTIFY"), &|t| t.recipients[0].notify = text(bad));
    }
    check(Unsendable::NoRecipient, &|t| t.recipients.clear());
    check(Unsendable::TooManyRecipients, &|t| t.recipients = vec![t.recipients[0].clone(); 1025]);
    check(Unsendable::NotOffered("SMTPUTF8"), &|t| t.options.smtputf8 = true);
    check(Unsendable::NotOffered("CHUNKING"), &|t| t.framing = Framing::Bdat);
    check(Unsendable::NotOffered("BINARYMIME"), &|t| t.options.body = Some(BodyType::BinaryMime));
    check(Unsendable::NotAscii, &|t| t.reverse_path = ReversePath::Address("jörg@b.test".parse().unwrap()));
    for bad in ["plain", "A\r\nB", "", "ABCDEFGHIJKLMNOPQRSTU"] {
        assert_eq!(desk.session.auth(bad, None, desk.now), Err(Unsendable::Value("AUTH")));
    }
    assert_eq!(desk.session.respond(None, desk.now), Err(Unsendable::Busy));
}

#[test]
fn many_recipients_go_out_in_bounded_groups() {
    let names: Vec<String> = (0..1024).map(|n| format!("u{n}")).collect();
    let transaction = to(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut desk = Desk::new(policy(Flavour::Smtp), &[Wish::Send(transaction, b"x".to_vec())]);
    desk.feed(format!("{EHLO}{PIPED}").as_bytes());
    let outstanding = String::from_utf8_lossy(&desk.story.output).lines().count() - 1;
    assert_eq!(outstanding, 100);
    desk.feed(format!("{}354 go\r\n250 ok\r\n221 bye\r\n", "250 ok\r\n".repeat(1025)).as_bytes());
    assert_eq!(desk.story.events.iter().filter(|told| told.starts_with("rcpt")).count(), 1024);
    assert_eq!(desk.story.events.last().unwrap(), "closed QUIT: we hung up");
}

#[test]
fn a_transaction_has_an_end_of_its_own() {
    let mut desk = Desk::new(policy(Flavour::Smtp), &[send(&["u", "v"])]);
    desk.feed(format!("{EHLO}{PLAIN}").as_bytes());
    let whole = ClientTimeouts::default().transaction;
    desk.now = Moment(whole - Duration::from_secs(1));
    desk.feed(b"250 ok\r\n250 ok\r\n");
    assert_eq!(desk.session.deadline(), Some(Moment(whole)));
    desk.feed(b"250 ok\r\n354 go\r\n");
    // The answer to a whole message is waited for, so that it is not sent twice.
    assert_eq!(desk.session.deadline(), Some(desk.now + ClientTimeouts::default().body_end));
}
