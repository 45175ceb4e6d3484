//! Those who bring mail: other servers by SMTP, our own people by submission, programs beside us by LMTP.

use crate::dice::Dice;
use crate::fault::Fault;
use crate::foreign;
use crate::ledger::Outcome;
use crate::letter::{Goal, Letter, Recipient};
use crate::link::{Gone, Link};
use crate::scene::Scene;
use crate::server::{DOMAIN, PASSWORD, SIZE_MAX, Service, account_address, aliases};
use base64::Engine;

/// How often a letter is tried, as long as the server refuses it or is away.
const TRIES_MAX: u32 = 12;
/// Letters over one connection.
const AT_ONCE_MAX: u64 = 6;

/// One who brings mail until there is none left to bring.
pub async fn carrier(scene: Scene, service: Service, mut dice: Dice) {
    let mut waiting: Vec<(Letter, u32)> = Vec::new();
    loop {
        let more = dice.between(1, AT_ONCE_MAX);
        for _ in waiting.len() as u64..more {
            waiting.extend(write_letter(&scene, service, &mut dice).map(|letter| (letter, 0)));
        }
        if waiting.is_empty() {
            break;
        }
        let before = waiting.len();
        if let Ok(mut link) = Link::open(&scene, service, &mut dice).await {
            let mut visit = Visit { scene: &scene, service, dice: &mut dice, link: &mut link };
            // What is left undone is known by what is still waiting.
            let _ = visit.deliver(&mut waiting).await;
        }
        waiting.iter_mut().for_each(|(_, tries)| *tries += 1);
        waiting.retain(|(_, tries)| *tries < TRIES_MAX);
        let longest = if waiting.len() < before { scene.plan().pace_s } else { 1800 };
        let pause = dice.millis(10, longest * 1000);
        scene.pause(pause).await;
    }
}

/// The next letter of those that are to be written.
fn write_letter(scene: &Scene, service: Service, dice: &mut Dice) -> Option<Letter> {
    let mut ledger = scene.ledger();
    let tag = ledger.letters.len() as u64;
    if tag >= scene.plan().letters {
        return None;
    }
    let from = match service {
        Service::Submission => account_address(0),
        _ => format!("sender{}@{}", dice.below(5), foreign::HOME),
    };
    let mut recipients: Vec<Recipient> = Vec::new();
    for _ in 0..if dice.chance(0.6) { 1 } else { dice.between(2, 6) } {
        let recipient = recipient(scene, service, tag, dice);
        if !recipients.iter().any(|known| known.address == recipient.address) {
            recipients.push(recipient);
        }
    }
    let octets = match dice.chance(scene.plan().large) {
        true => dice.scaled(20_000.0, SIZE_MAX as f64 * 0.9) as usize,
        false => dice.scaled(1.0, 3_000.0) as usize,
    };
    let letter = Letter::new(tag, from, recipients, octets, dice);
    ledger.letters.push(letter.clone());
    Some(letter)
}

fn recipient(scene: &Scene, service: Service, tag: u64, dice: &mut Dice) -> Recipient {
    let all = |goals: &[String]| goals.iter().map(|goal| goal_of(scene, goal)).collect();
    if service == Service::Submission && dice.chance(0.7) {
        let (domain, number) = (dice.below(scene.plan().domains as u64), dice.below(4));
        let address = format!("r{number}.l{tag}@{}", foreign::domain(domain as usize));
        return Recipient { goals: vec![Goal::Foreign(address.clone())], address };
    }
    if dice.chance(0.03) {
        return Recipient { address: format!("nobody{tag}@{DOMAIN}"), goals: Vec::new() };
    }
    if dice.chance(0.12) {
        let (address, goals) = dice.pick(&aliases(scene)).clone();
        return Recipient { goals: all(&goals), address };
    }
    let number = dice.below(scene.plan().accounts as u64) as usize;
    let address = account_address(number);
    let address = if dice.chance(0.2) { address.replace('@', &format!("+l{tag}@")) } else { address };
    Recipient { address, goals: vec![Goal::Account(number)] }
}

fn goal_of(scene: &Scene, address: &str) -> Goal {
    let ours = (0..scene.plan().accounts).find(|number| account_address(*number) == address);
    ours.map_or_else(|| Goal::Foreign(address.to_owned()), Goal::Account)
}

/// A connection that letters are handed in over.
struct Visit<'a> {
    scene: &'a Scene,
    service: Service,
    dice: &'a mut Dice,
    link: &'a mut Link,
}

impl Visit<'_> {
    /// Hands in what waits, from the front; what was taken or refused for good waits no more.
    async fn deliver(&mut self, waiting: &mut Vec<(Letter, u32)>) -> Result<(), Gone> {
        self.greet().await?;
        while let Some((letter, _)) = waiting.first().cloned() {
            if self.scene.happens(Fault::ClientGarbage, self.dice) {
                self.garbage().await?;
            }
            if !self.transaction(&letter).await? {
                break;
            }
            waiting.remove(0);
        }
        self.command("QUIT").await.map(drop)
    }

    async fn greet(&mut self) -> Result<(), Gone> {
        expect(self.reply().await?, 2)?;
        let hello = if self.service == Service::Lmtp { "LHLO" } else { "EHLO" };
        expect(self.command(&format!("{hello} client.test")).await?, 2)?;
        if self.dice.chance(0.1) {
            expect(self.command("STARTTLS").await?, 2)?;
            expect(self.command(&format!("{hello} client.test")).await?, 2)?;
        }
        if self.service == Service::Submission {
            let secret = format!("\0{}\0{PASSWORD}", account_address(0));
            let secret = base64::engine::general_purpose::STANDARD.encode(secret);
            expect(self.command(&format!("AUTH PLAIN {secret}")).await?, 2)?;
        }
        Ok(())
    }

    async fn garbage(&mut self) -> Result<(), Gone> {
        self.link.touch();
        let octets: Vec<u8> = (0..self.dice.between(1, 80)).map(|_| self.dice.roll() as u8 | 1).collect();
        let octets: Vec<u8> = octets.into_iter().filter(|octet| !b"\r\n".contains(octet)).collect();
        self.link.send(&[b"?", octets.as_slice(), b"\r\n"].concat()).await?;
        match self.reply().await? {
            400..600 => Ok(()),
            code => {
                self.scene.violation(format!("garbage was answered with {code}"));
                Err(Gone)
            }
        }
    }

    /// Whether the letter is done with; what came of it is in the ledger.
    async fn transaction(&mut self, letter: &Letter) -> Result<bool, Gone> {
        let size = self.announced(letter);
        let mail = format!("MAIL FROM:<{}>{size}", letter.from);
        if !self.accepted(&mail, letter).await? {
            return Ok(false);
        }
        let (mut accepted, mut later) = (Vec::new(), false);
        for to in &letter.recipients {
            match self.command(&format!("RCPT TO:<{}>", to.address)).await? {
                200..300 if to.goals.is_empty() => {
                    self.scene.violation(format!("{} is nobody's, and was accepted", to.address));
                }
                200..300 => accepted.push(to.address.as_str()),
                500.. if !to.goals.is_empty() => {
                    self.scene.violation(format!("{} was refused for good", to.address));
                }
                500.. => {}
                _ => later = true,
            }
        }
        if accepted.is_empty() || self.scene.happens(Fault::ClientReset, self.dice) {
            self.command("RSET").await?;
            // Whoever has only recipients that do not exist is done.
            return Ok(!later && accepted.is_empty());
        }
        let outcome = self.body(letter, &accepted).await;
        Ok(outcome? && !later)
    }

    /// What is announced of the size: mostly nothing or the truth.
    fn announced(&mut self, letter: &Letter) -> String {
        let octets = letter.octets.len() as u64;
        let lies = self.scene.happens(Fault::ClientLie, self.dice);
        match self.dice.below(3) {
            0 if lies => format!(" SIZE={}", octets / 2),
            _ if lies => format!(" SIZE={}", (octets * 2).min(SIZE_MAX)),
            0 => format!(" SIZE={octets}"),
            _ => String::new(),
        }
    }

    async fn accepted(&mut self, command: &str, letter: &Letter) -> Result<bool, Gone> {
        let code = self.command(command).await?;
        if code >= 500 {
            self.scene.violation(format!("letter {}: {command}: {code}", letter.tag));
        }
        Ok(code < 400)
    }

    /// The message by DATA or BDAT, and what came of it.
    async fn body(&mut self, letter: &Letter, accepted: &[&str]) -> Result<bool, Gone> {
        let doubts = self.scene.doubts();
        let sent = match self.dice.chance(0.2) {
            true => {
                let octets = [format!("BDAT {} LAST\r\n", letter.octets.len()).as_bytes(), &letter.octets].concat();
                self.link.send(&octets).await
            }
            false => {
                if !self.accepted("DATA", letter).await? {
                    return Ok(false);
                }
                self.link.send(&stuffed(&letter.octets)).await
            }
        };
        // What did not come in whole is not there.
        if sent.is_err() {
            self.note(letter, accepted, Outcome::Refused);
            return Err(Gone);
        }
        let mut all = true;
        let each = if self.service == Service::Lmtp { accepted.len() } else { 1 };
        for number in 0..each {
            let whose = if self.service == Service::Lmtp { &accepted[number..=number] } else { accepted };
            match self.reply().await {
                Ok(200..300) => self.note(letter, whose, Outcome::Acked),
                Ok(code @ 400..500) => {
                    self.scene.say(|| format!("letter {} was refused: {code}", letter.tag));
                    let doubtful = doubts != self.scene.doubts();
                    self.note(letter, whose, if doubtful { Outcome::Doubt } else { Outcome::Refused });
                    all = false;
                }
                Ok(code) => {
                    self.scene.violation(format!("letter {} was refused for good: {code}", letter.tag));
                    return Err(Gone);
                }
                Err(Gone) => {
                    (number..each).for_each(|number| {
                        let whose = if self.service == Service::Lmtp { &accepted[number..=number] } else { accepted };
                        self.note(letter, whose, Outcome::Doubt);
                    });
                    return Err(Gone);
                }
            }
        }
        Ok(all)
    }

    fn note(&mut self, letter: &Letter, recipients: &[&str], outcome: Outcome) {
        self.scene.say(|| format!("letter {} to {recipients:?}: {outcome:?}", letter.tag));
        self.scene.ledger().attempted(letter, recipients, outcome, self.link.is_touched());
    }

    async fn command(&mut self, line: &str) -> Result<u16, Gone> {
        self.link.send(format!("{line}\r\n").as_bytes()).await?;
        self.reply().await
    }

    /// The code of a reply.
    async fn reply(&mut self) -> Result<u16, Gone> {
        loop {
            let line = self.link.line().await?;
            let code = std::str::from_utf8(line.get(..3).unwrap_or_default()).ok().and_then(|code| code.parse().ok());
            let Some(code) = code else {
                self.scene.violation(format!("no reply: {:?}", String::from_utf8_lossy(&line)));
                return Err(Gone);
            };
            if line.get(3) != Some(&b'-') {
                // 421: the server goes.
                return if code == 421 { Err(Gone) } else { Ok(code) };
            }
        }
    }
}

fn expect(code: u16, class: u16) -> Result<(), Gone> {
    if code / 100 == class { Ok(()) } else { Err(Gone) }
}

/// With its dots doubled, and the end (RFC 5321 §4.5.2).
fn stuffed(octets: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(octets.len() + 64);
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}
