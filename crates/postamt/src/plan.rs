//! What shall be served: everything a start needs, checked, without a file or socket opened yet.

use directory::{DirectorySpec, Secret};
use message::report::Language;
use model::{Address, Domain, Network};
use mta::QueuePolicy;
use mta::transport::{Family, StaticRoute};
use net::ListenAddress;
use net::tls::CertificateFiles;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use store_local::Backend;

/// A server to be started.
#[derive(Debug)]
pub struct ServePlan {
    /// The file that says all this; a reload reads it again.
    pub config: Option<PathBuf>,
    /// The folder in which everything durable lies.
    pub data: PathBuf,
    /// Which engine keeps the rows there.
    pub backend: Backend,
    /// How the server names itself in greetings and trace fields.
    pub hostname: Domain,
    /// Where it listens.
    pub listeners: Vec<ListenerPlan>,
    /// With which certificate.
    pub certificate: Certificate,
    /// For whom.
    pub directory: DirectorySpec,
    /// How mail goes out.
    pub outbound: Outbound,
    /// Whose mail to other servers is taken without a log-in.
    pub relay_from: Vec<Network>,
    /// How much at most.
    pub limits: Limits,
    /// How long what was deleted can be brought back.
    pub deleted: Deleted,
    /// What only the demo has.
    pub demo: Option<DemoPlan>,
}

/// How long what was deleted can be brought back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deleted {
    /// How long; zero: not at all.
    pub kept: Duration,
    /// How much of one account; `None`: as its quota says.
    pub octets_max: Option<u64>,
    /// Where people ask for their own.
    pub socket: Option<PathBuf>,
}

impl Default for Deleted {
    fn default() -> Deleted {
        Deleted { kept: mailstore::KEPT_FOR, octets_max: None, socket: None }
    }
}

/// One listener.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenerPlan {
    /// What is spoken there.
    pub protocol: Protocol,
    /// Where.
    pub address: ListenAddress,
    /// How TLS begins.
    pub tls: TlsStart,
    /// Whether passwords are taken without TLS.
    pub plaintext_login: PlaintextLogin,
    /// Whether a log-in may be bound to its TLS connection.
    pub channel_binding: ChannelBinding,
    /// What happens when the port is taken.
    pub port: Port,
    /// Whose word is taken on whom they speak for (PROXY protocol).
    pub proxies: Vec<Network>,
    /// What a site shows there.
    pub pages: Vec<web::Page>,
    /// The port by which the outside reaches it, where something in between forwards it.
    pub public_port: Option<u16>,
}

/// How mail goes out.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// DNS servers; none: those of the system.
    pub dns: Vec<SocketAddr>,
    /// Exceptions from MX.
    pub routes: Vec<StaticRoute>,
    /// Where exchangers listen.
    pub port: u16,
    /// Which addresses are tried.
    pub family: Family,
    /// From which of our addresses.
    pub source_v4: Option<IpAddr>,
    /// From which of our addresses.
    pub source_v6: Option<IpAddr>,
    /// An authority beside the system's.
    pub authority: Option<PathBuf>,
    /// How long a message is tried.
    pub lifetime: Duration,
    /// After how long its sender is told that it is late.
    pub delay_notice_after: Duration,
    /// Connections to one next hop.
    pub per_destination: usize,
    /// Messages a minute to one next hop.
    pub per_minute: Option<u32>,
    /// In which language people are told.
    pub language: Language,
}

impl Default for Outbound {
    fn default() -> Outbound {
        let queue = QueuePolicy::new(Domain::new("localhost").expect("it is a domain"));
        Outbound {
            dns: Vec::new(),
            routes: Vec::new(),
            port: 25,
            family: Family::default(),
            source_v4: None,
            source_v6: None,
            authority: None,
            lifetime: queue.lifetime,
            delay_notice_after: queue.delay_notice_after,
            per_destination: queue.schedule.per_destination_max,
            per_minute: None,
            language: queue.language,
        }
    }
}

/// What is spoken on a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// RFC 5321.
    Smtp,
    /// RFC 6409.
    Submission,
    /// RFC 2033.
    Lmtp,
    /// RFC 9051.
    Imap,
    /// RFC 1939.
    Pop3,
    /// Status page, health, metrics and discovery.
    Http,
}

impl Protocol {
    /// All of them, as they are shown.
    pub const ALL: [Protocol; 6] =
        [Protocol::Smtp, Protocol::Submission, Protocol::Lmtp, Protocol::Imap, Protocol::Pop3, Protocol::Http];

    /// As it is written in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Smtp => "smtp",
            Protocol::Submission => "submission",
            Protocol::Lmtp => "lmtp",
            Protocol::Imap => "imap",
            Protocol::Pop3 => "pop3",
            Protocol::Http => "http",
        }
    }
}

/// How TLS begins on a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsStart {
    /// Never.
    None,
    /// By STARTTLS (RFC 3207, RFC 9051 §6.2.1) or STLS (RFC 2595 §4).
    Starttls,
    /// With the connection (RFC 8314 §3).
    Implicit,
}

/// Whether SCRAM with channel binding (RFC 5802 §6) is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelBinding {
    /// It is.
    Offered,
    /// Some clients take it and then cannot do it.
    NotOffered,
}

/// Whether passwords are taken without TLS: only ever on loopback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlaintextLogin {
    /// They are refused.
    Refused,
    /// They are taken.
    Allowed,
}

/// What happens when a listener's port is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Port {
    /// The start fails.
    Fixed,
    /// A free port is taken instead, and said so.
    MayMove,
}

/// The server's certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Certificate {
    /// Made by ourselves for the host name, kept in the data folder.
    SelfSigned,
    /// From files, chosen by name, the first for names that none has.
    Files(Vec<CertificateFiles>),
}

/// How much a server takes at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Octets of one message (RFC 1870).
    pub message_size_octets: u64,
    /// Connections of all listeners together.
    pub connections: usize,
    /// Recipients of one message.
    pub recipients: usize,
}

/// What only the demo has.
#[derive(Clone, Debug)]
pub struct DemoPlan {
    /// Whose mailboxes get the sample messages, if they are still empty.
    pub samples_for: Address,
    /// Shown at the start.
    pub logins: Vec<Login>,
    /// Where the logins are written.
    pub logins_file: PathBuf,
    /// Where submitted mail to the world is put.
    pub outbox: PathBuf,
}

/// An account and its password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// Whose.
    pub address: Address,
    /// What opens it.
    pub password: Secret,
}

/// A listener that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bound {
    /// As it was planned.
    pub plan: ListenerPlan,
    /// Where it is in fact.
    pub address: ListenAddress,
}

impl Bound {
    /// The port by which others than this machine reach it; `None` when they do not.
    pub fn public_port(&self) -> Option<u16> {
        let own = match self.address {
            ListenAddress::Tcp(address) if !self.address.is_local() => Some(address.port()),
            _ => None,
        };
        self.plan.public_port.or(own)
    }

    /// Whether it had to go to another port.
    pub fn moved(&self) -> bool {
        self.plan.port == Port::MayMove && self.plan.address != self.address
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = match self.plan.tls {
            TlsStart::None => "",
            TlsStart::Starttls => " (STARTTLS)",
            TlsStart::Implicit => " (TLS)",
        };
        write!(f, "{} on {}{tls}", self.plan.protocol.name(), self.address)
    }
}
