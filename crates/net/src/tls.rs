//! Certificates, and the acceptor that speaks TLS with them.

mod acceptor;
mod binding;
mod certificate;
#[cfg(test)]
pub(crate) mod tests;

pub use acceptor::{Acceptor, Standing, watch};
pub(crate) use binding::{agreed, end_point};
pub use certificate::CertificateFiles;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls_pki_types::pem;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a peer may take for its side of the handshake; a slow one needs some round trips, not minutes.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// What rustls may hold of our output beside the conversation's own bound.
pub(crate) const BUFFER_MAX: usize = 32 * 1024;

/// How long a certificate lasts that we sign ourselves: nobody renews it, and nobody trusts it but by hand.
const SELF_SIGNED_YEARS: i64 = 10;

/// Why there is no TLS with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("cannot read {path}: {source}; it has to exist and be readable by the user postamt runs as")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} holds no {what} in PEM form ({source}); it has to start with -----BEGIN")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// A certificate cannot be read, though it is one in PEM form.
    #[error("{path} holds a damaged certificate: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An authority's certificate cannot be used as one.
    #[error("{path} holds a certificate that cannot be an authority's: {source}")]
    Unacceptable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// No certificate was named.
    #[error("TLS needs at least one certificate")]
    None,
    /// One of the two files is there, the other is not.
    #[error(
        "{missing} is missing while the file that belongs to it exists; restore it, or delete both to get new ones"
    )]
    Halved {
        /// The file that is not there.
        missing: PathBuf,
    },
    /// Certificate and key cannot be used together.
    #[error("{certificate} and {key} cannot be used: {source}; the key has to belong to the first certificate")]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate for {names}: {source}")]
    NotMade {
        /// For which names.
        names: String,
        /// What is wrong with them.
        source: rcgen::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A certificate with its private key, both in PEM form.
pub struct Certified {
    /// The certificate.
    pub certificate: String,
    /// The private key: a secret.
    pub key: String,
}

/// Makes a certificate for `names` (host names and IP addresses), for localhost and the loopback addresses, that lasts
/// ten years.
///
/// # Errors
/// `NotMade` if a name cannot stand in a certificate.
pub fn self_signed(names: &[&str]) -> Result<Certified, TlsError> {
    let not_made = |source| TlsError::NotMade { names: names.join(", "), source };
    let mut all: Vec<String> = names.iter().map(ToString::to_string).collect();
    for local in ["localhost", "127.0.0.1", "::1"] {
        if !names.contains(&local) {
            all.push(local.to_owned());
        }
    }
    let common_name = all.first().cloned().unwrap_or_default();
    let mut params = CertificateParams::new(all).map_err(not_made)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let today = crate::runtime::wall_now().civil();
    let first_of = |year: i64| date_time_ymd(year as i32, today.month, 1);
    params.not_before = first_of(today.year);
    params.not_after = first_of(today.year + SELF_SIGNED_YEARS);
    let key = KeyPair::generate().map_err(not_made)?;
    let certificate = params.self_signed(&key).map_err(not_made)?;
    Ok(Certified { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Reads a certificate chain and its private key.
///
/// # Errors
/// `Unreadable`, `NotPem`, `Damaged`, `Unusable`; each names the file and the remedy.
pub fn load(certificate: &Path, key: &Path) -> Result<Acceptor, TlsError> {
    load_all(vec![CertificateFiles { chain: certificate.to_owned(), key: key.to_owned() }])
}

/// Reads several certificate chains with their keys. A client gets the one for the name it asks for, and the first if
/// there is none.
///
/// # Errors
/// As [`load`]; `None` for an empty list.
pub fn load_all(files: Vec<CertificateFiles>) -> Result<Acceptor, TlsError> {
    Acceptor::new(files)
}

/// Uses `cert.pem` and `key.pem` in `folder`; if neither exists, makes them for `names` first.
///
/// # Errors
/// As [`load`] and [`self_signed`]; `Halved` if only one of the files exists, `Unwritable`.
pub fn load_or_create(folder: &Path, names: &[&str]) -> Result<Acceptor, TlsError> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    match (certificate.exists(), key.exists()) {
        (true, true) => {}
        // We ended between the two names.
        (false, true) if unfinished(&certificate).exists() => name(folder, &[&certificate])?,
        (true, false) => return Err(TlsError::Halved { missing: key }),
        (false, true) => return Err(TlsError::Halved { missing: certificate }),
        (false, false) => {
            let made = self_signed(names)?;
            write_secret(&unfinished(&key), &made.key)?;
            write_secret(&unfinished(&certificate), &made.certificate)?;
            name(folder, &[&key, &certificate])?;
            tracing::info!(event = "certificate.created", path = %certificate.display(), names = names.join(", "));
        }
    }
    load(&certificate, &key)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("pem.new")
}

/// Writes a file that only we may read; it is whole before it gets its name.
fn write_secret(path: &Path, text: &str) -> Result<(), TlsError> {
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| TlsError::Unwritable { path: path.to_owned(), source })
}

/// Gives unfinished files their names, one after the other. All are there durably before the first gets its own, so that what a crash
/// leaves can be finished.
fn name(folder: &Path, paths: &[&Path]) -> Result<(), TlsError> {
    let sync = || std::fs::File::open(folder)?.sync_all();
    let name = || {
        sync()?;
        paths.iter().try_for_each(|path| std::fs::rename(unfinished(path), path))?;
        sync()
    };
    name().map_err(|source| TlsError::Unwritable { path: folder.to_owned(), source })
}
