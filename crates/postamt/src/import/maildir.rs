//! Maildir: one file for each message; Maildir++ (`.Folder.Sub`) and nested folders, as Dovecot and mbsync write them.

use super::letter::{self, Letter};
use super::marks::{Keywords, flags_of};
use super::{DEPTH_MAX, Folder, Reader, Stop};
use crate::language::{say, told as told_error};
use clap::ValueEnum;
use imap::NameForm;
use model::Timestamp;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// What a message's internal date is taken from.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Dates {
    #[default]
    #[value(help = say!("When the file last changed: what Dovecot keeps there", "letzte Änderung der Datei: dort führt sie Dovecot"))]
    File,
    #[value(help = say!(
        "The number that the file's name begins with: for files whose times were lost on the way",
        "die Zahl am Anfang des Dateinamens: für Dateien, deren Zeiten unterwegs verloren gingen"
    ))]
    Name,
    #[value(help = say!("The message's own `Received` or `Date` field", "das Feld `Received` oder `Date` der Nachricht"))]
    Header,
}

/// The folders of a Maildir, itself as INBOX if it has messages.
///
/// # Errors
/// When it is none, or a folder cannot be listed.
pub fn folders(root: &Path, reader: &mut dyn Reader) -> Result<Vec<Folder>, String> {
    let mut found = Vec::new();
    let mut waiting = vec![(root.to_owned(), Vec::<String>::new())];
    while let Some((place, levels)) = waiting.pop() {
        let entries = match fs::read_dir(&place).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(entries) => entries,
            Err(error) if levels.is_empty() => return Err(format!("{}: {}", place.display(), told_error(&error))),
            Err(error) => {
                reader.trouble(place.display().to_string(), told_error(&error));
                continue;
            }
        };
        let mut holds_mail = false;
        for entry in entries {
            let name = entry.file_name();
            let kind =
                entry.file_type().map_err(|error| format!("{}: {}", entry.path().display(), told_error(&error)))?;
            if !kind.is_dir() {
                if kind.is_symlink() {
                    reader.trouble(
                        entry.path().display().to_string(),
                        say!(
                            "it is a symbolic link, which is not followed",
                            "das ist ein symbolischer Link; dem wird nicht gefolgt"
                        ),
                    );
                }
                continue;
            }
            match name.to_str() {
                Some("cur" | "new") => holds_mail = true,
                Some("tmp") => {}
                _ if levels.len() >= DEPTH_MAX => {
                    reader.trouble(entry.path().display().to_string(), say!("it lies too deep", "das liegt zu tief"));
                }
                _ => waiting.push((entry.path(), [levels.clone(), self::levels(&name)].concat())),
            }
        }
        if holds_mail {
            let name = if levels.is_empty() { mailstore::INBOX.to_owned() } else { levels.join("/") };
            found.push(Folder { name, place });
        }
    }
    if found.is_empty() {
        return Err(say!(
            "{root} is no Maildir: there is no folder \"cur\" in it or below",
            "{root} ist kein Maildir: weder dort noch darunter liegt ein Ordner \"cur\"",
            root = root.display()
        ));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The levels of a folder's name: with a dot before it, dots separate them (Maildir++), else it is one.
fn levels(name: &OsString) -> Vec<String> {
    let name = name.to_string_lossy();
    match name.strip_prefix('.') {
        Some(levels) => levels.split('.').map(decoded).collect(),
        None => vec![decoded(&name)],
    }
}

/// Names are in IMAP's modified UTF-7, or else what they are.
fn decoded(name: &str) -> String {
    imap::mailbox::decode(name.as_bytes(), NameForm::ModifiedUtf7).unwrap_or_else(|_| name.to_owned())
}

/// How many messages a folder has.
pub fn count(folder: &Folder) -> u64 {
    let files = |name| fs::read_dir(folder.place.join(name)).map_or(0, |entries| entries.count() as u64);
    files("cur") + files("new")
}

/// Reads the folder's messages, the oldest first.
pub fn read(folder: &Folder, dates: Option<Dates>, octets_max: u64, reader: &mut dyn Reader) -> Result<(), Stop> {
    let (keywords, dates) = (Keywords::read(&folder.place), dates.unwrap_or_default());
    let mut files: Vec<(u64, OsString, bool)> = Vec::new();
    for (part, is_new) in [("cur", false), ("new", true)] {
        let place = folder.place.join(part);
        match fs::read_dir(&place) {
            Ok(entries) => {
                for entry in entries {
                    match entry {
                        Ok(entry) => files.push((
                            Name::of(&entry.file_name().to_string_lossy()).order(),
                            entry.file_name(),
                            is_new,
                        )),
                        Err(error) => reader.trouble(place.display().to_string(), told_error(&error)),
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => reader.trouble(place.display().to_string(), told_error(&error)),
        }
    }
    files.sort_unstable();
    for (_, file, is_new) in files {
        let text = file.to_string_lossy().into_owned();
        if text.starts_with('.') {
            continue; // no message, says the format
        }
        let place = folder.place.join(if is_new { "new" } else { "cur" }).join(&file);
        match letter(&place, &text, &keywords, dates, octets_max) {
            Ok(letter) => reader.letter(letter)?,
            Err(cause) => reader.trouble(place.display().to_string(), cause),
        }
    }
    Ok(())
}

fn letter(place: &Path, name: &str, keywords: &Keywords, dates: Dates, octets_max: u64) -> Result<Letter, String> {
    let (octets, changed) = letter::read(place, octets_max)?;
    let name = Name::of(name);
    let octets = name.message(octets)?;
    let date = match dates {
        Dates::File => changed,
        Dates::Name => i64::try_from(name.at_s).ok().filter(|s| *s > 0).map(|s| Timestamp::from_unix_ms(s * 1000)),
        Dates::Header => letter::date_within(&octets).or(changed),
    };
    Ok(Letter { place: place.display().to_string(), octets, flags: flags_of(name.letters, keywords), date })
}

/// What a message's file name says: `1700000000.unique,S=1234,W=1250:2,FS`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name<'a> {
    /// When it was delivered, in seconds since 1970; 0 where that is not said.
    pub at_s: u64,
    /// Without the flags: what stays of the name.
    pub base: &'a str,
    /// The file's size, and with CRLF.
    size: Option<u64>,
    crlf_size: Option<u64>,
    /// The flags' letters.
    pub letters: &'a str,
}

impl Name<'_> {
    /// Reads a name; some systems cannot have a `:` in one.
    pub fn of(name: &str) -> Name<'_> {
        let at = [":2,", ";2,", "!2,", ",2,"].iter().filter_map(|mark| name.rfind(mark)).max();
        let (base, letters) = at.and_then(|at| name.split_at_checked(at)).unwrap_or((name, ""));
        let letters = letters.get(3..).unwrap_or("");
        let number = |key: &str| base.split(',').find_map(|part| part.strip_prefix(key)?.parse().ok());
        let digits = base.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
        Name { at_s: digits.parse().unwrap_or(0), base, size: number("S="), crlf_size: number("W="), letters }
    }

    /// UIDVALIDITY and UID of a message that we exported.
    pub fn numbers(&self) -> Option<(u32, u32)> {
        let (_, rest) = self.base.split_once(".V")?;
        let (uid_validity, rest) = rest.split_once('U')?;
        let (uid, _) = rest.split_once(".postamt")?;
        Some((uid_validity.parse().ok()?, uid.parse().ok()?))
    }

    /// By what messages are put in order: that of an exported mailbox, else that of their coming.
    pub fn order(&self) -> u64 {
        self.numbers().map_or(self.at_s, |(_, uid)| uid.into())
    }

    /// Whether it says both sizes, as ours and Dovecot's do.
    pub fn has_sizes(&self) -> bool {
        self.size.is_some() && self.crlf_size.is_some()
    }

    /// The message in such a file. Where the name says both sizes, it is known how lines end; else it is seen.
    pub fn message(&self, octets: Vec<u8>) -> Result<Vec<u8>, String> {
        if octets.is_empty() {
            return Err(say!("it is empty", "sie ist leer"));
        }
        if letter::is_compressed(&octets) {
            return Err(say!(
                "it is compressed, as by Dovecot's zlib plugin; let Dovecot write it plainly: doveadm sync",
                "sie ist komprimiert, etwa durch Dovecots zlib-Plugin; Dovecot kann sie unkomprimiert schreiben: doveadm sync"
            ));
        }
        let len = octets.len() as u64;
        match (self.size, self.crlf_size) {
            (Some(size), Some(with_cr)) if size == len && with_cr == len => Ok(octets),
            (Some(size), Some(with_cr)) if size == len && with_cr == len + lines(&octets) => {
                Ok(letter::every_lf_as_crlf(octets))
            }
            _ => Ok(letter::crlf(octets)),
        }
    }
}

fn lines(octets: &[u8]) -> u64 {
    octets.iter().filter(|&&octet| octet == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_much() {
        let name = Name::of("1700000000.M1P2.host,S=12,W=13:2,FSa");
        assert_eq!((name.at_s, name.base, name.letters), (1_700_000_000, "1700000000.M1P2.host,S=12,W=13", "FSa"));
        assert_eq!((name.size, name.crlf_size), (Some(12), Some(13)));
        assert_eq!(Name::of("1700000000_0.1.host,U=7,FMD5=x!2,S").letters, "S");
        assert_eq!(Name::of("msg.abc").at_s, 0);
        assert_eq!(Name::of("1.x:2,").letters, "");
        assert_eq!(Name::of("1.x").letters, "");
    }

    #[test]
    fn line_ends_are_seen_or_known() {
        let check = |name: &str, file: &str, message: &str| {
            assert_eq!(Name::of(name).message(file.into()).unwrap(), message.as_bytes(), "{name} {file:?}");
        };
        check("1.x", "a\nb\n", "a\r\nb\r\n");
        check("1.x", "a\r\nb\nc", "a\r\nb\r\nc");
        check("1.x,S=4,W=4", "a\r\nb", "a\r\nb");
        check("1.x,S=4,W=4", "a\nb\n", "a\nb\n");
        check("1.x,S=3,W=4", "\r\n\r", "\r\r\n\r");
        check("1.x,S=3,W=9", "a\nb", "a\r\nb");
    }

    #[test]
    fn names_of_folders_are_understood() {
        let check = |name: &str, expected: &[&str]| assert_eq!(levels(&name.into()), expected);
        check(".Archive.2024", &["Archive", "2024"]);
        check("Archive.2024", &["Archive.2024"]);
        check(".Entw&APw-rfe", &["Entwürfe"]);
        check("Entwürfe", &["Entwürfe"]);
        check("R&D", &["R&D"]);
        check("R&-D", &["R&D"]);
    }
}
