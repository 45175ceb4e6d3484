//! A file of a backup: one line that says what it is and what the rest hashes to, then a zstd frame, within an age file where
//! the backup is encrypted. So it can be opened without us: `tail -n +2 FILE | age -d -i KEY | zstd -d`.

use crate::Error;
use crate::age::{AgeError, Identity, Opener, Recipient, Sealer};
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
pub const FORMAT: u32 = 1;
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

    fn line(self, hash: &impl fmt::Display) -> String {
        format!("{}, format {FORMAT}, blake3 {hash}\n", self.title())
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
        file.write_all(kind.line(&"0".repeat(HASH_DIGITS)).as_bytes())?;
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
        let octets = file.stream_position()?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(self.kind.line(&hasher.finalize().to_hex()).as_bytes())?;
        file.sync_all()?;
        Ok(octets)
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

/// Checks that a file is whole, whoever may open it, and stands behind its first line.
///
/// # Errors
/// As [`open`].
pub fn checked<R: Read + Seek>(kind: Kind, path: &Path, file: io::Result<R>) -> Result<BufReader<R>, Error> {
    let file = match file {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::damaged(path, "it is gone")),
        file => file.map_err(Error::io(path, "opening it"))?,
    };
    let mut file = BufReader::with_capacity(128 << 10, file);
    let says = first_line(kind, path, &mut file)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&mut file).map_err(|error| Error::damaged(path, format!("it cannot be read: {error}")))?;
    if kind.line(&hasher.finalize().to_hex()) != says {
        return Err(Error::damaged(path, "its octets do not have the hash that its first line says"));
    }
    file.seek(SeekFrom::Start(says.len() as u64)).map_err(Error::io(path, "reading it"))?;
    Ok(file)
}

fn first_line(kind: Kind, path: &Path, file: &mut impl BufRead) -> Result<String, Error> {
    let mut line = Vec::new();
    file.take(LINE_OCTETS_MAX).read_until(b'\n', &mut line).map_err(Error::io(path, "reading it"))?;
    let line = String::from_utf8(line).unwrap_or_default();
    let format = line.strip_prefix(kind.title()).and_then(|rest| rest.strip_prefix(", format "));
    match format.and_then(|rest| rest.split_once(',')).and_then(|(format, _)| format.parse().ok()) {
        None => Err(Error::damaged(path, format!("its first line is not that of a {}", kind.title()))),
        Some(found) if found > FORMAT => Err(Error::Newer { path: path.to_owned(), found, known: FORMAT }),
        Some(_) => Ok(line),
    }
}

/// What became of reading a file's content.
pub fn explained(path: &Path, error: io::Error) -> Error {
    match error.get_ref().and_then(|source| source.downcast_ref::<AgeError>()) {
        Some(source) => Error::Age { path: path.to_owned(), source: *source },
        None => Error::damaged(path, format!("it cannot be unpacked: {error}")),
    }
}
