//! The wiring: data folder, directory, mail store, queue, listeners; and the orderly end.

mod door;
mod http;
mod kept;
mod listeners;
mod outbound;
mod reload;
mod samples;
mod status;

use crate::admin;
use crate::admin::server::Office;
use crate::demo::Outbox;
use crate::figures;
use crate::language::{During, both, say};
use crate::plan::{Bound, ServePlan};
use anyhow::Context;
use directory::Directory;
use door::Door;
use env::Env;
pub use kept::Kept;
use listeners::{Desk, Offer};
use mailstore::Mailstore;
use mta::queue::Relay;
use mta::{BodiesInFlight, Post, Queue};
use net::runtime::TokioEnv;
use net::systemd::Inherited;
use net::{Capacity, Shutdown, Strain};
pub use reload::{ReloadError, Reloading};
pub use status::{Current, StatusBoard};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store_local::{Health, LocalBlobs, LocalStore, Options};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinHandle, JoinSet};

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
    let env = TokioEnv::new().with_context(no_threads)?.env();
    let (data, hold) = (plan.data.clone(), admin::backup::Hold::default());
    crate::backups::scratch::check(&data)?;
    crate::backups::scratch::is_whole(&data)?;
    // In this order: a store that was used has a place for its bodies.
    let blobs = Arc::new(LocalBlobs::open(folder(&data, "blobs")?, Options::default())?);
    let store = open_store(&plan)?;
    let socket = admin::server::Socket::bind(&plan.data)?;
    let standing = listeners::bind(&plan.listeners, inherited).await?;
    let bound: Vec<Bound> = standing.iter().map(|listener| listener.bound.clone()).collect();
    let people = admin::people::socket(plan.deleted.socket.as_deref())?;
    let (post, kept) = post(&plan, (&store, blobs), &env, &bound).await?;
    let acceptor = listeners::acceptor(&plan)?;
    if let Some(demo) = &plan.demo {
        samples::fill(&post, &demo.samples_for).await.with_context(|| {
            say!("cannot store the sample messages", "die Beispielnachrichten lassen sich nicht speichern")
        })?;
    }
    post.queue
        .resume()
        .await
        .with_context(|| say!("cannot read the queue", "die Warteschlange lässt sich nicht lesen"))?;
    let queue = post.queue.clone();
    let current = Current::new(&plan, bound.clone(), acceptor.clone());
    let board = StatusBoard::new(started, store.clone(), post.clone(), current);
    let capacity = Capacity::new(connections_max(&plan));
    let desk = Desk::new(&plan, &post, &env);
    let offer = Offer { desk, board: board.clone(), capacity: capacity.clone(), acceptor, strain: Strain::watched() };
    let reloading = Reloading::new(&plan, Door::new(offer, standing), kept.clone());
    reload::on_hangup(&reloading)?;
    tokio::spawn(figures::keep());
    let held = {
        let hold = hold.clone();
        move || hold.is_held()
    };
    let full = {
        let store = store.clone();
        move || matches!(store.health(), Health::NearlyFull { .. })
    };
    env.spawn.spawn(Box::pin(mta::housekeeping::run(post.clone(), env.clone(), kept.clone(), held.clone())));
    env.spawn.spawn(Box::pin(mta::housekeeping::make_room(post.clone(), env.clone(), full, held)));
    let closing = store.clone();
    let office = Office { post, env, board, capacity, reloading: reloading.clone(), store, data, hold, kept };
    let office = Arc::new(office);
    let mut administration = JoinSet::new();
    administration.spawn(admin::server::serve(socket, office.clone()));
    if let Some(people) = people {
        administration.spawn(admin::server::serve(people, office));
    }
    tracing::info!(event = "server.ready", start_ms = started.elapsed().as_millis() as u64, listeners = bound.len());
    ready(&bound);
    net::systemd::ready();
    let shutdown = Shutdown::new();
    tokio::spawn(net::systemd::watchdog(shutdown.clone()));
    let signal = stop.wait().await;
    tracing::info!(event = "server.stopping", signal);
    net::systemd::stopping();
    shutdown.begin();
    let serving = reloading.close().await;
    tokio::select! {
        done = finish(&queue, serving) => {
            done?;
            closing.settle_at_close();
        }
        signal = stop.wait() => tracing::warn!(event = "server.hurried", signal, attempts = queue.under_way()),
    }
    // The sockets are gone then.
    administration.shutdown().await;
    tracing::info!(event = "server.stopped");
    Ok(())
}

/// What failed when the system gives no threads.
pub fn no_threads() -> String {
    say!("cannot start threads", "Threads lassen sich nicht starten")
}

/// Lets connections and attempts come to their end.
async fn finish(queue: &Queue, serving: Vec<JoinHandle<()>>) -> anyhow::Result<()> {
    queue.drain();
    let rests = tokio::time::timeout(ATTEMPTS_TIMEOUT, queue.rests());
    for listener in serving {
        listener.await.with_context(|| say!("a listener failed", "ein Listener ist ausgefallen"))?;
    }
    if rests.await.is_err() {
        tracing::warn!(event = "attempts.cut", attempts = queue.under_way());
    }
    Ok(())
}

fn open_store(plan: &ServePlan) -> anyhow::Result<Arc<LocalStore>> {
    let options = Options { backend: Some(plan.backend), ..Options::default() };
    Ok(Arc::new(LocalStore::open(folder(&plan.data, "store")?, options)?))
}

/// A folder below the data folder, made if it is not there.
fn folder(data: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = data.join(name);
    std::fs::create_dir_all(&folder)
        .during(|| both!("cannot make {folder}", "{folder} lässt sich nicht anlegen", folder = folder.display()))?;
    Ok(folder)
}

async fn post(
    plan: &ServePlan,
    (store, blobs): (&Arc<LocalStore>, Arc<LocalBlobs>),
    env: &Env,
    bound: &[Bound],
) -> anyhow::Result<(Arc<Post>, Arc<Kept>)> {
    let (clock, spawn) = (env.clock.clone(), env.spawn.clone());
    let spec = plan.directory.clone();
    let directory = Directory::open(store.clone(), spawn.clone(), clock.clone(), &*env.random, spec).await?;
    let directory = Arc::new(directory);
    let kept = Kept::new(plan.deleted.clone(), directory.clone());
    let mailstore = Mailstore::keeping(store.clone(), blobs, spawn, clock.clone(), kept.clone());
    let relay: Arc<dyn Relay> = match &plan.demo {
        Some(demo) => Arc::new(Outbox { folder: demo.outbox.clone() }),
        None => outbound::transport(plan, env, bound)?,
    };
    let books = (store.clone() as Arc<dyn store::Store>, mailstore.clone(), directory.clone());
    let queue = Queue::new(books, relay, env, outbound::policy(plan));
    let in_flight = BodiesInFlight::new(BODIES_IN_FLIGHT_OCTETS);
    Ok((Arc::new(Post { mailstore, directory, queue, in_flight, clock }), kept))
}

/// Most connections of all listeners.
fn connections_max(plan: &ServePlan) -> usize {
    plan.limits.connections.min(raise_file_limit())
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
        let interrupt = signal(SignalKind::interrupt())
            .with_context(|| say!("cannot listen for Ctrl-C", "auf Strg-C lässt sich nicht warten"))?;
        let terminate = signal(SignalKind::terminate())
            .with_context(|| say!("cannot listen for SIGTERM", "auf SIGTERM lässt sich nicht warten"))?;
        Ok(Signals { interrupt, terminate })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupt",
            _ = self.terminate.recv() => "terminate",
        }
    }
}
