use super::*;
use crate::tests::sources;
use crate::{Health, Page, Site};
use axum::body::Body;
use axum::http::{Method, Request};
use std::path::Path;

/// Status, type and text of the answer.
pub(super) async fn ask(method: Method, uri: &str, host: &str, body: &str) -> (u16, String, String) {
    let site = Site::new(sources(Health::Well), &Page::PUBLIC);
    let request = Request::builder().method(method).uri(uri).header("host", host).body(Body::from(body.to_owned()));
    let answer = site.answer(request.unwrap()).await;
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let status = answer.status().as_u16();
    let text = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, kind.unwrap_or_default(), String::from_utf8(text.to_vec()).unwrap())
}

pub(super) async fn get(uri: &str, host: &str) -> (u16, String, String) {
    ask(Method::GET, uri, host, "").await
}

/// `UPDATE=1` writes the file anew.
pub(super) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/golden").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}");
}

const MAIL: &str = "/mail/config-v1.1.xml";
const WELL_KNOWN: &str = "/.well-known/autoconfig/mail/config-v1.1.xml";
const PACC: &str = "/.well-known/user-agent-configuration.json";

#[tokio::test]
async fn thunderbird_finds_the_server() {
    let (status, kind, text) = get(&format!("{MAIL}?emailaddress=anna%40Demo.Test"), "localhost:8080").await;
    assert_eq!((status, kind.as_str()), (200, "text/xml; charset=utf-8"));
    golden("autoconfig.xml", &text);
    for (path, host) in [
        (format!("{WELL_KNOWN}?emailaddress=nobody@demo.test"), "mail.example.org"),
        (format!("{MAIL}?emailaddress=%EMAILADDRESS%"), "autoconfig.demo.test:8080"),
        (format!("{MAIL}?emailaddress="), "AutoConfig.Demo.test"),
        (MAIL.to_owned(), "demo.test"),
        (format!("{MAIL}?emailaddress=demo.test"), "x"),
    ] {
        assert_eq!(get(&path, host).await, (200, kind.clone(), text.clone()), "{path} at {host}");
    }
    let (status, _, text) = get(&format!("{MAIL}?emailaddress=%C3%BC@b%C3%BCcher.example"), "x").await;
    assert_eq!(status, 200, "{text}");
    golden("autoconfig-idn.xml", &text);
}

#[tokio::test]
async fn other_domains_are_told_why_not() {
    let check = async |uri: &str, host: &str, reason: &str| {
        assert_eq!(get(uri, host).await, (404, "text/plain; charset=utf-8".into(), format!("{reason}\n")), "{uri}");
    };
    check(&format!("{MAIL}?emailaddress=a@example.org"), "demo.test", "example.org is no mail domain of this server.")
        .await;
    check(MAIL, "autoconfig.example.org", "example.org is no mail domain of this server.").await;
    check(PACC, "example.org", "example.org is no mail domain of this server.").await;
    let whose = "Whose configuration? Ask with ?emailaddress=, or under the name of a mail domain of this server.";
    for host in ["", "[::1]:8080", "127.0.0.1 x", "<b>"] {
        check(MAIL, host, whose).await;
    }
    check(&format!("{MAIL}?emailaddress=a@%3Cscript%3E"), "demo.test", whose).await;
}

#[tokio::test]
async fn newer_programs_find_the_server() {
    let (status, kind, text) = get(PACC, "ua-auto-config.demo.test").await;
    assert_eq!((status, kind.as_str()), (200, "application/json"));
    golden("user-agent-configuration.json", &text);
    let domain = Domain::new("demo.test").unwrap();
    let mut servers = DiscoverySource::servers(&crate::tests::Fixed(Health::Well));
    assert_eq!(user_agent_configuration(&domain, &servers), Some(text));
    servers.retain(|server| server.security != Security::Tls);
    assert_eq!(user_agent_configuration(&domain, &servers), None);
}

#[test]
fn autodiscovers_paths_have_no_case() {
    let check = |path: &str, expected: Option<&str>| {
        assert_eq!(one_case(&path.parse().unwrap()).map(|uri| uri.to_string()).as_deref(), expected, "{path}");
    };
    check("/AutoDiscover/AutoDiscover.XML?Email=A", Some("/autodiscover/autodiscover.xml?Email=A"));
    check("/Autodiscover/Autodiscover.json", Some("/autodiscover/autodiscover.json"));
    check("/autodiscover/autodiscover.xml?Email=A", None);
    check("/MAIL/config-v1.1.xml", None);
    check("/", None);
}
