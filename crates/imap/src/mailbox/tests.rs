use proptest::prelude::*;

use super::*;

#[test]
fn modified_utf7() {
    let check = |wire: &str, name: &str| {
        assert_eq!(decode(wire.as_bytes(), NameForm::ModifiedUtf7).as_deref(), Ok(name), "{wire}");
        assert_eq!(encode(name, NameForm::ModifiedUtf7), wire, "{name}");
    };
    check("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語");
    check("A&-B", "A&B");
    check("&2D3eAA-", "😀");
    check("plain", "plain");
}

#[test]
fn what_is_no_modified_utf7() {
    // Unclosed, printable ASCII encoded, two runs that should be one, half a character, bits left over (RFC 3501 §5.1.3).
    for wire in ["a&b", "&AGE-", "&U,BTFw-&ZeVnLIqe-", "&2D0-", "&U,B-", "&AOS", "&===-"] {
        assert_eq!(decode(wire.as_bytes(), NameForm::ModifiedUtf7), Err(MailboxNameError::Encoding), "{wire}");
    }
    assert_eq!(decode(b"\xff", NameForm::Utf8), Err(MailboxNameError::Encoding));
    assert_eq!(decode(b"&AAo-", NameForm::ModifiedUtf7), Err(MailboxNameError::Control));
    assert_eq!(decode("a\u{2028}".as_bytes(), NameForm::Utf8), Err(MailboxNameError::Control));
}

#[test]
fn inbox_has_one_spelling() {
    assert_eq!(MailboxName::new("iNbOx"), Ok(MailboxName::inbox()));
    assert!(!MailboxName::new("inbox/sub").unwrap().is_inbox());
}

#[test]
fn patterns() {
    let check = |pattern: &str, name: &str, matches: bool| {
        assert_eq!(ListPattern::new(pattern).unwrap().matches(name, '/'), matches, "{pattern} {name}");
    };
    check("*", "a/b/c", true);
    check("%", "a/b", false);
    check("%", "a", true);
    check("a/%", "a/b", true);
    check("a/%", "a/b/c", false);
    check("a/*c", "a/b/c", true);
    check("*/%", "a/b/c", true);
    check("a", "A", false);
    check("inbox", "INBOX", true);
    check("in%", "INBOX", true);
    check("%%a", "ba", true);
    check("", "", true);
    check("", "a", false);
    check("ü*", "über", true);
}

#[test]
fn wildcards_cost_no_more_than_their_product() {
    let pattern = ListPattern::new(&"*a".repeat(500)).unwrap();
    assert!(!pattern.matches(&"a".repeat(499), '/'));
    assert!(pattern.matches(&"a".repeat(500), '/'));
}

/// The definition, with backtracking.
fn matches(pattern: &[char], name: &[char]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((wild @ ('*' | '%'), rest)) => {
            matches(rest, name)
                || name.split_first().is_some_and(|(&c, name)| (*wild == '*' || c != '/') && matches(pattern, name))
        }
        Some((p, rest)) => name.split_first().is_some_and(|(c, name)| c == p && matches(rest, name)),
    }
}

proptest! {
    #[test]
    fn names_survive_the_wire(name in "[^\\p{Cc}\\p{Zl}\\p{Zp}]{1,20}") {
        for form in [NameForm::ModifiedUtf7, NameForm::Utf8] {
            let wire = encode(&name, form).into_owned();
            prop_assert_eq!(decode(wire.as_bytes(), form), Ok(name.clone()));
        }
        prop_assert!(encode(&name, NameForm::ModifiedUtf7).is_ascii());
    }

    #[test]
    fn patterns_match_as_defined(pattern in "[ab/*%]{0,7}", name in "[ab/]{0,7}") {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let expected = matches(&chars(&pattern), &chars(&name));
        prop_assert_eq!(ListPattern::new(&pattern).unwrap().matches(&name, '/'), expected);
    }
}
