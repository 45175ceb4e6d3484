//! The server's session: bytes in, events and bytes out.

mod append;
mod input;
mod line;

use model::Moment;

use crate::command::{Append, AppendMessage, Tag, Tagged};
use crate::limits::{INPUT_OCTETS_MAX, Limits, OUTPUT_OCTETS_SOFT};
use crate::mailbox::NameForm;
use crate::response::{self, Answer, Code};
use input::Input;
use line::Line;
use model::Secret;

/// What the client may do (RFC 9051 §3). The caller moves the session on by [`Session::set_state`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// Not logged in.
    NotAuthenticated,
    /// Logged in, no mailbox selected.
    Authenticated,
    /// A mailbox is selected.
    Selected,
}

/// What the client did. Each says how it is answered; until then the next command is not parsed.
#[derive(PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// A command, legal in this state. Write untagged responses to [`Session::out`], then [`Session::finish`]
    /// (or [`Session::idle`], [`Session::challenge`], [`Session::start_tls`] where the command says so).
    Command(Tagged),
    /// APPEND or REPLACE wants to send its message. Answer with [`Session::accept_literal`] or [`Session::refuse_literal`].
    AppendStart(AppendStart),
    /// The message before is complete, and APPEND wants to send another (RFC 3502 §6.3.11). Answer likewise.
    AppendNext(AppendNext),
    /// The next octets of the message; needs no answer. They may hold NUL, which RFC 9051 §4.3 forbids outside BINARY.
    /// [`Session::finish`] instead of reading on gives the message up: the rest is drained.
    AppendChunk(&'a [u8]),
    /// The last message is complete. Answer with [`Session::finish`].
    AppendEnd,
    /// What followed the message was wrong, and has been answered: drop all messages.
    AppendAborted,
    /// `DONE`: IDLE is over. Answer with [`Session::finish`].
    IdleDone,
    /// Something else than `DONE` came while idling, and has been answered: IDLE is over (RFC 9051 §6.3.13).
    IdleBroken,
    /// The answer to [`Session::challenge`], decoded. Answer with another challenge or [`Session::finish`].
    AuthResponse(Secret),
    /// The client cancelled by `*` or sent no base64, and has been answered with BAD: drop the exchange (RFC 9051 §6.2.2).
    AuthCancelled,
}

/// APPEND or REPLACE before its first message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppendStart {
    /// The client's name for the command.
    pub tag: Tag,
    /// Where the message goes, and with what.
    pub append: Append,
    /// How long it will be; at most [`Limits::append_octets_max`], and not empty.
    pub size_octets: u64,
}

/// APPEND before a further message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppendNext {
    /// With what the message goes.
    pub message: AppendMessage,
    /// How long it will be; as [`AppendStart::size_octets`].
    pub size_octets: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// Between or within the lines of a command.
    Command,
    /// Within a literal of a command.
    Literal { left: usize },
    /// An event is unanswered.
    Busy,
    /// AppendStart or AppendNext is unanswered.
    AppendAsked { octets: u64, form: LiteralForm },
    /// The message comes.
    AppendBody { left: u64 },
    /// The message has come; CRLF must follow.
    AppendTail,
    /// AUTHENTICATE waits for a response.
    Auth,
    /// IDLE waits for DONE.
    Idle,
    /// Octets of a refused literal are dropped, then the rest of the command; `budget` more literal octets may be.
    Drain { left: u64, budget: u64 },
    /// A line too long is dropped to its end, if that comes within so many octets.
    SkipLine { left: usize },
    /// STARTTLS was accepted: nothing that comes is ours.
    Tls,
}

/// Whether the client waits for `+` before it sends a literal (RFC 7888 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LiteralForm {
    Waits,
    Sends,
}

/// What a step of the machine gave; like [`Event`], but a chunk is a range of the input.
enum Step {
    Event(Event<'static>),
    Chunk(std::ops::Range<usize>),
    /// Nothing to tell yet, go on.
    Again,
    /// More input or an answer is needed.
    Wait,
}

/// One connection's IMAP, without the connection.
///
/// Untagged responses may be written to [`Session::out`] while an event is unanswered and while idling, never else:
/// a response without a command in progress is legal, but [`Session::poll`] would not know of it.
#[derive(Debug)]
pub struct Session {
    limits: Limits,
    state: State,
    form: NameForm,
    mode: Mode,
    /// The command in progress.
    tag: Option<Tag>,
    input: Input,
    line: Line,
    output: Vec<u8>,
    /// Octets of `output` that were sent already.
    sent: usize,
    closing: bool,
    /// What APPEND has sent so far.
    appending: append::Appending,
    /// Malformed commands since the last good one.
    bad_commands: u32,
    /// What was refused last without asking.
    refused: Option<Box<str>>,
    /// When the connection began: a client that drips octets must log in all the same.
    since: Moment,
    /// When the client was last heard.
    active: Moment,
    /// Whether output was taken since the last look at the clock.
    progress: bool,
}

impl Session {
    /// A new connection: greets with the capabilities (names separated by spaces) (RFC 9051 §7.1.1).
    pub fn new(limits: Limits, capabilities: &str, now: Moment) -> Session {
        let mut session = Session::after_tls(limits, now);
        let greeting = Answer::ok("ready").code(Code::Capability(capabilities.into()));
        response::answer(&mut session.output, None, &greeting);
        session
    }

    /// The connection after STARTTLS: nothing of what came before is kept, and there is no greeting (RFC 9051 §6.2.1).
    pub fn after_tls(limits: Limits, now: Moment) -> Session {
        Session {
            limits,
            state: State::NotAuthenticated,
            form: NameForm::default(),
            mode: Mode::Command,
            tag: None,
            input: Input::default(),
            line: Line::default(),
            output: Vec::new(),
            sent: 0,
            closing: false,
            appending: append::Appending::default(),
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
        self.input.push(octets, INPUT_OCTETS_MAX)
    }

    /// Whether octets are wanted now: all that came is looked at, and the client may go on. Who has to look at octets before
    /// they come in here, gives no others.
    pub fn is_hungry(&self) -> bool {
        !self.closing && !self.is_busy() && self.mode != Mode::Tls && self.input.is_empty()
    }

    /// The octets that came and were not looked at, when they turn out to be none of this session's: behind COMPRESS.
    pub fn take_input(&mut self) -> Vec<u8> {
        let rest = self.input.rest().to_vec();
        self.input = Input::default();
        rest
    }

    /// The next event; `None` when more input, or an answer to the last event, is needed.
    pub fn poll(&mut self) -> Option<Event<'_>> {
        let range = loop {
            match self.step() {
                Step::Event(event) => return Some(event),
                Step::Chunk(range) => break range,
                Step::Again => (),
                Step::Wait => {
                    self.input.release();
                    return None;
                }
            }
        };
        Some(Event::AppendChunk(self.input.slice(range)))
    }

    fn step(&mut self) -> Step {
        if self.closing {
            return Step::Wait;
        }
        match self.mode {
            Mode::Busy | Mode::AppendAsked { .. } | Mode::Tls => Step::Wait,
            Mode::Command if self.room() == 0 => Step::Wait,
            Mode::Command => self.command_line(),
            Mode::Literal { left } => self.literal(left),
            Mode::AppendBody { left } => self.append_body(left),
            Mode::AppendTail => self.append_tail(),
            Mode::Auth => self.auth_line(),
            Mode::Idle => self.idle_line(),
            Mode::Drain { left, budget } => self.drain(left, budget),
            Mode::SkipLine { left } => self.skip_line(left),
        }
    }

    /// Where responses are written. Only append to it.
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
        self.progress |= n > 0;
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
        let at_work = self.is_busy() && self.output().is_empty();
        let deadline = match self.state {
            State::NotAuthenticated => self.since + self.limits.login_timeout,
            _ => self.active + self.limits.idle_timeout,
        };
        (!self.closing && !at_work).then_some(deadline)
    }

    /// Ends the session if the deadline has passed (RFC 9051 §5.4); a message half appended, or an exchange half done, is lost with it.
    pub fn expire(&mut self, now: Moment) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        if std::mem::take(&mut self.progress) && self.state != State::NotAuthenticated {
            self.active = now;
            return;
        }
        if self.is_busy() {
            // A response is half written, and the client does not read: there is nothing to say.
            self.closing = true;
        } else {
            self.bye(None, "Autologout; too long without a command");
        }
    }

    fn is_busy(&self) -> bool {
        matches!(self.mode, Mode::Busy | Mode::AppendAsked { .. })
    }

    /// The state, as last set.
    pub fn state(&self) -> State {
        self.state
    }

    /// After LOGIN, SELECT, CLOSE and the like, before [`Self::finish`].
    pub fn set_state(&mut self, state: State) {
        self.state = state;
    }

    /// After UNAUTHENTICATE, before [`Self::finish`] (RFC 8437 §3): as if connected with that command.
    pub fn unauthenticated(&mut self) {
        self.state = State::NotAuthenticated;
        self.form = NameForm::default();
        self.since = self.active;
    }

    /// How mailbox names are written and read.
    pub fn name_form(&self) -> NameForm {
        self.form
    }

    /// After ENABLE of IMAP4rev2 or UTF8=ACCEPT, before [`Self::finish`].
    pub fn set_name_form(&mut self, form: NameForm) {
        self.form = form;
    }

    /// The text with which the session last refused a command by itself, once, for the log.
    pub fn take_refusal(&mut self) -> Option<Box<str>> {
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

    /// The tag of the command in progress.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// Ends the command in progress with its tagged response.
    ///
    /// # Panics
    /// When no command is in progress: that is a bug of the caller.
    pub fn finish(&mut self, answer: &Answer<'_>) {
        self.end_command(answer);
        self.mode = match self.mode {
            Mode::AppendAsked { octets, form: LiteralForm::Sends } | Mode::AppendBody { left: octets } => {
                self.drained(octets)
            }
            Mode::AppendTail => self.drained(0),
            _ => Mode::Command,
        };
    }

    fn end_command(&mut self, answer: &Answer<'_>) {
        let tag = self.tag.take().expect("only a command in progress is finished");
        response::answer(&mut self.output, Some(&tag), answer);
    }

    /// `* BYE`: nothing more is read; the connection ends once the output is sent. LOGOUT still wants its [`Self::finish`].
    pub fn bye(&mut self, code: Option<&Code<'_>>, text: &str) {
        response::bye(&mut self.output, code, text);
        self.closing = true;
        self.input = Input::default();
        self.line = Line::default();
    }

    /// Answers STARTTLS with OK; what the client sent behind it is dropped (RFC 9051 §6.2.1).
    pub fn start_tls(&mut self) {
        self.end_command(&Answer::ok("Begin TLS negotiation now"));
        self.mode = Mode::Tls;
        self.input = Input::default();
    }

    /// Answers AUTHENTICATE or [`Event::AuthResponse`] with a challenge, mostly empty, and waits for the response.
    pub fn challenge(&mut self, challenge: &[u8]) {
        use base64::Engine;
        response::continuation(&mut self.output, &base64::engine::general_purpose::STANDARD.encode(challenge));
        self.mode = Mode::Auth;
    }

    /// Answers IDLE: from here on untagged responses may be written at any time, until [`Event::IdleDone`].
    pub fn idle(&mut self) {
        response::continuation(&mut self.output, "idling");
        self.mode = Mode::Idle;
    }

    /// Whether the client idles, so that changes should be told now.
    pub fn is_idle(&self) -> bool {
        self.mode == Mode::Idle
    }

    /// Answers [`Event::AppendStart`] or [`Event::AppendNext`]: the message shall come.
    pub fn accept_literal(&mut self) {
        let Mode::AppendAsked { octets, form } = self.mode else { return };
        if form == LiteralForm::Waits {
            response::continuation(&mut self.output, "send the message");
        }
        self.mode = Mode::AppendBody { left: octets };
    }

    /// Answers [`Event::AppendStart`] or [`Event::AppendNext`]: the command ends, the message is not wanted. One that comes unasked is drained (RFC 7888 §4).
    pub fn refuse_literal(&mut self, answer: &Answer<'_>) {
        self.finish(answer);
    }
}

#[cfg(test)]
mod tests;
