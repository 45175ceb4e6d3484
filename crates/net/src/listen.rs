//! A place where connections arrive.

use crate::stream::Stream;
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, UnixListener, UnixStream};

/// Connections that wait for us while we are busy; a burst of a mailing must not meet silence.
const BACKLOG: i32 = 1024;

/// Who may connect to a Unix socket: its owner and group.
const SOCKET_MODE: u32 = 0o660;

/// Where to listen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListenAddress {
    /// An IP address and port; port 0 means any free one.
    Tcp(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

/// It is not possible to listen there.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}{}", remedy(source))]
pub struct ListenError {
    /// Where.
    pub address: ListenAddress,
    /// What the system says.
    pub source: io::Error,
}

/// A bound socket. Dropping it closes it; a Unix socket's file goes with it.
pub struct Listener {
    socket: Bound,
    address: ListenAddress,
}

enum Bound {
    Tcp(TcpListener),
    Unix(UnixBound),
}

/// It cannot be listened on an inherited socket.
#[derive(Debug, thiserror::Error)]
#[error("the inherited socket cannot be used: {0}; it has to be a listening TCP or Unix stream socket")]
pub struct InheritError(io::Error);

/// The file goes before the socket, so that it cannot be one that somebody else has put there meanwhile.
struct UnixBound {
    /// None if it belongs to whoever bound the socket.
    _file: Option<SocketFile>,
    socket: UnixListener,
}

/// A Unix socket's file, removed with this value.
struct SocketFile(PathBuf);

impl Listener {
    /// Listens on `address`. An IPv6 address takes no IPv4 connections: name both where both are wanted.
    ///
    /// # Errors
    /// The system's, with a remedy where there is a usual one.
    pub async fn bind(address: &ListenAddress) -> Result<Listener, ListenError> {
        let bound = match address {
            ListenAddress::Tcp(address) => bind_tcp(*address),
            ListenAddress::Unix(path) => bind_unix(path).await,
        };
        bound.map_err(|source| ListenError { address: address.clone(), source })
    }

    /// Listens on `address`, or on a free port beside it if that one is taken; [`address`](Self::address) tells.
    ///
    /// # Errors
    /// The system's, for any other reason.
    pub async fn bind_or_free(address: SocketAddr) -> Result<Listener, ListenError> {
        match Listener::bind(&ListenAddress::Tcp(address)).await {
            Err(error) if error.source.kind() == io::ErrorKind::AddrInUse => {
                let free = Listener::bind(&ListenAddress::Tcp(SocketAddr::new(address.ip(), 0))).await?;
                tracing::info!(event = "listener.moved", wanted = %address, address = %free.address);
                Ok(free)
            }
            other => other,
        }
    }

    /// Listens on a socket that somebody else has bound, such as systemd.
    ///
    /// # Errors
    /// If it is no listening TCP or Unix stream socket.
    pub fn from_fd(socket: OwnedFd) -> Result<Listener, InheritError> {
        inherit(socket.into()).map_err(InheritError)
    }

    /// Where it listens: the port is the real one.
    pub fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// From now on so many may wait for us.
    pub(crate) fn resize_queue(&self, backlog: i32) {
        if let Bound::Tcp(socket) = &self.socket
            && let Err(error) = socket2::SockRef::from(socket).listen(backlog)
        {
            tracing::warn!(event = "listener.queue", address = %self.address, %error);
        }
    }

    /// The next connection, and its peer unless it is a local one.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match &self.socket {
            Bound::Tcp(socket) => {
                let (stream, peer) = socket.accept().await?;
                // Replies are written whole: waiting for more to fill a segment only delays them.
                stream.set_nodelay(true)?;
                Ok((Stream::Tcp(stream), Some(SocketAddr::new(peer.ip().to_canonical(), peer.port()))))
            }
            Bound::Unix(unix) => Ok((Stream::Unix(unix.socket.accept().await?.0), None)),
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without it a restart would wait for the last connections' TIME-WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let socket = TcpListener::from_std(socket.into())?;
    let address = ListenAddress::Tcp(socket.local_addr()?);
    Ok(Listener { socket: Bound::Tcp(socket), address })
}

async fn bind_unix(path: &Path) -> io::Result<Listener> {
    remove_stale(path).await?;
    let socket = UnixListener::bind(path)?;
    let unix = UnixBound { _file: Some(SocketFile(path.to_owned())), socket };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(Listener { socket: Bound::Unix(unix), address: ListenAddress::Unix(path.to_owned()) })
}

fn inherit(socket: Socket) -> io::Result<Listener> {
    if !socket.is_listener()? || socket.r#type()? != Type::STREAM {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen for streams"));
    }
    socket.set_nonblocking(true)?;
    socket.set_cloexec(true)?;
    let local = socket.local_addr()?;
    if let Some(address) = local.as_socket() {
        let (socket, address) = (TcpListener::from_std(socket.into())?, ListenAddress::Tcp(address));
        return Ok(Listener { socket: Bound::Tcp(socket), address });
    }
    if !local.is_unix() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither TCP nor a Unix socket"));
    }
    // One in the abstract namespace has no path.
    let address = ListenAddress::Unix(local.as_pathname().map(Path::to_owned).unwrap_or_default());
    let socket = UnixBound { _file: None, socket: UnixListener::from_std(socket.into())? };
    Ok(Listener { socket: Bound::Unix(socket), address })
}

/// Removes the socket of a server that is no more. One that answers, and a file that is no socket, stay.
async fn remove_stale(path: &Path) -> io::Result<()> {
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && is_socket(path) => std::fs::remove_file(path),
        Err(error) => Err(error),
    }
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(event = "socket.not_removed", path = %self.0.display(), %error);
        }
    }
}

impl ListenAddress {
    /// Whether only this machine can connect.
    pub fn is_local(&self) -> bool {
        match self {
            ListenAddress::Tcp(address) => address.ip().to_canonical().is_loopback(),
            ListenAddress::Unix(_) => true,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddress::Tcp(address) => address.fmt(f),
            ListenAddress::Unix(path) => path.display().fmt(f),
        }
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; another program listens there: stop it, or choose another address",
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need CAP_NET_BIND_SERVICE, and a socket's folder must be writable"
        }
        _ => "",
    }
}
