use super::*;
use message::Scanner;
use proptest::prelude::*;

fn scanned(text: &[u8]) -> Arc<Scanned> {
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(text);
    Arc::new(scanner.finish())
}

proptest! {
    #[test]
    fn emails_are_read_as_written(subject: String, text: String, prefix in "[a-z]{0,9}", blob: Option<[u8; 32]>, thread: u64) {
        let header = "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nReferences: <a@b> <c@d>\r\n";
        let octets = format!("{header}Subject: {subject}\r\n\r\n{text}");
        let scanned = scanned(octets.as_bytes());
        let body = match blob {
            None => Body::Row(octets.clone().into()),
            Some(id) => Body::Blob { id: BlobId(id), size_octets: octets.len() as u64 },
        };
        let new = NewEmail { prefix: prefix.clone().into(), body, scanned: scanned.clone() };
        let email = Email::decode(EmailId(7), new.encode(ThreadId(thread)).into()).unwrap();
        prop_assert_eq!((email.id, email.thread), (EmailId(7), ThreadId(thread)));
        prop_assert_eq!(email.stored, blob.map_or(Stored::Row, |id| Stored::Blob(BlobId(id))));
        prop_assert_eq!(email.size_octets(), new.size_octets());
        prop_assert_eq!((email.prefix(), email.preview()), (prefix.as_bytes(), &*scanned.preview));
        prop_assert_eq!((email.sent_at, email.has_nul), (scanned.sent_at, scanned.has_nul));
        prop_assert_eq!(email.envelope().unwrap(), scanned.envelope.clone());
        prop_assert_eq!(email.structure().unwrap(), scanned.structure.clone());
        prop_assert_eq!(email.ancestors().unwrap(), scanned.ancestors.clone());
        prop_assert_eq!(scanned.ancestors.len(), 2);
    }

    #[test]
    fn no_octets_panic(fields: Vec<u8>) {
        let mut e = Encoder::new(NewEmail::FORMAT);
        fields.iter().for_each(|field| { e.u32((*field).into()); });
        if let Ok(email) = Email::decode(EmailId(1), e.finish().into()) {
            let _ = (email.envelope(), email.structure(), email.preview());
        }
    }
}

/// As it was written first: the row ended behind the structure.
#[test]
fn a_row_without_ancestors_is_read() {
    let scanned = scanned(b"References: <a@b>\r\nSubject: x\r\n\r\n");
    let new = NewEmail { prefix: "".into(), body: Body::Row("abc".into()), scanned: scanned.clone() };
    let row = new.encode(ThreadId(1));
    let fields = &row[1..row.len() - 4 - 9];
    let mut old = Encoder::new(NewEmail::FORMAT).into_fields();
    old.extend_from_slice(fields);
    old.extend_from_slice(&crc32(&old));
    let email = Email::decode(EmailId(1), old.into()).unwrap();
    assert_eq!((email.ancestors(), email.structure().unwrap()), (None, scanned.structure.clone()));
}

fn crc32(octets: &[u8]) -> [u8; 4] {
    // An encoder of our own would add fields; its checksum is the last four octets of a row.
    let mut sum = !0u32;
    for octet in octets {
        sum ^= u32::from(*octet);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
        }
    }
    (!sum).to_le_bytes()
}

#[test]
fn what_starts_with_the_message_starts_with_the_prefix() {
    let new = NewEmail { prefix: "12345".into(), body: Body::Row("abc".into()), scanned: scanned(b"abc") };
    let email = Email::decode(EmailId(1), new.encode(ThreadId(1)).into()).unwrap();
    assert_eq!((email.seen(0..3), email.seen(1..3), email.size_octets()), (0..8, 6..8, 8));
}
