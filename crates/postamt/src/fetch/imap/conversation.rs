//! Commands and their answers.

use crate::fetch::link::Link;
use crate::fetch::login::Login;
use crate::language::say;
use imap::client::{Condition, Event, Listed, Reader, Response, ResponseCode};
use imap::command::Login as LoginCommand;
use imap::{Command, NameForm, Status, Tag, Tagged};
use model::Secret;

/// A session with a server.
pub struct Conversation {
    link: Link,
    reader: Reader,
    capabilities: Vec<String>,
    commands: u32,
    octets_max: u64,
    /// The body that passed by last.
    body: Vec<u8>,
}

/// How a command ended.
struct End {
    status: Status,
    text: String,
}

impl Conversation {
    /// Hears the greeting, and begins TLS.
    ///
    /// # Errors
    /// Why that cannot be done.
    pub async fn begin(mut link: Link, implicit: bool, octets_max: u64) -> Result<Conversation, String> {
        if implicit && !link.secure {
            link.start_tls().await?;
        }
        let reader = Reader::default();
        let mut there =
            Conversation { link, reader, capabilities: Vec::new(), commands: 0, octets_max, body: Vec::new() };
        match there.response().await? {
            Response::Untagged { condition: Condition::Ok, .. } => {}
            Response::Untagged { condition: Condition::PreAuth, .. } => {
                return Err(say!(
                    "the server takes us for somebody who is signed in already; that is not understood here",
                    "der Server hält uns für bereits angemeldet; damit kann postamt nichts anfangen"
                ));
            }
            Response::Untagged { text, .. } => {
                return Err(say!("the server refuses: {text}", "der Server lehnt ab: {text}"));
            }
            _ => {
                return Err(say!("the server does not greet as IMAP does", "der Server meldet sich nicht mit IMAP"));
            }
        }
        if !there.link.secure {
            let end = there.command("STARTTLS", |_, _| Ok(())).await?;
            if end.status != Status::Ok {
                return Err(say!(
                    "the server has no TLS here ({text}); try imaps://",
                    "der Server bietet hier kein TLS ({text}); imaps:// versuchen",
                    text = end.text
                ));
            }
            there.link.start_tls().await?;
            there.reader = Reader::default();
        }
        there.capabilities().await?;
        Ok(there)
    }

    /// Signs in.
    ///
    /// # Errors
    /// Why not.
    pub async fn login(&mut self, user: &str, password: &str) -> Result<(), String> {
        let offered: Vec<&str> = self.capabilities.iter().filter_map(|word| word.strip_prefix("AUTH=")).collect();
        let end = match Login::begin(&offered, user, password, self.link.secure)? {
            Some(login) => self.authenticate(login).await?,
            None if self.can("LOGINDISABLED") => {
                return Err(say!(
                    "the server lets nobody sign in by password",
                    "der Server nimmt keine Anmeldung mit Passwort an"
                ));
            }
            None => {
                let tag = self.next_tag();
                let login = LoginCommand { user: user.to_owned(), password: Secret::new(password.as_bytes().to_vec()) };
                let line = Tagged { tag: tag.clone(), command: Command::Login(login) }.encode(NameForm::ModifiedUtf7);
                self.link.send(&line).await?;
                self.answer(&tag, |_, _| Ok(())).await?
            }
        };
        if end.status != Status::Ok {
            let text = end.text;
            return Err(say!("the server does not let {user} in: {text}", "der Server lässt {user} nicht ein: {text}"));
        }
        self.capabilities().await
    }

    async fn authenticate(&mut self, mut login: Login) -> Result<End, String> {
        let initial = if self.can("SASL-IR") { login.initial() } else { None };
        let tag = match initial {
            Some(initial) => self.send(&format!("AUTHENTICATE {} {initial}", login.mechanism)).await?,
            None => self.send(&format!("AUTHENTICATE {}", login.mechanism)).await?,
        };
        loop {
            match self.response().await? {
                Response::Continue(challenge) => {
                    let first = if challenge.is_empty() { login.initial() } else { None };
                    let answer = match first {
                        Some(first) => first,
                        None => login.respond(&challenge)?,
                    };
                    self.link.send(format!("{answer}\r\n").as_bytes()).await?;
                }
                Response::Tagged { tag: of, status, text, .. } if of == tag => {
                    if status == Status::Ok && !login.succeeded() {
                        return Err(crate::fetch::unproven());
                    }
                    return Ok(End { status, text });
                }
                _ => {}
            }
        }
    }

    /// All mailboxes, with what they are for (RFC 6154 §2).
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn list(&mut self) -> Result<Vec<Listed>, String> {
        let asks = if self.can("SPECIAL-USE") { r#"LIST "" "*" RETURN (SPECIAL-USE)"# } else { r#"LIST "" "*""# };
        let mut all: Vec<Listed> = Vec::new();
        let tag = self.send(asks).await?;
        self.answered(&tag, |response, _| {
            if let Response::List(listed) = response
                && !all.iter().any(|known| known.wire == listed.wire)
                && all.len() < mailstore::MAILBOXES_MAX
            {
                all.push(listed);
            }
            Ok(())
        })
        .await?;
        Ok(all)
    }

    /// Opens a mailbox: its UIDVALIDITY and how many messages it has, or why it cannot be opened.
    ///
    /// # Errors
    /// When the conversation ends.
    pub async fn select(&mut self, name: &[u8], writes: bool) -> Result<Result<(u32, u32), String>, String> {
        let Some(name) = quoted(name) else {
            return Ok(Err(say!("its name cannot be written", "sein Name lässt sich nicht schreiben")));
        };
        let (mut uid_validity, mut exists) = (None, 0);
        let command = format!("{} {name}", if writes { "SELECT" } else { "EXAMINE" });
        let end = self
            .command(&command, |response, _| {
                match response {
                    Response::Exists(messages) => exists = messages,
                    Response::Untagged { code: Some(ResponseCode::UidValidity(value)), .. } => {
                        uid_validity = Some(value)
                    }
                    _ => {}
                }
                Ok(())
            })
            .await?;
        Ok(match (end.status, uid_validity) {
            (Status::Ok, Some(uid_validity)) => Ok((uid_validity, exists)),
            (Status::Ok, None) => Err(say!(
                "the server does not say whether its UIDs last",
                "der Server sagt nicht, ob seine UIDs dauerhaft sind"
            )),
            _ => Err(end.text),
        })
    }

    /// Says farewell; whether that is heard makes no difference.
    pub async fn logout(mut self) {
        drop(self.command("LOGOUT", |_, _| Ok(())).await);
    }

    /// Whether the server has a capability.
    pub fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known.eq_ignore_ascii_case(capability))
    }

    async fn capabilities(&mut self) -> Result<(), String> {
        let mut all = Vec::new();
        let tag = self.send("CAPABILITY").await?;
        self.answered(&tag, |response, _| {
            if let Response::Capability(words) = response {
                all = words;
            }
            Ok(())
        })
        .await?;
        self.capabilities = all.into_iter().map(|word| word.to_ascii_uppercase()).collect();
        Ok(())
    }

    fn next_tag(&mut self) -> Tag {
        self.commands += 1;
        Tag::new(&format!("A{}", self.commands)).expect("letters and digits are a tag")
    }

    /// Sends a command; its answer may be awaited later.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn send(&mut self, command: &str) -> Result<Tag, String> {
        let tag = self.next_tag();
        self.link.send(format!("{tag} {command}\r\n").as_bytes()).await?;
        Ok(tag)
    }

    /// Waits for a command's answer, which has to be that it is done.
    ///
    /// # Errors
    /// What the server says, and what `each` does.
    pub async fn answered(
        &mut self,
        tag: &Tag,
        each: impl FnMut(Response, &mut Vec<u8>) -> Result<(), String>,
    ) -> Result<(), String> {
        let end = self.answer(tag, each).await?;
        if end.status == Status::Ok { Ok(()) } else { Err(says(&end.text)) }
    }

    /// Waits for the answer of one of several commands; says of which, and what was refused of it.
    ///
    /// # Errors
    /// When the server does not understand, and what `each` says.
    pub async fn any_answered(
        &mut self,
        tags: &[&Tag],
        each: impl FnMut(Response, &mut Vec<u8>) -> Result<(), String>,
    ) -> Result<(usize, Option<String>), String> {
        let (of, end) = self.answer_of(tags, each).await?;
        match end.status {
            Status::Ok => Ok((of, None)),
            Status::No => Ok((of, Some(end.text))),
            Status::Bad => Err(says(&end.text)),
        }
    }

    /// A command that has to be done.
    ///
    /// # Errors
    /// As [`answered`](Self::answered).
    pub async fn done(&mut self, command: &str) -> Result<(), String> {
        let tag = self.send(command).await?;
        self.answered(&tag, |_, _| Ok(())).await
    }

    async fn command(
        &mut self,
        command: &str,
        each: impl FnMut(Response, &mut Vec<u8>) -> Result<(), String>,
    ) -> Result<End, String> {
        let tag = self.send(command).await?;
        self.answer(&tag, each).await
    }

    async fn answer(
        &mut self,
        tag: &Tag,
        each: impl FnMut(Response, &mut Vec<u8>) -> Result<(), String>,
    ) -> Result<End, String> {
        self.answer_of(&[tag], each).await.map(|(_, end)| end)
    }

    async fn answer_of(
        &mut self,
        tags: &[&Tag],
        mut each: impl FnMut(Response, &mut Vec<u8>) -> Result<(), String>,
    ) -> Result<(usize, End), String> {
        loop {
            match self.response().await? {
                Response::Tagged { tag, status, text, .. } => {
                    let Some(of) = tags.iter().position(|known| **known == tag) else {
                        return Err(say!(
                            "the server answers {tag}, which was not asked",
                            "der Server beantwortet {tag}; danach war nicht gefragt"
                        ));
                    };
                    return Ok((of, End { status, text }));
                }
                Response::Untagged { condition: Condition::Bye, text, .. } => {
                    return Err(say!(
                        "the server ends the conversation: {text}",
                        "der Server beendet das Gespräch: {text}"
                    ));
                }
                other => each(other, &mut self.body)?,
            }
        }
    }

    /// The next response; the octets of a message that it brought are in `body` then.
    async fn response(&mut self) -> Result<Response, String> {
        loop {
            let mut input = self.link.input();
            let before = input.len();
            let mut response = None;
            match self.reader.read(&mut input).map_err(|error| error.to_string())? {
                Some(Event::Response(whole)) => response = Some(whole),
                Some(Event::BodyBegins(octets)) if octets > self.octets_max => {
                    return Err(say!(
                        "the server sends a message of {octets} octets, which it said was smaller",
                        "der Server schickt eine Nachricht mit {octets} Byte, die er kleiner angekündigt hatte"
                    ));
                }
                Some(Event::BodyBegins(_)) => self.body.clear(),
                Some(Event::Body(piece)) => self.body.extend_from_slice(piece),
                None => {}
            }
            let taken = before - input.len();
            self.link.pass(taken);
            match response {
                Some(response) => return Ok(response),
                None if taken == before => self.link.fill().await?,
                None => {}
            }
        }
    }
}

fn says(text: &str) -> String {
    say!("the server says: {text}", "der Server sagt: {text}")
}

/// A name in quotes; `None` for octets that cannot stand in them.
fn quoted(name: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(name).ok().filter(|text| !text.chars().any(char::is_control))?;
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}
