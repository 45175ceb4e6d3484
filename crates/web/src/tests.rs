//! What a browser, a monitor and a stranger see, over real sockets on loopback.

use crate::connection::{DRAIN_TIMEOUT, HEADER_TIMEOUT};
use crate::site::BODY_OCTETS_MAX;
use crate::*;
use model::Domain;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) struct Fixed(pub(crate) Health);

impl StatusSource for Fixed {
    fn status(&self) -> Status {
        let listening = |service: &str, port: &str, security| Listening {
            service: service.to_owned(),
            address: format!("127.0.0.1:{port}"),
            security,
        };
        Status {
            program: "postamt".to_owned(),
            version: "0.1.0".to_owned(),
            host: "mail.demo.test".to_owned(),
            uptime: Duration::from_secs(90_000),
            health: self.0.clone(),
            listeners: vec![listening("IMAP", "1143", Security::StartTls), listening("<b>", "1", Security::None)],
            accounts: 3,
            messages: 12_345,
            hint: Some("anna & ben".to_owned()),
        }
    }
}

impl MetricsSource for Fixed {
    fn metrics(&self) -> String {
        "postamt_queue_messages 3\n".to_owned()
    }
}

impl DiscoverySource for Fixed {
    fn is_local(&self, domain: &Domain) -> bool {
        ["demo.test", "xn--bcher-kva.example"].contains(&domain.as_str())
    }

    fn servers(&self) -> Vec<MailServer> {
        let server = |service, port, security| MailServer {
            service,
            host: "mail.demo.test".to_owned(),
            port,
            security,
            logins: vec![LogIn::Sasl("SCRAM-SHA-256"), LogIn::Password],
        };
        vec![
            server(MailService::Submission, 587, Security::StartTls),
            server(MailService::Submission, 465, Security::Tls),
            server(MailService::Imap, 143, Security::StartTls),
            server(MailService::Imap, 993, Security::Tls),
            server(MailService::Pop3, 110, Security::StartTls),
        ]
    }

    fn origin(&self) -> Option<String> {
        None
    }
}

pub(crate) fn sources(health: Health) -> Sources {
    let fixed = Arc::new(Fixed(health));
    Sources { status: fixed.clone(), discovery: fixed.clone(), metrics: fixed }
}

/// Serves the site until it is dropped.
struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

async fn serve(site: Arc<Site>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let accepting = tokio::spawn(async move {
        let mut open = tokio::task::JoinSet::new();
        let mut stopping = stopped.clone();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted.unwrap().0,
                _ = stopping.wait_for(|stop| *stop) => break,
            };
            let mut stopped = stopped.clone();
            let stop = async move { drop(stopped.wait_for(|stop| *stop).await) };
            open.spawn(site.clone().converse(accepted, stop));
        }
        drop(listener);
        open.join_all().await;
    });
    Server { address, stop, accepting }
}

async fn start(health: Health) -> SocketAddr {
    let Server { address, stop, .. } = serve(Site::new(sources(health), &Page::ALL)).await;
    // It serves as long as the test runs.
    std::mem::forget(stop);
    address
}

/// The whole answer to a request's first line and header fields.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_request_names_one_host() {
    let address = start(Health::Well).await;
    for hosts in ["X-None: 1", "Host: a\r\nHost: b"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /healthz HTTP/1.1\r\n{hosts}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        check(&answer, &["HTTP/1.1 400 Bad Request", "one Host field"]);
    }
}

fn check(answer: &str, has: &[&str]) {
    for text in has {
        assert!(answer.contains(text), "no {text:?} in\n{answer}");
    }
}

#[tokio::test]
async fn the_page_tells_how_the_server_is() {
    let address = start(Health::Well).await;
    let english = ask(address, "GET / HTTP/1.1").await;
    check(
        &english,
        &["HTTP/1.1 200", "All is well", "postamt", "1 day 1 hour", "12,345", "127.0.0.1:1143", "STARTTLS"],
    );
    check(&english, &["anna &amp; ben", "&lt;b&gt;", "lang=\"en\"", "content-type: text/html"]);
    let german = ask(address, "GET / HTTP/1.1\r\nAccept-Language: de-DE, en;q=0.5").await;
    check(&german, &["Alles in Ordnung", "1 Tag 1 Stunde", "12.345", "lang=\"de\""]);
}

#[tokio::test]
async fn every_answer_is_locked_down() {
    let address = start(Health::Well).await;
    for request in ["GET / HTTP/1.1", "GET /nowhere HTTP/1.1", "POST / HTTP/1.1", "HEAD /healthz HTTP/1.1"] {
        let answer = ask(address, request).await;
        check(&answer, &["content-security-policy: default-src 'none'", "nosniff", "no-referrer", "no-store"]);
    }
}

#[tokio::test]
async fn health_is_a_status_code() {
    let well = start(Health::Well).await;
    let answer = ask(well, "GET /healthz HTTP/1.1").await;
    check(&answer, &["HTTP/1.1 200", "\r\n\r\nok\n"]);
    let ill = start(Health::Ill("the disk is <full>".to_owned())).await;
    check(&ask(ill, "GET /healthz HTTP/1.1").await, &["HTTP/1.1 503", r#""reason":"the disk is <full>""#]);
    check(&ask(ill, "GET / HTTP/1.1").await, &["Something is wrong", "the disk is &lt;full&gt;"]);
}

#[tokio::test]
async fn only_reading_is_possible() {
    let address = start(Health::Well).await;
    check(&ask(address, "GET /nowhere HTTP/1.1").await, &["HTTP/1.1 404"]);
    for path in ["/", "/healthz", "/nowhere"] {
        check(&ask(address, &format!("POST {path} HTTP/1.1\r\nContent-Length: 0")).await, &["HTTP/1.1 405"]);
    }
    let head = ask(address, "HEAD / HTTP/1.1").await;
    check(&head, &["HTTP/1.1 200"]);
    assert!(head.ends_with("\r\n\r\n"));
}

#[tokio::test]
async fn a_public_listener_shows_only_what_is_public() {
    let server = serve(Site::new(sources(Health::Well), &Page::PUBLIC)).await;
    for (path, status) in [
        ("/", "404"),
        ("/metrics", "404"),
        ("/healthz", "200"),
        ("/mail/config-v1.1.xml?emailaddress=anna@demo.test", "200"),
    ] {
        let answer = ask(server.address, &format!("GET {path} HTTP/1.1")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
        assert!(!answer.contains("12,345") && !answer.contains("queue_messages"), "{path}: {answer}");
    }
    let private = serve(Site::new(sources(Health::Well), &[Page::Metrics, Page::Metrics])).await;
    check(&ask(private.address, "GET /metrics HTTP/1.1").await, &["text/plain; version=0.0.4", "queue_messages 3"]);
    check(&ask(private.address, "GET /healthz HTTP/1.1").await, &["HTTP/1.1 404"]);
}

#[tokio::test]
async fn a_flood_of_idle_strangers_keeps_nobody_out() {
    let server = serve(Site::with_seats(sources(Health::Well), &Page::ALL, 4)).await;
    let mut regular = TcpStream::connect(server.address).await.unwrap();
    let mut strangers = Vec::new();
    for n in 0..12 {
        let mut stranger = TcpStream::connect(server.address).await.unwrap();
        // Silent, and with half a request.
        stranger.write_all(if n % 2 == 0 { b"" } else { b"GET / HT" }).await.unwrap();
        strangers.push(stranger);
        if n % 3 == 0 {
            regular.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
            let mut answer = vec![0; 4096];
            let octets = regular.read(&mut answer).await.unwrap();
            check(&String::from_utf8_lossy(&answer[..octets]), &["HTTP/1.1 200", "\r\n\r\nok\n"]);
        }
        check(&ask(server.address, "GET /healthz HTTP/1.1").await, &["ok"]);
    }
    // The first ones had to go.
    let mut rest = Vec::new();
    let _ = strangers[0].read_to_end(&mut rest).await;
}

#[tokio::test(start_paused = true)]
async fn a_header_that_never_ends_does() {
    let address = start(Health::Well).await;
    let before = tokio::time::Instant::now();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut answer = Vec::new();
    // Closed or reset: over either way.
    let _ = slow.read_to_end(&mut answer).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    let _ = idle.read_to_end(&mut answer).await;
    assert!(before.elapsed() < HEADER_TIMEOUT * 3);
    for header in [format!("X: {}", "x".repeat(200_000)), "X: y\r\n".repeat(100)] {
        let mut large = TcpStream::connect(address).await.unwrap();
        let _ = large.write_all(format!("GET / HTTP/1.1\r\n{header}\r\n\r\n").as_bytes()).await;
        let mut answer = Vec::new();
        let _ = large.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }
    check(&ask(address, "GET /healthz HTTP/1.1").await, &["ok"]);
}

const POST: &str = "POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";

#[tokio::test(start_paused = true)]
async fn a_body_is_bounded_in_length_and_time() {
    let address = start(Health::Well).await;
    let mut large = TcpStream::connect(address).await.unwrap();
    let length = BODY_OCTETS_MAX + 1;
    let body = "x".repeat(length);
    // The answer may come before all of it is sent.
    let _ = large.write_all(format!("{POST}Content-Length: {length}\r\n\r\n{body}").as_bytes()).await;
    let mut answer = vec![0; 12];
    large.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    let mut chunked = TcpStream::connect(address).await.unwrap();
    let chunk = format!("{length:x}\r\n{}\r\n", "x".repeat(length));
    let _ = chunked.write_all(format!("{POST}Transfer-Encoding: chunked\r\n\r\n{chunk}").as_bytes()).await;
    chunked.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(format!("{POST}Content-Length: 100\r\n\r\n<").as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = slow.read_to_string(&mut answer).await;
    check(&answer, &["HTTP/1.1 408"]);
}

#[tokio::test]
async fn old_clients_are_served_too() {
    let address = start(Health::Well).await;
    let mut old = TcpStream::connect(address).await.unwrap();
    old.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    old.read_to_string(&mut answer).await.unwrap();
    check(&answer, &["HTTP/1.0 200", "\r\n\r\nok\n"]);
}

#[tokio::test(start_paused = true)]
async fn stopping_ends_idle_connections() {
    let Server { address, stop, accepting } = serve(Site::new(sources(Health::Well), &Page::ALL)).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut start = [0; 12];
    idle.read_exact(&mut start).await.unwrap();
    let before = tokio::time::Instant::now();
    stop.send(true).unwrap();
    accepting.await.unwrap();
    assert!(before.elapsed() < DRAIN_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_a_request_that_never_ends() {
    let Server { address, stop, accepting } = serve(Site::new(sources(Health::Well), &Page::ALL)).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    let start = tokio::time::Instant::now();
    stop.send(true).unwrap();
    accepting.await.unwrap();
    assert!(start.elapsed() <= DRAIN_TIMEOUT + Duration::from_secs(1));
}
