//! What a mail domain's zone should hold, so that mail and mail programs find this server.

use crate::language::say;
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
                self.remark(say!(
                    "no smtp listener is reachable from outside: there is no MX, and mail will not come in",
                    "kein smtp-Listener ist von außen erreichbar: ohne MX kommt keine Mail an"
                ));
            }
            Some(first) => {
                if first != 25 && !ports.any(|port| port == 25) {
                    self.remark(say!(
                        "mail comes to port 25, and no smtp listener has it; port 25 must lead to {first}",
                        "Mail kommt an Port 25 an, den kein smtp-Listener hat; Port 25 muss zu {first} führen"
                    ));
                }
                self.add(
                    "",
                    "MX",
                    format!("10 {hostname}."),
                    say!("where mail to this domain goes", "wohin Mail an diese Domain geht"),
                );
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
        let which = match listed.as_str() {
            "" => say!("this machine's public addresses", "den öffentlichen Adressen dieser Maschine"),
            _ => listed,
        };
        self.remark(say!(
            "{hostname} needs A and AAAA records with {which}, and those addresses the name {hostname} (PTR)",
            "{hostname} braucht A- und AAAA-Einträge mit {which}, und diese Adressen den Namen {hostname} (PTR)"
        ));
    }

    fn services(&mut self, hostname: &Domain, servers: &[MailServer]) {
        for (service, security, label, priority) in SERVICES {
            let fits = |server: &&MailServer| server.service == service && server.security == security;
            let port = servers.iter().filter(fits).map(|server| server.port).min();
            let what = match service {
                MailService::Submission => say!("sending", "Versand"),
                MailService::Imap => "IMAP".to_owned(),
                MailService::Pop3 => "POP3".to_owned(),
            };
            let how = if security == Security::Tls { "TLS" } else { "STARTTLS" };
            let label = format!("{label}._tcp");
            match port {
                Some(port) => {
                    let data = format!("{priority} 1 {port} {hostname}.");
                    self.add(&label, "SRV", data, say!("{what} with {how}", "{what} mit {how}"));
                }
                // RFC 2782: the root as target says that the service is not there.
                None => {
                    let comment = say!("no {what} with {how} here", "hier kein {what} mit {how}");
                    self.add(&label, "SRV", "0 0 0 .".to_owned(), comment);
                }
            }
        }
    }

    fn discovery(&mut self, domain: &Domain, hostname: &Domain, public: &[Bound], servers: &[MailServer]) {
        let shown =
            |bound: &&Bound| bound.plan.protocol == Protocol::Http && bound.plan.pages.contains(&Page::Discovery);
        let https = |bound: &&Bound| bound.plan.tls == TlsStart::Implicit;
        let ports: Vec<u16> = public.iter().filter(shown).filter(https).filter_map(Bound::public_port).collect();
        let Some(first) = ports.iter().copied().min_by_key(|port| (*port != 443, *port)) else {
            self.remark(say!(
                "no http listener with tls = \"implicit\" shows discovery to the outside: names for mail programs' \
                 automatic configuration (autoconfig, autodiscover) would lead nowhere, and are left out",
                "kein http-Listener mit tls = \"implicit\" zeigt discovery nach außen: Namen für die automatische \
                 Einrichtung von Mailprogrammen (autoconfig, autodiscover) führten ins Leere und fehlen deshalb"
            ));
            return;
        };
        let host = format!("{hostname}.");
        let comment = say!("Outlook, under this server's own name", "Outlook, unter dem eigenen Namen des Servers");
        self.add("_autodiscover._tcp", "SRV", format!("0 1 {first} {host}"), comment);
        if first != 443 {
            self.remark(say!(
                "mail programs ask on port 443, and no http listener has it; for autoconfig port 443 must lead to {first}",
                "Mailprogramme fragen an Port 443, den kein http-Listener hat; für autoconfig muss Port 443 zu {first} führen"
            ));
            return;
        }
        self.add("autoconfig", "CNAME", host.clone(), say!("Thunderbird and others", "Thunderbird und andere"));
        self.add("autodiscover", "CNAME", host.clone(), "Outlook");
        let mut names = vec![format!("autoconfig.{domain}"), format!("autodiscover.{domain}")];
        if let Some(document) = web::user_agent_configuration(domain, servers) {
            let digest = STANDARD.encode(digest(&SHA256, document.as_bytes()));
            let comment =
                say!("newer programs (draft-ietf-mailmaint-pacc)", "neuere Programme (draft-ietf-mailmaint-pacc)");
            self.add("ua-auto-config", "CNAME", host, comment);
            let data = format!("\"v=UAAC1; a=sha256; d={digest}\"");
            let comment = say!(
                "proves what they find there; changes with the listeners",
                "belegt, was sie dort finden; ändert sich mit den Listenern"
            );
            self.add("_ua-auto-config", "TXT", data, comment);
            names.push(format!("ua-auto-config.{domain}"));
        }
        let names = names.join(", ");
        self.remark(say!("the certificate must also stand for {names}", "das Zertifikat muss auch für {names} gelten"));
    }
}

impl Zone {
    /// As a zone file has it; remarks are comments, too.
    pub fn text(&self) -> String {
        let mut out = say!(
            "; {domain}: what its zone needs for this server\n",
            "; {domain}: was die Zone für diesen Server braucht\n",
            domain = self.domain
        );
        let names = self.records.iter().map(|record| record.name.len()).max().unwrap_or_default();
        for Record { name, ttl_s, kind, data, comment } in &self.records {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{name:<names$} {ttl_s} IN {kind:<5} {data} ; {comment}");
        }
        for remark in &self.remarks {
            out += &say!("; note: {remark}\n", "; Hinweis: {remark}\n");
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
