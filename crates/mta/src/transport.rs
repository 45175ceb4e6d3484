//! The way out: from a next hop's name to its answer.
//!
//! | module | what |
//! |---|---|
//! | `hop` | [`NextHop`], [`StaticRoute`]: what is written in queue and configuration |
//! | `exchangers` | MX, addresses, in which order they are tried |
//! | `line` | a connection: a client session on a wire |
//! | `exchange` | one message over a line |
//!
//! A fault of the network, and what we do not understand, is temporary; only DNS's or the next hop's clear word is final.

mod exchange;
mod exchangers;
mod hop;
mod line;

pub use hop::{HopError, HostHop, Login, NextHop, RouteMatch, StaticRoute, TlsDemand};

use crate::queue::{Health, Job, Outcome, OutcomeKind, Relay};
use env::{BoxFuture, Clock, Dialer, Env, Random, Resolver, Sleep, Spawn, Verify};
use exchange::Exchanged;
use exchangers::Candidate;
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use line::Line;
use model::{Address, Domain, Moment};
use smtp::client::ClientTimeouts;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Which addresses of a host are tried, and which first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Family {
    /// IPv6 and IPv4 in turns, IPv6 first.
    #[default]
    Ipv6First,
    /// IPv4 and IPv6 in turns, IPv4 first.
    Ipv4First,
    /// No IPv6.
    Ipv4Only,
    /// No IPv4.
    Ipv6Only,
}

/// How mail goes out.
#[derive(Clone, Debug)]
pub struct TransportPolicy {
    /// How we call ourselves.
    pub host_name: Domain,
    /// Exceptions from MX, the first that matches counts.
    pub routes: Vec<StaticRoute>,
    /// Where exchangers listen: 25, but in tests.
    pub port: u16,
    /// Which addresses are tried.
    pub family: Family,
    /// From which of our addresses, by family.
    pub source_v4: Option<IpAddr>,
    /// From which of our addresses, by family.
    pub source_v6: Option<IpAddr>,
    /// Where we listen ourselves: mail that DNS sends there runs in circles.
    pub own: Vec<SocketAddr>,
    /// How long a connection may take to be opened.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub timeouts: ClientTimeouts,
}

impl TransportPolicy {
    /// By MX, with the times of RFC 5321 §4.5.3.2.
    pub fn new(host_name: Domain) -> TransportPolicy {
        TransportPolicy {
            host_name,
            routes: Vec::new(),
            port: 25,
            family: Family::default(),
            source_v4: None,
            source_v6: None,
            own: Vec::new(),
            connect_timeout: Duration::from_secs(30),
            timeouts: ClientTimeouts::default(),
        }
    }
}

/// Addresses tried in one attempt: RFC 5321 §5.1 wants at least two.
const CANDIDATES_MAX: usize = 6;
/// How long a connection waits for the next message: shorter than servers wait for us, long enough for a burst.
const IDLE_KEPT: Duration = Duration::from_secs(3);
/// Connections that wait, to all destinations.
const IDLE_MAX: usize = 200;
/// Messages over one connection: a next hop may move us to another of its hosts now and then.
const MESSAGES_PER_LINE_MAX: u32 = 500;

/// Mail's way out.
pub struct Transport {
    resolver: Arc<dyn Resolver>,
    dialer: Arc<dyn Dialer>,
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    spawn: Arc<dyn Spawn>,
    random: Arc<dyn Random>,
    policy: TransportPolicy,
    idle: Arc<Mutex<Idle>>,
}

#[derive(Default)]
struct Idle {
    by_hop: HashMap<String, Vec<(u64, Line)>>,
    count: usize,
    next: u64,
}

impl Transport {
    /// With the world's means.
    pub fn new(
        resolver: Arc<dyn Resolver>,
        dialer: Arc<dyn Dialer>,
        env: &Env,
        policy: TransportPolicy,
    ) -> Arc<Transport> {
        Arc::new(Transport {
            resolver,
            dialer,
            clock: env.clock.clone(),
            sleep: env.sleep.clone(),
            spawn: env.spawn.clone(),
            random: env.random.clone(),
            policy,
            idle: Arc::default(),
        })
    }

    async fn attempt(&self, job: &Job) -> (Vec<Outcome>, Health) {
        let all = |outcome: Outcome| vec![outcome; job.deliveries.len()];
        let name = match job.deliveries.first().map(|delivery| &delivery.target) {
            Some(crate::queue::Target::Remote { next_hop }) => next_hop.as_str(),
            _ => return (all(Outcome::ours(OutcomeKind::Deferred, (4, 3, 5), "no next hop")), Health::Reachable),
        };
        while let Some(line) = self.take_idle(name) {
            if let Some(done) = self.over(line, job, name).await {
                return (done, Health::Reachable);
            }
        }
        let candidates = match self.candidates(name).await {
            Ok(candidates) => candidates,
            Err(outcome) => {
                let health = health_after(&outcome);
                return (all(outcome), health);
            }
        };
        let mut last = Outcome::ours(OutcomeKind::Deferred, (4, 4, 1), "no address to try");
        for candidate in candidates.into_iter().take(CANDIDATES_MAX) {
            match self.open(&candidate).await {
                Err(outcome) => last = outcome,
                Ok(line) => match self.exchange(line, job, name).await {
                    Exchanged::Outcomes(outcomes) => return (outcomes, Health::Reachable),
                    Exchanged::Lost(outcome) => last = outcome,
                },
            }
        }
        let health = health_after(&last);
        (all(last), health)
    }

    /// Over a connection that waited; `None` when it turns out to be gone.
    async fn over(&self, line: Line, job: &Job, name: &str) -> Option<Vec<Outcome>> {
        match self.exchange(line, job, name).await {
            Exchanged::Outcomes(outcomes) => Some(outcomes),
            Exchanged::Lost(_) => None,
        }
    }

    /// Opens a connection, with TLS and log-in as they are wanted. Where TLS is only welcome and fails, the connection is
    /// opened once more without (RFC 7435).
    async fn open(&self, candidate: &Candidate) -> Result<Line, Outcome> {
        match self.open_with(candidate, candidate.tls).await {
            Err(Trouble::Tls(_)) if candidate.tls == TlsDemand::Welcome => {
                let opened = self.open_with(candidate, TlsDemand::Never).await;
                opened.map(Line::without_tls).map_err(Trouble::into_outcome)
            }
            opened => opened.map_err(Trouble::into_outcome),
        }
    }

    async fn open_with(&self, candidate: &Candidate, tls: TlsDemand) -> Result<Line, Trouble> {
        let source = if candidate.address.is_ipv4() { self.policy.source_v4 } else { self.policy.source_v6 };
        let peer = candidate.peer_name();
        let fault = |text: String| Outcome { peer: Some(peer.clone()), ..deferred((4, 4, 1), text) };
        let dial = self.within(self.policy.connect_timeout, self.dialer.dial(candidate.address, source));
        let wire = dial.await.map_err(|text| Trouble::Other(fault(format!("cannot connect to {peer}: {text}"))))?;
        let mut line = Line::new(self, candidate, wire);
        if candidate.implicit_tls {
            let verify = if tls == TlsDemand::Verified { Verify::Name } else { Verify::Nobody };
            line = line.secure(&candidate.host, verify).await.map_err(|text| Trouble::Tls(fault(text)))?;
        }
        line.greet().await.map_err(Trouble::Other)?;
        let mut line = line.start_tls(candidate, tls).await?;
        line.log_in(candidate, self).await.map_err(Trouble::Other)?;
        Ok(line)
    }

    /// `future`'s answer, or what is said when it took too long.
    async fn within<T>(
        &self,
        span: Duration,
        future: BoxFuture<'static, Result<T, env::WireError>>,
    ) -> Result<T, String> {
        let late = self.sleep.sleep_until(self.now() + span);
        match select(future, late).await {
            Either::Left((done, _)) => done.map_err(|error| error.to_string()),
            Either::Right(_) => Err(format!("no answer within {} s", span.as_secs())),
        }
    }

    fn now(&self) -> Moment {
        self.clock.monotonic()
    }

    fn take_idle(&self, name: &str) -> Option<Line> {
        let mut idle = lock(&self.idle);
        let lines = idle.by_hop.get_mut(name)?;
        let (_, line) = lines.pop()?;
        if lines.is_empty() {
            idle.by_hop.remove(name);
        }
        idle.count -= 1;
        Some(line)
    }

    /// Keeps a connection for the next message, or says goodbye to it.
    fn keep(&self, name: &str, line: Line) {
        let mut idle = lock(&self.idle);
        if line.messages >= MESSAGES_PER_LINE_MAX || !line.may_go_on() || idle.count >= IDLE_MAX {
            drop(idle);
            return self.spawn.spawn(line.goodbye().boxed());
        }
        let number = idle.next;
        idle.next += 1;
        idle.count += 1;
        idle.by_hop.entry(name.to_owned()).or_default().push((number, line));
        drop(idle);
        let (idle, name) = (self.idle.clone(), name.to_owned());
        let wait = self.sleep.sleep_until(self.now() + IDLE_KEPT);
        let leave = async move {
            wait.await;
            let line = remove(&mut lock(&idle), &name, number);
            if let Some(line) = line {
                line.goodbye().await;
            }
        };
        self.spawn.spawn(leave.boxed());
    }

    fn random(&self) -> u32 {
        let mut octets = [0; 4];
        self.random.fill(&mut octets);
        u32::from_be_bytes(octets)
    }
}

/// Where nobody could be reached, nobody else's mail there would fare better.
fn health_after(outcome: &Outcome) -> Health {
    match outcome.kind {
        OutcomeKind::Deferred => Health::Unreachable(outcome.answer.as_str().into()),
        _ => Health::Reachable,
    }
}

fn remove(idle: &mut Idle, name: &str, number: u64) -> Option<Line> {
    let lines = idle.by_hop.get_mut(name)?;
    let at = lines.iter().position(|(other, _)| *other == number)?;
    let (_, line) = lines.remove(at);
    if lines.is_empty() {
        idle.by_hop.remove(name);
    }
    idle.count -= 1;
    Some(line)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a connection is of no use.
enum Trouble {
    /// TLS failed: it may do without.
    Tls(Outcome),
    /// Anything else.
    Other(Outcome),
}

impl Trouble {
    fn into_outcome(self) -> Outcome {
        match self {
            Trouble::Tls(outcome) | Trouble::Other(outcome) => outcome,
        }
    }
}

fn deferred(status: (u8, u16, u16), text: impl Into<String>) -> Outcome {
    Outcome::ours(OutcomeKind::Deferred, status, text)
}

fn failed(status: (u8, u16, u16), text: impl Into<String>) -> Outcome {
    Outcome::ours(OutcomeKind::Failed, status, text)
}

impl Relay for Transport {
    fn next_hop(&self, reverse_path: &str, recipient: &Address) -> String {
        let matching = self.policy.routes.iter().find(|route| route.matches(reverse_path, recipient));
        matching.map_or_else(|| recipient.domain.to_string(), |route| NextHop::Route(route.name.clone()).to_string())
    }

    fn deliver(&self, job: Job) -> BoxFuture<'_, (Vec<Outcome>, Health)> {
        async move { self.attempt(&job).await }.boxed()
    }
}
