//! The wiring: data folder, directory, mail store, queue, listeners; and the orderly end.

mod housekeeping;
mod http;
mod listeners;
mod samples;
mod status;

use crate::admin;
use crate::admin::server::Office;
use crate::demo::Outbox;
use crate::figures;
use crate::plan::{Bound, Protocol, ServePlan};
use anyhow::Context;
use directory::Directory;
use env::Env;
use listeners::{Desk, Door, Standing};
use mailstore::Mailstore;
use mta::queue::Relay;
use mta::{BodiesInFlight, Post, Queue, QueuePolicy, Transport, TransportPolicy};
use net::runtime::TokioEnv;
use net::systemd::Inherited;
use net::{Capacity, ListenAddress, Shutdown};
pub use status::StatusBoard;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store_local::{LocalBlobs, LocalStore, Options};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

/// Memory for bodies on their way in.
const BODIES_IN_FLIGHT_OCTETS: usize = 256 << 20;
/// File descriptors kept for the store and the rest, beside those of connections.
const FILES_APART: u64 = 256;

/// How long attempts to deliver may take to their end after the server was told to stop: mail that is on its way is better
/// not repeated, and service managers kill after 90 s.
const ATTEMPTS_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves `plan` until it is told to stop; `ready` is called once all listeners stand. Sockets that were `inherited` are used
/// in place of those that the plan would bind.
///
/// # Errors
/// When the data folder, the certificate or a listener cannot be had.
pub async fn serve(plan: ServePlan, inherited: Vec<Inherited>, ready: impl FnOnce(&[Bound])) -> anyhow::Result<()> {
    let started = std::time::Instant::now();
    figures::install()?;
    let mut stop = Signals::new()?;
    let env = TokioEnv::new().context("cannot start threads")?.env();
    let store = open_store(&plan.data)?;
    let socket = admin::server::Socket::bind(&plan.data)?;
    let bound = listeners::bind(&plan, inherited).await?;
    let post = post(&plan, &store, &env, &bound).await?;
    let shutdown = Shutdown::new();
    let acceptor = listeners::acceptor(&plan)?;
    let connections_max = plan.limits.connections.min(raise_file_limit());
    let door = Door { desk: desk(&plan, &post, &env), capacity: Capacity::new(connections_max), shutdown };
    if let Some(demo) = &plan.demo {
        samples::fill(&post, &demo.samples_for).await.context("cannot store the sample messages")?;
    }
    post.queue.resume().await.context("cannot read the queue")?;
    let told: Vec<Bound> = bound.iter().map(|listener| listener.bound.clone()).collect();
    let (hostname, queue) = (plan.hostname.clone(), post.queue.clone());
    let board = Arc::new(StatusBoard { hostname, bound: told.clone(), started, store, post: post.clone() });
    let serving = door.open(bound, &board, acceptor.as_ref())?;
    tokio::spawn(figures::keep());
    env.spawn.spawn(Box::pin(housekeeping::run(post.clone(), env.clone())));
    if let Some(acceptor) = &acceptor {
        tokio::spawn(net::tls::watch(acceptor.clone(), door.shutdown.clone()));
    }
    let (capacity, message_octets_max) = (door.capacity.clone(), plan.limits.message_size_octets);
    let office = Office { post, env, board, capacity, connections_max, acceptor, message_octets_max };
    let administration = tokio::spawn(admin::server::serve(socket, Arc::new(office)));
    tracing::info!(event = "server.ready", start_ms = started.elapsed().as_millis() as u64, listeners = told.len());
    ready(&told);
    net::systemd::ready();
    tokio::spawn(net::systemd::watchdog(door.shutdown.clone()));
    let signal = stop.wait().await;
    tracing::info!(event = "server.stopping", signal);
    net::systemd::stopping();
    door.shutdown.begin();
    tokio::select! {
        done = finish(&queue, serving) => done?,
        signal = stop.wait() => tracing::warn!(event = "server.hurried", signal, attempts = queue.under_way()),
    }
    administration.abort();
    // Its end is that it was aborted, and its socket is gone then.
    drop(administration.await);
    tracing::info!(event = "server.stopped");
    Ok(())
}

/// Lets connections and attempts come to their end.
async fn finish(queue: &Queue, serving: Vec<JoinHandle<()>>) -> anyhow::Result<()> {
    queue.drain();
    let rests = tokio::time::timeout(ATTEMPTS_TIMEOUT, queue.rests());
    for listener in serving {
        listener.await.context("a listener failed")?;
    }
    if rests.await.is_err() {
        tracing::warn!(event = "attempts.cut", attempts = queue.under_way());
    }
    Ok(())
}

fn desk(plan: &ServePlan, post: &Arc<Post>, env: &Env) -> Arc<Desk> {
    Arc::new(Desk {
        post: post.clone(),
        env: env.clone(),
        limits: plan.limits,
        hostname: plan.hostname.clone(),
        relay_from: plan.relay_from.clone(),
    })
}

fn open_store(data: &Path) -> anyhow::Result<Arc<LocalStore>> {
    Ok(Arc::new(LocalStore::open(folder(data, "store")?, Options::default())?))
}

/// A folder below the data folder, made if it is not there.
fn folder(data: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = data.join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

async fn post(plan: &ServePlan, store: &Arc<LocalStore>, env: &Env, bound: &[Standing]) -> anyhow::Result<Arc<Post>> {
    let blobs = Arc::new(LocalBlobs::open(folder(&plan.data, "blobs")?, Options::default())?);
    let (clock, spawn) = (env.clock.clone(), env.spawn.clone());
    let spec = plan.directory.clone();
    let directory = Directory::open(store.clone(), spawn.clone(), clock.clone(), &*env.random, spec).await?;
    let mailstore = Mailstore::new(store.clone(), blobs, spawn, clock.clone());
    let directory = Arc::new(directory);
    let relay: Arc<dyn Relay> = match &plan.demo {
        Some(demo) => Arc::new(Outbox { folder: demo.outbox.clone() }),
        None => transport(plan, env, bound)?,
    };
    let books = (store.clone() as Arc<dyn store::Store>, mailstore.clone(), directory.clone());
    let queue = Queue::new(books, relay, env, queue_policy(plan));
    let in_flight = BodiesInFlight::new(BODIES_IN_FLIGHT_OCTETS);
    Ok(Arc::new(Post { mailstore, directory, queue, in_flight, clock }))
}

fn queue_policy(plan: &ServePlan) -> QueuePolicy {
    let outbound = &plan.outbound;
    let mut policy = QueuePolicy::new(plan.hostname.clone());
    policy.schedule.per_destination_max = outbound.per_destination;
    policy.schedule.rate_per_minute = outbound.per_minute;
    policy.lifetime = outbound.lifetime;
    policy.delay_notice_after = outbound.delay_notice_after;
    policy.language = outbound.language;
    policy
}

/// The way out.
fn transport(plan: &ServePlan, env: &Env, bound: &[Standing]) -> anyhow::Result<Arc<Transport>> {
    let outbound = &plan.outbound;
    let settings = match outbound.dns.as_slice() {
        [] => net::resolve::Settings::system(),
        servers => net::resolve::Settings::with_servers(servers.to_vec()),
    };
    let resolver = Arc::new(net::resolve::DnsResolver::new(&settings));
    let dialer = Arc::new(net::dial::TokioDialer::new(outbound.authority.as_deref())?);
    let own = bound.iter().filter(|listener| listener.bound.plan.protocol == Protocol::Smtp);
    let own = own.filter_map(|listener| match listener.bound.address {
        ListenAddress::Tcp(address) => Some(address),
        ListenAddress::Unix(_) => None,
    });
    let policy = TransportPolicy {
        routes: outbound.routes.clone(),
        port: outbound.port,
        family: outbound.family,
        source_v4: outbound.source_v4,
        source_v6: outbound.source_v6,
        own: own.collect(),
        ..TransportPolicy::new(plan.hostname.clone())
    };
    Ok(Transport::new(resolver, dialer, env, policy))
}

/// Lets the process have as many files as the system allows; returns how many of them may be connections.
fn raise_file_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    usize::try_from(files.unwrap_or(u64::MAX).saturating_sub(FILES_APART)).unwrap_or(usize::MAX)
}

/// What ends the server: Ctrl-C, or the service manager.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Signals> {
        let interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
        let terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        Ok(Signals { interrupt, terminate })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupt",
            _ = self.terminate.recv() => "terminate",
        }
    }
}
