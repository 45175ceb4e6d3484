//! The journal guard's reader: any octets as a journal, and good batches that are cut, spoilt and padded.
//!
//! The guard itself works on folders; its reader is a file of `store-local` that needs no more than fjall's number type.
//! The first octet says where a good journal is spoilt; the rest is what its batches hold.
#![no_main]

#[path = "../../crates/store-local/src/journal/scan.rs"]
mod scan;

use libfuzzer_sys::fuzz_target;
use scan::{Ending, Scanned};
use std::path::PathBuf;
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_64;

extern crate self as fjall;
pub type SeqNo = u64;

/// The first batch's number.
const FIRST: SeqNo = 7;

/// In memory where the system has such a folder; one for each process.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let shared = PathBuf::from("/dev/shm");
    let folder = if shared.is_dir() { shared } else { std::env::temp_dir() };
    folder.join(format!("postamt-fuzz-{}.jnl", std::process::id()))
});

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    any_octets(rest);
    let (journal, ends) = written(rest);
    let whole = scan(&journal);
    assert_eq!((whole.batches, whole.end, whole.ending), (ends.len() as u64, journal.len() as u64, Ending::Clean));
    for (number, before) in [&0].into_iter().chain(&ends).take(ends.len()).enumerate() {
        let found = scan::position_of(&FILE, number as u64 + FIRST).expect("the file can be read");
        assert_eq!(found, Some(*before as u64));
    }
    if let Some(&last) = ends.last() {
        let at = usize::from(choice) * last / 256;
        torn(&journal, &ends, at);
        spoilt(journal, &ends, at);
    }
});

fn scan(journal: &[u8]) -> Scanned {
    std::fs::write(&*FILE, journal).expect("there is room");
    scan::scan(&FILE, None).expect("the file can be read")
}

fn any_octets(octets: &[u8]) {
    let scanned = scan(octets);
    assert!(scanned.end <= octets.len() as u64);
    assert!(scanned.batches > 0 || scanned.last_seqno.is_none());
    match scanned.ending {
        Ending::Clean => (),
        Ending::Torn { at, end } => assert!(at < end && end == scanned.end),
        Ending::Damaged { bad } => {
            assert!(!bad.is_empty() && bad.iter().all(|part| part.start < part.end && part.end <= scanned.end));
            assert!(bad.iter().zip(bad.iter().skip(1)).all(|(one, next)| one.end < next.start));
        }
    }
}

/// Good batches of items and clearings, and where each ends.
fn written(content: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut journal, mut ends) = (Vec::new(), Vec::new());
    for (number, held) in content.chunks(40).take(6).enumerate() {
        let items: Vec<Vec<u8>> = held.chunks(13).map(item).collect();
        journal.push(1);
        journal.extend((items.len() as u32).to_le_bytes());
        journal.extend((number as u64 + FIRST).to_le_bytes());
        let body = items.concat();
        journal.extend(&body);
        journal.push(3);
        journal.extend(xxh3_64(&body).to_le_bytes());
        journal.extend(b"FJL\x03");
        ends.push(journal.len());
    }
    (journal, ends)
}

fn item(held: &[u8]) -> Vec<u8> {
    let kind = held.first().copied().unwrap_or_default();
    if kind > 4 {
        return [&[4], &[kind; 8][..]].concat();
    }
    let (key, value) = held.split_at(held.len() / 2);
    let mut item = vec![2, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    item.extend((key.len() as u16).to_le_bytes());
    item.extend([value.len() as u32; 2].map(u32::to_le_bytes).concat());
    item.extend([key, value].concat());
    item
}

/// Cut anywhere: what was whole before the cut stays, and only a part of one batch is torn.
fn torn(journal: &[u8], ends: &[usize], at: usize) {
    let whole = ends.iter().filter(|&&end| end <= at).count();
    let keeps = whole.checked_sub(1).map_or(0, |last| ends[last]) as u64;
    let padded = [&journal[..at], &[0; 100]].concat();
    for cut in [&journal[..at], &padded] {
        let scanned = scan(cut);
        assert_eq!(scanned.batches, whole as u64);
        match scanned.ending {
            Ending::Clean => assert!(journal[keeps as usize..at].iter().all(|&octet| octet == 0)),
            Ending::Torn { at: torn, end } => assert!(torn == keeps && end == scanned.end && end <= at as u64),
            Ending::Damaged { bad } => panic!("{bad:?}"),
        }
    }
}

/// One octet wrong: the batch it lies in is bad, all others are found. A number's octets are not covered by the sum.
fn spoilt(mut journal: Vec<u8>, ends: &[usize], at: usize) {
    let batch = ends.iter().filter(|&&end| end <= at).count();
    let start = batch.checked_sub(1).map_or(0, |before| ends[before]);
    if (5..13).contains(&(at - start)) {
        return;
    }
    journal[at] ^= 0x55;
    let scanned = scan(&journal);
    assert_eq!(scanned.batches, ends.len() as u64 - 1);
    let bad = start as u64..ends[batch] as u64;
    let expected = match batch + 1 == ends.len() {
        true => Ending::Torn { at: bad.start, end: scanned.end },
        false => Ending::Damaged { bad: vec![bad] },
    };
    assert_eq!(scanned.ending, expected);
}
