//! draft-ietf-mailmaint-pacc-02: host names only, for what is where everybody expects it.

use super::{MailServer, MailService, Unknown, domain_of};
use crate::site::Sources;
use crate::status::Security;
use axum::extract::State;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use model::Domain;
use serde_json::{Map, Value, json};

pub(super) async fn get(State(sources): State<Sources>, headers: HeaderMap) -> Response {
    let source = &*sources.discovery;
    let found = domain_of(None, &headers, source)
        .and_then(|domain| user_agent_configuration(&domain, &source.servers()).ok_or(Unknown::NoServer));
    match found {
        Ok(document) => ([(header::CONTENT_TYPE, "application/json")], document).into_response(),
        Err(unknown) => unknown.into_response(),
    }
}

/// The document for `domain`, always the same for the same servers, since its digest stands in DNS. `None` if no server
/// offers TLS from the first octet on its service's own port: the format knows nothing else.
pub fn user_agent_configuration(domain: &Domain, servers: &[MailServer]) -> Option<String> {
    let mut protocols = Map::new();
    for server in servers.iter().filter(|server| server.security == Security::Tls) {
        let (name, port) = match server.service {
            MailService::Imap => ("imap", 993),
            MailService::Pop3 => ("pop3", 995),
            MailService::Submission => ("smtp", 465),
        };
        if server.port == port {
            protocols.insert(name.to_owned(), json!({ "host": server.host }));
        }
    }
    if protocols.is_empty() {
        return None;
    }
    let document = json!({
        "protocols": Value::Object(protocols),
        "authentication": { "password": true },
        "info": { "provider": { "name": domain.as_str() } },
    });
    Some(format!("{document:#}\n"))
}
