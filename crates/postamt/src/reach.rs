//! Where mail programs reach this server: what discovery and DNS tell of its listeners.

use crate::plan::{Bound, PlaintextLogin, Protocol, TlsStart};
use model::Domain;
use net::ListenAddress;
use std::net::SocketAddr;
use web::{LogIn, MailServer, MailService, Page, Security};

/// The listeners that mail programs may use, under `hostname`. Those on loopback count only when there are no others: then it
/// is a server for this machine alone, and they are told by their address. `scram`: whether everybody can log in so.
pub fn servers(hostname: &Domain, listeners: &[Bound], scram: bool) -> Vec<MailServer> {
    let usable: Vec<_> = listeners.iter().filter_map(|bound| Some((usable(bound)?, bound))).collect();
    let public = usable.iter().any(|(_, bound)| bound.public_port().is_some());
    let server = |((service, address), bound): &((MailService, SocketAddr), &Bound)| MailServer {
        service: *service,
        host: if public { hostname.to_string() } else { address.ip().to_string() },
        port: bound.public_port().unwrap_or(address.port()),
        security: match bound.plan.tls {
            TlsStart::None => Security::None,
            TlsStart::Starttls => Security::StartTls,
            TlsStart::Implicit => Security::Tls,
        },
        logins: log_ins(scram),
    };
    usable.iter().filter(|(_, bound)| bound.public_port().is_some() == public).map(server).collect()
}

/// Where HTTPS is spoken and discovery is shown, as `https://mail.example.org:8443`; port 443 goes first.
pub fn origin(hostname: &Domain, listeners: &[Bound]) -> Option<String> {
    let https = listeners.iter().filter(|bound| {
        let plan = &bound.plan;
        plan.protocol == Protocol::Http && plan.tls == TlsStart::Implicit && plan.pages.contains(&Page::Discovery)
    });
    match https.filter_map(Bound::public_port).min_by_key(|port| (*port != 443, *port))? {
        443 => Some(format!("https://{hostname}")),
        port => Some(format!("https://{hostname}:{port}")),
    }
}

/// What a mail program would do at a listener, if it can log in there over the network.
fn usable(bound: &Bound) -> Option<(MailService, SocketAddr)> {
    let service = match bound.plan.protocol {
        Protocol::Imap => MailService::Imap,
        Protocol::Pop3 => MailService::Pop3,
        Protocol::Submission => MailService::Submission,
        Protocol::Smtp | Protocol::Lmtp | Protocol::Http => return None,
    };
    let open = bound.plan.tls != TlsStart::None || bound.plan.plaintext_login == PlaintextLogin::Allowed;
    match bound.address {
        ListenAddress::Tcp(address) if open => {
            Some((service, SocketAddr::new(address.ip().to_canonical(), address.port())))
        }
        _ => None,
    }
}

/// SCRAM is told only where everybody can: a program that takes it would lock out the others.
fn log_ins(scram: bool) -> Vec<LogIn> {
    scram.then_some(LogIn::Sasl("SCRAM-SHA-256")).into_iter().chain([LogIn::Password]).collect()
}

#[cfg(test)]
pub mod tests;
