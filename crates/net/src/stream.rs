//! A connection's octets, whatever carries them.

use socket2::SockRef;
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// An accepted connection.
pub enum Stream {
    /// TCP in the clear.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Calls the same method of whatever is inside.
macro_rules! inside {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Tcp(tcp) => {
                let $inner = Pin::new(tcp);
                $call
            }
            Stream::Unix(unix) => {
                let $inner = Pin::new(unix);
                $call
            }
            Stream::Tls(tls) => {
                let $inner = Pin::new(tls.as_mut());
                $call
            }
        }
    };
}

impl Stream {
    /// Reads past TLS, for input that is thrown away unread.
    pub(crate) fn poll_raw_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tls(tls) => Pin::new(tls.get_mut().0).poll_read(cx, buffer),
            plain => Pin::new(plain).poll_read(cx, buffer),
        }
    }

    /// Sends what an empty socket buffer takes, and ends the output: for a connection that goes no further. Past the runtime, which
    /// has a task wait that did much in one turn.
    pub(crate) fn end_with(&self, octets: &[u8]) -> io::Result<()> {
        let socket = match self {
            Stream::Tcp(tcp) => SockRef::from(tcp),
            Stream::Unix(unix) => SockRef::from(unix),
            Stream::Tls(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        socket.send(octets)?;
        socket.shutdown(Shutdown::Write)
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        inside!(self, inner => inner.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        inside!(self, inner => inner.poll_write(cx, octets))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside!(self, inner => inner.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside!(self, inner => inner.poll_shutdown(cx))
    }
}
