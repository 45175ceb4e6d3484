//! Any split of a message gives the same, parts lie within each other, rows round-trip.
//!
//! The first octet chooses split and budget; the rest is the message, if the pieces are long with `runs` spelled out.
#![no_main]

mod runs;

use libfuzzer_sys::fuzz_target;
use message::{Envelope, Kind, Scanned, Scanner, SectionKind, Structure, Threading};
use model::{Budget, Decoder, Encoder};

fuzz_target!(|input: &[u8]| {
    let Some((&size, input)) = input.split_first() else { return };
    // Long messages take long, so only those in long pieces are.
    let large = size >= 192;
    let message = &*if large { runs::expand(input) } else { input.to_vec() };
    let small = Budget { octets: 2_000, items: 20, depth: 5, steps: 1_000 };
    let budget = if size % 2 == 0 { Scanner::DEFAULT_BUDGET } else { small };
    let whole = scan(message, message.len().max(1), budget);
    assert_eq!(whole, scan(message, usize::from(size).max(1), budget));
    assert!(large || whole == scan(message, 1, budget));
    nests(&whole.structure, message.len() as u64);
    round_trips(&whole);
    resolves(&whole.structure, message);
    any_row(input);
});

fn scan(message: &[u8], size: usize, budget: Budget) -> Scanned {
    let mut scanner = Scanner::new(budget);
    message.chunks(size).for_each(|chunk| scanner.push(chunk));
    scanner.finish()
}

fn nests(structure: &Structure, size: u64) {
    assert_eq!((structure.root().header_start, structure.root().body_end), (0, size));
    for part in structure.parts() {
        assert!(part.header_start <= part.body_start && part.body_start <= part.body_end);
        let mut begin = part.body_start;
        let mut count = 0;
        for child in structure.children(part) {
            assert!(begin <= child.header_start && child.body_end <= part.body_end);
            assert_eq!(structure.parent(child).map(|p| p.index), Some(part.index));
            begin = child.body_end;
            count += 1;
        }
        assert!(match part.kind {
            Kind::Multipart => count > 0,
            Kind::Message(_) => count == 1,
            Kind::Text | Kind::Leaf => count == 0,
        });
    }
}

fn round_trips(scanned: &Scanned) {
    let mut e = Encoder::new(1);
    scanned.structure.encode(&mut e);
    scanned.envelope.encode(&mut e);
    scanned.threading.encode(&mut e);
    let row = e.finish();
    let mut d = Decoder::new(&row, 1).expect("we wrote it");
    assert_eq!(Structure::decode(&mut d).expect("we wrote it"), scanned.structure);
    assert_eq!(Envelope::decode(&mut d).expect("we wrote it"), scanned.envelope);
    assert_eq!(Threading::decode(&mut d).expect("we wrote it"), scanned.threading);
    assert!(d.is_empty());
}

fn resolves(structure: &Structure, message: &[u8]) {
    let paths = message.chunks(3).take(20).map(|path| path.iter().map(|n| u32::from(n % 4)).collect::<Vec<_>>());
    for path in paths.chain([vec![], vec![1], vec![1, 1], vec![2, 1]]) {
        for kind in [SectionKind::Whole, SectionKind::Header, SectionKind::Text, SectionKind::Mime] {
            if let Some(range) = structure.resolve(&path, kind) {
                assert!(range.start <= range.end && range.end <= message.len() as u64);
            }
        }
    }
}

/// Foreign octets as a row: the record codec's checksum is passed by asking for it.
fn any_row(octets: &[u8]) {
    let mut row = [&[1][..], octets].concat();
    row.extend_from_slice(&crc32fast::hash(&row).to_le_bytes());
    let d = Decoder::new(&row, 1).expect("the checksum is right");
    if let Ok(structure) = Structure::decode(&mut d.clone()) {
        nests(&structure, structure.root().body_end);
        let mut e = Encoder::new(1);
        structure.encode(&mut e);
        let row = e.finish();
        let again = Structure::decode(&mut Decoder::new(&row, 1).expect("we wrote it"));
        assert_eq!(again.expect("we wrote it"), structure);
    }
    let _ = Envelope::decode(&mut d.clone());
    let _ = Threading::decode(&mut d.clone());
}
