//! One certificate with its key, read from files.

use super::{TlsError, end_point, read};
use model::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::ClientHello;
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// Where a certificate and its key lie, both in PEM form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateFiles {
    /// The certificate, then those that lead to its root.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A certificate in use.
pub(super) struct Certificate {
    /// The DNS names it stands for, in lower case.
    pub names: Vec<String>,
    /// Until when it holds.
    pub not_after: Timestamp,
    /// RFC 5929 §4.
    pub end_point: Option<Vec<u8>>,
    /// How the server speaks with it.
    pub config: Arc<ServerConfig>,
    key: Arc<dyn SigningKey>,
}

/// How well a certificate fits a name; the least fits best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Fit {
    Exact,
    Wildcard,
    No,
}

impl Certificate {
    pub(super) fn load(files: &CertificateFiles) -> Result<Certificate, TlsError> {
        let (chain_pem, key_pem) = (read(&files.chain)?, read(&files.key)?);
        let not_pem = |path: &Path, what, source| TlsError::NotPem { path: path.to_owned(), what, source };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain_pem)
            .collect::<Result<_, _>>()
            .map_err(|source| not_pem(&files.chain, "certificate", source))?;
        let none = || not_pem(&files.chain, "certificate", pem::Error::NoItemsFound);
        let first = chain.first().cloned().ok_or_else(none)?;
        let private =
            PrivateKeyDer::from_pem_slice(&key_pem).map_err(|source| not_pem(&files.key, "private key", source))?;
        let damaged = |reason| TlsError::Damaged { path: files.chain.clone(), reason };
        let (_, parsed) = X509Certificate::from_der(&first).map_err(|error| damaged(error.to_string()))?;
        let unusable = |source| TlsError::Unusable { certificate: files.chain.clone(), key: files.key.clone(), source };
        let certified = CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider()).map_err(unusable)?;
        Ok(Certificate {
            names: names(&parsed),
            not_after: Timestamp::from_unix_ms(parsed.validity().not_after.timestamp().saturating_mul(1000)),
            end_point: end_point(&first, &parsed),
            key: certified.key.clone(),
            config: configure(certified).map_err(unusable)?,
        })
    }

    pub(super) fn fit(&self, name: &str) -> Fit {
        self.names.iter().map(|pattern| fit(pattern, name)).min().unwrap_or(Fit::No)
    }

    /// Whether the client knows how to verify what it signs.
    pub(super) fn is_known_to(&self, client: &ClientHello<'_>) -> bool {
        self.key.choose_scheme(client.signature_schemes()).is_some()
    }
}

/// RFC 9525 §6.3: a wildcard is the whole leftmost label and stands for one label.
pub(super) fn fit(pattern: &str, name: &str) -> Fit {
    if pattern.eq_ignore_ascii_case(name) {
        return Fit::Exact;
    }
    match (pattern.strip_prefix("*."), name.split_once('.')) {
        (Some(parent), Some((label, rest))) if !label.is_empty() && parent.eq_ignore_ascii_case(rest) => Fit::Wildcard,
        _ => Fit::No,
    }
}

/// RFC 9525 §2: the subject's common name is no name of a host any more.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return Vec::new() };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    alternatives.value.general_names.iter().filter_map(dns).collect()
}

/// Tickets are sealed per certificate and not shared: a session resumed is one with this certificate.
fn configure(certified: CertifiedKey) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(Arc::new(config))
}
