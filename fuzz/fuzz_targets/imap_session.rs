//! The same octets whole and in pieces give the same events and the same output, whatever they are.
#![no_main]

mod runs;

use imap::response::Code;
use imap::{Answer, Command, Event, Limits, NameForm, Session, State};
use libfuzzer_sys::fuzz_target;
use model::Moment;

// The first octet says how long the pieces are; the rest is what the client sends, if they are long with `runs` spelled out.
fuzz_target!(|octets: &[u8]| {
    let Some((size, input)) = octets.split_first() else { return };
    // Long inputs take long, so only those in long pieces are.
    let large = *size >= 192;
    let input = if large { runs::expand(input) } else { input.to_vec() };
    let whole = shown(&input, usize::MAX);
    if !large {
        assert_eq!(whole, shown(&input, 1));
    }
    assert_eq!(whole, shown(&input, usize::from(*size) + 1));
});

#[derive(Debug, PartialEq, Default)]
struct Shown {
    events: Vec<String>,
    bodies: Vec<u8>,
    output: Vec<u8>,
    closing: bool,
}

fn shown(input: &[u8], size: usize) -> Shown {
    let limits = Limits { append_octets_max: 5_000, ..Limits::default() };
    let mut session = Session::new(limits, "IMAP4rev1", Moment::default());
    let mut shown = Shown::default();
    for mut piece in input.chunks(size.min(input.len().max(1))) {
        while !piece.is_empty() && !session.is_starting_tls() {
            let taken = session.receive(piece, Moment::default());
            piece = &piece[taken..];
            let mut progress = taken > 0;
            loop {
                let heard = answer(&mut session, &mut shown);
                let sent = session.output().len();
                // One response is all that may go beyond the bound; here none is long.
                assert!(sent < 2 * imap::limits::OUTPUT_OCTETS_SOFT);
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

/// Says yes to everything, but takes no mail into `Full`.
fn answer(session: &mut Session, shown: &mut Shown) -> bool {
    let Some(event) = session.poll() else { return false };
    match &event {
        Event::AppendChunk(chunk) => shown.bodies.extend_from_slice(chunk),
        event => shown.events.push(format!("{event:?}")),
    }
    let ok = Answer::ok("done");
    match event {
        Event::Command(tagged) => match tagged.command {
            Command::StartTls => session.start_tls(),
            Command::Authenticate(_) => session.challenge(b""),
            Command::Idle => session.idle(),
            command => {
                match command {
                    Command::Logout => session.bye(None, "bye"),
                    Command::Login(_) | Command::Close | Command::Unselect => session.set_state(State::Authenticated),
                    Command::Select(_) | Command::Examine(_) => session.set_state(State::Selected),
                    Command::Enable(_) => session.set_name_form(NameForm::Utf8),
                    _ => (),
                }
                session.finish(&ok);
            }
        },
        Event::AppendStart(start) if start.append.mailbox.as_str() == "Full" => {
            session.refuse_literal(&Answer::no("no room").code(Code::OverQuota));
        }
        Event::AppendStart(_) | Event::AppendNext(_) => session.accept_literal(),
        Event::AppendEnd | Event::IdleDone => session.finish(&ok),
        Event::AuthResponse(_) => {
            session.set_state(State::Authenticated);
            session.finish(&ok);
        }
        Event::AppendChunk(_) | Event::AppendAborted | Event::IdleBroken | Event::AuthCancelled => (),
    }
    true
}
