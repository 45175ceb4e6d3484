mod auth;

use super::*;
use crate::policy::{Flavour, Policy, StartTls};
use crate::reply::Reply;
use model::{Domain, Moment};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// A caller that takes mail for `u…@example.test`, and writes down what it was asked.
struct Desk {
    session: Session,
    /// Events in words; the octets of a message in one piece.
    events: Vec<String>,
    body: Vec<u8>,
    recipients: usize,
    output: Vec<u8>,
    now: Moment,
    mechanism: auth::Mechanism,
}

fn policy() -> Policy {
    let mut policy = Policy::new(Domain::new("mx.example.test").unwrap());
    policy.start_tls = StartTls::Offered;
    policy.size_max_octets = 1000;
    policy.recipients_max = 3;
    policy
}

fn shown(said: &Secret) -> String {
    String::from_utf8_lossy(said.expose()).escape_debug().to_string()
}

fn desk(policy: Policy) -> Desk {
    let session = Session::new(Arc::new(policy), Security::Clear, Moment::default());
    let (now, mechanism) = (Moment::default(), auth::Mechanism::default());
    Desk { session, events: vec![], body: vec![], recipients: 0, output: vec![], now, mechanism }
}

impl Desk {
    /// Gives octets to the session until it takes no more; returns what is left.
    fn feed<'a>(&mut self, mut input: &'a [u8]) -> &'a [u8] {
        loop {
            let taken = self.session.receive(input, self.now);
            input = &input[taken..];
            let answered = self.answer_all();
            self.output.extend_from_slice(self.session.output());
            self.session.sent(self.session.output().len());
            if taken == 0 && !answered {
                return input;
            }
        }
    }

    fn answer_all(&mut self) -> bool {
        let mut any = false;
        while let Some(event) = self.session.poll() {
            any = true;
            let told = match &event {
                Event::Mail { reverse_path, params } => format!("mail {reverse_path}{params}"),
                Event::Rcpt { forward_path, params } => format!("rcpt {forward_path}{params}"),
                Event::Auth { mechanism, initial: None } => format!("auth {mechanism}"),
                Event::Auth { mechanism, initial: Some(said) } => format!("auth {mechanism} {}", shown(said)),
                Event::AuthResponse(said) => format!("response {}", shown(said)),
                Event::BodyChunk(chunk) => {
                    self.body.extend_from_slice(chunk);
                    continue;
                }
                Event::BodyEnd => format!("message {:?}", String::from_utf8_lossy(&std::mem::take(&mut self.body))),
                Event::Hello { name, .. } => format!("hello {name}"),
                other => format!("{other:?}"),
            };
            self.answer(&told);
            self.events.push(told);
        }
        any
    }

    fn answer(&mut self, told: &str) {
        let (session, now) = (&mut self.session, self.now);
        let path = told.split(' ').nth(1).unwrap_or_default();
        match told.split(' ').next().unwrap() {
            "auth" | "response" => self.mechanism.step(session, told, now),
            "mail" if told.contains("refused@") => session.refuse(Reply::new(550, (5, 7, 1), "not you"), now),
            "rcpt" if path.starts_with('u') && path.ends_with("@example.test") || path == "postmaster" => {
                self.recipients += 1;
                session.accept(now);
            }
            "rcpt" => session.refuse(Reply::new(550, (5, 1, 1), "unknown"), now),
            "mail" => {
                self.recipients = 0;
                session.accept(now);
            }
            "DataStart" if told.contains("refused") => session.refuse(Reply::local_error("not now"), now),
            "DataStart" => session.accept(now),
            "message" if session.protocol_name().contains("LMTP") => {
                let replies = (0..self.recipients).map(|n| Reply::new(250, (2, 0, 0), format!("kept {n}")));
                session.answer_each(replies.collect(), now);
            }
            "message" => session.answer(Reply::new(250, (2, 0, 0), "kept"), now),
            "BodyAborted" => self.body.clear(),
            _ => {}
        }
    }

    fn codes(&self) -> String {
        let text = String::from_utf8(self.output.clone()).unwrap();
        let last = text.split_terminator("\r\n").filter(|line| line.as_bytes()[3] == b' ');
        last.map(|line| &line[..3]).collect::<Vec<_>>().join(" ")
    }
}

/// What is replied to `input` behind a greeting, in codes, and what the caller was told.
fn talk(policy: Policy, input: impl AsRef<[u8]>) -> (String, Vec<String>) {
    let mut desk = desk(policy);
    desk.feed(input.as_ref());
    (desk.codes(), desk.events)
}

const HEAD: &str = "EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<u@example.test>\r\n";

#[test]
fn a_whole_transaction() {
    let mut desk = desk(policy());
    desk.feed(format!("{HEAD}DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n").as_bytes());
    let said = String::from_utf8(desk.output.clone()).unwrap();
    assert_eq!(
        said,
        "220 mx.example.test ESMTP ready\r\n\
         250-mx.example.test greets c.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250-8BITMIME\r\n\
         250-BINARYMIME\r\n250-CHUNKING\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-LIMITS RCPTMAX=3 MAILMAX=1000\r\n\
         250 HELP\r\n\
         250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n354 send the message, ended by a line with a dot alone\r\n\
         250 2.0.0 kept\r\n221 2.0.0 mx.example.test says goodbye\r\n"
    );
    let events = [
        "hello c.test",
        "mail <a@b.test>",
        "rcpt u@example.test",
        "DataStart",
        "message \"Subject: x\\r\\n\\r\\n.dot\\r\\n\"",
        "Quit",
    ];
    assert_eq!(desk.events, events);
    assert!(desk.session.is_closing());
}

#[test]
fn order_and_answers() {
    let check = |input: &str, codes: &str| assert_eq!(talk(policy(), input).0, format!("220 {codes}"), "{input:?}");
    check("MAIL FROM:<a@b.test>\r\n", "503");
    check("EHLO c\r\nRCPT TO:<u@example.test>\r\nDATA\r\n", "250 503 503");
    check("EHLO c\r\nMAIL FROM:<a@b.test>\r\nMAIL FROM:<a@b.test>\r\n", "250 250 503");
    check("EHLO c\r\nMAIL FROM:<refused@b.test>\r\nRCPT TO:<u@example.test>\r\n", "250 550 503");
    check("EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<no@example.test>\r\nDATA\r\nRSET\r\n", "250 250 550 554 250");
    check(&format!("{HEAD}RSET\r\nRCPT TO:<u@example.test>\r\n"), "250 250 250 250 503");
    check(&format!("{HEAD}EHLO c\r\nDATA\r\n"), "250 250 250 250 503");
    check("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nDATA\r\nx\r\n.\r\n", "250 250 250 354 250");
    check(
        "HELO c\r\nVRFY u\r\nEXPN u\r\nNOOP\r\nHELP\r\nAUTH PLAIN AGEAYg==\r\nXCLIENT A=B\r\n",
        "250 252 502 250 214 502 500",
    );
    check("LHLO c\r\n", "500");
    check("EHLO c\r\nMAIL FROM:<a@b.test> SIZE=1001\r\n", "250 552");
    check("EHLO c\r\nMAIL FROM:<a@b.test> SIZE=99999999999999999999\r\n", "250 552");
    check(
        "EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<ü@example.test>\r\nRCPT TO:<u@exämple.test>\r\n",
        "250 250 553 553",
    );
    check("EHLO c\r\nMAIL FROM:<a@b.test> SMTPUTF8\r\nRCPT TO:<uü@example.test>\r\n", "250 250 250");
    check(
        &format!("{HEAD}RCPT TO:<u2@example.test>\r\nRCPT TO:<u3@example.test>\r\nRCPT TO:<u4@example.test>\r\n"),
        "250 250 250 250 250 452",
    );
}

#[test]
fn one_end_of_data_whatever_is_tried() {
    let evil =
        "MAIL FROM:<ceo@example.test>\r\nRCPT TO:<u@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n";
    for sequence in [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r\n.\r",
        "\r.\r",
        "\r.\r\n",
        "\r.\n",
        "\r\n.\r\r\n",
        "\r\n\0.\r\n",
        "\r\n.\0\r\n",
        "\n\r.\r\n",
        "\r\n .\r\n",
        "\r\n. \r\n",
        "\r\n\x0b.\r\n",
        "\u{2028}.\u{2028}",
        "\u{85}.\u{85}",
    ] {
        let (codes, events) = talk(policy(), format!("{HEAD}DATA\r\nSubject: outer\r\n\r\nbody{sequence}{evil}"));
        let bare = sequence.replace("\r\n", "").contains(['\r', '\n']);
        assert_eq!(codes, format!("220 250 250 250 354 {}", if bare { 550 } else { 250 }), "{sequence:?}");
        assert_eq!(events.iter().filter(|event| event.starts_with("mail")).count(), 1, "{sequence:?}");
        assert_eq!(events.contains(&"BodyAborted".to_string()), bare, "{sequence:?}");
    }
}

#[test]
fn a_refused_message_is_read_on_over_a_cr_at_a_cut() {
    let mut desk = desk(policy());
    desk.feed(format!("{HEAD}DATA\r\na\nb\r").as_bytes());
    assert_eq!(desk.session.receive(b"c\r\n", desk.now), 3);
    desk.feed(b".\r\nNOOP\r\n");
    assert!(desk.codes().ends_with("354 550 250"));
}

#[test]
fn chunks() {
    let check = |input: &str, codes: &str, message: &str| {
        let (got, events) = talk(policy(), input);
        assert_eq!(got, format!("220 {codes}"), "{input:?}");
        let messages: Vec<_> =
            events.into_iter().filter_map(|e| e.strip_prefix("message ").map(String::from)).collect();
        assert_eq!(messages.join(","), message, "{input:?}");
    };
    let binary = HEAD.replace("b.test>", "b.test> BODY=BINARYMIME");
    check(
        &format!("{HEAD}BDAT 3\r\na\r\nBDAT 4 LAST\r\n.\r\nbNOOP\r\n"),
        "250 250 250 250 250 250",
        "\"a\\r\\n.\\r\\nb\"",
    );
    check(&format!("{HEAD}BDAT 2\r\na\rBDAT 2\r\n\nbBDAT 0 LAST\r\n"), "250 250 250 250 250 250", "\"a\\r\\nb\"");
    check(&format!("{HEAD}BDAT 4 LAST\r\na\n.\nNOOP\r\n"), "250 250 250 550 250", "");
    check(&format!("{HEAD}BDAT 2 LAST\r\na\rNOOP\r\n"), "250 250 250 550 250", "");
    check(&format!("{HEAD}BDAT 2\r\n\nbBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"), "250 250 250 550 503 250", "");
    check(&format!("{binary}BDAT 4 LAST\r\na\r\n\nNOOP\r\n"), "250 250 250 250 250", "\"a\\r\\n\\n\"");
    check(&format!("{binary}DATA\r\n"), "250 250 250 503", "");
    check(&format!("{HEAD}BDAT 1\r\naDATA\r\nRCPT TO:<u@example.test>\r\nRSET\r\n"), "250 250 250 250 503 503 250", "");
    check("EHLO c\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "250 503 250", "");
    check(&format!("{HEAD}BDAT 99999999999999999999\r\nNOOP\r\n"), "250 250 250 501", "");
    check(&format!("{HEAD}BDAT 2001\r\nNOOP\r\n"), "250 250 250 552", "");
    check(&format!("{HEAD}BDAT 1001\r\n{}NOOP\r\n", "x".repeat(1001)), "250 250 250 552 250", "");
    check("EHLO c\r\nBDAT 2001\r\nNOOP\r\n", "250 503", "");
}

#[test]
fn lmtp_answers_for_each_recipient() {
    let lmtp = || Policy { flavour: Flavour::Lmtp, ..policy() };
    let head = "LHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<u1@example.test>\r\nRCPT TO:<x@example.test>\r\nRCPT TO:<u2@example.test>\r\n";
    let check = |input: &str, codes: &str| assert_eq!(talk(lmtp(), input).0, format!("220 {codes}"), "{input:?}");
    check("EHLO c\r\nHELO c\r\n", "500 500");
    check(&format!("{head}DATA\r\nx\r\n.\r\nNOOP\r\n"), "250 250 250 550 250 354 250 250 250");
    check(&format!("{head}DATA\r\nx\n\r\n.\r\nNOOP\r\n"), "250 250 250 550 250 354 550 550 250");
    check(&format!("{head}BDAT 1\r\nxBDAT 1 LAST\r\nyNOOP\r\n"), "250 250 250 550 250 250 250 250 250");
    check("LHLO c\r\nMAIL FROM:<a@b.test>\r\nDATA\r\n", "250 250 503");
    let many = Policy { recipients_max: 1000, ..lmtp() };
    let rcpt = "RCPT TO:<u@example.test>\r\n".repeat(1000);
    let (codes, _) = talk(many, format!("LHLO c\r\nMAIL FROM:<a@b.test>\r\n{rcpt}DATA\r\n.\r\nQUIT\r\n"));
    assert_eq!(codes, format!("220 250 250 {}354 {}221", "250 ".repeat(1000), "250 ".repeat(1000)));
}

#[test]
fn relay_tricks_are_no_path_or_say_where_they_go() {
    let check = |path: &str, event: Option<&str>| {
        let (codes, events) = talk(policy(), format!("EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:{path}\r\n"));
        assert!(
            codes.ends_with("250 501") || codes.ends_with("250 550") || codes.ends_with("250 500"),
            "{path}: {codes}"
        );
        assert_eq!(events.get(2).map(String::as_str), event, "{path}");
    };
    check("<x@elsewhere.test>", Some("rcpt x@elsewhere.test"));
    check("<x%elsewhere.test@example.test>", Some("rcpt x%elsewhere.test@example.test"));
    check("<@example.test:x@elsewhere.test>", Some("rcpt x@elsewhere.test"));
    check("<\"x@elsewhere.test\"@example.test>", Some("rcpt \"x@elsewhere.test\"@example.test"));
    check("<elsewhere.test!x@example.test>", Some("rcpt elsewhere.test!x@example.test"));
    check("<x@[127.0.0.1]>", Some("rcpt x@[127.0.0.1]"));
    check("<x@[IPv6:::1]>", Some("rcpt x@[ipv6:::1]"));
    check("<x@example.test.elsewhere.test>", Some("rcpt x@example.test.elsewhere.test"));
    for path in [
        "<\"x%elsewhere.test\">",
        "<x@elsewhere.test@example.test>",
        "<x@elsewhere.test@>",
        "<x@elsewhere.test(example.test)>",
        "<x@elsewhere.test\0@example.test>",
        "<x@elsewhere.test>,<u1@example.test>",
        "<x@elsewhere.test\t@example.test>",
        "<x@ELSEWHERE.test.>",
        "< x@elsewhere.test>",
        "<x@elsewhere.test",
    ] {
        check(path, None);
    }
}

#[test]
fn command_lines_end_with_crlf_alone() {
    let check = |input: &str, codes: &str| assert_eq!(talk(policy(), input).0, format!("220{codes}"), "{input:?}");
    check("EHLO c\nMAIL FROM:<a@b.test>\n", " 500");
    check("EHLO c\nMAIL FROM:<a@b.test>\nx\r\nNOOP\r\n", " 500 250");
    check("EHLO c\rNOOP\r\nNOOP\r\n", " 500 250");
    check("NOOP\r\r\nNOOP\r\n", " 500 250");
    check(&format!("{}\r\nNOOP\r\n", "X".repeat(5000)), " 500 250");
    check(&format!("NOOP {}\r\nNOOP\r\n", "x".repeat(4089)), " 250 250");
    check(&format!("NOOP {}\r\nNOOP\r\n", "x".repeat(4090)), " 500 250");
    check(&format!("NOOP {}\r\nNOOP\r\n", "x".repeat(4091)), " 500 250");
    check(&"X".repeat(1 << 20), " 500 421");
    check(&format!("{}\r\nNOOP\r\n", "X".repeat(1 << 20)), " 500 421");
    check(&format!("{}\r\nNOOP\r\n", "X".repeat(60 << 10)), " 500 250");
}

#[test]
fn what_is_no_smtp_is_shown_the_door() {
    for input in [
        "POST / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "BREW /pot HTTP/1.0\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\n", "a".repeat(9000)),
        "\x16\x03\x01\x02\x00".to_owned(),
    ] {
        let (codes, events) = talk(policy(), format!("{input}{HEAD}DATA\r\nx\r\n.\r\n"));
        assert_eq!((codes.as_str(), events.len()), ("220 500", 0), "{input:?}");
    }
}

#[test]
fn patience_ends() {
    let last = |input: String| talk(policy(), input).0.split(' ').map(String::from).collect::<Vec<_>>();
    let junk = last("JUNK\r\n".repeat(500));
    assert_eq!((junk.len(), junk.last().unwrap().as_str()), (1 + 21, "421"));
    let harvest = last(format!("{HEAD}{}", "RCPT TO:<nobody@example.test>\r\n".repeat(300)));
    assert_eq!((harvest.len(), harvest.last().unwrap().as_str()), (4 + 51, "421"));
    let idle = last("NOOP\r\n".repeat(300));
    assert_eq!((idle.len(), idle.last().unwrap().as_str()), (1 + 201, "421"));
    let crowd = last(format!("{HEAD}{}", "RCPT TO:<u@example.test>\r\n".repeat(100)));
    assert_eq!((crowd.len(), crowd.last().unwrap().as_str()), (4 + 12, "421"));
    let few = Policy { transactions_max: 2, ..policy() };
    let (codes, _) = talk(few, format!("{HEAD}DATA\r\n.\r\n{HEAD}DATA\r\n.\r\n{HEAD}"));
    assert!(codes.ends_with("354 250 250 421"), "{codes}");
}

#[test]
fn too_large_is_said_once_at_the_end() {
    let lines = |n: usize| "x".repeat(98) + "\r\n" + &"y\r\n".repeat(n);
    let check = |body: String, codes: &str| {
        assert_eq!(
            talk(policy(), format!("{HEAD}DATA\r\n{body}.\r\nNOOP\r\n")).0,
            format!("220 250 250 250 354 {codes}")
        );
    };
    check(lines(300), "250 250");
    check(lines(301), "552 250");
    check(lines(2000), "552");
    check("x".repeat(5000), "552");
    let mut desk = desk(policy());
    desk.feed(format!("{HEAD}DATA\r\n{}", lines(301)).as_bytes());
    assert_eq!(desk.events.last().unwrap(), "BodyAborted");
    assert_eq!(desk.session.take_refusal().unwrap().code(), 552);
}

#[test]
fn the_caller_may_change_its_mind_amid_a_message() {
    let mut desk = desk(policy());
    desk.feed(format!("{HEAD}DATA\r\n").as_bytes());
    assert_eq!(desk.session.receive(b"first\r\n", desk.now), 7);
    assert_eq!(desk.session.poll(), Some(Event::BodyChunk(b"first\r\n")));
    desk.session.refuse(Reply::new(451, (4, 3, 1), "disk full"), desk.now);
    desk.feed(b"second\n\r\n.\r\nNOOP\r\n");
    assert!(desk.codes().ends_with("354 451 250"));
    desk.feed(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<u@example.test>\r\nDATA\r\n");
    assert_eq!(desk.session.receive(b"all\r\n.\r\nNOOP\r\n", desk.now), 8);
    assert_eq!(desk.session.poll(), Some(Event::BodyChunk(b"all\r\n")));
    desk.session.refuse(Reply::new(451, (4, 3, 1), "disk full"), desk.now);
    desk.feed(b"NOOP\r\n");
    assert!(desk.codes().ends_with("354 451 250"));
}

#[test]
fn starttls_forgets_everything_and_reads_nothing_behind_it() {
    let mut desk = desk(policy());
    let input = format!("{HEAD}STARTTLS\r\nNOOP\r\n");
    assert_eq!(desk.feed(input.as_bytes()), b"NOOP\r\n");
    assert!(desk.codes().ends_with("250 220"));
    assert_eq!(desk.events.last().unwrap(), "StartTls");
    desk.output.clear();
    desk.session = desk.session.secured(desk.now);
    desk.feed(b"RCPT TO:<u@example.test>\r\nEHLO c\r\nSTARTTLS\r\nMAIL FROM:<a@b.test>\r\n");
    assert_eq!(desk.codes(), "503 250 503 250");
    assert!(!String::from_utf8_lossy(&desk.output).contains("STARTTLS"));
    assert_eq!(desk.session.protocol_name(), "ESMTPS");
}

#[test]
fn nothing_is_taken_while_the_caller_or_the_peer_is_slow() {
    let mut desk = desk(policy());
    assert_eq!(desk.session.receive(b"EHLO c\r\nNOOP\r\n", desk.now), 8);
    assert_eq!(desk.session.receive(b"NOOP\r\n", desk.now), 0);
    desk.feed(b"");
    let session =
        &mut Session::new(Arc::new(Policy { idle_commands_max: 9999, ..policy() }), Security::Clear, desk.now);
    let taken = session.receive("HELP\r\n".repeat(2000).as_bytes(), desk.now);
    assert!(taken < 1200 && session.room() < 4096, "{taken}");
    session.sent(session.output().len());
    assert!(session.receive(b"NOOP\r\n", desk.now) == 6);
}

#[test]
fn the_clock_and_the_hang_up() {
    let mut idle = desk(policy());
    idle.feed(b"");
    assert_eq!(idle.session.deadline(), Some(Moment(Duration::from_secs(300))));
    idle.session.expire(Moment(Duration::from_secs(299)));
    assert!(!idle.session.is_closing());
    // A command that drips in does not renew the time.
    idle.now = Moment(Duration::from_secs(200));
    idle.feed(b"NOO");
    idle.session.expire(Moment(Duration::from_secs(300)));
    idle.feed(b"");
    assert!(idle.session.is_closing() && idle.codes().ends_with("421"));

    let mut drip = desk(policy());
    drip.feed(format!("{HEAD}DATA\r\n").as_bytes());
    for minute in 1..60 {
        drip.now = Moment(Duration::from_secs(60 * minute));
        drip.feed(b"x");
    }
    assert_eq!(drip.session.deadline(), Some(Moment(Duration::from_secs(3600))));
    drip.session.expire(Moment(Duration::from_secs(3600)));
    drip.feed(b"");
    assert_eq!(drip.events.last().unwrap(), "BodyAborted");
    assert!(drip.session.is_closing());

    let mut cut = desk(policy());
    cut.feed(format!("{HEAD}DATA\r\nx\r\n.\r").as_bytes());
    cut.session.input_ended(cut.now);
    cut.feed(b"");
    assert_eq!(cut.events.last().unwrap(), "BodyAborted");

    let mut half = desk(policy());
    half.feed(format!("{HEAD}DATA\r\nx\r\n").as_bytes());
    assert_eq!(half.session.receive(b".\r\n", half.now), 3);
    half.session.input_ended(half.now);
    assert!(!half.session.is_closing());
    half.feed(b"");
    assert!(half.session.is_closing() && half.codes().ends_with("354 250"));
}

#[test]
fn the_last_word_names_the_host() {
    let last = |desk: &Desk| String::from_utf8_lossy(&desk.output).lines().last().unwrap_or_default().to_owned();
    let busy = Reply::new(421, (4, 3, 2), "too many connections");
    let away = Session::turned_away(Arc::new(policy()), busy.clone(), Moment::default());
    assert_eq!(away.output(), b"421 4.3.2 mx.example.test too many connections\r\n");
    let mut stopped = desk(policy());
    stopped.session.shut_down("stopping");
    stopped.feed(b"");
    assert_eq!(last(&stopped), "421 4.3.2 mx.example.test stopping");
    let mut lmtp = desk(Policy { flavour: Flavour::Lmtp, ..policy() });
    lmtp.feed(b"LHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<u@example.test>\r\nDATA\r\n");
    assert_eq!(lmtp.session.receive(b".\r\n", lmtp.now), 3);
    assert_eq!(lmtp.session.poll(), Some(Event::BodyEnd));
    lmtp.session.answer(busy, lmtp.now);
    lmtp.feed(b"");
    assert_eq!(last(&lmtp), "421 4.3.2 mx.example.test too many connections");
    assert!(lmtp.session.is_closing());
}

#[test]
fn names_of_the_protocol() {
    let check = |input: &str, name: &str| {
        let mut desk = desk(policy());
        desk.feed(input.as_bytes());
        assert_eq!(desk.session.protocol_name(), name);
    };
    check("HELO c\r\n", "SMTP");
    check("EHLO c\r\n", "ESMTP");
    check("EHLO c\r\nMAIL FROM:<a@b.test> SMTPUTF8\r\n", "UTF8SMTP");
}

/// Pieces of sessions, so that random ones reach deep.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "EHLO c\r\n",
        "LHLO c\r\n",
        "MAIL FROM:<a@b.test>\r\n",
        "MAIL FROM:<a@b.test> BODY=BINARYMIME\r\n",
        "RCPT TO:<u@example.test>\r\n",
        "RCPT TO:<x@example.test>\r\n",
        "DATA\r\n",
        "BDAT 5\r\n",
        "BDAT 3 LAST\r\n",
        "BDAT 0 LAST\r\n",
        "BDAT 2001\r\n",
        "x\r\n",
        "a\r\nb\r\n",
        "..\r\n",
        ".\r\n",
        "\r",
        "\n",
        "\r\n",
        "RSET\r\n",
        "NOOP\r\n",
        "STARTTLS\r\n",
        "QUIT\r\n",
        "\0",
        "GET / HTTP/1.0\r\n",
    ];
    let known: Vec<Vec<u8>> = known.iter().map(|piece| piece.as_bytes().to_vec()).collect();
    prop_oneof![
        20 => proptest::sample::select(known),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
        1 => (90usize..110).prop_map(|n| b"0123456789".repeat(n)),
        1 => (400usize..420).prop_map(|n| b"0123456789".repeat(n)),
    ]
}

/// The input in pieces of these sizes tells the same story as in one.
fn cut_anyhow(policy: Policy, input: &[u8], cuts: &[usize]) -> Result<(), TestCaseError> {
    let mut whole = desk(policy.clone());
    let left = whole.feed(input).len();
    let mut cut = desk(policy);
    let (mut rest, mut sizes) = (input, cuts.iter().cycle());
    while !rest.is_empty() {
        let n = (*sizes.next().unwrap()).min(rest.len());
        let unread = cut.feed(&rest[..n]).len();
        rest = &rest[n - unread..];
        if unread > 0 {
            break;
        }
    }
    prop_assert_eq!(&whole.output, &cut.output);
    prop_assert_eq!(&whole.events, &cut.events);
    prop_assert_eq!(whole.body, cut.body);
    prop_assert_eq!(left, rest.len());
    prop_assert_eq!(whole.session.is_closing(), cut.session.is_closing());
    Ok(())
}

proptest! {
    #[test]
    fn any_cut_gives_the_same(pieces in proptest::collection::vec(piece(), 0..24), lmtp: bool, cuts in proptest::collection::vec(1usize..9, 1..9)) {
        let policy = Policy { flavour: if lmtp { Flavour::Lmtp } else { Flavour::Smtp }, ..policy() };
        let input = [if lmtp { b"LHLO c\r\n".as_slice() } else { b"EHLO c\r\n" }, &pieces.concat()].concat();
        cut_anyhow(policy, &input, &cuts)?;
    }
}
