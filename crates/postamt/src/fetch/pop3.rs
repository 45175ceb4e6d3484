//! Messages by POP3 (RFC 1939): what UIDL calls them is remembered, so each comes once though it stays there.

use super::link::Link;
use super::login::Login;
use super::remote::Start;
use super::{Afterwards, Errand};
use crate::admin::transfer::Source;
use crate::import::letter::{self, Letter};
use crate::language::say;
use std::collections::{HashMap, VecDeque};

/// Longest line of an answer or list (RFC 2449 §4: 512 octets).
const LINE_OCTETS_MAX: usize = 4096;
/// Longest line of a message: RFC 5322 allows 998 octets, others write more.
const MESSAGE_LINE_OCTETS_MAX: usize = 64 << 20;
/// Messages in a maildrop that are looked at.
const MESSAGES_MAX: usize = 10_000_000;
/// Commands sent before the first is answered, where the server takes them (RFC 2449 §6.6).
const PIPELINE: usize = 20;

struct Conversation {
    link: Link,
    capabilities: Vec<String>,
}

/// A message in the maildrop.
struct Waiting {
    number: u64,
    source: Source,
    size_octets: u64,
}

/// Fetches the maildrop into the mailbox `target`.
///
/// # Errors
/// Why it ended before its end. What was sent to our server by then stays.
pub async fn fetch(errand: &mut Errand<'_>, link: Link, password: &str, target: &str) -> Result<usize, String> {
    let mut there = Conversation::begin(link, errand.remote.start == Start::Implicit).await?;
    there.login(&errand.remote.user, password).await?;
    let all = there.messages(errand).await?;
    let sources: Vec<Source> = all.iter().map(|message| message.source).collect();
    let known = errand.known(&sources)?;
    let (mut deletable, mut new): (Vec<u64>, VecDeque<Waiting>) = (Vec::new(), VecDeque::new());
    for (message, known) in all.into_iter().zip(known) {
        if known {
            deletable.push(message.number);
        } else if message.size_octets > errand.octets_max {
            let cause = super::too_large(message.size_octets, errand.octets_max);
            errand.uplink.trouble(say!("message {n}", "Nachricht {n}", n = message.number), cause);
        } else {
            new.push_back(message);
        }
    }
    errand.uplink.known(deletable.len() as u64);
    let mut sent = there.bodies(errand, new, target).await?;
    for lost in errand.uplink.settle()? {
        sent.remove(&lost);
    }
    if errand.afterwards == Afterwards::Delete {
        deletable.extend(sent.into_values());
        for number in deletable {
            there.done(&format!("DELE {number}")).await?;
        }
    }
    // Only now does the server delete (RFC 1939 §6).
    there.done("QUIT").await?;
    Ok(1)
}

impl Conversation {
    async fn begin(mut link: Link, implicit: bool) -> Result<Conversation, String> {
        if implicit && !link.secure {
            link.start_tls().await?;
        }
        let mut there = Conversation { link, capabilities: Vec::new() };
        there.answer().await?;
        if !there.link.secure {
            there.done("STLS").await.map_err(|error| {
                say!(
                    "the server has no TLS here ({error}); try pop3s://",
                    "der Server bietet hier kein TLS ({error}); pop3s:// versuchen"
                )
            })?;
            there.link.start_tls().await?;
        }
        // Old servers do not know the question (RFC 2449 §5).
        there.send("CAPA").await?;
        if there.answer().await.is_ok() {
            there.capabilities = there.list().await?.into_iter().map(|line| line.to_ascii_uppercase()).collect();
        }
        Ok(there)
    }

    async fn login(&mut self, user: &str, password: &str) -> Result<(), String> {
        let mechanisms = self.capabilities.iter().find_map(|line| line.strip_prefix("SASL "));
        let offered: Vec<&str> = mechanisms.unwrap_or_default().split_ascii_whitespace().collect();
        let signed_in = match Login::begin(&offered, user, password, self.link.secure)? {
            Some(login) => self.authenticate(login).await,
            None if [user, password].iter().any(|text| text.chars().any(char::is_control)) => {
                return Err(say!(
                    "a control character cannot be sent",
                    "ein Steuerzeichen lässt sich nicht übertragen"
                ));
            }
            None => {
                self.done(&format!("USER {user}")).await?;
                self.done(&format!("PASS {password}")).await
            }
        };
        signed_in.map_err(|error| {
            say!("the server does not let {user} in: {error}", "der Server lässt {user} nicht ein: {error}")
        })
    }

    /// RFC 5034 §4.
    async fn authenticate(&mut self, mut login: Login) -> Result<(), String> {
        match login.initial() {
            Some(initial) => self.send(&format!("AUTH {} {initial}", login.mechanism)).await?,
            None => self.send(&format!("AUTH {}", login.mechanism)).await?,
        }
        loop {
            let line = self.text_line().await?;
            match line.strip_prefix("+ ") {
                Some(challenge) => {
                    let answer = login.respond(challenge)?;
                    self.send(&answer).await?;
                }
                None if line.starts_with("+OK") && !login.succeeded() => {
                    return Err(super::unproven());
                }
                None => return status(&line).map(|_| ()),
            }
        }
    }

    /// What UIDL and LIST say.
    async fn messages(&mut self, errand: &Errand<'_>) -> Result<Vec<Waiting>, String> {
        let why = |error| {
            say!(
                "the server does not tell its messages apart (UIDL: {error}), so none can be fetched once only",
                "der Server unterscheidet seine Nachrichten nicht (UIDL: {error}); so lässt sich keine nur einmal holen"
            )
        };
        self.done("UIDL").await.map_err(why)?;
        let mut all: Vec<Waiting> = Vec::new();
        for line in self.list().await? {
            let (number, id) = line.split_once(' ').ok_or_else(unreadable)?;
            let number = number.parse().map_err(|_| unreadable())?;
            all.push(Waiting { number, source: errand.remote.source(&[id.trim().as_bytes()]), size_octets: 0 });
        }
        self.done("LIST").await?;
        let sizes: Vec<String> = self.list().await?;
        let number = |line: &String| {
            let (number, size) = line.split_once(' ')?;
            Some((number.parse().ok()?, size.split(' ').next()?.parse().ok()?))
        };
        let sizes: HashMap<u64, u64> = sizes.iter().filter_map(number).collect();
        for message in &mut all {
            message.size_octets = sizes.get(&message.number).copied().unwrap_or(0);
        }
        Ok(all)
    }

    /// Fetches messages and gives them to our server; the numbers they have there, and those here.
    async fn bodies(
        &mut self,
        errand: &mut Errand<'_>,
        mut new: VecDeque<Waiting>,
        target: &str,
    ) -> Result<HashMap<u64, u64>, String> {
        let most = if self.capabilities.iter().any(|line| line == "PIPELINING") { PIPELINE } else { 1 };
        let (mut sent, mut asked): (HashMap<u64, u64>, VecDeque<Waiting>) = (HashMap::new(), VecDeque::new());
        loop {
            while asked.len() < most
                && let Some(next) = new.pop_front()
            {
                self.send(&format!("RETR {}", next.number)).await?;
                asked.push_back(next);
            }
            let Some(message) = asked.pop_front() else { return Ok(sent) };
            let place = say!("message {n}", "Nachricht {n}", n = message.number);
            let line = self.text_line().await?;
            if let Err(cause) = status(&line) {
                errand.uplink.trouble(place, cause);
                continue;
            }
            let Some(octets) = self.message(errand.octets_max).await? else {
                let max = errand.octets_max;
                let cause = say!("our server takes at most {max} octets", "unser Server nimmt höchstens {max} Byte an");
                errand.uplink.trouble(place, cause);
                continue;
            };
            let date = letter::date_within(&octets);
            let letter = Letter { place, octets, flags: Vec::new(), date };
            sent.insert(errand.uplink.send(target, message.source, letter)?, message.number);
        }
    }

    /// A message's lines up to the one with a dot, without the dots put before others (RFC 1939 §3); `None` when it is too large.
    async fn message(&mut self, octets_max: u64) -> Result<Option<Vec<u8>>, String> {
        let (mut octets, mut too_large) = (Vec::new(), false);
        loop {
            let line = self.link.line(MESSAGE_LINE_OCTETS_MAX).await?;
            let line = match line.strip_prefix(b".") {
                Some(b"\r\n" | b"\n") => return Ok((!too_large).then(|| letter::crlf(octets))),
                Some(rest) => rest,
                None => &line,
            };
            too_large |= octets.len() as u64 + line.len() as u64 > octets_max;
            if !too_large {
                octets.extend_from_slice(line);
            }
        }
    }

    /// The lines of a list.
    async fn list(&mut self) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        loop {
            let line = self.text_line().await?;
            if line == "." {
                return Ok(lines);
            }
            if lines.len() >= MESSAGES_MAX {
                return Err(say!(
                    "the server has more than {MESSAGES_MAX} messages",
                    "der Server hat mehr als {MESSAGES_MAX} Nachrichten"
                ));
            }
            lines.push(line);
        }
    }

    async fn send(&mut self, command: &str) -> Result<(), String> {
        self.link.send(format!("{command}\r\n").as_bytes()).await
    }

    async fn done(&mut self, command: &str) -> Result<(), String> {
        self.send(command).await?;
        self.answer().await.map(|_| ())
    }

    async fn answer(&mut self) -> Result<String, String> {
        status(&self.text_line().await?)
    }

    async fn text_line(&mut self) -> Result<String, String> {
        let line = self.link.line(LINE_OCTETS_MAX).await?;
        Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
    }
}

fn unreadable() -> String {
    say!("the server's UIDL cannot be read", "die UIDL-Antwort des Servers ist nicht lesbar")
}

/// The text behind `+OK`, or that behind `-ERR` as an error.
fn status(line: &str) -> Result<String, String> {
    if let Some(text) = line.strip_prefix("+OK") {
        return Ok(text.trim().to_owned());
    }
    match line.strip_prefix("-ERR") {
        Some(text) if !text.trim().is_empty() => Err(text.trim().to_owned()),
        Some(_) => Err(say!("it does not say why", "er sagt nicht warum")),
        None => Err(say!("it does not speak POP3: {line}", "er spricht kein POP3: {line}")),
    }
}
