//! A message that was read from a file.

use crate::language::{say, told as told_error};
use model::Timestamp;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// A message on its way to the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// Where it was, for people.
    pub place: String,
    /// Lines end in CRLF.
    pub octets: Vec<u8>,
    /// As IMAP writes them.
    pub flags: Vec<String>,
    /// When it came in there.
    pub date: Option<Timestamp>,
}

/// A file's octets and the time of its last change.
pub fn read(path: &Path, octets_max: u64) -> Result<(Vec<u8>, Option<Timestamp>), String> {
    let file = open(path).map_err(|error| told(&error))?;
    let about = file.metadata().map_err(|error| told(&error))?;
    if !about.is_file() {
        return Err(say!("it is no regular file", "das ist keine gewöhnliche Datei"));
    }
    if about.len() > octets_max {
        let octets = about.len();
        return Err(say!(
            "it has {octets} octets; the server takes at most {octets_max}",
            "sie hat {octets} Byte; der Server nimmt höchstens {octets_max} an"
        ));
    }
    let mut octets = Vec::with_capacity(about.len() as usize + 1);
    file.take(octets_max + 1).read_to_end(&mut octets).map_err(|error| told(&error))?;
    if octets.len() as u64 > octets_max {
        return Err(say!(
            "it grows, and the server takes at most {octets_max} octets",
            "sie wächst noch, und der Server nimmt höchstens {octets_max} Byte an"
        ));
    }
    Ok((octets, about.modified().ok().and_then(timestamp)))
}

/// Opens what is there itself: a symbolic link could lead the owner of all files to anywhere, and a pipe would block.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// What went wrong, for people.
pub fn told(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
            say!(
                "it is a symbolic link, which is not followed",
                "das ist ein symbolischer Link; dem wird nicht gefolgt"
            )
        }
        _ if error.kind() == io::ErrorKind::NotFound => {
            say!("it is gone; start again to find where it went", "sie ist fort; ein neuer Start findet sie anderswo")
        }
        _ => told_error(error),
    }
}

/// A file's time; none before 1970.
pub fn timestamp(time: std::time::SystemTime) -> Option<Timestamp> {
    let ms = |away: std::time::Duration| i64::try_from(away.as_millis()).ok();
    let ms = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => ms(since)?,
        Err(before) => -ms(before.duration())?,
    };
    Some(Timestamp::from_unix_ms(ms))
}

/// Compressed files, as Dovecot's plugin makes them.
pub fn is_compressed(octets: &[u8]) -> bool {
    let magics: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ"];
    magics.iter().any(|magic| octets.starts_with(magic))
}

/// With CRLF at the end of each line (RFC 5322 §2.1), however they ended before.
pub fn crlf(octets: Vec<u8>) -> Vec<u8> {
    with_cr(octets, |last| last != b'\r')
}

/// Each LF as CRLF: undoes what [`lf`] does.
pub fn every_lf_as_crlf(octets: Vec<u8>) -> Vec<u8> {
    with_cr(octets, |_| true)
}

fn with_cr(octets: Vec<u8>, wants: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut missing = 0;
    let mut last = 0;
    for &octet in &octets {
        missing += usize::from(octet == b'\n' && wants(last));
        last = octet;
    }
    if missing == 0 {
        return octets;
    }
    let mut out = Vec::with_capacity(octets.len() + missing);
    let mut last = 0;
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        match line.split_last() {
            Some((b'\n', text)) => {
                out.extend_from_slice(text);
                if wants(text.last().copied().unwrap_or(last)) {
                    out.push(b'\r');
                }
                out.push(b'\n');
            }
            _ => out.extend_from_slice(line),
        }
        last = b'\n';
    }
    out
}

/// With LF at the end of each line; `None` where [`every_lf_as_crlf`] would not give the same back.
pub fn lf(octets: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(octets.len());
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        match line {
            [text @ .., b'\r', b'\n'] => {
                out.extend_from_slice(text);
                out.push(b'\n');
            }
            [.., b'\n'] => return None,
            text => out.extend_from_slice(text),
        }
    }
    Some(out)
}

/// When a message came in, as far as it says itself: its topmost `Received` field (RFC 5321 §4.4), else its `Date`.
pub fn date_within(octets: &[u8]) -> Option<Timestamp> {
    let received = field(octets, "received").and_then(|value| {
        let date = value.rsplit(|&octet| octet == b';').next()?;
        message::SentAt::parse(date)
    });
    let date = received.or_else(|| message::SentAt::parse(&field(octets, "date")?));
    date.map(|date| date.at)
}

/// The first field of that name, unfolded; looked for within the header's first octets.
pub fn field(octets: &[u8], name: &str) -> Option<Vec<u8>> {
    const HEADER_OCTETS_MAX: usize = 256 << 10;
    let header = octets.get(..HEADER_OCTETS_MAX).unwrap_or(octets);
    let mut lines = header.split_inclusive(|&octet| octet == b'\n').take_while(|line| !line.trim_ascii().is_empty());
    let is_it = |line: &&[u8]| {
        line.get(name.len()) == Some(&b':')
            && line.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes()))
    };
    let first = lines.find(is_it)?;
    let mut value = first.get(name.len() + 1..).unwrap_or_default().trim_ascii().to_vec();
    for line in lines.take_while(|line| line.first().is_some_and(|octet| b" \t".contains(octet))) {
        value.push(b' ');
        value.extend_from_slice(line.trim_ascii());
    }
    Some(value)
}
