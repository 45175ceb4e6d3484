//! mbox: all messages of a folder in one file. Read as its writers differ: with `From ` lines quoted (mboxo, mboxrd) or with
//! `Content-Length` fields (mboxcl, mboxcl2), which are believed only where the next message begins right there. Written as
//! mboxrd, with a note before each message that gives it back octet by octet.

mod from_line;
#[cfg(test)]
mod tests;

use super::letter::{self, Letter};
use super::maildir::Dates;
use super::{DEPTH_MAX, Folder, Reader, Stop, marks};
use crate::language::{say, told as told_error};
use from_line::FromLine;
use mailstore::INBOX;
use model::Timestamp;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Longest `From ` line that is looked at.
const FROM_OCTETS_MAX: usize = 1000;
/// How far before a message's end a note may lie.
const NOTE_OCTETS_MAX: usize = 8 << 10;
/// The field that begins our note.
const NOTE: &[u8] = b"X-Postamt-Export: ";

/// The folders in files and folders of files: the names of those without `.mbox`, and without the `.sbd` of folders that
/// Thunderbird keeps subfolders in. A file called as the account is its INBOX, as in a spool.
///
/// # Errors
/// When something cannot be listed.
pub fn folders(paths: &[PathBuf], account: &str, reader: &mut dyn Reader) -> Result<Vec<Folder>, String> {
    let mut found = Vec::new();
    for path in paths {
        let about = std::fs::metadata(path).map_err(|error| format!("{}: {}", path.display(), told_error(&error)))?;
        if about.is_dir() {
            below(path, reader, &mut found)?;
            continue;
        }
        let name = path.file_name().map(|name| bare(&name.to_string_lossy()).to_owned()).unwrap_or_default();
        let name = if name == account { INBOX.to_owned() } else { name };
        found.push(Folder { name, place: path.clone() });
    }
    Ok(found)
}

fn below(root: &Path, reader: &mut dyn Reader, found: &mut Vec<Folder>) -> Result<(), String> {
    let before = found.len();
    let mut waiting = vec![(root.to_owned(), Vec::<String>::new())];
    while let Some((place, levels)) = waiting.pop() {
        let told = |error: io::Error| format!("{}: {}", place.display(), told_error(&error));
        for entry in std::fs::read_dir(&place).map_err(told)? {
            let entry = entry.map_err(told)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().map_err(told)?;
            let levels = [levels.as_slice(), &[bare(&name).to_owned()]].concat();
            if kind.is_dir() && levels.len() < DEPTH_MAX {
                waiting.push((entry.path(), levels));
            } else if kind.is_file() && is_mbox(&entry.path()) {
                found.push(Folder { name: levels.join("/"), place: entry.path() });
            } else if !kind.is_file() {
                reader.trouble(
                    entry.path().display().to_string(),
                    say!(
                        "it is no regular file, or lies too deep",
                        "das ist keine gewöhnliche Datei oder liegt zu tief"
                    ),
                );
            }
        }
    }
    if let Some(found) = found.get_mut(before..) {
        found.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(())
}

fn bare(name: &str) -> &str {
    name.strip_suffix(".mbox").or_else(|| name.strip_suffix(".sbd")).unwrap_or(name)
}

/// In folders of mbox files other things lie too.
fn is_mbox(path: &Path) -> bool {
    let mut first = [0; 5];
    let whole = letter::open(path).and_then(|mut file| file.read_exact(&mut first));
    let empty = path.extension().is_some_and(|extension| extension == "mbox");
    match whole {
        Ok(()) => &first == b"From ",
        Err(_) => empty,
    }
}

/// Reads the messages of an mbox file, each of at most so many octets.
pub fn read(folder: &Folder, dates: Option<Dates>, octets_max: u64, reader: &mut dyn Reader) -> Result<(), Stop> {
    let place = folder.place.display().to_string();
    let opened = letter::open(&folder.place).and_then(|file| Ok((file.metadata()?, file)));
    let (about, file) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            reader.trouble(place, letter::told(&error));
            return Ok(());
        }
    };
    if !about.is_file() {
        reader.trouble(place, say!("it is no regular file", "das ist keine gewöhnliche Datei"));
        return Ok(());
    }
    let mut messages = Messages { file: BufReader::with_capacity(256 << 10, file), octets_max, next: None };
    let mut number = 0_u64;
    loop {
        match messages.next() {
            Ok(None) => return Ok(()),
            Ok(Some(found)) => {
                number += 1;
                let place = say!("{place}: message {number}", "{place}: Nachricht {number}");
                match found.and_then(|raw| raw.letter(place.clone(), dates)) {
                    Ok(letter) => reader.letter(letter)?,
                    Err(cause) => reader.trouble(place, cause),
                }
            }
            Err(error) => {
                let place = say!("{place}: behind message {number}", "{place}: hinter Nachricht {number}");
                reader.trouble(place, told_error(&error));
                return Ok(());
            }
        }
    }
}

/// Which messages a file that we wrote holds: UIDVALIDITY and UID.
pub fn exported(path: &Path) -> io::Result<HashSet<(u32, u32)>> {
    let mut known = HashSet::new();
    let mut file = match File::open(path) {
        Ok(file) => BufReader::with_capacity(256 << 10, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(known),
        Err(error) => return Err(error),
    };
    let (mut line, mut after_from) = (Vec::new(), false);
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            return Ok(known);
        }
        if after_from && let Some(note) = Note::parse(&line) {
            known.insert((note.uid_validity, note.uid));
        }
        after_from = line.starts_with(b"From ");
    }
}

/// What we say of a message before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Note {
    pub uid_validity: u32,
    pub uid: u32,
    pub date: Timestamp,
}

/// How a message's lines stand in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Form {
    size_octets: u64,
    /// Each LF stands for CRLF; else what is there is meant.
    lf: bool,
}

impl Note {
    fn parse(line: &[u8]) -> Option<Note> {
        Self::parse_with_form(line).map(|(note, _)| note)
    }

    fn parse_with_form(line: &[u8]) -> Option<(Note, Form)> {
        let text = std::str::from_utf8(line.strip_prefix(NOTE)?).ok()?;
        let mut words = text.split_ascii_whitespace();
        (words.next()? == "1").then_some(())?;
        let (uid_validity, uid) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (size_octets, form, date_ms) = (words.next()?.parse().ok()?, words.next()?, words.next()?.parse().ok()?);
        let note = Note { uid_validity, uid, date: Timestamp::from_unix_ms(date_ms) };
        Some((note, Form { size_octets, lf: form == "lf" }))
    }
}

/// Writes a message: its `From ` line, our note, its flags, and its lines, those that look like `From ` lines quoted.
pub fn write(out: &mut dyn Write, note: &Note, flags: &[String], message: &[u8]) -> io::Result<()> {
    let lf = letter::lf(message);
    let form = if lf.is_some() { "lf" } else { "raw" };
    let [status, x_status, keywords] = marks::status_of(flags);
    let from = FromLine { sender: from_line::sender_of(message), date: note.date };
    let Note { uid_validity, uid, date } = note;
    let size = message.len();
    write!(
        out,
        "{from}\nX-Postamt-Export: 1 {uid_validity} {uid} {size} {form} {}\nStatus: {status}\nX-Status: {x_status}\n\
         X-Keywords: {keywords}\n",
        date.unix_ms()
    )?;
    let body = lf.as_deref().unwrap_or(message);
    for line in body.split_inclusive(|&octet| octet == b'\n') {
        if unquoted(line).starts_with(b"From ") {
            out.write_all(b">")?;
        }
        out.write_all(line)?;
    }
    out.write_all(if body.ends_with(b"\n") { b"\n" } else { b"\n\n" })
}

fn unquoted(line: &[u8]) -> &[u8] {
    let quotes = line.iter().position(|&octet| octet != b'>').unwrap_or(line.len());
    line.get(quotes..).unwrap_or_default()
}

/// A message as it stands in the file.
struct Raw {
    octets: Vec<u8>,
    date: Option<Timestamp>,
    /// Whether lines may be quoted.
    quoted: bool,
}

struct Messages {
    file: BufReader<File>,
    octets_max: u64,
    /// The `From ` line that was read last.
    next: Option<Vec<u8>>,
}

type Found = Result<Raw, String>;

impl Messages {
    fn next(&mut self) -> io::Result<Option<Found>> {
        let Some(from) = self.envelope_line()? else { return Ok(None) };
        let date = if from.is_empty() { None } else { FromLine::parse(&from).map(|from| from.date) };
        if from.is_empty() {
            return Ok(Some(Err(say!(
                "it does not begin with a line \"From …\": this is no mbox file",
                "sie beginnt nicht mit einer Zeile \"From …\": das ist keine mbox-Datei"
            ))));
        }
        let most = usize::try_from(self.octets_max).unwrap_or(usize::MAX).saturating_add(NOTE_OCTETS_MAX);
        let mut octets = Vec::new();
        let (mut line, mut blank, mut header, mut too_large) = (Vec::new(), false, true, false);
        loop {
            line.clear();
            // A line without end is taken in pieces, none of which is more than a message may be.
            if (&mut self.file).take(most as u64 + 1).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if blank && line.starts_with(b"From ") && FromLine::parse(&line).is_some() {
                self.next = Some(std::mem::take(&mut line));
                break;
            }
            blank = line.trim_ascii_end().is_empty();
            too_large |= octets.len() + line.len() > most;
            if !too_large {
                octets.extend_from_slice(&line);
            }
            if header && blank {
                header = false;
                let announced = letter::field(&octets, "content-length").filter(|_| !octets.starts_with(NOTE));
                if let Some(body) = self.announced(announced)? {
                    let quoted = !has_envelope_line(&body);
                    octets.extend_from_slice(&body);
                    return Ok(Some(Ok(Raw { octets, date, quoted })));
                }
            }
        }
        if too_large {
            let max = self.octets_max;
            return Ok(Some(Err(say!(
                "it is larger than the {max} octets that the server takes",
                "sie ist größer als die {max} Byte, die der Server annimmt"
            ))));
        }
        // The blank line before the next message is not this one's.
        if octets.ends_with(b"\r\n\r\n") {
            octets.truncate(octets.len() - 2);
        } else if octets.ends_with(b"\n\n") {
            octets.truncate(octets.len() - 1);
        }
        Ok(Some(Ok(Raw { octets, date, quoted: true })))
    }

    /// The next message's `From ` line; empty where there is something else.
    fn envelope_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(line) = self.next.take() {
            return Ok(Some(line));
        }
        loop {
            let mut line = Vec::new();
            if (&mut self.file).take(FROM_OCTETS_MAX as u64).read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            if line.starts_with(b"From ") {
                return Ok(Some(line));
            }
            if !line.trim_ascii().is_empty() {
                self.file.seek(SeekFrom::End(0))?;
                return Ok(Some(Vec::new()));
            }
        }
    }

    /// The body, if one of this length is followed by another message or the end; else nothing is read.
    fn announced(&mut self, length: Option<Vec<u8>>) -> io::Result<Option<Vec<u8>>> {
        let length = length.and_then(|value| std::str::from_utf8(&value).ok()?.trim().parse::<u64>().ok());
        let Some(length) = length.filter(|length| *length <= self.octets_max) else { return Ok(None) };
        let start = self.file.stream_position()?;
        let mut body = Vec::new();
        let whole = (&mut self.file).take(length).read_to_end(&mut body)? as u64 == length;
        if whole && self.stands_before_from()? {
            return Ok(Some(body));
        }
        self.file.seek(SeekFrom::Start(start))?;
        Ok(None)
    }

    fn stands_before_from(&mut self) -> io::Result<bool> {
        loop {
            let mut line = Vec::new();
            if (&mut self.file).take(FROM_OCTETS_MAX as u64).read_until(b'\n', &mut line)? == 0 {
                return Ok(true);
            }
            if FromLine::parse(&line).is_some() {
                self.next = Some(line);
                return Ok(true);
            }
            if !line.trim_ascii().is_empty() {
                return Ok(false);
            }
        }
    }
}

fn has_envelope_line(body: &[u8]) -> bool {
    body.split_inclusive(|&octet| octet == b'\n').any(|line| line.starts_with(b"From "))
}

impl Raw {
    fn letter(self, place: String, dates: Option<Dates>) -> Result<Letter, String> {
        let first = self.octets.split_inclusive(|&octet| octet == b'\n').next().unwrap_or_default();
        if let Some((note, form)) = Note::parse_with_form(first) {
            return self.own(place, note, form);
        }
        let (octets, flags) = self.without_notes();
        let octets = letter::crlf(octets);
        if octets.is_empty() {
            return Err(say!("it is empty", "sie ist leer"));
        }
        let within = || letter::date_within(&octets);
        let date = if dates == Some(Dates::Header) { within() } else { self.date.or_else(within) };
        Ok(Letter { place, octets, flags, date })
    }

    /// A message that we wrote: nothing of it is guessed.
    fn own(&self, place: String, note: Note, form: Form) -> Result<Letter, String> {
        let mut flags = Vec::new();
        let mut octets = Vec::with_capacity(self.octets.len());
        for (number, line) in self.octets.split_inclusive(|&octet| octet == b'\n').enumerate() {
            match number {
                0 => {}
                1..=3 => {
                    let text = String::from_utf8_lossy(line);
                    let (name, value) = text
                        .split_once(':')
                        .ok_or_else(|| say!("its flags are missing", "ihre Markierungen fehlen"))?;
                    marks::note(name, value, &mut flags);
                }
                _ if line.starts_with(b">") && unquoted(line).starts_with(b"From ") => {
                    octets.extend_from_slice(line.get(1..).unwrap_or_default());
                }
                _ => octets.extend_from_slice(line),
            }
        }
        let mut octets = if form.lf { letter::every_lf_as_crlf(octets) } else { octets };
        let size = usize::try_from(form.size_octets).unwrap_or(usize::MAX);
        if octets.len() < size {
            let there = octets.len();
            return Err(say!("{there} of its {size} octets are there", "nur {there} von {size} Byte sind da"));
        }
        octets.truncate(size);
        Ok(Letter { place, octets, flags, date: Some(note.date) })
    }

    /// The message without quotes and what mail programs noted in its header, and the flags they noted.
    fn without_notes(&self) -> (Vec<u8>, Vec<String>) {
        let (mut octets, mut flags) = (Vec::with_capacity(self.octets.len()), Vec::new());
        let (mut header, mut noted) = (true, false);
        for line in self.octets.split_inclusive(|&octet| octet == b'\n') {
            if header {
                header = !line.trim_ascii_end().is_empty();
                if noted && header && line.first().is_some_and(|octet| b" \t".contains(octet)) {
                    continue;
                }
                let text = String::from_utf8_lossy(line);
                let field = text.split_once(':').filter(|(name, _)| header && marks::is_note(name.trim_end()));
                noted = field.is_some();
                if let Some((name, value)) = field {
                    marks::note(name.trim_end(), value, &mut flags);
                    continue;
                }
            }
            let quoted = self.quoted && line.starts_with(b">") && unquoted(line).starts_with(b"From ");
            octets.extend_from_slice(if quoted { line.get(1..).unwrap_or_default() } else { line });
        }
        (octets, flags)
    }
}
