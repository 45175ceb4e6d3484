use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::command::Command;
use crate::limits::{BAD_COMMANDS_MAX, COMMAND_OCTETS_MAX};

const NOW: Moment = Moment(Duration::ZERO);

fn at(seconds: u64) -> Moment {
    NOW + Duration::from_secs(seconds)
}

fn limits() -> Limits {
    Limits { append_octets_max: 10_000, ..Limits::default() }
}

/// A client's side of a session whose server says yes to everything (but takes no mail into `Full`), and what it saw.
struct Talk {
    session: Session,
    events: Vec<String>,
    output: Vec<u8>,
    body: Vec<u8>,
}

impl Talk {
    fn new() -> Talk {
        Talk { session: Session::after_tls(limits(), NOW), events: Vec::new(), output: Vec::new(), body: Vec::new() }
    }

    fn selected() -> Talk {
        let mut talk = Talk::new();
        talk.says("0 LOGIN a b\r\n1 SELECT INBOX\r\n");
        talk.output.clear();
        talk.events.clear();
        talk
    }

    fn says(&mut self, input: impl AsRef<[u8]>) -> String {
        let mut rest = input.as_ref();
        loop {
            let n = self.session.receive(rest, NOW);
            rest = &rest[n..];
            let quiet = !self.step();
            let sent = self.session.output().len();
            self.output.extend_from_slice(self.session.output());
            self.session.sent(sent);
            if quiet && (rest.is_empty() || n == 0) {
                return String::from_utf8_lossy(&std::mem::take(&mut self.output)).into_owned();
            }
        }
    }

    /// Answers one event.
    fn step(&mut self) -> bool {
        let session = &mut self.session;
        let Some(event) = session.poll() else { return false };
        let told = match &event {
            Event::Command(tagged) => String::from_utf8_lossy(&tagged.encode(NameForm::Utf8)).trim_end().to_owned(),
            Event::AppendChunk(_) => String::new(),
            Event::AppendEnd => format!("AppendEnd after {} octets", self.body.len()),
            event => format!("{event:?}"),
        };
        if !told.is_empty() {
            self.events.push(told);
        }
        let ok = Answer::ok("done");
        match event {
            Event::Command(tagged) => match tagged.command {
                Command::StartTls => session.start_tls(),
                Command::Authenticate(_) => session.challenge(b"who?"),
                Command::Idle => session.idle(),
                Command::Logout => {
                    session.bye(None, "bye");
                    session.finish(&ok);
                }
                Command::Login(_) => {
                    session.set_state(State::Authenticated);
                    session.finish(&ok);
                }
                Command::Select(_) => {
                    session.set_state(State::Selected);
                    session.finish(&ok);
                }
                Command::Enable(_) => {
                    session.set_name_form(NameForm::Utf8);
                    session.finish(&ok);
                }
                _ => session.finish(&ok),
            },
            Event::AppendStart(start) if start.append.mailbox.as_str() == "Full" => {
                session.refuse_literal(&Answer::no("no room").code(Code::OverQuota));
            }
            Event::AppendStart(_) => {
                self.body.clear();
                session.accept_literal();
            }
            Event::AppendNext(next) if next.size_octets == 13 => {
                session.refuse_literal(&Answer::no("no room").code(Code::OverQuota));
            }
            Event::AppendNext(_) => session.accept_literal(),
            Event::AppendChunk(chunk) => self.body.extend_from_slice(chunk),
            Event::AppendEnd | Event::IdleDone => session.finish(&ok),
            Event::AuthResponse(_) => {
                session.set_state(State::Authenticated);
                session.finish(&ok);
            }
            Event::AppendAborted | Event::IdleBroken | Event::AuthCancelled => (),
        }
        true
    }
}

#[test]
fn the_greeting_tells_the_capabilities() {
    let session = Session::new(limits(), "IMAP4rev1 STARTTLS", NOW);
    assert_eq!(session.output(), b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n");
}

#[test]
fn commands_wait_for_the_answer_before() {
    let mut session = Session::after_tls(limits(), NOW);
    assert_eq!(session.receive(b"1 NOOP\r\n2 NOOP\n3 NO", NOW), 19);
    for _ in 0..2 {
        assert!(matches!(session.poll(), Some(Event::Command(_))));
        assert_eq!(session.poll(), None);
        session.finish(&Answer::ok("done"));
    }
    assert_eq!(session.poll(), None);
    assert_eq!(session.output(), b"1 OK done\r\n2 OK done\r\n");
    // A bound on what is held meanwhile.
    session.receive(b"OP\r\n", NOW);
    assert!(session.poll().is_some());
    assert_eq!(session.receive(&[b'x'; 200_000], NOW), INPUT_OCTETS_MAX);
    assert_eq!(session.receive(b"x", NOW), 0);
}

#[test]
fn a_full_output_holds_back_the_next_command() {
    let mut session = Session::after_tls(limits(), NOW);
    session.receive(b"1 NOOP\r\n2 NOOP\r\n", NOW);
    assert!(session.poll().is_some());
    session.out().extend_from_slice(&[b'x'; OUTPUT_OCTETS_SOFT]);
    session.finish(&Answer::ok("done"));
    assert_eq!((session.room(), session.poll()), (0, None));
    session.sent(1000);
    assert!(session.poll().is_some());
}

#[test]
fn states_bound_what_may_be_said() {
    let mut talk = Talk::new();
    assert_eq!(talk.says("1 SELECT a\r\n"), "1 BAD SELECT is not possible in this state\r\n");
    assert_eq!(
        talk.says("2 LOGIN a b\r\n3 FETCH 1 FLAGS\r\n"),
        "2 OK done\r\n3 BAD FETCH is not possible in this state\r\n"
    );
    assert_eq!(talk.says("4 LOGIN a b\r\n"), "4 BAD LOGIN is not possible in this state\r\n");
    assert_eq!(talk.says("5 SELECT a\r\n6 CLOSE\r\n"), "5 OK done\r\n6 OK done\r\n");
}

#[test]
fn a_web_browser_is_sent_away_before_what_it_was_given_to_say() {
    for line in
        ["GET / HTTP/1.1".to_owned(), format!("POST /{} HTTP/1.1", "x".repeat(9_000)), "PRI * HTTP/2.0".to_owned()]
    {
        let mut talk = Talk::new();
        assert_eq!(talk.says(line + "\r\nHost: a\r\n\r\na LOGIN b c\r\n"), "* BYE this is no web server\r\n");
        assert!(talk.session.is_closing() && talk.events.is_empty());
    }
    let mut talk = Talk::new();
    assert_eq!(talk.says("GET NOOP\r\nPUT NOOP now\r\n").matches("done").count(), 1, "a tag is a tag");
    assert!(!Talk::selected().says("a NOOP HTTP/1.1\r\n").contains("BYE"));
}

#[test]
fn bad_commands_are_told_and_counted() {
    let mut talk = Talk::selected();
    assert_eq!(talk.says("+\r\n"), "* BAD expected a tag at column 1\r\n");
    assert_eq!(talk.says("\r\n"), "* BAD expected a tag at column 1\r\n");
    assert_eq!(talk.says("a FETCH\r\n"), "a BAD FETCH: expected a space at column 8\r\n");
    for _ in 0..BAD_COMMANDS_MAX - 1 {
        talk.says("a NOOP\r\n");
        talk.says("x\r\n");
    }
    assert!(!talk.session.is_closing(), "a good command starts the count anew");
    let mut talk = Talk::new();
    for _ in 1..BAD_COMMANDS_MAX {
        talk.says("a NOOP\r\nx\r\n");
    }
    assert!(talk.says("x\r\n").ends_with("* BYE Too many bad commands\r\n"));
    assert!(talk.session.is_closing());
}

#[test]
fn lines_are_bounded() {
    let mut talk = Talk::selected();
    let long = |n: usize| format!("a NOOP {}\r\nb NOOP\r\n", "x".repeat(n));
    assert_eq!(talk.says(long(COMMAND_OCTETS_MAX)), "a BAD command line too long\r\nb OK done\r\n");
    assert!(talk.says(long(COMMAND_OCTETS_MAX - 7)).starts_with("a BAD NOOP: expected the end"));
    assert_eq!(talk.says(long(COMMAND_OCTETS_MAX - 6)), "a BAD command line too long\r\nb OK done\r\n");
    assert_eq!(talk.says(long(1_000_000)), "a BAD command line too long\r\nb OK done\r\n");
    assert_eq!(Talk::new().says(long(9_000)), "a BAD command line too long\r\nb OK done\r\n");
    assert_eq!(talk.says(long(1_200_000)), "a BAD command line too long\r\n* BYE the line is endless\r\n");
}

#[test]
fn literals_of_commands() {
    let mut talk = Talk::new();
    assert_eq!(talk.says("a LOGIN {1}\r\n"), "+ send the literal\r\n");
    assert_eq!(talk.says("x {2}\r\n"), "+ send the literal\r\n");
    assert_eq!(talk.says("\r\n\r\n"), "a OK done\r\n");
    assert_eq!(talk.events, ["a LOGIN x {2+}"]);
    assert_eq!(
        talk.says("b SELECT {3+}\r\na}\n\r\n"),
        "b NO [CANNOT] SELECT: the mailbox name is not valid modified UTF-7 or UTF-8\r\n"
    );
    assert_eq!(talk.says("c SELECT {0+}\r\n\r\n"), "c NO [CANNOT] SELECT: a mailbox name must not be empty\r\n");
    assert_eq!(talk.says("d SELECT {3+}\r\n{1}\r\n"), "d OK done\r\n", "a literal's octets announce nothing");
    assert_eq!(
        talk.says("e SELECT ~{1}\r\nx\r\n"),
        "+ send the literal\r\ne BAD SELECT: expected the end of the command at column 11\r\n"
    );
}

#[test]
fn literals_are_bounded_before_login() {
    let too_large = "a BAD [TOOBIG] literal too large\r\n";
    for size in ["4097", "4294967296", "99999999999999999999999999"] {
        assert_eq!(Talk::new().says(format!("a LOGIN {{{size}}}\r\n")), too_large);
    }
    // Two that are small enough alone.
    assert_eq!(Talk::new().says(format!("a LOGIN {{3000+}}\r\n{} {{3000}}\r\n", "x".repeat(3000))), too_large);
    // Drained, then the next command.
    let sent = |n: usize| format!("a LOGIN {{{n}+}}\r\n{} {{2+}}\r\nxy\r\nb NOOP\r\n", "x".repeat(n));
    assert_eq!(Talk::new().says(sent(5000)), format!("{too_large}b OK done\r\n"));
    let mut talk = Talk::new();
    assert_eq!(talk.says(sent(9000)), format!("{too_large}* BYE [TOOBIG] literal too large\r\n"));
    assert!(talk.session.is_closing() && talk.events.is_empty());
}

#[test]
fn append_streams() {
    let mut talk = Talk::selected();
    assert_eq!(talk.says("a APPEND {5}\r\nDraft"), "+ send the literal\r\n");
    assert_eq!(talk.says(" (\\Seen x) \" 7-Feb-1994 21:52:25 -0800\" {6}\r\n"), "+ send the message\r\n");
    assert_eq!(talk.says("a\r\nb\r\n\r\nb NOOP\r\n"), "a OK done\r\nb OK done\r\n");
    assert_eq!(talk.body, b"a\r\nb\r\n");
    assert!(talk.events[0].contains("mailbox: MailboxName(\"Draft\")") && talk.events[0].contains("size_octets: 6"));
    assert!(talk.events[0].contains("timestamp: Timestamp(760686745000), zone_minutes: -480"));
    assert_eq!(talk.events[1..], ["AppendEnd after 6 octets", "b NOOP"]);
    assert_eq!(talk.says("c APPEND INBOX ~{1+}\r\n\0\r\n"), "c OK done\r\n");
    assert_eq!(
        talk.says("d APPEND INBOX {0+}\r\n\r\n"),
        "d NO an empty message: nothing is stored\r\n",
        "RFC 3502 §6.3.11"
    );
    assert_eq!(talk.says("e APPEND INBOX UTF8 (~{2+}\r\nab)\r\n"), "e OK done\r\n");
    assert_eq!(talk.events.iter().filter(|event| event.contains("data: Utf8")).count(), 1);
    assert!(talk.says("f APPEND INBOX UTF8 (~{2+}\r\nab\r\n").starts_with("f BAD APPEND: expected the end"));
}

#[test]
fn several_messages_stream() {
    let mut talk = Talk::selected();
    assert_eq!(talk.says("a APPEND INBOX {2}\r\n"), "+ send the message\r\n");
    assert_eq!(talk.says("ab (\\Seen) {3}\r\n"), "+ send the message\r\n");
    assert_eq!(talk.says("cde UTF8 (~{1+}\r\nf) {1+}\r\ng\r\n"), "a OK done\r\n");
    assert_eq!(talk.body, b"abcdefg");
    assert_eq!(talk.events.len(), 5);
    assert!(talk.events[1].starts_with("AppendNext(") && talk.events[1].contains("flags: [Seen]"));
    assert!(talk.events[2].contains("data: Utf8"));
    let fails = |says: &str, answer: &str| {
        let mut talk = Talk::selected();
        assert_eq!(
            talk.says(format!("a APPEND INBOX {{2+}}\r\nab{says}\r\nb NOOP\r\n")),
            format!("{answer}b OK done\r\n")
        );
        assert!(!talk.events.iter().any(|event| event.starts_with("AppendEnd")), "{:?}", talk.events);
    };
    fails(" {0}", "a NO an empty message: nothing is stored\r\n");
    fails(" {0+}\r\n", "a NO an empty message: nothing is stored\r\n");
    fails(" {10001}", "a NO [TOOBIG] message too large\r\n");
    fails(" {99999999999999999999}", "a NO [TOOBIG] message too large\r\n");
    fails(" (\\Recent) {3+}\r\nabc", "a BAD APPEND: expected a flag that can be set at column 3\r\n");
    fails(" {13+}\r\n1234567890123 {2+}\r\nab", "a NO [OVERQUOTA] no room\r\n");
    fails(" {13}", "a NO [OVERQUOTA] no room\r\n");
    fails(" UTF8 (~{2+}\r\nab {2+}\r\nab", "a BAD APPEND: expected \")\" at column 1\r\n");
    let many = |n: u32, octets: u32| {
        let message = format!(" {{{octets}+}}\r\n{}", "x".repeat(octets as usize));
        let said = Talk::selected().says(format!("a APPEND INBOX{}\r\n", message.repeat(n as usize)));
        said.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(many(crate::limits::APPEND_MESSAGES_MAX, 1), "a OK done");
    assert_eq!(many(crate::limits::APPEND_MESSAGES_MAX + 1, 1), "a NO [LIMIT] at most 100 messages at once");
    assert_eq!(many(4, 10_000), "a OK done");
    assert_eq!(many(5, 8_001), "a NO [LIMIT] at most 40000 octets at once");
}

#[test]
fn replace_streams() {
    let mut talk = Talk::selected();
    assert_eq!(talk.says("a REPLACE * Draft (\\Seen) {5}\r\n"), "+ send the message\r\n");
    assert_eq!(talk.says("hello\r\n"), "a OK done\r\n");
    assert!(talk.events[0].contains("replaces: Some(Replaces { message: Star, numbering: SeqNum })"));
    assert_eq!(talk.says("b UID REPLACE 2000 {5+}\r\nDraft {2+}\r\nhi\r\n"), "b OK done\r\n");
    assert!(talk.events[2].contains("replaces: Some(Replaces { message: Number(2000), numbering: Uid })"));
    assert_eq!(talk.says("c REPLACE 4 D {2+}\r\nhi {2}\r\n"), "c BAD REPLACE takes one message\r\n");
    assert_eq!(talk.says("d REPLACE 1:2 D {2}\r\n"), "d BAD REPLACE: expected a space at column 12\r\n");
    assert_eq!(talk.says("e UID REPLACE 0 D {2}\r\n"), "e BAD UID REPLACE: expected a sequence set at column 15\r\n");
    assert!(talk.says("f REPLACE 1 D\r\n").starts_with("f BAD REPLACE: expected a message literal"));
    assert!(talk.says("g UID REPLACE 1 D\r\n").starts_with("g BAD UID REPLACE: expected a message literal"));
    let mut talk = Talk::new();
    talk.says("0 LOGIN a b\r\n");
    assert_eq!(talk.says("a REPLACE 1 D {2}\r\n"), "a BAD REPLACE is not possible in this state\r\n");
}

#[test]
fn append_refused() {
    let mut talk = Talk::selected();
    assert_eq!(talk.says("a APPEND Full {5}\r\nb NOOP\r\n"), "a NO [OVERQUOTA] no room\r\nb OK done\r\n");
    assert_eq!(talk.says("c APPEND Full {5+}\r\nd NO\n\r\ne NOOP\r\n"), "c NO [OVERQUOTA] no room\r\ne OK done\r\n");
    assert_eq!(talk.says("f APPEND INBOX {10001}\r\n"), "f NO [TOOBIG] message too large\r\n");
    assert_eq!(
        talk.says("g APPEND INBOX (\\Recent) {5+}\r\nhello\r\nh NOOP\r\n"),
        "g BAD APPEND: expected a flag that can be set at column 17\r\nh OK done\r\n"
    );
    assert_eq!(
        talk.says("i APPEND INBOX {2+}\r\nhix {3+}\r\nmore\r\nj NOOP\r\n"),
        "i BAD APPEND: expected a space at column 1\r\nj OK done\r\n"
    );
    assert!(talk.events.contains(&"AppendAborted".to_owned()));
    assert_eq!(
        talk.says("k APPEND INBOX {10001+}\r\nhello"),
        "k NO [TOOBIG] message too large\r\n* BYE [TOOBIG] literal too large\r\n"
    );
    assert_eq!(Talk::new().says("a APPEND INBOX {310}\r\n"), "+ send the literal\r\n");
}

#[test]
fn an_append_given_up_half_way_is_drained() {
    let mut session = Session::after_tls(limits(), NOW);
    session.set_state(State::Authenticated);
    session.receive(b"a APPEND INBOX {9}\r\n", NOW);
    assert!(matches!(session.poll(), Some(Event::AppendStart(_))));
    session.accept_literal();
    session.receive(b"1234", NOW);
    assert_eq!(session.poll(), Some(Event::AppendChunk(b"1234")));
    session.finish(&Answer::no("disk full"));
    session.receive(b"56789\r\nb NOOP\r\n", NOW);
    assert!(matches!(session.poll(), Some(Event::Command(noop)) if noop.tag.as_str() == "b"));
}

#[test]
fn idle_ends_with_done() {
    let mut talk = Talk::selected();
    assert_eq!(talk.says("a IDLE\r\n"), "+ idling\r\n");
    assert!(talk.session.is_idle());
    assert_eq!(talk.says("done\r\nb NOOP\r\n"), "a OK done\r\nb OK done\r\n");
    assert_eq!(talk.says("c IDLE\r\nd NOOP\r\ne NOOP\r\n"), "+ idling\r\nc BAD IDLE: expected DONE\r\ne OK done\r\n");
    assert_eq!(talk.events[1..], ["IdleDone", "b NOOP", "c IDLE", "IdleBroken", "e NOOP"]);
}

#[test]
fn authenticate() {
    let mut talk = Talk::new();
    assert_eq!(talk.says("a AUTHENTICATE X\r\n"), "+ d2hvPw==\r\n");
    assert_eq!(talk.says("*\r\n"), "a BAD AUTHENTICATE cancelled\r\n");
    assert_eq!(talk.says("b AUTHENTICATE X =\r\n!\r\n"), "+ d2hvPw==\r\nb BAD AUTHENTICATE: expected base64\r\n");
    assert_eq!(talk.says("c AUTHENTICATE X\r\n"), "+ d2hvPw==\r\n");
    assert_eq!(talk.says("bWU=\r\n"), "c OK done\r\n");
    assert_eq!(talk.session.state(), State::Authenticated);
    assert!(talk.events.iter().all(|event| !event.contains("bWU")), "no secret is printed");
}

/// Found by fuzzing: what came at once was taken, what came in pieces refused.
#[test]
fn a_response_of_authenticate_is_bounded_however_it_comes() {
    let (fitting, long) = ("QUJD".repeat(2_048), "QUJD".repeat(2_049));
    for size in [1, 1_000, usize::MAX] {
        let mut talk = Talk::new();
        talk.says("a AUTHENTICATE X\r\n");
        let input = format!("{long}\r\nb AUTHENTICATE X\r\n{fitting}\r\n");
        let said: String = input.as_bytes().chunks(size).map(|piece| talk.says(piece)).collect();
        assert_eq!(said, "a BAD AUTHENTICATE: expected base64\r\n+ d2hvPw==\r\nb OK done\r\n", "{size}");
    }
}

#[test]
fn nothing_behind_starttls_is_a_command() {
    let mut talk = Talk::new();
    assert_eq!(talk.says("a STARTTLS\r\nb LOGIN a b\r\n"), "a OK Begin TLS negotiation now\r\n");
    assert_eq!(talk.events, ["a STARTTLS"]);
    assert!(talk.session.is_starting_tls());
    assert_eq!(talk.session.receive(b"c NOOP\r\n", NOW), 0);
    assert_eq!(talk.session.poll(), None);
    assert_eq!(Session::after_tls(limits(), NOW).output(), b"");
}

#[test]
fn logout_says_bye_first() {
    let mut talk = Talk::new();
    assert_eq!(talk.says("a LOGOUT\r\nb NOOP\r\n"), "* BYE bye\r\na OK done\r\n");
    assert!(talk.session.is_closing());
}

#[test]
fn enable_changes_how_names_are_read() {
    let mut talk = Talk::selected();
    talk.says("a SELECT A&-B\r\nb ENABLE IMAP4rev2\r\nc SELECT A&-B\r\n");
    assert_eq!(talk.events, ["a SELECT A&B", "b ENABLE IMAP4REV2", "c SELECT A&-B"]);
}

#[test]
fn an_idle_connection_holds_no_buffers() {
    let mut talk = Talk::selected();
    talk.says("a APPEND INBOX {9+}\r\n123456789\r\nb SELECT {5+}\r\nDraft\r\nc IDLE\r\n");
    assert_eq!(
        (talk.session.output.capacity(), talk.session.line.capacity(), talk.session.input.capacity()),
        (0, 0, 0)
    );
}

#[test]
fn memory_is_bounded_whatever_comes() {
    for piece in ["x", "{100000+}", "a APPEND INBOX {9000+}\r\n", "a NOOP\r\n", "(((((((", "a X {1}\r\ny"] {
        let mut talk = Talk::selected();
        for _ in 0..20 {
            talk.says(piece.repeat(5_000));
            let session = &talk.session;
            assert!(
                session.input.capacity() <= 3 * INPUT_OCTETS_MAX && session.line.capacity() <= 4 * COMMAND_OCTETS_MAX
            );
        }
    }
}

#[test]
fn who_is_logged_in_no_more_has_time_to_log_in_again() {
    let mut talk = Talk::selected();
    talk.session.receive(b"a UNAUTHENTICATE\r\nb NOOP\r\n", at(100));
    assert!(!talk.session.is_hungry() && talk.session.poll().is_some() && !talk.session.is_hungry());
    talk.session.unauthenticated();
    talk.session.finish(&Answer::ok("as new"));
    assert_eq!((talk.session.state(), talk.session.deadline()), (State::NotAuthenticated, Some(at(160))));
    assert_eq!(talk.session.take_input(), b"b NOOP\r\n");
    assert!(talk.session.poll().is_none() && talk.session.is_hungry());
}

#[test]
fn silence_ends_the_session() {
    let mut session = Session::after_tls(limits(), NOW);
    session.receive(b"a", at(59));
    assert_eq!(session.deadline(), Some(at(60)), "dripping octets wins no time before login");
    session.expire(at(59));
    assert!(!session.is_closing());
    session.expire(at(60));
    assert!(session.is_closing());
    assert!(session.output().starts_with(b"* BYE Autologout"));

    let mut talk = Talk::selected();
    talk.session.receive(b"a NOOP\r\n", at(100));
    assert_eq!(talk.session.deadline(), Some(at(1900)));
    assert!(talk.session.poll().is_some());
    assert_eq!(talk.session.deadline(), None, "the server is at work");
    talk.session.out().extend_from_slice(b"* 1 FETCH (");
    talk.session.sent(3);
    talk.session.expire(at(1900));
    assert!(!talk.session.is_closing(), "the client reads");
    assert_eq!(talk.session.deadline(), Some(at(3700)));
    talk.session.expire(at(3700));
    assert!(talk.session.is_closing());
    assert_eq!(talk.session.output(), b" FETCH (".as_slice(), "no BYE within a response");
}

/// Lines of commands, more or less well-formed, with literals.
fn inputs() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "a LOGIN x {1+}\r\ny\r\n",
        "b SELECT INBOX\r\n",
        "c IDLE\r\n",
        "DONE\r\n",
        "d AUTHENTICATE X\r\n",
        "*\r\n",
        "eA==\r\n",
        "e APPEND INBOX {4+}\r\nab\r\n\r\n",
        "f APPEND Full {4}\r\n",
        "e APPEND INBOX {4+}\r\nab\r\n (\\Seen) {1+}\r\na {13+}\r\n1234567890123\r\n",
        "e REPLACE 1 INBOX {1+}\r\na {1+}\r\na\r\n",
        "g APPEND Full {3+}\r\nx\r\n\r\n",
        "{3+}\r\n",
        "{30000+}\r\n",
        "h FETCH 1:* (FLAGS BODY[1]<0.5>)\r\n",
        "i SEARCH TEXT {2}\r\n",
        "\r\n",
        "\n",
        "\r",
        "\0",
        "\u{e9}",
        "j ENABLE X\r\n",
        "k STARTTLS\r\n",
        "l LOGOUT\r\n",
        "m NOOP\r\n",
        "n ",
        "(",
        "\"",
        "o APPEND {5+}\r\nINBOX {1}\r\n",
        "p UID STORE 1 FLAGS a\r\n",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

/// What a whole conversation shows, when the input comes in pieces of these sizes, over and over.
fn shown(input: &[u8], sizes: &[usize]) -> (Vec<String>, String, Vec<u8>, bool) {
    let mut talk = Talk::new();
    let (mut rest, mut output) = (input, String::new());
    for size in sizes.iter().cycle() {
        if rest.is_empty() || talk.session.is_starting_tls() {
            break;
        }
        let (piece, behind) = rest.split_at(rest.len().min(*size));
        output += &talk.says(piece);
        rest = behind;
    }
    (talk.events, output, talk.body, talk.session.is_closing())
}

proptest! {
    #[test]
    fn pieces_make_no_difference(input in inputs(), sizes in prop::collection::vec(1..30usize, 1..5)) {
        prop_assert_eq!(shown(&input, &[usize::MAX]), shown(&input, &sizes));
        prop_assert_eq!(shown(&input, &[usize::MAX]), shown(&input, &[1]));
    }

    #[test]
    fn no_octets_make_it_panic(input: Vec<u8>) {
        prop_assert_eq!(shown(&input, &[usize::MAX]), shown(&input, &[1]));
    }
}
