//! AUTH, and what a submission port asks for.

use super::*;
use crate::extension::future_release::FutureRelease;
use crate::policy::{Auth, Authentication};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Timestamp;

/// A caller's SASL, just good enough: everybody's password is `pw`.
#[derive(Default)]
pub(super) struct Mechanism {
    name: String,
    said: Vec<String>,
}

impl Mechanism {
    pub(super) fn step(&mut self, session: &mut Session, told: &str, now: Moment) {
        let mut words = told.splitn(3, ' ');
        if words.next() == Some("auth") {
            self.name = words.next().unwrap().to_owned();
            self.said.clear();
        }
        self.said.extend(words.next().map(String::from));
        let said: Vec<&str> = self.said.iter().map(String::as_str).collect();
        match (self.name.as_str(), said.as_slice()) {
            ("PLAIN", []) => session.challenge(b"", now),
            ("PLAIN", [message]) => match message.split("\\0").collect::<Vec<_>>().as_slice() {
                [_, name, "pw"] => session.authenticated((*name).to_owned(), None, now),
                [_, "soon", _] => session.refuse(Reply::new(454, (4, 7, 0), "not now"), now),
                _ => session.refuse(Reply::new(535, (5, 7, 8), "wrong name or password"), now),
            },
            ("LOGIN", []) => session.challenge(b"User Name\0", now),
            ("LOGIN", [_]) => session.challenge(b"Password\0", now),
            ("LOGIN", [name, "pw"]) => session.authenticated((*name).to_owned(), None, now),
            ("SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS", [name]) => session.challenge(format!("r={name}").as_bytes(), now),
            ("SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS", [name, "pw"]) => {
                session.authenticated((*name).to_owned(), Some(b"v=ok".to_vec()), now);
            }
            _ => session.refuse(Reply::new(535, (5, 7, 8), "wrong name or password"), now),
        }
    }
}

fn offering(clear: bool) -> Policy {
    let mechanisms = vec!["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"];
    Policy { auth: Auth::Offered { mechanisms, clear }, authentication: Authentication::Required, ..policy() }
}

fn b64(text: &str) -> String {
    STANDARD.encode(text)
}

fn plain(name: &str, password: &str) -> String {
    format!("AUTH PLAIN {}\r\n", b64(&format!("\0{name}\0{password}")))
}

/// A desk under TLS, with its greeting forgotten.
fn protected(policy: Policy) -> Desk {
    let mut desk = desk(policy);
    desk.session = Session::new(desk.session.policy.clone(), Security::Tls, desk.now);
    desk.session.sent(usize::MAX);
    desk
}

fn said(desk: &Desk) -> String {
    String::from_utf8(desk.output.clone()).unwrap()
}

#[test]
fn the_exchanges() {
    let check = |input: &str, codes: &str, name: Option<&str>| {
        let mut desk = protected(offering(false));
        desk.feed(format!("EHLO c\r\n{input}").as_bytes());
        assert_eq!(desk.codes(), format!("250 {codes}"), "{input:?}");
        assert_eq!(desk.session.authenticated_as(), name, "{input:?}");
    };
    let (user, pw) = (b64("u"), b64("pw"));
    check(&plain("u", "pw"), "235", Some("u"));
    check(&format!("auth Plain\r\n{}\r\n", b64("\0u\0pw")), "334 235", Some("u"));
    check(&format!("AUTH LOGIN\r\n{user}\r\n{pw}\r\n"), "334 334 235", Some("u"));
    check(&format!("AUTH LOGIN {user}\r\n{pw}\r\n"), "334 235", Some("u"));
    check(&format!("AUTH SCRAM-SHA-256-PLUS {user}\r\n{pw}\r\n\r\nNOOP\r\n"), "334 334 235 250", Some("u"));
    check(&format!("AUTH SCRAM-SHA-256 {user}\r\n{pw}\r\n"), "334 334", None);
    check(&format!("AUTH SCRAM-SHA-256 {user}\r\n{pw}\r\n*\r\nNOOP\r\n"), "334 334 501 250", None);
    check(&format!("AUTH SCRAM-SHA-256 {user}\r\n{pw}\r\nAAAA\r\n\r\n"), "334 334 501 500", None);
    check("AUTH LOGIN =\r\n*\r\n", "334 501", None);
    check("AUTH LOGIN\r\n\r\n*\r\nNOOP\r\n", "334 334 501 250", None);
    check(&plain("u", "no"), "535", None);
    check(&plain("soon", "no"), "454", None);
    check(&format!("{}{}", plain("u", "no"), plain("u", "pw")), "535 235", Some("u"));
    let mut desk = protected(offering(false));
    desk.feed(format!("EHLO c\r\nAUTH SCRAM-SHA-256 {user}\r\n{pw}\r\n\r\n").as_bytes());
    assert!(said(&desk).ends_with("250 HELP\r\n334 cj11\r\n334 dj1vaw==\r\n235 2.7.0 authenticated\r\n"));
    assert_eq!(desk.events, ["hello c", "auth SCRAM-SHA-256 u", "response pw"]);
}

#[test]
fn order() {
    let check = |input: &str, codes: &str| {
        let mut desk = protected(offering(false));
        desk.feed(input.as_bytes());
        assert_eq!(desk.codes(), codes, "{input:?}");
    };
    let good = plain("u", "pw");
    check(&good, "503");
    check(&format!("HELO c\r\n{good}"), "250 503");
    check(&format!("EHLO c\r\n{good}{good}"), "250 235 503");
    check(&format!("EHLO c\r\n{good}MAIL FROM:<a@b.test>\r\n{good}"), "250 235 250 503");
    check(&format!("EHLO c\r\n{good}RSET\r\nEHLO c\r\nMAIL FROM:<a@b.test>\r\n"), "250 235 250 250 250");
    check("EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<u@example.test>\r\nDATA\r\n", "250 530 503 503");
    check("EHLO c\r\nVRFY u\r\nRSET\r\nAUTH CRAM-MD5\r\nAUTH\r\n", "250 252 250 504 501");
    let optional = Policy { authentication: Authentication::Optional, ..offering(true) };
    let (codes, _) = talk(optional, format!("EHLO c\r\nMAIL FROM:<a@b.test>\r\n{good}RSET\r\n{good}"));
    assert_eq!(codes, "220 250 250 503 250 235");
}

#[test]
fn no_password_in_the_clear() {
    let good = plain("u", "pw");
    let mut clear = desk(offering(false));
    clear.feed(format!("EHLO c\r\nHELP\r\n{good}MAIL FROM:<a@b.test>\r\nSTARTTLS\r\n").as_bytes());
    assert_eq!(clear.codes(), "220 250 214 538 530 220");
    assert!(!said(&clear).contains("AUTH") && said(&clear).contains("538 5.7.11 encryption required"));
    assert!(said(&clear).contains("530 5.7.0 authentication required, begin TLS first"));
    clear.output.clear();
    clear.session = clear.session.secured(clear.now);
    clear.feed(format!("EHLO c\r\nHELP\r\n{good}STARTTLS\r\nEHLO c\r\nHELP\r\n").as_bytes());
    assert_eq!(clear.codes(), "250 214 235 503 250 214");
    assert!(said(&clear).contains("250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n"));
    assert_eq!(said(&clear).matches("AUTH").count(), 2, "only before it succeeded");

    let mut loopback = desk(offering(true));
    let plus = "AUTH SCRAM-SHA-256-PLUS AAAA\r\n";
    loopback.feed(format!("EHLO c\r\nHELP\r\n{plus}{good}STARTTLS\r\nEHLO c\r\nHELP\r\n").as_bytes());
    assert_eq!(loopback.codes(), "220 250 214 504 235 503 250 214");
    assert!(said(&loopback).contains("250-AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n"));
    assert_eq!(said(&loopback).matches("STARTTLS").count(), 2);
    assert_eq!(loopback.session.protocol_name(), "ESMTPA");

    let mut lmtp = desk(Policy { flavour: Flavour::Lmtp, start_tls: StartTls::NotOffered, ..policy() });
    lmtp.feed(b"LHLO c\r\nHELP\r\n");
    assert!(
        said(&lmtp)
            .ends_with("214-2.0.0 LHLO MAIL RCPT DATA BDAT RSET VRFY NOOP HELP QUIT\r\n214 2.0.0 See RFC 2033\r\n")
    );
}

#[test]
fn lines_that_are_no_responses() {
    let check = |input: &str, codes: &str, cancelled: usize| {
        let mut desk = protected(offering(false));
        desk.feed(format!("EHLO c\r\n{input}").as_bytes());
        assert_eq!(desk.codes(), format!("250 {codes}"), "{input:.60}");
        assert_eq!(desk.events.iter().filter(|event| *event == "AuthCancelled").count(), cancelled, "{input:.60}");
        assert_eq!(desk.session.authenticated_as(), None);
        desk
    };
    check("AUTH LOGIN\r\nno base64!\r\nNOOP\r\n", "334 501 250", 1);
    check("AUTH LOGIN\r\nQUJ\r\n", "334 501", 1);
    check("AUTH LOGIN\r\n=\r\n", "334 501", 1);
    check("AUTH LOGIN\r\nQUJD \r\n", "334 501", 1);
    check("AUTH LOGIN\r\nQU\0JD\r\n", "334 501", 1);
    check("AUTH LOGIN\r\nRSET\r\nRSET\r\n", "334 334 535", 0);
    check("AUTH LOGIN\r\nQUIT\r\nSTARTTLS\r\n", "334 334 535", 0);
    check("AUTH LOGIN\r\nQUJD\nMAIL FROM:<a@b.test>\r\nNOOP\r\n", "334 500 250", 1);
    check("AUTH LOGIN\nQUJD\r\nNOOP\r\n", "500 250", 0);
    check("AUTH PLAIN AHUAcHc=\nMAIL FROM:<a@b.test>\r\nNOOP\r\n", "500 250", 0);
    check("AUTH PLAIN AHUAcHc=\rMAIL FROM:<a@b.test>\r\nNOOP\r\n", "500 250", 0);
    check("AUTH PLAIN\r\n\x16\x03\x01\r\n", "334 500", 0);
    // 13 octets stand around the base64; 12,288 may be on a line, and NOOP is base64, too.
    let initial = |base64: usize| format!("AUTH LOGIN {}\r\nNOOP\r\n", "A".repeat(base64));
    check(&initial(12_272), "334 535", 0);
    check(&initial(12_275), "501 250", 0);
    check(&initial(12_276), "500 250", 0);
    let response = |base64: usize| format!("AUTH LOGIN\r\n{}\r\nNOOP\r\n", "A".repeat(base64));
    check(&response(12_284), "334 334 535", 0);
    let long = check(&response(12_288), "334 500 250", 1);
    assert!(said(&long).contains("500 5.5.6 "));
    check(&response(1 << 20), "334 500 421", 1);
    // A name so long that the challenge which repeats it is no line any more.
    let echoed = |octets: usize| format!("AUTH SCRAM-SHA-256 {}\r\n", b64(&"x".repeat(octets)));
    check(&echoed(1534), "334", 0);
    check(&echoed(1535), "500", 1);
}

#[test]
fn long_lines_are_for_those_who_may_authenticate() {
    let line = format!("AUTH PLAIN {}\r\nNOOP\r\n", "A".repeat(8000));
    for (policy, codes) in
        [(policy(), "220 500 250"), (offering(false), "220 500 250"), (offering(true), "220 503 250")]
    {
        assert_eq!(talk(policy, &line).0, codes);
    }
    assert_eq!(talk(offering(true), format!("NOOP {}\r\n", "A".repeat(8000))).0, "220 500");
}

#[test]
fn guessing_ends() {
    let guesses = |policy: Policy, input: String| {
        let mut desk = protected(policy);
        desk.feed(format!("EHLO c\r\n{input}").as_bytes());
        (desk.codes(), said(&desk), desk.session.is_closing())
    };
    let (codes, said, closing) = guesses(offering(false), plain("u", "no").repeat(9));
    assert_eq!(codes, "250 535 535 535 535 535 421");
    assert!(
        said.contains("421 4.7.0 mx.example.test too many failed authentications, the last one: 535 5.7.8 "),
        "{said}"
    );
    assert!(closing);
    let (codes, ..) = guesses(offering(false), plain("soon", "no").repeat(30));
    assert!(
        codes.ends_with("454 421") && codes.len() == 4 + 21 * 4 - 1,
        "faults of ours are errors, but no guesses: {codes}"
    );
    let (codes, ..) = guesses(offering(false), "AUTH LOGIN\r\n*\r\n".repeat(30));
    assert_eq!(codes.matches("501").count(), 20);
    assert!(codes.ends_with("334 421"));
}

#[test]
fn nothing_shows_a_password() {
    let mut desk = protected(offering(false));
    let line = format!("EHLO c\r\n{}", plain("u", "secret"));
    let cut = line.len() - 4;
    desk.feed(&line.as_bytes()[..cut]);
    assert!(!format!("{:?}", desk.session).contains(&format!("{:?}", &line.as_bytes()[cut - 4..cut])));
    assert_eq!(desk.session.receive(&line.as_bytes()[cut..], desk.now), 4);
    let encoded = b64("\0u\0secret");
    let hidden = |text: String| !text.contains("secret") && !text.contains(&encoded) && !text.contains("115, 101, 99");
    assert!(hidden(format!("{:?}", desk.session)));
    assert!(hidden(format!("{:?}", desk.session.poll())));
    desk.session.refuse(Reply::new(535, (5, 7, 8), "no"), desk.now);
    assert!(hidden(format!("{:?}", desk.session)));
    assert!(hidden(format!("{:?}", crate::Command::parse(plain("u", "secret").trim_end().as_bytes()))));
}

#[test]
fn names_with_authentication() {
    let check = |mut desk: Desk, input: &str, name: &str| {
        desk.feed(input.replace("AUTH\r\n", &plain("u", "pw")).as_bytes());
        assert_eq!(desk.session.protocol_name(), name);
    };
    check(desk(offering(true)), "EHLO c\r\nAUTH\r\n", "ESMTPA");
    check(protected(offering(true)), "EHLO c\r\nAUTH\r\n", "ESMTPSA");
    check(desk(offering(true)), "EHLO c\r\nAUTH\r\nMAIL FROM:<ü@b.test> SMTPUTF8\r\n", "UTF8SMTPA");
    check(protected(offering(true)), "EHLO c\r\nAUTH\r\nMAIL FROM:<ü@b.test> SMTPUTF8\r\n", "UTF8SMTPSA");
    let lmtp = || Policy { flavour: Flavour::Lmtp, ..offering(true) };
    check(desk(lmtp()), "LHLO c\r\nAUTH\r\n", "LMTPA");
    check(protected(lmtp()), "LHLO c\r\nAUTH\r\n", "LMTPSA");
}

#[test]
fn parameters_of_what_is_not_offered() {
    let check = |policy: Policy, params: &str, codes: &str| {
        let (mail, rcpt) = params.split_once('/').unwrap();
        let input = format!("EHLO c\r\nMAIL FROM:<a@b.test>{mail}\r\nRCPT TO:<u@example.test>{rcpt}\r\n");
        let (got, events) = talk(policy, input);
        assert_eq!(got, format!("220 250 {codes}"), "{params}");
        events.get(1..).unwrap().join(", ")
    };
    for params in [" RET=HDRS/", " ENVID=x/", " AUTH=<>/", " HOLDFOR=1/", " HOLDUNTIL=2026-01-01T00:00:00Z/"] {
        check(policy(), params, "555 503");
    }
    check(policy(), "/ NOTIFY=NEVER", "250 555");
    check(policy(), "/ ORCPT=rfc822;a@b.test", "250 555");
    let dsn = || Policy { dsn: true, ..policy() };
    let told = check(dsn(), " RET=HDRS ENVID=a+2Bb/ NOTIFY=DELAY,FAILURE ORCPT=rfc822;a@b.test", "250 250");
    assert_eq!(
        told,
        "mail <a@b.test> RET=HDRS ENVID=a+2Bb, rcpt u@example.test NOTIFY=FAILURE,DELAY ORCPT=rfc822;a@b.test"
    );
    check(dsn(), "/ ORCPT=utf-8;ü@b.test", "250 553");
    check(dsn(), "/ ORCPT=utf-8;\\x{FC}@b.test", "250 250");
    check(dsn(), " SMTPUTF8/ ORCPT=utf-8;ü@b.test", "250 250");
    let auth = Policy { authentication: Authentication::Optional, ..offering(false) };
    assert_eq!(check(auth, " AUTH=a+2Bb@c.test/", "250 250"), "mail <a@b.test> AUTH=a+2Bb@c.test, rcpt u@example.test");
    let mut desk = desk(dsn());
    desk.feed(b"EHLO c\r\n");
    assert!(said(&desk).contains("\r\n250-DSN\r\n"));
}

#[test]
fn messages_that_wait() {
    let interval_max = Duration::from_secs(86_400);
    let policy = Policy { future_release: Some(FutureRelease { interval_max }), ..policy() };
    let wall = Timestamp::from_unix_ms(1_793_491_200_000);
    let mut told = desk(policy.clone());
    told.session = told.session.at(wall, told.now);
    told.now = Moment(Duration::from_secs(60));
    told.feed(b"EHLO c\r\n");
    assert!(said(&told).contains("\r\n250-FUTURERELEASE 86400 2026-11-02T00:01:00Z\r\n"), "{}", said(&told));
    let mut check = |param: &str, code: &str| {
        told.output.clear();
        told.feed(format!("MAIL FROM:<a@b.test> {param}\r\nRSET\r\n").as_bytes());
        assert_eq!(told.codes(), format!("{code} 250"), "{param}");
    };
    check("HOLDFOR=86400", "250");
    check("HOLDFOR=86401", "501");
    check("HOLDUNTIL=2026-11-02T00:01:00Z", "250");
    check("HOLDUNTIL=2026-11-02T01:01:00+01:00", "250");
    check("HOLDUNTIL=2026-11-02T00:01:01Z", "501");
    check("HOLDUNTIL=2001-01-01T00:00:00Z", "250");
    assert_eq!(told.events[1], "mail <a@b.test> HOLDFOR=86400");
    told.output.clear();
    told.feed(b"STARTTLS\r\n");
    told.session = told.session.secured(told.now);
    told.feed(b"EHLO c\r\n");
    assert!(said(&told).contains("FUTURERELEASE"));
    let mut untold = desk(policy);
    untold.feed(b"EHLO c\r\nMAIL FROM:<a@b.test> HOLDFOR=1\r\n");
    assert_eq!(untold.codes(), "220 250 555");
    assert!(!said(&untold).contains("FUTURERELEASE"));
}

#[test]
fn a_submission_port() {
    let policy = Policy::submission(Domain::new("mx.example.test").unwrap(), vec!["PLAIN"]);
    let mut desk = protected(policy);
    desk.session = desk.session.at(Timestamp::from_unix_ms(0), desk.now);
    desk.feed(format!("EHLO c\r\nMAIL FROM:<a@b.test>\r\n{}MAIL FROM:<a@b.test>\r\n", plain("u", "pw")).as_bytes());
    assert_eq!(desk.codes(), "250 530 235 250");
    assert!(said(&desk).contains("\r\n250-AUTH PLAIN\r\n"));
    assert!(said(&desk).contains("\r\n250-FUTURERELEASE 5184000 1970-03-02T00:00:00Z\r\n"));
    assert!(said(&desk).contains("\r\n250-LIMITS RCPTMAX=1000 MAILMAX=1000\r\n"));
}

/// Pieces of exchanges, so that random ones reach deep.
fn piece() -> impl Strategy<Value = String> {
    let known = [
        "AUTH LOGIN\r\n",
        "AUTH LOGIN dQ==\r\n",
        "AUTH PLAIN\r\n",
        "AUTH PLAIN =\r\n",
        "AUTH PLAIN AHUAcHc=\r\n",
        "AUTH PLAIN AHUAbm8=\r\n",
        "AUTH SCRAM-SHA-256 dQ==\r\n",
        "AUTH SCRAM-SHA-256-PLUS dQ==\r\n",
        "AUTH CRAM-MD5\r\n",
        "auth ",
        "dQ==\r\n",
        "cHc=\r\n",
        "AHUAcHc=\r\n",
        "*\r\n",
        "\r\n",
        "\n",
        "\r",
        "no base64\r\n",
        "EHLO c\r\n",
        "MAIL FROM:<a@b.test> AUTH=<>\r\n",
        "RSET\r\n",
        "STARTTLS\r\n",
    ];
    prop_oneof![
        20 => proptest::sample::select(known.to_vec()).prop_map(String::from),
        1 => (0usize..3).prop_map(|n| "A".repeat(4084 + n)),
        1 => (0usize..3).prop_map(|n| "A".repeat(12_284 + n)),
        1 => (0usize..3).prop_map(|n| format!("AUTH PLAIN {}\r\n", "A".repeat(12_274 + n))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_cut_of_exchanges_gives_the_same(pieces in proptest::collection::vec(piece(), 0..24), clear: bool, cuts in proptest::collection::vec(1usize..99, 1..9)) {
        cut_anyhow(offering(clear), &format!("EHLO c\r\n{}", pieces.concat()).into_bytes(), &cuts)?;
    }
}
