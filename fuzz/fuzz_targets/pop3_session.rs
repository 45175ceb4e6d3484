//! The same octets whole and in pieces give the same events and the same output; what is stuffed ends once, where it ends.
#![no_main]

mod runs;

use libfuzzer_sys::fuzz_target;
use model::Moment;
use pop3::limits::OUTPUT_OCTETS_SOFT;
use pop3::{Answer, Command, Event, Language, Limits, Session, State, Stuffer, Text, Top};

// The first octet says how long the pieces are; the rest is what the client sends, if they are long with `runs` spelled out.
fuzz_target!(|octets: &[u8]| {
    let Some((size, input)) = octets.split_first() else { return };
    let large = *size >= 192;
    let input = if large { runs::expand(input) } else { input.to_vec() };
    let whole = shown(&input, usize::MAX);
    if !large {
        assert_eq!(whole, shown(&input, 1));
    }
    assert_eq!(whole, shown(&input, usize::from(*size) + 1));
    assert_eq!(lines(&input, usize::MAX), lines(&input, usize::from(*size) + 1));
});

#[derive(Debug, PartialEq, Default)]
struct Shown {
    events: Vec<String>,
    output: Vec<u8>,
    closing: bool,
}

fn shown(input: &[u8], size: usize) -> Shown {
    let mut session = Session::new(Limits::default(), "mx.test ready", Moment::default());
    let mut shown = Shown::default();
    for mut piece in input.chunks(size.min(input.len().max(1))) {
        while !piece.is_empty() && !session.is_starting_tls() {
            let taken = session.receive(piece, Moment::default());
            piece = &piece[taken..];
            let mut progress = taken > 0;
            loop {
                let heard = answer(&mut session, &mut shown);
                let sent = session.output().len();
                assert!(sent < 2 * OUTPUT_OCTETS_SOFT);
                shown.output.extend_from_slice(session.output());
                session.sent(sent);
                progress |= heard || sent > 0;
                if !heard && sent == 0 {
                    break;
                }
            }
            assert!(progress, "stuck");
        }
    }
    shown.closing = session.is_closing();
    shown
}

/// Says yes to everything, but to nobody.
fn answer(session: &mut Session, shown: &mut Shown) -> bool {
    let Some(event) = session.poll() else { return false };
    shown.events.push(format!("{event:?}"));
    let ok = Answer::ok(Text::Nothing);
    match event {
        Event::Command(Command::User(name)) if name == "nobody" => session.finish(&Answer::err(Text::LoginWrong)),
        Event::Command(Command::Pass(_) | Command::Apop { .. }) | Event::AuthResponse(_) => {
            session.set_state(State::Transaction);
            session.finish(&ok);
        }
        Event::Command(Command::Auth { mechanism: Some(_), .. }) => session.challenge(b"who?"),
        Event::Command(Command::Stls) => session.start_tls(),
        Event::Command(Command::Quit) => session.close(&ok),
        Event::Command(Command::Lang(Some(range))) => {
            session.set_language(Language::of_range(&range).unwrap_or_default());
            session.finish(&ok);
        }
        Event::Command(Command::Retr(number)) => {
            let mut stuffer = Stuffer::default();
            stuffer.push(format!("+OK\r\n.{number}").as_bytes(), session.out());
            stuffer.end(session.out());
            session.finished();
        }
        Event::Command(_) => session.finish(&ok),
        Event::AuthCancelled => {}
    }
    true
}

/// The octets as a message: what a client would get of it, and how much TOP shows.
fn lines(message: &[u8], size: usize) -> (Vec<u8>, usize) {
    let (mut stuffer, mut top, mut out, mut shown) = (Stuffer::default(), Top::new(3), Vec::new(), 0);
    for piece in message.chunks(size.min(message.len().max(1))) {
        stuffer.push(piece, &mut out);
        shown += top.take(piece);
    }
    stuffer.end(&mut out);
    // However a reader splits lines, by CRLF or by LF, a dot alone stands at the end and nowhere else.
    let dots = out.split(|&octet| octet == b'\n').filter(|line| matches!(*line, b"." | b".\r")).count();
    assert!(dots == 1 && out.ends_with(b".\r\n") && !out.contains(&0));
    (out, shown)
}
