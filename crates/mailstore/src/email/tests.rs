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
            Some(id) => Body::Blob { id: BlobId(id), size_octets: octets.len() as u64, hold: BlobHold::default() },
        };
        let new = NewEmail { prefix: prefix.clone().into(), body, scanned: scanned.clone() };
        let email = Email::decode(EmailId(7), new.encode(EmailId(7), ThreadId(thread)).into()).unwrap();
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

#[test]
fn a_row_without_ancestors_is_read() {
    let scanned = scanned(b"References: <a@b>\r\nSubject: x\r\n\r\n");
    let new = NewEmail { prefix: "".into(), body: Body::Row("abc".into()), scanned: scanned.clone() };
    let email = Email::decode(EmailId(1), as_first_written(&new.encode(EmailId(1), ThreadId(1))).into()).unwrap();
    assert_eq!((email.ancestors(), email.structure().unwrap()), (None, scanned.structure.clone()));
}

/// The row of email 1 as it was before its ancestors stood behind the structure, and behind them whose it is.
pub(crate) fn as_first_written(row: &[u8]) -> Vec<u8> {
    let email = Email::decode(EmailId(1), Bytes::copy_from_slice(row)).unwrap();
    let counted = email.ancestors.unwrap().start - 1;
    let mut old = row[..counted].to_vec();
    old.extend_from_slice(&crc32fast::hash(&row[..counted]).to_le_bytes());
    old
}

#[test]
fn neither_another_row_nor_another_body_is_taken_for_it() {
    let new = NewEmail { prefix: "".into(), body: Body::Row("abc".into()), scanned: scanned(b"abc") };
    let row = Bytes::from(new.encode(EmailId(5), ThreadId(1)));
    let elsewhere = Error::Row { row: "email M13".into(), cause: RecordError::Elsewhere };
    assert_eq!(
        Email::decode(EmailId(13), row.clone()).unwrap_err().to_string(),
        elsewhere.to_string().replace('M', "")
    );
    let email = Email::decode(EmailId(5), row).unwrap();
    assert_eq!(email.check_body(b"abc"), Ok(()));
    assert!([&b"abd"[..], b"ab", b"abcd", b""].into_iter().all(|other| email.check_body(other).is_err()));
}

#[test]
fn what_starts_with_the_message_starts_with_the_prefix() {
    let new = NewEmail { prefix: "12345".into(), body: Body::Row("abc".into()), scanned: scanned(b"abc") };
    let email = Email::decode(EmailId(1), new.encode(EmailId(1), ThreadId(1)).into()).unwrap();
    assert_eq!((email.seen(0..3), email.seen(1..3), email.size_octets()), (0..8, 6..8, 8));
}
