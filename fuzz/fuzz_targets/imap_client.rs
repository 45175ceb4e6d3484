//! A server's responses read the same however they are cut, and every octet of a message passes by.
#![no_main]

mod runs;

use imap::client::{Event, Reader, Response};
use libfuzzer_sys::fuzz_target;

#[derive(PartialEq, Debug, Default)]
struct Story {
    responses: Vec<Response>,
    bodies: Vec<(u64, Vec<u8>)>,
    failed: Option<String>,
}

fn run(octets: &[u8], cut: usize) -> Story {
    let (mut reader, mut story) = (Reader::default(), Story::default());
    for mut piece in octets.chunks(cut) {
        loop {
            match reader.read(&mut piece) {
                Ok(None) => break,
                Ok(Some(Event::Response(response))) => story.responses.push(response),
                Ok(Some(Event::BodyBegins(octets))) => story.bodies.push((octets, Vec::new())),
                Ok(Some(Event::Body(piece))) => {
                    let (octets, body) = story.bodies.last_mut().expect("a body has begun");
                    body.extend_from_slice(piece);
                    assert!(body.len() as u64 <= *octets);
                }
                Err(error) => {
                    story.failed = Some(error.to_string());
                    return story;
                }
            }
        }
        assert!(piece.is_empty());
    }
    story
}

fuzz_target!(|octets: &[u8]| {
    let Some((&choice, input)) = octets.split_first() else { return };
    let large = choice >= 240;
    let input = if large { runs::expand(input) } else { input.to_vec() };
    let whole = run(&input, usize::MAX);
    assert_eq!(whole, run(&input, usize::from(choice) + 1));
    if !large {
        assert_eq!(whole, run(&input, 1));
    }
});
