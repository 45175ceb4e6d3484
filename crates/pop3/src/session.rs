//! The server's session: octets in, events and octets out.

mod lines;

use crate::answer::{Answer, Status};
use crate::command::{self, Command};
use crate::limits::{AUTH_OCTETS_MAX, BAD_COMMANDS_MAX, COMMAND_OCTETS_MAX, Limits, OUTPUT_OCTETS_SOFT};
use crate::text::{Language, Text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lines::{Lines, Next};
use model::browser::is_http;
use model::{Moment, Secret};

/// What the client may do (RFC 1939 §3). UPDATE is the time between QUIT and its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not logged in.
    Authorization,
    /// Logged in, the maildrop is open.
    Transaction,
}

/// What the client did. Until it is answered the next command is not looked at.
#[derive(PartialEq, Eq, Debug)]
pub enum Event {
    /// A command that may be said in this state. Answer with [`Session::finish`]; or write to [`Session::out`] and call
    /// [`Session::finished`]; or [`Session::challenge`] or [`Session::start_tls`] where the command asks for that.
    Command(Command),
    /// The answer to [`Session::challenge`], decoded. Answer with another challenge or [`Session::finish`].
    AuthResponse(Secret),
    /// The client cancelled by `*` or sent no base64, and is answered: drop the exchange (RFC 5034 §4).
    AuthCancelled,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// Between commands.
    Command,
    /// An event is unanswered.
    Busy,
    /// AUTH waits for a response.
    Auth,
    /// STLS was accepted: nothing that comes is ours.
    Tls,
}

/// One connection's POP3, without the connection.
#[derive(Debug)]
pub struct Session {
    limits: Limits,
    state: State,
    mode: Mode,
    language: Language,
    lines: Lines,
    output: Vec<u8>,
    /// Octets of `output` that were sent already.
    sent: usize,
    closing: bool,
    /// How far USER and PASS are.
    naming: Naming,
    /// Refused commands since the last good one.
    bad_commands: u32,
    /// What was refused last without asking.
    refused: Option<Text>,
    /// When the connection began: a client that drips octets must log in all the same.
    since: Moment,
    /// When the client was last heard.
    active: Moment,
    /// Whether output of a command under way was taken since the last look at the clock.
    progress: bool,
}

/// PASS may follow only an accepted USER, at once (RFC 1939 §7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Naming {
    Unnamed,
    Asked,
    Named,
}

impl Session {
    /// A new connection, greeted with `greeting`, which may hold a timestamp for APOP (RFC 1939 §7).
    pub fn new(limits: Limits, greeting: &str, now: Moment) -> Session {
        let mut session = Session::after_tls(limits, now);
        Answer::ok(Text::Data(greeting.to_owned())).print(Language::English, &mut session.output);
        session
    }

    /// The connection after STLS: nothing of what came before is kept, and there is no greeting (RFC 2595 §4).
    pub fn after_tls(limits: Limits, now: Moment) -> Session {
        Session {
            limits,
            state: State::Authorization,
            mode: Mode::Command,
            language: Language::default(),
            lines: Lines::default(),
            output: Vec::new(),
            sent: 0,
            closing: false,
            naming: Naming::Unnamed,
            bad_commands: 0,
            refused: None,
            since: now,
            active: now,
            progress: false,
        }
    }

    /// Takes octets from the client and says how many: fewer than given when the input is full, which [`Self::poll`] mends.
    pub fn receive(&mut self, octets: &[u8], now: Moment) -> usize {
        if self.closing {
            return octets.len();
        }
        if self.mode == Mode::Tls {
            return 0;
        }
        if !octets.is_empty() {
            self.active = now;
        }
        self.lines.push(octets)
    }

    /// The next event; `None` when more input, an answer to the last event, or room in the output is needed.
    pub fn poll(&mut self) -> Option<Event> {
        loop {
            let max = match self.mode {
                _ if self.closing => return None,
                Mode::Busy | Mode::Tls => return None,
                Mode::Command if self.room() == 0 => return None,
                Mode::Command => COMMAND_OCTETS_MAX,
                Mode::Auth => AUTH_OCTETS_MAX,
            };
            let event = match self.lines.next(max) {
                Next::Wait => return None,
                Next::Line(line) if self.mode == Mode::Auth => Some(self.auth_line(&line)),
                Next::Line(line) => self.command(&line),
                Next::TooLong(begin) => self.too_long(&begin),
                Next::Endless => {
                    self.hang_up(Text::LineTooLong);
                    None
                }
            };
            if event.is_some() {
                return event;
            }
        }
    }

    fn command(&mut self, line: &[u8]) -> Option<Event> {
        let command = match Command::parse(line) {
            Ok(command) => command,
            Err(_) if is_http(line) => return self.not_for_us(),
            Err(error) => return self.reject(error.text()),
        };
        if let Some(text) = command.misplaced(self.state) {
            return self.reject(text);
        }
        let named = std::mem::replace(&mut self.naming, Naming::Unnamed) == Naming::Named;
        match command {
            Command::Pass(_) if !named => return self.reject(Text::UserFirst),
            Command::User(_) => self.naming = Naming::Asked,
            _ => {}
        }
        if self.state == State::Transaction {
            self.bad_commands = 0;
        }
        self.mode = Mode::Busy;
        Some(Event::Command(command))
    }

    fn auth_line(&mut self, line: &[u8]) -> Event {
        if line == b"*" {
            return self.break_off(Text::AuthCancelled);
        }
        match command::decode(line) {
            Some(response) => {
                self.mode = Mode::Busy;
                Event::AuthResponse(response)
            }
            None => self.break_off(Text::NotBase64),
        }
    }

    fn break_off(&mut self, text: Text) -> Event {
        self.mode = Mode::Command;
        self.reject(text);
        Event::AuthCancelled
    }

    fn too_long(&mut self, begin: &[u8]) -> Option<Event> {
        match self.mode {
            Mode::Auth => Some(self.break_off(Text::LineTooLong)),
            _ if is_http(begin) => self.not_for_us(),
            _ => self.reject(Text::LineTooLong),
        }
    }

    /// A web browser speaks.
    fn not_for_us(&mut self) -> Option<Event> {
        self.hang_up(Text::NoWebServer);
        None
    }

    /// Answers what is no command here; too many of them end the connection.
    fn reject(&mut self, text: Text) -> Option<Event> {
        self.naming = Naming::Unnamed;
        self.bad_commands += 1;
        if self.bad_commands >= BAD_COMMANDS_MAX {
            self.hang_up(Text::TooManyErrors);
        } else {
            self.say(&Answer::err(text.clone()));
        }
        self.refused = Some(text);
        None
    }

    fn say(&mut self, answer: &Answer) {
        answer.print(self.language, &mut self.output);
    }

    /// Says why and closes.
    fn hang_up(&mut self, text: Text) {
        self.refused = Some(text.clone());
        self.close(&Answer::err(text));
    }

    /// The last answer: nothing more is read, and the connection ends once it is sent.
    pub fn close(&mut self, answer: &Answer) {
        self.say(answer);
        self.closing = true;
        self.lines = Lines::default();
    }

    /// Where multi-line responses are written while a command is unanswered. Only append to it.
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// What has to be sent.
    pub fn output(&self) -> &[u8] {
        self.output.get(self.sent..).unwrap_or_default()
    }

    /// The first `n` octets of [`Self::output`] have been sent.
    pub fn sent(&mut self, n: usize) {
        self.sent = self.output.len().min(self.sent + n);
        // Of what the server still writes: the answer to a command is no sign of life.
        self.progress |= n > 0 && self.mode == Mode::Busy;
        if self.sent == self.output.len() {
            self.sent = 0;
            self.output.clear();
            // An idle connection holds no buffers.
            if self.mode != Mode::Busy {
                self.output = Vec::new();
            }
        }
    }

    /// How many octets may be written before the caller should wait for [`Self::sent`].
    pub fn room(&self) -> usize {
        OUTPUT_OCTETS_SOFT.saturating_sub(self.output().len())
    }

    /// When [`Self::expire`] wants to be called; `None` while the server itself has to answer.
    pub fn deadline(&self) -> Option<Moment> {
        let at_work = self.mode == Mode::Busy && self.output().is_empty();
        let deadline = match self.state {
            State::Authorization => self.since + self.limits.login_timeout,
            State::Transaction => self.active + self.limits.idle_timeout,
        };
        (!self.closing && !at_work).then_some(deadline)
    }

    /// Ends the session if the deadline has passed: without a word, and without UPDATE (RFC 1939 §3).
    pub fn expire(&mut self, now: Moment) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        if std::mem::take(&mut self.progress) && self.state == State::Transaction {
            self.active = now;
            return;
        }
        (self.output, self.sent, self.lines) = (Vec::new(), 0, Lines::default());
        self.closing = true;
    }

    /// The state, as last set.
    pub fn state(&self) -> State {
        self.state
    }

    /// After a log-in, before [`Self::finish`].
    pub fn set_state(&mut self, state: State) {
        if state == State::Transaction {
            self.bad_commands = 0;
        }
        self.state = state;
    }

    /// In which language answers are.
    pub fn language(&self) -> Language {
        self.language
    }

    /// After LANG, before [`Self::finish`] (RFC 6856 §3.2).
    pub fn set_language(&mut self, language: Language) {
        self.language = language;
    }

    /// With what the session last refused a command by itself, once, for the log.
    pub fn take_refusal(&mut self) -> Option<Text> {
        self.refused.take()
    }

    /// Whether the connection ends once [`Self::output`] is sent.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether the TLS handshake comes once [`Self::output`] is sent; then go on with [`Self::after_tls`].
    ///
    /// Octets that were read in the clear and that [`Self::receive`] did not take must be dropped, too.
    pub fn is_starting_tls(&self) -> bool {
        self.mode == Mode::Tls
    }

    /// Whether an event is unanswered.
    pub fn is_busy(&self) -> bool {
        self.mode == Mode::Busy
    }

    /// Ends the command in progress with its status line.
    pub fn finish(&mut self, answer: &Answer) {
        self.say(answer);
        if self.naming == Naming::Asked {
            self.naming = if answer.status == Status::Ok { Naming::Named } else { Naming::Unnamed };
        }
        self.finished();
    }

    /// Ends the command in progress, whose response stands in [`Self::out`].
    pub fn finished(&mut self) {
        self.mode = Mode::Command;
    }

    /// Answers STLS; what the client sent behind it is dropped (RFC 2595 §4).
    pub fn start_tls(&mut self) {
        self.say(&Answer::ok(Text::BeginTls));
        self.mode = Mode::Tls;
        self.lines = Lines::default();
    }

    /// Answers AUTH or [`Event::AuthResponse`] with a challenge, which may be empty, and waits for the response (RFC 5034 §4).
    pub fn challenge(&mut self, challenge: &[u8]) {
        self.output.extend_from_slice(format!("+ {}\r\n", STANDARD.encode(challenge)).as_bytes());
        self.mode = Mode::Auth;
    }
}

#[cfg(test)]
mod tests;
