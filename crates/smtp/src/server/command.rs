//! What each command does to the session.

use super::Security;
use super::session::{Content, Held, Reading, Session, Turn};
use crate::command::{Command, CommandError, Hello, HelloName};
use crate::extension::body::BodyType;
use crate::extension::chunking::Chunk;
use crate::extension::{self, MailParams, RcptParams};
use crate::policy::{Authentication, Flavour, StartTls};
use crate::reply::Reply;
use crate::server::body::too_large;
use model::browser::is_http;
use model::{ForwardPath, ReversePath};

impl Session {
    /// Does what a line says, or says why not.
    pub(super) fn execute(&mut self, line: &[u8]) {
        if is_http(line) {
            return self.hang_up(&http());
        }
        let command = match Command::parse(line) {
            Ok(command) => command,
            // Where the chunk ends nobody knows, and what is in it must never be read as commands.
            Err(error @ CommandError::ChunkSize) => return self.hang_up(&error.reply()),
            Err(error) => return self.fail(error.reply()),
        };
        let carries = matches!(command, Command::Rcpt(..) | Command::Data | Command::Bdat(..));
        if !carries && let Some(reply) = self.tally.idle_command(&self.policy) {
            self.reset();
            return self.hang_up(&reply);
        }
        match command {
            Command::Hello(hello, name) => self.greet(hello, name),
            Command::Mail(path, params) => self.mail(path, params),
            Command::Rcpt(path, params) => self.rcpt(path, params, line.is_ascii()),
            Command::Data => self.data(),
            Command::Bdat(octets, chunk) => self.bdat(octets, chunk),
            Command::Rset => {
                self.reset();
                self.say(&Reply::new(250, (2, 0, 0), "forgotten"));
            }
            Command::Noop => self.say(&Reply::new(250, (2, 0, 0), "ok")),
            Command::Help => self.help(),
            Command::Quit => self.quit(),
            Command::StartTls => self.start_tls(),
            Command::Vrfy => {
                let text = "addresses are not verified here; send the message and see";
                self.say(&Reply::new(252, (2, 1, 5), text));
            }
            Command::Expn => self.fail(Reply::new(502, (5, 5, 1), "lists are not told here")),
            Command::Auth(attempt) => self.auth(attempt),
        }
    }

    /// A line longer than we read; it is still told from a web browser's.
    pub(super) fn too_long(&mut self, line: &[u8]) {
        if is_http(line) {
            return self.hang_up(&http());
        }
        self.fail(Reply::new(500, (5, 5, 2), "line too long"));
    }

    /// Forgets the transaction, and tells the caller if there was one.
    fn reset(&mut self) {
        let body = self.body.take();
        if self.transaction.take().is_none() {
            return;
        }
        self.turn = Turn::Event(if body.is_some() { Held::BodyAborted } else { Held::Reset });
    }

    fn greet(&mut self, hello: Hello, name: HelloName) {
        // RFC 2033 §4.1: LMTP has LHLO instead of the others, so that no client mistakes one for the other.
        let fits = (hello == Hello::Lhlo) == (self.policy.flavour == Flavour::Lmtp);
        if !fits {
            let text = match self.policy.flavour {
                Flavour::Smtp => "this is SMTP, which begins with EHLO",
                Flavour::Lmtp => "this is LMTP, which begins with LHLO",
            };
            return self.fail(Reply::new(500, (5, 5, 1), text));
        }
        self.transaction = None;
        self.body = None;
        let greeting = format!("{} greets {}", self.policy.host_name, name.as_str());
        let reply = match hello {
            Hello::Helo => greeting,
            Hello::Ehlo | Hello::Lhlo => {
                format!("{greeting}\n{}", extension::offered(&self.policy, &self.situation()))
            }
        };
        self.hello = Some((hello, name));
        self.turn = Turn::Event(Held::Hello);
        self.say(&Reply::plain(250, reply));
    }

    fn mail(&mut self, path: ReversePath, params: MailParams) {
        if self.hello.is_none() {
            return self.fail(Reply::new(503, (5, 5, 1), "first tell your name with EHLO"));
        }
        if self.policy.authentication == Authentication::Required && self.authenticated.is_none() {
            return self.fail(self.authentication_required());
        }
        if self.transaction.is_some() {
            return self.fail(Reply::new(503, (5, 5, 1), "a message is begun already; RSET forgets it"));
        }
        if let Some(reply) = self.refused_params(&params) {
            return self.fail(reply);
        }
        if params.size_octets.is_some_and(|size| size > self.policy.size_max_octets) {
            return self.fail(too_large(self.policy.size_max_octets));
        }
        if let Some(reply) = self.tally.transaction(&self.policy) {
            return self.hang_up(&reply);
        }
        self.turn = Turn::Event(Held::Mail(path, params.into()));
    }

    /// RFC 4954 §6; without TLS as RFC 3207 §4 has it.
    fn authentication_required(&self) -> Reply {
        let possible = extension::authenticates(&self.policy, &self.situation());
        let text = if possible { "authentication required" } else { "authentication required, begin TLS first" };
        Reply::new(530, (5, 7, 0), text)
    }

    /// Why the parameters of MAIL are refused, if they are.
    fn refused_params(&self, params: &MailParams) -> Option<Reply> {
        let wall = self.situation().wall;
        if let Some(key) = params.not_offered(&self.policy, wall) {
            return Some(CommandError::ParameterUnknown(key.into()).reply());
        }
        let (hold, future_release, now) = (params.hold?, self.policy.future_release.as_ref()?, wall?);
        let refused = !future_release.allows(hold, now);
        refused.then(|| CommandError::Parameter("a message does not wait that long here").reply())
    }

    fn rcpt(&mut self, path: ForwardPath, params: RcptParams, ascii: bool) {
        let recipients_max = self.policy.recipients_max;
        let Some(transaction) = &mut self.transaction else {
            return self.fail(Reply::new(503, (5, 5, 1), "first tell the sender with MAIL"));
        };
        if self.body.is_some() {
            return self.fail(Reply::new(503, (5, 5, 1), "the message is under way, recipients come before it"));
        }
        if !ascii && !transaction.params.smtputf8 {
            // RFC 6531 §3.5.
            return self.fail(Reply::new(553, (5, 6, 7), CommandError::SmtpUtf8.to_string()));
        }
        if let Some(key) = params.not_offered(&self.policy) {
            return self.fail(CommandError::ParameterUnknown(key.into()).reply());
        }
        transaction.tried += 1;
        if transaction.recipients >= recipients_max {
            // RFC 5321 §4.5.3.1.10: the client sends the message to these and begins another one for the rest.
            let endless = transaction.tried > recipients_max.saturating_mul(4);
            let text = "too many recipients, send the message again for the rest";
            return self.say(&Reply::new(if endless { 421 } else { 452 }, (4, 5, 3), text));
        }
        self.turn = Turn::Event(Held::Rcpt(path, params));
    }

    fn data(&mut self) {
        let binary = self.transaction.as_ref().is_some_and(|t| t.params.body == Some(BodyType::BinaryMime));
        if self.body.is_some() || binary {
            // RFC 3030 §2, §3.
            return self.fail(Reply::new(503, (5, 5, 1), "this message comes by BDAT"));
        }
        match self.no_recipients() {
            Some(reply) => self.fail(reply),
            None => self.turn = Turn::Event(Held::DataStart(Content::Data)),
        }
    }

    fn bdat(&mut self, octets: u64, chunk: Chunk) {
        if self.body.is_some() {
            return self.begin_chunk(octets, chunk);
        }
        match self.no_recipients() {
            Some(reply) => self.discard(octets, reply),
            None => self.turn = Turn::Event(Held::DataStart(Content::Bdat(octets, chunk))),
        }
    }

    fn no_recipients(&self) -> Option<Reply> {
        match (&self.transaction, self.policy.flavour) {
            (None, _) => Some(Reply::new(503, (5, 5, 1), "first tell sender and recipients with MAIL and RCPT")),
            (Some(transaction), _) if transaction.recipients > 0 => None,
            // RFC 5321 §3.3; RFC 2033 §4.2 wants 503.
            (_, Flavour::Smtp) => Some(Reply::new(554, (5, 5, 1), "no valid recipients")),
            (_, Flavour::Lmtp) => Some(Reply::new(503, (5, 5, 1), "no valid recipients")),
        }
    }

    fn help(&mut self) {
        let (hello, rfc) = match self.policy.flavour {
            Flavour::Smtp => ("EHLO HELO", "RFC 5321"),
            Flavour::Lmtp => ("LHLO", "RFC 2033"),
        };
        let (policy, situation) = (&self.policy, self.situation());
        let start_tls = if extension::starts_tls(policy, &situation) { "STARTTLS " } else { "" };
        let auth = if extension::authenticates(policy, &situation) { "AUTH " } else { "" };
        let text = format!("{hello} {start_tls}{auth}MAIL RCPT DATA BDAT RSET VRFY NOOP HELP QUIT\nSee {rfc}");
        self.say(&Reply::new(214, (2, 0, 0), text));
    }

    fn quit(&mut self) {
        self.transaction = None;
        self.body = None;
        self.turn = Turn::Event(Held::Quit);
        self.hang_up(&Reply::new(221, (2, 0, 0), format!("{} says goodbye", self.policy.host_name)));
    }

    fn start_tls(&mut self) {
        if self.security == Security::Tls {
            return self.fail(Reply::new(503, (5, 5, 1), "TLS is active already"));
        }
        if self.authenticated.is_some() {
            // TLS would have to forget it (RFC 3207 §4.2), and nobody means that.
            return self.fail(Reply::new(503, (5, 5, 1), "TLS begins before authentication"));
        }
        if self.policy.start_tls == StartTls::NotOffered {
            return self.fail(Reply::new(502, (5, 5, 1), "TLS is not offered here"));
        }
        self.transaction = None;
        self.body = None;
        self.reading = Reading::Nothing;
        self.turn = Turn::Event(Held::StartTls);
        self.say(&Reply::new(220, (2, 0, 0), "begin TLS"));
    }
}

fn http() -> Reply {
    Reply::new(500, (5, 5, 1), "this is no web server")
}
