//! How mail programs find the server: three formats for one and the same list.
//!
//! | module | what | asked by |
//! |---|---|---|
//! | `autoconfig` | draft-ietf-mailmaint-autoconfig | Thunderbird, Evolution, KMail, K-9, Delta Chat |
//! | `autodiscover` | [MS-OXDSCLI] and its JSON successor | Outlook |
//! | `pacc` | draft-ietf-mailmaint-pacc-02 | newer ones, Evolution |
//!
//! Whether an address exists is never told: only domains count.

mod autoconfig;
mod autodiscover;
mod pacc;
mod query;

pub use pacc::user_agent_configuration;

use crate::site::Sources;
use crate::status::Security;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::http::uri::{PathAndQuery, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use model::{Address, Domain};

/// Knows what mail programs may be told. Asked for each of them, as the other sources.
pub trait DiscoverySource: Send + Sync {
    /// Whether mail to `domain` is ours.
    fn is_local(&self, domain: &Domain) -> bool;
    /// Where mail programs connect, in any order.
    fn servers(&self) -> Vec<MailServer>;
    /// Where this site is found under a name that its certificate stands for, as `https://mail.example.org`; `None` if
    /// nothing here speaks HTTPS.
    fn origin(&self) -> Option<String>;
}

/// A place where a mail program connects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailServer {
    /// What for.
    pub service: MailService,
    /// Its name, or IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How connections are protected.
    pub security: Security,
    /// How people may log in, the best first.
    pub logins: Vec<LogIn>,
}

/// What a mail program connects for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MailService {
    /// Reading, with folders.
    Imap,
    /// Fetching.
    Pop3,
    /// Sending.
    Submission,
}

/// A way to log in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogIn {
    /// A SASL mechanism that proves the password without sending it, as `SCRAM-SHA-256`.
    Sasl(&'static str),
    /// The password itself, inside TLS.
    Password,
}

impl MailServer {
    /// RFC 8314 §3: TLS from the first octet is better than STARTTLS; what a program should try first.
    fn rank(&self) -> (MailService, u8, u16) {
        let security = match self.security {
            Security::Tls => 0,
            Security::StartTls => 1,
            Security::None => 2,
        };
        (self.service, security, self.port)
    }
}

/// The servers in the order in which programs should try them.
fn ranked(mut servers: Vec<MailServer>) -> Vec<MailServer> {
    servers.sort_by_key(MailServer::rank);
    servers
}

/// Why a program is told nothing.
#[derive(Debug)]
enum Unknown {
    /// Mail to it is not ours.
    Domain(Domain),
    /// The request names none.
    NoDomain,
    /// It is ours, and there is nothing to connect to.
    NoServer,
}

impl IntoResponse for Unknown {
    fn into_response(self) -> Response {
        let reason = match self {
            Unknown::Domain(domain) => format!("{domain} is no mail domain of this server.\n"),
            Unknown::NoDomain => {
                "Whose configuration? Ask with ?emailaddress=, or under the name of a mail domain of this server.\n"
                    .to_owned()
            }
            Unknown::NoServer => "This server has no listener that fits.\n".to_owned(),
        };
        (StatusCode::NOT_FOUND, reason).into_response()
    }
}

/// Names that stand before a domain for the sake of discovery.
const PREFIXES: [&str; 3] = ["autoconfig.", "autodiscover.", "ua-auto-config."];

/// The local domain that a request is about: that of the address, else that under whose name we were asked.
fn domain_of(email: Option<&str>, headers: &HeaderMap, source: &dyn DiscoverySource) -> Result<Domain, Unknown> {
    let local = |domain: Domain| if source.is_local(&domain) { Ok(domain) } else { Err(Unknown::Domain(domain)) };
    // Some programs leave the place-holder where it stands.
    if let Some(email) = email.filter(|email| !email.contains('%')) {
        return match email.parse::<Address>() {
            Ok(address) => local(address.domain),
            Err(_) => Domain::new(email).map_err(|_| Unknown::NoDomain).and_then(local),
        };
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    let name = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(&name);
    match Domain::new(name) {
        Ok(domain) if !domain.is_literal() => local(domain),
        _ => Err(Unknown::NoDomain),
    }
}

pub(crate) fn with_routes(router: Router<Sources>) -> Router<Sources> {
    router
        .route("/mail/config-v1.1.xml", get(autoconfig::get))
        .route("/.well-known/autoconfig/mail/config-v1.1.xml", get(autoconfig::get))
        .route("/autodiscover/autodiscover.xml", get(autodiscover::help).post(autodiscover::post))
        .route("/autodiscover/autodiscover.json", get(autodiscover::json))
        .route("/autodiscover/autodiscover.json/v1.0/{email}", get(autodiscover::json_of))
        .route("/.well-known/user-agent-configuration.json", get(pacc::get))
}

/// Outlook asks for `/AutoDiscover/AutoDiscover.xml`, `/Autodiscover/Autodiscover.xml` and others: such paths in lower
/// case, where they are not.
pub(crate) fn one_case(uri: &Uri) -> Option<Uri> {
    const PREFIX: &str = "/autodiscover/";
    let path = uri.path();
    let ours = path.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    if !ours || !path.contains(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = PathAndQuery::try_from(path.to_ascii_lowercase() + &query).ok()?;
    Some(Uri::from(path))
}

#[cfg(test)]
mod tests;
