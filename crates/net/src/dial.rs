//! Connections that we open: TCP, and TLS as the client.

use crate::tls::{self, HANDSHAKE_TIMEOUT, TlsError};
use env::{BoxFuture, Dialer, Secured, Verify, Wire, WireError};
use futures_util::FutureExt;
use model::Domain;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// How long a connection may take to open: some lost packets' worth. The system would try for two minutes, and there are
/// other addresses and later attempts.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens connections on tokio, from the runtime that it is used in; clones share everything.
#[derive(Clone)]
pub struct TokioDialer(Arc<Connectors>);

struct Connectors {
    anyone: TlsConnector,
    named: TlsConnector,
}

impl TokioDialer {
    /// Trusts the authorities that the system trusts now, and those in the file `extra`, in PEM form.
    ///
    /// # Errors
    /// `Unreadable`, `NotPem` or `Unacceptable` for `extra`. Where the system has no authorities, that is an event: nobody
    /// can prove a name then.
    pub fn new(extra: Option<&Path>) -> Result<TokioDialer, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let versions = || {
            let config = ClientConfig::builder_with_provider(provider.clone());
            let config = config.with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12]);
            config.expect("the provider has cipher suites for both versions")
        };
        let anyone = Arc::new(Anyone(provider.signature_verification_algorithms));
        let anyone = versions().dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth();
        let named = versions().with_root_certificates(roots(extra)?).with_no_client_auth();
        let [anyone, named] = [anyone, named].map(|config| TlsConnector::from(Arc::new(config)));
        Ok(TokioDialer(Arc::new(Connectors { anyone, named })))
    }
}

fn roots(extra: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(event = "authorities.unreadable", %error);
    }
    // Single ones that the library does not understand are left out, as everywhere.
    let (known, _) = roots.add_parsable_certificates(system.certs);
    if known == 0 {
        tracing::warn!(event = "authorities.missing", "no server can prove its name; is ca-certificates installed?");
    }
    let Some(path) = extra else { return Ok(roots) };
    let not_pem = |source| TlsError::NotPem { path: path.to_owned(), what: "certificate", source };
    let pem = tls::read(path)?;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let added = roots.add(certificate.map_err(not_pem)?);
        added.map_err(|source| TlsError::Unacceptable { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

impl Dialer for TokioDialer {
    fn dial(&self, to: SocketAddr, from: Option<IpAddr>) -> BoxFuture<'static, Result<Box<dyn Wire>, WireError>> {
        let connectors = self.0.clone();
        async move {
            let connected = match tokio::time::timeout(CONNECT_TIMEOUT, connect(to, from)).await {
                Ok(connected) => connected,
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer within 30 s")),
            };
            let tcp = connected.map_err(|error| WireError(error.to_string()))?;
            Ok(Box::new(TokioWire { transport: Transport::Tcp(tcp), unflushed: false, peer: to, connectors })
                as Box<dyn Wire>)
        }
        .boxed()
    }
}

async fn connect(to: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(from) = from {
        if from.is_ipv4() != to.is_ipv4() {
            let text = format!("{from} is of the other IP version");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        socket.bind(SocketAddr::new(from, 0))?;
    }
    // Commands are written whole: waiting for more to fill a segment only delays them.
    socket.set_nodelay(true)?;
    socket.connect(to).await
}

/// An open connection. Dropping it closes it, under TLS with a farewell if the socket takes one at once.
struct TokioWire {
    transport: Transport,
    /// Octets may still lie in the TLS layer.
    unflushed: bool,
    peer: SocketAddr,
    connectors: Arc<Connectors>,
}

enum Transport {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Handed on to TLS.
    Gone,
}

impl TokioWire {
    /// Both directions as they are now.
    fn stream(&mut self) -> Result<Pin<&mut dyn Duplex>, WireError> {
        match &mut self.transport {
            Transport::Tcp(tcp) => Ok(Pin::new(tcp)),
            Transport::Tls(tls) => Ok(Pin::new(tls.as_mut())),
            Transport::Gone => Err(WireError("the connection is closed".to_owned())),
        }
    }

    fn lost(&self, error: &io::Error) -> WireError {
        WireError(format!("the connection to {} is lost: {error}", self.peer))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WireError>> {
        if self.unflushed {
            match self.stream()?.poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.lost(&error))),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

impl Wire for TokioWire {
    /// Goes on sending too: what was written is on its way though nobody writes any more.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize, WireError>> {
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        let mut buffer = ReadBuf::new(buffer);
        match self.stream()?.poll_read(cx, &mut buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().len())),
            // TLS without close_notify: many servers hang up so. Every protocol here marks its own ends.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(0)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.lost(&error))),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<Result<usize, WireError>> {
        match self.stream()?.poll_write(cx, octets) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.lost(&error))),
            Poll::Ready(Ok(written)) => {
                self.unflushed = true;
                // What the socket does not take now, the next call sends, whichever it is.
                match self.poll_flush(cx) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    _ => Poll::Ready(Ok(written)),
                }
            }
        }
    }

    fn start_tls(mut self: Box<Self>, name: &Domain, verify: Verify) -> BoxFuture<'static, Secured> {
        let name = name.clone();
        async move {
            let failed = |reason: &dyn std::fmt::Display| WireError(format!("TLS with {name} failed: {reason}"));
            let server = ServerName::try_from(bare(&name)).map_err(|error| failed(&error))?;
            let tcp = match std::mem::replace(&mut self.transport, Transport::Gone) {
                Transport::Tcp(tcp) => tcp,
                other => {
                    self.transport = other;
                    return Err(failed(&"it has begun before"));
                }
            };
            let connector = match verify {
                Verify::Nobody => &self.connectors.anyone,
                Verify::Name => &self.connectors.named,
            };
            let handshake =
                connector.connect_with(server, tcp, |connection| connection.set_buffer_limit(Some(tls::BUFFER_MAX)));
            let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
                Ok(secured) => secured.map_err(|error| failed(&error))?,
                Err(_) => return Err(failed(&"the handshake took too long")),
            };
            let connection = stream.get_ref().1;
            let agreed = tls::agreed(connection, connection.peer_certificates().and_then(end_point));
            self.transport = Transport::Tls(Box::new(stream));
            Ok((self as Box<dyn Wire>, agreed))
        }
        .boxed()
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }
}

impl Drop for TokioWire {
    fn drop(&mut self) {
        if let Transport::Tls(stream) = &mut self.transport {
            let mut cx = Context::from_waker(Waker::noop());
            // A courtesy: the connection ends here either way.
            let _ = Pin::new(stream.as_mut()).poll_shutdown(&mut cx);
        }
    }
}

fn end_point(chain: &[CertificateDer<'_>]) -> Option<Vec<u8>> {
    let first = chain.first()?;
    let (_, parsed) = X509Certificate::from_der(first).ok()?;
    tls::end_point(first, &parsed)
}

/// Takes any certificate, but only from a server that has its key: what an eavesdropper cannot undo (RFC 7435 §3).
#[derive(Debug)]
struct Anyone(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// The name as TLS has it: an address without the brackets of a literal (RFC 5321 §4.1.3).
fn bare(name: &Domain) -> String {
    let inner = name.as_str().trim_matches(['[', ']']);
    inner.strip_prefix("ipv6:").unwrap_or(inner).to_owned()
}

#[cfg(test)]
mod tests;
