//! What a peer sees, over real sockets on loopback.

use crate::runtime::TokioEnv;
use crate::*;
use env::{Conversation, Next, Tls};
use model::Moment;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;

const OUTPUT_MAX: usize = 16 * 1024;
const HOUR: Duration = Duration::from_secs(3600);

/// Answers lines with themselves, and a few with something else.
struct Echo {
    world: Arc<World>,
    line: Vec<u8>,
    output: Vec<u8>,
    next: Next,
    held: bool,
    /// Octets of `BIG` still to come.
    big: usize,
    ended: bool,
    deadline: Moment,
}

/// What the test sees of the conversations, and holds them with.
struct World {
    waker: Mutex<Option<Waker>>,
    released: AtomicBool,
    hang_ups: AtomicUsize,
    advances: AtomicUsize,
    rests: AtomicUsize,
    pieces: AtomicUsize,
    patience: Duration,
}

impl World {
    fn release(&self) {
        self.released.store(true, SeqCst);
        self.waker.lock().unwrap().take().unwrap().wake();
    }
}

impl Echo {
    fn new(world: Arc<World>, greeting: &str) -> Echo {
        let deadline = Moment(world.patience);
        let (next, output) = (Next::Continue, greeting.as_bytes().to_vec());
        Echo { world, line: Vec::new(), output, next, held: false, big: 0, ended: false, deadline }
    }

    fn execute(&mut self) {
        let line = std::mem::take(&mut self.line);
        match line.split(|octet| *octet == b' ').collect::<Vec<_>>().as_slice() {
            [b"QUIT\n"] => (self.next, self.output) = (Next::Close, [&self.output[..], b"bye\n"].concat()),
            [b"STARTTLS\n"] => (self.next, self.output) = (Next::StartTls, [&self.output[..], b"go\n"].concat()),
            [b"HOLD\n"] => self.held = true,
            [b"BIG", octets] => self.big = std::str::from_utf8(octets).unwrap().trim().parse().unwrap(),
            _ => self.output.extend(line),
        }
    }
}

impl Conversation for Echo {
    fn receive(&mut self, input: &[u8], _now: Moment) -> usize {
        let mut taken = 0;
        for octet in input {
            if self.held || self.big > 0 || self.output.len() >= OUTPUT_MAX || self.next != Next::Continue {
                break;
            }
            self.line.push(*octet);
            taken += 1;
            if *octet == b'\n' {
                self.execute();
            }
        }
        taken
    }

    fn input_ended(&mut self, _now: Moment) {
        self.world.hang_ups.fetch_add(1, SeqCst);
        self.ended = true;
    }

    fn advance(&mut self, cx: &mut Context<'_>, _now: Moment) {
        self.world.advances.fetch_add(1, SeqCst);
        if self.held {
            *self.world.waker.lock().unwrap() = Some(cx.waker().clone());
            self.held = !self.world.released.load(SeqCst);
        }
        let octets = self.big.min(OUTPUT_MAX.saturating_sub(self.output.len()));
        self.output.extend(std::iter::repeat_n(b'x', octets));
        self.big -= octets;
        if self.ended && !self.held && self.big == 0 {
            self.next = Next::Close;
        }
    }

    fn output(&self) -> &[u8] {
        &self.output
    }

    fn sent(&mut self, octets: usize) {
        self.world.pieces.fetch_add(1, SeqCst);
        self.output.drain(..octets);
    }

    fn deadline(&self) -> Option<Moment> {
        (!self.held).then_some(self.deadline)
    }

    fn expire(&mut self, _now: Moment) {
        self.output.extend(b"late\n");
        self.next = Next::Close;
    }

    fn stop(&mut self, _now: Moment) {
        if !self.held {
            self.output.extend(b"stop\n");
            self.next = Next::Close;
        }
    }

    fn next(&self) -> Next {
        self.next
    }

    fn secured(self: Box<Self>, tls: Tls, _now: Moment) -> Box<dyn Conversation> {
        Box::new(Echo::new(self.world.clone(), &format!("secured {} {}\n", tls.version, tls.cipher)))
    }

    fn rest(&mut self) {
        self.world.rests.fetch_add(1, SeqCst);
        self.output.shrink_to_fit();
    }
}

/// A server with that conversation.
struct Server {
    address: ListenAddress,
    world: Arc<World>,
    capacity: Capacity,
    shutdown: Shutdown,
    reception: Arc<Reception>,
    served: JoinHandle<()>,
}

struct Setting {
    tls: TlsMode,
    connections_max: usize,
    patience: Duration,
    address: ListenAddress,
    proxy: Option<ProxyPolicy>,
    yields: Option<Strain>,
}

/// What holds for those who do not come from loopback.
const STRICT: Limits = Limits { connections_max: 0, per_address_max: 1, per_network_max: 2, per_address_per_minute: 2 };

impl Default for Setting {
    fn default() -> Setting {
        let address = ListenAddress::Tcp(([127, 0, 0, 1], 0).into());
        Setting { tls: TlsMode::None, connections_max: 2_000, patience: 100 * HOUR, address, proxy: None, yields: None }
    }
}

fn service(
    tls: TlsMode,
    connections_max: usize,
    capacity: &Capacity,
    factory: Factory,
    proxy: Option<ProxyPolicy>,
) -> Service {
    let limits = Limits { connections_max, ..STRICT };
    let refusal: Refusal = Arc::new(|reason| format!("full: {reason}\n"));
    Service {
        name: "echo",
        tls,
        limits,
        capacity: capacity.clone(),
        yields: None,
        speaker: factory.into(),
        refusal,
        proxy,
    }
}

impl Server {
    async fn start(setting: Setting) -> Server {
        let world = Arc::new(World {
            waker: Mutex::default(),
            released: AtomicBool::new(false),
            hang_ups: AtomicUsize::new(0),
            advances: AtomicUsize::new(0),
            rests: AtomicUsize::new(0),
            pieces: AtomicUsize::new(0),
            patience: setting.patience,
        });
        let listener = Listener::bind(&setting.address).await.unwrap();
        let (address, capacity, shutdown) = (listener.address().clone(), Capacity::new(10_000), Shutdown::new());
        let for_factory = world.clone();
        let factory: Factory = Arc::new(move |peer: Peer| {
            let greeting = peer.tls.map_or("hello\n".to_owned(), |tls| format!("hello {}\n", tls.version));
            Box::new(Echo::new(for_factory.clone(), &greeting)) as Box<dyn Conversation>
        });
        let service = service(setting.tls, setting.connections_max, &capacity, factory, setting.proxy);
        let service = Service { yields: setting.yields, ..service };
        let clock = TokioEnv::new().unwrap().env().clock;
        let reception = Reception::new(service, clock, shutdown.clone());
        let serving = reception.clone();
        let served = tokio::spawn(async move { serving.serve(listener).await });
        Server { address, world, capacity, shutdown, reception, served }
    }

    fn tcp(&self) -> SocketAddr {
        match &self.address {
            ListenAddress::Tcp(address) => *address,
            ListenAddress::Unix(path) => panic!("{path:?} is no TCP address"),
        }
    }

    /// A client that was greeted.
    async fn connect(&self) -> TcpStream {
        let mut client = TcpStream::connect(self.tcp()).await.unwrap();
        expect(&mut client, "hello\n").await;
        client
    }

    async fn until_empty(&self) {
        while self.capacity.open() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

async fn expect(stream: &mut (impl AsyncRead + Unpin), text: &str) {
    let mut got = vec![0; text.len()];
    stream.read_exact(&mut got).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&got), text);
}

async fn expect_end(stream: &mut (impl AsyncRead + Unpin)) {
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "");
}

async fn talk(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), say: &str, hear: &str) {
    stream.write_all(say.as_bytes()).await.unwrap();
    expect(stream, hear).await;
}

#[tokio::test]
async fn lines_in_any_pieces_are_answered_in_order() {
    let server = Server::start(Setting::default()).await;
    let mut client = server.connect().await;
    talk(&mut client, "one\ntwo\nthr", "one\ntwo\n").await;
    for octet in "ee\n".chars() {
        talk(&mut client, &octet.to_string(), "").await;
    }
    expect(&mut client, "three\n").await;
    talk(&mut client, "QUIT\nnever read\n", "bye\n").await;
    expect_end(&mut client).await;
}

#[tokio::test]
async fn what_was_asked_together_is_answered_in_one_piece() {
    let server = Server::start(Setting::default()).await;
    let mut client = server.connect().await;
    let before = server.world.pieces.load(SeqCst);
    talk(&mut client, "BIG 1\nBIG 2\nBIG 3\n", "xxxxxx").await;
    assert_eq!(server.world.pieces.load(SeqCst), before + 1);
    // Nothing is kept back for a command that takes its time.
    talk(&mut client, "BIG 2\nHOLD\nBIG 3\n", "xx").await;
    server.world.release();
    expect(&mut client, "xxx").await;
    talk(&mut client, "BIG 1\nQUIT\nBIG 1\n", "xbye\n").await;
    expect_end(&mut client).await;
}

#[tokio::test]
async fn what_was_sent_before_half_closing_is_answered() {
    let server = Server::start(Setting::default()).await;
    let mut client = server.connect().await;
    let lines = "a line\n".repeat(20_000);
    let (mut read, mut write) = client.split();
    let send = async {
        write.write_all(lines.as_bytes()).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let mut got = String::new();
    let (_, received) = tokio::join!(send, read.read_to_string(&mut got));
    received.unwrap();
    assert_eq!(got, lines);
    assert_eq!(server.world.hang_ups.load(SeqCst), 1);
}

#[tokio::test]
async fn a_held_conversation_holds_the_peer_and_then_gets_everything() {
    let server = Server::start(Setting::default()).await;
    let (mut read, mut write) = server.connect().await.into_split();
    let lines = "a line\n".repeat(100_000);
    let sent = lines.clone();
    let sender = tokio::spawn(async move {
        write.write_all(b"HOLD\n").await.unwrap();
        write.write_all(sent.as_bytes()).await.unwrap();
        write
    });
    while server.world.waker.lock().unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    server.world.release();
    expect(&mut read, &lines).await;
    drop(sender.await.unwrap());
    expect_end(&mut read).await;
}

#[tokio::test]
async fn a_hang_up_is_seen_while_a_command_runs() {
    let server = Server::start(Setting::default()).await;
    let mut client = server.connect().await;
    client.write_all(b"HOLD\n").await.unwrap();
    client.shutdown().await.unwrap();
    while server.world.hang_ups.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    server.world.release();
    expect_end(&mut client).await;
}

#[tokio::test]
async fn a_slow_reader_gets_all_of_a_large_answer() {
    let server = Server::start(Setting::default()).await;
    let mut client = server.connect().await;
    client.write_all(b"BIG 10000000\nafter\nQUIT\n").await.unwrap();
    let (mut piece, mut total) = ([0; 1000], 0);
    while total < 10_000_000 {
        let octets = client.read(&mut piece[..1000.min(10_000_000 - total)]).await.unwrap();
        assert!(octets > 0 && piece[..octets].iter().all(|octet| *octet == b'x'));
        total += octets;
    }
    expect(&mut client, "after\nbye\n").await;
    expect_end(&mut client).await;
}

#[tokio::test]
async fn the_deadline_ends_a_silent_session() {
    let server = Server::start(Setting { patience: Duration::from_millis(20), ..Setting::default() }).await;
    let mut client = server.connect().await;
    expect(&mut client, "late\n").await;
    expect_end(&mut client).await;
}

#[tokio::test]
async fn the_last_reply_arrives_though_its_reader_still_writes() {
    let server = Server::start(Setting::default()).await;
    let mut client = server.connect().await;
    client.write_all(b"QUIT\n").await.unwrap();
    client.write_all(&vec![b'z'; 512 * 1024]).await.unwrap();
    expect(&mut client, "bye\n").await;
    expect_end(&mut client).await;
}

#[tokio::test]
async fn an_idle_connection_does_nothing() {
    let server = Server::start(Setting::default()).await;
    let mut client = server.connect().await;
    let before = server.world.advances.load(SeqCst);
    for _ in 0..10 {
        talk(&mut client, "hello?\n", "hello?\n").await;
    }
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    // Per line: woken, taken, written, waiting again.
    assert!(server.world.advances.load(SeqCst) - before <= 10 * 4);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_connection_rests_once_and_again_after_a_line() {
    let server = Server::start(Setting { patience: 1000 * HOUR, ..Setting::default() }).await;
    let mut client = server.connect().await;
    tokio::time::sleep(HOUR / 2).await;
    assert_eq!(server.world.rests.load(SeqCst), 1);
    talk(&mut client, "hello?\n", "hello?\n").await;
    tokio::time::sleep(HOUR / 4).await;
    assert_eq!(server.world.rests.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_dropped() {
    let server = Server::start(Setting::default()).await;
    let mut client = server.connect().await;
    client.write_all(b"BIG 100000000\n").await.unwrap();
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(server.capacity.open(), 1);
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert_eq!(server.capacity.open(), 0);
}

#[tokio::test]
async fn who_does_not_fit_is_told_so() {
    let server = Server::start(Setting { connections_max: 2, ..Setting::default() }).await;
    let places = [server.connect().await, server.connect().await];
    let mut third = TcpStream::connect(server.tcp()).await.unwrap();
    expect(&mut third, "full: Too many connections\n").await;
    expect_end(&mut third).await;
    drop(places);
    server.until_empty().await;
    talk(&mut server.connect().await, "in\n", "in\n").await;
}

#[tokio::test]
async fn each_of_many_who_come_at_once_is_told() {
    let strain = Strain::default();
    let server = Server::start(Setting { yields: Some(strain.clone()), ..Setting::default() }).await;
    let _inside = server.connect().await;
    (0..3).for_each(|_| strain.note(HOUR, 1));
    for _ in 0..20 {
        // Nobody is looked at before all are there: this runtime has one thread.
        let all: Vec<_> = (0..25).map(|_| std::net::TcpStream::connect(server.tcp()).unwrap()).collect();
        for one in all {
            one.set_nonblocking(true).unwrap();
            expect(&mut TcpStream::from_std(one).unwrap(), "full: Too much to do\n").await;
        }
    }
}

#[tokio::test]
async fn who_comes_while_there_is_too_much_to_do_is_asked_to_come_later() {
    let strain = Strain::default();
    let server = Server::start(Setting { yields: Some(strain.clone()), ..Setting::default() }).await;
    let mut inside = server.connect().await;
    (0..3).for_each(|_| strain.note(HOUR, 1));
    // However many come: few are refused at once, and all in the end.
    for _ in 0..20 {
        let mut next = TcpStream::connect(server.tcp()).await.unwrap();
        expect(&mut next, "full: Too much to do\n").await;
        expect_end(&mut next).await;
    }
    talk(&mut inside, "in\n", "in\n").await;
    strain.note(Duration::ZERO, 1);
    talk(&mut server.connect().await, "in\n", "in\n").await;
}

/// A server behind a proxy that is trusted.
async fn proxied(tls: TlsMode) -> Server {
    let trusted = vec!["127.0.0.0/8".parse().unwrap()];
    Server::start(Setting { tls, proxy: Some(ProxyPolicy { trusted }), ..Setting::default() }).await
}

#[tokio::test]
async fn limits_are_for_those_whom_a_proxy_speaks_for() {
    let server = proxied(TlsMode::None).await;
    let connect = async |header: &str, greeting: &str| {
        let mut client = TcpStream::connect(server.tcp()).await.unwrap();
        client.write_all(header.as_bytes()).await.unwrap();
        expect(&mut client, greeting).await;
        client
    };
    let from = |address: &str| format!("PROXY TCP4 {address} 198.51.100.1 1234 25\r\n");
    let first = connect(&from("192.0.2.1"), "hello\n").await;
    connect(&from("192.0.2.1"), "full: Too many connections from 192.0.2.1 (1 at once allowed)\n").await;
    let _second = connect(&from("192.0.2.2"), "hello\n").await;
    connect(&from("192.0.2.3"), "full: Too many connections from 192.0.2.0/24 (2 at once allowed)\n").await;
    drop(first);
    let _itself = [connect("PROXY UNKNOWN\r\n", "hello\n").await, connect("PROXY UNKNOWN\r\n", "hello\n").await];
    // What comes with the header is the protocol's.
    let mut hasty = connect(&format!("{}one\ntwo\n", from("192.0.3.1")), "hello\none\ntwo\n").await;
    talk(&mut hasty, "QUIT\n", "bye\n").await;
    let mut rude = TcpStream::connect(server.tcp()).await.unwrap();
    rude.write_all(b"EHLO client.demo.test\r\n").await.unwrap();
    let mut answer = Vec::new();
    // An end or a reset, never a greeting.
    let _ = rude.read_to_end(&mut answer).await;
    assert_eq!(answer, b"");
}

#[tokio::test]
async fn strangers_do_not_get_past_the_proxy() {
    let trusted = vec!["192.0.2.0/24".parse().unwrap()];
    let server = Server::start(Setting { proxy: Some(ProxyPolicy { trusted }), ..Setting::default() }).await;
    let mut client = TcpStream::connect(server.tcp()).await.unwrap();
    expect_end(&mut client).await;
    assert_eq!(server.capacity.open(), 0);
}

#[tokio::test]
async fn a_thousand_idle_connections_come_and_go() {
    let server = Server::start(Setting::default()).await;
    let mut clients = Vec::new();
    for _ in 0..1000 {
        clients.push(server.connect().await);
    }
    assert_eq!(server.capacity.open(), 1000);
    for client in &mut clients {
        talk(client, "still here?\n", "still here?\n").await;
    }
    drop(clients);
    server.until_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_talk_at_once_and_none_is_forgotten() {
    let server = Arc::new(Server::start(Setting::default()).await);
    let talks = (0..50).map(|client| {
        let server = server.clone();
        tokio::spawn(async move {
            let mut stream = server.connect().await;
            for turn in 0..100 {
                // From one octet to several buffers' worth, so that writing waits too.
                let line = format!("{client} {turn} {}\n", "y".repeat(turn * turn * 5));
                let (mut read, mut write) = stream.split();
                let (sent, ()) = tokio::join!(write.write_all(line.as_bytes()), expect(&mut read, &line));
                sent.unwrap();
            }
            talk(&mut stream, "QUIT\n", "bye\n").await;
            expect_end(&mut stream).await;
        })
    });
    for talk in talks.collect::<Vec<_>>() {
        talk.await.unwrap();
    }
    server.until_empty().await;
}

#[tokio::test]
async fn stopping_says_farewell_and_waits_for_the_busy() {
    let server = Server::start(Setting::default()).await;
    let (mut idle, mut busy) = (server.connect().await, server.connect().await);
    busy.write_all(b"HOLD\n").await.unwrap();
    while server.world.waker.lock().unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    server.shutdown.begin();
    expect(&mut idle, "stop\n").await;
    expect_end(&mut idle).await;
    assert!(TcpStream::connect(server.tcp()).await.is_err());
    drop(idle);
    server.world.release();
    expect(&mut busy, "stop\n").await;
    expect_end(&mut busy).await;
    drop(busy);
    server.served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_ever() {
    let server = Server::start(Setting::default()).await;
    let mut busy = server.connect().await;
    busy.write_all(b"HOLD\n").await.unwrap();
    while server.world.waker.lock().unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    server.shutdown.begin();
    server.served.await.unwrap();
    expect_end(&mut busy).await;
}

#[tokio::test]
async fn a_taken_port_is_replaced_by_a_free_one() {
    let first = Listener::bind_or_free(([127, 0, 0, 1], 0).into()).await.unwrap();
    let ListenAddress::Tcp(taken) = *first.address() else { panic!() };
    let second = Listener::bind_or_free(taken).await.unwrap();
    assert_ne!(first.address(), second.address());
    let refused = Listener::bind(&ListenAddress::Tcp(taken)).await.err().unwrap().to_string();
    assert!(refused.contains("stop it, or choose another address"), "{refused}");
}

#[tokio::test]
async fn a_unix_socket_replaces_a_stale_one_and_leaves_with_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let address = ListenAddress::Unix(path.clone());
    let server = Server::start(Setting { address: address.clone(), ..Setting::default() }).await;
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o660);
    let mut client = UnixStream::connect(&path).await.unwrap();
    expect(&mut client, "hello\n").await;
    assert!(Listener::bind(&address).await.is_err(), "one that answers stays");
    talk(&mut client, "x\nQUIT\n", "x\nbye\n").await;
    expect_end(&mut client).await;
    drop(client);
    server.shutdown.begin();
    server.served.await.unwrap();
    assert!(!path.exists());
    std::fs::write(&path, "no socket").unwrap();
    assert!(Listener::bind(&address).await.is_err());
    assert!(path.exists());
}

#[tokio::test]
async fn a_socket_that_somebody_else_bound_is_served() {
    use std::os::fd::OwnedFd;
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = ListenAddress::Tcp(tcp.local_addr().unwrap());
    assert_eq!(*Listener::from_fd(tcp.into()).unwrap().address(), address);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let unix = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let listener = Listener::from_fd(unix.into()).unwrap();
    assert_eq!(*listener.address(), ListenAddress::Unix(path.clone()));
    let (accepted, connected) = tokio::join!(listener.accept(), UnixStream::connect(&path));
    assert!(accepted.is_ok() && connected.is_ok());
    drop(listener);
    assert!(path.exists(), "the file belongs to whoever bound it");
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let file: OwnedFd = std::fs::File::open("/dev/null").unwrap().into();
    for other in [udp.into(), file] {
        let refused = Listener::from_fd(other).err().unwrap().to_string();
        assert!(refused.contains("has to be a listening TCP or Unix stream socket"), "{refused}");
    }
}

mod secured {
    use super::*;
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::aws_lc_rs;
    use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
    use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    /// Believes every server.
    #[derive(Debug)]
    struct Credulous;

    impl ServerCertVerifier for Credulous {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
        }
    }

    async fn handshake(tcp: TcpStream, version: &'static rustls::SupportedProtocolVersion) -> TlsStream<TcpStream> {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Credulous))
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
    }

    fn acceptor() -> Acceptor {
        tls::load_or_create(tempfile::tempdir().unwrap().path(), &["mail.demo.test"]).unwrap()
    }

    #[tokio::test]
    async fn nothing_said_in_the_clear_is_read_after_starttls() {
        let server = Server::start(Setting { tls: TlsMode::StartTls(acceptor()), ..Setting::default() }).await;
        let mut client = server.connect().await;
        talk(&mut client, "STARTTLS\ninjected\n", "go\n").await;
        let mut client = handshake(client, &rustls::version::TLS13).await;
        expect(&mut client, "secured TLSv1.3 TLS13_AES_256_GCM_SHA384\n").await;
        talk(&mut client, "x\nQUIT\n", "x\nbye\n").await;
        expect_end(&mut client).await;
    }

    #[tokio::test]
    async fn tls_from_the_first_octet_carries_large_answers() {
        let server = Server::start(Setting { tls: TlsMode::Implicit(acceptor()), ..Setting::default() }).await;
        let tcp = TcpStream::connect(server.tcp()).await.unwrap();
        let mut client = handshake(tcp, &rustls::version::TLS12).await;
        expect(&mut client, "hello TLSv1.2\n").await;
        talk(&mut client, "BIG 3000000\nafter\n", &"x".repeat(3_000_000)).await;
        expect(&mut client, "after\n").await;
        let lines = "a line\n".repeat(50_000);
        let (mut read, mut write) = tokio::io::split(client);
        let (sent, ()) = tokio::join!(write.write_all(lines.as_bytes()), expect(&mut read, &lines));
        sent.unwrap();
        // Hanging up without close_notify is a hang-up like any other.
        drop((read, write));
        server.until_empty().await;
        assert_eq!(server.world.hang_ups.load(SeqCst), 1);
    }

    #[tokio::test]
    async fn a_proxy_speaks_before_tls() {
        let server = proxied(TlsMode::Implicit(acceptor())).await;
        let mut client = TcpStream::connect(server.tcp()).await.unwrap();
        client
            .write_all(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\x04\xd2\x03\xe1")
            .await
            .unwrap();
        let mut client = handshake(client, &rustls::version::TLS13).await;
        expect(&mut client, "hello TLSv1.3\n").await;
        // One connection per address.
        let mut second = TcpStream::connect(server.tcp()).await.unwrap();
        second.write_all(b"PROXY TCP4 192.0.2.1 198.51.100.1 1234 993\r\n").await.unwrap();
        expect_end(&mut second).await;
        talk(&mut client, "x\nQUIT\n", "x\nbye\n").await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_gets_the_stream_inside_of_tls_and_ends_in_time() {
        let server = Server::start(Setting { tls: TlsMode::Implicit(acceptor()), ..Setting::default() }).await;
        let handler: Handler = Arc::new(|mut stream, peer: Peer| {
            Box::pin(async move {
                let hello = format!("hello {}\n", peer.tls.unwrap().version);
                stream.write_all(hello.as_bytes()).await.unwrap();
                // It never ends on its own.
                std::future::pending().await
            })
        });
        let unused: Factory = Arc::new(|_| panic!("nobody converses"));
        let like = service(TlsMode::Implicit(acceptor()), 2, &server.capacity, unused, None);
        server.reception.exchange(Service { speaker: handler.into(), ..like });
        let mut client = handshake(TcpStream::connect(server.tcp()).await.unwrap(), &rustls::version::TLS13).await;
        expect(&mut client, "hello TLSv1.3\n").await;
        server.shutdown.begin();
        server.served.await.unwrap();
        assert_eq!(server.capacity.open(), 0);
    }

    #[tokio::test]
    async fn a_peer_that_speaks_no_tls_is_let_go() {
        let server = Server::start(Setting { tls: TlsMode::Implicit(acceptor()), ..Setting::default() }).await;
        let mut client = TcpStream::connect(server.tcp()).await.unwrap();
        client.write_all(b"EHLO client.demo.test\r\n").await.unwrap();
        let mut answer = Vec::new();
        // Some alert, or a reset because we read no further; never an answer in the clear.
        let _ = client.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"hello"));
        server.until_empty().await;
    }

    #[test]
    fn a_certificate_is_made_once_and_its_faults_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["mail.demo.test", "192.0.2.1"];
        assert!(tls::load_or_create(folder.path(), &names).is_ok());
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let first = std::fs::read(&cert).unwrap();
        assert!(tls::load_or_create(folder.path(), &names).is_ok());
        assert_eq!(std::fs::read(&cert).unwrap(), first);
        // The power went between the two names.
        std::fs::rename(&cert, folder.path().join("cert.pem.new")).unwrap();
        assert!(tls::load_or_create(folder.path(), &names).is_ok());
        assert_eq!(std::fs::read(&cert).unwrap(), first);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&key).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);

        let check = |expected: &str| {
            let error = tls::load_or_create(folder.path(), &names).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        };
        std::fs::write(&key, tls::self_signed(&names).unwrap().key).unwrap();
        check("the key has to belong to the first certificate");
        std::fs::write(&key, "junk").unwrap();
        check("key.pem holds no private key in PEM form");
        std::fs::write(&cert, "").unwrap();
        check("cert.pem holds no certificate in PEM form");
        std::fs::remove_file(&key).unwrap();
        check("key.pem is missing");
    }
}

/// The measure of an idle connection: its task's future; the timer, the listener for the signal and a place in the
/// tables are a few hundred octets more.
#[tokio::test]
async fn an_idle_connection_is_small() {
    let server = Server::start(Setting::default()).await;
    let client = TcpStream::connect(server.tcp()).await.unwrap();
    let driver = Driver {
        clock: TokioEnv::new().unwrap().env().clock,
        starttls: None,
        shutdown: Shutdown::new(),
        session_id: 1,
        service: "echo",
    };
    let conversation = Box::new(Echo::new(server.world.clone(), ""));
    let driven = drive(Stream::Tcp(client), conversation, driver);
    let octets = size_of_val(&driven);
    println!("drive: {octets} octets");
    assert!(octets <= 1024, "{octets} octets");
}

#[tokio::test]
async fn a_service_is_exchanged_under_those_who_are_there() {
    let server = Server::start(Setting::default()).await;
    let mut old = server.connect().await;
    let world = server.world.clone();
    let factory: Factory = Arc::new(move |_| Box::new(Echo::new(world.clone(), "welcome\n")));
    server.reception.exchange(service(TlsMode::None, 1, &server.capacity, factory, None));
    let mut new = TcpStream::connect(server.tcp()).await.unwrap();
    expect(&mut new, "welcome\n").await;
    talk(&mut old, "still here\n", "still here\n").await;
    let mut beyond = TcpStream::connect(server.tcp()).await.unwrap();
    expect(&mut beyond, "full: Too many connections\n").await;
    // Its end waits for those who came under either.
    server.shutdown.begin();
    server.served.await.unwrap();
    assert_eq!(server.capacity.open(), 0);
}
