use super::*;
use crate::Shutdown;
use crate::dial::TokioDialer;
use env::{Dialer, Verify};
use model::Domain;
use rcgen::{BasicConstraints, IsCa, Issuer};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// An authority and what it signs, in a folder.
pub(crate) struct Authority {
    pub folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "the test's authority");
        let key = KeyPair::generate().unwrap();
        std::fs::write(folder.path().join("authority.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Authority { folder, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A certificate for `names`, signed with a key of that algorithm; the files are called after the first name.
    pub(crate) fn issue(&self, names: &[&str], algorithm: &'static rcgen::SignatureAlgorithm) -> CertificateFiles {
        let params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        let key = KeyPair::generate_for(algorithm).unwrap();
        let file = |ending| self.folder.path().join(format!("{}.{ending}", names[0]));
        std::fs::write(file("key"), key.serialize_pem()).unwrap();
        std::fs::write(file("pem"), params.signed_by(&key, &self.issuer).unwrap().pem()).unwrap();
        CertificateFiles { chain: file("pem"), key: file("key") }
    }
}

const ECDSA: &rcgen::SignatureAlgorithm = &rcgen::PKCS_ECDSA_P256_SHA256;

/// What a client asking for `name` gets: the first DNS name of the certificate, and the agreement on both sides.
async fn served(acceptor: &Acceptor, name: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = async {
        let wire = TokioDialer::new(None).unwrap().dial(address, None).await.unwrap();
        wire.start_tls(&Domain::new(name).unwrap(), Verify::Nobody).await.unwrap()
    };
    let server = async { acceptor.accept(listener.accept().await.unwrap().0).await.unwrap() };
    let ((_wire, ours), (_stream, theirs)) = tokio::join!(client, server);
    assert!(ours == theirs, "both ends agree on everything");
    assert!(ours.exporter.is_some() && ours.server_end_point.is_some());
    assert!(!format!("{ours:?}").contains("exporter"));
    let standing = acceptor.0.iter().map(|entry| entry.current()).find(|one| one.end_point == ours.server_end_point);
    standing.unwrap().names[0].clone()
}

#[tokio::test]
async fn a_client_gets_the_certificate_for_its_name() {
    let authority = Authority::new();
    let issue = |names: &[&str]| authority.issue(names, ECDSA);
    let files = vec![issue(&["mx.one.test"]), issue(&["*.two.test", "two.test"]), issue(&["imap.two.test"])];
    let acceptor = load_all(files).unwrap();
    for (name, expected) in [
        ("mx.one.test", "mx.one.test"),
        ("TWO.test", "*.two.test"),
        ("mx.two.test", "*.two.test"),
        ("imap.two.test", "imap.two.test"),
        ("a.mx.two.test", "mx.one.test"),
        ("three.test", "mx.one.test"),
    ] {
        assert_eq!(served(&acceptor, name).await, expected, "{name}");
    }
    let names: Vec<_> = acceptor.standing().into_iter().map(|one| one.names).collect();
    assert_eq!(names[1], ["*.two.test", "two.test"]);
}

#[test]
fn wildcards_stand_for_one_label() {
    use certificate::{Fit, fit};
    let check = |pattern: &str, name: &str, expected| assert_eq!(fit(pattern, name), expected, "{pattern} {name}");
    check("a.test", "A.test", Fit::Exact);
    check("*.test", "a.TEST", Fit::Wildcard);
    check("*.test", "a.b.test", Fit::No);
    check("*.test", "test", Fit::No);
    check("*.test", ".test", Fit::No);
    check("*", "test", Fit::No);
    check("a*.test", "ab.test", Fit::No);
    check("a.test", "", Fit::No);
}

/// The hash of the end point follows the certificate's signature; Ed25519 has none.
#[tokio::test]
async fn channel_bindings_of_other_kinds() {
    let authority = |algorithm: &'static rcgen::SignatureAlgorithm| {
        let folder = tempfile::tempdir().unwrap();
        let params = CertificateParams::new(vec!["mx.test".to_owned()]).unwrap();
        let key = KeyPair::generate_for(algorithm).unwrap();
        std::fs::write(folder.path().join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        let acceptor = load(&folder.path().join("cert.pem"), &folder.path().join("key.pem")).unwrap();
        acceptor.0[0].current().end_point.as_ref().map(Vec::len)
    };
    assert_eq!(authority(ECDSA), Some(32));
    assert_eq!(authority(&rcgen::PKCS_ECDSA_P384_SHA384), Some(48));
    assert_eq!(authority(&rcgen::PKCS_ED25519), None);
}

/// Nothing tells whether a TLS 1.2 connection has an extended master secret.
#[tokio::test]
async fn tls_1_2_has_no_exporter() {
    let authority = Authority::new();
    let acceptor = load_all(vec![authority.issue(&["mx.test"], ECDSA)]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.path()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = async {
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let name = ServerName::try_from("mx.test").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
    };
    let server = async { acceptor.accept(listener.accept().await.unwrap().0).await.unwrap() };
    let (_client, (_stream, agreed)) = tokio::join!(client, server);
    assert_eq!((agreed.version.as_str(), agreed.exporter), ("TLSv1.2", None));
    assert!(agreed.server_end_point.is_some());
}

#[tokio::test(start_paused = true)]
async fn certificates_are_read_anew_when_they_change() {
    let authority = Authority::new();
    let files = vec![authority.issue(&["one.test"], ECDSA), authority.issue(&["two.test"], ECDSA)];
    let acceptor = load_all(files.clone()).unwrap();
    let shutdown = Shutdown::new();
    let watching = tokio::spawn(watch(acceptor.clone(), shutdown.clone()));
    let bindings = || acceptor.0.iter().map(|entry| entry.current().end_point.clone().unwrap()).collect::<Vec<_>>();
    let turn = || tokio::time::sleep(3 * acceptor::WATCH_EVERY);

    let first = bindings();
    turn().await;
    assert_eq!(bindings(), first, "nothing changed");

    authority.issue(&["one.test"], ECDSA);
    std::fs::write(&files[1].key, "junk").unwrap();
    turn().await;
    let second = bindings();
    assert_ne!(second[0], first[0], "the renewed one is in use");
    assert_eq!(second[1], first[1], "the broken one is not");
    let faults: Vec<_> = acceptor.reload().iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), 1);
    assert!(faults[0].contains("two.test.key holds no private key in PEM form"), "{faults:?}");

    std::fs::remove_file(&files[1].chain).unwrap();
    turn().await;
    assert_eq!(bindings()[1], first[1]);
    authority.issue(&["two.test"], ECDSA);
    turn().await;
    assert_ne!(bindings()[1], first[1], "and heals");
    shutdown.begin();
    watching.await.unwrap();
}

#[test]
fn what_is_no_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let made = self_signed(&["mx.test"]).unwrap();
    let (chain, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&key, made.key).unwrap();
    std::fs::write(&chain, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let error = load(&chain, &key).err().unwrap().to_string();
    assert!(error.contains("cert.pem holds a damaged certificate"), "{error}");
    assert!(matches!(load_all(Vec::new()), Err(TlsError::None)));
}
