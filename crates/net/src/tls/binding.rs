//! What was agreed on, with what binds a login to this very connection.

use aws_lc_rs::digest;
use rustls::{ConnectionCommon, ProtocolVersion};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry as oid;
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// RFC 9266 §2.
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// What `connection` agreed on; `end_point` is of the server's certificate.
pub(crate) fn agreed<T>(connection: &ConnectionCommon<T>, end_point: Option<Vec<u8>>) -> env::Tls {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLSv1.2",
    };
    let cipher = connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
    env::Tls {
        version: version.to_owned(),
        cipher: cipher.unwrap_or_default(),
        exporter: exporter(connection),
        server_end_point: end_point,
    }
}

/// RFC 9266 §2. In TLS 1.2 it binds only with an extended master secret (RFC 9266 §4.2), and rustls does not tell whether
/// there is one: none then.
fn exporter<T>(connection: &ConnectionCommon<T>) -> Option<[u8; 32]> {
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    connection.export_keying_material([0; 32], EXPORTER_LABEL, Some(&[])).ok()
}

/// RFC 5929 §4.1: the hash of its signature, or SHA-256 where that is MD5 or SHA-1; not defined for a signature without
/// one, as Ed25519's.
pub(crate) fn end_point(der: &[u8], certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    let algorithm = &certificate.signature_algorithm;
    let name = match SignatureAlgorithm::try_from(algorithm).ok()? {
        // RFC 4055 §3.1: SHA-1 where none is named.
        SignatureAlgorithm::RSASSA_PSS(params) => {
            params.hash_algorithm().map_or(oid::OID_HASH_SHA1, |hash| hash.algorithm.to_owned())
        }
        _ => algorithm.algorithm.to_owned(),
    };
    let sha256 = [
        oid::OID_PKCS1_MD5WITHRSAENC,
        oid::OID_PKCS1_SHA1WITHRSA,
        oid::OID_PKCS1_SHA256WITHRSA,
        oid::OID_SIG_ECDSA_WITH_SHA256,
        oid::OID_NIST_HASH_SHA256,
        oid::OID_HASH_SHA1,
    ];
    let sha384 = [oid::OID_PKCS1_SHA384WITHRSA, oid::OID_SIG_ECDSA_WITH_SHA384, oid::OID_NIST_HASH_SHA384];
    let sha512 = [oid::OID_PKCS1_SHA512WITHRSA, oid::OID_SIG_ECDSA_WITH_SHA512, oid::OID_NIST_HASH_SHA512];
    let hash = match name {
        name if sha256.contains(&name) => &digest::SHA256,
        name if sha384.contains(&name) => &digest::SHA384,
        name if sha512.contains(&name) => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(hash, der).as_ref().to_vec())
}
