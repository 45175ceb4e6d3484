use super::*;
use proptest::prelude::*;

fn deflated(pieces: &[Vec<u8>], rest_after: impl Fn(usize) -> bool) -> Vec<u8> {
    let (mut deflater, mut wire) = (Deflater::default(), Vec::new());
    for (n, piece) in pieces.iter().enumerate() {
        deflater.deflate(piece, &mut wire);
        if rest_after(n) {
            deflater.rest();
        }
    }
    wire
}

/// Inflates `wire`, which comes in pieces of `chunk`, into pieces of `room`; rests wherever it may.
fn inflated(inflater: &mut Inflater, wire: &[u8], chunk: usize, room: usize) -> Result<Vec<u8>, Damaged> {
    let (mut out, mut output) = (Vec::new(), vec![0; room]);
    for mut input in wire.chunks(chunk) {
        loop {
            let step = inflater.inflate(input, &mut output)?;
            out.extend_from_slice(&output[..step.given]);
            input = &input[step.taken..];
            if input.is_empty() && !inflater.has_more() {
                break;
            }
            assert!(step.taken + step.given > 0 || !inflater.has_more(), "no step is in vain");
        }
        inflater.rest();
    }
    Ok(out)
}

/// Lines that resemble each other, as commands do.
fn lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let line = prop_oneof![
        "a[0-9]{1,3} (NOOP|UID FETCH [0-9]{1,5}:\\* \\(FLAGS\\))\r\n".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..3000),
        (any::<u8>(), 0..20_000usize).prop_map(|(octet, count)| vec![octet; count]),
    ];
    prop::collection::vec(line, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_goes_in_comes_out(pieces in lines(), rests in any::<u8>(), chunk in 1..5000usize, room in 1..20_000usize) {
        let wire = deflated(&pieces, |n| rests >> (n % 8) & 1 == 1);
        let mut inflater = Inflater::default();
        prop_assert_eq!(inflated(&mut inflater, &wire, chunk, room), Ok(pieces.concat()));
        prop_assert!(pieces.is_empty() || inflater.may_end());
    }

    #[test]
    fn damage_is_noticed_or_means_something_else(pieces in lines(), at in any::<prop::sample::Index>(), by in 1..=255u8) {
        let mut wire = deflated(&pieces, |_| false);
        prop_assume!(!wire.is_empty());
        let at = at.index(wire.len());
        wire[at] ^= by;
        drop(inflated(&mut Inflater::default(), &wire, 4096, 4096));
    }

    #[test]
    fn any_octets_are_taken(wire in prop::collection::vec(any::<u8>(), 0..2000), chunk in 1..100usize) {
        drop(inflated(&mut Inflater::default(), &wire, chunk, 512));
    }
}

/// More connections than there are machines, so that each goes on with its own or with another's, as it comes.
#[test]
fn many_share_the_machines() {
    let mut connections: Vec<_> = (0..3 * MACHINES_MAX).map(|_| (Deflater::default(), Inflater::default())).collect();
    for turn in 0..40 {
        let busy = if turn % 3 == 0 { connections.len() } else { 5 };
        for (n, (deflater, inflater)) in connections.iter_mut().enumerate().take(busy) {
            let (line, mut wire) = (format!("a{turn} FETCH {n} {}\r\n", turn * n).repeat(n % 7 * turn + 1), Vec::new());
            deflater.deflate(line.as_bytes(), &mut wire);
            assert_eq!(inflated(inflater, &wire, 1000, 5000), Ok(line.into_bytes()), "{n} in turn {turn}");
        }
    }
}

#[test]
fn a_bomb_comes_out_in_pieces() {
    let wire = deflated(&[vec![0; 10 << 20]], |_| false);
    assert!(wire.len() < 64 << 10);
    let (mut inflater, mut output, mut input, mut total) = (Inflater::default(), [0; 1000], &wire[..], 0);
    while !input.is_empty() || inflater.has_more() {
        let step = inflater.inflate(input, &mut output).unwrap();
        input = &input[step.taken..];
        total += step.given;
        assert!(inflater.history.0.capacity() <= 4 * HISTORY_OCTETS_MAX);
    }
    assert_eq!(total, 10 << 20);
}

#[test]
fn what_follows_a_flush_is_not_taken_with_it() {
    let mut deflater = Deflater::default();
    let mut wire = Vec::new();
    deflater.deflate(b"a1 UNAUTHENTICATE\r\n", &mut wire);
    let length = wire.len();
    wire.extend_from_slice(b"a2 NOOP\r\n");
    let (mut inflater, mut output) = (Inflater::default(), [0; 100]);
    assert!(!inflater.may_end());
    let step = inflater.inflate(&wire, &mut output).unwrap();
    assert_eq!((step.taken, &output[..step.given]), (length, &b"a1 UNAUTHENTICATE\r\n"[..]));
    assert!(inflater.may_end());
}

#[test]
fn the_end_is_the_end() {
    let mut wire = Vec::new();
    Deflater::default().finish(b"bye\r\n", &mut wire);
    let (length, mut output) = (wire.len(), [0; 100]);
    wire.extend_from_slice(b"more");
    let mut inflater = Inflater::default();
    assert_eq!(inflater.inflate(&wire, &mut output), Ok(Inflated { taken: length, given: 5 }));
    assert!(inflater.may_end());
    assert_eq!(inflater.inflate(b"", &mut output), Ok(Inflated { taken: 0, given: 0 }));
    assert_eq!(inflater.inflate(b"more", &mut output), Err(Damaged));
}

#[test]
fn one_at_rest_holds_its_history_only() {
    let (mut deflater, mut wire) = (Deflater::default(), Vec::new());
    let mut inflater = Inflater::default();
    for n in 0..2000 {
        wire.clear();
        let line = format!("a{n} UID FETCH {n}:* (FLAGS)\r\n").into_bytes();
        deflater.deflate(&line, &mut wire);
        assert_eq!(inflated(&mut inflater, &wire, 7, 11), Ok(line));
        assert!(inflater.machine.is_none() && inflater.history.0.capacity() <= HISTORY_OCTETS_MAX);
        deflater.rest();
        assert!(deflater.history.0.capacity() <= WINDOW_OCTETS);
    }
}

#[test]
fn stored_data_that_look_like_a_flush_are_none() {
    // A stored block of six octets, of which four have come.
    let (mut inflater, mut output) = (Inflater::default(), [0; 100]);
    let step = inflater.inflate(&[0, 6, 0, 0xf9, 0xff, 0, 0, 0xff, 0xff], &mut output).unwrap();
    assert_eq!(step.given, 4);
    inflater.rest();
    assert_eq!(inflater.inflate(b"\r\n", &mut output), Ok(Inflated { taken: 2, given: 2 }));
    assert_eq!(&output[..2], b"\r\n");
}
