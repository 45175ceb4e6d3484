//! The way out.

use crate::plan::{Bound, Protocol, ServePlan};
use env::Env;
use mta::{QueuePolicy, Transport, TransportPolicy};
use net::ListenAddress;
use std::sync::Arc;

/// How long and how fast.
pub fn policy(plan: &ServePlan) -> QueuePolicy {
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
pub fn transport(plan: &ServePlan, env: &Env, bound: &[Bound]) -> anyhow::Result<Arc<Transport>> {
    let outbound = &plan.outbound;
    let settings = match outbound.dns.as_slice() {
        [] => net::resolve::Settings::system(),
        servers => net::resolve::Settings::with_servers(servers.to_vec()),
    };
    let resolver = Arc::new(net::resolve::DnsResolver::new(&settings));
    let dialer = Arc::new(net::dial::TokioDialer::new(outbound.authority.as_deref())?);
    let own = bound.iter().filter(|listener| listener.plan.protocol == Protocol::Smtp);
    let own = own.filter_map(|listener| match listener.address {
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
