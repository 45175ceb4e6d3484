//! A file of a backup: one line that says what it is, how long its content is and what that hashes to; the content, a zstd frame,
//! within an age file where the backup is encrypted; and what mends all this (see [`parity`]). So it can be opened without us:
//! `tail -n +2 FILE | head -c OCTETS | age -d -i KEY | zstd -d`. Files of format 1 end with their content.

use crate::Error;
use crate::age::{AgeError, Identity, Opener, Recipient, Sealer};
use crate::parity::{self, Patched};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A piece of a store.
    Object,
    /// A backup's list of them.
    Manifest,
}

/// The newest format that we read, and the one that we write.
pub const FORMAT: u32 = 2;
/// The last one without parity.
const FORMAT_BARE: u32 = 1;
/// How hard zstd tries: 3 is its own default; what is stored is mail, which few compress twice.
const LEVEL: i32 = 3;
const WINDOW_LOG_MAX: u32 = 27;
const HASH_DIGITS: usize = 64;
/// Longer first lines are nobody's.
const LINE_OCTETS_MAX: u64 = 256;

impl Kind {
    fn title(self) -> &'static str {
        match self {
            Kind::Object => "postamt backup object",
            Kind::Manifest => "postamt backup manifest",
        }
    }

    /// A line is as long whatever the content is.
    fn line(self, octets: Option<u64>, hash: &impl fmt::Display) -> String {
        let title = self.title();
        match octets {
            Some(octets) => format!("{title}, format {FORMAT}, {octets:013} octets, blake3 {hash}\n"),
            None => format!("{title}, format {FORMAT_BARE}, blake3 {hash}\n"),
        }
    }
}

/// To whom objects are encrypted; empty: not at all.
pub type Recipients = [Recipient];

/// Writes one file's octets.
pub struct Writer {
    kind: Kind,
    body: Body,
}

enum Body {
    Plain(zstd::Encoder<'static, Hashing>),
    Sealed(zstd::Encoder<'static, Sealer<Hashing>>),
}

/// Writes a file and hashes what is written.
struct Hashing {
    file: File,
    hasher: blake3::Hasher,
}

impl Write for Hashing {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.file.write(octets)?;
        self.hasher.update(octets.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Writer {
    /// Begins in an empty `file`.
    pub fn new(kind: Kind, mut file: File, recipients: &Recipients) -> io::Result<Writer> {
        file.write_all(kind.line(Some(0), &"0".repeat(HASH_DIGITS)).as_bytes())?;
        let out = Hashing { file, hasher: blake3::Hasher::new() };
        let body = if recipients.is_empty() {
            Body::Plain(zstd::Encoder::new(out, LEVEL)?)
        } else {
            Body::Sealed(zstd::Encoder::new(Sealer::new(out, recipients)?, LEVEL)?)
        };
        Ok(Writer { kind, body })
    }

    /// Ends it; the file is whole and synced. Returns how long it is.
    pub fn finish(self) -> io::Result<u64> {
        let Hashing { mut file, hasher } = match self.body {
            Body::Plain(encoder) => encoder.finish()?,
            Body::Sealed(encoder) => encoder.finish()?.finish()?,
        };
        let covered = file.stream_position()?;
        let hash = hasher.finalize().to_hex();
        let octets = covered - self.kind.line(Some(0), &hash).len() as u64;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(self.kind.line(Some(octets), &hash).as_bytes())?;
        let all = parity::write(&file, covered)?;
        file.sync_all()?;
        Ok(all)
    }
}

impl Write for Writer {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match &mut self.body {
            Body::Plain(encoder) => encoder.write(octets),
            Body::Sealed(encoder) => encoder.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How what is in a file is opened.
#[derive(Clone, Copy)]
pub enum Opening<'a> {
    /// It is not encrypted.
    Plain,
    /// By one of these.
    Sealed(&'a [Identity]),
}

/// The content of a file, checked: whoever reads it to its end without an error has what was written.
///
/// # Errors
/// When it is not of this kind, of a newer format, damaged, or for somebody else.
pub fn open<'a>(kind: Kind, path: &'a Path, opening: Opening<'_>) -> Result<Box<dyn Read + 'a>, Error> {
    unpack(kind, path, File::open(path), opening)
}

/// As [`open`], from what was read already.
///
/// # Errors
/// As [`open`].
pub fn unpack<'a, R: Read + Seek + 'a>(
    kind: Kind,
    path: &Path,
    file: io::Result<R>,
    opening: Opening<'_>,
) -> Result<Box<dyn Read + 'a>, Error> {
    let file = checked(kind, path, file)?;
    let reader: Box<dyn BufRead + 'a> = match opening {
        Opening::Plain => Box::new(file),
        Opening::Sealed(identities) => {
            let opener = Opener::new(file, identities).map_err(|error| explained(path, error))?;
            Box::new(BufReader::with_capacity(64 << 10, opener))
        }
    };
    let decoder = || {
        let mut decoder = zstd::Decoder::with_buffer(reader)?.single_frame();
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        Ok(decoder)
    };
    Ok(Box::new(decoder().map_err(Error::io(path, "reading it"))?))
}

/// Checks that a file is whole, whoever may open it, and stands behind its first line. What the disk lost of it is mended.
///
/// # Errors
/// As [`open`].
pub fn checked<R: Read + Seek>(kind: Kind, path: &Path, file: io::Result<R>) -> Result<BufReader<Patched<R>>, Error> {
    let file = match file {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::damaged(path, "it is gone")),
        file => file.map_err(Error::io(path, "opening it"))?,
    };
    let mut file = BufReader::with_capacity(128 << 10, Patched::new(file));
    let Err(why) = stand(kind, path, &mut file) else { return Ok(file) };
    let covered = covered(kind, path, &mut file);
    let looked = parity::look(file.get_mut().file(), covered).map_err(Error::io(path, "reading it"))?;
    if looked.mended.is_empty() {
        return Err(why);
    }
    file.get_mut().patches = looked.mended;
    // What was wrong at first says more than what is left of it.
    stand(kind, path, &mut file).map_err(|_| why)?;
    Ok(file)
}

/// Goes to a file's content, which is all that it gives, and is what its first line says.
fn stand<R: Read + Seek>(kind: Kind, path: &Path, file: &mut BufReader<Patched<R>>) -> Result<(), Error> {
    let (says, octets) = begin(kind, path, file)?;
    let mut hasher = blake3::Hasher::new();
    hasher
        .update_reader(file.take(octets.unwrap_or(u64::MAX)))
        .map_err(|error| Error::damaged(path, format!("it cannot be read: {error}")))?;
    if kind.line(octets, &hasher.finalize().to_hex()) != says {
        return Err(Error::damaged(path, "its octets do not have the hash that its first line says"));
    }
    let content_at = says.len() as u64;
    file.seek(SeekFrom::Start(content_at)).map_err(Error::io(path, "reading it"))?;
    file.get_mut().end = octets.map_or(u64::MAX, |octets| content_at.saturating_add(octets));
    Ok(())
}

/// Reads the first line from the start; how long the content is, where it says.
fn begin<R: Read + Seek>(
    kind: Kind,
    path: &Path,
    file: &mut BufReader<Patched<R>>,
) -> Result<(String, Option<u64>), Error> {
    file.get_mut().end = u64::MAX;
    file.seek(SeekFrom::Start(0)).map_err(Error::io(path, "reading it"))?;
    let mut line = Vec::new();
    file.take(LINE_OCTETS_MAX).read_until(b'\n', &mut line).map_err(Error::io(path, "reading it"))?;
    let line = String::from_utf8(line).unwrap_or_default();
    let format = line.strip_prefix(kind.title()).and_then(|rest| rest.strip_prefix(", format "));
    let format = format.and_then(|rest| rest.split_once(", "));
    match format.and_then(|(format, rest)| Some((format.parse::<u32>().ok()?, rest))) {
        None => Err(Error::damaged(path, format!("its first line is not that of a {}", kind.title()))),
        Some((found, _)) if found > FORMAT => Err(Error::Newer { path: path.to_owned(), found, known: FORMAT }),
        Some((FORMAT_BARE, _)) => Ok((line, None)),
        Some((_, rest)) => {
            let octets = rest.split_once(" octets").and_then(|(octets, _)| octets.parse().ok()).unwrap_or_default();
            Ok((line, Some(octets)))
        }
    }
}

/// How much of a file is covered, if its first line can be read and says so.
fn covered<R: Read + Seek>(kind: Kind, path: &Path, file: &mut BufReader<Patched<R>>) -> Option<u64> {
    let (line, octets) = begin(kind, path, file).ok()?;
    octets?.checked_add(line.len() as u64)
}

/// What is wrong with a file whose content can be had nevertheless; nothing is wrong with one that has no parity.
///
/// # Errors
/// As [`open`].
pub fn flaw(kind: Kind, path: &Path) -> Result<Option<String>, Error> {
    let mut file = checked(kind, path, File::open(path))?;
    let Some(covered) = covered(kind, path, &mut file) else { return Ok(None) };
    let looked = parity::look(file.get_mut().file(), Some(covered)).map_err(Error::io(path, "reading it"))?;
    Ok(match (looked.lost, looked.is_behind_damaged) {
        (0, false) => None,
        (0, true) => Some("its parity is damaged, and all else is whole".to_owned()),
        (lost, _) => {
            Some(format!("{lost} of its blocks of {} octets are damaged, and had again by its parity", parity::BLOCK))
        }
    })
}

/// Writes a file as it was into `to`, an empty one.
///
/// # Errors
/// As [`open`], and those of `to`.
pub fn mend(kind: Kind, path: &Path, to: &mut File) -> Result<(), Error> {
    let mut file = checked(kind, path, File::open(path))?;
    let end = file.get_mut().end;
    let (_, octets) = begin(kind, path, &mut file)?;
    file.get_mut().end = end;
    file.seek(SeekFrom::Start(0)).map_err(Error::io(path, "reading it"))?;
    let covered = io::copy(&mut file, to).map_err(Error::io(path, "writing it anew"))?;
    if octets.is_some() {
        parity::write(to, covered).map_err(Error::io(path, "writing it anew"))?;
    }
    to.sync_all().map_err(Error::io(path, "writing it anew"))
}

/// What became of reading a file's content.
pub fn explained(path: &Path, error: io::Error) -> Error {
    match error.get_ref().and_then(|source| source.downcast_ref::<AgeError>()) {
        Some(source) => Error::Age { path: path.to_owned(), source: *source },
        None => Error::damaged(path, format!("it cannot be unpacked: {error}")),
    }
}
