//! What stands before the payload: the file's key, wrapped for each recipient, and a code over all of it.

use super::{AgeError, FILE_KEY_OCTETS, FileKey, Identity, KEY_OCTETS, Key, Recipient, derive, random};
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::io::{self, BufRead, Read};
use zeroize::Zeroizing;

const INTRO: &str = "age-encryption.org/v1\n";
const STANZA: &str = "-> X25519 ";
const END: &str = "---";
const WRAP_INFO: &[u8] = b"age-encryption.org/v1/X25519";
const TAG_OCTETS: usize = 16;
/// A header for some hundred recipients.
const OCTETS_MAX: u64 = 64 << 10;

/// The header by which `recipients` find `file_key`.
pub fn write(file_key: &FileKey, recipients: &[Recipient]) -> Result<Vec<u8>, AgeError> {
    let mut header = INTRO.to_owned();
    for recipient in recipients {
        let (share, body) = wrap(file_key, recipient)?;
        // A wrapped key is one line of 43 characters, so there is nothing to fold.
        header += &format!("{STANZA}{}\n{}\n", STANDARD_NO_PAD.encode(share), STANDARD_NO_PAD.encode(body));
    }
    header += END;
    let code = hmac::sign(&code_key(file_key)?, header.as_bytes());
    header += &format!(" {}\n", STANDARD_NO_PAD.encode(code));
    Ok(header.into_bytes())
}

/// Reads a header, and what one of `identities` finds in it.
pub fn read(reader: &mut impl BufRead, identities: &[Identity]) -> Result<FileKey, HeaderError> {
    let mut reader = reader.take(OCTETS_MAX);
    let mut header = line(&mut reader)?;
    if header != INTRO {
        return Err(AgeError::Format.into());
    }
    let mut found = None;
    loop {
        let first = line(&mut reader)?;
        if let Some(code) = first.strip_prefix("--- ") {
            header += END;
            let file_key: FileKey = found.ok_or(AgeError::Foreign)?;
            let code = STANDARD_NO_PAD.decode(code.trim_end_matches('\n')).map_err(|_| AgeError::Format)?;
            hmac::verify(&code_key(&file_key)?, header.as_bytes(), &code).map_err(|_| AgeError::Damaged)?;
            return Ok(file_key);
        }
        let share = first.strip_prefix("-> ").ok_or(AgeError::Format)?;
        header += &first;
        let body = body(&mut reader, &mut header)?;
        let share = share.strip_prefix("X25519 ").and_then(|share| STANDARD_NO_PAD.decode(share.trim_end()).ok());
        if let (None, Some(share)) = (&found, share) {
            found = identities.iter().find_map(|identity| unwrap(&share, &body, identity));
        }
    }
}

/// Why a header says nothing.
pub enum HeaderError {
    Age(AgeError),
    Io(io::Error),
}

impl From<AgeError> for HeaderError {
    fn from(error: AgeError) -> HeaderError {
        HeaderError::Age(error)
    }
}

impl From<io::Error> for HeaderError {
    fn from(error: io::Error) -> HeaderError {
        HeaderError::Io(error)
    }
}

fn line(reader: &mut impl BufRead) -> Result<String, HeaderError> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    let line = String::from_utf8(line).map_err(|_| AgeError::Format)?;
    if line.ends_with('\n') { Ok(line) } else { Err(AgeError::Format.into()) }
}

/// A stanza's lines, of which only the last is shorter than 64 characters.
fn body(reader: &mut impl BufRead, header: &mut String) -> Result<Vec<u8>, HeaderError> {
    let mut text = String::new();
    loop {
        let next = line(reader)?;
        *header += &next;
        let part = next.trim_end_matches('\n');
        text += part;
        if part.len() < 64 {
            return Ok(STANDARD_NO_PAD.decode(&text).map_err(|_| AgeError::Format)?);
        }
    }
}

fn wrap(file_key: &FileKey, recipient: &Recipient) -> Result<([u8; KEY_OCTETS], Vec<u8>), AgeError> {
    let once = Identity::new(Zeroizing::new(random()?))?;
    let key = shared(&once, &recipient.0, &once.recipient().0, &recipient.0)?;
    let mut body = file_key.to_vec();
    sealing(&key)?.seal_in_place_append_tag(zero(), Aad::empty(), &mut body).map_err(|_| AgeError::Library)?;
    Ok((once.recipient().0, body))
}

fn unwrap(share: &[u8], body: &[u8], identity: &Identity) -> Option<FileKey> {
    if body.len() != FILE_KEY_OCTETS + TAG_OCTETS {
        return None;
    }
    let key = shared(identity, share, share, &identity.recipient().0).ok()?;
    let mut body = Zeroizing::new(body.to_vec());
    let opened = sealing(&key).ok()?.open_in_place(zero(), Aad::empty(), &mut body).ok()?;
    (&*opened).try_into().ok().map(Zeroizing::new)
}

/// The key that both sides come to.
fn shared(own: &Identity, other: &[u8], share: &[u8], recipient: &[u8]) -> Result<Key, AgeError> {
    let own = PrivateKey::from_private_key(&X25519, &*own.secret).map_err(|_| AgeError::Library)?;
    let salt = [share, recipient].concat();
    agree(&own, UnparsedPublicKey::new(&X25519, other), AgeError::Damaged, |secret| derive(secret, &salt, WRAP_INFO))
}

/// A key that seals once needs no nonce.
fn zero() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

pub fn sealing(key: &Key) -> Result<LessSafeKey, AgeError> {
    UnboundKey::new(&CHACHA20_POLY1305, &**key).map(LessSafeKey::new).map_err(|_| AgeError::Library)
}

fn code_key(file_key: &FileKey) -> Result<hmac::Key, AgeError> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &*derive(&**file_key, b"", b"header")?))
}
