//! DNS through the recursive servers that the machine uses, or others that are named (RFC 1034, RFC 1035).

mod answer;
mod cache;
#[cfg(test)]
mod tests;

use answer::{Answer, Data, Failure, Kind, Outcome, Step};
use cache::Cache;
use env::{BoxFuture, Mx, ResolveError, Resolver};
use futures_util::FutureExt;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer, RetryDnsHandle};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, Query};
use hickory_resolver::proto::rr::Name;
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig};
use model::Domain;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Where the system names its servers (resolv.conf(5)).
pub const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Servers that are used; the C library takes no more than three either.
const SERVERS_MAX: usize = 3;

/// Records of an answer that are kept: nobody tries more exchangers or addresses for a message, and an answer over TCP
/// could hold thousands.
const RECORDS_MAX: usize = 50;

/// Questions asked for one answer: aliases that the server did not follow itself. Chains are short, loops are not.
const STEPS_MAX: usize = 8;

/// Look-ups under way at once; the others wait their turn within their deadline.
const LOOKUPS_MAX: usize = 256;

/// Times a question is sent, if no usable answer comes.
const TRIES: usize = 2;

/// How a resolver works; [`Settings::system`] is how it should.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Recursive servers, with their ports.
    pub servers: Vec<SocketAddr>,
    /// How long a look-up may take altogether.
    pub deadline: Duration,
}

impl Settings {
    /// The servers of [`RESOLV_CONF`], or the one on this machine where it names none, and ten seconds.
    pub fn system() -> Settings {
        let text = std::fs::read_to_string(Path::new(RESOLV_CONF)).unwrap_or_else(|error| {
            tracing::warn!(event = "resolver.unconfigured", path = RESOLV_CONF, %error, "asking this machine");
            String::new()
        });
        Settings::with_servers(servers(&text))
    }

    /// These servers, and ten seconds.
    pub fn with_servers(servers: Vec<SocketAddr>) -> Settings {
        Settings { servers, deadline: Duration::from_secs(10) }
    }
}

/// The servers that a resolv.conf(5) names. Search lists and options are for people who type half a name.
fn servers(resolv_conf: &str) -> Vec<SocketAddr> {
    const DNS_PORT: u16 = 53;
    let server = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and(words.next())?;
        address.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, DNS_PORT))
    };
    let mut servers: Vec<_> = resolv_conf.lines().filter_map(server).take(SERVERS_MAX).collect();
    if servers.is_empty() {
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DNS_PORT));
    }
    servers
}

/// DNS with a cache and bounds; clones share everything. Names are looked up as they are: no search list, no `/etc/hosts`;
/// `localhost` is this machine.
#[derive(Clone)]
pub struct DnsResolver(Arc<Shared>);

struct Shared {
    pool: RetryDnsHandle<NameServerPool<TokioRuntimeProvider>>,
    cache: Mutex<Cache>,
    places: Semaphore,
    deadline: Duration,
}

impl DnsResolver {
    /// Asks the servers of `settings`.
    pub fn new(settings: &Settings) -> DnsResolver {
        let mut options = ResolverOpts::default();
        options.timeout = settings.deadline / TRIES as u32;
        options.max_active_requests = 2 * LOOKUPS_MAX;
        let servers = settings.servers.iter().take(SERVERS_MAX).map(|server| {
            let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            connections.iter_mut().for_each(|connection| connection.port = server.port());
            NameServerConfig::new(server.ip(), true, connections.into())
        });
        let tls = TlsConfig::new().expect("without DNS over TLS there is nothing that could fail");
        let context = Arc::new(PoolContext::new(options, tls));
        let pool = NameServerPool::from_config(servers, context, TokioRuntimeProvider::default());
        DnsResolver(Arc::new(Shared {
            pool: RetryDnsHandle::new(pool, TRIES - 1),
            cache: Mutex::default(),
            places: Semaphore::new(LOOKUPS_MAX),
            deadline: settings.deadline,
        }))
    }
}

impl Resolver for DnsResolver {
    fn mx(&self, domain: &Domain) -> BoxFuture<'static, Result<Vec<Mx>, ResolveError>> {
        if domain.is_literal() || local(domain).is_some() {
            return std::future::ready(Ok(Vec::new())).boxed();
        }
        let (shared, domain) = (self.0.clone(), domain.clone());
        let mx = |data: &Data| match data {
            Data::Mx(mx) => Some(mx.clone()),
            Data::Address(_) => None,
        };
        async move { shared.look_up(domain, Kind::Mx).await.map(|records| records.iter().filter_map(mx).collect()) }
            .boxed()
    }

    fn addresses(&self, host: &Domain) -> BoxFuture<'static, Result<Vec<IpAddr>, ResolveError>> {
        if let Some(addresses) = literal(host).or_else(|| local(host)) {
            return std::future::ready(Ok(addresses)).boxed();
        }
        let (shared, host) = (self.0.clone(), host.clone());
        async move {
            let four = shared.clone().look_up(host.clone(), Kind::A);
            let (four, six) = futures_util::future::join(four, shared.look_up(host, Kind::Aaaa)).await;
            either(four, six)
        }
        .boxed()
    }
}

/// The addresses of both kinds; those of one kind if the other gave none, for whatever reason.
fn either(
    four: Result<Arc<[Data]>, ResolveError>,
    six: Result<Arc<[Data]>, ResolveError>,
) -> Result<Vec<IpAddr>, ResolveError> {
    let of = |answer: &Result<Arc<[Data]>, ResolveError>| -> Vec<IpAddr> {
        let address = |data: &Data| match data {
            Data::Address(address) => Some(*address),
            Data::Mx(_) => None,
        };
        answer.iter().flat_map(|records| records.iter().filter_map(address)).collect()
    };
    let addresses: Vec<_> = [of(&four), of(&six)].concat();
    if !addresses.is_empty() {
        return Ok(addresses);
    }
    // Nothing is known for certain unless both say so; a name that exists for one kind exists (RFC 8020).
    match (four, six) {
        (Err(error @ ResolveError::Temporary(_)), _) | (_, Err(error @ ResolveError::Temporary(_))) => Err(error),
        (Err(error), Err(_)) => Err(error),
        _ => Ok(Vec::new()),
    }
}

/// The address that an address literal is (RFC 5321 §4.1.3).
fn literal(host: &Domain) -> Option<Vec<IpAddr>> {
    let inner = host.as_str().strip_prefix('[')?.strip_suffix(']')?;
    let address = inner.strip_prefix("ipv6:").unwrap_or(inner);
    Some(address.parse().into_iter().collect())
}

/// RFC 6761 §6.3: names that no server is asked for.
fn local(host: &Domain) -> Option<Vec<IpAddr>> {
    let is_local = host.as_str().rsplit('.').next() == Some("localhost");
    is_local.then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
}

impl Shared {
    /// The records of `name`, from the cache or the servers, within the deadline.
    async fn look_up(self: Arc<Self>, name: Domain, kind: Kind) -> Result<Arc<[Data]>, ResolveError> {
        let known = self.cache().get(&name, kind, Instant::now());
        let outcome = match known {
            Some(outcome) => outcome,
            None => match tokio::time::timeout(self.deadline, self.fetch(&name, kind)).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    let late = format!("no answer within {} s", self.deadline.as_secs_f32());
                    self.remember(&name, kind, Answer::failed(late))
                }
            },
        };
        outcome.map_err(|failure| match failure {
            Failure::NoSuchName => ResolveError::NoSuchName,
            Failure::Temporary(why) => ResolveError::Temporary(format!("{kind} of {name}: {why}")),
        })
    }

    /// Asks the servers as soon as there is room for one more.
    async fn fetch(&self, name: &Domain, kind: Kind) -> Outcome {
        let Ok(_place) = self.places.acquire().await else {
            return Answer::failed("no look-ups any more".into()).outcome;
        };
        // Somebody else may have asked the same meanwhile.
        let known = self.cache().get(name, kind, Instant::now());
        match known {
            Some(outcome) => outcome,
            None => self.remember(name, kind, self.ask(name, kind).await),
        }
    }

    fn remember(&self, name: &Domain, kind: Kind, answer: Answer) -> Outcome {
        self.cache().put(name.clone(), kind, &answer, Instant::now());
        answer.outcome
    }

    /// Follows aliases until there are records, or certainly none.
    async fn ask(&self, name: &Domain, kind: Kind) -> Answer {
        // Labels that are too long, or too many, cannot be in DNS.
        let Ok(mut at) = Name::from_ascii(format!("{name}.")) else { return Answer::no_such_name() };
        let (mut seen, mut ttl) = (BTreeSet::new(), cache::TTL_MAX);
        while seen.len() < STEPS_MAX && seen.insert(at.clone()) {
            let request = DnsRequest::from_query(Query::query(at.clone(), kind.record_type()), request_options());
            match answer::read(self.pool.send(request).first_answer().await, &at, kind) {
                Step::Done(answer) => return Answer { ttl: answer.ttl.min(ttl), ..answer },
                Step::Alias(next, alias_ttl) => (at, ttl) = (next, ttl.min(alias_ttl)),
            }
        }
        Answer::endless()
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn request_options() -> DnsRequestOptions {
    let mut options = DnsRequestOptions::default();
    options.use_edns = true;
    options.recursion_desired = true;
    options
}
