//! Blobs.

use super::block_on;
use crate::{BlobId, Blobs, Bytes, HeldBlob};

/// Blobs under test, none at first.
pub trait BlobSubject {
    /// The blobs as they are open now.
    fn blobs(&self) -> &dyn Blobs;
    /// Closes, cleanly or not, and opens again.
    fn reopen(&mut self);
    /// Changes what is stored of the blob behind the backend's back; it is open meanwhile.
    fn damage(&mut self, id: BlobId, how: Damage);
}

/// What a bad disk does to a blob.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// A bit of its last octet is another one.
    Flipped,
    /// Its last octet is missing.
    Cut,
}

/// Runs all cases, each on blobs of its own.
///
/// # Panics
/// When the backend does not do what [`Blobs`] says.
pub fn run<S: BlobSubject>(mut make: impl FnMut() -> S) {
    let cases: [fn(&mut dyn BlobSubject); 7] = [
        what_is_written_is_read,
        a_big_blob_is_streamed,
        a_dropped_writer,
        listing,
        only_what_nobody_holds_is_deleted,
        writing_again_settles_the_doubt,
        damage_is_told,
    ];
    for case in cases {
        case(&mut make());
    }
}

fn write(subject: &dyn BlobSubject, octets: &[u8]) -> BlobId {
    held(subject, octets).id
}

fn held(subject: &dyn BlobSubject, octets: &[u8]) -> HeldBlob {
    let mut writer = block_on(subject.blobs().begin()).expect("a blob can be begun");
    for piece in octets.chunks(50_000) {
        block_on(writer.write(Bytes::copy_from_slice(piece))).expect("a blob takes octets");
    }
    let blob = block_on(writer.finish()).expect("a blob can be finished");
    assert_eq!(blob.id.0, *blake3::hash(octets).as_bytes());
    blob
}

fn read(subject: &dyn BlobSubject, id: BlobId, range: std::ops::Range<u64>) -> Option<Bytes> {
    block_on(subject.blobs().get(id, range)).expect("blobs can be read")
}

fn delete(subject: &dyn BlobSubject, id: BlobId) -> bool {
    block_on(subject.blobs().delete(id)).expect("blobs can be deleted")
}

fn ids(subject: &dyn BlobSubject) -> Vec<BlobId> {
    let mut ids: Vec<BlobId> = Vec::new();
    loop {
        let page = block_on(subject.blobs().list(ids.last().copied())).expect("blobs can be listed");
        assert!(!page.more || !page.ids.is_empty(), "a page that others follow is not empty");
        ids.extend(page.ids);
        if !page.more {
            return ids;
        }
    }
}

fn what_is_written_is_read(subject: &mut dyn BlobSubject) {
    let (id, empty) = (write(subject, b"0123456789"), write(subject, b""));
    for _ in 0..2 {
        let cases = [
            (0..10, "0123456789"),
            (0..u64::MAX, "0123456789"),
            (3..5, "34"),
            (9..99, "9"),
            (4..4, ""),
            (10..20, ""),
            (50..60, ""),
        ];
        for (range, expected) in cases {
            assert_eq!(read(subject, id, range.clone()).as_deref(), Some(expected.as_bytes()), "{range:?}");
        }
        assert_eq!(read(subject, empty, 0..10).as_deref(), Some(&b""[..]));
        assert_eq!(read(subject, BlobId([7; 32]), 0..10), None);
        subject.reopen();
    }
}

fn a_big_blob_is_streamed(subject: &mut dyn BlobSubject) {
    let octets: Vec<u8> = (0..3_000_001_u32).map(|n| (n ^ (n >> 7) ^ (n >> 15)) as u8).collect();
    let id = write(subject, &octets);
    subject.reopen();
    let pieces = (0..=octets.len() as u64).step_by(65_536);
    let again: Vec<u8> = pieces.flat_map(|at| read(subject, id, at..at + 65_536).expect("it is there")).collect();
    assert!(again == octets);
}

fn a_dropped_writer(subject: &mut dyn BlobSubject) {
    let mut writer = block_on(subject.blobs().begin()).expect("a blob can be begun");
    block_on(writer.write(Bytes::from_static(b"half"))).expect("a blob takes octets");
    drop(writer);
    assert!(ids(subject).is_empty());
    assert_eq!(read(subject, BlobId(*blake3::hash(b"half").as_bytes()), 0..4), None);
    subject.reopen();
    assert!(ids(subject).is_empty());
}

fn listing(subject: &mut dyn BlobSubject) {
    let mut written: Vec<BlobId> = (0..300_u32).map(|n| write(subject, &n.to_be_bytes())).collect();
    written.sort();
    assert_eq!(ids(subject), written);
    subject.reopen();
    assert_eq!(ids(subject), written);
    let middle = written.get(150).copied();
    let behind = block_on(subject.blobs().list(middle)).expect("blobs can be listed");
    assert_eq!(behind.ids.first(), written.get(151), "the list goes on behind the id");
}

fn only_what_nobody_holds_is_deleted(subject: &mut dyn BlobSubject) {
    let (blob, other) = (held(subject, b"mail"), write(subject, b"other"));
    let (id, clone) = (blob.id, blob.clone());
    drop(blob);
    assert!(!subject.blobs().doubt(id), "a clone holds it");
    assert!(!delete(subject, id), "what is not doubted stays");
    drop(clone);
    assert!(!delete(subject, id));
    assert!(subject.blobs().doubt(id));
    assert!(delete(subject, id));
    assert_eq!(read(subject, id, 0..3), None);
    assert!(subject.blobs().doubt(id) && delete(subject, id), "what is not there is gone");
    subject.reopen();
    assert_eq!(ids(subject), [other]);
}

/// Between the doubt and the deletion somebody wrote it, named it and let it go.
fn writing_again_settles_the_doubt(subject: &mut dyn BlobSubject) {
    let id = write(subject, b"mail");
    assert!(subject.blobs().doubt(id));
    assert_eq!(write(subject, b"mail"), id);
    assert!(!delete(subject, id));
    assert_eq!(ids(subject), [id]);
    assert!(subject.blobs().doubt(id) && delete(subject, id));
    assert!(ids(subject).is_empty());
}

/// Whether it was read before, or not since the opening: wrong octets are never given out, and writing it again heals it.
fn damage_is_told(subject: &mut dyn BlobSubject) {
    const PIECE: u64 = 65_536;
    let octets: Vec<u8> = (0..200_001_u32).map(|n| (n ^ (n >> 7) ^ (n >> 15)) as u8).collect();
    let small = write(subject, b"0123456789");
    for (how, reopened) in
        [(Damage::Flipped, true), (Damage::Flipped, false), (Damage::Cut, true), (Damage::Cut, false)]
    {
        let id = write(subject, &octets);
        assert_eq!(read(subject, id, 0..9).as_deref(), octets.get(0..9));
        subject.damage(id, how);
        if reopened {
            subject.reopen();
        }
        let mut told = 0;
        for at in (0..octets.len() as u64).step_by(PIECE as usize) {
            match block_on(subject.blobs().get(id, at..at + PIECE)) {
                Ok(piece) => {
                    let there = octets.get(at as usize..(octets.len()).min((at + PIECE) as usize));
                    assert_eq!(piece.as_deref(), there, "what is given out is right");
                }
                Err(error) => {
                    assert!(error.is_damage() && error.to_string().contains(&id.to_string()), "{error}");
                    told += 1;
                }
            }
        }
        assert!(told > 0, "{how:?}");
        assert_eq!(read(subject, small, 0..10).as_deref(), Some(&b"0123456789"[..]), "others are as they were");
    }
    let id = write(subject, &octets);
    assert_eq!(read(subject, id, 200_000..200_001).as_deref(), octets.get(200_000..));
}
