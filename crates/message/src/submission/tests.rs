use proptest::prelude::*;

use super::*;

const DATE: &str = "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n";
const ID: &str = "Message-ID: <new@demo.test>\r\n";

fn fixed(header: &[u8]) -> Result<String, Malformed> {
    let own = |address: &str| ["anna@demo.test", "info@demo.test"].contains(&address.to_ascii_lowercase().as_str());
    let anna: Address = "anna@demo.test".parse().unwrap();
    let fixups = Fixups::of(header, Timestamp::from_unix_ms(0), "<new@demo.test>", &anna, &own)?;
    Ok(String::from_utf8_lossy(&fixups.apply(header)).into_owned())
}

fn check(header: &str, want: &str) {
    assert_eq!(fixed(header.as_bytes()).unwrap(), want, "{header:?}");
}

#[test]
fn what_is_missing_is_added() {
    check("\r\n", &format!("{DATE}{ID}From: <anna@demo.test>\r\n\r\n"));
    check("", &format!("{DATE}{ID}From: <anna@demo.test>\r\n"));
    check("From: anna@demo.test\r\n\r\n", &format!("{DATE}{ID}From: anna@demo.test\r\n\r\n"));
    check(
        &format!("{DATE}{ID}From: Anna <ANNA@demo.test>\r\n\r\n"),
        &format!("{DATE}{ID}From: Anna <ANNA@demo.test>\r\n\r\n"),
    );
    check("Date: soon\r\nMessage-ID:\r\nFrom: \r\n\r\n", &format!("{DATE}{ID}From: <anna@demo.test>\r\n\r\n"));
}

#[test]
fn blind_copies_stay_blind() {
    let rest = format!("{DATE}{ID}From: anna@demo.test\r\nTo: b@b.test\r\n\r\n");
    check(
        &rest.replace("To:", "bcc : x@b.test,\r\n y@b.test\r\nResent-Bcc: z@b.test\nReturn-Path: <q@b.test>\r\nTo:"),
        &rest,
    );
    check(&format!(" Bcc: x\r\n{rest}"), &rest);
}

#[test]
fn who_sends_for_another_is_told() {
    let full = |rest: &str| format!("{DATE}{ID}{rest}\r\n");
    let added = |rest: &str| format!("Sender: <anna@demo.test>\r\n{}", full(rest));
    let check = |rest: &str, want: String| check(&full(rest), &want);
    check("From: bob@b.test\r\n", added("From: bob@b.test\r\n"));
    check("From: bob@b.test\r\nSender: eve@b.test\r\n", added("From: bob@b.test\r\n"));
    check("From: bob@b.test\r\nSender: info@demo.test\r\n", full("From: bob@b.test\r\nSender: info@demo.test\r\n"));
    check("From: anna@demo.test\r\nSender: eve@b.test\r\n", full("From: anna@demo.test\r\n"));
    check("From: bob@b.test, anna@demo.test\r\n", added("From: bob@b.test, anna@demo.test\r\n"));
    check("Sender: info@demo.test\r\nSender: x@b.test\r\nFrom: b@b.test\r\n", added("From: b@b.test\r\n"));
}

#[test]
fn a_hidden_second_from_is_refused() {
    assert_eq!(fixed(b"From: anna@demo.test\r\nfrom : boss@b.test\r\n\r\n"), Err(Malformed::SeveralFrom));
    assert!(Malformed::SeveralFrom.to_string().contains("several From fields"));
    assert_eq!(fixed(&vec![b'x'; Fixups::HEADER_OCTETS_MAX + 1]), Err(Malformed::HeaderTooLong));
}

proptest! {
    #[test]
    fn a_mended_header_needs_no_mending(lines in proptest::collection::vec("(From|Sender|Bcc|Date|Message-ID|X| |To): ?[a-z@. <>,]{0,12}\r?\n", 0..8)) {
        let header = format!("{}\r\n", lines.concat());
        if let Ok(once) = fixed(header.as_bytes()) {
            prop_assert_eq!(fixed(once.as_bytes()).unwrap(), once.clone());
            prop_assert!(!Fields::new(once.as_bytes()).any(|field| field.name.eq_ignore_ascii_case(b"bcc")));
        }
    }
}
