use model::{Decoder, Encoder, RecordError};
use proptest::prelude::*;

use crate::{Envelope, FirstAddress, Scanned, Scanner, SentAt, SortFields, Structure, Threading};

const MAIL: &[u8] = b"Date: Fri, 21 Nov 1997 00:55:06 +0600\r\nFrom: A <a@b>, g:c@d;\r\nSubject: Re: x\r\nMessage-ID: <m@x>\r\n\
References: <r@x>\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Language: de\r\n\r\n--b\r\n\
Content-Disposition: attachment; filename=x\r\nContent-ID: <i@x>\r\nContent-Transfer-Encoding: x-odd\r\n\r\nHallo\r\n--b\r\n\
Content-Type: message/rfc822\r\nContent-MD5: x\r\nContent-Location: y\r\n\r\nSubject: in\r\n\r\n--b--\r\n";

fn scanned() -> Scanned {
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(MAIL);
    scanner.finish()
}

fn row(scanned: &Scanned) -> Vec<u8> {
    let mut e = Encoder::new(1);
    scanned.structure.encode(&mut e);
    scanned.envelope.encode(&mut e);
    scanned.threading.encode(&mut e);
    scanned.sent_at.unwrap().encode(&mut e);
    e.finish()
}

fn read(row: &[u8]) -> Result<(Structure, Envelope, Threading, SentAt), RecordError> {
    let mut d = Decoder::new(row, 1)?;
    Ok((Structure::decode(&mut d)?, Envelope::decode(&mut d)?, Threading::decode(&mut d)?, SentAt::decode(&mut d)?))
}

#[test]
fn what_is_written_is_read() {
    let scanned = scanned();
    let (structure, envelope, threading, sent_at) = read(&row(&scanned)).unwrap();
    assert_eq!(structure, scanned.structure);
    assert_eq!(envelope, scanned.envelope);
    assert_eq!(threading, scanned.threading);
    assert_eq!(Some(sent_at), scanned.sent_at);
}

#[test]
fn what_is_sorted_by_is_read_alone() {
    let envelope = scanned().envelope;
    let mut e = Encoder::default();
    envelope.encode(&mut e);
    let octets = e.into_fields();
    let fields = SortFields::decode(&mut Decoder::fields(&octets, 1)).unwrap();
    assert_eq!((fields.subject, fields.message_id), (envelope.subject.as_deref(), envelope.message_id.as_deref()));
    assert_eq!((fields.in_reply_to, fields.to, fields.cc), (None, None, None));
    let from = FirstAddress { name: Some(b"A"), mailbox: Some(b"a"), host: Some(b"b") };
    assert_eq!(fields.from, Some(from));
}

#[test]
fn rows_are_compact() {
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(b"Content-Type: text/plain; charset=utf-8\r\n\r\nHallo\r\n");
    let mut e = Encoder::new(1);
    scanner.finish().structure.encode(&mut e);
    assert!(e.finish().len() <= 20);
}

proptest! {
    /// Damage that the checksum does not show.
    #[test]
    fn a_damaged_row_is_an_error_or_a_tree(at: usize, octet: u8, cut: bool) {
        let mut octets = row(&scanned());
        octets.truncate(octets.len() - 4);
        let at = 1 + at % (octets.len() - 1);
        if cut { octets.truncate(at) } else { octets[at] = octet }
        let row = resealed(&octets);
        if let Ok((structure, ..)) = read(&row) {
            let mut e = Encoder::new(1);
            structure.encode(&mut e);
            let row = e.finish();
            prop_assert_eq!(Structure::decode(&mut Decoder::new(&row, 1).unwrap()).unwrap(), structure);
        }
    }

    #[test]
    fn any_octets_are_an_error_or_a_tree(octets: Vec<u8>) {
        let _ = read(&resealed(&[&[1][..], &octets].concat()));
    }
}

#[test]
fn a_row_whose_root_begins_late_is_damaged() {
    // One part, one octet into the message, an empty `text/plain`.
    let row = |header_start| resealed(&[1, 0, 1, 0, header_start, 0, 0, 0, 0, 1, 2, 0]);
    let decode = |row: Vec<u8>| Structure::decode(&mut Decoder::new(&row, 1).unwrap()).err();
    assert_eq!((decode(row(0)), decode(row(1))), (None, Some(RecordError::Value)));
}

/// A row with a right checksum.
fn resealed(octets: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(octets.len() + 4);
    row.extend_from_slice(octets);
    row.extend_from_slice(&crc32(octets).to_le_bytes());
    row
}

fn crc32(octets: &[u8]) -> u32 {
    !octets.iter().fold(!0u32, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[test]
fn a_row_whose_part_is_larger_than_any_message_is_damaged() {
    // One part of so many octets, an empty `text/plain`.
    let decode = |octets: u64| {
        let mut e = Encoder::default();
        e.u64(0).u64(1).u64(0).u64(0).u64(0).u64(0).u64(octets).u64(0).u64(1).u64(2).u64(0);
        Structure::decode(&mut Decoder::fields(&e.into_fields(), 1)).map(|structure| structure.root().body_end)
    };
    assert_eq!(decode(i64::MAX as u64), Ok(i64::MAX as u64));
    assert_eq!(decode(i64::MAX as u64 + 1), Err(RecordError::Value));
}
