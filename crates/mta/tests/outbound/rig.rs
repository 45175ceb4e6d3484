//! A server of `example.test` (anna, ben; aliases as a test adds them) in a world of its own, which can crash and start again.

use crate::peer::{Book, Peer, Taken};
use directory::{AccountSpec, Credential, Directory, DirectorySpec};
use env::virtual_net::Net;
use env::virtual_world::{Group, World};
use env::{Clock, Env, Mx};
use mailstore::{INBOX_ID, Mailstore};
use model::{Domain, ForwardPath, QueueId, ReversePath, SeqNum};
use mta::trace::{TraceEvent, TraceRecord};
use mta::{
    BodiesInFlight, Envelope, Hop, Incoming, Origin, Post, Queue, QueuePolicy, Recipient, Transport, TransportPolicy,
};
use smtp::extension::dsn::{Notify, OriginalRecipient};
use smtp::extension::{MailParams, RcptParams};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use store::memory::{MemoryBlobs, MemoryStore};

pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(24 * 3600);

pub struct Rig {
    pub world: World,
    pub net: Net,
    pub book: Book,
    pub store: MemoryStore,
    pub blobs: Arc<MemoryBlobs>,
    pub routes: TransportPolicy,
    pub policy: QueuePolicy,
    life: Group,
    running: Option<Arc<Post>>,
}

/// What is sent.
#[derive(Clone)]
pub struct Mail {
    pub from: &'static str,
    pub to: Vec<(String, RcptParams)>,
    pub params: MailParams,
    pub octets: Vec<u8>,
}

pub const TEXT: &str = "From: anna@example.test\r\nSubject: hello\r\nMessage-ID: <1@example.test>\r\n\r\nHello.\r\n";

pub fn mail(to: &[&str]) -> Mail {
    let to = to.iter().map(|to| ((*to).to_owned(), RcptParams::default())).collect();
    Mail { from: "anna@example.test", to, params: MailParams::default(), octets: TEXT.into() }
}

impl Mail {
    pub fn from(self, from: &'static str) -> Mail {
        Mail { from, ..self }
    }

    pub fn octets(self, octets: &[u8]) -> Mail {
        Mail { octets: octets.to_vec(), ..self }
    }

    pub fn notify(mut self, notify: Option<Notify>) -> Mail {
        self.to.iter_mut().for_each(|(_, params)| params.notify = notify);
        self
    }

    pub fn original(mut self, kind: &str, address: &str) -> Mail {
        let original = OriginalRecipient { kind: kind.into(), address: address.into() };
        self.to.iter_mut().for_each(|(_, params)| params.original = Some(original.clone()));
        self
    }
}

impl Rig {
    /// With everything as it is by default.
    pub fn new() -> Rig {
        Rig::configured(|_, _| {})
    }

    pub fn configured(change: impl FnOnce(&mut TransportPolicy, &mut QueuePolicy)) -> Rig {
        Rig::on(MemoryStore::new(), 1, change)
    }

    pub fn on(store: MemoryStore, seed: u64, change: impl FnOnce(&mut TransportPolicy, &mut QueuePolicy)) -> Rig {
        let world = World::new(seed);
        let host = Domain::new("mx.example.test").unwrap();
        let (mut routes, mut policy) = (TransportPolicy::new(host.clone()), QueuePolicy::new(host));
        change(&mut routes, &mut policy);
        let net = Net::new(world.env().spawn);
        let life = world.group();
        let (book, blobs) = (Book::default(), Arc::new(MemoryBlobs::new()));
        let mut rig = Rig { world, net, book, store, blobs, routes, policy, life, running: None };
        rig.start();
        rig
    }

    /// A process begins to live.
    fn start(&mut self) {
        self.life = self.world.group();
        let env = Env { spawn: Arc::new(self.life.clone()), ..self.world.env() };
        let store: Arc<dyn store::Store> = Arc::new(self.store.clone());
        let mailstore = Mailstore::new(store.clone(), self.blobs.clone(), env.spawn.clone(), env.clock.clone());
        let mut spec = DirectorySpec::new(vec![Domain::new("example.test").unwrap()]);
        for name in ["anna", "ben"] {
            let address = format!("{name}@example.test").parse().unwrap();
            spec.accounts.push(AccountSpec::new(address, Credential::Clear(name.into())));
        }
        let world = self.world.clone();
        let open = Directory::open(store.clone(), env.spawn.clone(), env.clock.clone(), &world, spec);
        let directory = Arc::new(self.block_on(open).unwrap());
        let net = Arc::new(self.net.clone());
        let relay = Transport::new(net.clone(), net, &env, self.routes.clone());
        let queue = Queue::new((store, mailstore.clone(), directory.clone()), relay, &env, self.policy.clone());
        self.block_on(queue.resume()).unwrap();
        let in_flight = BodiesInFlight::new(64 << 20);
        self.running = Some(Arc::new(Post { mailstore, directory, queue, in_flight, clock: env.clock }));
    }

    /// The power goes; of what waited to be written `kept` commits are there. Then the server starts again.
    pub fn crash(&mut self, kept: usize) {
        self.end(kept);
        self.start();
    }

    /// The power goes, and comes back after so long.
    pub fn off_for(&mut self, span: Duration) {
        self.end(usize::MAX);
        self.world.pass(span);
        self.start();
    }

    fn end(&mut self, kept: usize) {
        self.life.end();
        self.running = None;
        self.store.crash_keeping(kept);
        self.world.run_until_stalled();
    }

    pub fn post(&self) -> Arc<Post> {
        self.running.clone().unwrap()
    }

    pub fn queue(&self) -> Arc<Queue> {
        self.post().queue.clone()
    }

    /// Also where commits wait until somebody makes them durable.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        for _ in 0..1_000_000 {
            if let Some(value) = self.world.poll_once(future.as_mut()) {
                return value;
            }
            if self.store.sync_all() == 0 {
                self.world.pass(Duration::from_millis(100));
            }
        }
        panic!("it never ends");
    }

    pub fn pass(&self, span: Duration) {
        self.world.pass(span);
    }

    pub fn minutes(&self, minutes: u32) {
        self.pass(MINUTE * minutes);
    }

    pub fn received(&self, post: &Post, octets: &[u8]) -> mta::Received {
        let blobs: Arc<dyn store::Blobs> = self.blobs.clone();
        let mut incoming = Incoming::begin(&blobs, &post.in_flight).unwrap();
        self.block_on(async {
            for piece in octets.chunks(10_000) {
                incoming.take(piece).unwrap();
                if incoming.is_full() {
                    incoming.spill().await.unwrap();
                }
            }
            incoming.finish().await.unwrap()
        })
    }

    /// What `Post::receive` is given.
    pub fn envelope(&self, mail: &Mail) -> Envelope {
        let post = self.post();
        let recipient = |(to, params): &(String, RcptParams)| {
            let path = ForwardPath::Address(to.parse().unwrap());
            let host = "mx.home.test".parse().unwrap();
            let route = mta::route(&post.directory, &path, mta::Relaying::Allowed, &host);
            let mta::Route::Accept(targets) = route else { panic!("{to}: {route:?}") };
            Recipient { path, params: params.clone(), targets }
        };
        let reverse_path = match mail.from {
            "" => ReversePath::Null,
            from => ReversePath::Address(from.parse().unwrap()),
        };
        Envelope { reverse_path, params: mail.params.clone(), recipients: mail.to.iter().map(recipient).collect() }
    }

    pub fn hop(&self) -> Hop {
        let by = Domain::new("mx.example.test").unwrap();
        Hop { helo: Some("client.test".into()), address: None, protocol: "ESMTP", tls: None, by, session_id: 1 }
    }

    /// Takes the message in, and says with which number.
    pub fn send(&self, mail: Mail) -> QueueId {
        let post = self.post();
        let received = self.received(&post, &mail.octets);
        let replies = self.block_on(post.receive(Origin::Smtp(self.hop()), self.envelope(&mail), received));
        assert!(replies[0].code() == 250, "{replies:?}");
        let text = replies[0].lines().collect::<String>();
        QueueId(u64::from_str_radix(text.rsplit(' ').next().unwrap(), 16).unwrap())
    }

    pub fn trace(&self, id: QueueId) -> Vec<TraceRecord> {
        self.block_on(self.queue().trace.of(id)).unwrap()
    }

    /// As `received, deferred, relayed`.
    pub fn story(&self, id: QueueId) -> String {
        self.trace(id).iter().map(|record| record.event.name()).collect::<Vec<_>>().join(", ")
    }

    /// The answer of the last record of this event.
    pub fn said(&self, id: QueueId, event: TraceEvent) -> TraceRecord {
        let found = self.trace(id).into_iter().rfind(|record| record.event == event);
        found.unwrap_or_else(|| panic!("no {event:?} in {:?}", self.trace(id)))
    }

    /// All messages in somebody's INBOX.
    pub fn inbox(&self, name: &str) -> Vec<String> {
        let post = self.post();
        let id = post.directory.account(&format!("{name}@example.test").parse().unwrap()).unwrap().id;
        self.block_on(async {
            let account = post.mailstore.account(id).await.unwrap();
            let view = account.open(INBOX_ID).await.unwrap();
            let mut all = Vec::new();
            for number in 1..=view.len() as u32 {
                let member = view.get(SeqNum(number)).unwrap();
                let email = account.emails(&[member.email]).await.unwrap().into_iter().flatten().next().unwrap();
                let octets = account.octets(&email, 0..email.size_octets()).await.unwrap();
                all.push(String::from_utf8_lossy(&octets).into_owned());
            }
            all
        })
    }

    /// A healthy server.
    pub fn peer(&self) -> Peer {
        Peer::new(&self.world, &self.book)
    }

    /// `domain` has one exchanger of this address, which is `peer`.
    pub fn serve(&self, domain: &str, ip: &str, peer: Peer) {
        let host = format!("mx.{domain}");
        self.mx(domain, &[(10, &host)]);
        self.host(&host, &[ip]);
        self.listen(ip, peer);
    }

    pub fn mx(&self, domain: &str, hosts: &[(u16, &str)]) {
        let host = |name: &str| Some(name).filter(|name| !name.is_empty()).map(|name| name.parse().unwrap());
        let all = hosts.iter().map(|(preference, name)| Mx { preference: *preference, host: host(name) }).collect();
        self.net.set_mx(domain, Ok(all));
    }

    pub fn host(&self, host: &str, ips: &[&str]) {
        self.net.set_addresses(host, Ok(ips.iter().map(|ip| ip.parse().unwrap()).collect()));
    }

    pub fn listen(&self, ip: &str, peer: Peer) {
        let at = socket(ip);
        self.net.serve(at, peer.serve(at));
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.book.taken()
    }

    /// Where connections were tried.
    pub fn dialled(&self) -> Vec<String> {
        self.net.dialled().iter().map(|to| to.ip().to_string()).collect()
    }

    pub fn now(&self) -> model::Timestamp {
        self.world.wall()
    }
}

pub fn socket(ip: &str) -> SocketAddr {
    match ip.parse() {
        Ok(socket) => socket,
        Err(_) => SocketAddr::new(ip.parse::<IpAddr>().unwrap(), 25),
    }
}
