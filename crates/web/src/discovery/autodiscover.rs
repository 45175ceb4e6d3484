//! Outlook's formats: the XML of [MS-OXDSCLI], and the JSON that leads to it.

mod request;

use super::{MailServer, MailService, domain_of, query, ranked};
use crate::site::Sources;
use crate::status::Security;
use crate::xml::Xml;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{self, HeaderMap};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use model::Address;
use request::{Fault, Request};
use std::time::{SystemTime, UNIX_EPOCH};

const ENVELOPE: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
const OUTLOOK: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/// What a person sees who looks.
pub(super) async fn help() -> &'static str {
    "Outlook posts its Autodiscover requests here. People find the same in Thunderbird's form at \
     /mail/config-v1.1.xml?emailaddress=\n"
}

/// Errors are answers too: [MS-OXDSCLI] has them in the document.
pub(super) async fn post(State(sources): State<Sources>, headers: HeaderMap, body: Bytes) -> Response {
    let document = match answer(&sources, &headers, &body) {
        Ok(document) => document,
        Err(fault) => error(fault, &time_of_day()),
    };
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response()
}

fn answer(sources: &Sources, headers: &HeaderMap, body: &[u8]) -> Result<String, Fault> {
    let Request { email, schema } = request::parse(body)?;
    if schema.is_some_and(|schema| schema != OUTLOOK) {
        return Err(Fault::OtherSchema);
    }
    let address = email.parse::<Address>().map_err(|_| Fault::BadAddress)?;
    let source = &*sources.discovery;
    domain_of(Some(&email), headers, source).map_err(|_| Fault::NotFound)?;
    let servers = ranked(source.servers());
    if servers.is_empty() {
        return Err(Fault::NotFound);
    }
    Ok(settings(&address, &servers))
}

/// The best server of each kind: Outlook takes the first.
fn settings(address: &Address, servers: &[MailServer]) -> String {
    let address = address.to_string();
    let mut xml = Xml::new();
    xml.open("Autodiscover", &[("xmlns", ENVELOPE)]).open("Response", &[("xmlns", OUTLOOK)]);
    xml.open("User", &[]).element("DisplayName", &address).close();
    xml.open("Account", &[]).element("AccountType", "email").element("Action", "settings");
    for (service, kind) in [(MailService::Imap, "IMAP"), (MailService::Pop3, "POP3"), (MailService::Submission, "SMTP")]
    {
        let Some(server) = servers.iter().find(|server| server.service == service) else { continue };
        // `Encryption` is what counts where it is known; there TLS means STARTTLS.
        let (ssl, encryption) = match server.security {
            Security::Tls => ("on", "SSL"),
            Security::StartTls => ("off", "TLS"),
            Security::None => ("off", "None"),
        };
        xml.open("Protocol", &[]).element("Type", kind).element("Server", &server.host);
        xml.element("Port", &server.port.to_string()).element("DomainRequired", "off").element("LoginName", &address);
        xml.element("SPA", "off").element("SSL", ssl).element("Encryption", encryption).element("AuthRequired", "on");
        if service == MailService::Submission {
            xml.element("UsePOPAuth", "off").element("SMTPLast", "off");
        }
        xml.close();
    }
    xml.finish()
}

fn error(fault: Fault, time: &str) -> String {
    let (code, message) = fault.told();
    let mut xml = Xml::new();
    xml.open("Autodiscover", &[("xmlns", ENVELOPE)]).open("Response", &[]);
    xml.open("Error", &[("Time", time), ("Id", "1")]);
    xml.element("ErrorCode", code).element("Message", message).element("DebugData", "");
    xml.finish()
}

/// As `16:56:32.6164027`, in UTC.
fn time_of_day() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let s = since.as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}.{:07}", s / 3600, s / 60 % 60, s % 60, since.subsec_nanos() / 100)
}

/// The newer way: where is the service for this address? Only the one above is there.
pub(super) async fn json(State(sources): State<Sources>, uri: Uri, headers: HeaderMap) -> Response {
    let email = query::value(uri.query(), "Email");
    redirect(&sources, &uri, &headers, email)
}

/// The same with the address in the path.
pub(super) async fn json_of(State(sources): State<Sources>, uri: Uri, headers: HeaderMap) -> Response {
    let email = uri.path().rsplit('/').next().map(query::decoded);
    redirect(&sources, &uri, &headers, email)
}

fn redirect(sources: &Sources, uri: &Uri, headers: &HeaderMap, email: Option<String>) -> Response {
    let refuse = |status, code: &str, message: &str| {
        let body = serde_json::json!({ "ErrorCode": code, "ErrorMessage": message });
        (status, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
    };
    let missing = |name| {
        let message = format!("A valid value must be provided for the query parameter '{name}'.");
        refuse(StatusCode::BAD_REQUEST, "MandatoryParameterMissing", &message)
    };
    let Some(email) = email.filter(|email| email.parse::<Address>().is_ok()) else { return missing("Email") };
    let Some(protocol) = query::value(uri.query(), "Protocol") else { return missing("Protocol") };
    if !protocol.eq_ignore_ascii_case("AutodiscoverV1") {
        let message = "The protocol is not offered. Supported is 'AutodiscoverV1'.";
        return refuse(StatusCode::BAD_REQUEST, "InvalidProtocol", message);
    }
    let source = &*sources.discovery;
    match domain_of(Some(&email), headers, source) {
        Ok(domain) => {
            let origin = source.origin().unwrap_or_else(|| format!("https://autodiscover.{domain}"));
            let url = format!("{origin}/autodiscover/autodiscover.xml");
            let body = serde_json::json!({ "Protocol": "AutodiscoverV1", "Url": url });
            ([(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
        }
        Err(_) => refuse(StatusCode::NOT_FOUND, "UserNotFound", "The address is not in a mail domain of this server."),
    }
}

#[cfg(test)]
mod tests;
