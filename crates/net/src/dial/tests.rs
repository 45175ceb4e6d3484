use super::*;
use crate::tls::CertificateFiles;
use crate::tls::tests::Authority;
use rustls::ServerConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::PrivateKeyDer;
use std::future::poll_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn write_all(wire: &mut Box<dyn Wire>, mut octets: &[u8]) {
    while !octets.is_empty() {
        let written = poll_fn(|cx| wire.poll_write(cx, octets)).await.unwrap();
        octets = &octets[written..];
    }
}

async fn read_exact(wire: &mut Box<dyn Wire>, octets: usize) -> Vec<u8> {
    let mut got = vec![0; octets];
    let mut filled = 0;
    while filled < octets {
        let read = poll_fn(|cx| wire.poll_read(cx, &mut got[filled..])).await.unwrap();
        assert!(read > 0, "the end after {filled} of {octets} octets");
        filled += read;
    }
    got
}

fn name(text: &str) -> Domain {
    Domain::new(text).unwrap()
}

/// Dials a server with that certificate as the client of `to`; the error, or nothing.
async fn secured(authority: &Authority, files: &CertificateFiles, to: &str, verify: Verify) -> String {
    let acceptor = tls::load(&files.chain, &files.key).unwrap();
    let dialer = TokioDialer::new(Some(&authority.path())).unwrap();
    let (listener, address) = listener().await;
    let server = async { acceptor.accept(listener.accept().await.unwrap().0).await.is_ok() };
    let client = async {
        let wire = dialer.dial(address, None).await.unwrap();
        wire.start_tls(&name(to), verify).await.map(drop).map_err(|error| error.0)
    };
    let (_, outcome) = tokio::join!(server, client);
    outcome.err().unwrap_or_default()
}

const ECDSA: &rcgen::SignatureAlgorithm = &rcgen::PKCS_ECDSA_P256_SHA256;

#[tokio::test]
async fn names_are_verified_where_that_is_wanted() {
    let authority = Authority::new();
    let files = authority.issue(&["mx.test"], ECDSA);
    assert_eq!(secured(&authority, &files, "mx.test", Verify::Name).await, "");
    assert_eq!(secured(&authority, &files, "other.test", Verify::Nobody).await, "");
    let error = secured(&authority, &files, "other.test", Verify::Name).await;
    assert!(error.contains("TLS with other.test failed") && error.contains("mx.test"), "{error}");
    let other = Authority::new();
    let error = secured(&other, &files, "mx.test", Verify::Name).await;
    assert!(error.contains("invalid peer certificate"), "{error}");
    assert_eq!(secured(&other, &files, "mx.test", Verify::Nobody).await, "");
}

/// Whoever copies a certificate does not have its key.
#[tokio::test]
async fn any_certificate_will_do_but_not_without_its_key() {
    let authority = Authority::new();
    let [shown, owned] = ["mx.test", "other.test"].map(|name| authority.issue(&[name], ECDSA));
    let chain = vec![CertificateDer::from_pem_file(&shown.chain).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&owned.key).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let forged = CertifiedKey::new(chain, provider.key_provider.load_private_key(key).unwrap());
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(forged.clone())));
        let (listener, address) = listener().await;
        let server =
            async { TlsAcceptor::from(Arc::new(config)).accept(listener.accept().await.unwrap().0).await.is_ok() };
        let client = async {
            let wire = TokioDialer::new(None).unwrap().dial(address, None).await.unwrap();
            wire.start_tls(&name("mx.test"), Verify::Nobody).await.err().unwrap().0
        };
        let (_, error) = tokio::join!(server, client);
        assert!(error.contains("BadSignature"), "{error}");
    }
}

/// More than all buffers hold, first in the clear and then under TLS; then the farewell.
#[tokio::test]
async fn octets_arrive_in_both_directions() {
    const OCTETS: usize = 3_000_000;
    let authority = Authority::new();
    let files = authority.issue(&["mx.test"], ECDSA);
    let acceptor = tls::load(&files.chain, &files.key).unwrap();
    let (listener, address) = listener().await;
    let server = async {
        let (mut tcp, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.ip(), IpAddr::from([127, 0, 0, 2]));
        let mut line = [0; 9];
        tcp.read_exact(&mut line).await.unwrap();
        let (mut tls, _) = acceptor.accept(tcp).await.unwrap();
        let mut octets = vec![0; OCTETS];
        tls.read_exact(&mut octets).await.unwrap();
        tls.write_all(&octets).await.unwrap();
        tls.flush().await.unwrap();
        // An end without close_notify would be an error.
        assert_eq!(tls.read(&mut line).await.unwrap(), 0);
    };
    let client = async {
        let dialer = TokioDialer::new(None).unwrap();
        let mut wire = dialer.dial(address, Some([127, 0, 0, 2].into())).await.unwrap();
        assert_eq!(wire.peer(), address);
        write_all(&mut wire, b"STARTTLS\n").await;
        let (mut wire, agreed) = wire.start_tls(&name("mx.test"), Verify::Nobody).await.unwrap();
        assert_eq!(agreed.version, "TLSv1.3");
        let sent: Vec<u8> = (0..OCTETS).map(|n| (n % 251) as u8).collect();
        write_all(&mut wire, &sent).await;
        assert_eq!(read_exact(&mut wire, OCTETS).await, sent);
        let error = wire.start_tls(&name("mx.test"), Verify::Nobody).await.err().unwrap();
        assert_eq!(error.0, "TLS with mx.test failed: it has begun before");
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn what_cannot_be_dialled_says_why() {
    let (listener, address) = listener().await;
    drop(listener);
    let dialer = TokioDialer::new(None).unwrap();
    let error = dialer.dial(address, None).await.err().unwrap().0;
    assert!(error.contains("refused"), "{error}");
    let error = dialer.dial(address, Some("::1".parse().unwrap())).await.err().unwrap().0;
    assert!(error.contains("::1 is of the other IP version"), "{error}");
}
