//! The server's side of TLS, with certificates that may change meanwhile.

use super::certificate::{Certificate, CertificateFiles};
use super::{BUFFER_MAX, HANDSHAKE_TIMEOUT, TlsError, agreed};
use crate::metrics;
use crate::shutdown::Shutdown;
use futures_util::future::{Either, select};
use model::Timestamp;
use rustls::server::ClientHello;
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};
use std::task::Poll;
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// How often [`watch`] looks at the files.
pub const WATCH_EVERY: Duration = Duration::from_secs(10);

/// The answer to a client's first message is half a millisecond of computing. Of thousands that ask for it at once some wait
/// among themselves, so that one thread is there for everybody else: one that always computes seldom looks at the sockets.
static ANSWERS_AT_ONCE: LazyLock<Semaphore> = LazyLock::new(|| {
    let threads = available_parallelism().map_or(1, usize::from);
    Semaphore::new(threads.saturating_sub(1).max(1))
});

/// Speaks TLS 1.2 and 1.3 as the server; clones share everything. There is at least one certificate.
#[derive(Clone)]
pub struct Acceptor(pub(super) Arc<[Entry]>);

/// A certificate's files, and what they held when they were last good.
pub(super) struct Entry {
    files: CertificateFiles,
    current: RwLock<Arc<Certificate>>,
    /// Of the last attempt to read them.
    stamp: Mutex<Stamp>,
}

/// Tells whether files are still the same.
type Stamp = [Option<(i64, i64, u64, u64)>; 2];

/// A certificate in use, for those who look after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Its file.
    pub chain: PathBuf,
    /// The DNS names it stands for.
    pub names: Vec<String>,
    /// Until when it holds.
    pub not_after: Timestamp,
}

impl Acceptor {
    pub(super) fn new(files: Vec<CertificateFiles>) -> Result<Acceptor, TlsError> {
        if files.is_empty() {
            return Err(TlsError::None);
        }
        let entry = |files: CertificateFiles| {
            let stamp = Mutex::new(stamp(&files));
            let current = RwLock::new(Arc::new(Certificate::load(&files)?));
            Ok(Entry { files, current, stamp })
        };
        Ok(Acceptor(files.into_iter().map(entry).collect::<Result<_, _>>()?))
    }

    /// Reads all files anew. Connections that stand keep their certificate; a certificate whose files are not good stays
    /// in use as it was, with an event that says why; the return value says the same.
    pub fn reload(&self) -> Vec<TlsError> {
        self.0.iter().filter_map(|entry| entry.reload().err()).collect()
    }

    /// The certificates in use, the default one first.
    pub fn standing(&self) -> Vec<Standing> {
        let standing = |entry: &Entry| {
            let current = entry.current();
            let chain = entry.files.chain.clone();
            Standing { chain, names: current.names.clone(), not_after: current.not_after }
        };
        self.0.iter().map(standing).collect()
    }

    /// The server's side of the handshake, within [`HANDSHAKE_TIMEOUT`].
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, env::Tls)> {
        let secured = match tokio::time::timeout(HANDSHAKE_TIMEOUT, self.handshake(stream)).await {
            Ok(secured) => secured,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long")),
        };
        let outcome = secured.as_ref().map_or("failed", |(_, agreed)| agreed.version.as_str());
        metrics::HANDSHAKES.add(1, &[outcome]);
        secured
    }

    async fn handshake(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, env::Tls)> {
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let certificate = self.choose(&start.client_hello());
        let bounded = |connection: &mut rustls::ServerConnection| connection.set_buffer_limit(Some(BUFFER_MAX));
        let turn = ANSWERS_AT_ONCE.acquire().await.map_err(io::Error::other)?;
        let mut answer = pin!(start.into_stream_with(certificate.config.clone(), bounded));
        let answered = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await;
        drop(turn);
        let stream = match answered {
            Poll::Ready(stream) => stream?,
            Poll::Pending => answer.await?,
        };
        let agreed = agreed(stream.get_ref().1, certificate.end_point.clone());
        Ok((stream, agreed))
    }

    /// The certificate that fits the name best, of those that the client can verify; several for one name may differ in
    /// the kind of key.
    fn choose(&self, client: &ClientHello<'_>) -> Arc<Certificate> {
        let name = client.server_name().unwrap_or_default();
        let all = self.0.iter().map(Entry::current);
        let best = all.min_by_key(|certificate| (!certificate.is_known_to(client), certificate.fit(name)));
        best.expect("an acceptor has a certificate")
    }
}

impl Entry {
    pub(super) fn current(&self) -> Arc<Certificate> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reload(&self) -> Result<(), TlsError> {
        // Before the files are read: what changes while they are will be seen as a change.
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) = stamp(&self.files);
        match Certificate::load(&self.files) {
            Ok(certificate) => {
                let (path, names) = (self.files.chain.display(), certificate.names.join(", "));
                let not_after = certificate.not_after.rfc5322();
                tracing::info!(event = "certificate.loaded", %path, names, not_after);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificate);
                Ok(())
            }
            Err(error) => {
                tracing::error!(event = "certificate.broken", %error, "the former one stays in use");
                Err(error)
            }
        }
    }

    fn is_changed(&self) -> bool {
        stamp(&self.files) != *self.stamp.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(files: &CertificateFiles) -> Stamp {
    let of = |path: &Path| {
        std::fs::metadata(path).ok().map(|file| (file.mtime(), file.mtime_nsec(), file.size(), file.ino()))
    };
    [of(&files.chain), of(&files.key)]
}

/// Reads certificates anew when their files change, until `shutdown` begins. A renewal that is seen half done is one event
/// and another reading ten seconds later.
pub async fn watch(acceptor: Acceptor, shutdown: Shutdown) {
    let mut begun = shutdown.begun();
    loop {
        if let Either::Left(_) = select(&mut begun, pin!(tokio::time::sleep(WATCH_EVERY))).await {
            return;
        }
        for entry in acceptor.0.iter().filter(|entry| entry.is_changed()) {
            // The event says what is wrong; the next change is the next attempt.
            let _ = entry.reload();
        }
    }
}
