//! Which protocol is spoken behind which listener.

mod pop3;

use super::http;
use super::status::StatusBoard;
use crate::language::{During, Explained, both};
use crate::plan::{
    Bound, Certificate, ChannelBinding, Limits, ListenerPlan, PlaintextLogin, Port, Protocol, ServePlan, TlsStart,
};
use access::imap::{ImapConversation, ImapPolicy, Services, TlsOffer};
use env::{Conversation, Env};
use model::{Domain, Network};
use mta::{Caller, Means, Peer, Post, Relaying, Role, SmtpConversation, SmtpPolicy};
use net::systemd::Inherited;
use net::tls::Acceptor;
use net::{
    Capacity, Factory, ListenAddress, Listener, ProxyPolicy, Refusal, Service, Shutdown, Speaker, Strain, TlsMode,
};
use sasl::Mechanism;
use smtp::{Auth, Flavour, Policy, StartTls};
use std::net::IpAddr;
use std::sync::Arc;

/// A listener that stands and is not served yet.
pub struct Standing {
    pub bound: Bound,
    pub listener: Listener,
}

/// Binds all of `listeners`; an inherited socket with the address of one is used in its place.
pub async fn bind(listeners: &[ListenerPlan], inherited: Vec<Inherited>) -> anyhow::Result<Vec<Standing>> {
    let mut inherited = inherited.into_iter().map(open).collect::<anyhow::Result<Vec<_>>>()?;
    let mut standing = Vec::new();
    for plan in listeners {
        let given = inherited.iter().position(|(_, given)| *given.address() == plan.address);
        let listener = match (given, &plan.address, plan.port) {
            (Some(given), ..) => inherited.swap_remove(given).1,
            (None, ListenAddress::Tcp(address), Port::MayMove) => Listener::bind_or_free(*address).await?,
            (None, address, _) => Listener::bind(address).await?,
        };
        let bound = Bound { plan: plan.clone(), address: listener.address().clone() };
        standing.push(Standing { bound, listener });
    }
    if let Some((name, listener)) = inherited.first() {
        let address = listener.address();
        anyhow::bail!(Explained(both!(
            "the inherited socket {name} listens on {address}, and no listener of the configuration has that address; \
             add one, or take the socket out of the unit",
            "der übergebene Socket {name} lauscht auf {address}, aber kein Listener der Konfiguration hat diese Adresse; \
             einen ergänzen oder den Socket aus der Unit nehmen"
        )));
    }
    Ok(standing)
}

fn open(Inherited { name, socket }: Inherited) -> anyhow::Result<(String, Listener)> {
    let listener =
        Listener::from_fd(socket).during(|| both!("the inherited socket {name}", "der übergebene Socket {name}"))?;
    Ok((name, listener))
}

/// What conversations are made from.
pub struct Desk {
    pub post: Arc<Post>,
    pub env: Env,
    pub limits: Limits,
    pub hostname: Domain,
    pub relay_from: Vec<Network>,
}

impl Desk {
    pub fn new(plan: &ServePlan, post: &Arc<Post>, env: &Env) -> Arc<Desk> {
        Arc::new(Desk {
            post: post.clone(),
            env: env.clone(),
            limits: plan.limits,
            hostname: plan.hostname.clone(),
            relay_from: plan.relay_from.clone(),
        })
    }
}

/// What services are made from.
pub struct Offer {
    pub desk: Arc<Desk>,
    pub board: Arc<StatusBoard>,
    pub capacity: Capacity,
    pub acceptor: Option<Acceptor>,
    pub strain: Strain,
}

impl Offer {
    /// What a listener offers that ends with `shutdown`.
    pub fn service(&self, plan: &ListenerPlan, shutdown: &Shutdown) -> Service {
        let tls = match (plan.tls, self.acceptor.clone()) {
            (TlsStart::Implicit, Some(acceptor)) => TlsMode::Implicit(acceptor),
            (TlsStart::Starttls, Some(acceptor)) => TlsMode::StartTls(acceptor),
            _ => TlsMode::None,
        };
        let desk = self.desk.clone();
        let smtp_refusal = smtp_refusal(&desk.hostname);
        let (limits, speaker, refusal): (_, Speaker, _) = match plan.protocol {
            Protocol::Http => {
                let handler = http::handler(http::sources(&self.board), &plan.pages, shutdown);
                (net::Limits::HTTP, handler.into(), http::refusal())
            }
            Protocol::Smtp | Protocol::Lmtp | Protocol::Submission => {
                (net::Limits::SMTP, smtp(desk, plan).into(), smtp_refusal)
            }
            Protocol::Imap => (net::Limits::IMAP, imap(desk, plan).into(), imap_refusal()),
            Protocol::Pop3 => (net::Limits::POP3, pop3::factory(desk, plan).into(), pop3::refusal()),
        };
        let (name, capacity) = (plan.protocol.name(), self.capacity.clone());
        // People wait for an answer, other servers come again.
        let yields = (plan.protocol == Protocol::Smtp).then(|| self.strain.clone());
        Service { name, tls, limits, capacity, yields, speaker, refusal, proxy: proxy_policy(plan) }
    }
}

/// RFC 5321 §4.2.2: 421 is what a server says before it closes the connection. RFC 3463 §3.4, §3.8: whether that is our
/// load or a rule about the peer.
fn smtp_refusal(hostname: &Domain) -> Refusal {
    let hostname = hostname.clone();
    Arc::new(move |reason| {
        let status = if matches!(reason, net::Refused::Process | net::Refused::Listener | net::Refused::Strain) {
            "4.3.2"
        } else {
            "4.7.0"
        };
        format!("421 {status} {hostname} {reason}; try again later\r\n")
    })
}

/// RFC 9051 §7.1.5, with the code of RFC 5530 §3.
fn imap_refusal() -> Refusal {
    Arc::new(|reason| format!("* BYE [UNAVAILABLE] {reason}; try again later\r\n"))
}

fn proxy_policy(plan: &ListenerPlan) -> Option<ProxyPolicy> {
    (!plan.proxies.is_empty()).then(|| ProxyPolicy { trusted: plan.proxies.clone() })
}

/// The certificates, where a listener needs any.
pub fn acceptor(plan: &ServePlan) -> anyhow::Result<Option<Acceptor>> {
    if plan.listeners.iter().all(|listener| listener.tls == TlsStart::None) {
        return Ok(None);
    }
    Ok(Some(match &plan.certificate {
        Certificate::Files(files) => net::tls::load_all(files.clone())?,
        Certificate::SelfSigned => {
            let names = [plan.hostname.as_str(), "localhost", "127.0.0.1", "::1"];
            net::tls::load_or_create(&super::folder(&plan.data, "tls")?, &names)?
        }
    }))
}

fn address_of(peer: &net::Peer) -> Option<IpAddr> {
    peer.address.map(|address| address.ip())
}

fn smtp(desk: Arc<Desk>, plan: &ListenerPlan) -> Factory {
    let session = Arc::new(smtp_policy(&desk, plan));
    let role = if plan.protocol == Protocol::Submission { Role::Submission } else { Role::Exchanger };
    let policy = Arc::new(SmtpPolicy { session, role });
    Arc::new(move |who| -> Box<dyn Conversation> {
        let address = address_of(&who);
        let may = role == Role::Exchanger
            && address.is_some_and(|address| desk.relay_from.iter().any(|network| network.contains(address)));
        let relaying = if may { Relaying::Allowed } else { Relaying::Refused };
        let peer = Peer { address, session_id: who.session_id };
        let caller = Caller { peer, tls: who.tls, relaying };
        let means = Means { sleep: desk.env.sleep.clone(), random: desk.env.random.clone() };
        let now = desk.env.clock.monotonic();
        Box::new(SmtpConversation::new(desk.post.clone(), means, policy.clone(), caller, now))
    })
}

fn smtp_policy(desk: &Desk, plan: &ListenerPlan) -> Policy {
    let host = desk.hostname.clone();
    let mut policy = match plan.protocol {
        Protocol::Submission => {
            let mechanisms = mechanisms(desk, plan).into_iter().map(Mechanism::name).collect();
            Policy::submission(host, mechanisms)
        }
        _ => Policy::new(host),
    };
    if plan.protocol == Protocol::Lmtp {
        policy.flavour = Flavour::Lmtp;
    }
    if let Auth::Offered { clear, .. } = &mut policy.auth {
        *clear = plan.plaintext_login == PlaintextLogin::Allowed;
    }
    policy.dsn = true;
    policy.start_tls = if plan.tls == TlsStart::Starttls { StartTls::Offered } else { StartTls::NotOffered };
    policy.size_max_octets = desk.limits.message_size_octets;
    policy.recipients_max = desk.limits.recipients;
    policy
}

/// What this listener may offer of SASL.
fn mechanisms(desk: &Desk, plan: &ListenerPlan) -> Vec<Mechanism> {
    desk.post.directory.mechanisms(plan.channel_binding == ChannelBinding::Offered)
}

fn imap(desk: Arc<Desk>, plan: &ListenerPlan) -> Factory {
    let post = &desk.post;
    let services = Arc::new(Services {
        mailstore: post.mailstore.clone(),
        directory: post.directory.clone(),
        in_flight: post.in_flight.clone(),
        random: desk.env.random.clone(),
    });
    let tls = match plan.tls {
        TlsStart::None => TlsOffer::None,
        TlsStart::Starttls => TlsOffer::StartTls,
        TlsStart::Implicit => TlsOffer::Implicit,
    };
    let plaintext_login = match plan.plaintext_login {
        PlaintextLogin::Allowed => access::imap::PlaintextLogin::Allowed,
        PlaintextLogin::Refused => access::imap::PlaintextLogin::Refused,
    };
    let limits = imap::Limits { append_octets_max: desk.limits.message_size_octets, ..imap::Limits::default() };
    let policy = Arc::new(ImapPolicy { tls, plaintext_login, mechanisms: mechanisms(&desk, plan), limits });
    Arc::new(move |who| -> Box<dyn Conversation> {
        let now = desk.env.clock.monotonic();
        let peer = Peer { address: address_of(&who), session_id: who.session_id };
        Box::new(ImapConversation::new(services.clone(), policy.clone(), (peer, who.tls), now))
    })
}
