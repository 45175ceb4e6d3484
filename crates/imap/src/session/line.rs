//! Lines of all kinds: of a command as it is gathered, with its literals between them, and of AUTHENTICATE and IDLE.

use super::{Event, LiteralForm, Mode, Session, State, Step};
use crate::command::{self, Tag, append};
use crate::limits::{
    BAD_COMMANDS_MAX, COMMAND_OCTETS_BEFORE_LOGIN_MAX, COMMAND_OCTETS_MAX, DRAIN_OCTETS_BEFORE_LOGIN_MAX,
    LITERAL_OCTETS_BEFORE_LOGIN_MAX, SKIPPED_OCTETS_MAX,
};
use crate::response::{self, Answer, Code, Status};
use model::Secret;
use model::browser::is_http;

/// The command so far. A line that ends with a literal's size keeps it, with CRLF, before the literal's octets.
#[derive(Debug, Default)]
pub(super) struct Line {
    octets: Vec<u8>,
    /// Where the current line starts, behind the last literal.
    segment: usize,
    literal_octets: usize,
}

/// `{n}`, `{n+}` or `~{n}` at a line's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Announced {
    /// `None` when the number is beyond 63 bits (RFC 9051 §9 `number64`).
    pub(super) octets: Option<u64>,
    pub(super) form: LiteralForm,
    /// Where the `{` or `~` stands in the command.
    at: usize,
}

impl Line {
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.octets.capacity()
    }

    /// The command before the literal that it announces.
    pub(super) fn before(&self, announced: Announced) -> &[u8] {
        self.octets.get(..announced.at).unwrap_or_default()
    }

    /// The literal that the current line, complete and without CRLF, announces.
    pub(super) fn announced(&self) -> Option<Announced> {
        let segment = self.octets.get(self.segment..)?;
        let inner = segment.strip_suffix(b"}")?;
        let (before, size) = inner.split_at(inner.iter().rposition(|&b| b == b'{')?);
        let size = size.strip_prefix(b"{")?;
        let (digits, form) = match size.strip_suffix(b"+") {
            Some(digits) => (digits, LiteralForm::Sends),
            None => (size, LiteralForm::Waits),
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let octets = digits.iter().try_fold(0u64, |n, digit| {
            n.checked_mul(10)?.checked_add(u64::from(digit - b'0')).filter(|&n| n <= i64::MAX as u64)
        });
        let at = self.segment + before.len() - usize::from(before.ends_with(b"~"));
        Some(Announced { octets, form, at })
    }
}

/// What [`Session::gather`] found.
pub(super) enum Gathered {
    /// The line goes on.
    Wait,
    /// The line is there.
    Complete,
    /// It is longer than may be; what is to be done with what follows.
    TooLong(Mode),
}

impl Session {
    pub(super) fn is_logged_in(&self) -> bool {
        self.state != State::NotAuthenticated
    }

    fn command_octets_max(&self) -> usize {
        if self.is_logged_in() { COMMAND_OCTETS_MAX } else { COMMAND_OCTETS_BEFORE_LOGIN_MAX }
    }

    /// Moves input to the line, up to its end; then it stands there without CR and LF. A bare LF ends a line, too.
    pub(super) fn gather(&mut self) -> Gathered {
        let (range, complete) = self.input.take_line();
        let octets = &mut self.line.octets;
        octets.extend_from_slice(self.input.slice(range));
        let text = octets.as_slice();
        let text = text.strip_suffix(b"\n").filter(|_| complete).unwrap_or(text);
        let length = text.strip_suffix(b"\r").unwrap_or(text).len().max(self.line.segment);
        if complete {
            octets.truncate(length);
        }
        let skipping = Mode::SkipLine { left: SKIPPED_OCTETS_MAX };
        match (length > self.command_octets_max(), complete) {
            (true, complete) => Gathered::TooLong(if complete { Mode::Command } else { skipping }),
            (false, true) => Gathered::Complete,
            (false, false) => Gathered::Wait,
        }
    }

    /// The line that was gathered; the next one starts anew.
    pub(super) fn take_line(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.line).octets
    }

    pub(super) fn command_line(&mut self) -> Step {
        match self.gather() {
            Gathered::Wait => return Step::Wait,
            Gathered::TooLong(next) => {
                let line = self.take_line();
                self.mode = next;
                if !self.is_browser(&line) {
                    self.reject(command::tag_of(&line), &Answer::bad("command line too long"));
                }
            }
            Gathered::Complete => match self.line.announced() {
                Some(announced) => return self.literal_announced(announced),
                None => return self.command(),
            },
        }
        Step::Again
    }

    fn command(&mut self) -> Step {
        let line = self.take_line();
        match command::parse(&line, self.form) {
            Ok(tagged) if tagged.command.is_legal_in(self.state) => {
                if self.is_logged_in() {
                    self.bad_commands = 0;
                }
                self.begin(tagged.tag.clone(), Mode::Busy);
                return Step::Event(Event::Command(tagged));
            }
            Ok(tagged) => {
                let text = format!("{} is not possible in this state", tagged.command.name());
                self.reject(Some(tagged.tag), &Answer::bad(text));
            }
            Err(_) if self.is_browser(&line) => {}
            Err(error) => self.reject(command::tag_of(&line), &error.answer()),
        }
        Step::Again
    }

    /// Whether a line that is no command was sent by a web browser, which then is told to go.
    fn is_browser(&mut self, line: &[u8]) -> bool {
        let is_browser = !self.is_logged_in() && is_http(line);
        if is_browser {
            let text = "this is no web server";
            self.refused = Some(text.into());
            self.bye(None, text);
        }
        is_browser
    }

    pub(super) fn begin(&mut self, tag: Tag, mode: Mode) {
        self.tag = Some(tag);
        self.mode = mode;
    }

    /// Answers a command that is no command; too many of them end the connection.
    pub(super) fn reject(&mut self, tag: Option<Tag>, answer: &Answer<'_>) {
        response::answer(&mut self.output, tag.as_ref(), answer);
        self.refused = Some(answer.text.clone().into_owned().into());
        if answer.status == Status::Bad {
            self.bad_commands += 1;
        }
        if self.bad_commands >= BAD_COMMANDS_MAX {
            self.bye(None, "Too many bad commands");
        }
    }

    fn literal_announced(&mut self, announced: Announced) -> Step {
        let head = self.line.before(announced);
        if self.is_logged_in() {
            match append::head(head, self.form) {
                append::Head::Message(tag, append) => return self.append_asked(tag, append, announced),
                append::Head::Wrong(error) => return self.refuse_announced(announced, &error.answer()),
                append::Head::Other => (),
            }
        }
        let fits = announced.octets.and_then(|n| usize::try_from(n).ok()).filter(|n| {
            let line = self.line.octets.len() + b"\r\n".len();
            let literals = self.line.literal_octets.saturating_add(*n);
            line.saturating_add(*n) <= self.command_octets_max()
                && (self.is_logged_in() || literals <= LITERAL_OCTETS_BEFORE_LOGIN_MAX)
        });
        let Some(octets) = fits else {
            return self.refuse_announced(announced, &Answer::bad("literal too large").code(Code::TooBig));
        };
        if announced.form == LiteralForm::Waits {
            response::continuation(&mut self.output, "send the literal");
        }
        self.line.octets.extend_from_slice(b"\r\n");
        self.line.literal_octets += octets;
        self.mode = Mode::Literal { left: octets };
        Step::Again
    }

    /// Ends the command at a literal that is not wanted.
    pub(super) fn refuse_announced(&mut self, announced: Announced, answer: &Answer<'_>) -> Step {
        let line = self.take_line();
        self.reject(command::tag_of(&line), answer);
        self.mode = match announced.form {
            LiteralForm::Waits => Mode::Command,
            LiteralForm::Sends => self.drained(announced.octets.unwrap_or(u64::MAX)),
        };
        Step::Again
    }

    pub(super) fn literal(&mut self, left: usize) -> Step {
        let range = self.input.take(left);
        let left = left - range.len();
        self.line.octets.extend_from_slice(self.input.slice(range));
        if left > 0 {
            self.mode = Mode::Literal { left };
            return Step::Wait;
        }
        self.line.segment = self.line.octets.len();
        self.mode = Mode::Command;
        Step::Again
    }

    /// The mode in which `octets` that nobody wants are passed over; if there are too many, the connection ends.
    pub(super) fn drained(&mut self, octets: u64) -> Mode {
        let max = if self.is_logged_in() { self.limits.append_octets_max } else { DRAIN_OCTETS_BEFORE_LOGIN_MAX };
        self.drain_within(octets, max)
    }

    fn drain_within(&mut self, octets: u64, budget: u64) -> Mode {
        match budget.checked_sub(octets) {
            Some(budget) => Mode::Drain { left: octets, budget },
            None => {
                if !self.closing {
                    self.bye(Some(&Code::TooBig), "literal too large");
                }
                Mode::Command
            }
        }
    }

    pub(super) fn drain(&mut self, left: u64, budget: u64) -> Step {
        let range = self.input.take(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - range.len() as u64;
        self.mode = Mode::Drain { left, budget };
        if left > 0 {
            return Step::Wait;
        }
        match self.gather() {
            Gathered::Wait => return Step::Wait,
            Gathered::TooLong(next) => self.mode = next,
            Gathered::Complete => {
                self.mode = match self.line.announced() {
                    Some(Announced { octets, form: LiteralForm::Sends, .. }) => {
                        self.drain_within(octets.unwrap_or(u64::MAX), budget)
                    }
                    _ => Mode::Command,
                };
            }
        }
        self.take_line();
        Step::Again
    }

    pub(super) fn skip_line(&mut self, left: usize) -> Step {
        let (skipped, complete) = self.input.take_line();
        match left.checked_sub(skipped.len()) {
            None => self.bye(None, "the line is endless"),
            Some(left) if !complete => {
                self.mode = Mode::SkipLine { left };
                return Step::Wait;
            }
            Some(_) => self.mode = Mode::Command,
        }
        Step::Again
    }

    pub(super) fn auth_line(&mut self) -> Step {
        use base64::Engine;
        // Too long is too long also where the whole line is there at once.
        let (next, fits) = match self.gather() {
            Gathered::Wait => return Step::Wait,
            Gathered::TooLong(next) => (next, false),
            Gathered::Complete => (Mode::Command, true),
        };
        let line = self.take_line();
        let response = base64::engine::general_purpose::STANDARD.decode(&line).ok();
        match response.filter(|_| fits) {
            Some(response) => {
                self.mode = Mode::Busy;
                Step::Event(Event::AuthResponse(Secret::new(response)))
            }
            None => {
                let text = if line == b"*" { "AUTHENTICATE cancelled" } else { "AUTHENTICATE: expected base64" };
                self.break_off(next, text);
                Step::Event(Event::AuthCancelled)
            }
        }
    }

    pub(super) fn idle_line(&mut self) -> Step {
        let next = match self.gather() {
            Gathered::Wait => return Step::Wait,
            Gathered::TooLong(next) => next,
            Gathered::Complete => Mode::Command,
        };
        if self.take_line().eq_ignore_ascii_case(b"DONE") {
            self.mode = Mode::Busy;
            return Step::Event(Event::IdleDone);
        }
        self.break_off(next, "IDLE: expected DONE");
        Step::Event(Event::IdleBroken)
    }

    /// The command in progress ends with BAD, because what the client sent in it is wrong.
    pub(super) fn break_off(&mut self, next: Mode, text: &str) {
        self.mode = next;
        let tag = self.tag.take();
        self.reject(tag, &Answer::bad(text));
    }
}
