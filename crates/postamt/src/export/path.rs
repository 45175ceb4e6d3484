//! Where a mailbox goes below the folder that is exported into.

use super::Format;
use crate::import::hash;
use imap::NameForm;
use mailstore::INBOX;
use std::path::PathBuf;

/// Longest name of a file, in octets, that all usual file systems keep, less what is put before or behind it.
const NAME_OCTETS_MAX: usize = 200;
/// What our own names begin with.
const OWN: &str = "postamt-";
/// Endings by which files are told from folders.
const ENDINGS: [&str; 4] = [".mbox", ".sbd", ".eml", ".msf"];

/// The path of a mailbox, and whether importing can read its name off it.
pub fn of(mailbox: &str, format: Format) -> (PathBuf, bool) {
    let levels: Vec<&str> = mailbox.split('/').collect();
    let fits = levels.iter().all(|level| is_plain(level, format));
    let path = match format {
        Format::Maildir if mailbox == INBOX => Some(PathBuf::new()),
        Format::Maildir => {
            let encoded = imap::mailbox::encode(mailbox, NameForm::ModifiedUtf7);
            let name = format!(".{}", encoded.replace('/', "."));
            (fits && name.len() <= NAME_OCTETS_MAX).then(|| name.into())
        }
        Format::Mbox => fits.then(|| format!("{mailbox}.mbox").into()),
        Format::Eml => fits.then(|| mailbox.into()),
    };
    match path {
        Some(path) => (path, true),
        None => {
            let hash: String = hash(&[mailbox.as_bytes()]).iter().map(|octet| format!("{octet:02x}")).collect();
            let name = match format {
                Format::Maildir => format!(".{OWN}{hash}"),
                Format::Mbox => format!("{OWN}{hash}.mbox"),
                Format::Eml => format!("{OWN}{hash}"),
            };
            (name.into(), false)
        }
    }
}

/// Whether a level of a mailbox's name can be a name of a file, and is read back as the same.
fn is_plain(level: &str, format: Format) -> bool {
    let small = level.to_lowercase();
    let odd = level.is_empty()
        || level.len() > NAME_OCTETS_MAX
        || level.starts_with('.')
        || small.starts_with(OWN)
        || level.chars().any(|c| c.is_control() || c == '\\' || c == ':')
        || level.ends_with([' ', '.']);
    let ours = match format {
        Format::Maildir => level.contains('.'),
        Format::Mbox | Format::Eml => ENDINGS.iter().any(|ending| small.ends_with(ending)),
    };
    !odd && !ours
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Component;

    #[test]
    fn usual_names_are_kept() {
        let check = |mailbox: &str, format, expected: &str| {
            assert_eq!(of(mailbox, format), (PathBuf::from(expected), true), "{mailbox}");
        };
        check("INBOX", Format::Maildir, "");
        check("Archive/2024", Format::Maildir, ".Archive.2024");
        check("Entwürfe", Format::Maildir, ".Entw&APw-rfe");
        check("INBOX", Format::Mbox, "INBOX.mbox");
        check("Archive/2024", Format::Mbox, "Archive/2024.mbox");
        check("Entwürfe/R&D", Format::Eml, "Entwürfe/R&D");
    }

    #[test]
    fn odd_names_get_plain_ones() {
        for mailbox in
            ["..", "../../etc/passwd", "a/../b", ".hidden", "a.mbox", "postamt-x", "a\\b", "C:", &"x".repeat(300)]
        {
            for format in [Format::Maildir, Format::Mbox, Format::Eml] {
                let (path, plain) = of(mailbox, format);
                assert!(!plain || mailbox == "a.mbox", "{mailbox}: {path:?}");
                assert_eq!(path.components().count(), 1);
            }
        }
        assert!(!of("v1.2", Format::Maildir).1);
    }

    proptest! {
        #[test]
        fn no_path_leads_out_and_no_two_names_meet(one in "(\\.|/|a|ü|B|&|\\PC){1,12}", other in "(\\.|/|a|&|\\PC){1,12}") {
            for format in [Format::Maildir, Format::Mbox, Format::Eml] {
                let (path, _) = of(&one, format);
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert!(one == other || path != of(&other, format).0);
            }
        }
    }
}
