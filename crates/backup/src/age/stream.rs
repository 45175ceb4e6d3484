//! The payload: pieces of 64 KiB, each sealed with its number and whether it is the last.

use super::header::{self, HeaderError, sealing};
use super::{AgeError, FILE_KEY_OCTETS, FileKey, Identity, Recipient, derive, random};
use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use std::io::{self, BufRead, Read, Write};
use zeroize::Zeroizing;

const PIECE_OCTETS: usize = 64 << 10;
const TAG_OCTETS: usize = 16;
const NONCE_OCTETS: usize = 16;

/// Numbers the pieces.
struct Counter(u64);

impl Counter {
    fn nonce(&mut self, last: bool) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        for (place, octet) in nonce.iter_mut().skip(3).zip(self.0.to_be_bytes()) {
            *place = octet;
        }
        if let Some(end) = nonce.last_mut() {
            *end = u8::from(last);
        }
        self.0 += 1;
        Nonce::assume_unique_for_key(nonce)
    }
}

fn payload_key(file_key: &FileKey, nonce: &[u8]) -> Result<LessSafeKey, AgeError> {
    sealing(&derive(&**file_key, nonce, b"payload")?)
}

fn broken(error: AgeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Encrypts what is written to it.
pub struct Sealer<W: Write> {
    out: W,
    key: LessSafeKey,
    counter: Counter,
    piece: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// Those of `out`, and of the library.
    pub fn new(mut out: W, recipients: &[Recipient]) -> io::Result<Sealer<W>> {
        let file_key: FileKey = Zeroizing::new(random::<FILE_KEY_OCTETS>().map_err(broken)?);
        out.write_all(&header::write(&file_key, recipients).map_err(broken)?)?;
        let nonce = random::<NONCE_OCTETS>().map_err(broken)?;
        out.write_all(&nonce)?;
        let key = payload_key(&file_key, &nonce).map_err(broken)?;
        Ok(Sealer { out, key, counter: Counter(0), piece: Vec::with_capacity(PIECE_OCTETS + TAG_OCTETS) })
    }

    /// Writes the last piece and gives the writer back.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        Ok(self.out)
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let nonce = self.counter.nonce(last);
        let sealed = self.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut self.piece);
        sealed.map_err(|_| broken(AgeError::Library))?;
        self.out.write_all(&self.piece)?;
        self.piece.clear();
        Ok(())
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        // A full piece waits until there is more: it might be the last.
        if self.piece.len() == PIECE_OCTETS && !octets.is_empty() {
            self.seal(false)?;
        }
        let taken = octets.len().min(PIECE_OCTETS - self.piece.len());
        self.piece.extend_from_slice(octets.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Opens what was encrypted. Octets that it gives are genuine; that there are no more of them it says at the end.
pub struct Opener<R> {
    from: R,
    key: LessSafeKey,
    counter: Counter,
    piece: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R: BufRead> Opener<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`AgeError`] within one of the kind `InvalidData`, or those of `from`.
    pub fn new(mut from: R, identities: &[Identity]) -> io::Result<Opener<R>> {
        let file_key = header::read(&mut from, identities).map_err(|error| match error {
            HeaderError::Age(error) => broken(error),
            HeaderError::Io(error) => error,
        })?;
        let mut nonce = [0; NONCE_OCTETS];
        from.read_exact(&mut nonce).map_err(|_| broken(AgeError::Damaged))?;
        let key = payload_key(&file_key, &nonce).map_err(broken)?;
        Ok(Opener { from, key, counter: Counter(0), piece: Vec::new(), given: 0, ended: false })
    }

    fn open(&mut self) -> io::Result<()> {
        self.piece.clear();
        self.given = 0;
        (&mut self.from).take((PIECE_OCTETS + TAG_OCTETS) as u64).read_to_end(&mut self.piece)?;
        self.ended = self.from.fill_buf()?.is_empty();
        let (first, nonce) = (self.counter.0 == 0, self.counter.nonce(self.ended));
        let opened = self.key.open_in_place(nonce, Aad::empty(), &mut self.piece);
        let octets = opened.map_err(|_| broken(AgeError::Damaged))?.len();
        if octets == 0 && !first {
            return Err(broken(AgeError::Damaged));
        }
        self.piece.truncate(octets);
        Ok(())
    }
}

impl<R: BufRead> Read for Opener<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.piece.len() && !self.ended {
            self.open()?;
        }
        let rest = self.piece.get(self.given..).unwrap_or_default();
        let octets = rest.len().min(into.len());
        for (place, octet) in into.iter_mut().zip(rest) {
            *place = *octet;
        }
        self.given += octets;
        Ok(octets)
    }
}
