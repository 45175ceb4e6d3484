use super::*;
use proptest::prelude::*;

#[test]
fn names_have_one_form() {
    let check =
        |name: &str, form: Result<&str, &str>| assert_eq!(canonical_name(name).as_deref(), form.as_ref().copied());
    check("Inbox", Ok("INBOX"));
    check("inbox/a", Ok("INBOX/a"));
    check("a/inbox", Ok("a/inbox"));
    check("inboxes", Ok("inboxes"));
    check("Entw\u{fc}rfe & mehr", Ok("Entw\u{fc}rfe & mehr"));
    for name in ["", "/", "/a", "a/", "a//b", "inbox/"] {
        check(name, Err("it has an empty level"));
    }
    check("u\u{308}ber", Ok("\u{fc}ber"));
    check("\u{fb2c}/x", Ok("\u{5e9}\u{5bc}\u{5c1}/x"));
    check("a\u{2028}b", Err("it holds a control character"));
    check(&"\u{1d160}".repeat(200), Err("longer than 1,000 octets"));
    check("a\r\nb", Err("it holds a control character"));
    check("a\u{85}b", Err("it holds a control character"));
    check(&vec!["a"; 33].join("/"), Err("more than 32 levels"));
    check(&"a".repeat(1001), Err("longer than 1,000 octets"));
    assert!(canonical_name(&vec!["a"; 32].join("/")).is_ok() && canonical_name(&"a".repeat(1000)).is_ok());
}

#[test]
fn new_names_name_no_folders_of_a_file_system() {
    for name in [".", "..", "../..", "a/../b", "a/."] {
        assert_eq!(new_name(name), Err("a level is . or .."), "{name}");
        assert!(canonical_name(name).is_ok(), "{name} can still be deleted");
    }
    for name in [".a", "a..", "...", "a/.b"] {
        assert!(new_name(name).is_ok(), "{name}");
    }
}

proptest! {
    #[test]
    fn the_form_of_a_form_is_itself(name in "(?i)(inbox|[a-c\u{e4}/ ]){1,4}") {
        if let Ok(form) = canonical_name(&name) {
            prop_assert_eq!(canonical_name(&form), Ok(form.clone()));
            prop_assert!(form.eq_ignore_ascii_case(&name));
        }
    }

    #[test]
    fn names_and_numbers_agree_whatever_is_put(puts in proptest::collection::vec((1u32..6, 0u32..6, any::<bool>()), 0..40)) {
        let (mut mailboxes, mut plain) = (Mailboxes::default(), BTreeMap::new());
        for (id, name, removed) in puts {
            let id = MailboxId(id);
            if removed {
                mailboxes.remove(id);
                plain.remove(&id);
            } else if !plain.values().any(|other| *other == name) {
                mailboxes.put(record(id, &format!("n{name}")));
                plain.insert(id, name);
            }
            let mut named: Vec<_> = mailboxes.iter().map(|m| (m.id, m.name.to_string())).collect();
            named.sort();
            let expected: Vec<_> = plain.iter().map(|(id, name)| (*id, format!("n{name}"))).collect();
            prop_assert_eq!(named, expected);
        }
    }
}

fn record(id: MailboxId, name: &str) -> MailboxRecord {
    MailboxRecord { highest_modseq: ModSeq(1), ..MailboxRecord::empty(id, name.into(), UidValidity(1)) }
}

#[test]
fn a_name_taken_before_its_holder_moved_on_stays_taken() {
    let mut mailboxes = Mailboxes::default();
    mailboxes.put(record(MailboxId(1), "a/x"));
    mailboxes.put(record(MailboxId(2), "a/b/x"));
    mailboxes.put(record(MailboxId(1), "a/b/x"));
    mailboxes.put(record(MailboxId(2), "a/b/b/x"));
    let named = |name| mailboxes.named(name).map(|mailbox| mailbox.id.0);
    assert_eq!((named("a/x"), named("a/b/x"), named("a/b/b/x")), (None, Some(1), Some(2)));
}
