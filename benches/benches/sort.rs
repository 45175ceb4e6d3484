//! SORT and THREAD as a client sees them, without sockets: the first time, again, and after one more message.
//!
//! `cargo bench -p benches --bench sort -- [MESSAGES]`; each line is one command, its wall-clock time in milliseconds.

use access::imap::{ImapConversation, ImapPolicy, Peer, PlaintextLogin, Services, TlsOffer};
use env::Conversation;
use mailstore::{Account, Append, Body, INBOX_ID, Mailstore, NewEmail};
use message::Scanner;
use model::{Moment, Quota};
use mta::BodiesInFlight;
use net::runtime::TokioEnv;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

const COMMANDS: [&str; 6] = [
    "SORT (ARRIVAL) UTF-8 ALL",
    "SORT (REVERSE DATE) UTF-8 ALL",
    "SORT (SUBJECT DATE) UTF-8 ALL",
    "SORT (DISPLAYFROM REVERSE DATE) UTF-8 ALL",
    "THREAD ORDEREDSUBJECT UTF-8 ALL",
    "THREAD REFERENCES UTF-8 ALL",
];

fn main() -> anyhow::Result<()> {
    // Cargo adds `--bench`.
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench").map(|arg| arg.parse::<usize>());
    let messages = args.next().unwrap_or(Ok(10_000))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("store"))?;
        std::fs::create_dir(folder.path().join("blobs"))?;
        let env = TokioEnv::new()?.env();
        let (store, post) = benches::post(folder.path(), 1, &env).await?;
        let user = post.directory.authenticate("u0@bench.test", b"pw0", None).await?;
        fill(&post.mailstore.account(user.id).await?, 0..messages).await?;
        println!("{messages} messages");
        println!("command | first, ms | again, ms | after one more, ms");
        for command in COMMANDS {
            // A mail store of its own knows nothing yet; the rows lie in the same store.
            let (blobs, spawn, clock) = (post.mailstore.blobs().clone(), env.spawn.clone(), env.clock.clone());
            let fresh = Mailstore::new(store.clone(), blobs, spawn, clock);
            let in_flight = BodiesInFlight::new(256 << 20);
            let (directory, random) = (post.directory.clone(), env.random.clone());
            let services = Services { mailstore: fresh.clone(), directory, in_flight, random };
            let mut client = Client::new(Arc::new(services));
            client.ask("a LOGIN u0@bench.test pw0").await?;
            client.ask("a SELECT INBOX").await?;
            let mut times = Vec::new();
            for more in [0, 0, 1] {
                let count = fresh.account(user.id).await?.usage().messages as usize;
                fill(&fresh.account(user.id).await?, count..count + more).await?;
                client.ask("a NOOP").await?;
                let start = Instant::now();
                client.ask(&format!("a {command}")).await?;
                times.push(format!("{:.1}", start.elapsed().as_secs_f64() * 1e3));
            }
            println!("{command:42} | {}", times.join(" | "));
        }
        Ok(())
    })
}

/// Conversations of about five messages, mixed; some mail stands alone.
async fn fill(account: &Arc<Account>, numbers: std::ops::Range<usize>) -> anyhow::Result<()> {
    for n in numbers {
        let (conversation, generation) = (n % 2_000, n / 2_000);
        let references: String = (0..generation).map(|at| format!("<{conversation}.{at}@remote.test>\r\n ")).collect();
        let answers = if generation > 0 { format!("References: {}\r\n", references.trim_end()) } else { String::new() };
        let re = if generation > 0 { "Re: " } else { "" };
        let text = format!(
            "From: Sender {} <sender{}@remote.test>\r\nTo: Reader <u0@bench.test>, Other <other@bench.test>\r\n\
             Subject: {re}=?utf-8?q?Angebot_f=C3=BCr_{conversation}?= and some more words\r\n\
             Date: Thu, 1 Jan 2026 {:02}:{:02}:{:02} +0100\r\nMessage-ID: <{conversation}.{generation}@remote.test>\r\n\
             {answers}MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
             The quick brown fox jumps over the lazy dog and runs away.\r\n",
            n % 500,
            n % 500,
            n * 7 % 24,
            n * 13 % 60,
            n * 29 % 60,
        );
        let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
        scanner.push(text.as_bytes());
        let email = NewEmail {
            prefix: Vec::new().into(),
            body: Body::Row(text.into_bytes().into()),
            scanned: scanner.finish().into(),
        };
        let (flags, quota) = (Vec::new(), Quota::default());
        let append =
            Append { mailbox: INBOX_ID, email, flags, internal_date: None, quota, delivery: None, beside: Vec::new() };
        let appended = account.append(append);
        if n % 500 == 499 {
            // The others are under way.
            appended.await?;
        }
    }
    account.subscribe("INBOX", true).await?;
    Ok(())
}

/// A client on the other end of a conversation that has no socket.
struct Client(ImapConversation);

impl Client {
    fn new(services: Arc<Services>) -> Client {
        let policy = ImapPolicy {
            tls: TlsOffer::None,
            plaintext_login: PlaintextLogin::Allowed,
            mechanisms: Vec::new(),
            limits: imap::Limits::default(),
        };
        let peer = Peer { address: None, session_id: 1 };
        Client(ImapConversation::new(services, policy.into(), (peer, None), Moment::default()))
    }

    /// Sends a command and waits for its tagged answer, which must be OK.
    async fn ask(&mut self, command: &str) -> anyhow::Result<()> {
        self.0.receive(format!("{command}\r\n").as_bytes(), Moment::default());
        let mut answer = Vec::new();
        poll_fn(|cx| {
            self.0.advance(cx, Moment::default());
            while !self.0.output().is_empty() {
                answer.extend_from_slice(self.0.output());
                self.0.sent(self.0.output().len());
                self.0.advance(cx, Moment::default());
            }
            let last = answer.rsplit(|octet| *octet == b'\n').nth(1).unwrap_or_default();
            if last.starts_with(b"a ") { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let last =
            String::from_utf8_lossy(answer.rsplit(|octet| *octet == b'\n').nth(1).unwrap_or_default()).into_owned();
        anyhow::ensure!(last.starts_with("a OK"), "{command}: {last}");
        Ok(())
    }
}
