//! Deflated data in pieces give what they give whole, whatever they are and however little room there is; what we deflate inflates
//! to the same, wherever both sides rest.
#![no_main]

use imap::deflate::{Damaged, Deflater, Inflater};
use libfuzzer_sys::fuzz_target;

/// More than any input of a run inflates to within its time.
const OUTPUT_OCTETS_MAX: usize = 1 << 20;

// The first three octets say how long the pieces are, how much room there is for output, and what rests; the rest is sent.
fuzz_target!(|octets: &[u8]| {
    let Some(([piece, room, rest], data)) = octets.split_first_chunk().map(|(head, data)| (*head, data)) else {
        return;
    };
    let (piece, room) = (usize::from(piece) + 1, usize::from(room) + 1);
    let whole = inflated(data, usize::MAX, 64 << 10, false);
    let pieces = inflated(data, piece, room, false);
    // Where damage is found may differ, not what came out before both found it.
    let common = whole.0.len().min(pieces.0.len());
    assert_eq!(whole.0.get(..common), pieces.0.get(..common));
    if whole.0.len().max(pieces.0.len()) < OUTPUT_OCTETS_MAX - (64 << 10) {
        assert_eq!(whole.1, pieces.1);
        assert!(whole.1.is_err() || whole.0 == pieces.0);
    }
    // In data that nobody deflated so, a flush and a line's end prove nothing; there is no panic, and that is all.
    drop(inflated(data, piece, room, true));

    let (mut deflater, mut wire) = (Deflater::default(), Vec::new());
    for (n, piece) in data.chunks(piece * 7).enumerate() {
        deflater.deflate(piece, &mut wire);
        if rest >> (n % 8) & 1 == 1 {
            deflater.rest();
        }
    }
    if rest & 2 == 2 {
        deflater.finish(&[], &mut wire);
    }
    assert_eq!(inflated(&wire, piece, room, rest & 1 == 0), (data.to_vec(), Ok(())));
});

/// What comes out, and whether it ended well.
fn inflated(wire: &[u8], piece: usize, room: usize, rests: bool) -> (Vec<u8>, Result<(), Damaged>) {
    let (mut inflater, mut out, mut output) = (Inflater::default(), Vec::new(), vec![0; room]);
    for mut input in wire.chunks(piece.min(wire.len().max(1))) {
        while !input.is_empty() || inflater.has_more() {
            let had_more = inflater.has_more();
            let step = match inflater.inflate(input, &mut output) {
                Ok(step) => step,
                Err(damaged) => return (out, Err(damaged)),
            };
            assert!(step.taken + step.given > 0 || had_more && !inflater.has_more(), "stuck");
            out.extend_from_slice(&output[..step.given]);
            input = &input[step.taken..];
            if out.len() > OUTPUT_OCTETS_MAX {
                return (out, Ok(()));
            }
        }
        if rests {
            inflater.rest();
        }
    }
    (out, Ok(()))
}
