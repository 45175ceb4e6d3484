//! A session gives the same events and replies however its input is cut, and never more output than it promises.
//!
//! Whoever authenticates is believed, refused or asked on, as the response says.
//!
//! The first octet chooses protocol, cut and size; the rest is what the peer sends, of large ones with `runs` spelled out.
#![no_main]

mod runs;

use libfuzzer_sys::fuzz_target;
use model::{Domain, Moment, Timestamp};
use smtp::server::{Event, Security, Session};
use model::Secret;
use smtp::{Auth, Flavour, FutureRelease, Policy, Reply, StartTls};
use std::time::Duration;

/// What a session told its caller, and what it said.
#[derive(PartialEq, Debug, Default)]
struct Story {
    events: Vec<String>,
    body: Vec<u8>,
    output: Vec<u8>,
    closing: bool,
}

/// The first octet of a response says what becomes of it.
fn authenticate(session: &mut Session, said: Option<&Secret>, now: Moment) {
    match said.map(Secret::expose).and_then(<[u8]>::split_first) {
        None => session.challenge(b"", now),
        Some((b'=', name)) => session.authenticated(String::from_utf8_lossy(name).into_owned(), None, now),
        Some((b'>', name)) => {
            session.authenticated(String::from_utf8_lossy(name).into_owned(), Some(b"last".to_vec()), now);
        }
        Some((b'?', echo)) => session.challenge(echo, now),
        Some((b'~', _)) => session.refuse(Reply::new(454, (4, 7, 0), "not now"), now),
        Some(_) => session.refuse(Reply::new(535, (5, 7, 8), "no"), now),
    }
}

fn answer(session: &mut Session, story: &mut Story, recipients: &mut usize, now: Moment) -> bool {
    let Some(event) = session.poll() else { return false };
    let told = match &event {
        Event::BodyChunk(chunk) => {
            story.body.extend_from_slice(chunk);
            return true;
        }
        Event::BodyAborted => {
            story.body.clear();
            "aborted".to_owned()
        }
        Event::Auth { mechanism, initial: Some(said) } => format!("auth {mechanism} {:?}", said.expose()),
        Event::Auth { mechanism, initial: None } => format!("auth {mechanism}"),
        Event::AuthResponse(said) => format!("response {:?}", said.expose()),
        other => format!("{other:?}"),
    };
    if let Event::Auth { initial: said, .. } = event {
        authenticate(session, said.as_ref(), now);
        story.events.push(told);
        return true;
    }
    if let Event::AuthResponse(said) = event {
        authenticate(session, Some(&said), now);
        story.events.push(told);
        return true;
    }
    let refused = told.contains("refuse");
    let (asks, mail, rcpt, end) = (
        matches!(event, Event::Mail { .. } | Event::Rcpt { .. } | Event::DataStart),
        matches!(event, Event::Mail { .. }),
        matches!(event, Event::Rcpt { .. }),
        event == Event::BodyEnd,
    );
    if end && session.protocol_name().contains("LMTP") {
        session.answer_each(vec![Reply::new(250, (2, 0, 0), "kept"); *recipients], now);
    } else if end {
        session.answer(Reply::new(250, (2, 0, 0), "kept"), now);
    } else if asks && refused {
        session.refuse(Reply::new(550, (5, 1, 1), "refused"), now);
    } else if asks {
        session.accept(now);
        *recipients = if mail { 0 } else { *recipients + usize::from(rcpt) };
    }
    story.events.push(told);
    true
}

fn run(policy: Policy, input: &[u8], cut: usize) -> Story {
    let now = Moment::default();
    let mut session = Session::new(policy.into(), Security::Clear, now).at(Timestamp::from_unix_ms(0), now);
    let (mut story, mut recipients) = (Story::default(), 0);
    for piece in input.chunks(cut) {
        let mut rest = piece;
        loop {
            let taken = session.receive(rest, now);
            rest = rest.get(taken..).unwrap_or_default();
            let answered = answer(&mut session, &mut story, &mut recipients, now);
            assert!(session.output().len() <= 16 << 10);
            story.output.extend_from_slice(session.output());
            session.sent(session.output().len());
            if taken == 0 && !answered {
                break;
            }
        }
        if !rest.is_empty() {
            break;
        }
    }
    story.closing = session.is_closing();
    session.input_ended(now);
    while answer(&mut session, &mut story, &mut recipients, now) {}
    assert!(session.is_closing());
    session.expire(now + Duration::from_secs(1 << 20));
    story
}

fuzz_target!(|octets: &[u8]| {
    let Some((&choice, input)) = octets.split_first() else { return };
    let mut policy = Policy::new(Domain::new("mx.example.test").expect("a domain"));
    policy.flavour = if choice & 1 == 0 { Flavour::Smtp } else { Flavour::Lmtp };
    policy.start_tls = StartTls::Offered;
    policy.auth = Auth::Offered { mechanisms: vec!["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"], clear: true };
    policy.dsn = true;
    policy.future_release = Some(FutureRelease { interval_max: Duration::from_secs(86_400) });
    // Long inputs take long, so only some are.
    let large = choice >= 192;
    policy.size_max_octets = if large { 70_000 } else { 200 };
    policy.recipients_max = 3;
    let input = if large { runs::expand(input) } else { input.to_vec() };
    let whole = run(policy.clone(), &input, usize::MAX);
    if !large {
        assert_eq!(whole, run(policy.clone(), &input, 1));
    }
    assert_eq!(whole, run(policy, &input, usize::from(choice >> 1) + 1));
});
