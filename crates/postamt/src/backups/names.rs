//! The key by which encrypted objects are named: a secret of the server's, so that names tell nobody else what is in them. It
//! opens nothing. If it is lost, the next encrypted backup is written whole, that is all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

const FILE: &str = "backup-names.key";
const DRAFT: &str = "backup-names.key.new";
static MAKING: Mutex<()> = Mutex::new(());

/// The key in the data folder, made if it is not there.
///
/// # Errors
/// When it cannot be read or written.
pub fn key(data: &Path) -> io::Result<[u8; 32]> {
    let path = data.join(FILE);
    // Two backups may begin at once; whoever else would make one has no store to read.
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = backup::age::random().map_err(io::Error::other)?;
            let draft = data.join(DRAFT); // a disk that is full leaves this
            let mut file = File::create(&draft)?;
            file.write_all(format!("{}\n", text(&key)).as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            return Ok(key);
        }
        text => text?,
    };
    let odd = || io::Error::other(format!("{} holds no key; remove it, and a new one is made", path.display()));
    parse(text.trim_end()).ok_or_else(odd)
}

/// In hexadecimal digits.
pub fn text(octets: &[u8; 32]) -> String {
    store::BlobId(*octets).to_string()
}

/// What [`text`] wrote.
pub fn parse(text: &str) -> Option<[u8; 32]> {
    let mut octets = [0; 32];
    for (place, pair) in octets.iter_mut().zip(text.as_bytes().chunks(2)) {
        *place = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(octets).filter(|octets| self::text(octets) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once() {
        let data = tempfile::tempdir().unwrap();
        let made = key(data.path()).unwrap();
        assert_eq!(key(data.path()).unwrap(), made);
        assert_eq!(parse(&text(&made)), Some(made));
        fs::write(data.path().join(FILE), "nonsense").unwrap();
        assert!(key(data.path()).unwrap_err().to_string().contains("remove it"));
    }
}
