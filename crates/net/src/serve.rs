//! Accepts connections and gives each one a task.

use crate::admission::{Admission, Capacity, Limits, Refused, Ticket};
use crate::drive::{DRAIN_TIMEOUT, Driver, Ended, drive};
use crate::listen::Listener;
use crate::metrics;
use crate::proxy::{ProxyPolicy, read_header};
use crate::runtime::wall_now;
use crate::shutdown::{Begun, Shutdown};
use crate::strain::{self, Strain};
use crate::stream::Stream;
use crate::tls::Acceptor;
use env::{Clock, Conversation};
use futures_util::future::{Either, select};
use model::Moment;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// How long accepting pauses when the system has no file or memory for another connection: some will close meanwhile.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Refusals are told once in this time and counted in between, so that a flood does not fill the log.
const REFUSALS_TOLD_EVERY: Duration = Duration::from_secs(10);

/// Where a listener yields, refusals are a thousand a second: some 4 % of a processor.
const REFUSALS_EVERY: Duration = Duration::from_millis(1);
/// Until the next look whether another one may be taken.
const REFUSALS_PAUSE: Duration = Duration::from_millis(5);
/// Refusals that were not given so long may be given at once: under strain looks are late.
const REFUSALS_SAVED: Duration = Duration::from_millis(50);

/// Where a listener yields, so many may wait in the system's queue: some 50 ms, for whoever is refused shall learn it soon.
const QUEUE: i32 = 256;
/// And so many while refusals are paced.
const QUEUE_SHORT: i32 = 32;
/// It stays short for so long behind the last pause: under strain there is room for one or two more again and again.
const QUEUE_SHORT_FOR: Duration = Duration::from_secs(1);

/// Where a listener yields, so many are let in before those get their turn who are there: as fast as they come there would be
/// thousands before the first look finds that they are too many.
const ENTER_AT_ONCE: u32 = 128;

/// How a listener's connections are protected.
#[derive(Clone)]
pub enum TlsMode {
    /// Not at all.
    None,
    /// From the first octet.
    Implicit(Acceptor),
    /// When the peer asks.
    StartTls(Acceptor),
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address, IPv4 as IPv4; what a trusted proxy said, if one is in front of us; `None` on a Unix socket.
    pub address: Option<SocketAddr>,
    /// What was agreed on before the first octet, on a listener with implicit TLS.
    pub tls: Option<env::Tls>,
    /// The connection's number: unique in this process, and larger than those before the last restart.
    pub session_id: u64,
}

/// Makes the conversation for a peer.
pub type Factory = Arc<dyn Fn(Peer) -> Box<dyn Conversation> + Send + Sync>;

/// Speaks with a peer over its stream to the end. Once the shutdown has begun it has [`DRAIN_TIMEOUT`]; then it is dropped.
pub type Handler = Arc<dyn Fn(Stream, Peer) -> Handled + Send + Sync>;

/// A [`Handler`] at work.
pub type Handled = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What speaks with those who get in.
#[derive(Clone)]
pub enum Speaker {
    /// Conversations, driven by us.
    Conversation(Factory),
    /// Somebody who drives the stream himself, as HTTP does; there is no STARTTLS then.
    Stream(Handler),
}

impl From<Factory> for Speaker {
    fn from(factory: Factory) -> Speaker {
        Speaker::Conversation(factory)
    }
}

impl From<Handler> for Speaker {
    fn from(handler: Handler) -> Speaker {
        Speaker::Stream(handler)
    }
}

/// Says in the listener's protocol, with its line end, why a peer does not get in; a few hundred octets at most, so that
/// nobody has to wait for a peer to take them.
pub type Refusal = Arc<dyn Fn(Refused) -> String + Send + Sync>;

/// What a listener offers.
pub struct Service {
    /// As `smtp`, for events.
    pub name: &'static str,
    /// How connections are protected.
    pub tls: TlsMode,
    /// How many connections this listener keeps.
    pub limits: Limits,
    /// How many the process keeps.
    pub capacity: Capacity,
    /// Nobody gets in beyond the room that this leaves; for those who come again by themselves, as mail servers do. Then, and
    /// when there is no room, few are refused a second, and the others wait in the system's queue: refusing costs time as well.
    pub yields: Option<Strain>,
    /// What speaks with those who get in.
    pub speaker: Speaker,
    /// What a peer is told that does not get in. Nothing is said where TLS comes first.
    pub refusal: Refusal,
    /// Whether every connection begins with a PROXY header.
    pub proxy: Option<ProxyPolicy>,
}

/// What all connections of a listener share that came under one service.
struct House {
    service: Service,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
    admission: Arc<Admission>,
    refusals: Mutex<Refusals>,
}

/// A listener that is served: its service may be exchanged, and it may be closed apart from the others.
pub struct Reception {
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
    house: RwLock<Arc<House>>,
    /// Of services that were exchanged and still have connections.
    before: Mutex<Vec<Arc<Admission>>>,
}

impl Reception {
    /// Whoever connects gets `service`, until `shutdown` begins.
    pub fn new(service: Service, clock: Arc<dyn Clock>, shutdown: Shutdown) -> Arc<Reception> {
        let admission = Admission::new(service.limits, service.capacity.clone());
        let house = RwLock::new(House::new(service, admission, clock.clone(), shutdown.clone()));
        Arc::new(Reception { clock, shutdown, house, before: Mutex::default() })
    }

    /// Whoever connects from now on gets `service`; connections that stand go on as they began. Under other limits they no
    /// longer count.
    pub fn exchange(&self, service: Service) {
        let old = self.house().admission.clone();
        let limits = service.limits;
        let admission =
            if limits == old.limits() { old.clone() } else { Admission::new(limits, service.capacity.clone()) };
        let house = House::new(service, admission, self.clock.clone(), self.shutdown.clone());
        *self.house.write().unwrap_or_else(PoisonError::into_inner) = house;
        if limits != old.limits() {
            let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
            before.retain(|admission| admission.connections() > 0);
            before.push(old);
        }
    }

    fn house(&self) -> Arc<House> {
        self.house.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves `listener` until the shutdown begins; then it is closed at once, and this returns when its connections have
    /// ended, which takes no longer than [`DRAIN_TIMEOUT`] and a moment.
    pub async fn serve(&self, listener: Listener) {
        let begun = self.shutdown.begun();
        let address = listener.address().clone();
        tracing::info!(event = "listener.opened", service = self.house().service.name, %address);
        self.accept_all(&listener, begun).await;
        drop(listener);
        let before = std::mem::take(&mut *self.before.lock().unwrap_or_else(PoisonError::into_inner));
        let house = self.house();
        for admission in before.iter().chain([&house.admission]) {
            admission.emptied().await;
        }
        tracing::info!(event = "listener.closed", service = house.service.name, %address);
    }

    async fn accept_all(&self, listener: &Listener, mut begun: Begun) {
        let (mut exhausted, mut queue) = (false, Queue::default());
        if self.house().service.yields.is_some() {
            listener.resize_queue(QUEUE);
        }
        loop {
            let next = async {
                loop {
                    let house = self.house();
                    let keeps_out = house.keeps_out();
                    queue.follow(keeps_out, listener, self.clock.monotonic());
                    if !keeps_out || house.may_refuse_one() {
                        if house.service.yields.is_some() {
                            queue.turn().await;
                        }
                        break;
                    }
                    drop(house);
                    tokio::time::sleep(REFUSALS_PAUSE).await;
                }
                listener.accept().await
            };
            let accepted = match select(&mut begun, pin!(next)).await {
                Either::Left(_) => return,
                Either::Right((accepted, _)) => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    exhausted = false;
                    enter(&self.house(), stream, peer);
                }
                Err(error) if is_one_connections(&error) => {}
                Err(error) => {
                    if !exhausted {
                        let service = self.house().service.name;
                        tracing::warn!(event = "accept.failed", service, %error, "pausing; are there enough open files?");
                    }
                    exhausted = true;
                    if let Either::Left(_) = select(&mut begun, pin!(tokio::time::sleep(EXHAUSTED_PAUSE))).await {
                        return;
                    }
                }
            }
        }
    }
}

/// What the system keeps for us.
#[derive(Default)]
struct Queue {
    /// Since then nobody was kept out, if it is short.
    short: Option<Moment>,
    /// Taken out of it since those who are there had their turn.
    taken: u32,
}

impl Queue {
    /// Short while those who come are kept out, and a while longer.
    fn follow(&mut self, keeps_out: bool, listener: &Listener, now: Moment) {
        match self.short {
            None if keeps_out => listener.resize_queue(QUEUE_SHORT),
            Some(since) if !keeps_out && now - since >= QUEUE_SHORT_FOR => {
                listener.resize_queue(QUEUE);
                self.short = None;
            }
            _ => {}
        }
        if keeps_out {
            self.short = Some(now);
        }
    }

    /// Waits for those who are there, now and then.
    async fn turn(&mut self) {
        self.taken += 1;
        if self.taken >= ENTER_AT_ONCE {
            self.taken = 0;
            strain::turn().await;
        }
    }
}

/// The peer was gone before it was accepted: the next one may be fine.
fn is_one_connections(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | InvalidInput | NotConnected)
}

/// Gives a connection its task if there is room for it.
fn enter(house: &Arc<House>, stream: Stream, peer: Option<SocketAddr>) {
    let address = peer.map(|peer| peer.ip());
    let admitted = match &house.service.proxy {
        Some(proxy) if !proxy.trusts(address) => {
            house.tell(peer, "not a trusted proxy, and only those may connect here");
            return;
        }
        _ if house.is_strained() => Err(Refused::Strain),
        // Whom the proxy speaks for is not known yet.
        Some(_) => house.admission.seat(),
        None => house.admission.admit(address, house.clock.monotonic()),
    };
    match admitted {
        Ok(ticket) => {
            metrics::CONNECTIONS.add(1, &[house.service.name, "accepted"]);
            drop(tokio::spawn(connection(house.clone(), stream, peer, ticket)));
        }
        Err(refused) => house.refuse(stream, peer, refused),
    }
}

impl House {
    fn new(service: Service, admission: Arc<Admission>, clock: Arc<dyn Clock>, shutdown: Shutdown) -> Arc<House> {
        Arc::new(House { service, clock, shutdown, admission, refusals: Mutex::default() })
    }

    /// Whether those who come are asked to come later.
    fn is_strained(&self) -> bool {
        let connections = self.admission.connections();
        self.service.yields.as_ref().is_some_and(|strain| !strain.has_room(connections))
    }

    /// Whether those who come are refused at a pace, and the others wait in the system's queue.
    fn keeps_out(&self) -> bool {
        self.service.yields.is_some() && (self.is_strained() || !self.admission.has_room())
    }

    /// Whether it is time for another refusal, which then counts.
    fn may_refuse_one(&self) -> bool {
        let now = self.clock.monotonic();
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let due = refusals.due.map_or(now, |due| due.max(now - REFUSALS_SAVED));
        let may = due <= now;
        if may {
            refusals.due = Some(due + REFUSALS_EVERY);
        }
        may
    }

    /// Says why and hangs up. The text fits an empty socket buffer: nobody has to wait.
    fn refuse(&self, stream: Stream, peer: Option<SocketAddr>, refused: Refused) {
        self.tell(peer, refused.reason());
        if matches!(self.service.tls, TlsMode::Implicit(_)) {
            return;
        }
        // A peer that does not even get its refusal has hung up.
        let _ = stream.end_with((self.service.refusal)(refused).as_bytes());
    }

    fn tell(&self, peer: Option<SocketAddr>, reason: &'static str) {
        metrics::CONNECTIONS.add(1, &[self.service.name, "refused"]);
        let now = self.clock.monotonic();
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.told.is_some_and(|told| now - told < REFUSALS_TOLD_EVERY) {
            refusals.untold += 1;
            return;
        }
        let untold = std::mem::take(&mut refusals.untold);
        refusals.told = Some(now);
        drop(refusals);
        tracing::warn!(event = "connection.refused", service = self.service.name, peer = %Shown(peer), reason, untold);
    }
}

/// Refusals since the last one that was told.
#[derive(Default)]
struct Refusals {
    told: Option<Moment>,
    untold: u64,
    /// When another one is due, where that is paced.
    due: Option<Moment>,
}

/// One connection from accept to end.
async fn connection(house: Arc<House>, stream: Stream, peer: Option<SocketAddr>, mut ticket: Ticket) {
    let session_id = next_session_id();
    let service = house.service.name;
    let _open = Open::new(service);
    let announced = match &house.service.proxy {
        None => Some((stream, peer)),
        Some(_) => Box::pin(announced(&house, stream, peer, &mut ticket, session_id)).await,
    };
    let Some((stream, address)) = announced else { return };
    tracing::debug!(event = "connection.opened", session_id, service, peer = %Shown(address));
    let (stream, tls, starttls) = match (&house.service.tls, stream) {
        (TlsMode::Implicit(acceptor), Stream::Tcp(tcp)) => {
            match Box::pin(select(house.shutdown.begun(), pin!(acceptor.accept(tcp)))).await {
                Either::Left(_) => return,
                Either::Right((Ok((stream, tls)), _)) => (Stream::Tls(Box::new(stream)), Some(tls), None),
                Either::Right((Err(error), _)) => {
                    tracing::info!(event = "tls.failed", session_id, service, peer = %Shown(address), %error);
                    return;
                }
            }
        }
        (TlsMode::StartTls(acceptor), stream) => (stream, None, Some(acceptor.clone())),
        (_, stream) => (stream, None, None),
    };
    let peer = Peer { address, tls, session_id };
    let ended = match &house.service.speaker {
        Speaker::Conversation(factory) => {
            let driver =
                Driver { clock: house.clock.clone(), starttls, shutdown: house.shutdown.clone(), session_id, service };
            drive(stream, factory(peer), driver).await
        }
        Speaker::Stream(handler) => Box::pin(handled(handler(stream, peer), house.shutdown.begun())).await,
    };
    tracing::debug!(event = "connection.closed", session_id, service, ended = ?ended);
    drop(ticket);
}

/// A connection in the figures.
struct Open(&'static str);

impl Open {
    fn new(service: &'static str) -> Open {
        metrics::CONNECTIONS_OPEN.change(1.0, &[service]);
        Open(service)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::CONNECTIONS_OPEN.change(-1.0, &[self.0]);
    }
}

/// A handler's connection to its end, or as long as there is time once we stop.
async fn handled(handled: Handled, begun: Begun) -> Ended {
    let overdue = async {
        begun.await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    match select(handled, pin!(overdue)).await {
        Either::Left(_) => Ended::Closed,
        Either::Right(_) => Ended::Stopped,
    }
}

/// Reads the PROXY header and counts the connection for whom the proxy speaks; `None` if it ends here.
async fn announced(
    house: &House,
    mut stream: Stream,
    peer: Option<SocketAddr>,
    ticket: &mut Ticket,
    session_id: u64,
) -> Option<(Stream, Option<SocketAddr>)> {
    let header = match select(house.shutdown.begun(), pin!(read_header(&mut stream))).await {
        Either::Left(_) => return None,
        Either::Right((header, _)) => header,
    };
    let address = match header {
        Ok(announced) => announced.or(peer),
        Err(error) => {
            let service = house.service.name;
            tracing::warn!(event = "proxy.failed", session_id, service, peer = %Shown(peer), %error);
            return None;
        }
    };
    match ticket.count(address.map(|address| address.ip()), house.clock.monotonic()) {
        Ok(()) => Some((stream, address)),
        Err(refused) => {
            house.refuse(stream, address, refused);
            None
        }
    }
}

/// Numbers start at the time of the start in steps of a millionth of a second, so that they grow over restarts too.
fn next_session_id() -> u64 {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(wall_now().unix_ms().unsigned_abs() * 1000));
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A peer in an event.
struct Shown(Option<SocketAddr>);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("unix"),
        }
    }
}
