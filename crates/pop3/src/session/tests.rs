use super::*;
use crate::answer::Code;
use crate::limits::LINE_OCTETS_FATAL;
use proptest::prelude::*;
use std::time::Duration;

const NOW: Moment = Moment(Duration::ZERO);

fn at(seconds: u64) -> Moment {
    NOW + Duration::from_secs(seconds)
}

/// What a client saw of a server that says yes to everything, but to `USER nobody`.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    events: Vec<String>,
    output: String,
    closing: bool,
}

struct Talk {
    session: Session,
    seen: Seen,
}

impl Talk {
    fn new() -> Talk {
        Talk { session: Session::after_tls(Limits::default(), NOW), seen: Seen::default() }
    }

    fn logged_in() -> Talk {
        let mut talk = Talk::new();
        talk.session.set_state(State::Transaction);
        talk
    }

    fn says(&mut self, input: impl AsRef<[u8]>) -> String {
        let mut rest = input.as_ref();
        loop {
            let n = self.session.receive(rest, NOW);
            rest = &rest[n..];
            let quiet = !self.step();
            let output = String::from_utf8_lossy(self.session.output()).into_owned();
            self.session.sent(self.session.output().len());
            self.seen.output += &output;
            self.seen.closing = self.session.is_closing();
            if quiet && (rest.is_empty() || n == 0) {
                return std::mem::take(&mut self.seen.output);
            }
        }
    }

    fn step(&mut self) -> bool {
        let session = &mut self.session;
        let Some(event) = session.poll() else { return false };
        self.seen.events.push(format!("{event:?}"));
        let ok = Answer::ok(Text::Nothing);
        match event {
            Event::Command(Command::User(name)) if name == "nobody" => {
                session.finish(&Answer::err(Text::LoginWrong).code(Code::Auth));
            }
            Event::Command(Command::Pass(_)) => {
                session.set_state(State::Transaction);
                session.finish(&ok);
            }
            Event::Command(Command::Auth { .. }) => session.challenge(b"who?"),
            Event::Command(Command::Stls) => session.start_tls(),
            Event::Command(Command::Quit) => session.close(&ok),
            Event::Command(Command::Lang(Some(_))) => {
                session.set_language(Language::German);
                session.finish(&ok);
            }
            Event::Command(Command::Retr(_)) => {
                session.out().extend_from_slice(b"+OK\r\nx\r\n.\r\n");
                session.finished();
            }
            Event::Command(_) => session.finish(&ok),
            Event::AuthResponse(_) => {
                session.set_state(State::Transaction);
                session.finish(&ok);
            }
            Event::AuthCancelled => {}
        }
        true
    }
}

#[test]
fn the_greeting_is_said_at_once() {
    let session = Session::new(Limits::default(), "mx.test POP3 ready <1.2@mx.test>", NOW);
    assert_eq!(session.output(), b"+OK mx.test POP3 ready <1.2@mx.test>\r\n");
}

#[test]
fn commands_wait_for_the_answer_before() {
    let mut session = Session::after_tls(Limits::default(), NOW);
    assert_eq!(session.receive(b"CAPA\r\nQUIT\nUS", NOW), 13);
    assert_eq!(session.poll(), Some(Event::Command(Command::Capa)));
    assert_eq!(session.poll(), None);
    assert_eq!(session.deadline(), None);
    session.finish(&Answer::ok(Text::Nothing));
    assert_eq!(session.poll(), Some(Event::Command(Command::Quit)));
    session.close(&Answer::ok(Text::Bye));
    assert!(session.is_closing());
    assert_eq!(session.receive(b"more", NOW), 4);
    assert_eq!(session.poll(), None);
}

#[test]
fn a_reader_that_does_not_read_gets_no_more_answers() {
    let mut session = Session::after_tls(Limits::default(), NOW);
    session.set_state(State::Transaction);
    session.out().resize(OUTPUT_OCTETS_SOFT, b'x');
    session.receive(b"NOOP\r\n", NOW);
    assert_eq!(session.poll(), None);
    session.sent(1);
    assert_eq!(session.poll(), Some(Event::Command(Command::Noop)));
}

#[test]
fn input_is_bounded() {
    let mut session = Session::after_tls(Limits::default(), NOW);
    session.receive(b"CAPA\r\n", NOW);
    session.poll();
    let flood = vec![b'\n'; 100_000];
    assert!(session.receive(&flood, NOW) <= crate::limits::INPUT_OCTETS_MAX);
    assert_eq!(session.receive(&flood, NOW), 0);
}

#[test]
fn pass_follows_user() {
    let mut talk = Talk::new();
    assert_eq!(talk.says("PASS x\r\n"), "-ERR send USER first\r\n");
    assert_eq!(talk.says("USER anna\r\nCAPA\r\nPASS x\r\n"), "+OK\r\n+OK\r\n-ERR send USER first\r\n");
    assert_eq!(talk.says("USER anna\r\nFOO\r\nPASS x\r\n"), "+OK\r\n-ERR unknown command\r\n-ERR send USER first\r\n");
    assert_eq!(
        talk.says("USER nobody\r\nPASS x\r\n"),
        "-ERR [AUTH] login or password is wrong\r\n-ERR send USER first\r\n"
    );
    assert_eq!(talk.says("USER anna\r\nPASS x\r\nSTAT\r\n"), "+OK\r\n+OK\r\n+OK\r\n");
    assert_eq!(talk.says("USER anna\r\n"), "-ERR not possible after log-in\r\n");
}

#[test]
fn an_exchange_ends_or_is_cancelled() {
    let mut talk = Talk::new();
    assert_eq!(talk.says("STAT\r\n"), "-ERR log in first\r\n");
    assert_eq!(talk.says("AUTH X\r\n"), "+ d2hvPw==\r\n");
    assert_eq!(talk.says("*\r\n"), "-ERR authentication cancelled\r\n");
    assert_eq!(talk.says("AUTH X\r\n!\r\n"), "+ d2hvPw==\r\n-ERR expected base64\r\n");
    let long = format!("AUTH X\r\n{}\r\n", "A".repeat(AUTH_OCTETS_MAX + 1));
    assert_eq!(talk.says(long), "+ d2hvPw==\r\n-ERR the line is too long\r\n");
    let most = format!("AUTH X\r\n{}\r\n", "A".repeat(AUTH_OCTETS_MAX));
    assert_eq!(talk.says(most), "+ d2hvPw==\r\n+OK\r\n");
    assert_eq!(talk.says("STAT\r\n"), "+OK\r\n");
}

#[test]
fn what_follows_stls_is_dropped() {
    let mut talk = Talk::new();
    assert_eq!(talk.says("STLS\r\nUSER anna\r\nPASS x\r\n"), "+OK begin TLS negotiation now\r\n");
    assert!(talk.session.is_starting_tls());
    assert_eq!(talk.session.receive(b"STAT\r\n", NOW), 0);
    assert_eq!(talk.seen.events, ["Command(Stls)"]);
}

#[test]
fn long_lines_are_refused_and_endless_ones_end_it() {
    let mut talk = Talk::logged_in();
    let most = format!("PASS {}\r\n", "x".repeat(COMMAND_OCTETS_MAX - 5));
    assert_eq!(talk.says(&most), "-ERR not possible after log-in\r\n");
    assert_eq!(talk.says(most.replace("\r\n", "x\r\n")), "-ERR the line is too long\r\n");
    assert_eq!(talk.says("x".repeat(2000)), "-ERR the line is too long\r\n");
    assert_eq!(talk.says("x".repeat(2000) + "\r\nNOOP\r\n"), "+OK\r\n");
    let told = talk.says("x".repeat(LINE_OCTETS_FATAL + 1));
    assert_eq!(told, "-ERR the line is too long\r\n-ERR the line is too long\r\n");
    assert!(talk.session.is_closing());
}

#[test]
fn too_many_errors_end_it() {
    let mut talk = Talk::logged_in();
    let told = talk.says("FOO\r\n".repeat(19) + "NOOP\r\n" + &"FOO\r\n".repeat(30));
    assert_eq!(told.lines().filter(|line| *line == "-ERR unknown command").count(), 38);
    assert!(told.ends_with("-ERR too many errors, good bye\r\n"));
    assert!(talk.session.is_closing());
    let mut stranger = Talk::new();
    stranger.says("CAPA\r\nFOO\r\n".repeat(20));
    assert!(stranger.session.is_closing(), "before log-in nothing makes up for errors");
}

#[test]
fn a_web_browser_is_sent_away_before_what_it_was_given_to_say() {
    for line in
        ["GET / HTTP/1.1".to_owned(), format!("POST /{} HTTP/1.1", "x".repeat(9_000)), "PRI * HTTP/2.0".to_owned()]
    {
        let mut talk = Talk::new();
        assert_eq!(talk.says(line + "\r\nHost: a\r\n\r\nUSER a\r\nPASS b\r\n"), "-ERR this is no web server\r\n");
        assert!(talk.session.is_closing());
    }
}

#[test]
fn answers_are_in_the_language_asked_for() {
    let mut talk = Talk::logged_in();
    assert_eq!(talk.says("FOO\r\nLANG de\r\nFOO\r\n"), "-ERR unknown command\r\n+OK\r\n-ERR unbekannter Befehl\r\n");
}

#[test]
fn time_ends_a_session_without_a_word() {
    let mut talk = Talk::new();
    assert_eq!(talk.session.deadline(), Some(at(60)));
    talk.session.receive(b"U", at(59));
    assert_eq!(talk.session.deadline(), Some(at(60)), "dripping octets is no log-in");
    talk.session.expire(at(60));
    assert!(talk.session.is_closing() && talk.session.output().is_empty());

    let mut talk = Talk::logged_in();
    talk.session.receive(b"NOOP\r\n", at(100));
    talk.says("");
    assert_eq!(talk.session.deadline(), Some(at(700)));
    talk.session.expire(at(699));
    assert!(!talk.session.is_closing());
    // Who takes what a long command writes is not idle.
    talk.session.receive(b"RETR 1\r\n", at(100));
    talk.session.poll();
    talk.session.out().extend_from_slice(b"+OK\r\nx");
    talk.session.sent(3);
    talk.session.expire(at(700));
    assert_eq!(talk.session.deadline(), Some(at(1300)));
    talk.session.expire(at(1300));
    assert!(talk.session.is_closing() && talk.session.output().is_empty());
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        words in proptest::collection::vec(
            "USER (anna|nobody)\r\n|PASS x y\r\n|STAT\r?\n|RETR [0-9]{1,3}\r\n|AUTH X( =)?\r\n|\\*\r\n|AAAA\r\n|LANG de\r\n\
             |CAPA\r\n|STLS\r\n|QUIT\r\n|[ -~]{0,20}\r\n|[a\r]{510,516}\r\n|[\\x00-\\xff]{0,9}",
            0..24,
        ),
        sizes in proptest::collection::vec(1usize..700, 1..8),
    ) {
        let input = words.concat().into_bytes();
        let mut whole = Talk::new();
        whole.seen.output = whole.says(&input);
        let mut split = Talk::new();
        let mut output = String::new();
        let mut rest = input.as_slice();
        for size in sizes.iter().cycle() {
            let (piece, behind) = rest.split_at(rest.len().min(*size));
            output += &split.says(piece);
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        split.seen.output = output;
        prop_assert_eq!(whole.seen, split.seen);
    }
}
