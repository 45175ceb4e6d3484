//! A next hop that does as it is told: a healthy SMTP or LMTP server, but where its script says otherwise.

use env::virtual_net::{Pipe, Serve};
use env::virtual_world::World;
use env::{Clock, Sleep};
use futures_util::FutureExt;
use model::Timestamp;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What it does instead of what a healthy server does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Says this.
    Say(String),
    /// Hangs up.
    Close,
    /// Says nothing any more.
    Stall,
    /// Says one octet of a reply that never ends, again and again.
    Drip,
    /// Does what is right, and at once answers what nobody asked yet.
    Early,
    /// Agrees to TLS and fails at it.
    BreakTls,
    /// Does what is right, later.
    After(Duration),
}

/// What it does at a command; `None`: what is right. The greeting is asked for as `greeting`, the end of a message as `.`.
pub type Script = Arc<dyn Fn(&str) -> Option<Act> + Send + Sync>;

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub by: SocketAddr,
    pub at: Timestamp,
    pub mail: String,
    pub rcpt: Vec<String>,
    pub octets: Vec<u8>,
    pub tls: bool,
}

impl Taken {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.octets).into_owned()
    }
}

/// What all peers of a test saw.
#[derive(Clone, Default)]
pub struct Book(Arc<Mutex<(Vec<Taken>, Vec<String>)>>);

impl Book {
    pub fn taken(&self) -> Vec<Taken> {
        self.0.lock().unwrap().0.clone()
    }

    /// Every command, of all connections.
    pub fn commands(&self) -> Vec<String> {
        self.0.lock().unwrap().1.clone()
    }

    /// How often a recipient got something.
    pub fn count(&self, recipient: &str) -> usize {
        let rcpt = format!("RCPT TO:<{recipient}>");
        self.0.lock().unwrap().0.iter().flat_map(|taken| &taken.rcpt).filter(|line| line.starts_with(&rcpt)).count()
    }
}

/// A server.
#[derive(Clone)]
pub struct Peer {
    pub world: World,
    pub book: Book,
    pub extensions: Vec<&'static str>,
    pub lmtp: bool,
    pub script: Script,
}

/// Anybody's password at a smart host: the one of user `us`.
pub const PASSWORD: &[u8] = b"open sesame";

impl Peer {
    pub fn new(world: &World, book: &Book) -> Peer {
        let (world, book) = (world.clone(), book.clone());
        Peer { world, book, extensions: vec!["PIPELINING", "8BITMIME"], lmtp: false, script: Arc::new(|_| None) }
    }

    pub fn with(mut self, extensions: &[&'static str]) -> Peer {
        self.extensions = extensions.to_vec();
        self
    }

    pub fn lmtp(mut self) -> Peer {
        self.lmtp = true;
        self
    }

    pub fn script(mut self, script: impl Fn(&str) -> Option<Act> + Send + Sync + 'static) -> Peer {
        self.script = Arc::new(script);
        self
    }

    /// The same answer wherever a command begins so.
    pub fn at(self, stage: &str, act: Act) -> Peer {
        let stage = stage.to_owned();
        self.script(move |command| command.starts_with(&stage).then(|| act.clone()))
    }

    pub fn serve(self, by: SocketAddr) -> Serve {
        Arc::new(move |pipe| {
            let wire = Wire { pipe, unread: Vec::new(), unsaid: Vec::new() };
            Visit { peer: self.clone(), by, wire, mail: String::new(), rcpt: Vec::new(), tls: false }.run().boxed()
        })
    }
}

/// The octets of a connection.
struct Wire {
    pipe: Pipe,
    unread: Vec<u8>,
    unsaid: Vec<u8>,
}

impl Wire {
    /// Up to and with the next LF; says first what is to be said, in one piece.
    async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.unread.iter().position(|octet| *octet == b'\n') {
                return Some(self.unread.drain(..=end).collect());
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, octets: usize) -> Option<Vec<u8>> {
        while self.unread.len() < octets {
            self.more().await?;
        }
        Some(self.unread.drain(..octets).collect())
    }

    async fn more(&mut self) -> Option<()> {
        let said = std::mem::take(&mut self.unsaid);
        self.pipe.write(&said).await;
        let read = self.pipe.read().await;
        self.unread.extend_from_slice(&read);
        (!read.is_empty()).then_some(())
    }
}

struct Visit {
    peer: Peer,
    by: SocketAddr,
    wire: Wire,
    mail: String,
    rcpt: Vec<String>,
    tls: bool,
}

impl Visit {
    /// `None` at the end of the connection.
    async fn run(mut self) {
        if self.answer("greeting", "220 peer.test\r\n").await.is_none() {
            return;
        }
        while let Some(line) = self.wire.line().await {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.peer.book.0.lock().unwrap().1.push(line.clone());
            if self.command(&line).await.is_none() {
                let said = std::mem::take(&mut self.wire.unsaid);
                return self.wire.pipe.write(&said).await;
            }
        }
    }

    async fn command(&mut self, line: &str) -> Option<()> {
        let verb = line.split(' ').next().unwrap_or_default().to_owned();
        match verb.as_str() {
            "EHLO" | "LHLO" => {
                let words = self.peer.extensions.clone();
                let words = words.iter().filter(|word| !(self.tls && **word == "STARTTLS"));
                let lines: Vec<String> =
                    std::iter::once("peer.test").chain(words.copied()).map(|word| format!("250-{word}\r\n")).collect();
                let mut text = lines.concat();
                let last = text.rfind("250-").unwrap();
                text.replace_range(last..last + 4, "250 ");
                self.answer(line, &text).await?;
            }
            "MAIL" => {
                (self.mail, self.rcpt) = (line.to_owned(), Vec::new());
                self.answer(line, "250 2.1.0 ok\r\n").await?;
            }
            "RCPT" => {
                if self.answer(line, "250 2.1.5 ok\r\n").await? {
                    self.rcpt.push(line.to_owned());
                }
            }
            "DATA" if self.rcpt.is_empty() => self.say("503 5.5.1 no recipient\r\n"),
            "DATA" => {
                if self.answer(line, "354 go on\r\n").await? {
                    let octets = self.data().await?;
                    self.end(octets).await?;
                }
            }
            "BDAT" => self.bdat(line).await?,
            "STARTTLS" => {
                if self.answer(line, "220 2.0.0 go on\r\n").await? {
                    self.tls = true;
                }
            }
            "AUTH" => self.auth(line).await?,
            "QUIT" => {
                self.answer(line, "221 2.0.0 bye\r\n").await?;
                return None;
            }
            _ => {
                self.answer(line, "250 2.0.0 ok\r\n").await?;
            }
        }
        Some(())
    }

    /// A message by DATA, its dots undone.
    async fn data(&mut self) -> Option<Vec<u8>> {
        let mut octets = Vec::new();
        loop {
            let line = self.wire.line().await?;
            if line == b".\r\n" {
                return Some(octets);
            }
            octets.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }

    async fn bdat(&mut self, line: &str) -> Option<()> {
        let mut octets = Vec::new();
        let mut words = line.split(' ').skip(1);
        let mut more = (words.next()?.parse().ok()?, words.next() == Some("LAST"));
        loop {
            octets.extend(self.wire.exactly(more.0).await?);
            if more.1 {
                return self.end(octets).await;
            }
            self.say("250 2.0.0 so far\r\n");
            let line = String::from_utf8_lossy(&self.wire.line().await?).trim_end().to_owned();
            let mut words = line.split(' ').skip(1);
            more = (words.next()?.parse().ok()?, words.next() == Some("LAST"));
        }
    }

    /// The end of a message: LMTP answers for each recipient, asked for as `. <address>`.
    async fn end(&mut self, octets: Vec<u8>) -> Option<()> {
        let (rcpt, mail) = (std::mem::take(&mut self.rcpt), std::mem::take(&mut self.mail));
        let each: Vec<Vec<String>> =
            if self.peer.lmtp { rcpt.into_iter().map(|one| vec![one]).collect() } else { vec![rcpt] };
        for rcpt in each {
            let stage = if self.peer.lmtp { format!(". {}", rcpt[0]) } else { ".".to_owned() };
            if self.answer(&stage, "250 2.6.0 taken\r\n").await? {
                let at = self.peer.world.wall();
                let taken = Taken { by: self.by, at, mail: mail.clone(), rcpt, octets: octets.clone(), tls: self.tls };
                self.peer.book.0.lock().unwrap().0.push(taken);
            }
        }
        Some(())
    }

    /// SCRAM-SHA-256, unless the script says what comes of it.
    async fn auth(&mut self, line: &str) -> Option<()> {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        if (self.peer.script)(line).is_some() {
            self.answer(line, "").await?;
            return Some(());
        }
        let keys = sasl::ScramKeys::derive(sasl::ScramHash::Sha256, PASSWORD, b"salt of sixteen ", 4096).unwrap();
        let initial = STANDARD.decode(line.rsplit(' ').next()?).ok()?;
        let mechanism = sasl::Mechanism::ScramSha256;
        let mut server = sasl::Server::new(mechanism, None, [7; sasl::NONCE_OCTETS], false);
        let mut step = server.start(Some(&initial));
        loop {
            let challenge = match step {
                sasl::Step::WantsKeys { .. } => {
                    step = server.keys(keys.clone());
                    continue;
                }
                sasl::Step::Challenge(challenge) => challenge,
                sasl::Step::Done { last: Some(last), .. } => {
                    self.say(&format!("334 {}\r\n", STANDARD.encode(last)));
                    self.wire.line().await?;
                    self.say("235 2.7.0 welcome\r\n");
                    return Some(());
                }
                _ => {
                    self.say("535 5.7.8 no\r\n");
                    return Some(());
                }
            };
            self.say(&format!("334 {}\r\n", STANDARD.encode(challenge)));
            let line = self.wire.line().await?;
            step = server.respond(&STANDARD.decode(line.trim_ascii_end()).ok()?);
        }
    }

    /// Does what the script says at `stage`, or says `right`. Whether what was said is right.
    async fn answer(&mut self, stage: &str, right: &str) -> Option<bool> {
        match (self.peer.script)(stage) {
            None => self.say(right),
            Some(Act::Say(other)) => {
                self.say(&other);
                return Some(other.starts_with(['2', '3']));
            }
            Some(Act::Close) => return None,
            Some(Act::Stall) => return self.stall().await,
            Some(Act::Drip) => return self.drip().await,
            Some(Act::Early) => self.say(&format!("{right}250 2.0.0 and the next is fine, too\r\n")),
            Some(Act::BreakTls) => {
                self.wire.pipe.break_tls();
                self.say(right);
            }
            Some(Act::After(pause)) => {
                self.peer.world.sleep_until(self.peer.world.monotonic() + pause).await;
                self.say(right);
            }
        }
        Some(true)
    }

    fn say(&mut self, text: &str) {
        self.wire.unsaid.extend_from_slice(text.as_bytes());
    }

    /// Until the client goes.
    async fn stall(&mut self) -> Option<bool> {
        while self.wire.more().await.is_some() {}
        None
    }

    async fn drip(&mut self) -> Option<bool> {
        for octet in b"250-".iter().chain([b'x'; 4000].iter()) {
            self.wire.pipe.write(&[*octet]).await;
            let nap = self.peer.world.monotonic() + Duration::from_secs(20);
            self.peer.world.sleep_until(nap).await;
        }
        None
    }
}
