//! Which mailbox a folder from elsewhere becomes.

use mailstore::{INBOX, SpecialUse, canonical_name};
use std::collections::HashSet;

/// How other systems call what we have one mailbox for, in small letters.
const CALLED: [(SpecialUse, &[&str]); 5] = [
    (
        SpecialUse::Sent,
        &[
            "sent",
            "sent items",
            "sent messages",
            "sent mail",
            "sent-mail",
            "gesendet",
            "gesendete elemente",
            "gesendete objekte",
        ],
    ),
    (SpecialUse::Drafts, &["drafts", "draft", "entwürfe"]),
    (SpecialUse::Junk, &["junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk mail", "junk-e-mail"]),
    (
        SpecialUse::Trash,
        &["trash", "deleted items", "deleted messages", "bin", "papierkorb", "gelöschte elemente", "gelöschte objekte"],
    ),
    (SpecialUse::Archive, &["archive", "archives", "archiv"]),
];

/// What stands before the name of a folder that is one of a kind.
const BEFORE: [&str; 3] = ["inbox/", "[gmail]/", "[google mail]/"];

/// A folder elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Foreign {
    /// Its name, levels separated by `/`.
    pub name: String,
    /// What it is for, if its server says so.
    pub special_use: Option<SpecialUse>,
}

/// Whether a folder for drafts becomes the mailbox for drafts, whatever it is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Naming {
    /// Yes.
    Mapped,
    /// Each keeps its name.
    Kept,
}

/// The mailbox of each folder. No two folders become one mailbox, unless all of them are told to go into one.
pub fn plan(folders: &[Foreign], ours: &[(String, SpecialUse)], naming: Naming, into: Option<&str>) -> Vec<String> {
    if let Some(into) = into {
        let below = |folder: &Foreign| match folder.name.as_str() {
            name if name.is_empty() || name.eq_ignore_ascii_case(INBOX) => into.to_owned(),
            name => format!("{into}/{name}"),
        };
        return folders.iter().map(below).collect();
    }
    let names: Vec<String> = folders.iter().map(|folder| canonical(&folder.name)).collect();
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    let mut target = |(folder, name): (&Foreign, &String)| {
        let special_use = folder.special_use.or_else(|| special_use(name)).filter(|_| naming == Naming::Mapped);
        let ours = ours.iter().find(|(_, known)| Some(*known) == special_use).map(|(ours, _)| ours.clone());
        // Free to be taken by the first that is meant for it.
        match ours {
            Some(ours) if ours != *name && taken.insert(ours.clone()) => ours,
            _ => name.clone(),
        }
    };
    folders.iter().zip(&names).map(&mut target).collect()
}

fn canonical(name: &str) -> String {
    if name.is_empty() {
        return INBOX.to_owned();
    }
    canonical_name(name).map_or_else(|_| name.to_owned(), |name| name.to_string())
}

fn special_use(name: &str) -> Option<SpecialUse> {
    let name = name.to_lowercase();
    let name = BEFORE.iter().find_map(|before| name.strip_prefix(before)).unwrap_or(&name);
    CALLED.iter().find(|(_, names)| names.contains(&name)).map(|(special_use, _)| *special_use)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(folders: &[&str], naming: Naming, into: Option<&str>, expected: &[&str]) {
        let folders: Vec<Foreign> =
            folders.iter().map(|name| Foreign { name: (*name).to_owned(), special_use: None }).collect();
        let ours = [("Sent".to_owned(), SpecialUse::Sent), ("Junk".to_owned(), SpecialUse::Junk)];
        assert_eq!(plan(&folders, &ours, naming, into), expected);
    }

    #[test]
    fn folders_find_their_mailbox() {
        check(
            &["inbox", "Sent Items", "Spam", "Work/Sent"],
            Naming::Mapped,
            None,
            &["INBOX", "Sent", "Junk", "Work/Sent"],
        );
        check(&["", "INBOX/Gesendet", "INBOX/x"], Naming::Mapped, None, &["INBOX", "Sent", "INBOX/x"]);
        check(&["Spam"], Naming::Kept, None, &["Spam"]);
        check(&["inbox", "Spam"], Naming::Mapped, Some("Alt"), &["Alt", "Alt/Spam"]);
        check(&["Drafts"], Naming::Mapped, None, &["Drafts"]);
    }

    #[test]
    fn no_two_folders_become_one() {
        check(&["Junk", "Spam"], Naming::Mapped, None, &["Junk", "Spam"]);
        check(&["Spam", "Junk E-mail"], Naming::Mapped, None, &["Junk", "Junk E-mail"]);
    }
}
