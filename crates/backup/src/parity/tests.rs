use super::*;
use proptest::prelude::*;
use std::io::{Cursor, Write};

/// A file that is covered, and how much of it is content.
fn covered(octets: &[u8]) -> Vec<u8> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(octets).unwrap();
    let length = write(&file, octets.len() as u64).unwrap();
    assert_eq!(length, file.metadata().unwrap().len());
    let mut all = vec![0; length as usize];
    file.read_exact_at(&mut all, 0).unwrap();
    all
}

fn noise(octets: usize) -> Vec<u8> {
    let mut noise = vec![0; octets];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    noise
}

fn looked(file: &[u8]) -> Looked {
    look(&mut Cursor::new(file), None).unwrap()
}

/// What is read of the content.
fn had(file: &[u8], octets: usize) -> Vec<u8> {
    let mut patched = Patched::new(Cursor::new(file));
    patched.patches = looked(file).mended;
    patched.end = octets as u64;
    let mut had = Vec::new();
    patched.read_to_end(&mut had).unwrap();
    had
}

#[test]
fn it_costs_a_thirteenth_and_more_where_there_is_little() {
    let more = |octets| length(octets) as f64 / octets as f64 - 1.0;
    assert!(more(10 << 20) < 0.08, "{}", more(10 << 20));
    assert!(more(100_000) < 0.1, "{}", more(100_000));
    assert!(more(20_000) < 0.26, "{}", more(20_000));
    assert!(length(1000) < 6000, "{}", length(1000));
}

#[test]
fn any_sector_can_be_lost() {
    const SECTOR: usize = 4096;
    for octets in [1, 100, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK, 20_000, 300_000, (1 << 20) + 5000] {
        let content = noise(octets);
        let whole = covered(&content);
        for at in (0..whole.len()).step_by(SECTOR) {
            let mut file = whole.clone();
            file[at..].iter_mut().take(SECTOR).for_each(|octet| *octet = !*octet);
            assert!(had(&file, octets) == content, "{at} of {octets}");
        }
        assert_eq!((looked(&whole).lost, looked(&whole).is_behind_damaged), (0, false));
    }
}

#[test]
fn what_is_beyond_mending_is_counted() {
    let mut file = covered(&noise(10 * BLOCK));
    file[..5 * BLOCK].fill(0);
    let looked = looked(&file);
    assert_eq!((looked.lost, looked.mended.len()), (5, 3), "two of them are in one row");
}

proptest! {
    #[test]
    fn every_changed_octet_is_seen_and_what_is_given_is_right(octets in 1usize..40_000, at in any::<prop::sample::Index>(), by in 1u8..) {
        let content = noise(octets);
        let mut file = covered(&content);
        let at = at.index(file.len());
        file[at] ^= by;
        let looked = looked(&file);
        let within = at < octets.next_multiple_of(BLOCK);
        prop_assert_eq!((looked.lost > 0, looked.is_behind_damaged), (within, !within));
        if within {
            prop_assert_eq!(had(&file, octets), content);
        }
    }

    #[test]
    fn any_octets_do_no_harm(octets in prop::collection::vec(any::<u8>(), 0..400), covered in any::<u64>()) {
        let _ = look(&mut Cursor::new(&octets), Some(covered));
    }
}
