//! How mail goes out: DNS, routes, times.

use super::Access;
use super::keys::{OUTBOUND, ROUTE};
use super::reader::Section;
use super::units::Span;
use crate::language::{Tell, Text, both};
use crate::plan::Outbound;
use directory::Secret;
use message::report::Language;
use mta::transport::{Family, HostHop, Login, RouteMatch, StaticRoute, TlsDemand};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

pub(super) fn read(root: &Section<'_>, path: &Path, access: Access) -> Outbound {
    let mut outbound = Outbound { routes: routes(root, path, access), ..Outbound::default() };
    let Some(section) = root.section("outbound", &OUTBOUND) else { return outbound };
    let servers = section.list::<Server>("dns").unwrap_or_default();
    outbound.dns = servers.into_iter().map(|found| found.value.0).collect();
    if let Some(port) = section.number("port", 1..=65_535) {
        outbound.port = u16::try_from(port.value).unwrap_or(25);
    }
    let families = [
        ("ipv6-first", Family::Ipv6First),
        ("ipv4-first", Family::Ipv4First),
        ("ipv4-only", Family::Ipv4Only),
        ("ipv6-only", Family::Ipv6Only),
    ];
    if let Some(family) = section.word("ip", &families) {
        outbound.family = family.value;
    }
    outbound.source_v4 = section.parsed::<Ipv4Addr>("source_ipv4").map(|found| IpAddr::V4(found.value));
    outbound.source_v6 = section.parsed::<Ipv6Addr>("source_ipv6").map(|found| IpAddr::V6(found.value));
    outbound.authority = authority(&section, path);
    if let Some(lifetime) = span(&section, "lifetime", HOUR) {
        outbound.lifetime = lifetime;
    }
    if let Some(notice) = span(&section, "delay_notice", 5 * MINUTE) {
        outbound.delay_notice_after = notice;
    }
    if let Some(connections) = section.number("connections_per_destination", 1..=500) {
        outbound.per_destination = connections.value as usize;
    }
    if let Some(rate) = section.number("messages_per_minute", 1..=100_000) {
        outbound.per_minute = u32::try_from(rate.value).ok();
    }
    if let Some(language) = section.word("language", &[("en", Language::English), ("de", Language::German)]) {
        outbound.language = language.value;
    }
    outbound
}

fn authority(section: &Section<'_>, path: &Path) -> Option<std::path::PathBuf> {
    let found = section.text("authority")?;
    let file = path.parent().unwrap_or(Path::new("")).join(found.value);
    if let Err(error) = net::dial::TokioDialer::new(Some(&file)) {
        section.mistake(found.span, "authority", error.tell());
    }
    Some(file)
}

fn span(section: &Section<'_>, key: &str, min: Duration) -> Option<Duration> {
    let found = section.parsed::<Span>(key)?;
    if !(min..=MONTH).contains(&found.value.0) {
        let minutes = min.as_secs() / 60;
        let text = both!("must be from {minutes} min to 30 d", "muss zwischen {minutes} min und 30 d liegen");
        section.mistake(found.span, key, text);
    }
    Some(found.value.0)
}

/// An address with or without port.
struct Server(SocketAddr);

/// A text is none.
struct NoServer;

impl Tell for NoServer {
    fn tell(&self) -> Text {
        both!(
            "is no IP address, as 192.0.2.53, 127.0.0.1:5353 or [::1]:5353",
            "keine IP-Adresse wie 192.0.2.53, 127.0.0.1:5353 oder [::1]:5353"
        )
    }
}

impl FromStr for Server {
    type Err = NoServer;
    fn from_str(text: &str) -> Result<Server, NoServer> {
        let bare = || text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 53));
        text.parse().or_else(|_| bare()).map(Server).map_err(|_| NoServer)
    }
}

fn routes(root: &Section<'_>, path: &Path, access: Access) -> Vec<StaticRoute> {
    let mut routes: Vec<StaticRoute> = Vec::new();
    for section in root.sections("route", &ROUTE).unwrap_or_default() {
        let login = login(&section, path, access);
        let demands = [
            ("none", TlsDemand::Never),
            ("welcome", TlsDemand::Welcome),
            ("required", TlsDemand::Required),
            ("verified", TlsDemand::Verified),
        ];
        // A password is shown to nobody else.
        let unsaid = if login.is_some() { TlsDemand::Verified } else { TlsDemand::Welcome };
        let tls = section.word("tls", &demands).map_or(unsaid, |found| found.value);
        let matches = section.list::<RouteMatch>("for").unwrap_or_default();
        let matches = matches.into_iter().map(|found| found.value).collect();
        let hop = section.parsed::<HostHop>("to");
        if !section.has("to") {
            let why = both!(
                "where does the mail go? As \"smtp://mail.example.org:587\"",
                "wohin geht die Mail? Etwa \"smtp://mail.example.org:587\""
            );
            section.missing("to", why);
        }
        let Some(name) = section.text("name") else {
            if !section.has("name") {
                let why =
                    both!("by what shall the queue know it?", "unter welchem Namen soll die Warteschlange sie kennen?");
                section.missing("name", why);
            }
            continue;
        };
        if name.value.is_empty() || !name.value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            let text = both!(
                "must be a word of letters, digits, `-`, `_` and `.`",
                "muss ein Wort aus Buchstaben, Ziffern, `-`, `_` und `.` sein"
            );
            section.mistake(name.span.clone(), "name", text);
        }
        if routes.iter().any(|route| route.name == name.value) {
            let text = both!("there is a route {name} already", "eine Route {name} gibt es bereits", name = name.value);
            section.mistake(name.span, "name", text);
        }
        if let Some(hop) = hop {
            routes.push(StaticRoute { name: name.value.to_owned(), matches, hop: hop.value, tls, login });
        }
    }
    routes
}

fn login(section: &Section<'_>, path: &Path, access: Access) -> Option<Login> {
    let (user, password) = (section.text("user"), section.text("password"));
    match (user, password) {
        (Some(user), Some(password)) => {
            if access == Access::Others {
                let text = both!(
                    "this file holds a password and others may read it; run `chmod 600 {path}`",
                    "diese Datei enthält ein Passwort und ist für andere lesbar; Abhilfe: `chmod 600 {path}`",
                    path = path.display()
                );
                section.mistake(password.span, "password", text);
            }
            Some(Login { user: user.value.to_owned(), password: Secret::from(password.value) })
        }
        (Some(_), None) if !section.has("password") => {
            section.missing("password", both!("a user needs one", "zu `user` gehört eines"));
            None
        }
        (None, Some(_)) if !section.has("user") => {
            section.missing("user", both!("whose password is it?", "wessen Passwort ist es?"));
            None
        }
        _ => None,
    }
}
