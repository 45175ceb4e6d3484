//! Any octets parse to a command or to an answer; what is parsed and printed is parsed to the same.
#![no_main]

use imap::{Command, NameForm, Tagged, command};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    for form in [NameForm::ModifiedUtf7, NameForm::Utf8] {
        let Ok(tagged) = command::parse(octets, form) else { continue };
        exercise(&tagged);
        let wire = tagged.encode(form);
        let line = wire.strip_suffix(b"\r\n").expect("a command ends its line");
        assert_eq!(command::parse(line, form).as_ref(), Ok(&tagged), "{}", String::from_utf8_lossy(&wire));
    }
});

/// What sets and patterns do must end, too.
fn exercise(tagged: &Tagged) {
    match &tagged.command {
        Command::Copy(copy) => {
            if let Some(set) = copy.set.resolve(1000) {
                assert!(set.min().is_none_or(|min| set.contains(min)));
                assert!(set.ranges().zip(set.ranges().skip(1)).all(|((_, last), (first, _))| last + 1 < first));
            }
        }
        Command::List(list) => {
            for pattern in &list.patterns {
                pattern.matches("INBOX", '/');
                pattern.matches("a/b/ü", '/');
            }
        }
        _ => (),
    }
}
