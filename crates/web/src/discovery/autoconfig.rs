//! Mozilla's format (draft-ietf-mailmaint-autoconfig, version 1.1 of the format).

use super::{LogIn, MailServer, MailService, Unknown, domain_of, query, ranked};
use crate::site::Sources;
use crate::status::Security;
use crate::xml::Xml;
use axum::extract::State;
use axum::http::Uri;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use model::Domain;

/// What the draft allows the two names.
const NAME_CHARS_MAX: usize = 60;
const SHORT_NAME_CHARS_MAX: usize = 20;

pub(super) async fn get(State(sources): State<Sources>, uri: Uri, headers: HeaderMap) -> Response {
    let email = query::value(uri.query(), "emailaddress");
    let source = &*sources.discovery;
    let servers = ranked(source.servers());
    match domain_of(email.as_deref(), &headers, source) {
        Ok(_) if servers.is_empty() => Unknown::NoServer.into_response(),
        Ok(domain) => ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], render(&domain, &servers)).into_response(),
        Err(unknown) => unknown.into_response(),
    }
}

pub(super) fn render(domain: &Domain, servers: &[MailServer]) -> String {
    let domain = domain.as_str();
    let at_most = |chars| domain.chars().take(chars).collect::<String>();
    let mut xml = Xml::new();
    xml.open("clientConfig", &[("version", "1.1")]).open("emailProvider", &[("id", domain)]);
    xml.element("domain", domain);
    xml.element("displayName", &at_most(NAME_CHARS_MAX)).element("displayShortName", &at_most(SHORT_NAME_CHARS_MAX));
    for server in servers {
        let (element, kind) = match server.service {
            MailService::Imap => ("incomingServer", "imap"),
            MailService::Pop3 => ("incomingServer", "pop3"),
            MailService::Submission => ("outgoingServer", "smtp"),
        };
        let socket = match server.security {
            Security::None => "plain",
            Security::StartTls => "STARTTLS",
            Security::Tls => "SSL",
        };
        xml.open(element, &[("type", kind)]);
        xml.element("hostname", &server.host).element("port", &server.port.to_string()).element("socketType", socket);
        for login in &server.logins {
            match login {
                LogIn::Sasl(mechanism) => xml.element("authentication", &format!("SASL {mechanism}")),
                LogIn::Password => xml.element("authentication", "password-cleartext"),
            };
        }
        xml.element("username", "%EMAILADDRESS%").close();
    }
    xml.finish()
}
