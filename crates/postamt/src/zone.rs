//! What a mail domain's zone should hold, so that mail and mail programs find this server.

use crate::plan::{Bound, Protocol, TlsStart};
use crate::reach;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Domain;
use net::ListenAddress;
use serde::Serialize;
use std::fmt::Write;
use std::net::IpAddr;
use web::{MailServer, MailService, Page, Security};

/// Changes are seen within the hour.
const TTL_S: u32 = 3600;

/// The services that programs look for, with the priority of each: whoever can do both shall take IMAP (RFC 6186 §3.4).
const SERVICES: [(MailService, Security, &str, u16); 6] = [
    (MailService::Submission, Security::Tls, "_submissions", 0),
    (MailService::Submission, Security::StartTls, "_submission", 0),
    (MailService::Imap, Security::Tls, "_imaps", 0),
    (MailService::Imap, Security::StartTls, "_imap", 0),
    (MailService::Pop3, Security::Tls, "_pop3s", 10),
    (MailService::Pop3, Security::StartTls, "_pop3", 10),
];

/// The records of one domain.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Zone {
    pub domain: String,
    pub records: Vec<Record>,
    /// What the configuration cannot say, and what is missing in it.
    pub remarks: Vec<String>,
}

/// One record.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// With its final dot.
    pub name: String,
    pub ttl_s: u32,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub data: String,
    pub comment: String,
}

impl Zone {
    /// What belongs into the zone of `domain` for a server called `hostname` with these listeners.
    pub fn of(domain: &Domain, hostname: &Domain, listeners: &[Bound]) -> Zone {
        let mut zone = Zone { domain: domain.to_string(), records: Vec::new(), remarks: Vec::new() };
        let public: Vec<Bound> = listeners.iter().filter(|bound| bound.public_port().is_some()).cloned().collect();
        let servers = reach::servers(hostname, &public, false);
        zone.exchanger(hostname, &public);
        zone.addresses(hostname, &public);
        zone.services(hostname, &servers);
        zone.discovery(domain, hostname, &public, &servers);
        zone
    }

    fn add(&mut self, label: &str, kind: &'static str, data: String, comment: impl Into<String>) {
        let dot = if label.is_empty() { "" } else { "." };
        let name = format!("{label}{dot}{}.", self.domain);
        self.records.push(Record { name, ttl_s: TTL_S, kind, data, comment: comment.into() });
    }

    fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }

    /// RFC 5321 §5.1.
    fn exchanger(&mut self, hostname: &Domain, public: &[Bound]) {
        let mut ports =
            public.iter().filter(|bound| bound.plan.protocol == Protocol::Smtp).filter_map(Bound::public_port);
        match ports.next() {
            None => {
                self.remark("no smtp listener is reachable from outside: there is no MX, and mail will not come in")
            }
            Some(first) => {
                if first != 25 && !ports.any(|port| port == 25) {
                    self.remark(format!(
                        "mail comes to port 25, and no smtp listener has it; {first} must be reached by it"
                    ));
                }
                self.add("", "MX", format!("10 {hostname}."), "where mail to this domain goes");
            }
        }
    }

    /// Of the host itself, as far as they are known: a listener on all addresses does not say which there are.
    fn addresses(&mut self, hostname: &Domain, public: &[Bound]) {
        let mut addresses: Vec<IpAddr> = Vec::new();
        for address in
            public.iter().filter_map(|bound| ip(&bound.address)).filter(|ip| !ip.is_unspecified() && !ip.is_loopback())
        {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let listed = addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
        let which = if listed.is_empty() { "this machine's public addresses".to_owned() } else { listed };
        let text =
            format!("{hostname} needs A and AAAA records with {which}, and those addresses the name {hostname} (PTR)");
        self.remark(text);
    }

    fn services(&mut self, hostname: &Domain, servers: &[MailServer]) {
        for (service, security, label, priority) in SERVICES {
            let fits = |server: &&MailServer| server.service == service && server.security == security;
            let port = servers.iter().filter(fits).map(|server| server.port).min();
            let what = match service {
                MailService::Submission => "sending",
                MailService::Imap => "IMAP",
                MailService::Pop3 => "POP3",
            };
            let how = if security == Security::Tls { "TLS" } else { "STARTTLS" };
            let label = format!("{label}._tcp");
            match port {
                Some(port) => {
                    let data = format!("{priority} 1 {port} {hostname}.");
                    self.add(&label, "SRV", data, format!("{what} with {how}"));
                }
                // RFC 2782: the root as target says that the service is not there.
                None => self.add(&label, "SRV", "0 0 0 .".to_owned(), format!("no {what} with {how} here")),
            }
        }
    }

    fn discovery(&mut self, domain: &Domain, hostname: &Domain, public: &[Bound], servers: &[MailServer]) {
        let shown =
            |bound: &&Bound| bound.plan.protocol == Protocol::Http && bound.plan.pages.contains(&Page::Discovery);
        let https = |bound: &&Bound| bound.plan.tls == TlsStart::Implicit;
        let ports: Vec<u16> = public.iter().filter(shown).filter(https).filter_map(Bound::public_port).collect();
        let Some(first) = ports.iter().copied().min_by_key(|port| (*port != 443, *port)) else {
            self.remark(
                "no http listener with tls = \"implicit\" shows discovery to the outside: names for mail programs' \
                 automatic configuration (autoconfig, autodiscover) would lead nowhere, and are left out",
            );
            return;
        };
        let host = format!("{hostname}.");
        self.add("_autodiscover._tcp", "SRV", format!("0 1 {first} {host}"), "Outlook, under this server's own name");
        if first != 443 {
            self.remark(format!(
                "mail programs ask on port 443, and no http listener has it; {first} must be reached by it for autoconfig"
            ));
            return;
        }
        self.add("autoconfig", "CNAME", host.clone(), "Thunderbird and others");
        self.add("autodiscover", "CNAME", host.clone(), "Outlook");
        let mut names = vec![format!("autoconfig.{domain}"), format!("autodiscover.{domain}")];
        if let Some(document) = web::user_agent_configuration(domain, servers) {
            let digest = STANDARD.encode(digest(&SHA256, document.as_bytes()));
            self.add("ua-auto-config", "CNAME", host, "newer programs (draft-ietf-mailmaint-pacc)");
            let data = format!("\"v=UAAC1; a=sha256; d={digest}\"");
            self.add("_ua-auto-config", "TXT", data, "proves what they find there; changes with the listeners");
            names.push(format!("ua-auto-config.{domain}"));
        }
        self.remark(format!("the certificate must also stand for {}", names.join(", ")));
    }
}

impl Zone {
    /// As a zone file has it; remarks are comments, too.
    pub fn text(&self) -> String {
        let mut out = format!("; {}: what its zone needs for this server\n", self.domain);
        let names = self.records.iter().map(|record| record.name.len()).max().unwrap_or_default();
        for Record { name, ttl_s, kind, data, comment } in &self.records {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{name:<names$} {ttl_s} IN {kind:<5} {data} ; {comment}");
        }
        for remark in &self.remarks {
            let _ = writeln!(out, "; note: {remark}");
        }
        out
    }
}

fn ip(address: &ListenAddress) -> Option<IpAddr> {
    match address {
        ListenAddress::Tcp(address) => Some(address.ip().to_canonical()),
        ListenAddress::Unix(_) => None,
    }
}

#[cfg(test)]
mod tests;
