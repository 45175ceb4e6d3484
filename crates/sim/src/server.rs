//! The server under test: the services as they are, wired as `postamt` wires them, in a process that can die.

use crate::dice::Dice;
use crate::disk::Disk;
use crate::drive::{Stopping, drive};
use crate::fault::Fault;
use crate::sabotage::Sabotage;
use crate::scene::Scene;
use access::imap::{ImapConversation, ImapPolicy, PlaintextLogin, TlsOffer};
use access::pop3::{Pop3Conversation, Pop3Policy};
use directory::{AccountSpec, Credential, Directory, DirectorySpec, Edit, Quota};
use env::virtual_world::Group;
use env::{Clock, Conversation, Env, Spawn};
use mailstore::{KeptFor, Mailstore};
use model::{Address, Domain, Moment};
use mta::{
    BodiesInFlight, Caller, Means, Peer, Post, Queue, QueuePolicy, Relaying, Role, SmtpConversation, SmtpPolicy,
    Transport, TransportPolicy,
};
use sasl::Mechanism;
use smtp::{Auth, Flavour, Policy, StartTls};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use store::{Blobs, Store};

/// How the server calls itself.
pub const HOST: &str = "mx.ours.test";
/// Our domain.
pub const DOMAIN: &str = "ours.test";
/// Everybody's password.
pub const PASSWORD: &str = "secret";
/// Largest message.
pub const SIZE_MAX: u64 = 400_000;

/// What is spoken behind a port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Service {
    /// Mail from other servers.
    Smtp,
    /// Mail of our own people.
    Submission,
    /// Mail from programs beside us.
    Lmtp,
    /// IMAP
    Imap,
    /// POP3
    Pop3,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 5] = [Service::Smtp, Service::Submission, Service::Lmtp, Service::Imap, Service::Pop3];

    /// Where it is reached.
    pub fn address(self) -> SocketAddr {
        let port = [25, 587, 24, 143, 110][self as usize];
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), port)
    }
}

/// The address of one of our accounts.
pub fn account_address(number: usize) -> String {
    format!("user{number}@{DOMAIN}")
}

/// The aliases: address, and what is behind it.
pub fn aliases(scene: &Scene) -> Vec<(String, Vec<String>)> {
    let (last, home) = (scene.plan().accounts - 1, crate::foreign::HOME);
    vec![
        (format!("one@{DOMAIN}"), vec![account_address(0)]),
        (format!("team@{DOMAIN}"), vec![account_address(0), account_address(last)]),
        (format!("away@{DOMAIN}"), vec![account_address(last), format!("friend@{home}")]),
    ]
}

/// The quota of an account.
pub fn quota(scene: &Scene, number: usize) -> Quota {
    let octets = scene.plan().quota.filter(|_| number % 3 == 1);
    Quota { octets, messages: None }
}

/// The process, or where it would be.
pub struct Server {
    scene: Scene,
    disk: Disk,
    dice: Dice,
    sabotage: Option<Sabotage>,
    life: Option<Life>,
    /// When it is started again.
    up_at: Option<Moment>,
    lives: u64,
    /// What nothing may hold any more once a life has ended.
    remains: Vec<Weak<Post>>,
}

/// A process that lives.
struct Life {
    group: Group,
    stopping: Stopping,
    standing: Arc<Mutex<Standing>>,
    end_at: Option<Moment>,
}

#[derive(Default)]
enum Standing {
    #[default]
    Starting,
    Up(Arc<Post>),
    Failed,
}

impl Server {
    /// A server that is off.
    pub fn new(scene: &Scene, disk: &Disk, dice: &mut Dice, sabotage: Option<Sabotage>) -> Server {
        let (life, up_at, remains) = Default::default();
        Server { scene: scene.clone(), disk: disk.clone(), dice: dice.fork(), sabotage, life, up_at, lives: 0, remains }
    }

    /// The post office, while it is open.
    pub fn post(&self) -> Option<Arc<Post>> {
        match &*self.life.as_ref()?.standing.lock().unwrap() {
            Standing::Up(post) => Some(post.clone()),
            _ => None,
        }
    }

    /// Whether it has begun to start and has not come to it.
    pub fn is_starting(&self) -> bool {
        self.life.is_some() && self.post().is_none()
    }

    /// Whether it runs and was not told to stop.
    pub fn is_running(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.end_at.is_none())
    }

    /// Does what is due: starts, or ends what was told to stop or could not start.
    pub fn tend(&mut self) {
        let now = self.scene.now();
        let (mut failed, mut over) = (false, false);
        if let Some(life) = &self.life {
            failed = matches!(*life.standing.lock().unwrap(), Standing::Failed);
            over = life.end_at.is_some_and(|at| at <= now);
            let tasks = life.group.len();
            let mut ledger = self.scene.ledger();
            ledger.tasks_max = ledger.tasks_max.max(tasks);
        }
        if failed || over {
            self.end(if failed { Duration::from_secs(60) } else { Duration::from_secs(1) });
        }
        if self.life.is_none() && self.up_at.is_none_or(|at| at <= now) {
            self.start();
        }
    }

    fn start(&mut self) {
        self.lives += 1;
        self.up_at = None;
        self.scene.say(|| format!("life {} begins", self.lives));
        let group = self.scene.world().group();
        let life = Life { group, stopping: Stopping::default(), standing: Arc::default(), end_at: None };
        let env = Env { spawn: Arc::new(life.group.clone()), ..self.scene.world().env() };
        let store = self.disk.store(&self.scene, &mut self.dice);
        let blobs: Arc<dyn Blobs> = Arc::new(self.disk.blobs.clone());
        let store = match self.sabotage {
            Some(sabotage) => sabotage.store(&self.disk, store),
            None => store,
        };
        let (scene, stopping, standing) = (self.scene.clone(), life.stopping.clone(), life.standing.clone());
        let (group, sabotage, sessions) = (life.group.clone(), self.sabotage, self.lives << 32);
        life.group.spawn(Box::pin(async move {
            match open(&scene, &env, store, blobs).await {
                Ok(post) => {
                    let desk = Desk { scene, env, group, stopping, post, sabotage };
                    desk.listen(sessions);
                    *standing.lock().unwrap() = Standing::Up(desk.post);
                }
                Err(cause) => {
                    scene.say(|| format!("cannot start: {cause}"));
                    *standing.lock().unwrap() = Standing::Failed;
                }
            }
        }));
        self.life = Some(life);
    }

    /// The power goes.
    pub fn crash(&mut self) {
        self.scene.count(if self.is_starting() { Fault::CrashAtStart } else { Fault::Crash });
        let pause = self.dice.millis(1, 300_000);
        self.end(pause);
    }

    /// It is told to stop, and has 30 virtual seconds for what is under way.
    pub fn stop(&mut self) {
        let Some(post) = self.post() else { return };
        self.scene.count(Fault::Restart);
        close(&self.scene);
        post.queue.drain();
        if let Some(life) = &mut self.life {
            life.stopping.begin();
            life.end_at = Some(self.scene.now() + Duration::from_secs(30));
        }
        let scene = self.scene.clone();
        self.scene.spawn(Box::pin(async move { scene.pause(Duration::from_secs(30)).await }));
    }

    /// Nothing of the process is left.
    fn end(&mut self, pause: Duration) {
        let Some(life) = self.life.take() else { return };
        close(&self.scene);
        if let Standing::Up(post) = &*life.standing.lock().unwrap() {
            self.remains.push(Arc::downgrade(post));
        }
        life.group.end();
        self.disk.crash(&mut self.dice);
        if let Some(sabotage) = self.sabotage {
            sabotage.restarted(&self.disk);
        }
        self.scene.doubt();
        self.scene.say(|| "the process is gone".to_owned());
        self.up_at = Some(self.scene.now() + pause);
        let scene = self.scene.clone();
        self.scene.spawn(Box::pin(async move { scene.pause(pause).await }));
    }

    /// What a process that ended left behind, where nothing may be: a cycle of references.
    pub fn check_remains(&mut self) {
        let left = self.remains.drain(..).filter(|post| post.strong_count() > 0).count();
        if left > 0 {
            self.scene.violation(format!("{left} dead processes are still in memory"));
        }
    }

    /// Nobody wants to know any more what becomes of it.
    pub fn abandon(&mut self) {
        if let Some(life) = self.life.take() {
            life.group.end();
        }
    }

    /// Tasks of the server.
    pub fn tasks(&self) -> usize {
        self.life.as_ref().map_or(0, |life| life.group.len())
    }
}

fn close(scene: &Scene) {
    Service::ALL.into_iter().for_each(|service| scene.net().refuse(service.address()));
}

/// As `postamt::server` does it.
async fn open(scene: &Scene, env: &Env, store: Arc<dyn Store>, blobs: Arc<dyn Blobs>) -> Result<Arc<Post>, String> {
    let mut spec = DirectorySpec::new(vec![domain(DOMAIN)]);
    for number in 0..scene.plan().accounts {
        let address = address(&account_address(number));
        let account = AccountSpec::new(address, Credential::Clear(PASSWORD.into()));
        spec.accounts.push(AccountSpec { quota: quota(scene, number), ..account });
    }
    let (clock, spawn) = (env.clock.clone(), env.spawn.clone());
    let directory = Directory::open(store.clone(), spawn.clone(), clock.clone(), &*env.random, spec).await;
    let directory = Arc::new(directory.map_err(|error| error.to_string())?);
    let kept = Arc::new(KeptFor(scene.plan().kept));
    let mailstore = Mailstore::keeping(store.clone(), blobs, spawn, clock.clone(), kept.clone());
    let net = Arc::new(scene.net().clone());
    let routes = TransportPolicy { own: vec![Service::Smtp.address()], ..TransportPolicy::new(domain(HOST)) };
    let relay = Transport::new(net.clone(), net, env, routes);
    let policy = QueuePolicy { deliveries_max: scene.plan().queue_max, ..queue_policy() };
    let queue = Queue::new((store, mailstore.clone(), directory.clone()), relay, env, policy);
    for (alias, targets) in aliases(scene) {
        let edit = Edit::AddAlias { address: address(&alias), targets: targets.iter().map(|to| address(to)).collect() };
        directory.edit(edit).await.map_err(|error| error.to_string())?;
    }
    queue.resume().await.map_err(|error| error.to_string())?;
    let in_flight = BodiesInFlight::new(scene.plan().bodies_max * BodiesInFlight::OCTETS_EACH);
    let post = Arc::new(Post { mailstore, directory, queue, in_flight, clock });
    env.spawn.spawn(Box::pin(mta::housekeeping::run(post.clone(), env.clone(), kept, || false)));
    Ok(post)
}

/// How the queue works, but for its room.
pub fn queue_policy() -> QueuePolicy {
    QueuePolicy::new(domain(HOST))
}

fn domain(name: &str) -> Domain {
    name.parse().unwrap()
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// What conversations are made from.
struct Desk {
    scene: Scene,
    env: Env,
    group: Group,
    stopping: Stopping,
    post: Arc<Post>,
    sabotage: Option<Sabotage>,
}

type Factory = Box<dyn Fn(Peer, Moment) -> Box<dyn Conversation> + Send + Sync>;

impl Desk {
    fn listen(&self, sessions: u64) {
        let sessions = Arc::new(AtomicU64::new(sessions));
        for service in Service::ALL {
            let factory = match service {
                Service::Smtp | Service::Submission | Service::Lmtp => self.smtp(service),
                Service::Imap => self.imap(),
                Service::Pop3 => self.pop3(),
            };
            let (scene, group, stopping) = (self.scene.clone(), self.group.clone(), self.stopping.clone());
            let (sessions, sabotage) = (sessions.clone(), self.sabotage);
            let serve = move |pipe| {
                let session_id = sessions.fetch_add(1, Ordering::Relaxed);
                let address = Some(IpAddr::V4(Ipv4Addr::new(198, 51, 100, session_id as u8)));
                let world = scene.world().clone();
                let conversation = factory(Peer { address, session_id }, world.monotonic());
                let conversation = match sabotage {
                    Some(sabotage) => sabotage.conversation(service, conversation),
                    None => conversation,
                };
                let (scene, driven) = (scene.clone(), drive(world, pipe, conversation, stopping.clone()));
                group.spawn(Box::pin(async move {
                    let output_octets = driven.await;
                    let mut ledger = scene.ledger();
                    ledger.output_octets_max = ledger.output_octets_max.max(output_octets);
                }));
                Box::pin(std::future::ready(())) as env::BoxFuture<'static, ()>
            };
            self.scene.net().serve(service.address(), Arc::new(serve));
        }
    }

    fn smtp(&self, service: Service) -> Factory {
        let mut session = match service {
            Service::Submission => Policy::submission(domain(HOST), vec![Mechanism::Plain.name()]),
            _ => Policy::new(domain(HOST)),
        };
        if service == Service::Lmtp {
            session.flavour = Flavour::Lmtp;
        }
        if let Auth::Offered { clear, .. } = &mut session.auth {
            *clear = true;
        }
        session.dsn = true;
        session.start_tls = StartTls::Offered;
        session.size_max_octets = SIZE_MAX;
        let role = if service == Service::Submission { Role::Submission } else { Role::Exchanger };
        let policy = Arc::new(SmtpPolicy { session: Arc::new(session), role });
        let (post, env) = (self.post.clone(), self.env.clone());
        Box::new(move |peer, now| {
            let caller = Caller { peer, tls: None, relaying: Relaying::Refused };
            let means = Means { sleep: env.sleep.clone(), random: env.random.clone() };
            Box::new(SmtpConversation::new(post.clone(), means, policy.clone(), caller, now))
        })
    }

    fn imap(&self) -> Factory {
        let (post, random) = (&self.post, self.env.random.clone());
        let services = Arc::new(access::imap::Services {
            mailstore: post.mailstore.clone(),
            directory: post.directory.clone(),
            in_flight: post.in_flight.clone(),
            random,
        });
        let limits = imap::Limits { append_octets_max: SIZE_MAX, ..imap::Limits::default() };
        let policy = Arc::new(ImapPolicy {
            tls: TlsOffer::StartTls,
            plaintext_login: PlaintextLogin::Allowed,
            mechanisms: vec![Mechanism::Plain],
            limits,
        });
        Box::new(move |peer, now| Box::new(ImapConversation::new(services.clone(), policy.clone(), (peer, None), now)))
    }

    fn pop3(&self) -> Factory {
        let post = &self.post;
        let services = Arc::new(access::pop3::Services {
            mailstore: post.mailstore.clone(),
            directory: post.directory.clone(),
            clock: self.env.clock.clone(),
            random: self.env.random.clone(),
        });
        let policy = Arc::new(Pop3Policy {
            host_name: domain(HOST),
            tls: TlsOffer::StartTls,
            plaintext_login: PlaintextLogin::Allowed,
            mechanisms: vec![Mechanism::Plain],
            limits: pop3::Limits::default(),
        });
        Box::new(move |peer, now| Box::new(Pop3Conversation::new(services.clone(), policy.clone(), (peer, None), now)))
    }
}
