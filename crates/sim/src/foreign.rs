//! The rest of the world: domains with their servers, which take mail, refuse it, and misbehave at every stage.

use crate::dice::Dice;
use crate::fault::Fault;
use crate::ledger::Take;
use crate::letter::{Found, recognise};
use crate::scene::Scene;
use env::virtual_net::Pipe;
use env::{BoxFuture, Mx, ResolveError};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

/// Where senders live who are told of failures: its servers never refuse anything for good.
pub const HOME: &str = "home.test";
/// How long our server surely waits for an answer to a message.
const SURELY_HEARD_S: u64 = 60;

/// A domain that mail is sent to.
pub fn domain(number: usize) -> String {
    format!("dest{number}.test")
}

/// A domain's server.
struct Host {
    name: String,
    address: SocketAddr,
    /// Whether it may say 5xx.
    strict: bool,
}

/// Puts all domains into the world, and lets names and hosts come and go.
pub fn populate(scene: &Scene, dice: &mut Dice) {
    let names = std::iter::once(HOME.to_owned()).chain((0..scene.plan().domains).map(domain));
    for (number, name) in names.enumerate() {
        let address = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10 + number as u8));
        let host = Host { strict: name != HOME, name, address: SocketAddr::new(address, 25) };
        host.settle(scene, &Arc::new(Mutex::new(dice.fork())));
        scene.spawn(Box::pin(weather(scene.clone(), host, dice.fork())));
    }
}

impl Host {
    /// All is well with it.
    fn settle(&self, scene: &Scene, dice: &Arc<Mutex<Dice>>) {
        let mx = Mx { preference: 10, host: Some(format!("mx.{}", self.name).parse().unwrap()) };
        scene.net().set_mx(&self.name, Ok(vec![mx]));
        scene.net().set_addresses(&format!("mx.{}", self.name), Ok(vec![self.address.ip()]));
        let (scene2, dice, strict) = (scene.clone(), dice.clone(), self.strict);
        let serve = move |pipe| -> BoxFuture<'static, ()> {
            let wire = Lines { pipe, unread: Vec::new() };
            let dice = dice.lock().unwrap().fork();
            let (doubts, opened) = (scene2.doubts(), scene2.turn());
            Box::pin(Visit { scene: scene2.clone(), dice, strict, wire, doubts, opened, recipients: Vec::new() }.run())
        };
        scene.net().serve(self.address, Arc::new(serve));
    }
}

/// Names that vanish, hosts that do not answer; for a while.
async fn weather(scene: Scene, host: Host, mut dice: Dice) {
    let moods = Arc::new(Mutex::new(dice.fork()));
    loop {
        scene.pause(dice.seconds(1, scene.plan().weather_every_s.max(2) * 4)).await;
        if scene.is_healed() {
            return;
        }
        let mut comes = |fault| {
            let comes = dice.chance(scene.plan().rate(fault).sqrt() / 3.0);
            if comes {
                scene.count(fault);
                scene.blow();
            }
            comes
        };
        if comes(Fault::HopRefused) {
            scene.net().refuse(host.address);
        } else if comes(Fault::HopSilent) {
            scene.net().silence(host.address);
        } else if comes(Fault::DnsTimeout) {
            scene.net().set_mx(&host.name, Err(ResolveError::Temporary("as it comes".into())));
        } else if host.strict && comes(Fault::DnsNoName) {
            scene.net().set_mx(&host.name, Err(ResolveError::NoSuchName));
        } else {
            continue;
        }
        scene.pause(dice.seconds(10, 6 * 3600)).await;
        host.settle(&scene, &moods);
    }
}

/// What a server does instead of the right thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mood {
    Right,
    Says(&'static str),
    Closes,
    Stalls,
    Drips,
}

/// The octets of a connection.
struct Lines {
    pipe: Pipe,
    unread: Vec<u8>,
}

impl Lines {
    async fn line(&mut self) -> Option<Vec<u8>> {
        let mut looked = 0;
        loop {
            if let Some(end) = self.unread[looked..].iter().position(|octet| *octet == b'\n') {
                return Some(self.unread.drain(..=looked + end).collect());
            }
            looked = self.unread.len();
            let read = self.pipe.read().await;
            if read.is_empty() {
                return None;
            }
            self.unread.extend(read);
        }
    }
}

/// A connection from our server.
struct Visit {
    scene: Scene,
    dice: Dice,
    strict: bool,
    wire: Lines,
    /// When it came: what it sends may be read when our server is dead already.
    doubts: u64,
    opened: u64,
    recipients: Vec<String>,
}

impl Visit {
    async fn run(mut self) {
        let _ = self.serve().await;
    }

    /// `None`: the connection is over.
    async fn serve(&mut self) -> Option<()> {
        self.answer("220 hop.test\r\n").await?;
        loop {
            let line = String::from_utf8_lossy(&self.wire.line().await?).trim_end().to_owned();
            match line.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" => drop(self.answer("250-hop.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n").await?),
                "MAIL" => {
                    self.recipients.clear();
                    self.answer("250 2.1.0 ok\r\n").await?;
                }
                "RCPT" => {
                    if self.answer("250 2.1.5 ok\r\n").await? {
                        let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                        self.recipients.push(address.to_owned());
                    }
                }
                "DATA" if self.recipients.is_empty() => self.say("503 5.5.1 no recipient\r\n").await,
                "DATA" => {
                    if self.answer("354 go on\r\n").await? {
                        self.message().await?;
                    }
                }
                "QUIT" => {
                    self.say("221 2.0.0 bye\r\n").await;
                    return None;
                }
                _ => drop(self.answer("250 2.0.0 ok\r\n").await?),
            }
        }
    }

    async fn message(&mut self) -> Option<()> {
        let mut octets = Vec::new();
        loop {
            let line = self.wire.line().await?;
            if line == b".\r\n" {
                break;
            }
            octets.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        let scene = self.scene.clone();
        if scene.happens(Fault::HopMute, &mut self.dice) {
            self.take(&octets);
            return None;
        }
        let began = scene.now();
        let mood = self.mood().await;
        if mood != Mood::Right {
            let touched = if let Found::Letter(tag) = recognise(&octets) { Some(tag) } else { None };
            touched.into_iter().for_each(|tag| scene.ledger().touch(tag));
            return self.act(mood).await.map(drop);
        }
        let takes = self.take(&octets);
        self.say("250 2.6.0 taken\r\n").await;
        if (scene.now() - began).as_secs() <= SURELY_HEARD_S {
            let (mut ledger, at) = (scene.ledger(), scene.turn());
            takes.into_iter().for_each(|(tag, recipient, number)| ledger.told(tag, &recipient, number, at));
        }
        Some(())
    }

    /// It is theirs now, or told of.
    fn take(&mut self, octets: &[u8]) -> Vec<(u64, String, usize)> {
        let mut takes = Vec::new();
        let mut ledger = self.scene.ledger();
        match recognise(octets) {
            Found::Letter(tag) => {
                let Some(letter) = ledger.letter(tag) else { return takes };
                if !octets.ends_with(&letter.octets) {
                    self.scene.violation(format!("letter {tag} was changed on its way"));
                }
                let queue_id = queue_id(octets);
                for recipient in std::mem::take(&mut self.recipients) {
                    self.scene.say(|| format!("letter {tag} is taken for {recipient}"));
                    let take =
                        Take { queue_id: queue_id.clone(), doubts: self.doubts, opened: self.opened, told: None };
                    match ledger.take(tag, &recipient, take) {
                        Ok(number) => takes.push((tag, recipient, number)),
                        Err(wrong) => self.scene.violation(wrong),
                    }
                }
            }
            Found::Failure(tag, failed) => {
                self.scene.say(|| format!("a report on letter {tag} for {failed:?}"));
                ledger.reports.extend(failed.into_iter().map(|to| (tag, to)));
            }
            Found::Other => {}
        }
        takes
    }

    /// Draws what it does now.
    async fn mood(&mut self) -> Mood {
        let (scene, dice) = (self.scene.clone(), &mut self.dice);
        if scene.happens(Fault::HopSlow, dice) {
            let pause = dice.seconds(1, 900);
            scene.pause(pause).await;
        }
        // At every one of the five or more stages of each transaction: rarer than what happens once in each.
        if !dice.chance(0.3) {
            return Mood::Right;
        }
        if scene.happens(Fault::HopLater, dice) {
            return Mood::Says(dice.pick::<&'static str>(&[
                "451 4.3.0 later\r\n",
                "421 4.3.2 busy\r\n",
                "452 4.5.3 too many\r\n",
            ]));
        }
        if self.strict && scene.happens(Fault::HopNever, dice) {
            return Mood::Says(dice.pick::<&'static str>(&["550 5.1.1 nobody\r\n", "554 5.7.1 no\r\n"]));
        }
        if scene.happens(Fault::HopGarbage, dice) {
            return Mood::Says(dice.pick::<&'static str>(&["ok\r\n", "999 what\r\n", "25\r\n", "\u{7f}\r\n"]));
        }
        let rest = [(Fault::HopClose, Mood::Closes), (Fault::HopStall, Mood::Stalls), (Fault::HopDrip, Mood::Drips)];
        let found = rest.into_iter().find(|(fault, _)| scene.happens(*fault, dice));
        found.map_or(Mood::Right, |(_, mood)| mood)
    }

    /// Says `right`, or does something else. Whether it said yes.
    async fn answer(&mut self, right: &str) -> Option<bool> {
        match self.mood().await {
            Mood::Right => {
                self.say(right).await;
                Some(true)
            }
            mood => self.act(mood).await,
        }
    }

    async fn act(&mut self, mood: Mood) -> Option<bool> {
        match mood {
            Mood::Says(what) => {
                self.say(what).await;
                Some(what.starts_with("250"))
            }
            Mood::Right | Mood::Closes => None,
            Mood::Stalls => {
                // Until our server goes.
                while self.wire.line().await.is_some() {}
                None
            }
            Mood::Drips => {
                for octet in b"250-".iter().chain([b'x'; 200].iter()) {
                    self.wire.pipe.write(&[*octet]).await;
                    self.scene.pause(std::time::Duration::from_secs(20)).await;
                }
                None
            }
        }
    }

    async fn say(&mut self, text: &str) {
        self.wire.pipe.write(text.as_bytes()).await;
    }
}

/// Our number of a message, from the topmost trace field.
fn queue_id(octets: &[u8]) -> String {
    let head = String::from_utf8_lossy(octets.get(..1000.min(octets.len())).unwrap_or_default()).into_owned();
    head.split(" id ").nth(1).and_then(|rest| rest.split([';', '\r', ' ']).next()).unwrap_or_default().to_owned()
}
