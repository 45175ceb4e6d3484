//! A network in one thread: names and hosts as a test sets them up, wires that a test holds the other end of.

use crate::{BoxFuture, Dialer, Mx, ResolveError, Resolver, Spawn, Tls, Verify, Wire, WireError};
use model::Domain;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What happens on a connection to a host.
pub type Serve = Arc<dyn Fn(Pipe) -> BoxFuture<'static, ()> + Send + Sync>;

/// Names and hosts; clones are the same network.
#[derive(Clone)]
pub struct Net(Arc<Mutex<State>>, Arc<dyn Spawn>);

#[derive(Default)]
struct State {
    mx: HashMap<Domain, Result<Vec<Mx>, ResolveError>>,
    addresses: HashMap<Domain, Result<Vec<IpAddr>, ResolveError>>,
    hosts: HashMap<SocketAddr, Host>,
    dialled: Vec<SocketAddr>,
}

#[derive(Clone)]
enum Host {
    Serves(Serve),
    Silent,
}

impl Net {
    /// An empty network: no name exists, no host answers.
    pub fn new(spawn: Arc<dyn Spawn>) -> Net {
        Net(Arc::default(), spawn)
    }

    /// What DNS says of the exchangers of `domain`.
    pub fn set_mx(&self, domain: &str, answer: Result<Vec<Mx>, ResolveError>) {
        self.state().mx.insert(name(domain), answer);
    }

    /// What DNS says of the addresses of `host`.
    pub fn set_addresses(&self, host: &str, answer: Result<Vec<IpAddr>, ResolveError>) {
        self.state().addresses.insert(name(host), answer);
    }

    /// Connections to `address` are served so.
    pub fn serve(&self, address: SocketAddr, serve: Serve) {
        self.state().hosts.insert(address, Host::Serves(serve));
    }

    /// Connections to `address` are neither accepted nor refused.
    pub fn silence(&self, address: SocketAddr) {
        self.state().hosts.insert(address, Host::Silent);
    }

    /// Connections to `address` are refused, as before anybody served it.
    pub fn refuse(&self, address: SocketAddr) {
        self.state().hosts.remove(&address);
    }

    /// Forgets names and hosts; what hosts do may know this network, which could not go.
    pub fn clear(&self) {
        let gone = std::mem::take(&mut *self.state());
        drop(gone);
    }

    /// Where connections were tried so far, in order.
    pub fn dialled(&self) -> Vec<SocketAddr> {
        self.state().dialled.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

fn name(text: &str) -> Domain {
    text.parse().expect("a test names valid domains")
}

fn answer<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    Box::pin(std::future::ready(value))
}

impl Resolver for Net {
    fn mx(&self, domain: &Domain) -> BoxFuture<'static, Result<Vec<Mx>, ResolveError>> {
        let state = self.state();
        let exists = state.addresses.contains_key(domain);
        let unset = if exists { Ok(Vec::new()) } else { Err(ResolveError::NoSuchName) };
        answer(state.mx.get(domain).cloned().unwrap_or(unset))
    }

    fn addresses(&self, host: &Domain) -> BoxFuture<'static, Result<Vec<IpAddr>, ResolveError>> {
        let state = self.state();
        let unset = if state.mx.contains_key(host) { Ok(Vec::new()) } else { Err(ResolveError::NoSuchName) };
        answer(state.addresses.get(host).cloned().unwrap_or(unset))
    }
}

impl Dialer for Net {
    fn dial(&self, to: SocketAddr, _: Option<IpAddr>) -> BoxFuture<'static, Result<Box<dyn Wire>, WireError>> {
        let host = {
            let mut state = self.state();
            state.dialled.push(to);
            state.hosts.get(&to).cloned()
        };
        match host {
            None => answer(Err(WireError("connection refused".into()))),
            Some(Host::Silent) => Box::pin(std::future::pending()),
            Some(Host::Serves(serve)) => {
                let (ours, theirs) = Pipe::pair(to);
                self.1.spawn(serve(theirs));
                answer(Ok(Box::new(ours)))
            }
        }
    }
}

/// Octets that a pipe holds in one direction before the writer waits.
const PIPE_OCTETS: usize = 64 << 10;

/// One end of a connection; dropping it closes both directions.
pub struct Pipe {
    incoming: Arc<Mutex<Direction>>,
    outgoing: Arc<Mutex<Direction>>,
    peer: SocketAddr,
    tls: TlsHere,
}

/// Whether a handshake succeeds at this end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum TlsHere {
    Works,
    Fails,
}

#[derive(Default)]
struct Direction {
    octets: VecDeque<u8>,
    closed: bool,
    tls_fails: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Direction {
    fn wake(&mut self) {
        [self.reader.take(), self.writer.take()].into_iter().flatten().for_each(Waker::wake);
    }
}

impl Pipe {
    fn pair(peer: SocketAddr) -> (Pipe, Pipe) {
        let (a, b) = (Arc::<Mutex<Direction>>::default(), Arc::<Mutex<Direction>>::default());
        let ours = Pipe { incoming: a.clone(), outgoing: b.clone(), peer, tls: TlsHere::Works };
        (ours, Pipe { incoming: b, outgoing: a, peer, tls: TlsHere::Works })
    }

    /// Reads what is there; nothing at the end.
    pub async fn read(&mut self) -> Vec<u8> {
        let mut buffer = [0; 4096];
        let octets = std::future::poll_fn(|cx| self.poll_read(cx, &mut buffer)).await;
        buffer.iter().copied().take(octets.unwrap_or(0)).collect()
    }

    /// Reads up to and including the next LF; `None` when the peer is gone.
    pub async fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            let mut octet = [0];
            match std::future::poll_fn(|cx| self.poll_read(cx, &mut octet)).await {
                Ok(1) => line.extend(octet),
                _ => return None,
            }
            if line.ends_with(b"\n") {
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }

    /// Writes all of `octets`, or as much as the peer is there for.
    pub async fn write(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            match std::future::poll_fn(|cx| self.poll_write(cx, octets)).await {
                Ok(written) => octets = octets.get(written..).unwrap_or_default(),
                Err(_) => return,
            }
        }
    }

    /// Handshakes with the peer will fail.
    pub fn break_tls(&mut self) {
        self.tls = TlsHere::Fails;
        lock(&self.outgoing).tls_fails = true;
    }
}

impl Wire for Pipe {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize, WireError>> {
        let mut incoming = lock(&self.incoming);
        if incoming.octets.is_empty() && !incoming.closed {
            incoming.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let (first, second) = incoming.octets.as_slices();
        let from_first = first.len().min(buffer.len());
        let (to_first, to_second) = buffer.split_at_mut(from_first);
        let from_second = second.len().min(to_second.len());
        to_first.copy_from_slice(first.get(..from_first).unwrap_or_default());
        to_second.iter_mut().zip(second).for_each(|(to, octet)| *to = *octet);
        let octets = from_first + from_second;
        incoming.octets.drain(..octets);
        incoming.wake();
        Poll::Ready(Ok(octets))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<Result<usize, WireError>> {
        let mut outgoing = lock(&self.outgoing);
        if outgoing.closed {
            return Poll::Ready(Err(WireError("the peer is gone".into())));
        }
        let room = PIPE_OCTETS.saturating_sub(outgoing.octets.len());
        if room == 0 {
            outgoing.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let octets = octets.get(..room).unwrap_or(octets);
        outgoing.octets.extend(octets);
        outgoing.wake();
        Poll::Ready(Ok(octets.len()))
    }

    /// No cryptography: the same pipe, if the other end lets it.
    fn start_tls(
        self: Box<Self>,
        _: &Domain,
        verify: Verify,
    ) -> BoxFuture<'static, Result<(Box<dyn Wire>, Tls), WireError>> {
        let fails = self.tls == TlsHere::Fails || lock(&self.incoming).tls_fails || verify == Verify::Name;
        if fails {
            return answer(Err(WireError("the handshake failed".into())));
        }
        let (version, cipher) = ("TLSv1.3".into(), "VIRTUAL".into());
        answer(Ok((self as Box<dyn Wire>, Tls { version, cipher, exporter: None, server_end_point: None })))
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        for direction in [&self.incoming, &self.outgoing] {
            let mut direction = lock(direction);
            direction.closed = true;
            direction.wake();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
