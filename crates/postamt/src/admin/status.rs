//! How the server is.

use super::protocol::{CertificateItem, DestinationItem, ListenerItem, QueueStatus, StatusItem};
use super::server::Office;
use super::when::When;
use crate::language::{Language, Tell};
use crate::plan::{Bound, TlsStart};
use crate::server::Current;
use mta::queue::Destination;
use store_local::Health;

/// Destinations shown: those with the most deliveries.
const DESTINATIONS_MAX: usize = 100;

pub fn of(office: &Office, language: Language) -> StatusItem {
    let (board, directory) = (&office.board, &office.post.directory);
    let health = board.store.health();
    let current = board.current();
    StatusItem {
        version: env!("CARGO_PKG_VERSION").into(),
        hostname: current.hostname.to_string(),
        pid: std::process::id(),
        uptime_s: board.started.elapsed().as_secs(),
        healthy: health == Health::Ok,
        store: health.tell().within(language).to_owned(),
        listeners: current.bound.iter().map(listener).collect(),
        connections: office.capacity.open(),
        connections_max: office.capacity.max(),
        queue: queue(office),
        accounts: directory.account_count(),
        domains: directory.domains().len(),
        faults: directory.faults().iter().map(|fault| fault.tell().within(language).to_owned()).collect(),
        memory_octets: memory(),
        certificates: certificates(&current),
    }
}

pub fn listener(bound: &Bound) -> ListenerItem {
    ListenerItem {
        protocol: bound.plan.protocol.name().into(),
        address: bound.address.to_string(),
        tls: match bound.plan.tls {
            TlsStart::None => "none".into(),
            TlsStart::Starttls => "starttls".into(),
            TlsStart::Implicit => "implicit".into(),
        },
    }
}

pub fn certificates(current: &Current) -> Vec<CertificateItem> {
    let standing = current.acceptor.as_ref().map(|acceptor| acceptor.standing()).unwrap_or_default();
    let item = |standing: net::tls::Standing| CertificateItem {
        file: standing.chain.display().to_string(),
        names: standing.names,
        not_after: When(standing.not_after),
    };
    standing.into_iter().map(item).collect()
}

fn queue(office: &Office) -> QueueStatus {
    let queue = &office.post.queue;
    let all = queue.destinations();
    let destinations_more = all.len().saturating_sub(DESTINATIONS_MAX);
    let destination =
        |(name, waiting, under_way, closed): (Destination, _, _, Option<mta::queue::Closed>)| DestinationItem {
            next_hop: match name {
                Destination::Local => "local".into(),
                Destination::Remote(name) => name.to_string(),
            },
            waiting,
            under_way,
            closed_until: closed.as_ref().map(|closed| When(closed.until)),
            closed_cause: closed.map(|closed| closed.cause.to_string()),
        };
    let destinations = all.into_iter().take(DESTINATIONS_MAX).map(destination).collect();
    QueueStatus { deliveries: queue.len(), under_way: queue.under_way(), destinations, destinations_more }
}

/// What the process holds of the machine's memory (proc_pid_status(5)).
pub fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = held.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
