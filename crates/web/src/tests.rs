//! What a browser and a monitor see, over real sockets on loopback.

use super::*;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Fixed(Health);

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

async fn start(health: Health) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Arc::new(Fixed(health)), std::future::pending()));
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

#[tokio::test(start_paused = true)]
async fn a_header_that_never_ends_does() {
    let address = start(Health::Well).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut answer = Vec::new();
    // Closed or reset: over either way.
    let _ = slow.read_to_end(&mut answer).await;
    let mut large = TcpStream::connect(address).await.unwrap();
    let _ = large.write_all(&[b"GET / HTTP/1.1\r\nX: ".as_slice(), &vec![b'x'; 200_000]].concat()).await;
    let _ = large.read_to_end(&mut answer).await;
    check(&ask(address, "GET /healthz HTTP/1.1").await, &["ok"]);
}

#[tokio::test(start_paused = true)]
async fn stopping_ends_idle_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, Arc::new(Fixed(Health::Well)), async move { drop(stopped.await) }));
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut start = [0; 12];
    idle.read_exact(&mut start).await.unwrap();
    let before = tokio::time::Instant::now();
    stop.send(()).unwrap();
    served.await.unwrap();
    assert!(before.elapsed() < DRAIN_TIMEOUT);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_a_request_that_never_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, Arc::new(Fixed(Health::Well)), async move { drop(stopped.await) }));
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    let start = tokio::time::Instant::now();
    stop.send(()).unwrap();
    served.await.unwrap();
    assert!(start.elapsed() <= DRAIN_TIMEOUT + Duration::from_secs(1));
}
