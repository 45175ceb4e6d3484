//! HTTP: the status page, health, metrics, and how mail programs find the server.
//!
//! It knows HTTP and streams, and no sockets: whoever accepts connections hands them to a [`Site`]. What it shows comes
//! from its [`Sources`]. It runs no scripts and keeps no sessions; the only bodies it reads are Autodiscover's.
//!
//! | path | [`Page`] | what |
//! |---|---|---|
//! | `/` | `Status` | a page for people, in English or German |
//! | `/healthz` | `Health` | `ok`, or 503 and the reason, for machines |
//! | `/metrics` | `Metrics` | figures, in the text form of Prometheus |
//! | `/mail/config-v1.1.xml` | `Discovery` | Thunderbird's and most others' configuration, also below `/.well-known/autoconfig` |
//! | `/autodiscover/autodiscover.xml`, `.json` | `Discovery` | Outlook's |
//! | `/.well-known/user-agent-configuration.json` | `Discovery` | that of draft-ietf-mailmaint-pacc |
//!
//! ```no_run
//! # async fn example(sources: web::Sources, stream: tokio::io::DuplexStream) {
//! let site = web::Site::new(sources, &[web::Page::Health, web::Page::Discovery]);
//! site.converse(stream, std::future::pending()).await;
//! # }
//! ```

mod connection;
mod discovery;
mod page;
mod seats;
mod site;
mod status;
#[cfg(test)]
mod tests;
mod xml;

pub use discovery::{DiscoverySource, LogIn, MailServer, MailService, user_agent_configuration};
pub use site::{MetricsSource, Page, Site, Sources, UnknownPage};
pub use status::{Health, Listening, Security, Status, StatusSource};
