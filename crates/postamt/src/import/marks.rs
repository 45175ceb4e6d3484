//! Flags, as the letters and header fields of files.

use std::path::Path;

/// The letters of Maildir and their flags, in the order they have to be written in.
const LETTERS: [(char, &str); 6] = [
    ('D', "\\Draft"),
    ('F', "\\Flagged"),
    ('P', "$Forwarded"),
    ('R', "\\Answered"),
    ('S', "\\Seen"),
    ('T', "\\Deleted"),
];

/// The file beside `cur` that says which keywords the letters `a` to `z` are.
pub const KEYWORDS_FILE: &str = "dovecot-keywords";

/// Its longest, and more than anybody's.
const KEYWORDS_OCTETS_MAX: u64 = 64 << 10;

/// Keywords of a Maildir folder: those with a letter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Keywords(Vec<String>);

impl Keywords {
    const MAX: usize = 26;

    /// What the folder's file says; nothing where there is none or it makes no sense.
    pub fn read(folder: &Path) -> Keywords {
        let octets = super::letter::read(&folder.join(KEYWORDS_FILE), KEYWORDS_OCTETS_MAX).map(|(octets, _)| octets);
        let text = String::from_utf8_lossy(&octets.unwrap_or_default()).into_owned();
        let mut names = vec![String::new(); Self::MAX];
        for (number, name) in text.lines().filter_map(|line| line.split_once(' ')) {
            if let Some(slot) = number.parse::<usize>().ok().and_then(|number| names.get_mut(number)) {
                name.trim().clone_into(slot);
            }
        }
        while names.last().is_some_and(String::is_empty) {
            names.pop();
        }
        Keywords(names)
    }

    /// As the file has it.
    pub fn text(&self) -> String {
        let named = self.0.iter().enumerate().filter(|(_, name)| !name.is_empty());
        named.map(|(number, name)| format!("{number} {name}\n")).collect()
    }

    /// The letter of a keyword, which gets one if it has none; `None` when all are given.
    pub fn letter(&mut self, keyword: &str) -> Option<char> {
        let known = self.0.iter().position(|name| name.eq_ignore_ascii_case(keyword));
        let number = known.or_else(|| {
            (self.0.len() < Self::MAX).then(|| {
                self.0.push(keyword.to_owned());
                self.0.len() - 1
            })
        })?;
        u8::try_from(number).ok().map(|number| char::from(b'a' + number))
    }

    fn named(&self, letter: char) -> Option<&str> {
        let number = usize::from(u8::try_from(letter).ok()?.checked_sub(b'a')?);
        self.0.get(number).map(String::as_str).filter(|name| !name.is_empty())
    }
}

/// The flags of a file's letters; those that mean nothing here are passed over.
pub fn flags_of(letters: &str, keywords: &Keywords) -> Vec<String> {
    let flag = |letter: char| {
        let system = LETTERS.iter().find(|(known, _)| *known == letter).map(|(_, flag)| *flag);
        system.or_else(|| keywords.named(letter)).map(str::to_owned)
    };
    letters.chars().filter_map(flag).collect()
}

/// The letters of flags in their order, and how many keywords have none.
pub fn letters_of(flags: &[String], keywords: &mut Keywords) -> (String, usize) {
    let (mut letters, mut without) = (Vec::new(), 0);
    for flag in flags {
        let system = LETTERS.iter().find(|(_, known)| known.eq_ignore_ascii_case(flag)).map(|(letter, _)| *letter);
        match system.or_else(|| keywords.letter(flag)) {
            Some(letter) => letters.push(letter),
            None => without += 1,
        }
    }
    letters.sort_unstable();
    letters.dedup();
    (letters.into_iter().collect(), without)
}

/// The value of `Status`, and that of `X-Status`, for these flags; what is left goes into `X-Keywords`.
pub fn status_of(flags: &[String]) -> [String; 3] {
    let has = |flag: &str| flags.iter().any(|known| known.eq_ignore_ascii_case(flag));
    let letters = |known: &[(char, &str)]| -> String {
        known.iter().filter(|(_, flag)| has(flag)).map(|(letter, _)| *letter).collect()
    };
    let keywords: Vec<&str> = flags.iter().map(String::as_str).filter(|flag| !flag.starts_with('\\')).collect();
    [format!("{}O", letters(&[('R', "\\Seen")])), letters(&X_STATUS), keywords.join(" ")]
}

const X_STATUS: [(char, &str); 4] = [('A', "\\Answered"), ('F', "\\Flagged"), ('T', "\\Draft"), ('D', "\\Deleted")];

/// Whether a header field is a mail program's note on its mbox rather than a part of the message.
pub fn is_note(name: &str) -> bool {
    const NOTES: [&str; 9] = [
        "status",
        "x-status",
        "x-keywords",
        "x-uid",
        "x-imap",
        "x-imapbase",
        "x-mozilla-status",
        "x-mozilla-status2",
        "x-mozilla-keys",
    ];
    NOTES.iter().any(|note| note.eq_ignore_ascii_case(name))
}

/// Adds the flags that such a note means.
pub fn note(name: &str, value: &str, flags: &mut Vec<String>) {
    let mut add = |flag: &str| {
        if !flags.iter().any(|known| known.eq_ignore_ascii_case(flag)) {
            flags.push(flag.to_owned());
        }
    };
    match name.to_ascii_lowercase().as_str() {
        "status" if value.contains('R') => add("\\Seen"),
        "x-status" => {
            let known = X_STATUS.iter().filter(|(letter, _)| value.contains(*letter));
            known.for_each(|(_, flag)| add(flag));
        }
        "x-keywords" | "x-mozilla-keys" => value.split_whitespace().for_each(add),
        "x-mozilla-status" => {
            let bits = u32::from_str_radix(value.trim(), 16).unwrap_or(0);
            let known = [
                (0x0001, "\\Seen"),
                (0x0002, "\\Answered"),
                (0x0004, "\\Flagged"),
                (0x0008, "\\Deleted"),
                (0x1000, "$Forwarded"),
            ];
            known.into_iter().filter(|(bit, _)| bits & bit != 0).for_each(|(_, flag)| add(flag));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(flags: &[&str]) -> Vec<String> {
        flags.iter().map(|flag| (*flag).to_owned()).collect()
    }

    #[test]
    fn letters_stand_for_flags() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(KEYWORDS_FILE), "0 $Junk\n2 Arbeit\n99 x\nnonsense\n").unwrap();
        let mut keywords = Keywords::read(folder.path());
        assert_eq!(flags_of("FSacbZ", &keywords), ["\\Flagged", "\\Seen", "$Junk", "Arbeit"]);
        let flags = names(&["\\Seen", "arbeit", "$Forwarded", "$New", "\\Draft"]);
        assert_eq!(letters_of(&flags, &mut keywords), ("DPScd".into(), 0));
        assert_eq!(keywords.text(), "0 $Junk\n2 Arbeit\n3 $New\n");
        let many: Vec<String> = (0..30).map(|n| format!("k{n}")).collect();
        assert_eq!(letters_of(&many, &mut keywords).1, 8);
    }

    #[test]
    fn notes_stand_for_flags() {
        for flags in [&[][..], &["\\Seen"], &["\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "$Junk", "Arbeit"]] {
            let flags = names(flags);
            let mut read = Vec::new();
            for (name, value) in ["Status", "X-Status", "X-Keywords"].into_iter().zip(status_of(&flags)) {
                assert!(is_note(name));
                note(name, &value, &mut read);
            }
            assert_eq!(read, flags);
        }
        let mut read = Vec::new();
        note("X-Mozilla-Status", "1005", &mut read);
        assert_eq!(read, ["\\Seen", "\\Flagged", "$Forwarded"]);
    }
}
