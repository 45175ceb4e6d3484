//! Listeners: those of the file, or the default ones on loopback.

use super::keys::LISTENER;
use super::reader::Section;
use crate::language::both;
use crate::plan::{ChannelBinding, ListenerPlan, PlaintextLogin, Port, Protocol, TlsStart};
use model::Network;
use net::ListenAddress;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use web::Page;

pub(super) fn read(root: &Section<'_>, folder: &Path) -> Vec<ListenerPlan> {
    let Some(sections) = root.sections("listener", &LISTENER) else { return loopback(Port::Fixed) };
    let mut plans: Vec<(usize, ListenerPlan)> = Vec::new();
    for (n, section) in sections.iter().enumerate() {
        let Some((plan, span)) = listener(section, folder) else { continue };
        if let Some((other, _)) = plans.iter().find(|(_, other)| clash(&other.address, &plan.address)) {
            let text = both!(
                "{address} is taken by listener[{other}] already",
                "{address} ist schon durch listener[{other}] belegt",
                address = plan.address
            );
            section.mistake(span, "address", text);
        }
        plans.push((n + 1, plan));
    }
    plans.into_iter().map(|(_, plan)| plan).collect()
}

/// What is there without any configuration: everything on high loopback ports.
pub fn loopback(port: Port) -> Vec<ListenerPlan> {
    let listener = |protocol, number, tls| {
        let address = ListenAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], number)));
        let plaintext_login = match (protocol, tls) {
            (Protocol::Imap | Protocol::Pop3 | Protocol::Submission, TlsStart::Starttls) => PlaintextLogin::Allowed,
            _ => PlaintextLogin::Refused,
        };
        let (channel_binding, proxies) = (ChannelBinding::NotOffered, Vec::new());
        let pages = default_pages(protocol, &address);
        let public_port = None;
        ListenerPlan { protocol, address, tls, plaintext_login, channel_binding, port, proxies, pages, public_port }
    };
    vec![
        listener(Protocol::Smtp, 2525, TlsStart::Starttls),
        listener(Protocol::Submission, 2587, TlsStart::Starttls),
        listener(Protocol::Submission, 2465, TlsStart::Implicit),
        listener(Protocol::Lmtp, 2424, TlsStart::None),
        listener(Protocol::Imap, 2143, TlsStart::Starttls),
        listener(Protocol::Imap, 2993, TlsStart::Implicit),
        listener(Protocol::Pop3, 2110, TlsStart::Starttls),
        listener(Protocol::Pop3, 2995, TlsStart::Implicit),
        listener(Protocol::Http, 8080, TlsStart::None),
    ]
}

fn listener(section: &Section<'_>, folder: &Path) -> Option<(ListenerPlan, Range<usize>)> {
    let protocol = section.word("protocol", &Protocol::ALL.map(|protocol| (protocol.name(), protocol)));
    if !section.has("protocol") {
        let why = both!(
            "what is spoken there? smtp, submission, lmtp, imap, pop3 or http",
            "was wird dort gesprochen? smtp, submission, lmtp, imap, pop3 oder http"
        );
        section.missing("protocol", why);
    }
    let address = address(section, folder);
    let words = [("none", TlsStart::None), ("starttls", TlsStart::Starttls), ("implicit", TlsStart::Implicit)];
    let tls = section.word("tls", &words);
    let plaintext = section.flag("plaintext_login");
    let (protocol, (address, span)) = (protocol?.value, address?);
    let bare = matches!(protocol, Protocol::Lmtp | Protocol::Http);
    match (protocol, &tls) {
        (Protocol::Lmtp, Some(tls)) if tls.value != TlsStart::None => {
            section.mistake(tls.span.clone(), "tls", both!("lmtp knows only \"none\"", "lmtp kennt nur \"none\""));
        }
        (Protocol::Http, Some(tls)) if tls.value == TlsStart::Starttls => {
            let text = both!("http knows only \"none\" and \"implicit\"", "http kennt nur \"none\" und \"implicit\"");
            section.mistake(tls.span.clone(), "tls", text);
        }
        _ => {}
    }
    let plaintext_login = match &plaintext {
        Some(flag) if flag.value => PlaintextLogin::Allowed,
        _ => PlaintextLogin::Refused,
    };
    if let Some(flag) = plaintext.filter(|flag| flag.value) {
        if !matches!(protocol, Protocol::Imap | Protocol::Pop3 | Protocol::Submission) {
            let text = both!(
                "nobody logs in by {protocol}; only imap, pop3 and submission listeners take passwords",
                "über {protocol} meldet sich niemand an; nur imap, pop3 und submission nehmen Passwörter an",
                protocol = protocol.name()
            );
            section.mistake(flag.span, "plaintext_login", text);
        } else if !address.is_local() {
            let text = both!(
                "{address} is no loopback address: passwords would cross the network in the clear",
                "{address} ist keine Loopback-Adresse: Passwörter gingen im Klartext durchs Netz"
            );
            section.mistake(flag.span, "plaintext_login", text);
        }
    }
    let default = if bare { TlsStart::None } else { TlsStart::Starttls };
    let tls = tls.map_or(default, |tls| tls.value);
    let proxies = section.list::<Network>("proxy").unwrap_or_default().into_iter().map(|found| found.value).collect();
    let bind = section.flag("channel_binding").is_some_and(|found| found.value);
    let channel_binding = if bind { ChannelBinding::Offered } else { ChannelBinding::NotOffered };
    let port = Port::Fixed;
    let pages = pages(section, protocol, &address);
    let public_port = section.number("public_port", 1..=65535).and_then(|found| u16::try_from(found.value).ok());
    let plan =
        ListenerPlan { protocol, address, tls, plaintext_login, channel_binding, port, proxies, pages, public_port };
    Some((plan, span))
}

fn pages(section: &Section<'_>, protocol: Protocol, address: &ListenAddress) -> Vec<Page> {
    let Some(found) = section.list::<Page>("pages") else { return default_pages(protocol, address) };
    if let Some(first) = found.first().filter(|_| protocol != Protocol::Http) {
        let text = both!(
            "{protocol} shows no pages; only http does",
            "{protocol} zeigt keine Seiten; das tut nur http",
            protocol = protocol.name()
        );
        section.mistake(first.span.clone(), "pages", text);
    }
    let mut pages: Vec<Page> = found.into_iter().map(|found| found.value).collect();
    pages.sort_unstable();
    pages.dedup();
    pages
}

/// Strangers are shown nothing of people and figures unless the owner says so.
fn default_pages(protocol: Protocol, address: &ListenAddress) -> Vec<Page> {
    match protocol {
        Protocol::Http if address.is_local() => Page::ALL.into(),
        Protocol::Http => Page::PUBLIC.into(),
        _ => Vec::new(),
    }
}

fn address(section: &Section<'_>, folder: &Path) -> Option<(ListenAddress, Range<usize>)> {
    if !section.has("address") {
        let why = both!(
            "where does it listen? As \"127.0.0.1:2525\" or \"unix:/run/postamt/lmtp\"",
            "wo lauscht er? Etwa \"127.0.0.1:2525\" oder \"unix:/run/postamt/lmtp\""
        );
        section.missing("address", why);
    }
    let found = section.text("address")?;
    if let Some(path) = found.value.strip_prefix("unix:") {
        let path: PathBuf = folder.join(path);
        if path.as_os_str().len() > UNIX_PATH_OCTETS_MAX {
            let text = both!(
                "the path is longer than {UNIX_PATH_OCTETS_MAX} octets, which the system does not take",
                "der Pfad ist länger als {UNIX_PATH_OCTETS_MAX} Byte; das nimmt das System nicht an"
            );
            section.mistake(found.span, "address", text);
            return None;
        }
        return Some((ListenAddress::Unix(path), found.span));
    }
    match found.value.parse() {
        Ok(address) => Some((ListenAddress::Tcp(address), found.span)),
        Err(_) => {
            let text = both!(
                "\"{address}\" is no IP address with port, as 127.0.0.1:2525 or [::1]:2525",
                "\"{address}\" ist keine IP-Adresse mit Port wie 127.0.0.1:2525 oder [::1]:2525",
                address = found.value
            );
            section.mistake(found.span, "address", text);
            None
        }
    }
}

/// `sun_path` of unix(7), less its final zero.
const UNIX_PATH_OCTETS_MAX: usize = 107;

/// Whether both cannot be listened on: the same socket, or one port on an address and on all of its family.
fn clash(one: &ListenAddress, other: &ListenAddress) -> bool {
    match (one, other) {
        (ListenAddress::Tcp(a), ListenAddress::Tcp(b)) => {
            let all = (a.ip().is_unspecified() || b.ip().is_unspecified()) && a.is_ipv4() == b.is_ipv4();
            a.port() != 0 && a.port() == b.port() && (a.ip() == b.ip() || all)
        }
        (ListenAddress::Unix(a), ListenAddress::Unix(b)) => a == b,
        _ => false,
    }
}
