//! Which connections HTTP gets, and how much of each.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// Connections at once; more of them wait in the system's queue. A status page has few readers.
const CONNECTIONS_MAX: usize = 256;

/// How long one connection lives, whatever it does: a peer that dribbles its header keeps a place no longer. Browsers
/// simply open another one.
pub(crate) const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);

/// Octets that one connection may send: dozens of ordinary requests. It also bounds what HTTP buffers of a header.
const INPUT_MAX: usize = 64 * 1024;

/// How long accepting pauses when the system has no file for another connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// A listener with a limited number of places.
pub(crate) struct Gate {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new(listener: TcpListener) -> Gate {
        Gate { listener, places: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
    }
}

impl axum::serve::Listener for Gate {
    type Io = Guarded;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guarded, SocketAddr) {
        let place = self.places.clone().acquire_owned().await.expect("the semaphore is never closed");
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let end = Box::pin(sleep(CONNECTION_TIMEOUT));
                    return (Guarded { stream, end, input_left: INPUT_MAX, _place: place }, peer);
                }
                Err(error) => {
                    tracing::debug!(event = "accept.failed", service = "http", %error);
                    sleep(EXHAUSTED_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends in time.
pub(crate) struct Guarded {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    input_left: usize,
    _place: OwnedSemaphorePermit,
}

impl Guarded {
    fn in_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.in_time(cx)?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let octets = buffer.filled().len() - before;
        match self.input_left.checked_sub(octets) {
            Some(left) => self.input_left = left,
            None => return Poll::Ready(Err(io::Error::other("more input than one connection may send"))),
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.in_time(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
