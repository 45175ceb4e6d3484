//! Which hosts take mail for a next hop, in the order in which they are tried (RFC 5321 §5.1).

use super::{Family, NextHop, TlsDemand, Transport, deferred, failed};
use crate::queue::Outcome;
use crate::transport::hop::{HostHop, Login};
use env::{Mx, ResolveError};
use model::Domain;
use smtp::Flavour;
use std::net::{IpAddr, SocketAddr};

/// Exchangers of which addresses are looked up: more are a mistake, or meant to keep us busy.
const EXCHANGERS_MAX: usize = 10;
/// Addresses of one exchanger that are tried.
const ADDRESSES_PER_HOST_MAX: usize = 4;

/// An address to be tried, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Candidate {
    pub host: Domain,
    pub address: SocketAddr,
    pub flavour: Flavour,
    pub implicit_tls: bool,
    pub tls: TlsDemand,
    pub login: Option<Login>,
}

impl Candidate {
    /// As it stands in the trace: `mx.example.org [192.0.2.1]:25`.
    pub fn peer_name(&self) -> String {
        format!("{} [{}]:{}", self.host, self.address.ip(), self.address.port())
    }
}

impl Transport {
    /// The addresses for a next hop; none is an outcome.
    pub(super) async fn candidates(&self, name: &str) -> Result<Vec<Candidate>, Outcome> {
        let hop: NextHop = name.parse().map_err(|error| deferred((4, 3, 5), format!("the next hop {error}")))?;
        match hop {
            NextHop::Domain(domain) => self.of_domain(&domain).await,
            NextHop::Host(hop) => self.of_host(&hop, TlsDemand::Welcome, None).await,
            NextHop::Route(name) => match self.policy.routes.iter().find(|route| route.name == name) {
                Some(route) => self.of_host(&route.hop, route.tls, route.login.as_ref()).await,
                None => {
                    let text =
                        format!("the configuration has no route {name}; `postamt queue reroute` sends it another way");
                    Err(deferred((4, 3, 5), text))
                }
            },
        }
    }

    async fn of_host(&self, hop: &HostHop, tls: TlsDemand, login: Option<&Login>) -> Result<Vec<Candidate>, Outcome> {
        let addresses = match literal(&hop.host) {
            Some(address) => Ok(vec![address]),
            None => self.resolver.addresses(&hop.host).await,
        };
        let candidate = |address| Candidate {
            host: hop.host.clone(),
            address: SocketAddr::new(address, hop.port),
            flavour: hop.flavour,
            implicit_tls: hop.implicit_tls,
            tls,
            login: login.cloned(),
        };
        match addresses {
            // A mistake in our own configuration bounces nobody's mail.
            Err(error) => Err(deferred((4, 4, 3), format!("the next hop {}: {error}", hop.host))),
            Ok(addresses) if addresses.is_empty() => {
                Err(deferred((4, 4, 3), format!("the next hop {} has no address", hop.host)))
            }
            Ok(addresses) => {
                let candidates: Vec<_> = self.ordered(addresses).into_iter().map(candidate).collect();
                if candidates.iter().any(|candidate| self.is_own(&candidate.address)) {
                    return Err(deferred((4, 4, 6), format!("the next hop {} is this server itself", hop.host)));
                }
                Ok(candidates)
            }
        }
    }

    async fn of_domain(&self, domain: &Domain) -> Result<Vec<Candidate>, Outcome> {
        if let Some(address) = literal(domain) {
            let candidate = self.exchanger(domain, address);
            return if self.is_own(&candidate.address) { Err(loops(domain)) } else { Ok(vec![candidate]) };
        }
        let exchangers = match self.resolver.mx(domain).await {
            Err(ResolveError::NoSuchName) => {
                return Err(failed((5, 1, 2), format!("the domain {domain} does not exist")));
            }
            Err(error) => return Err(deferred((4, 4, 3), format!("exchangers of {domain}: {error}"))),
            Ok(exchangers) => exchangers,
        };
        // RFC 7505 §3: the one record says that the domain takes no mail.
        if !exchangers.is_empty() && exchangers.iter().all(|mx| mx.host.is_none()) {
            return Err(failed((5, 1, 10), format!("the domain {domain} takes no mail (null MX)")));
        }
        let implicit = exchangers.is_empty();
        let hosts = if implicit { vec![(0, domain.clone())] } else { self.by_preference(exchangers) };
        self.of_exchangers(domain, hosts, implicit).await
    }

    async fn of_exchangers(
        &self,
        domain: &Domain,
        hosts: Vec<(u16, Domain)>,
        implicit: bool,
    ) -> Result<Vec<Candidate>, Outcome> {
        let (mut found, mut doubt, mut ours) = (Vec::new(), None, None);
        for (preference, host) in hosts.into_iter().take(EXCHANGERS_MAX) {
            // RFC 5321 §5.1: we are an exchanger ourselves; those behind us would send it back.
            if ours.is_some_and(|ours| preference >= ours) {
                break;
            }
            if host == self.policy.host_name {
                ours = Some(preference);
                found.retain(|(other, _): &(u16, Candidate)| *other < preference);
                continue;
            }
            match self.resolver.addresses(&host).await {
                Ok(addresses) => {
                    let any = !addresses.is_empty();
                    let candidates = self.ordered(addresses).into_iter().take(ADDRESSES_PER_HOST_MAX);
                    let candidates: Vec<_> = candidates.map(|address| self.exchanger(&host, address)).collect();
                    if any && candidates.is_empty() {
                        // What our own configuration keeps from us bounces nobody's mail.
                        let text = format!("{host} has no address of the family that is used here");
                        doubt = Some(deferred((4, 4, 4), text));
                    }
                    if candidates.iter().any(|candidate| self.is_own(&candidate.address)) {
                        ours = Some(preference);
                        found.retain(|(other, _)| *other < preference);
                    } else {
                        found.extend(candidates.into_iter().map(|candidate| (preference, candidate)));
                    }
                }
                Err(ResolveError::NoSuchName) => {}
                Err(error) => doubt = Some(deferred((4, 4, 3), format!("addresses of {host}: {error}"))),
            }
        }
        match (found.is_empty(), doubt, ours) {
            (false, ..) => Ok(found.into_iter().map(|(_, candidate)| candidate).collect()),
            (true, Some(doubt), _) => Err(doubt),
            (true, None, Some(_)) => Err(loops(domain)),
            (true, None, None) if implicit => {
                Err(failed((5, 1, 2), format!("the domain {domain} has neither exchanger nor address")))
            }
            (true, None, None) => Err(failed((5, 4, 4), format!("no exchanger of {domain} has an address"))),
        }
    }

    /// Whether we listen there ourselves. Where a listener takes all addresses, those that surely are this machine's count.
    fn is_own(&self, address: &SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        let here = ip.is_loopback() || ip.is_unspecified();
        self.policy.own.iter().any(|own| {
            let listens = own.ip().to_canonical();
            own.port() == address.port() && (listens == ip || ip.is_unspecified() || (listens.is_unspecified() && here))
        })
    }

    fn exchanger(&self, host: &Domain, address: IpAddr) -> Candidate {
        Candidate {
            host: host.clone(),
            address: SocketAddr::new(address, self.policy.port),
            flavour: Flavour::Smtp,
            implicit_tls: false,
            tls: TlsDemand::Welcome,
            login: None,
        }
    }

    /// Lowest preference first; those of the same in random order, so that the load is shared (RFC 5321 §5.1).
    fn by_preference(&self, exchangers: Vec<Mx>) -> Vec<(u16, Domain)> {
        let mut hosts: Vec<_> =
            exchangers.into_iter().filter_map(|mx| mx.host.map(|host| (mx.preference, self.random(), host))).collect();
        hosts.sort();
        hosts.into_iter().map(|(preference, _, host)| (preference, host)).collect()
    }

    /// Both families in turns, so that a broken one costs one time-out and not all.
    fn ordered(&self, addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        let (mut v6, mut v4): (Vec<_>, Vec<_>) = addresses.into_iter().partition(IpAddr::is_ipv6);
        for of_one_family in [&mut v6, &mut v4] {
            of_one_family.sort_by_cached_key(|_| self.random());
        }
        let (first, second) = match self.policy.family {
            Family::Ipv6First => (v6, v4),
            Family::Ipv4First => (v4, v6),
            Family::Ipv4Only => (v4, Vec::new()),
            Family::Ipv6Only => (v6, Vec::new()),
        };
        let mut second = second.into_iter();
        let mut all: Vec<_> = first.into_iter().flat_map(|address| [Some(address), second.next()]).flatten().collect();
        all.extend(second);
        all
    }
}

fn loops(domain: &Domain) -> Outcome {
    failed((5, 4, 6), format!("mail for {domain} leads back to this server, which does not know the domain"))
}

/// The address of an address literal (RFC 5321 §4.1.3).
fn literal(domain: &Domain) -> Option<IpAddr> {
    let inner = domain.as_str().strip_prefix('[')?.strip_suffix(']')?;
    match inner.strip_prefix("ipv6:") {
        Some(v6) => v6.parse().ok().map(IpAddr::V6),
        None => inner.parse().ok().map(IpAddr::V4),
    }
}
